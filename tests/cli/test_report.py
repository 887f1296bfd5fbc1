#!/usr/bin/python3
"""The page about a run or a sweep: what it holds, that it needs nothing else, and that texts stay texts.
Run: ctest --preset dev -R cli.report"""
import csv
import json
import os
import shutil

import h5py
import numpy as np

from ddpm_analysis import measures
from ddpm_analysis.program import read_defaults
from program import DDPM, latest, read_metrics, run_script
from reports import NAMES, Reports
from skipped import main

DATA, MISSING = 65, 66


class Run(Reports):
    def test_table(self):
        """Settings, losses, schedule, samples, evaluation and warnings of a run; the same page each time."""
        run = self.train_table()
        page, said = self.report(run)
        self.assertEqual("", said)
        for name in NAMES[:3]:
            self.assertIn(name, page.text)
        self.assertNotIn("b", page.ids)
        held_out = [float(row["validation_loss"]) for row in read_metrics(run) if row["validation_loss"]]
        for words in ("columns are constant (the first is column 1", "held-out loss, last", f"{held_out[-1]:.5g}",
                      "300 (finished)", "1 on 1 node, 1 thread each", "ddpm 0.", "prior term L_T",
                      "Of 14 columns these are the 12", "The 2 columns that are not drawn", "sliced w1", "oracle"):
            self.assertIn(words, page.text)
        rows = {row[0]: row[1:] for row in page.rows}
        self.assertEqual(["32", "128"], rows["network.width"][:2])
        self.assertIn("units of a hidden layer", rows["network.width"][2])
        self.assertIn('its "data" <1>.h5', rows["data.path"][0])
        self.assertNotIn("network.kind", rows)
        self.assertNotIn("script", page.counts)
        self.assertEqual(1 + 3 + 12 + 6, page.counts["svg"])
        with open(os.path.join(run, "report.html"), "rb") as file:
            first = file.read()
        self.report(run, "--output", os.path.join(run, "report.html"))
        with open(os.path.join(run, "report.html"), "rb") as file:
            self.assertEqual(first, file.read())

    def test_toy_and_what_is_given(self):
        """Two columns; an evaluation and samples from files; the baseline; a run that was stopped."""
        run = self.train(self.config(), self.path("toy"), {"run.time_limit": 1e-9}, code=75)
        with open(os.path.join(run, "metrics.csv"), encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
        with open(os.path.join(run, "metrics.csv"), "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([lines[0], [1, 0.1, 0.9, 0.8, 1e-3, 1, 1e5, 3725]])
        with h5py.File(latest(run), "r") as file:
            baseline = file.attrs["baseline"]
        both = {"samples": 0.9, "oracle": 0.5, "ratio": 1.8}
        told = {"iteration": 1, "quality": {"forest": {"told_apart": True, **both, "worst_pair": {
            **both, "names": ["x", "<i>"]}}, "something_new": {**both, "why": "<u>"}, "other_new": 7,
            "ks": [0.1, 0.2], "a_list": [{"deep": None}]}}
        given = self.write("given.json", json.dumps(told))
        self.ddpm("sample", run, "--count", 50, "--output", self.path("samples.h5"))
        page, said = self.report(run, "--evaluation", given, "--samples", self.path("samples.h5"), "--points", 60)
        self.assertEqual("", said)
        for words in ("1 of 300", "stopped by run.time_limit", "1 h 02 min", f"{baseline:.5g}", "60 rows of data, 50",
                      "told apart: yes", "names: x, <i>", "why: <u>"):
            self.assertIn(words, page.text)
        rows = {row[0]: row[1:] for row in page.rows}
        self.assertEqual(["0.9", "0.5", "1.8"], rows["something new"][:3])
        self.assertEqual(["0.9", "0.5", "1.8"], rows["forest, worst pair"][:3])
        self.assertEqual("7", rows["quality, other new"][0])
        self.assertEqual("0.1, 0.2", rows["quality, ks"][0])
        self.assertEqual("", rows["quality, a list, 1, deep"][0])
        self.assertEqual(1 + 3 + 2 + 2, page.counts["svg"])

    def test_mixed_table(self):
        """Categories by name and gaps, the worst columns and pairs named, a map of all pairs, and no noise schedule."""
        rng = np.random.default_rng(1)
        with h5py.File(self.path("table.h5"), "w") as file:
            group = file.create_group("table", track_order=True)
            group["weight"] = np.where(rng.random(400) < 0.1, np.nan, rng.normal(size=400))
            group["age"] = rng.integers(17, 91, 400)
            group.create_dataset("city", data=np.array(["Bonn", "<b>", ""], object)[rng.integers(0, 3, 400)],
                                 dtype=h5py.string_dtype())
        run = self.train(self.config(), self.path("run"), {
            "data.source": "hdf5", "data.path": self.path("table.h5"), "data.validation": 0.2, "training.iterations": 4,
            "training.warmup": 0})
        page, said = self.report(run)
        self.assertEqual("", said)
        for words in ("400 rows of data, 400 samples", "Columns that are least alike, by Shape: ", "weight and city (",
                      "<b>", "(gap)", "gaps, %", "alpha precision", "membership", "below: samples; above: real rows",
                      "loss of columns that are drawn independently", "0 weight, number", "1 age, number",
                      "2 city, category"):
            self.assertIn(words, page.text)
        self.assertNotIn("best linear prediction", page.text)
        self.assertEqual(1 + 3 + 1, page.counts["svg"])

    def test_resumed(self):
        """The log has both starts."""
        run = self.train(self.config(), self.path("run"), {"run.time_limit": 1e-9}, code=75)
        self.train(self.config(), run)
        self.ddpm("evaluate", run, "--count", 20, "--samples", 50, "--json", os.path.join(run, "evaluation.json"))
        page, _ = self.report(run)
        self.assertIn("Start 1: ddpm", page.text)
        self.assertIn("Start 2: ddpm", page.text)
        self.assertIn("resume", page.text)
        self.assertNotIn("ended by", page.text)

    def test_what_is_not_there(self):
        """The page is made all the same, and says what it is without."""
        run = self.train(self.config(), self.path("run"))
        page, said = self.report(run, "--ddpm", self.path("no program"))
        for part in ("settings", "schedule", "samples", "evaluation"):
            self.assertIn(f"without {part}: ", said)
            self.assertIn(f"{part}: {self.path('no program')}: cannot run the program", page.text)
        self.assertEqual(1, page.counts["svg"])
        shutil.rmtree(os.path.join(run, "checkpoints"))
        os.remove(os.path.join(run, "run.log"))
        page, said = self.report(run)
        self.assertEqual(["checkpoint", "log"], [line.split()[1].rstrip(":") for line in said.splitlines()])
        self.assertIn("no checkpoint", page.text)
        self.assertEqual(4, page.counts["svg"])
        for folder, code, words in ((self.folder, DATA, "no section 'training'"),
                                    (self.path("absent"), MISSING, "no such run folder")):
            failed = run_script("report.py", folder)
            self.assertEqual((code, 1), (failed.code, failed.stderr.count("\n")), str(failed))
            self.assertIn(words, failed.stderr)

    def test_classifier(self):
        """It makes no samples, and the page says why."""
        values = {"data.source": "two_moons", "data.condition": "[label]", "diffusion.predict": "class"}
        run = self.train(self.config(), self.path("classes"), values)
        page, said = self.report(run)
        self.assertIn("without samples: ", said)
        self.assertIn("diffusion.predict", page.text)

    def test_parts(self):
        defaults, meanings = read_defaults(DDPM)
        self.assertEqual(128, defaults["network"]["width"])
        self.assertTrue(meanings["diffusion.schedule.kind"].startswith("the form of beta_t"))
        self.assertEqual("0.25, 3 ... 18 (19 values)"[:4], measures.text_of([0.25, *range(18)])[:4])
        self.assertEqual(["yes", "", "x", "1e-09"], list(map(measures.text_of, (True, None, "x", 1e-9))))


class Sweep(Reports):
    def test_sweep(self):
        folder = self.sweep({"diffusion.steps": "[10, 20]", "schedule": "{linear: {diffusion.schedule.kind: linear}}"})
        page, said = self.report(folder)
        self.assertEqual("", said)
        self.assertIn("2 of 2 points", page.text)
        self.assertEqual(1, page.text.count("does not reach noise"), "with other numbers for either point")
        heads = page.rows[0]
        self.assertEqual(["diffusion steps T", "schedule"], heads[:2])
        self.assertEqual([["10", "linear"], ["20", "linear"]], [row[:2] for row in page.rows[1:]])
        self.assertEqual("folder", heads[-1])
        with open(os.path.join(folder, "table.csv"), encoding="utf-8", newline="") as file:
            table = list(csv.DictReader(file))
        shown = [float(row[heads.index("validation loss")]) for row in page.rows[1:]]
        np.testing.assert_allclose(shown, [float(row["validation_loss"]) for row in table], rtol=1e-4)
        self.assertEqual(1, page.counts["script"])
        self.assertEqual(len(table), sum(f"Loss of diffusion steps $T$ {n}" in self.page_source(folder)
                                         for n in (10, 20)))

    def test_one_axis_of_names(self):
        """And no held-out losses."""
        folder = self.sweep({"function": "{a<b: {network.activation: relu}, c: {network.activation: gelu}}"},
                            **{"training.validate_every": 0})
        page, said = self.report(folder)
        self.assertEqual("", said)
        self.assertEqual(["a<b", "c"], [row[0] for row in page.rows[1:]])
        self.assertNotIn("validation loss", page.rows[0])

    def page_source(self, folder):
        with open(os.path.join(folder, "report.html"), encoding="utf-8") as file:
            return file.read()


if __name__ == "__main__":
    main()
