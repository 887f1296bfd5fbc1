#!/usr/bin/python3
"""A table of mixed columns goes into HDF5 and comes out as it was, and so do samples that the program writes.
Run: ctest --preset dev -R analysis.mixed_table"""
import os

import h5py
import numpy as np
import pandas
from pandas.testing import assert_frame_equal

import ddpm_analysis
from case import DATA, Case
from ddpm_analysis.frames import date_numbers, is_dates, read_frame
from ddpm_analysis.hdf5 import attributes_of, get_names, put_names
from skipped import main

ROWS = 300


def mixed_frame():
    rng = np.random.default_rng(1)
    count = np.arange(ROWS)
    return pandas.DataFrame({
        "price": np.where(count % 7 == 0, np.nan, np.round(rng.normal(size=ROWS), 3)),
        "rooms": rng.integers(1, 9, ROWS),
        "year": pandas.array(np.where(count % 5 == 0, None, 1900 + count % 90), dtype="Int64"),
        "cut": np.array(["Good", "Fair", "Ideal"])[rng.integers(0, 3, ROWS)],
        "zip": np.array(["01234", "10115"])[rng.integers(0, 2, ROWS)],
        "sold": pandas.Timestamp("2020-01-01") + pandas.to_timedelta(rng.integers(0, 500, ROWS), "D"),
        "seller": np.where(count % 3 == 0, None, np.array(["a; b", "weiß"])[rng.integers(0, 2, ROWS)])})


def attributes_of_column(path, name):
    with h5py.File(path) as file:
        return attributes_of(file[f"table/{name}"])


class Mixed(Case):
    def imported(self, *arguments):
        mixed_frame().to_csv(self.path("in.csv"), index=False)
        self.report = self.assert_works("import_table.py", self.path("in.csv"), "--output", self.path("in.h5"),
                                        *arguments)
        return self.path("in.h5")

    def read_csv(self, name):
        return pandas.read_csv(self.path(name), dtype={"zip": str}, parse_dates=["sold"])

    def test_export_gives_the_table_back(self):
        path = self.imported()
        self.assertLess(os.path.getsize(path), 60000, "each column of few rows takes a whole chunk")
        self.assert_works("export_table.py", path, "--output", self.path("out.csv"))
        assert_frame_equal(self.read_csv("out.csv"), self.read_csv("in.csv"))
        with open(self.path("out.csv"), encoding="utf-8") as out, open(self.path("in.csv"), encoding="utf-8") as given:
            self.assertEqual(out.read(), given.read())
        with self.assertRaises(AssertionError):  # the comparison sees a single cell
            frame = self.read_csv("in.csv")
            frame.loc[3, "rooms"] += 1
            assert_frame_equal(self.read_csv("out.csv"), frame)

    def test_cells_of_several_lines(self):
        """In the header, too; none of them becomes a row or a line of the report."""
        text = 'n,"na\nme"\n' + "".join(f'{i},"{"ab"[i % 2]}\nc"\n' for i in range(60))
        path = self.write("lines.csv", text)
        said = self.assert_works("import_table.py", path, "--output", self.path("lines.h5"))
        self.assertIn("60 rows x 2 columns", said)
        self.assert_works("export_table.py", self.path("lines.h5"), "--output", self.path("again.csv"))
        with open(self.path("again.csv"), encoding="utf-8") as file:
            self.assertEqual(text, file.read())

    def test_numbers_with_dates_and_times_come_back(self):
        """They are a table, too: an array has no place for what its numbers count."""
        for clock in ("{0:02}:{1:02}", "{0:02}:{1:02}:30", "{0:02}:{1:02}:00.250000"):
            rows = [f"2021-0{1 + i % 9}-1{i % 7},{clock.format(i % 24, i % 60)},{i}\n" for i in range(40)]
            text = "day,clock,n\n" + "".join(rows)
            self.assert_works("import_table.py", self.write("times.csv", text), "--output", self.path("times.h5"))
            self.assert_works("export_table.py", self.path("times.h5"), "--output", self.path("again.csv"))
            with open(self.path("again.csv"), encoding="utf-8") as file:
                self.assertEqual(text, file.read())

    def test_dates_come_back_as_they_were_written(self):
        """One table with a column for each form; the program hands the form on to samples."""
        times = [pandas.Timestamp("2019-01-05 09:05") + pandas.Timedelta(hours=35 * i) for i in range(200)]
        forms = ["%d/%m/%Y", "%-m/%-d/%Y", "%d.%m.%y", "%d %b %Y", "%d-%^b-%Y", "%b %-d, %Y", "%B %d, %Y", "%b-%Y",
                 "%Y%m%d", "%Y-%m-%dT%H:%M:%SZ", "%m/%d/%Y %I:%M:%S %p", "%-m/%-d/%y %H:%M", "%-I:%M %P", "%YM%m",
                 "%Y/%m/%d", "%A, %B %-d, %Y", "%a, %d %b %Y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y", "%b. %d, %Y",
                 "%d%^b%Y:%H:%M:%S", "%d/%b/%Y:%H:%M:%S +0000", "%d-%m-%Y %H:%M", "%Y-%m-%d %I:%M:%S %p",
                 "%Y-%m-%dT%H:%M:%S+02:00", "%Y-%m-%dT%H:%M:00.250Z", "%Y%m%d%H%M%S", "%b-%y", "Q1 %Y",
                 "%Y\u5e74%m\u6708%d\u65e5"]
        columns = [[time.strftime(form) for time in times] for form in forms]
        columns.append([f"{time.year}-Q{time.quarter}" if time.day > 3 else "" for time in times])
        columns.append([time.strftime("%Y-%m-%d") if time.day > 3 else "" for time in times])
        header = ",".join(f"c{i}" for i in range(len(columns)))
        lines = [",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in zip(*columns)]
        text = f"{header},n\n" + "".join(f"{line},{i % 9}\n" for i, line in enumerate(lines))
        said = self.assert_works("import_table.py", self.write("forms.csv", text), "--output", self.path("forms.h5"))
        self.assertEqual(said.count("s since "), len(columns), said)
        self.assert_works("export_table.py", self.path("forms.h5"), "--output", self.path("again.csv"))
        with open(self.path("again.csv"), encoding="utf-8") as file:
            self.assertEqual(text, file.read())
        with h5py.File(self.path("forms.h5"), "a") as file:     # of what is no date, or is no form of a date
            for name in ("n", "c0"):
                file[f"table/{name}"].attrs["format"] = "F8.3"
        self.assert_works("export_table.py", self.path("forms.h5"), "--output", self.path("again.csv"))
        self.assertEqual(pandas.read_csv(self.path("again.csv"))["c0"][0], "2019-01-05")

    def comes_back(self, columns):
        """Import and export give the table of these columns, a list of cells each, to the letter; the report."""
        rows = zip(*columns)
        text = "".join(",".join(f'"{cell}"' if "," in cell else cell for cell in row) + f",{i % 7}\n"
                       for i, row in enumerate(rows))
        text = ",".join(f"c{i}" for i in range(len(columns))) + ",n\n" + text
        said = self.assert_works("import_table.py", self.write("back.csv", text), "--output", self.path("back.h5"))
        for path in (self.path("back.h5"), self.path("twice.h5")):
            self.assert_works("export_table.py", path, "--output", self.path("again.csv"))
            with open(self.path("again.csv"), encoding="utf-8") as file:
                self.assertEqual(text, file.read())
            self.assert_works("import_table.py", self.path("back.h5"), "--output", self.path("twice.h5"))
        return said

    def test_durations_come_back_as_they_were_written(self):
        spans = [pandas.Timedelta(seconds=977 * i + i % 2 * 0.25) for i in range(200)]
        whole = [span.floor("s") for span in spans]

        def clock(span, form="{}:{:02}:{:02}"):
            minutes, seconds = divmod(int(span.total_seconds()), 60)
            return form.format(minutes // 60, minutes % 60, seconds)
        columns = [[str(span) for span in spans], [str(span.to_pytimedelta()) for span in whole],
                   [str(pandas.Timedelta(days=i - 3)) for i in range(200)], [str(-span) for span in spans],
                   [clock(span) for span in whole], [clock(span, "{:02}:{:02}:{:02}.50") for span in whole],
                   [span.isoformat() for span in whole], [f"PT{5 * i}M" for i in range(200)],
                   [f"PT{i}.5S" if i % 2 else f"PT{i}S" for i in range(200)],
                   ["" if i % 9 == 0 else f"P{i % 5 + 1}DT{1 + i % 23}H" for i in range(200)],
                   [f"{7 * i % 80}:{11 * i % 60:02}" for i in range(200)],
                   [f"{i % 20:02}:{11 * i % 60:02}.{7 * i:04}" for i in range(200)],
                   [f"1:{i % 60:02}:{i % 50:02}" if i % 3 else f"{i % 60}:{i % 50:02}" for i in range(200)]]
        said = self.comes_back(columns)
        self.assertEqual(said.count(" duration "), len(columns), said)
        with h5py.File(self.path("back.h5")) as file:
            for name in ("c0", "c4"):
                np.testing.assert_array_equal(file[f"table/{name}"][:], [span.total_seconds() for span in
                                                                         (spans if name == "c0" else whole)])
            self.assertEqual(file["table/c4"].dtype, np.int64)
            np.testing.assert_array_equal(file["table/c10"][:], [7 * i % 80 * 60 + 11 * i % 60 for i in range(200)])
            np.testing.assert_allclose(file["table/c11"][:], [i % 20 * 60 + 11 * i % 60 + 7e-4 * i for i in range(200)])
            np.testing.assert_array_equal(file["table/c12"][:], [(i % 3 > 0) * 3600 + i % 60 * 60 + i % 50
                                                                 for i in range(200)])
        for name, form in (("c7", "PTM"), ("c10", "M:SS"), ("c11", "MM:SS.ffff"), ("c12", "[H:]M:SS")):
            self.assertEqual(attributes_of_column(self.path("back.h5"), name), {"units": "seconds", "format": form})
        self.assertIn("if they are hours and minutes", said)
        # of two readings, none: months or minutes; and what is a time of day
        cells = [(f"{i % 24}:{i % 2}0", f"P{1 + i % 9}M", f"{i % 24}:00:0{i % 9}") for i in range(200)]
        self.assertNotIn("duration", self.comes_back([list(column) for column in zip(*cells)]))

    def test_weeks_and_months_of_other_languages(self):
        days = [pandas.Timestamp("2019-12-30") + pandas.Timedelta(days=7 * i) for i in range(200)]
        months = ["Januar Februar M\u00e4rz April Mai Juni Juli August September Oktober November Dezember",
                  "janvier f\u00e9vrier mars avril mai juin juillet ao\u00fbt septembre octobre novembre d\u00e9cembre",
                  "ENE FEB MAR ABR MAY JUN JUL AGO SEP OCT NOV DIC",
                  "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
                  "jan fev mar abr mai jun jul ago set out nov dez",
                  "januari februari maart april mei juni juli augustus september oktober november december"]
        forms = ["{d}. {m} {y}", "{d} {m} {y}", "{d:02}-{m}-{y}", "{m} {y}", "{d:02}/{m}/{y}", "{d} {m}, {y}"]
        columns = [[form.format(d=day.day, m=names.split()[day.month - 1], y=day.year) for day in days]
                   for form, names in zip(forms, months)]
        columns += [[day.strftime("%G-W%V") for day in days], [day.strftime("%GW%V") for day in days],
                    [f"{day.day} de {months[2].split()[day.month - 1].lower()} de {day.year}" for day in days],
                    [(day - pandas.Timedelta(days=12000)).strftime("%d-%m-%y") for day in days]]
        said = self.comes_back(columns)
        self.assertEqual(said.count("days since 1970-01-01"), len(columns), said)
        self.assertEqual(attributes_of_column(self.path("back.h5"), "c6"), {"units": "days since 1970-01-01",
                                                                            "format": "%G-W%V"})
        # of several readings none, unless the user says which; names that are no months
        unsure = [[day.strftime("%d-%m-%y") for day in days[:50] * 4], [f"jui {day.year}" for day in days],
                  [f"Out-{10 + i % 30}" for i in range(200)]]
        self.assertNotIn("s since", self.comes_back(unsure))
        self.assertIn("days since", self.assert_works("import_table.py", self.path("back.csv"), "--day-first",
                                                      "--output", self.path("back.h5")))

    def test_what_is_no_duration_or_week_is_told(self):
        late = [f"{40 + i // 60}:{i % 60:02}:00" for i in range(12000)] + ["1 day 3 h 5 min"] * 900
        said = self.assert_works("import_table.py", self.write("late.csv", "t,n\n" + "".join(
            f"{text},{i % 7}\n" for i, text in enumerate(late))), "--output", self.path("late.h5"))
        self.assertIn("'1 day 3 h 5 min' and texts like it are gaps", said)
        weeks = [f"20{10 + i % 9}-W{1 + i % 50:02}" for i in range(199)] + ["2021-W53"]
        huge = [f"{9999999999 * i} days" for i in range(200)]
        said = self.assert_works("import_table.py", self.write("weeks.csv", "w,d,n\n" + "".join(
            f"{week},{days},{i % 7}\n" for i, (week, days) in enumerate(zip(weeks, huge)))), "--output",
                                 self.path("weeks.h5"))
        self.assertIn("1 text ('2021-W53') taken for gaps", said)
        self.assertNotIn("duration", said)

    def test_few_texts_among_durations_are_gaps(self):
        for form in ("{}:{:02}", "{}:{:02}:00", "PT{}M{}S"):
            times = [form.format(25 + i % 30, i % 60) for i in range(200)]
            text = "time,of,n\n" + "".join(f"{'DNF' if i % 20 == 0 else time},{'ab'[i % 2]},{i % 7}\n"
                                           for i, time in enumerate(times))
            said = self.assert_works("import_table.py", self.write("race.csv", text), "--output", self.path("r.h5"))
            self.assertIn("10 texts ('DNF') taken for gaps; --category time keeps the texts", said)
            self.assert_works("export_table.py", self.path("r.h5"), "--output", self.path("again.csv"))
            with open(self.path("again.csv"), encoding="utf-8") as file:
                self.assertEqual(text.replace("DNF", ""), file.read())

    def test_dates_before_1677(self):
        """Which pandas does not hold."""
        days = [np.datetime64("0987-03-05") + 1777 * i for i in range(200)]
        texts = [str(day) for day in days]
        parts = [text.split("-") for text in texts]
        columns = [texts, ["" if i % 9 == 0 else text for i, text in enumerate(texts)],
                   [f"{int(day)} {'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()[int(month) - 1]} {year}"
                    for year, month, day in parts],
                   [f"{day}.{month}.{year}" for year, month, day in parts],
                   [f"{text} {i % 24:02}:{i % 60:02}:30" for i, text in enumerate(texts)],
                   [f"{text}T{i % 24:02}:{i % 60:02}:30.125+02:00" for i, text in enumerate(texts)]]
        said = self.comes_back(columns)
        self.assertEqual(said.count("s since 1970-01-01"), len(columns), said)
        with h5py.File(self.path("back.h5")) as file:
            for name in ("c0", "c2", "c3"):
                np.testing.assert_array_equal(file[f"table/{name}"][:], [day.astype(int) for day in days])
            np.testing.assert_array_equal(file["table/c4"][:], [
                day.astype(int) * 86400 + i % 24 * 3600 + i % 60 * 60 + 30 for i, day in enumerate(days)])
        frame = read_frame(self.path("back.h5"))
        self.assertTrue(all(map(is_dates, (frame[f"c{i}"] for i in range(6)))))
        seconds = date_numbers(frame["c1"])
        np.testing.assert_array_equal(seconds[1:9], [day.astype(int) * 86400.0 for day in days[1:9]])
        self.assertTrue(np.isnan(seconds[::9]).all())
        few = ["0001-01-01" if i % 20 == 0 else str(day) for i, day in enumerate(days[150:] * 4)]
        text = "when,of,n\n" + "".join(f"{cell},{'ab'[i % 2]},{i % 7}\n" for i, cell in enumerate(few))
        self.assertIn("10 texts ('0001-01-01') taken for gaps", self.assert_works(
            "import_table.py", self.write("few.csv", text), "--output", self.path("few.h5")))

    def test_quarters_of_seconds_are_quarters(self):
        times = [f"2019-01-{1 + i % 28:02} 10:00:0{i % 10}.{i % 4 * 25:02}" for i in range(200)]
        text = "when,of,n\n" + "".join(f"{time},{'ab'[i % 2]},{i % 7}\n" for i, time in enumerate(times))
        self.assert_works("import_table.py", self.write("q.csv", text), "--output", self.path("q.h5"))
        with h5py.File(self.path("q.h5")) as file:
            self.assertTrue((file["table/when"][:] * 4 % 1 == 0).all())

    def test_few_texts_among_dates_are_gaps_and_durations_are_no_times(self):
        dates = [f"{1 + i % 28}-Mar-20{10 + i % 9}" for i in range(200)]
        for stray in ("9999-12-31", "0000-00-00", "unknown"):
            cells = [stray if i % 20 == 0 else date for i, date in enumerate(dates)]
            text = "when,of,n\n" + "".join(f"{cell},{'ab'[i % 2]},{i % 7}\n" for i, cell in enumerate(cells))
            said = self.assert_works("import_table.py", self.write("strays.csv", text), "--output", self.path("s.h5"))
            self.assertIn(f"10 texts ('{stray}') taken for gaps; --category when keeps the texts", said)
            self.assert_works("export_table.py", self.path("s.h5"), "--output", self.path("again.csv"))
            with open(self.path("again.csv"), encoding="utf-8") as file:
                self.assertEqual(text.replace(stray, ""), file.read())
        text = "lap,left,n\n" + "".join(f"{i % 30}:{i % 2}0,Mar {10 + i % 9},{i % 7}\n" for i in range(200))
        said = self.assert_works("import_table.py", self.write("laps.csv", text), "--output", self.path("laps.h5"))
        self.assertNotIn("s since ", said)

    def test_whole_numbers_beside_others_stay_whole(self):
        for n, x, kinds in (("{0}", "{0}.5", "if"), ("{0}", "{0}", None), ("{0}.25", "{0}.5", None)):
            text = "n,x\n" + "".join(f"{n.format(i)},{x.format(i % 7)}\n" for i in range(40))
            self.assert_works("import_table.py", self.write("kinds.csv", text), "--output", self.path("kinds.h5"))
            with h5py.File(self.path("kinds.h5")) as file:
                self.assertEqual(list(file), ["table" if kinds else "data"])
                if kinds:
                    self.assertEqual("".join(file["table"][name].dtype.kind for name in "nx"), kinds)

    def test_columns_have_their_own_types(self):
        with h5py.File(self.imported("--ordered", "cut=Fair,Good,Ideal", "--category", "rooms")) as file:
            table = file["table"]
            self.assertEqual(get_names("columns", table), list(mixed_frame()))
            self.assertEqual([table[name].dtype.kind for name in ("price", "year", "sold")], ["f", "i", "i"])
            self.assertEqual(h5py.check_enum_dtype(table["cut"].dtype), {"Fair": 0, "Good": 1, "Ideal": 2})
            self.assertEqual(h5py.check_enum_dtype(table["seller"].dtype), {"a; b": 0, "weiß": 1, "(gap)": 2})
            self.assertEqual(attributes_of(table["seller"])["gap"], "(gap)")
            self.assertEqual(attributes_of(table["sold"])["units"], "days since 1970-01-01")
            np.testing.assert_array_equal(table["year"][()] == table["year"].attrs["gap"], np.arange(ROWS) % 5 == 0)
            np.testing.assert_array_equal(np.isnan(table["price"][()]), np.arange(ROWS) % 7 == 0)
        frame = ddpm_analysis.read_frame(self.path("in.h5"))
        self.assertEqual(list(frame["cut"].cat.categories), ["Fair", "Good", "Ideal"])
        self.assertTrue(frame["cut"].cat.ordered)
        self.assertEqual(str(frame["year"].dtype), "Int64")
        self.assertEqual(list(frame["rooms"].cat.categories), list("12345678"))

    def test_report_says_what_each_column_is(self):
        self.imported()
        lines = {line.split()[0]: line for line in self.report.splitlines() if line}
        for column, said in (("price", "number"), ("year", "whole number"), ("cut", "category"), ("sold", "days since"),
                             ("year", "1901 to 1989")):
            self.assertIn(said, lines[column])
        self.assertIn("configs/table.yaml", self.report.splitlines()[-1])
        self.write("wide.csv", "n,\u4fa1\u683c,e\u0301\n" + "1,a,2\n2,b,3\n3,a,5\n" * 9)
        said = self.assert_works("import_table.py", self.path("wide.csv"), "--output", self.path("wide.h5"))
        self.assertIn("\n\u4fa1\u683c    category", said)
        self.assertIn("\ne\u0301       whole number", said)
        self.assertEqual(lines["seller"].split()[1:4], ["category", "2", "100"])

    def test_plain_makes_numbers(self):
        self.imported("--plain")
        self.assertIn("price=gap", ddpm_analysis.read_table(self.path("in.h5")).columns)

    def test_many_names_become_texts(self):
        names = [f"{'long ' * 20}{i % 900}" for i in range(2 * 900)]
        self.write("many.csv", "name,x\n" + "".join(f"{name},{i % 11}\n" for i, name in enumerate(names)))
        self.assert_works("import_table.py", self.path("many.csv"), "--output", self.path("many.h5"))
        self.assertEqual(list(ddpm_analysis.read_frame(self.path("many.h5"))["name"]), names)

    def test_refusals(self):
        self.write("a.csv", "cut,x\nFair,1\nGood,\nFair,3\n")
        for word, *arguments in (("lacks Good", "--ordered", "cut=Fair"),
                                 ("leave out --plain", "--ordered", "cut=Fair,Good", "--plain")):
            self.assert_fails(DATA, [word], "import_table.py", self.path("a.csv"), "--output", self.path("a.h5"),
                              *arguments)
        self.h5("b.h5", data=np.zeros((3, 2)))
        for name in ("b.h5", "b.h5:data"):
            self.assert_fails(DATA, ["the file that is read"], "export_table.py", self.path(name), "--output",
                              self.path("b.h5"))
        self.assert_fails(DATA, ["no dataset or group 'gone'"], "export_table.py", self.path("b.h5:gone"), "--output",
                          self.path("b.csv"))


class Again(Case):
    """Tables of the program, and what this script wrote before, are imported: nothing of a column is lost."""

    def text_of(self, name):
        self.assert_works("export_table.py", self.path(name), "--output", self.path("text.csv"))
        with open(self.path("text.csv"), encoding="utf-8") as file:
            return file.read()

    def test_an_import_of_an_import(self):
        rng = np.random.default_rng(2)
        frame = mixed_frame().assign(
            id=np.arange(ROWS), open=np.array(["FALSE", "TRUE"])[rng.integers(0, 2, ROWS)], state="new",
            sold=lambda frame: frame["sold"].dt.strftime("%d/%m/%Y").where(rng.random(ROWS) < 0.9),
            clock=[f"{1 + i % 12}:{i % 60:02} PM" for i in range(ROWS)],
            name=[f"{'long ' * 20}{i % 500}" for i in range(ROWS)], code=[f"{i % 99:04}" * 150 for i in range(ROWS)])
        frame.to_csv(self.path("in.csv"), index=False)
        self.assert_works("import_table.py", self.path("in.csv"), "--output", self.path("in.h5"), "--number", "id",
                          "--category", "state,code,name,rooms", "--ordered", "cut=Fair,Good,Ideal")
        said = self.assert_works("import_table.py", self.path("in.h5"), "--output", self.path("again.h5"))
        self.assertEqual(self.text_of("in.h5"), self.text_of("again.h5"))
        self.assertNotIn("left out", said)
        with h5py.File(self.path("in.h5")) as one, h5py.File(self.path("again.h5")) as other:
            self.assertEqual(get_names("columns", one["table"]), get_names("columns", other["table"]))
            for name, dataset in one["table"].items():
                self.assertEqual(attributes_of(dataset), attributes_of(other["table"][name]), name)
                self.assertEqual((dataset.dtype, h5py.check_enum_dtype(dataset.dtype)), (
                    other["table"][name].dtype, h5py.check_enum_dtype(other["table"][name].dtype)), name)

    def test_samples_and_draws(self):
        """As the program writes them: gaps that any number or name stands for, units that are no dates, numbers that
        are whole by chance, several draws of each row."""
        kinds = h5py.enum_dtype({"none": 3, "b": 7, "a": -1}, "i2")
        with h5py.File(self.path("draws.h5"), "w") as file:
            for where, shape in (("samples", (6,)), ("draws", (2, 3))):
                group = file.create_group(where)
                put_names(group, "columns", ["n", "kind", "day", "price", "city"])
                for name, values, attributes in (
                        ("n", np.array([1, -9, 3, 4, 5, 6], np.int16), {"gap": -9, "units": "m"}),
                        ("kind", np.array([3, 7, 7, -1, 3, 7], kinds), {"gap": "none", "ordered": 1}),
                        ("day", np.array([18262, -1, 3, 18262, 4, 5]), {"units": "days since 1970-01-01", "gap": -1,
                                                                        "format": "%d.%m.%Y"}),
                        ("price", np.array([1, 2, 3, np.nan, 5, 6]), {}),
                        ("city", np.array([b"12", b"1", b"12", b"", b"1", b"12"]), {})):
                    group.create_dataset(name, data=values.reshape(shape), dtype=values.dtype).attrs.update(attributes)
        for where in ("samples", "draws"):
            self.assert_works("import_table.py", f"{self.path('draws.h5')}:{where}", "--output", self.path("one.h5"))
            self.assertEqual(self.text_of("one.h5"), "n,kind,day,price,city\n1,,01.01.2020,1.0,12\n,b,,2.0,1\n"
                             "3,b,04.01.1970,3.0,12\n4,a,01.01.2020,,\n5,,05.01.1970,5.0,1\n6,b,06.01.1970,6.0,12\n")
            with h5py.File(self.path("one.h5")) as file:
                self.assertEqual(attributes_of(file["table/n"]), {"gap": -2**63, "units": "m"})
                self.assertEqual(h5py.check_enum_dtype(file["table/kind"].dtype), {"a": 0, "b": 1, "(gap)": 2})
                self.assertEqual(attributes_of(file["table/kind"]), {"gap": "(gap)", "ordered": 1})

    def test_what_the_user_says_of_categories(self):
        self.write("a.csv", "rooms,cut\n" + "".join(f"{i % 7},{['Fair', 'Good', '?'][i % 3]}\n" for i in range(90)))
        self.assert_works("import_table.py", self.path("a.csv"), "--output", self.path("a.h5"), "--category", "rooms")
        self.assert_works("import_table.py", self.path("a.h5"), "--output", self.path("again.h5"), "--number", "rooms",
                          "--gap", "cut=Good", "--gap", "rooms=6")
        with h5py.File(self.path("again.h5")) as file:
            self.assertEqual(file["table/rooms"].dtype, np.int64)
        self.assertEqual(self.text_of("again.h5").split()[1:8], ["0,Fair", "1,", "2,", "3,Fair", "4,", "5,", ",Fair"])

    def test_class_codes_keep_their_names(self):
        self.write("a.csv", "x,kind\n" + "".join(f"{i / 4},{['cat', 'dog', ''][i % 3]}\n" for i in range(9)))
        self.assert_works("import_table.py", self.path("a.csv"), "--output", self.path("a.h5"), "--label", "kind")
        self.assert_works("import_table.py", self.path("a.h5"), "--output", self.path("again.h5"))
        self.assertEqual(self.text_of("again.h5").split()[:4], ["x,label", "0.0,cat", "0.25,dog", "0.5,"])

    def test_dates_of_pandas(self):
        times = pandas.Series(pandas.date_range("2020-01-01 10:00", periods=9, freq="36h")).where(np.arange(9) != 4)
        for how in ("fixed", "table"):
            frame = pandas.DataFrame({"x": np.arange(9) / 4, "when": times, "span": times - times[0]})
            frame.to_hdf(self.path("a.h5"), key="a", mode="w", format=how)
            self.assert_works("import_table.py", self.path("a.h5"), "--output", self.path("b.h5"))
            self.assertTrue(ddpm_analysis.read_frame(self.path("b.h5"))["when"].equals(times))
            self.assertIn("2020-01-02 22:00:00,1 days 12:00:00\n", self.text_of("b.h5"))


class Samples(Case):
    def test_texts_and_draws(self):
        """What only the program writes: texts of a fixed length, and several draws of each row."""
        with h5py.File(self.path("draws.h5"), "w") as file:
            group = file.create_group("draws")
            put_names(group, "columns", ["kind", "n"])
            group["kind"] = np.array([["a", ""], ["bc", "a"]], "S2")
            group["n"] = np.array([[1, -9], [2, 3]], np.int16)
            group["n"].attrs["gap"] = -9
        frame = ddpm_analysis.read_frame(self.path("draws.h5"))
        self.assertEqual(frame.loc[(1, 0), "kind"], "bc")
        self.assertEqual(frame["n"].isna().tolist(), [False, True, False, False])
        self.assert_works("export_table.py", self.path("draws.h5:draws"), "--output", self.path("draws.csv"))
        with open(self.path("draws.csv"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "draw,row,kind,n\n0,0,a,1\n0,1,,\n1,0,bc,2\n1,1,a,3\n")

    def test_texts_that_no_column_has(self):
        """Rows that all name the same large text, and bytes that are no text."""
        with h5py.File(self.path("large.h5"), "w") as file:
            column = file.create_dataset("table/s", 2000, h5py.string_dtype())
            column[0] = "a" * (4 << 20)
            at = column.id.get_offset()
        with open(self.path("large.h5"), "r+b") as file:
            file.seek(at)
            first = file.read(16)
            file.seek(at)
            file.write(first * 2000)
        with h5py.File(self.path("bytes.h5"), "w") as file:
            file["table/s"] = np.array([b"ok", b"\xff\xfe"])
        for name, words in (("large.h5", "more than 4096 bytes"), ("bytes.h5", "not UTF-8")):
            self.assert_fails(DATA, [words], "export_table.py", self.path(name), "--output", self.path("o.csv"))

    def test_arrays_of_numbers(self):
        self.h5("plain.h5", ["x", "y"], samples=np.array([[1.5, 2], [3, 4]], np.float32))
        self.assert_works("export_table.py", self.path("plain.h5"), "--output", self.path("plain.csv"))
        with open(self.path("plain.csv"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "x,y\n1.5,2.0\n3.0,4.0\n")


if __name__ == "__main__":
    main()
