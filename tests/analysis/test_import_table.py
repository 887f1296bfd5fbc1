#!/usr/bin/python3
"""Tables of text, and sets of scikit-learn, as HDF5 files.
Run: ctest --preset dev -R analysis.import_table"""
import gzip
import os
import re
import shlex
import subprocess
import sys

import h5py
import numpy as np

import ddpm_analysis
from case import DATA, MISSING, Case, run
from ddpm_analysis.hdf5 import get_names
from ddpm_analysis.tables import columns
from skipped import main


class ImportTable(Case):
    def imported(self, content, *arguments, name="a table.csv"):
        """Import a text, or bytes; the table, and in self.report what was printed."""
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        done = run("import_table.py", self.path(name), "--output", self.path("out.h5"), "--plain", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.report = done.stdout
        return ddpm_analysis.read_table(self.path("out.h5"))

    def assert_table(self, table, names, values):
        self.assertEqual(table.columns, names)
        np.testing.assert_array_equal(table.values, np.asarray(values, table.values.dtype))

    def line(self, column):
        """What the report says of a column."""
        return next(line for line in self.report.splitlines() if line.startswith(column + " "))

    def refuse(self, text, *expected, arguments=()):
        done = run("import_table.py", self.write("bad.csv", text), "--output", self.path("bad.h5"), "--plain",
                   *arguments)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (DATA, 1), done.stderr)
        for part in expected:
            self.assertIn(part, done.stderr)
        self.assertEqual([name for name in os.listdir(self.folder) if "bad.h5" in name], [])


class Cells(ImportTable):
    def test_categories_gaps_and_dates_with_only_the_path(self):
        rows = "".join(f"{i},{2 ** (i % 3) / 4},{'NA' if i % 5 == 0 else i * 3},{['red', 'blue', 'green'][i % 3]},"
                       f"{'yes' if i % 2 else 'no'},2020-01-{i + 1:02},name {i},,same\n" for i in range(20))
        table = self.imported("id,x,n,colour,good,day,who,empty,one\n" + rows)
        self.assertEqual(table.columns, ["x", "n", "n=gap", "colour=blue", "colour=green", "colour=red", "good=yes",
                                         "day"])
        n = np.array([0 if i % 5 == 0 else i * 3 for i in range(20)])
        np.testing.assert_array_equal(table.values[:, 1], np.where(n, n, np.rint(n[n > 0].mean())))
        np.testing.assert_array_equal(table.values[:, 2], n == 0)
        np.testing.assert_array_equal(table.values[:, 3:6].argmax(axis=1), [[2, 0, 1][i % 3] for i in range(20)])
        np.testing.assert_array_equal(table.values[:, 7], 18262 + np.arange(20))
        for column, said in (("id", "numbers the rows"), ("n", "filled with 30, and marked in n=gap"),
                             ("who", "as names are"), ("empty", "no values"), ("one", "'same' in each row"),
                             ("day", "days since 1970-01-01")):
            self.assertIn(said, self.line(column))
        self.assertTrue(self.report.splitlines()[-1].startswith("next: ddpm train /dev/null --set data.source=hdf5"))
        with h5py.File(self.path("out.h5")) as file:
            self.assertIn("numbers the rows", file["data"].attrs["import"])

    def test_the_run_has_a_name_that_it_may_have(self):
        for more in ([], ["--plain"]):
            done = run("import_table.py", self.write("a.csv", "x,y\n" + "1,a\n2,b\n" * 30), "--output",
                       self.path(".köln 1990-2020.v2.h5"), *more)
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertTrue(done.stdout.splitlines()[-1].endswith("run.name=_k_ln_1990-2020_v2"), done.stdout)

    def test_all_corrections_in_one_run(self):
        text = "zip,code,t,a,b,a\n" + "".join(f"{9990 + i % 2},{i % 3},{-999 if i == 4 else i},1,{i}?,{i}\n"
                                              for i in range(12))
        table = self.imported(text, "--category", "zip,code", "--gap", "t=-999", "--drop", "a", "--number", "b",
                              "--gaps", "mark")
        self.assertEqual(table.columns, ["zip=9991", "code=0", "code=1", "code=2", "t", "t=gap"])
        self.assertIn("no values", self.line("b"))
        self.assertIn("as told", self.line("a.2"))
        table = self.imported(text, "--gap", "-999", "--gaps", "rows", "--drop", "b", "--classes", "zip")
        self.assertEqual((table.columns, len(table.values)), (["code", "t", "a", "a.2"], 11))
        self.assertIn("data.condition=[zip]", self.report.splitlines()[-1])
        with h5py.File(self.path("out.h5")) as file:
            self.assertEqual(file["zip"][:3].tolist(), [0, 1, 0])
            self.assertEqual(get_names("classes", file["zip"]), ["9990", "9991"])
        self.refuse(text, "no column 'q', 'zpi'", "did you mean", arguments=["--drop", "q", "--label", "zpi"])

    def test_gaps_are_kept_for_completion(self):
        text = "x,kind\n1.5,a\n?,b\n3,a\n4,\n"
        self.imported("x,kind\n1.5,a\n2,b\n3,a\n4,b\n")
        with open(self.path("gaps.csv"), "w", encoding="utf-8") as file:
            file.write(text)
        self.assertEqual(run("import_table.py", self.path("gaps.csv"), "--gaps", "keep", "--output",
                             self.path("gaps.h5")).returncode, 0)
        with h5py.File(self.path("gaps.h5")) as file:
            np.testing.assert_array_equal(file["data"][:], [[1.5, 0], [np.nan, 1], [3, 0], [4, np.nan]])
            self.assertEqual(get_names("columns", file["data"]), ["x", "kind=b"])

    def test_ways_to_write_numbers(self):
        table = self.imported('a,b,c,d,e,f\n"1,234",5%,$3.50,1_10,1e3,\u22121\n'
                              '"12,000",6.5%,"$1,000.25",1_20,2.5D-1,+2\n"3,000",7%,$4,1_30,.5,3.\n')
        self.assert_table(table, ["a", "b", "c", "e", "f"],
                          [[1234, 5, 3.5, 1000, -1], [12000, 6.5, 1000.25, 0.25, 2], [3000, 7, 4, 0.5, 3]])
        self.assertIn("every one another", self.line("d"), "1_10 was taken for 110")
        self.assertIn("commas of thousands", self.line("a"))
        table = self.imported("a;b;c\n1.234,56;1,234;1 000\n2,5;1,5;2 000\n1.000;2,25;30\n")
        self.assert_table(table, list("abc"), [[1234.56, 1.234, 1000], [2.5, 1.5, 2000], [1000, 2.25, 30]])
        table = self.imported('a,b\n"1,234",1\n"2,345",2\n', "--decimal", ",")
        self.assert_table(table, ["a", "b"], np.float32([[1.234, 1], [2.345, 2]]))

    def test_numbers_in_parentheses_are_negative(self):
        table = self.imported('a,b,c,d\n1,(2.5),"($1,000)",(5)\n2,3,$20,4\n3,(4),$5,lost\n')
        np.testing.assert_array_equal(table.values[:, :3], [[1, -2.5, -1000], [2, 3, 20], [3, -4, 5]])
        self.assertIn("2 numbers in parentheses are negative", self.line("b"))
        self.assertIn("every one another", self.line("d"), "beside words they are words")

    def test_numbers_keep_their_digits(self):
        table = self.imported("a,b\n0.1,16777216\n2.5,-3\n")
        self.assertEqual(table.values.dtype, np.float32)
        for text in ("a\n16777217\n1\n", "a\n2460000.5123\n1\n", "a\n1e-60\n1\n", "a\n1e300\n2\n"):
            table = self.imported(text)
            self.assertEqual(table.values.tolist(), [[float(cell)] for cell in text.split()[1:]])
            self.assertEqual(table.values.dtype, np.float64)
        table = self.imported(f"a,b\n{2 ** 60 + 1},1\n{2 ** 60 + 2},2\n")
        self.assertEqual((table.values.dtype, table.values.tolist()), (np.int64, [[2 ** 60 + 1, 1], [2 ** 60 + 2, 2]]))
        table = self.imported(f"a,b\n{2 ** 60 + 1},1.5\n{2 ** 60 + 2},2\n")
        self.assertEqual(table.values.tolist(), [[0, 1.5], [1, 2]])
        self.assertIn(str(2 ** 60 + 1), self.line("a"))

    def test_codes_with_leading_zeros_are_no_numbers(self):
        table = self.imported("zip,n\n" + "".join(f"0{i % 3}139,0{i}\n" for i in range(12)))
        self.assertEqual(table.columns, ["zip=00139", "zip=01139", "zip=02139", "n"])
        self.assertIn("--category n keeps leading zeros", self.line("n"))

    def test_a_value_that_stands_for_a_gap_is_advised(self):
        self.imported("x,y\n" + "".join(f"{-200 if i % 4 == 0 else i},{i}\n" for i in range(40)))
        self.assertIn("--gap x=-200 if -200 (10 rows) stands for a gap", self.line("x"))

    def test_dates(self):
        for cells, values, unit in (
                (["2020-01-01T00:00:01Z", "2020-01-01T12:00:00Z"], [1577836801, 1577880000], "seconds"),
                (["1/31/2020", "2/1/2020"], [18292, 18293], "days"),
                (["31/1/2020", "1/2/2020"], [18292, 18293], "days"),
                (["31.01.20", "01.02.20"], [18292, 18293], "days"),
                (["Jan 5, 1970", "Feb 1, 1970"], [4, 31], "days"),
                (["1970Q1", "1970Q2"], [0, 90], "days"),
                (["2/1970", "03/1970"], [31, 59], "days"),
                (["1/31/2020 0:00", "2/1/2020 0:00"], [18292, 18293], "days"),
                (["2020-01-31 00:00:00", "2020-02-01 00:00:00"], [18292, 18293], "days"),
                (["00:10", "01:00"], [600, 3600], "seconds since midnight")):
            with self.subTest(cells=cells):
                table = self.imported("when;n\n" + "".join(f"{cell};{i}\n" for i, cell in enumerate(cells)))
                self.assertEqual(table.values[:, 0].tolist(), values)
                self.assertIn(unit, self.line("when"))
        table = self.imported("when,n\n1/2/2020,1\n3/4/2020,2\n")
        self.assertIn("--day-first", self.line("when"))
        self.assertEqual(table.values[0, 0], 18263)
        self.assertEqual(self.imported("when,n\n1/2/2020,1\n3/4/2020,2\n", "--day-first").values[0, 0], 18293)

    def test_what_only_looks_like_dates(self):
        """Times of a weekday, of a sunset; and one date in the other order, which is no reason to doubt --day-first."""
        days = ["Mon", "Tue", "Thu"]
        rows = [f"{days[i % 3]} {9 + i % 3}:00,Sunset 17:{10 + i},{1 + i % 9}/{1 + i % 8}/2020" for i in range(40)]
        rows[7] = "Mon 9:00,Sunset 17:00,12/31/2020"
        self.imported("shift,sun,day\n" + "\n".join(rows) + "\n", "--day-first")
        self.assertEqual([self.line(name).split()[1] for name in ("shift", "sun")], ["categories", "texts"])
        self.assertIn("'12/31/2020'", self.line("day"))
        self.imported("born,n\n5.12.45,1\n7.7.71,2\n")
        self.assertIn("2000 to 2068", self.line("born"))

    def test_dates_that_are_whole_numbers(self):
        days = [f"1970{month:02}{day:02}" for month in (1, 2) for day in range(1, 15)]
        values = [*range(14), *range(31, 45)]
        table = self.imported("when,n\n" + "".join(f"{day},{i}\n" for i, day in enumerate(days)))
        self.assertEqual(table.values[:, 0].tolist(), values)
        self.assertIn("--number when keeps the numbers", self.line("when"))
        rows = "".join(f"{day[2:]},{19700000 + i},{day[:6]}\n" for i, day in enumerate(days))
        table = self.imported("date,n,m\n" + rows, "--number", "m")
        self.assertEqual(table.values[:, 0].tolist(), values)
        self.assertEqual(table.values[:, 1].tolist(), list(range(19700000, 19700028)))
        self.assertEqual(table.values[0, 2], 197001)

    def test_many_categories_become_class_codes(self):
        table = self.imported("town,x\n" + "".join(f"t{i % 60:02},{i}.5\n" for i in range(240)))
        self.assertEqual(table.columns, ["x"])
        self.assertIn("class codes in /town", self.line("town"))
        with h5py.File(self.path("out.h5")) as file:
            np.testing.assert_array_equal(file["town"][:], np.arange(240) % 60)
            self.assertEqual(len(get_names("classes", file["town"])), 60)


class Layouts(ImportTable):
    def test_years_above_numbers_are_names(self):
        """They lie within the range of what is below them."""
        years = "1999,2000,2001"
        rows = "".join(f"{i},c{i % 3},{745 + i},{2666 * i},{80488 - i}\n" for i in range(1, 30))
        table = self.imported(f"id,country,{years}\n{rows}", "--plain")
        self.assertEqual(table.columns[-3:], years.split(","))
        rows = "".join(f"{i},c{i % 3},{1990 + i},{1991 + i},{1995 + i}\n" for i in range(1, 30))
        self.assertEqual(len(self.imported(rows, "--plain").values), 29)

    def test_header_label_and_quotes(self):
        table = self.imported('a,"b, c",kind\n1,2.5,"no, never"\n-3,4e-2,yes\n5,6,yes\n', "--label", "kind")
        self.assert_table(table, ["a", "b, c"], [[1, 2.5], [-3, 0.04], [5, 6]])
        self.assertEqual((table.classes, table.label.tolist()), (["no, never", "yes"], [0, 1, 1]))
        next_line = self.report.splitlines()[-1]
        self.assertIn("data.condition=[label]", next_line)
        words = [os.environ.get("DDPM", "ddpm"), *shlex.split(next_line.removeprefix("next: "))[1:], "--dry-run"]
        done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_encodings_and_compression(self):
        text = "name;\u00e9nergie;n\r\nbob;1.5;10\r\neve;2.5;9\r\n"
        for content in (text.encode("utf-8-sig"), text.encode("utf-16"), text.encode("utf-16-le"),
                        text.encode("latin-1"), gzip.compress(text.encode())):
            table = self.imported(content, "--drop", "name", "--label", "n")
            self.assert_table(table, ["\u00e9nergie"], [[1.5], [2.5]])
            self.assertEqual((table.classes, table.label.tolist()), (["9", "10"], [1, 0]), "not in the order of values")

    def test_tabs_bars_and_aligned_columns(self):
        for text in ("1\t2\n3\t0.1\n", "1|2\n3|0.1\n", "   1      2\n   3    0.1\n"):
            self.assert_table(self.imported(text, "--float64"), ["x1", "x2"], [[1, 2], [3, 0.1]])

    def test_savetxt(self):
        for delimiter in (" ", ","):
            np.savetxt(self.path("saved"), np.arange(6).reshape(3, 2) / 4, delimiter=delimiter,
                       header=delimiter.join(["first", "second"]), comments="# made today\n# ")
            with open(self.path("saved"), "rb") as file:
                self.assert_table(self.imported(file.read()), ["first", "second"], np.arange(6).reshape(3, 2) / 4)

    def test_lines_before_the_table_and_units(self):
        table = self.imported("Measured by A. B.\n\nt,x,y\n[s],[m],[m]\n" + "".join(f"{i}.5,{i},2\n" for i in range(9)))
        self.assertEqual((table.columns, len(table.values)), (["t", "x", "y"], 9))
        self.assertIn("2 lines before the table", self.report)
        self.assertIn("units: the second line", self.report)

    def test_notes_below_the_table(self):
        rows = "".join(f"town {i},{i}.5,{i},2\n" for i in range(1, 9))
        notes = "=====\nNotes\n\n\"1 - of 2019, by county\"\nSource: the towns, 2020\n"
        table = self.imported("town,t,x,y\n" + rows + notes)
        self.assert_table(table, ["t", "x", "y"], [[i + 0.5, i, 2] for i in range(1, 9)])
        self.assertIn("4 lines below the table ('=====...')", self.report)
        aligned = "".join(f"{1900 + i}   {i}.5  {i}.5  2.5\n" for i in range(9))
        self.assertEqual(self.imported("year a b c\n" + aligned + "-------\nData since 1909 change.\n").values.shape,
                         (9, 4))
        self.assertEqual(len(self.imported("town,t,x,y\n" + rows + "town 9,,,\n").values), 9)

    def test_comments_within_the_table(self):
        rows = "".join(f"n{i % 3},{i},{i / 2}\n" for i in range(30))
        for comment in ("# break", "# a break, of two, parts", "// a break", "% break,"):
            table = self.imported(f"name,x,y\n{rows}{comment}\n{rows}")
            self.assertEqual((len(table.values), table.columns[-2:]), (60, ["x", "y"]), comment)
            self.assertIn("1 comment line within the table", self.report)
        table = self.imported("x y\n" + "1 2\n3 4\n" * 9 + "# break\n" + "5 6\n" * 9)
        self.assertEqual((len(table.values), table.columns), (27, ["x", "y"]))
        table = self.imported("tag,x\n" + "#1,2\n#b,3\nc,4\n#N/A,\n" * 9)
        self.assertEqual(len(table.values), 36)

    def test_a_line_that_names_the_delimiter(self):
        for line in ("sep=;\n", '"sep=;"\r\n'):
            table = self.imported(line + "a;b\n1,5;2\n3,5;4\n")
            self.assert_table(table, ["a", "b"], [[1.5, 2], [3.5, 4]])
            self.assertIn("names the delimiter", self.report)

    def test_header_or_row(self):
        data = "5.1,3.5,setosa\n4.9,3.0,setosa\n6.0,3.1,virginica\n5.0,3.2,virginica\n"
        self.assertEqual(len(self.imported(data).values), 4, "the first row was taken for a header")
        self.assertIn("header: none", self.report)
        spectra = "400,410,420,430\n" + "".join(f"0.{i}1,0.{i}2,0.{i}3,0.{i}4\n" for i in range(1, 9))
        table = self.imported(spectra)
        self.assertEqual((table.columns, len(table.values)), (["400", "410", "420", "430"], 8))
        self.assertIn("--no-header", self.report)
        self.assertEqual(len(self.imported(spectra, "--no-header").values), 9)
        self.assertEqual(self.imported("1,2\n3,4\n5,6\n", "--header").columns, ["1", "2"])
        words = "low,high\nvhigh,low\nlow,high\nvhigh,high\nvhigh,low\nlow,low\n"
        self.assertEqual(len(self.imported(words).values), 6)
        table = self.imported('"","y","week"\n"1","y",0\n"2","y",2\n"3","n",4\n"4","n",11\n')
        self.assertEqual(table.columns, ["y=y", "week"])
        self.assertEqual(self.imported('"","0","1"\n"a",27,29\n"b",59,53\n"a",28,32\n"b",19,14\n').columns,
                         ["column1=b", "0", "1"])
        self.assertEqual(self.imported("buying,price\n" + words).columns, ["buying=vhigh", "price=low"])

    def test_row_names_of_r(self):
        table = self.imported('"a" "b"\n"1" 1.5 2\n"2" 3.5 4\n"7" 5 6\n')
        self.assert_table(table, ["a", "b"], [[1.5, 2], [3.5, 4], [5, 6]])
        self.assertEqual(self.imported('"rownames","a"\n"1",1.5\n"2",3.5\n"7",5\n').columns, ["a"])

    def test_numbers_that_name_something(self):
        self.imported("subject,x\n" + "".join(f"{i % 12},{i}.5\n" for i in range(36)))
        self.assertIn("--drop subject if it only names", self.line("subject"))
        self.refuse("id,name\n1,ann\n2,bea\n3,cis\n", "no column is left", "--category name")

    def test_columns_of_one_name(self):
        table = self.imported("a,b,a,a.2\n1,2,3,4\n5,6,7,8\n")
        self.assertEqual(table.columns, ["a", "b", "a.3", "a.2"])
        self.assertIn("'a' stands for several columns", self.line("a.3"))
        self.assertEqual(self.imported("a,b,a\n1,2,3\n5,6,7\n", "--drop", "a").columns, ["b"])
        self.assertEqual(self.imported("a,b,a\n1,2,3\n5,6,7\n", "--drop", "a.2").columns, ["a", "b"])
        self.refuse("a,b,a\n1,2,3\n", "several columns are called 'a'", arguments=["--label", "a"])

    def test_many_chunks(self):
        cells, columns.CHUNK_CELLS = columns.CHUNK_CELLS, 99
        self.addCleanup(setattr, columns, "CHUNK_CELLS", cells)
        table = self.imported("a,b,c\n" + "".join(f"{i},{'NA' if i == 500 else i * 2},k{i % 3}\n" for i in range(1000)),
                              "--label", "c")
        self.assertEqual(table.columns, ["a", "b", "b=gap"])
        self.assertEqual(np.flatnonzero(table.values[:, 2]).tolist(), [500])
        np.testing.assert_array_equal(np.delete(table.values[:, 1], 500), np.delete(2 * np.arange(1000), 500))
        np.testing.assert_array_equal(table.label, np.arange(1000) % 3)

    def test_refusals(self):
        self.refuse("a,b\n1,2\n3,4,5\n6,7\n", "line 3 has 3 cells", "--skip-lines")
        self.assertEqual(len(self.imported("a,b\n1,2\n3,4,5\n6,7\n", "--skip-lines").values), 2)
        self.assertIn("left out: 1 line with too many cells", self.report)
        self.refuse("a,b\n", "no rows")
        self.refuse("", "empty")
        self.refuse("who\n" + "".join(f"n{i}\n" for i in range(9)), "no column is left to model", "--category who")
        self.assert_fails(MISSING, ["gone.csv"], "import_table.py", self.path("gone.csv"))
        for content, said in ((b"PK\x03\x04 and so on", "spreadsheet"), (b"CDF\x01and so on", "nccopy -k netCDF-4"),
                              (b"PAR1" + bytes(9), "Parquet")):
            with open(self.path("other"), "wb") as file:
                file.write(content)
            done = run("import_table.py", self.path("other"))
            self.assertIn(done.returncode, (DATA, MISSING))
            self.assertIn(said, done.stderr)

    def test_commands_of_refusals(self):
        """What a refusal says to run makes a file that is read."""
        import netCDF4
        with netCDF4.Dataset(self.path("old.nc"), "w", format="NETCDF3_CLASSIC") as file:
            file.createDimension("n", 9)
            file.createVariable("x", "f4", ("n",))[:] = np.arange(9) / 2
        np.save(self.path("array.npy"), np.arange(20.0).reshape(10, 2))
        self.write("holes.csv", "a,b\n" + "1,2\n" * 9 + "3,\0\0\n")
        self.write("places.txt", "    a    b    c\n" + "  1.5    2    3\n  2.5         4\n" * 5)
        os.chdir(self.folder)
        self.addCleanup(os.chdir, "/")
        for name, pattern, made in (("holes.csv", r"zero, as in no text; remove such bytes: (cat .*)", "mended.csv"),
                                    ("places.txt", r"2 of 3 cells; .* with commas: (python3 .*)", "columns.csv"),
                                    ("old.nc", r"convert it with: (nccopy .*)", "new.nc"),
                                    ("array.npy", r"write it with h5py: (h5py.*)", "new.h5"),
                                    ("who.csv", r"next: (import_table.py .*)", "who.h5")):
            self.write("who.csv", "who\n" + "".join(f"n{i}\n" for i in range(9)))
            command = re.search(pattern, run("import_table.py", self.path(name)).stderr)[1]
            if name == "array.npy":
                command = shlex.join([sys.executable, "-c", "import h5py, numpy; " + command])
            elif name == "who.csv":
                self.assertEqual(run(*shlex.split(command)).returncode, 0)
                continue
            command = re.sub("^python3", shlex.quote(sys.executable), command)
            done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            done = run("import_table.py", made, "--output", f"{name}-made.h5")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"\.h5: .* 10 rows x 3" if name == "places.txt" else r"rows x")

    def test_output_beside_nothing_of_the_users(self):
        os.chdir(self.folder)
        self.addCleanup(os.chdir, "/")
        self.write("t.csv", "a,b\n1,2\n3,4\n")
        for _ in range(2):
            self.assertEqual(run("import_table.py", "t.csv").returncode, 0)
        self.h5("t.h5", mine=np.zeros(3))
        self.assert_fails(DATA, ["t.h5 is there already"], "import_table.py", "t.csv")
        self.assert_fails(DATA, ["the table itself"], "import_table.py", "t.h5", "--output", "t.h5")


class Bundled(ImportTable):
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
            self.assertEqual(0, run("import_table.py", "--sklearn", name, "--plain", "--output",
                                    self.path("set.h5")).returncode)
            table = ddpm_analysis.read_table(self.path("set.h5"))
            self.assertEqual((table.values.shape, len(table.columns)), (shape, shape[1]))
            self.assertEqual(table.classes and len(table.classes), classes)


if __name__ == "__main__":
    main()
