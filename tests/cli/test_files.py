#!/usr/bin/python3
"""HDF5 files that other programs made: attributes, links and conventions of their own; names that YAML would not read.
Run: ctest --preset dev -R cli.files
"""
import re
import shlex
import shutil
import subprocess

import h5py
import numpy as np

from program import SMALL, Case, read_h5, run_script, settings
from skipped import main

DATA = 65
QUICK = {**SMALL, "training.iterations": 20, "training.validate_every": 0}


class Files(Case):
    def setUp(self):
        super().setUp()
        self.rows = np.random.default_rng(1).normal(size=(60, 2)).astype("f4")

    def dry(self, path, values=(), **more):
        words = {**QUICK, "data.source": "hdf5", "data.path": path, **dict(values)}
        return self.ddpm("train", self.config(), *settings(words), "--dry-run", **more)

    def test_attribute_of_another_program(self):
        """The attribute 'columns' that is no list of names: columns have numbers, and one line says why."""
        for foreign, why in ((["a", "b", "c"], "3 names for 2 columns"), (7, "no list of texts"),
                             ("a", "1 names for 2"), (np.array([1.5, 2.5]), "no list of texts"),
                             (h5py.Empty("S1"), "0 names for 2 columns"), (h5py.Empty("f4"), "no list of texts"),
                             (np.zeros((3, 2), [("x", "f4")]), "no list of texts")):
            with self.subTest(why=why):
                path = self.h5("foreign.h5", data=self.rows)
                with h5py.File(path, "a") as file:
                    file["data"].attrs["columns"] = foreign
                for result in (self.dry(path, {"data.columns": "[1]"}), self.ddpm("info", path)):
                    said = [line for line in result.warnings() if "attribute 'columns'" in line]
                    self.assertEqual(1, len(said), str(result))
                    self.assertIn(why, said[0])
        self.assertRegex(result.stdout, r"(?m)^  data +60 x 2$")

    def test_links(self):
        """Each is listed, with its target and whether that is there; none is followed."""
        self.h5("other.h5", data=self.rows)
        with h5py.File(self.path("links.h5"), "w") as file:
            file["real/data"] = self.rows
            file["real/circle"] = file["/"]
            for name, target in (("soft", "/real/data"), ("real/near", "data"), ("dangling", "/absent"),
                                 ("self", "/self"), ("one", "/two"), ("two", "/one")):
                file[name] = h5py.SoftLink(target)
            for name, target in (("outer", ("other.h5", "/data")), ("lost", ("absent.h5", "/data")),
                                 ("empty", ("other.h5", "/absent")), ("again", ("links.h5", "/again"))):
                file[name] = h5py.ExternalLink(*target)
        shown = self.ddpm("info", self.path("links.h5")).stdout
        for line in ("soft -> /real/data (soft link)", "real/near -> data (soft link)",
                     "dangling -> /absent (soft link; the target is not there)",
                     "self -> /self (soft link; the target is not there)",
                     "one -> /two (soft link; the target is not there)",
                     "outer -> other.h5:/data (external link)",
                     "lost -> absent.h5:/data (external link; the target is not there)",
                     "empty -> other.h5:/absent (external link; the target is not there)",
                     "again -> links.h5:/again (external link; the target is not there)"):
            name, rest = line.split(" ", 1)
            self.assertIn(f"  {name:<31} {rest}\n", shown)
        self.assertEqual(1, shown.count("60 x 2"), shown)
        self.dry(self.path("links.h5"), {"data.dataset": "soft"})

    def test_conventions(self):
        """Numbers that stand for no value, or for others, are refused where they are met, and the tool that is named
        obeys them; what says nothing of these rows is no error."""
        whole = np.round(100 * self.rows).astype("i4")
        whole[17, 1] = -999
        for attributes, says in (({"_FillValue": np.int32(-999)}, "stands for no value"),
                                 ({"missing_value": [5e6, -999.0]}, "stands for no value"),
                                 ({"valid_range": [-900, 900]}, "beyond the dataset's valid range"),
                                 ({"valid_min": -900}, "valid range"), ({"scale_factor": 0.5}, "'scale_factor'"),
                                 ({"add_offset": 3}, "'add_offset'"), ({"_Unsigned": "true"}, "'_Unsigned'"),
                                 ({"_FillValue": -1000, "scale_factor": 1.0, "add_offset": 0, "_Unsigned": "false",
                                   "valid_min": -999, "missing_value": np.nan}, None)):
            with self.subTest(attributes=attributes):
                path = self.h5("rules.h5", data=whole, kind=whole[:, 1])
                for dataset, values in (("data", {}), ("kind", {"data.dataset": "rows", "data.condition": "[kind]"})):
                    with h5py.File(path, "a") as file:
                        file[dataset].attrs.update(attributes)
                        if dataset == "kind":
                            file["rows"] = self.rows
                    words = settings({**QUICK, "data.source": "hdf5", "data.path": path, **values})
                    if says is None:
                        self.ddpm("train", self.config(), *words, "--dry-run")
                    else:
                        row = ["row 17", "-999"] if " " in says else []
                        failed = self.fails(DATA, "train", self.config(), *words, "--dry-run",
                                            says=[says, f"'{dataset}'", *row])
                        if dataset == "data" and {"_FillValue", "scale_factor"} & set(attributes):
                            self.assertIn(f"'analysis/import_table.py {path}'", failed.stderr)
                            made = self.path(f"obeyed-{min(attributes)}.h5")
                            self.assertEqual(0, (done := run_script("import_table.py", path, "--plain", "--output",
                                                                    made)).code, str(done))
                            self.dry(made)
        with h5py.File(self.path("own.h5"), "w") as file:
            file.create_dataset("data", (60, 2), "f4", chunks=(20, 2), fillvalue=-1)[:20] = self.rows[:20]
        failed = self.fails(DATA, "train", self.config(), *settings({
            **QUICK, "data.source": "hdf5", "data.path": self.path("own.h5")}), "--dry-run", says=["row 20, column 0"])
        self.assertIn(f"'analysis/import_table.py {self.path('own.h5')}'", failed.stderr)
        made = run_script("import_table.py", self.path("own.h5"), "--output", self.path("made.h5"))
        self.assertEqual(0, made.code, str(made))
        self.dry(self.path("made.h5"))

    def test_large_chunks(self):
        """The command that the warning names makes chunks that are not warned of. Zeros are never written, which saves
        the time to compress them."""
        with h5py.File(self.path("large.h5"), "w") as file:
            file.create_dataset("my rows", (60, 2), "f8", chunks=(1 << 24 | 1 << 20, 2), maxshape=(None, 2),
                                compression=1)
        values = {"data.dataset": "my rows"}
        said = self.dry(self.path("large.h5"), values).stderr
        command = re.search(r"compressed chunks of 272 MiB.*: (h5repack .*) NEW\.h5", said)[1]
        done = subprocess.run([*shlex.split(command.replace(self.path("large.h5"), "")), self.path("large.h5"),
                               self.path("new.h5")], capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertNotIn("chunks", self.dry(self.path("new.h5"), values).stderr)

    def test_writer_that_did_not_finish(self):
        """The command that the message names makes the file readable."""
        with h5py.File(self.path("live.h5"), "w", libver="latest") as file:
            file.create_dataset("data", data=self.rows, maxshape=(None, 2))
            file.swmr_mode = True
            shutil.copy(self.path("live.h5"), self.path("left.h5"))
        self.fails(DATA, "info", self.path("left.h5"), says=["did not finish", "'h5clear -s'"])
        subprocess.run(["h5clear", "-s", self.path("left.h5")], check=True)
        self.dry(self.path("left.h5"))

    def test_no_table(self):
        """Where nothing in a file can be made rows of numbers, no tool is named."""
        for values, what in ((3.5, "it is a single number"), (np.zeros(9, "V8"), "opaque bytes")):
            path = self.h5("none.h5", data=values)
            failed = self.fails(DATA, "train", self.config(), *settings({**QUICK, "data.source": "hdf5",
                                                                         "data.path": path}), "--dry-run",
                                says=[f"({what}), and no dataset of the file does"])
            self.assertNotIn("import_table", failed.stderr)

    def test_bytes_of_texts(self):
        """A text of --set is what stands behind '=', whatever it means in YAML, and reads back from a resolved file."""
        for name in ("#refs#/x", "a #b", "GW150914: x", "[a", "'quoted'", "null", "~", "- a", "&a", "!x", "%y", " z ",
                     "a\nb", "ü\x85\ufeff", "\\n", '"', "1e3", "{}", "*"):
            with self.subTest(name=name):
                path = self.h5("x: y #z.h5", **{name: self.rows})
                self.dry(path, {"data.dataset": name})
                shown = self.ddpm("config", *settings({"data.source": "hdf5", "data.dataset": name,
                                                       "data.path": path})).stdout
                self.assertEqual(shown, self.ddpm("config", self.write("resolved.yaml", shown)).stdout)
        run_folder = self.train(self.config(), self.path("run"), {**QUICK, "run.name": "a", "data.source": "hdf5",
                                                                  "data.path": path, "data.dataset": name})
        self.ddpm("sample", run_folder, "--count", 3, "--output", self.path("s.h5"))
        self.assertEqual((3, 2), read_h5(self.path("s.h5"))["samples"].shape)


if __name__ == "__main__":
    main()
