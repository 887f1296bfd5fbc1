#!/usr/bin/python3
"""CSV and TSV tables, and sets of scikit-learn, as HDF5 files.
Run: ctest --preset dev -R analysis.import_table"""
import os

import numpy as np

import ddpm_analysis
import import_table
from case import DATA, MISSING, Case, run
from skipped import main


class ImportTable(Case):
    def convert(self, name, text, *arguments):
        output = self.path("out.h5")
        done = run("import_table.py", self.write(name, text), "--output", output, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return ddpm_analysis.read_table(output)

    def test_header_label_and_quotes(self):
        table = self.convert("a table.csv", 'a,"b, c",kind\n1,2.5,"no, never"\n-3,4e-2,yes\n5,6,yes\n',
                             "--label", "kind")
        self.assertEqual(table.values.dtype, np.float32)
        np.testing.assert_array_equal(table.values, np.float32([[1, 2.5], [-3, 0.04], [5, 6]]))
        self.assertEqual((table.columns, table.classes), (["a", "b, c"], ["no, never", "yes"]))
        self.assertEqual(table.label.tolist(), [0, 1, 1])

    def test_without_header_and_tabs(self):
        table = self.convert("a.tsv", "1\t2\n3\t0.1\n", "--float64")
        self.assertEqual((table.columns, table.label), (["x1", "x2"], None))
        self.assertEqual(table.values.tolist(), [[1, 2], [3, 0.1]])

    def test_semicolons_byte_order_mark_and_drop(self):
        text = "\ufeffname;\u00e9nergie;n\nbob;1.5;10\neve;2.5;9\n"
        table = self.convert("a.csv", text, "--drop", "name", "--label", "n")
        self.assertEqual((table.columns, table.values.tolist()), (["\u00e9nergie"], [[1.5], [2.5]]))
        self.assertEqual((table.classes, table.label.tolist()), (["9", "10"], [1, 0]), "not in the order of values")

    def test_many_chunks(self):
        rows, chunk = 1000, import_table.CHUNK_CELLS
        path = self.write("big.csv", "a,b,c\n" + "".join(f"{i},{i * 2},k{i % 3}\n" for i in range(rows)))
        import_table.CHUNK_CELLS = 99
        self.addCleanup(setattr, import_table, "CHUNK_CELLS", chunk)
        self.assertEqual(import_table.import_csv(path, self.path("big.h5"), "c"), (rows, 2))
        table = ddpm_analysis.read_table(self.path("big.h5"))
        np.testing.assert_array_equal(table.values[:, 1], 2 * np.arange(rows))
        np.testing.assert_array_equal(table.label, np.arange(rows) % 3)
        self.write("big.csv", "a,b,c\n" + "1,2,k\n" * 700 + "1,NA,k\n")
        with self.assertRaisesRegex(ddpm_analysis.BadData, "row 701, column 'b': missing"):
            import_table.import_csv(path, self.path("other.h5"), "c")
        self.assertFalse(os.path.exists(self.path("other.h5")))

    def test_bundled_set_through_csv(self):
        from sklearn.datasets import load_digits
        digits = load_digits()
        table, csv_, output = self.path("digits.csv"), "--to-csv", self.path("digits.h5")
        self.assertEqual(run("import_table.py", "--sklearn", "digits", csv_, table).returncode, 0)
        self.assertEqual(run("import_table.py", table, "--label", "label", "--output", output).returncode, 0)
        read = ddpm_analysis.read_table(output)
        np.testing.assert_array_equal(read.values, digits.data)
        np.testing.assert_array_equal(read.label, digits.target)
        self.assertEqual(read.classes, [str(digit) for digit in range(10)])
        self.assertEqual(read.columns, digits.feature_names)

    def test_every_bundled_set(self):
        sets = {"wine": ((178, 13), 3), "breast_cancer": ((569, 30), 2), "diabetes": ((442, 11), None)}
        for name, (shape, classes) in sets.items():
            self.assertEqual(run("import_table.py", "--sklearn", name, "--output", self.path("set.h5")).returncode, 0)
            table = ddpm_analysis.read_table(self.path("set.h5"))
            self.assertEqual((table.values.shape, len(table.columns)), (shape, shape[1]))
            self.assertEqual(table.classes and len(table.classes), classes)

    def test_refusals(self):
        def refuse(text, *expected, arguments=()):
            self.assert_fails(DATA, expected, "import_table.py", self.write("bad.csv", text),
                              "--output", self.path("bad.h5"), *arguments)
            self.assertFalse(os.path.exists(self.path("bad.h5")))
        refuse("a,b\n1,2\n3,\n", "row 2", "column 'b'", "missing value")
        refuse("a,b\n1,nan\n", "row 1", "column 'b'", "missing value")
        refuse("a,b\n1,red\n", "row 1", "column 'b'", "text 'red'", "--label", "--drop")
        refuse("a,b\n1,inf\n", "column 'b'", "not a finite number")
        refuse("a,b\n1,1e300\n", "column 'b'", "--float64")
        refuse("a,b\n1,2\n3\n", "row 2", "1 fields, expected 2")
        refuse("a,b\n", "no rows")
        refuse("", "empty")
        refuse("a,b\n1,2\n", "no column 'c'", "a, b", arguments=("--label", "c"))
        refuse("a,b\n1,\n", "row 1", "column 'b'", "missing label", arguments=("--label", "b"))
        self.assert_fails(MISSING, ["gone.csv"], "import_table.py", self.path("gone.csv"),
                          "--output", self.path("bad.h5"))


if __name__ == "__main__":
    main()
