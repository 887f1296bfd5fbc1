"""What the tests of analysis/report.py share: a run and a sweep to report on, and a page as a parser of HTML sees
it."""
import html.parser
import os
import sys

import numpy as np

import program
from ddpm_analysis.text_files import read_text
from program import SMALL, SOURCE, Case, run_script

NAMES = ["<b>", 'a "quoted" one', "p & q's", "$x$ and $y", "</svg></script>",
         "a name that is longer than its figure is wide, with its unit / m", *(f"column {i}" for i in range(7, 15))]
EMPTY = {"link", "meta", "br", "path", "use", "image", "rect"}  # elements that have no end here
ADDRESSES = ("href", "src", "xlink:href", "srcset", "action", "data", "poster")


class Page(html.parser.HTMLParser):
    """What a page holds; `wrong` says what should not be there."""

    def __init__(self, path):
        super().__init__()
        self.open, self.ids, self.counts, self.pieces, self.wrong, self.names = [], set(), {}, [], [], set()
        self.rows = []                     # of all tables: [texts of cells]
        self.feed(read_text(path))
        self.close()
        self.text = " ".join(" ".join(self.pieces).split())
        self.wrong += [f"<{tag}> is not ended" for tag in self.open]
        self.wrong += [f"#{name} is nowhere" for name in self.names - self.ids]

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in EMPTY:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        for name, value in attributes:
            if name == "id" and value in self.ids:
                self.wrong.append(f"id {value} is not the only one")
            if name == "id":
                self.ids.add(value)
            if name in ADDRESSES and not value.startswith(("#", "data:")):
                self.wrong.append(f"{tag} {name}={value}")
            if name in ADDRESSES and value.startswith("#"):
                self.names.add(value[1:])
            if "url(" in (value or "") and "url(#" not in value:
                self.wrong.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag):
        if tag in EMPTY:
            return
        if not self.open or self.open[-1] != tag:
            self.wrong.append(f"</{tag}> ends nothing; {self.open[-1:]} is open")
        else:
            self.open.pop()

    def handle_data(self, text):
        if self.open and self.open[-1] not in ("style", "script"):
            self.pieces.append(text)
            if self.rows and {"td", "th"} & set(self.open):
                self.rows[-1][-1] += text
        if "@import" in text or "url(" in text:
            self.wrong.append(text)


class Reports(Case):
    def report(self, folder, *arguments):
        """The page about a folder; what is said of parts that it is without."""
        result = run_script("report.py", folder, *arguments, timeout=120)
        self.assertEqual((0, ""), (result.code, result.stderr), str(result))
        page = Page(os.path.join(folder, "report.html"))
        self.assertEqual([], page.wrong)
        return page, result.stdout

    def train_table(self, columns=len(NAMES)):
        """A run on rows of many columns with names that are not easy to print, and with a warning."""
        rows = np.random.default_rng(1).normal(size=(600, columns)).astype(np.float32)
        rows[:, 1] = 5
        data = self.h5('its "data" <1>.h5', NAMES[:columns], data=rows)
        return self.train("/dev/null", self.path("a run <i>"),
                          {"data.source": "hdf5", "data.path": data, "data.count": 10000})

    def sweep(self, grid, **more):
        """A folder of gathered points; grid: {axis: values} as YAML writes it, more: settings of all points."""
        values = {**SMALL, "training.iterations": 60, "run.report_every": 10, **more}
        settings = ", ".join(f"{key}: {value}" for key, value in values.items() if key not in grid)
        axes = "".join(f"  {axis}: {values}\n" for axis, values in grid.items())
        self.config("base.yaml")
        path = self.write("s.yaml", f"base: base.yaml\nset: {{{settings}}}\noutput: {self.path('points')}\n"
                          f"grid:\n{axes}evaluate: [--count, 20, --samples, 100]\n")
        for verb in ("run-all", "gather"):
            result = program.run(verb, path, command=[sys.executable, os.path.join(SOURCE, "jobs", "sweep.py")],
                                 timeout=120)
            self.assertEqual(0, result.code, str(result))
        return self.path("points")
