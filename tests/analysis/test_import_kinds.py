#!/usr/bin/python3
"""Tables of other kinds than text, each written by the library that people write it with.
Run: ctest --preset dev -R analysis.import_kinds"""
import importlib.util
import unittest
import warnings

import h5py
import numpy as np
import pandas

import ddpm_analysis
from case import DATA, MISSING, Case, run
from ddpm_analysis.hdf5 import put_names
from skipped import main

ROWS = 12
COUNT = np.arange(ROWS)
KINDS = ["cat", "dog", "cat"] * 4


class Kinds(Case):
    def imported(self, name, *arguments):
        done = run("import_table.py", self.path(name), "--output", self.path("out.h5"), "--plain", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.report = done.stdout
        table = ddpm_analysis.read_table(self.path("out.h5"))
        return dict(zip(table.columns, table.values.T.tolist()))

    def assert_columns(self, found, **wanted):
        self.assertEqual(list(found), list(wanted))
        for name, values in wanted.items():
            np.testing.assert_array_equal(found[name], values, name)

    def frame(self):
        return pandas.DataFrame({
            "x": np.where(COUNT == 3, np.nan, COUNT * 1.5), "kind": KINDS, "ok": COUNT > 5,
            "day": pandas.date_range("1970-01-02", periods=ROWS)})

    def test_frames_of_pandas(self):
        gap, mean = COUNT == 3, (COUNT.sum() - 3) * 1.5 / 11
        wanted = {"x": np.where(gap, mean, COUNT * 1.5).astype(np.float32), "x=gap": gap,
                  "kind=dog": [kind == "dog" for kind in KINDS], "ok": COUNT > 5, "day": 86400 * (COUNT + 1)}
        for how in ({"format": "fixed"}, {"format": "table"}):
            with self.subTest(how=how), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # fixed pickles its texts
                self.frame().to_hdf(self.path("frame.h5"), "df", mode="w", **how)
                self.assert_columns({name: np.float32(values) for name, values in
                                     self.imported("frame.h5").items()}, **wanted)
        frame = self.frame().assign(kind=pandas.Categorical(KINDS, ["dog", "cat", "cow"]))
        frame.to_hdf(self.path("frame.h5"), "df", mode="w", format="table", data_columns=["ok"])
        found = self.imported("frame.h5")
        self.assertEqual(found["kind=cow"], [0] * ROWS, "a category without rows is lost")
        self.assertEqual(found["kind=dog"], [kind == "dog" for kind in KINDS])

    def test_a_frame_runs_no_code(self):
        """Names are pickled in such files, and a pickle may call anything."""
        frame = self.frame()[["x", "ok"]]
        frame.to_hdf(self.path("frame.h5"), "df", mode="w", format="table")
        with h5py.File(self.path("frame.h5"), "a") as file:
            file["df/table"].attrs["values_block_0_kind"] = np.bytes_(b"cos\nsystem\n(S'touch " +
                                                                      self.path("ran").encode() + b"'\ntR.")
        self.assert_fails(DATA, ["no part of a list of names"], "import_table.py", self.path("frame.h5"),
                          "--output", self.path("out.h5"))

    def test_compound_of_pytables(self):
        import tables

        class Event(tables.IsDescription):
            x = tables.Float64Col(pos=0)
            kind = tables.EnumCol({"cat": 5, "dog": -9}, "cat", "int8", pos=1)
            pair = tables.Int32Col(shape=(2,), pos=2)
            name = tables.StringCol(5, pos=3)
        with tables.open_file(self.path("events.h5"), "w") as file:
            table = file.create_table("/run", "events", Event, createparents=True)
            for i, kind in enumerate(KINDS):
                table.row["x"], table.row["kind"], table.row["pair"] = i / 4, {"cat": 5, "dog": -9}[kind], [i, 2 * i]
                table.row["name"] = f"n{i % 3}"
                table.row.append()
        dog = [kind == "dog" for kind in KINDS]
        self.assert_columns(self.imported("events.h5"), x=COUNT / 4, **{
            "kind=cat": np.logical_not(dog), "pair[0]": COUNT, "pair[1]": 2 * COUNT, "name=n0": COUNT % 3 == 0,
            "name=n1": COUNT % 3 == 1, "name=n2": COUNT % 3 == 2})

    def test_structured_array_and_group_of_columns(self):
        kind = [name == "dog" for name in KINDS]
        with h5py.File(self.path("both.h5"), "w") as file:
            file["rows"] = np.array(list(zip(COUNT, COUNT / 2, [name.encode() for name in KINDS])),
                                    [("n", "i8"), ("f", "f4"), ("kind", "S3")])
            group = file.create_group("columns")
            group["x"], group["ok"], group["word"] = COUNT / 3, COUNT > 3, KINDS
            group.create_dataset("kind", data=kind, dtype=h5py.enum_dtype({"cat": 0, "dog": 1}, "i1"))
            file["odd"] = np.zeros(5)
        self.assert_columns(self.imported("both.h5:rows"), n=COUNT, f=COUNT / 2, **{"kind=dog": kind})
        self.assert_columns(self.imported("both.h5"), **{"kind=dog": kind, "ok": COUNT > 3, "word=dog": kind,
                                                         "x": COUNT / 3})
        self.assertIn("not taken: /odd of 5 rows, /rows of 12 rows", self.report)
        self.assert_fails(DATA, ["no table 'none'", "/rows of 12 rows"], "import_table.py", self.path("both.h5:none"),
                          "--output", self.path("out.h5"))

    def test_array_with_names_twice(self):
        with h5py.File(self.path("array.h5"), "w") as file:
            file["data"], file["label"] = COUNT.reshape(4, 3), [7, 7, -1, 8]
            put_names(file["data"], "columns", ["a", "b", "a"])
        self.assert_columns(self.imported("array.h5", "--drop", "a"), b=[1, 4, 7, 10], label=[7, 7, -1, 8])
        self.imported("array.h5", "--label", "label")
        with h5py.File(self.path("out.h5")) as file:
            self.assertEqual(file["label"][:].tolist(), [1, 1, 0, 2])
            self.assertEqual(file["label"].attrs["classes"].tolist(), [b"-1", b"7", b"8"])
            self.assertEqual(file["data"].attrs["columns"].tolist(), [b"a", b"b", b"a.2"])

    def test_texts_and_names_in_two_dimensions(self):
        with h5py.File(self.path("wide.h5"), "w") as file:
            file.create_dataset("pairs", data=[[kind, str(number)] for kind, number in zip(KINDS, COUNT)],
                                dtype=h5py.string_dtype())
            file.create_dataset("states", data=np.stack([COUNT % 2, np.where(COUNT < 5, 1, 7)], axis=1),
                                dtype=h5py.enum_dtype({"off": 0, "on": 1, "lost": 7}, basetype="i1"))
        self.assert_columns(self.imported("wide.h5"), **{
            "pairs[0]=dog": [kind == "dog" for kind in KINDS], "pairs[1]": COUNT,
            "states[0]=off": 1 - COUNT % 2, "states[0]=on": COUNT % 2, "states[0]=lost": 0 * COUNT,
            "states[1]=off": 0 * COUNT, "states[1]=on": COUNT < 5, "states[1]=lost": COUNT >= 5})

    def test_whole_numbers_beyond_those_with_a_sign(self):
        numbers = np.uint64(2**63) + COUNT.astype("u8") // 2
        with h5py.File(self.path("large.h5"), "w") as file:
            file["data"] = np.stack([numbers, COUNT.astype("u8") % 5], axis=1)
        self.imported("large.h5", "--number", "data")
        with h5py.File(self.path("out.h5")) as file:
            np.testing.assert_array_equal(file["data"][:, 0], numbers)
        with h5py.File(self.path("large.h5"), "w") as file:
            file["id"], file["x"] = numbers, COUNT * 1.5
        self.assertEqual(0, run("import_table.py", self.path("large.h5"), "--output", self.path("out.h5")).returncode)
        with h5py.File(self.path("out.h5")) as file:
            np.testing.assert_array_equal(file["table/id"], numbers)

    def test_conventions_of_netcdf(self):
        import netCDF4
        with netCDF4.Dataset(self.path("clouds.nc"), "w") as file:
            file.createDimension("time", None)
            file.createDimension("two", 2)

            def variable(name, kind, values, dimensions=("time",), fill=None, **attributes):
                made = file.createVariable(name, kind, dimensions, fill_value=fill)
                made.set_auto_maskandscale(False)
                made.setncatts(attributes)
                made[:] = values
            variable("time", "f8", COUNT / 2, units="days since 1900-01-01")
            packed = np.where(COUNT == 2, -32768, np.where(COUNT == 5, 500, COUNT * 10)).astype("i2")
            variable("height", "i2", packed, fill=-32768, scale_factor=0.5, add_offset=100.0,
                     valid_range=np.array([-200, 200], "i2"))
            variable("byte", "i1", np.where(COUNT == 1, -1, -COUNT - 4).astype("i1"), _Unsigned="true",
                     missing_value=np.int8(-1))
            variable("pair", "f4", np.where(COUNT[:, None] == [4, 40], -99, COUNT[:, None] * [1, 2]), ("time", "two"),
                     missing_value=np.float32(-99))
            variable("flag", "i1", COUNT % 2 + 1, flag_values=np.array([1, 2], "i1"), flag_meanings="good bad")
            variable("late", "f4", COUNT[:3] + 1)
        found = self.imported("clouds.nc")
        height, late = found["height"], found["late"]
        self.assertEqual((np.flatnonzero(found["height=gap"]).tolist(), np.flatnonzero(found["late=gap"]).tolist()),
                         ([2, 5], list(range(3, ROWS))))
        np.testing.assert_array_equal(np.delete(height, [2, 5]), np.delete(100 + 5 * COUNT, [2, 5]))
        self.assertEqual(late[:3], [1, 2, 3])
        self.assertEqual(np.flatnonzero(found["byte=gap"]).tolist(), [1])
        np.testing.assert_array_equal(np.delete(found["byte"], 1), np.delete(252 - COUNT, 1))
        self.assertEqual(np.flatnonzero(found["pair[0]=gap"]).tolist(), [4])
        self.assertNotIn("pair[1]=gap", found)
        np.testing.assert_array_equal(found["flag=bad"], COUNT % 2)
        self.assertIn("obeyed: _FillValue, valid_range, scale_factor, add_offset", self.report)
        with h5py.File(self.path("bad.nc"), "w") as file:
            file["x"] = COUNT
            file["x"].attrs["scale_factor"] = "two"
        self.assert_fails(DATA, ["/x: attribute 'scale_factor' is ['two']"], "import_table.py", self.path("bad.nc"),
                          "--output", self.path("out.h5"))

    def test_fill_value_of_hdf5(self):
        with h5py.File(self.path("fill.h5"), "w") as file:
            file.create_dataset("x", (ROWS,), "f4", fillvalue=-9999)[:9] = COUNT[:9]
        self.assertEqual(self.imported("fill.h5")["x=gap"], [0] * 9 + [1] * 3)

    def test_a_gap_of_another_program(self):
        """What `ddpm` means by this attribute, it means in its own tables alone."""
        with h5py.File(self.path("gap.h5"), "w") as file:
            for name, gap in (("a", 5), ("b", "5 mm")):
                file[f"slit/{name}"] = COUNT
                file[f"slit/{name}"].attrs["gap"] = gap
        self.assertEqual({"a", "b"}, set(self.imported("gap.h5")))

    def test_matlab(self):
        import hdf5storage
        hdf5storage.savemat(self.path("a.mat"), {
            "X": np.arange(3.0 * ROWS).reshape(ROWS, 3), "y": COUNT[:, None] / 8, "flag": COUNT[:, None] > 5,
            "label": np.array(KINDS, object)[:, None], "row": COUNT[None] + 3.5}, format="7.3")
        found = self.imported("a.mat")
        np.testing.assert_array_equal(found["X[1]"], 1 + 3 * COUNT)
        np.testing.assert_array_equal(found["y"], COUNT / 8)
        np.testing.assert_array_equal(found["flag"], COUNT > 5)
        np.testing.assert_array_equal(found["row"], COUNT + 3.5)
        self.assertEqual(found["label=dog"], [kind == "dog" for kind in KINDS])

    def test_anndata(self):
        import anndata
        import scipy.sparse
        counts = (COUNT[:, None] * [1, 2, 3]) % 5
        obs = pandas.DataFrame({"cell": pandas.Categorical(KINDS), "q": COUNT / 2}, index=[f"c{i}" for i in COUNT])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for matrix in (np.array, scipy.sparse.csr_matrix, scipy.sparse.csc_matrix):
                anndata.AnnData(matrix(counts.astype("f4")), obs, pandas.DataFrame(index=["g1", "g2", "g3"])).write(
                    self.path("a.h5ad"))
                self.assert_columns(self.imported("a.h5ad"), g1=counts[:, 0], g2=counts[:, 1], g3=counts[:, 2],
                                    **{"cell=dog": [kind == "dog" for kind in KINDS], "q": COUNT / 2})

    def test_nexus(self):
        with h5py.File(self.path("scan.nxs"), "w") as file:
            file.attrs["default"] = "entry"
            entry = file.create_group("entry")
            entry.attrs.update(NX_class="NXentry", default="data")
            entry["frame"], entry["title"] = np.zeros((50, 50)), "a scan"
            data = entry.create_group("data")
            data.attrs.update(NX_class="NXdata", signal="counts", axes="angle")
            data["counts"], data["angle"] = COUNT % 5, COUNT / 4 + 1
            data["angle"].attrs["units"] = "degree"
        self.assert_columns(self.imported("scan.nxs"), angle=COUNT / 4 + 1, counts=COUNT % 5)
        self.assertIn("in degree", self.report)

    def test_filters(self):
        """lzf is h5py's own; PyTables writes Blosc, which a plug-in reads."""
        import tables
        values = np.arange(300.0).reshape(100, 3)
        with h5py.File(self.path("lzf.h5"), "w") as file:
            file.create_dataset("data", data=values, compression="lzf")
        with tables.open_file(self.path("blosc.h5"), "w") as file:
            file.create_carray("/", "data", obj=values, filters=tables.Filters(5, "blosc"))
        for name in ("lzf.h5", "blosc.h5"):
            np.testing.assert_array_equal(self.imported(name)["data[2]"], values[:, 2])

    def test_what_is_left_out_is_named(self):
        with h5py.File(self.path("odd.h5"), "w") as file:
            file["x"] = COUNT / 2
            file["z"] = COUNT + 1j
            file.create_dataset("lists", (ROWS,), h5py.vlen_dtype("f4"))
            file["links"] = np.array([file["x"].ref] * ROWS, h5py.ref_dtype)
        self.assertEqual(list(self.imported("odd.h5")), ["x", "z.real", "z.imag"])
        for column, said in (("lists", "arrays of variable length"), ("links", "references")):
            self.assertRegex(self.report, f"{column} +{said} +left out")
        self.h5("opaque.h5", blob=np.frombuffer(b"12345678" * 9, "V8"))
        self.assert_fails(DATA, ["it holds opaque bytes, and no numbers or texts"], "import_table.py",
                          self.path("opaque.h5"), "--output", self.path("none.h5"))

    @unittest.skipUnless(any(map(importlib.util.find_spec, ("pyarrow", "fastparquet"))),
                         "neither pyarrow nor fastparquet is a package of Debian 12")
    def test_parquet(self):
        self.frame().assign(n=pandas.array([None, *COUNT[1:]], "Int64")).to_parquet(self.path("a.parquet"))
        found = self.imported("a.parquet")
        self.assertEqual(list(found), ["x", "x=gap", "kind=dog", "ok", "day", "n", "n=gap"])
        self.assertEqual(found["n"][1:], COUNT[1:].tolist())
        pandas.read_parquet(self.path("a.parquet")).to_csv(self.path("table.csv"), index=False)  # the advice without it
        self.assertEqual(list(self.imported("table.csv")), list(found))

    def test_parquet_without_its_library(self):
        if any(map(importlib.util.find_spec, ("pyarrow", "fastparquet"))):
            return
        with open(self.path("a.parquet"), "wb") as file:
            file.write(b"PAR1" + bytes(20) + b"PAR1")
        self.assert_fails(MISSING, ["pyarrow", "to_csv"], "import_table.py", self.path("a.parquet"))


if __name__ == "__main__":
    main()
