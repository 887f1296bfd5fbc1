#!/usr/bin/python3
"""data.transform: columns mapped by their quantiles, to samples and back. Run: ctest --preset dev -R cli.transform
"""
import json
import math
import os

import numpy as np

from program import SMALL, Case, checkpoints, latest, read_h5, settings
from skipped import main

ROWS = 3000
RNG = np.random.default_rng(8)
NAMES = ["zeros", "count", "wide", "plain"]
TABLE = np.stack([np.where(RNG.random(ROWS) < 0.4, 0, RNG.exponential(size=ROWS)), RNG.poisson(30, ROWS).astype(float),
                  np.exp(4 * RNG.normal(size=ROWS)), 1e9 + RNG.normal(size=ROWS)], axis=1)
QUICK = {**SMALL, "data.source": "hdf5", "data.validation": 0.1, "training.iterations": 60, "checkpoint.every": 30,
         "training.validate_every": 0, "training.learning_rate": 0.005, "data.transform": "quantile"}
DATA, CONFIG = 65, 78


class Transform(Case):
    def keys(self, rows=TABLE, names=NAMES, **values):
        path = self.h5("data.h5", data=rows, columns=names)
        return {**QUICK, "data.path": path, **{key.replace("__", "."): value for key, value in values.items()}}

    def test_columns(self):
        values = self.keys(data__transform_columns="[plain:standard]")
        run = self.train("/dev/null", self.path("run"), values)
        other = self.train("/dev/null", self.path("three"), values, ranks=3)
        self.assert_same_bits(latest(run), latest(other))
        found = read_h5(latest(run))
        self.assertEqual(found["transform/quantiles"].shape[0], 4)
        self.assertEqual(found["transform/quantiles"][3].min(), found["transform/quantiles"][3].max())
        self.ddpm("sample", run, "--count", 4000, "--output", self.path("s.h5"))
        rows = read_h5(self.path("s.h5"))["samples"]
        self.assertEqual(rows.dtype, TABLE.dtype)
        low, high = TABLE[:, :3].min(axis=0), TABLE[:, :3].max(axis=0)
        self.assertTrue(((rows[:, :3] >= low) & (rows[:, :3] <= high)).all())
        self.assertAlmostEqual((rows[:, 0] == 0).mean(), 0.4, delta=0.06)
        np.testing.assert_array_equal(rows[:, 1], np.round(rows[:, 1]))
        self.assertEqual(3, self.ddpm("info", run).stdout.count("by its quantiles"))
        self.ddpm("evaluate", run, "--count", 50, "--samples", 500)
        self.assertEqual(2, len(checkpoints(other)))
        os.remove(os.path.join(other, "checkpoints", checkpoints(other)[-1]))
        os.remove(latest(other))
        self.train("/dev/null", other, values, ranks=2)
        self.assert_same_bits(latest(run), latest(other))

    def test_density(self):
        """Of one log-normal column, whose scores are normal: the linear prediction alone is exact."""
        rows = np.exp(2 * RNG.normal(size=(ROWS, 1)))
        values = self.keys(rows, None, training__iterations=20, training__warmup=0)
        run = self.train("/dev/null", self.path("run"), values)
        self.ddpm("evaluate", run, "--count", 200, "--likelihood", "--json", self.path("e.json"), "--samples", 0)
        with open(self.path("e.json"), encoding="utf-8") as file:
            found = json.load(file)
        exact = 0.5 * math.log(2 * math.pi * math.e) + math.log(2)
        self.assertAlmostEqual(found["likelihood"]["own_nats"], exact, delta=0.4)

    def test_real_rows_are_not_told_apart(self):
        """Rows of the file in the samples' place, beside those that training held out, whose shared values have random
        scores while it trains."""
        run = self.train("/dev/null", self.path("run"), self.keys(training__iterations=10, training__warmup=0))
        self.ddpm("evaluate", run, "--samples-file", self.path("data.h5:data"), "--count", 0, "--json",
                  self.path("e.json"), ranks=2)
        with open(self.path("e.json"), encoding="utf-8") as file:
            forest = json.load(file)["quality"]["forest"]
        self.assertFalse(forest["told_apart"], forest)

    def test_start(self):
        """A model that goes on with other rows keeps its map."""
        run = self.train("/dev/null", self.path("run"), self.keys(training__iterations=10, training__warmup=0))
        values = self.keys(TABLE[:1000] * [1, 1, 1e6, 1], training__iterations=10, training__warmup=0)
        result = self.ddpm("train", "/dev/null", *settings(values), "--start-from", run, "--output", self.path("next"))
        self.assertIn("values beyond are taken for the nearest", result.stderr)
        first, second = read_h5(latest(run)), read_h5(latest(self.path("next")))
        np.testing.assert_array_equal(first["transform/quantiles"], second["transform/quantiles"])

    def test_auto(self):
        """A column is mapped where rows share values, reach far, or are near each other beside a shared value."""
        normal = RNG.normal(size=(ROWS, 5))
        rows = np.stack([normal[:, 0], np.where(RNG.random(ROWS) < 0.03, -9999, normal[:, 1]),
                         normal[:, 2] + 1000 * (RNG.random(ROWS) < 0.1), np.sign(normal[:, 3]) + 0.05 * normal[:, 4],
                         np.exp(3 * normal[:, 3])], axis=1)
        values = self.keys(rows, list("abcde"), data__transform="auto")
        output = self.ddpm("train", "/dev/null", *settings(values), "--output", self.path("run")).stderr
        self.assertIn("2 of 5 are mapped by their quantiles (data.transform), the first is 1 'b'", output)
        self.assertNotIn("diffusion.process", output)
        rows[:, 1] = normal[:, 1]
        values = self.keys(rows, list("abcde"), data__transform="auto")
        self.fails(DATA, "train", "/dev/null", *settings(values), "--output", self.path("run"), says=[
            "column 1 (from 0) 'b' is mapped by mean and deviation, not by its quantiles (data.transform)",
            "restore them", "--start-from"])
        values["data.transform"] = "standard"
        self.fails(CONFIG, "train", "/dev/null", *settings(values), "--output", self.path("run"), says=[
            "data.transform was auto when this run began and is standard now; restore it"])
        ranks = np.argsort(normal[:, :4], axis=1)
        values = self.keys(np.concatenate([ranks, normal[:, :2]], axis=1), list("abcdef"), data__transform="auto")
        output = self.ddpm("train", "/dev/null", *settings(values), "--dry-run").stderr
        self.assertIn("4 of 6 have at most 10 values: diffusion.process: masked", output)

    def test_refusals(self):
        cases = (({"data.transform_columns": "[depth:quantile]"}, CONFIG, ("no column 'depth'",)),
                 ({"data.transform_columns": "[zeros:log]"}, CONFIG, ("zeros:log", "NAME:quantile")),
                 ({"diffusion.process": "masked"}, CONFIG, ("data.transform", "not masked")))
        for change, code, says in cases:
            values = {**self.keys(), **change}
            self.fails(code, "train", "/dev/null", *settings(values),
                       "--output", self.path("run"), says=says)


if __name__ == "__main__":
    main()
