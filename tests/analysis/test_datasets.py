#!/usr/bin/python3
"""The data sets of the quality suite against closed forms, and the measures that go with them.
Run: ctest --preset dev -R analysis.datasets"""
import math
import os
import unittest

import numpy as np

from case import Case
from ddpm_analysis import BadData, datasets, distances
from skipped import main

ROWS = 200_000
# Standard deviations of the columns, from the definitions.
DEVIATIONS = {
    "eight": math.sqrt(8 + 0.16), "eight02": math.sqrt(8 + 0.0004), "grid25": math.sqrt(8 + 0.0025),
    "checker4": math.sqrt(64 / 12), "checker8": math.sqrt(64 / 12), "rings": math.sqrt(14 / 3 / 2 + 0.0064),
    "line": math.sqrt(1 + 1e-4), "heavy": math.sqrt(3), "square": math.sqrt(1 / 12),
    "units": [1e4, 1e-3 * math.sqrt(2)], "rare": math.sqrt((0.25 * 100 + 0.09) / 101 + 16 * 100 / 101 ** 2),
}


class Densities(Case):
    def setUp(self):
        super().setUp()
        self.sets = datasets.all_datasets()

    def test_deviations(self):
        for name, expected in DEVIATIONS.items():
            with self.subTest(name):
                found = self.sets[name].part("fresh", ROWS).astype(float).std(axis=0)
                tolerance = 0.05 if name == "heavy" else 0.01  # its fourth moment is infinite
                np.testing.assert_allclose(found, np.broadcast_to(expected, 2), rtol=tolerance)

    def test_checkers(self):
        for name, cells in (("checker4", 4), ("checker8", 8)):
            column, row = np.floor((self.sets[name].part("train", 5000) + 4) * cells / 8).astype(int).T
            self.assertEqual(set((column + row) % 2), {0})
            self.assertEqual(len(set(zip(column, row))), cells * cells // 2)

    def test_parts(self):
        """What a part draws follows from its name; two parts and two sets share nothing."""
        first, again, other = (self.sets["rings"].part(part, 100) for part in ("train", "train", "fresh"))
        np.testing.assert_array_equal(first, again)
        self.assertEqual(first.dtype, np.float32)
        self.assertEqual(np.intersect1d(first, other).size, 0)
        self.assertEqual([dataset.name for dataset in datasets.choose(["rings", "eight"])], ["eight", "rings"])
        with self.assertRaisesRegex(BadData, "'ring'.*rings"):
            datasets.choose(["ring"])

    def test_mixtures(self):
        """The log-density is that of scipy, and rows have the mean of the mixture."""
        from scipy.stats import multivariate_normal
        for columns in (10, 100):
            mixture = datasets.Mixture(columns)
            x = mixture.draw(50, np.random.default_rng(0))
            parts = [weight * multivariate_normal(mean, (axes * deviation ** 2) @ axes.T).pdf(x)
                     for weight, mean, deviation, axes in zip(mixture.weights, mixture.means, mixture.deviations,
                                                              mixture.axes)]
            np.testing.assert_allclose(mixture.log_density(x), np.log(np.sum(parts, axis=0)), rtol=1e-10)
            y = mixture.draw(20000, np.random.default_rng(1))
            np.testing.assert_allclose(y.mean(axis=0), mixture.weights @ mixture.means, atol=0.1)

    def test_factors(self):
        """Exact data spreads by its noise off the plane; a plane that is not its own is told."""
        for columns in (64, 300):
            dataset = self.sets[f"factors{columns}"]
            x = dataset.part("fresh", 2000).astype(float)
            self.assertAlmostEqual(distances.spread_off_plane(x, dataset.plane), 0.1, delta=0.001)
            self.assertGreater(distances.spread_off_plane(x, dataset.plane[::-1, ::-1]), 1)
            self.assertAlmostEqual(dataset.view(x)[:, 1].std(), 0.1, delta=0.01)

    def test_deviation_ratios(self):
        """Of normal columns the standard error of a standard deviation is 1 / sqrt(2 n) of it."""
        data = np.random.default_rng(0).normal(size=(50000, 3)) * [1, 10, 0] + [0, 1e6, 7]
        ratios, errors = distances.deviation_ratios(2 * data[:5000], data)
        np.testing.assert_allclose(ratios, [2, 2], rtol=0.03)
        np.testing.assert_allclose(errors, [0.01, 0.01], rtol=0.03)

    def test_real_tables(self):
        """The halves share no row and hold them all; another split is another choice."""
        digits = self.sets["digits"]
        first, second = digits.halves()
        self.assertEqual((first.shape, second.shape), ((898, 64), (899, 64)))
        together = np.concatenate([first, second])
        np.testing.assert_allclose(together.mean(axis=0), np.concatenate(digits.halves(1)).mean(axis=0), rtol=1e-5)
        self.assertFalse(np.array_equal(first, digits.halves(1)[0]))
        np.testing.assert_array_equal(digits.part("fresh", 10), second[:10])

    @unittest.skipUnless(os.environ.get("DDPM"), "DDPM does not name the program")
    def test_toy_sets(self):
        train, fresh = (self.sets["s_curve"].part(part, 500) for part in ("train", "fresh"))
        self.assertEqual(train.shape, (500, 2))
        self.assertEqual(np.intersect1d(train, fresh).size, 0)


if __name__ == "__main__":
    main()
