#!/usr/bin/python3
"""Tables with columns of different kinds, as h5py and pandas write them: what `ddpm info` says of them, the same bits
of a training at any number of ranks, and what is refused, in one line that names the file, the column and what helps.

Run: ctest --preset dev -R cli.tables
"""
import unicodedata

import h5py
import numpy as np
import pandas as pd

from program import SMALL, Case, settings
from skipped import main

ROWS = 1200
DATA, CONFIG = 65, 78
QUICK = {"data.source": "hdf5", "training.iterations": 20, "run.report_every": 10, "training.validate_every": 10}


class Tables(Case):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(1)
        self.columns = {
            "weight": np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(size=ROWS)),
            "age": rng.integers(17, 91, ROWS).astype("i4"),
            "cut": rng.integers(0, 3, ROWS).astype("i1"),
            "city": np.array(["Bonn", "Aachen", ""])[rng.integers(0, 3, ROWS)]}

    def table(self, name, **changes):
        """A group of columns; a change of None leaves one out."""
        path = self.path(name)
        cuts = h5py.enum_dtype({"Fair": 0, "Good": 1, "Ideal": 2}, "i1")
        with h5py.File(path, "w") as file:
            group = file.create_group("table", track_order=True)
            for column, values in {**self.columns, **changes}.items():
                kind = cuts if column == "cut" and values.ndim == 1 else None
                kind = h5py.string_dtype() if values.dtype.kind in "UO" else kind
                group.create_dataset(column, data=values.astype(object) if values.dtype.kind == "U" else values,
                                     dtype=kind)
        return path

    def dry(self, path, **values):
        return self.ddpm("train", self.config(), *settings({**QUICK, "data.path": path, **values}), "--dry-run")

    def refused(self, path, code=DATA, says=(), **values):
        self.fails(code, "train", self.config(), *settings({**QUICK, "data.path": path, **values}), "--dry-run",
                   says=[path, *says])

    def test_what_is_said(self):
        path = self.table("table.h5")
        for text in (self.ddpm("info", path).stdout, str(self.dry(path))):
            for words in ("number (float64): ", " % gaps", "number (int32): 74 values from 17 to 90; no gaps",
                          "category (enumeration): 3 names: ", "category (text): 2 names: ", "Aachen "):
                self.assertIn(words, text)

    def test_names_of_any_letters_stay_aligned(self):
        """What follows a name begins at one cell of the terminal, where Chinese letters take two."""
        names = ["größe", "価格", "e\u0301t\u00e9", "of twenty-four letters .", "plain"]
        path = self.table("table.h5", **{name: self.columns["age"] for name in names})
        said = self.ddpm("info", path).stdout.splitlines()
        for name in names:
            for line in (line for line in said if name in line):
                before = line.partition("number (int32)")[0].partition("1200")[0]
                cells = sum(1 + (unicodedata.east_asian_width(letter) == "W") - (unicodedata.combining(letter) > 0)
                            for letter in before)
                self.assertEqual(cells, 34, line)

    def test_rounded_numbers_are_named(self):
        numbers = np.arange(ROWS, dtype="u8") + 2 ** 63
        warned = self.dry(self.table("large.h5", age=numbers)).warnings()
        self.assertEqual(1, len(warned), warned)
        self.assertIn("column 1 (from 0, age): whole numbers beyond 2^53 are rounded", warned[0])
        warned = self.dry(self.table("larger.h5", age=numbers, beta=numbers, gamma=numbers)).warnings()
        self.assertEqual(1, len(warned), warned)
        self.assertIn("column 1 (from 0, age) and 2 more: whole numbers", warned[0])

    def test_digits_of_a_type(self):
        path = self.table("cents.h5", weight=np.round(self.columns["age"] / 100, 2).astype("f4"))
        self.assertIn("values from 0.17 to 0.9;", self.ddpm("info", path).stdout)
        path = self.table("numbers.h5", weight=(self.columns["age"] + 12345600).astype("f4"))
        self.assertIn("values from 12345617 to 12345690;", self.ddpm("info", path).stdout)

    def test_other_writers(self):
        """A structured array of h5py, and a data frame of pandas, whose index is no column."""
        frame = pd.DataFrame({**self.columns, "is_new": self.columns["age"] < 40})
        frame.to_hdf(self.path("pandas.h5"), "table", format="table", data_columns=True)
        shown = self.ddpm("info", self.path("pandas.h5")).stdout
        self.assertIn("table is a table of 1200 rows and 5 columns", shown)
        self.assertIn("category (enumeration): 2 names: FALSE ", shown)
        self.assertIn("category (text): 2 names: ", shown)
        records = np.zeros(ROWS, [("age", "i4"), ("city", "S8"), ("is_new", "?")])
        records["age"], records["city"] = self.columns["age"], self.columns["city"]
        records["is_new"] = self.columns["age"] < 40
        with h5py.File(self.path("records.h5"), "w") as file:
            file["data"] = records
        self.assertIn("category (enumeration): 2 names: FALSE ", str(self.dry(self.path("records.h5"))))
        frame.to_hdf(self.path("blocks.h5"), "table", format="table")
        self.refused(self.path("blocks.h5"), says=["values_block_0", "data_columns=True"])

    def test_same_bits(self):
        path = self.table("table.h5")
        for ranks in (1, 2, 3):
            self.train(self.config(), self.path(f"run{ranks}"), {**QUICK, "data.path": path}, ranks=ranks)
            self.assert_same_bits(self.path("run1", "checkpoints", "latest.h5"),
                                  self.path(f"run{ranks}", "checkpoints", "latest.h5"))

    def test_refusals(self):
        self.refused(self.table("short.h5", age=self.columns["age"][:-1]),
                     says=["column 'age' of 'table' has 1199 rows, but column 'weight' has 1200", "data.columns"])
        self.refused(self.table("square.h5", cut=np.zeros((ROWS, 2))), says=["column 'cut'", "2 dimensions"])
        self.refused(self.table("infinite.h5", weight=np.full(ROWS, np.inf)), says=["'weight'", "infinite"])
        ages = self.columns["age"].astype("u8")
        large = self.table("large.h5", age=np.where(ages < 30, np.uint64(2**64 - 1), ages))
        with h5py.File(large, "a") as file:
            file["table/age"].attrs["gap"] = np.uint64(2**64 - 1)
        self.refused(large, says=["column 'age' of 'table'", "attribute gap", "2^63"])
        names = self.path("names.h5")
        with h5py.File(names, "w") as file:
            file.create_dataset("table/name", data=[f"{i}" for i in range(65537)], dtype=h5py.string_dtype())
        self.refused(names, says=["column 'name' of 'table'", "65536 different texts", "data.columns"])
        table = self.table("table.h5")
        self.refused(table, CONFIG, ["can be given when sampling"], **{"data.condition": "[cut]"})
        self.refused(table, says=["'table' has no column 'colour'"], **{"data.columns": "[colour]"})
        self.fails(CONFIG, "train", self.config(), *settings({**QUICK, "data.path": table}), "--dry-run", "--set",
                   "diffusion.process=gaussian", says=["diffusion.process: expected masked or auto for a table"])

    def test_columns_without_information(self):
        """A column of gaps alone, and one of a single value, are warned of, and are no error."""
        path = self.table("constant.h5", weight=np.full(ROWS, np.nan), city=np.array(["Bonn"] * ROWS))
        self.assertTrue(any("2 of 4 columns are constant" in line for line in self.dry(path).warnings()))

    def test_another_table(self):
        """A run goes on only with its own table: the column that differs is named."""
        path = self.table("table.h5")
        run = self.train(self.config(), self.path("run"), {**QUICK, "data.path": path})
        self.table("table.h5", city=np.array(["Ulm" if city == "Bonn" else city for city in self.columns["city"]]))
        self.fails(DATA, "train", self.config(), *settings({**SMALL, **QUICK, "data.path": path}), "--output", run,
                   says=["'city' has other names"])


if __name__ == "__main__":
    main()
