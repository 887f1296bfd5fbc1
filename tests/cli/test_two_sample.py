#!/usr/bin/python3
"""The classifier two-sample test of `ddpm evaluate`: it sees what distances do not, says nothing of fresh data, names
the columns to blame, and is the same at any number of ranks.

Run: ctest --preset dev -R cli.two_sample
"""
import json
import math

import h5py
import numpy as np

from program import Case
from skipped import main

ROWS = 2000  # of a set; the data have twice as many


def eight_gaussians(rng, rows, deviation):
    """On a circle of radius 4."""
    angles = math.pi / 4 * rng.integers(8, size=rows)
    return 4 * np.stack([np.cos(angles), np.sin(angles)], 1) + deviation * rng.normal(size=(rows, 2))


class TwoSample(Case):
    def setUp(self):
        super().setUp()
        self.rng = np.random.default_rng(1)

    def begin(self, data, columns=None, transform="auto"):
        """Rows to compare with, and a model of them, of which nothing but its columns is needed."""
        self.data = self.h5("data.h5", columns, data=data.astype("f4"))
        self.run_folder = self.train("/dev/null", self.path(transform), {
            "data.source": "hdf5", "data.path": self.data, "data.validation": 0.1, "network.width": 16,
            "network.depth": 1, "training.iterations": 30, "data.transform": transform})

    def evaluate(self, samples, *arguments, **more):
        """The text of the JSON file, and what is printed; `samples` may be rows."""
        if samples is not None:
            arguments = (*arguments, "--samples-file", self.h5("samples.h5", samples=samples.astype("f4")))
        result = self.ddpm("evaluate", self.run_folder, "--data", self.data, "--count", 0, *arguments,
                           "--json", self.path("e.json"), "--output", self.path("e.h5"), timeout=100, **more)
        with open(self.path("e.json"), encoding="utf-8") as file:
            return file.read(), result

    def quality(self, samples, *arguments, **more):
        text, result = self.evaluate(samples, *arguments, **more)
        return json.loads(text)["quality"], result

    def test_smoothed_and_fresh(self):
        """Eight Gaussians, smoothed: a ratio of sliced W1 near 1 praises samples that are easy to tell apart."""
        self.begin(eight_gaussians(self.rng, 2 * ROWS, 0.02))
        smoothed = eight_gaussians(self.rng, ROWS, math.hypot(0.02, 0.04))
        first, result = self.evaluate(smoothed)
        found = json.loads(first)["quality"]
        self.assertLess(found["sliced_w1"]["ratio"], 1.2)
        self.assertGreater(found["forest"]["samples"], 0.7)
        self.assertAlmostEqual(found["forest"]["oracle"], 0.5, delta=4 * found["forest"]["oracle_error"])
        self.assertIs(found["forest"]["told_apart"], True)
        self.assertEqual([0, 1], found["forest"]["worst_pair"]["columns"])
        self.assertEqual(found["forest"]["samples"], found["forest"]["worst_pair"]["samples"])
        lines = result.stdout.splitlines()
        self.assertIn("quality: samples are told apart", lines[2])
        self.assertLess([line.split()[0] for line in lines if line.strip()].index("accuracy"),
                        result.stdout.split("sliced_w1")[0].count("\n"))
        for ranks, threads in ((1, 2), (3, 1)):
            with self.subTest(ranks=ranks, threads=threads):
                self.assertEqual(first, self.evaluate(smoothed, ranks=ranks, threads=threads)[0])
        for seed in (1, 2):
            fresh = eight_gaussians(self.rng, ROWS, 0.02)
            found, result = self.quality(fresh, "--seed", seed)
            self.assertIs(found["forest"]["told_apart"], False, result.stdout)
            self.assertIn("not told apart", result.stdout)

    def test_values(self):
        """Shares of samples outside the data's range, and the value that most real rows have and no sample does."""
        def rows(count, zeros):
            values = np.stack([self.rng.uniform(10, 11, count), self.rng.exponential(size=count),
                               self.rng.normal(size=count)], 1)
            values[self.rng.uniform(size=count) < zeros, 1] = 0
            return values
        self.begin(rows(2 * ROWS, 0.9), ["flat", "rain", "noise"], "standard")
        smeared = rows(ROWS, 0)
        smeared[:ROWS // 10, 0] += 2
        found, result = self.quality(smeared, "--samples", 400)
        outside, spikes = found["outside"], found["spikes"]
        self.assertEqual(["flat"], outside["worst_column"]["names"])
        self.assertEqual(outside["worst_column"]["samples"], outside["by_column"][0])
        self.assertAlmostEqual(0.1, outside["by_column"][0], delta=0.02)
        self.assertGreaterEqual(outside["samples"], outside["by_column"][0])
        self.assertLess(outside["oracle"], 0.01)
        self.assertEqual([("rain", 0, 0)], [(s["name"], s["value"], s["share_samples"]) for s in spikes])
        self.assertAlmostEqual(0.9, spikes[0]["share_data"], delta=0.03)
        for words in ("in column flat, the worst", "data.transform: quantile", "--clip data",
                      "exactly 0 in column rain", "diffusion.process: masked"):
            self.assertIn(words, result.stdout)
        self.begin(rows(2 * ROWS, 0.9), ["flat", "rain", "noise"], "quantile")
        _, result = self.quality(smeared, "--samples", 400)
        self.assertIn("exactly 0 in column rain", result.stdout)
        self.assertNotIn("diffusion.process", result.stdout, "columns that are mapped repeat values")
        found, result = self.quality(rows(ROWS, 0.9), "--samples", 400)  # as good as the data
        self.assertEqual([], found["spikes"])
        self.assertLess(found["outside"]["samples"], 0.02)
        self.assertNotIn("exactly", result.stdout)

    def test_names(self):
        """The column that is rounded, in the table, in JSON and in HDF5; a name may hold any sign."""
        names = ["length", 'a "day"', "delay"]
        self.begin(10 * self.rng.normal(size=(2 * ROWS, 3)), names)
        rounded = 10 * self.rng.normal(size=(ROWS, 3))
        rounded[:, 1] = np.round(rounded[:, 1])
        found, result = self.quality(rounded)
        column, pair = found["forest"]["worst_column"], found["forest"]["worst_pair"]
        self.assertEqual((column["columns"], column["names"]), ([1], [names[1]]))
        self.assertGreater(column["samples"], 0.8)
        self.assertIn(1, pair["columns"])
        self.assertEqual(pair["names"], [names[j] for j in pair["columns"]])
        self.assertIn(f"on column {names[1]} alone", result.stdout)
        self.assertLess(found["ks"][1], 0.05)  # which is why the column is not chosen by this distance
        with h5py.File(self.path("e.h5")) as file:
            self.assertEqual([names[1]], file["quality/worst_column"].attrs["columns"].astype(str).tolist())
            self.assertEqual(found["forest"]["samples"], file["quality/forest"][0])
            self.assertEqual(1, file["quality/forest"].attrs["told_apart"])

    def test_wide(self):
        """More columns than are looked at one by one; the fault is that two of them agree in sign."""
        self.begin(self.rng.normal(size=(4 * ROWS, 40)))
        samples = self.rng.normal(size=(ROWS, 40))
        samples[:, 33] = np.copysign(samples[:, 33], samples[:, 7])
        found, result = self.quality(samples, threads=2)
        self.assertEqual([7, 33], found["forest"]["worst_pair"]["columns"])
        self.assertGreater(found["forest"]["worst_pair"]["samples"], 0.7)
        self.assertLess(found["forest"]["worst_column"]["samples"], 0.55)
        self.assertIs(found["forest"]["told_apart"], True)
        self.assertIn("on columns 7 and 33 alone", result.stdout)

    def test_one_column(self):
        self.begin(self.rng.normal(size=(2 * ROWS, 1)))
        found, result = self.quality(self.rng.normal(size=(ROWS, 1)))
        self.assertNotIn("worst_pair", found["forest"])
        self.assertEqual(found["forest"]["samples"], found["forest"]["worst_column"]["samples"])
        self.assertIs(found["forest"]["told_apart"], False)

    def test_not_finite(self):
        """A few samples that are not finite, and nothing else: told apart, with a warning, at any number of ranks."""
        self.begin(self.rng.normal(size=(2000, 2)))
        samples = self.rng.normal(size=(1000, 2))
        samples[5, 0], samples[7, 1] = np.nan, np.inf
        first, result = self.evaluate(samples)
        found = json.loads(first)["quality"]
        self.assertEqual((True, 2), (found["forest"]["told_apart"], found["forest"]["not_finite"]))
        self.assertIsNone(found["sliced_w1"]["samples"])
        self.assertIn("2 of 1000 samples are not finite", "".join(result.warnings()))
        self.assertIn("told apart", result.stdout)
        self.assertEqual(first, self.evaluate(samples, ranks=3)[0])
        found, _ = self.quality(np.full((1000, 2), np.nan))
        self.assertEqual(1, found["forest"]["samples"])
        found, _ = self.quality(samples[:20])
        self.assertEqual((True, None), (found["forest"]["told_apart"], found["forest"]["samples"]))

    def test_few_rows(self):
        self.begin(self.rng.normal(size=(400, 2)))
        found, result = self.quality(self.rng.normal(size=(39, 2)))
        self.assertEqual((None, None, 0), tuple(found["forest"][key] for key in ("told_apart", "samples", "rows")))
        self.assertIn("at least 40 rows", result.stdout)
        found, _ = self.quality(self.rng.normal(size=(40, 2)))
        self.assertEqual((False, 40), (found["forest"]["told_apart"], found["forest"]["rows"]))

    def test_own_units(self):
        """Far from zero, numbers of float32 are a coarse grid: samples are looked at as a file would hold them."""
        self.begin([1e4, 0] + [1e-2, 1] * self.rng.normal(size=(2000, 2)))
        made, _ = self.evaluate(None, "--samples", 500, "--seed", 3)
        self.ddpm("sample", self.run_folder, "--count", 500, "--seed", 3, "--output", self.path("own.h5"))
        read, _ = self.evaluate(None, "--samples", 500, "--seed", 3, "--samples-file", self.path("own.h5"))
        made, read = json.loads(made)["quality"], json.loads(read)["quality"]
        made.pop("sampling")
        self.assertEqual(made, read)


if __name__ == "__main__":
    main()
