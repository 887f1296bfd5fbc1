#!/usr/bin/python3
"""The measures of ddpm_analysis/distances.py against closed forms, and the table of analysis/quality.py.
Run: ctest --preset dev -R analysis.quality"""
import json
import math
import os
import unittest

import numpy as np

import quality
from case import DATA, MISSING, USAGE, Case, ring, run
from ddpm_analysis import distances
from ddpm_analysis.program import draw_toy
from skipped import main

ROUNDING = 1e-12    # of sums of some thousand float64 numbers near 1, in any order and with fused operations or without


class Quality(Case):
    def test_shift_of_gaussians(self):
        """A shift m moves the projection on u by m.u: the mean over the circle is |m| 2 / pi."""
        x = np.random.default_rng(0).normal(size=(5000, 2))
        directions = distances.random_directions(2, 2000, 1)
        self.assertAlmostEqual(distances.sliced_w1(x, x + [3.0, 4.0], directions), 5 * 2 / math.pi, delta=0.05)
        self.assertAlmostEqual(distances.sliced_w1(x, x[::-1], directions), 0, delta=ROUNDING)
        of_normals = math.sqrt(2 / math.pi)  # W1 of N(0, 1) and N(0, 4)
        self.assertAlmostEqual(distances.sliced_w1(x, 2 * x, directions), of_normals, delta=0.02)

    def test_energy_distance(self):
        """Of two points: 2 |a - b|; of normals with means 0 and m, in closed form."""
        of_points = distances.energy_distance(np.zeros((3, 1)), np.full((3, 1), 2.0))
        self.assertAlmostEqual(of_points, 4.0, delta=ROUNDING)
        rng = np.random.default_rng(0)
        mean, scale = 1.5, math.sqrt(2)
        apart = scale * math.sqrt(2 / math.pi) * math.exp(-mean ** 2 / 4) + mean * math.erf(mean / 2)
        expected = 2 * apart - 2 * scale * math.sqrt(2 / math.pi)
        value = distances.energy_distance(rng.normal(size=(4000, 1)), rng.normal(size=(4000, 1)) + mean)
        self.assertAlmostEqual(value, expected, delta=0.06)

    def test_pairs_are_disjoint(self):
        data = np.arange(100)[:, None]
        for first, second in quality.fresh_pairs(data, 40, 3, 0):
            self.assertEqual(len(np.union1d(first, second)), 80)
        sets = quality.fresh_pairs(data, 10, 5, 0)
        self.assertEqual(len(np.unique(np.concatenate([np.concatenate(pair) for pair in sets]))), 100)

    def test_table_and_limit(self):
        data = self.h5("data.h5", data=ring(20000, 1))
        good, bad = self.h5("good.h5", samples=ring(500, 2)), self.h5("bad.h5", samples=ring(500, 3) * [1, 3])
        report = self.path("report.json")
        done = run("quality.py", good, bad, "--data", data, "--json", report, "--at-most", 2.5)
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertEqual(run("quality.py", good, "--data", data, "--at-most", 2.5).returncode, 0)
        with open(report, encoding="utf-8") as file:
            values = json.load(file)
        self.assertEqual(values["rows"], 500)
        self.assertLess(values["samples"][good]["sliced_w1_ratio"], 2)
        self.assertGreater(values["samples"][bad]["sliced_w1_ratio"], 5)
        ratio = values["samples"][bad]["sliced_w1"] / values["oracle"]["sliced_w1"]
        self.assertAlmostEqual(values["samples"][bad]["sliced_w1_ratio"], ratio)
        lines = done.stdout.splitlines()
        self.assertEqual(len({len(line) for line in lines[1:]}), 1, "the columns are aligned")
        self.assertTrue(lines[-1].startswith("oracle"))

    def test_forest(self):
        x, y = ring(400, 1).astype(float), ring(400, 2).astype(float)
        self.assertAlmostEqual(distances.forest_accuracy(x, y, 0), 0.5, delta=0.08)
        self.assertGreater(distances.forest_accuracy(x, y + [0, 2], 0), 0.95)

    def test_failures(self):
        samples = self.h5("samples.h5", samples=ring(50, 1))
        wide = self.h5("wide.h5", data=np.ones((50, 3)))
        self.assert_fails(DATA, ["2 columns", "3"], "quality.py", samples, "--data", wide)
        self.assert_fails(MISSING, ["--ddpm"], "quality.py", samples, "--source", "swiss_roll",
                          "--ddpm", self.path("no program"))
        self.assert_fails(USAGE, ["--noise"], "quality.py", samples, "--data", wide, "--noise", 1)

    @unittest.skipUnless(os.environ.get("DDPM"), "DDPM does not name the program")
    def test_toy_sources(self):
        for kind in quality.TOY:
            table = draw_toy(kind, 1000, seed=5)
            self.assertEqual(table.values.shape, (1000, 2))
            samples = self.h5("samples.h5", samples=table.values)
            done = run("quality.py", samples, "--source", kind, "--at-most", 2)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    main()
