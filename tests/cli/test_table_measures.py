#!/usr/bin/python3
"""The measures of tables of `ddpm evaluate` on fixed files: they equal those of implementations written independently,
and of sdmetrics, to 1e-6, and have the same bits at any number of ranks; a model that memorised is caught.

Run: ctest --preset dev -R cli.table_measures
"""
import importlib.util
import json
import os
import re
import tempfile
import unittest
import warnings

import h5py
import numpy as np
import pandas as pd
import table_measures as by_definition
from ddpm_analysis.random_numbers import SPLIT, permutation
from program import SMALL, Case, run, settings
from skipped import main

ROWS, HELD_OUT, SAMPLES = 900, 180, 400
CITIES = ("Aachen", "Bonn", "Cottbus", "Dresden")
NAMES = ("age", "größe", "income", "city", "member")
CLOSE = 1e-6


def draw(rows, seed, shift=0.0):
    """A frame with whole numbers, a number with gaps, one with a long tail and a spike, and categories with gaps."""
    rng = np.random.default_rng(seed)
    city = rng.choice(4, rows, p=[0.5, 0.3 - shift / 10, 0.15, 0.05 + shift / 10])
    age = np.clip(rng.normal(40 + 5 * city + 4 * shift, 12, rows), 18, 90).round()
    weight = np.where(rng.random(rows) < 0.1 + shift / 10, np.nan, (60 + age / 5 + rng.normal(0, 9, rows)).round(1))
    income = np.where(rng.random(rows) < 0.3, 0.0, np.exp(rng.normal(3 + shift / 5, 1.2, rows)).round(2))
    member = rng.random(rows) < 0.2 + 0.1 * city
    return pd.DataFrame({"age": age, "größe": weight, "income": income,
                         "city": np.array(CITIES)[city],
                         "member": np.where(rng.random(rows) < 0.05, None, np.where(member, "yes", "no"))})


def write(path, frame, group="table"):
    with h5py.File(path, "w") as file:
        table = file.create_group(group, track_order=True)
        for name in NAMES:
            if by_definition.is_number(frame[name]):
                table[name] = frame[name].to_numpy().astype("i4" if name == "age" else "f8")
            else:
                table.create_dataset(name, data=frame[name].fillna("").to_list(), dtype=h5py.string_dtype())
    return path


class Measures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="ddpm measures ")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = temporary.name
        data = draw(ROWS, 1)
        data.loc[5:40] = data.loc[105:140].to_numpy()  # some real rows are copies of others
        held_out = permutation(0, SPLIT, ROWS)[:HELD_OUT]
        cls.real = data.drop(index=held_out).reset_index(drop=True)
        cls.oracle = data.iloc[held_out].reset_index(drop=True)
        cls.samples = draw(SAMPLES, 2, shift=1.0)
        cls.copies = [i for i in range(0, 60, 2) if i not in set(held_out)][:20]
        cls.samples.loc[100:119] = data.loc[cls.copies].to_numpy()
        cls.frames = {"samples": cls.samples[:HELD_OUT], "oracle": cls.oracle}
        values = {**SMALL, "data.source": "hdf5", "data.path": write(cls.at("table.h5"), data),
                  "training.iterations": 4, "training.warmup": 0, "data.validation": HELD_OUT / ROWS}
        values.pop("diffusion.steps")
        result = run("train", "/dev/null", *settings(values), "--output", cls.at("run"))
        assert result.code == 0, str(result)
        write(cls.at("samples.h5"), cls.samples, "samples")
        cls.found, cls.text, cls.table = cls.evaluate("e.json")

    @classmethod
    def at(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def evaluate(cls, name, **more):
        result = run("evaluate", cls.at("run"), "--count", 0, "--samples-file", cls.at("samples.h5"), "--json",
                     cls.at(name), **more)
        assert result.code == 0, str(result)
        with open(cls.at(name), encoding="utf-8") as file:
            text = file.read()
        return json.loads(text)["quality"], text, result.stdout

    def same(self, measure, key, wanted):
        np.testing.assert_allclose(self.found[measure][key], list(wanted.values()), rtol=0, atol=CLOSE, err_msg=measure)

    def test_marginals_and_pairs(self):
        for side, frame in self.frames.items():
            before = "" if side == "samples" else "oracle_"
            for measure, wanted in (("shape", by_definition.shape), ("gaps", by_definition.gaps)):
                self.same(measure, before + "by_column", wanted(self.real, frame))
            for measure, deciles in (("trend", False), ("trend_deciles", True)):
                wanted = by_definition.trend(self.real, frame, deciles)
                self.same(measure, before + "by_pair", wanted)
                self.assertAlmostEqual(self.found[measure][side], np.mean(list(wanted.values())), delta=CLOSE)
        wanted = by_definition.trend(self.real, self.frames["samples"], True)
        worst = self.found["trend_deciles"]["worst"][0]["names"]
        self.assertEqual(min(wanted, key=wanted.get), tuple(worst))
        self.assertIn(f"of columns {worst[0]} and {worst[1]}", self.table)
        self.assertEqual((self.found["shape"]["rows"], self.found["shape"]["real_rows"]), (HELD_OUT, ROWS - HELD_OUT))

    def test_what_has_no_value(self):
        """The ratio of nothing to nothing, or what a column of gaps alone is like: a dash to read, null for programs.
        What is read stands in columns, whatever letters a name has."""
        write(self.at("empty.h5"), self.samples.assign(größe=np.nan), "samples")
        result = run("evaluate", self.at("run"), "--count", 0, "--samples-file", self.at("empty.h5"), "--json",
                     self.at("empty.json"))
        with open(self.at("empty.json"), encoding="utf-8") as file:
            found = json.load(file, parse_constant=self.fail)["quality"]
        self.assertIsNone(found["shape"]["by_column"][NAMES.index("größe")])
        self.assertIsNone(found["outside"]["ratio"])
        self.assertRegex(result.stdout, r"outside the range of the training rows +0\.000000 +0\.000000 +-\n")
        self.assertNotRegex(result.stdout, r"\bnan\b|\binf\b")
        self.assertIn("    in column größe ", result.stdout)
        measures = [line for line in result.stdout.splitlines() if re.search(r"( +[\d.]+){2} +[\d.-]+$", line)]
        self.assertEqual({len(line) for line in measures}, {83}, measures)

    def test_near_rows(self):
        real, samples, oracle = by_definition.points(self.real, self.real, self.samples, self.oracle)
        # the order of training rows is that of the first epoch, so that which of them are taken is not compared here
        self.assertEqual(self.found["privacy"]["membership"]["training_rows"], len(real))
        self.assertAlmostEqual(self.found["privacy"]["membership"]["samples"],
                               by_definition.membership(samples, real, oracle), delta=CLOSE)
        half = HELD_OUT // 2
        self.assertAlmostEqual(self.found["privacy"]["membership"]["oracle"],
                               by_definition.membership(oracle[:half], real, oracle[half:]), delta=CLOSE)

    def test_rows_in_their_order(self):
        """Precision, recall and the closest record take as many training rows as are held out, the first ones."""
        order = permutation(0, SPLIT, ROWS)[HELD_OUT:][permutation(0, SPLIT + 1, ROWS - HELD_OUT)][:HELD_OUT]
        with h5py.File(self.at("table.h5")) as file:
            age = file["table/age"][()][order]
        data = draw(ROWS, 1)
        data.loc[5:40] = data.loc[105:140].to_numpy()
        first = data.loc[order].reset_index(drop=True)
        np.testing.assert_array_equal(age, first["age"])
        training, samples, oracle = by_definition.points(self.real, first, self.samples, self.oracle)
        for side, rows in (("samples", samples[:HELD_OUT]), ("oracle", oracle)):
            wanted = by_definition.precision(training, rows)
            self.assertAlmostEqual(self.found["alpha_precision"][side], wanted[0], delta=CLOSE)
            self.assertAlmostEqual(self.found["beta_recall"][side], wanted[1], delta=CLOSE)
        half = HELD_OUT // 2
        self.assertAlmostEqual(self.found["privacy"]["closest"]["samples"],
                               by_definition.closest(samples, training, oracle), delta=CLOSE)
        self.assertAlmostEqual(self.found["privacy"]["closest"]["oracle"],
                               by_definition.closest(oracle[:half], training[:half], oracle[half:]), delta=CLOSE)

    def test_copies(self):
        rows = [tuple(row) for row in self.real.fillna("(gap)").astype(str).to_numpy()]
        for side, frame in (("count", self.samples), ("oracle_count", self.oracle)):
            wanted = sum(tuple(row) in set(rows) for row in frame.fillna("(gap)").astype(str).to_numpy())
            self.assertEqual(self.found["privacy"]["copies"][side], wanted)
        named = dict(self.found["privacy"]["copies"]["rows"])
        self.assertEqual(set(range(100, 120)), set(named) & set(range(100, 120)))
        with h5py.File(self.at("table.h5")) as file:
            ages = file["table/age"][()]
        for sample, row in named.items():
            self.assertEqual(ages[row], self.samples["age"][sample])
        self.assertIn(f"{self.found['privacy']['copies']['count']} of {SAMPLES} samples are copies, and ", self.table)

    def test_same_bits(self):
        for ranks, threads in ((1, 3), (3, 1)):
            _, text, table = self.evaluate(f"{ranks}.json", ranks=ranks, threads=threads)
            self.assertEqual((text, table), (self.text, self.table))

    @unittest.skipUnless(importlib.util.find_spec("sdmetrics"), "sdmetrics is not installed; it is no Debian package")
    def test_sdmetrics(self):
        """Where its definitions are those of the papers: its class takes the bins of the real rows, its report each
        set's own; and it leaves gaps of categories out of Shape."""
        from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity
        from sdmetrics.single_column import KSComplement, TVComplement
        warnings.simplefilter("ignore")
        for side, frame in self.frames.items():
            before = "" if side == "samples" else "oracle_"
            for j, name in enumerate(NAMES):
                number = by_definition.is_number(self.real[name])
                both = [part[name] if number else part[name].fillna("(gap)") for part in (self.real, frame)]
                self.assertAlmostEqual((KSComplement if number else TVComplement).compute(*both),
                                       self.found["shape"][before + "by_column"][j], delta=CLOSE)
            for i, pair in enumerate(by_definition.trend(self.real, frame)):
                both = [part[list(pair)] for part in (self.real, frame)]
                numbers = [name for name in pair if by_definition.is_number(self.real[name])]
                score = (CorrelationSimilarity.compute(*both) if len(numbers) == 2 else
                         ContingencySimilarity.compute(*both, continuous_column_names=numbers))
                self.assertAlmostEqual(score, self.found["trend"][before + "by_pair"][i], delta=CLOSE, msg=str(pair))


class Memory(Case):
    """300 rows: a model that has learned them by heart is caught, and the average that is kept is not."""

    def test_memorised(self):
        path = write(self.path("small.h5"), draw(300, 7))
        values = {"data.source": "hdf5", "data.path": path, "data.validation": 0.2, "network.width": 64,
                  "network.depth": 2, "training.batch": 240, "training.iterations": 300, "training.learning_rate": 3e-3,
                  "training.validate_every": 25, "training.warmup": 20, "training.ema": 0.9,
                  "training.optimizer": "adamw", "training.keep_best": "true", "network.time_width": 16}
        self.ddpm("train", "/dev/null", *settings(values), "--output", self.path("run"))
        for weights, memorised in (("ema", True), ("best", False)):
            table = self.ddpm("evaluate", self.path("run"), "--count", 0, "--samples", 2000, "--weights", weights,
                              "--json", self.path("e.json")).stdout
            with open(self.path("e.json"), encoding="utf-8") as file:
                found = json.load(file)["quality"]["privacy"]
            self.assertEqual(found["memorised"], memorised, table)
            said = "the model has memorised" if memorised else "no sign that the model has memorised"
            self.assertIn(f"privacy: {said}", table)
            self.assertEqual(found["copies"]["count"], len(found["copies"]["rows"]))
            if memorised:
                self.assertGreater(found["copies"]["samples"], 0.2)
                self.assertIn(f"of 2000 samples are copies, and {found['copies']['oracle_count']} of 60 held", table)


if __name__ == "__main__":
    main()
