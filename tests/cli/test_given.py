#!/usr/bin/python3
"""Rows completed by `ddpm sample --given`: what is known comes back to the bit and in order, at any number of ranks;
wrong files are refused.

Run: ctest --preset dev -R cli.given
"""
import os

import numpy as np

from program import Case, bits, read_h5
from skipped import main

ROWS, COLUMNS = 700, 3
NAMES = ["length", "width", "height"]
USAGE, DATA, MISSING = 64, 65, 66


class Given(Case):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(1)
        rows = (rng.normal(size=(ROWS, 1)) + 0.3 * rng.normal(size=(ROWS, COLUMNS))).astype(np.float32)
        self.rows = (rows * [1, 20, 300]).astype(np.float32)
        self.label = (np.arange(ROWS) % 4).astype(np.int32)
        self.given = self.rows.copy()
        self.given[rng.random(self.given.shape) < 0.4] = np.nan
        self.given[0], self.given[1] = np.nan, self.rows[1]
        self.given[2] = -0.0, np.nan, 1e-42
        self.known = ~np.isnan(self.given)

    def model(self, columns=NAMES, **values):
        data = self.h5("rows.h5", columns=columns, data=self.rows, label=self.label)
        return self.train(self.config(), self.path("run"),
                          {"data.source": "hdf5", "data.path": data, "training.iterations": 60, **values})

    def complete(self, run, given, *arguments, name="out.h5", **more):
        self.ddpm("sample", run, "--given", given, "--seed", 4, "--steps", 10, "--output", self.path(name), *arguments,
                  **more)
        return read_h5(self.path(name))

    def assert_kept(self, rows):
        self.assertTrue(np.isfinite(rows).all())
        self.assertTrue(np.array_equal(bits(rows[self.known]), bits(self.given[self.known])))

    def test_what_is_known_is_kept(self):
        run, given = self.model(), self.h5("given.h5", data=self.given)
        one = self.complete(run, given, "--resample", 2)
        self.assertEqual(["samples"], list(one))
        self.assert_kept(one["samples"])
        several = self.complete(run, given, "--resample", 2, "--draws", 3, "--sampler", "ddim", "--eta", 0.5,
                                "--corrections", 1)
        self.assertEqual((3, ROWS, COLUMNS), several["draws"].shape)
        self.assertEqual(["draws"], list(several))
        for draw in several["draws"]:
            self.assert_kept(draw)
        self.assertFalse(np.array_equal(several["draws"][0], several["draws"][1]))

    def test_columns_of_one_name(self):
        """They are numbered in their order, in the data and in the file to complete: none takes another's place."""
        run = self.model(columns=["a", "a", "b"])
        given = self.h5("given.h5", columns=["b", "a", "a"], data=np.array([[1, 20, np.nan], [2, np.nan, 30]], "f4"))
        result = self.ddpm("sample", run, "--given", given, "--output", self.path("out.h5"))
        self.assertTrue(any("'a.1'" in line for line in result.warnings()), str(result))
        made = read_h5(self.path("out.h5"))["samples"]
        self.assertEqual([20, 1, 2, 30], [made[0, 0], made[0, 2], made[1, 2], made[1, 1]])
        self.assertNotIn(1, (made[0, 1], made[1, 0]))

    def test_same_bits(self):
        """Of ranks, threads, and the number of draws; a row of which nothing is known is the sample of its number."""
        run, given = self.model(), self.h5("given.h5", data=self.given)
        alone = self.complete(run, given, "--draws", 2, name="alone.h5")
        for ranks, threads in ((1, 2), (2, 1), (3, 2)):
            with self.subTest(ranks=ranks, threads=threads):
                self.complete(run, given, "--draws", 2, name="ranks.h5", ranks=ranks, threads=threads)
                self.assert_same_bits(self.path("alone.h5"), self.path("ranks.h5"))
        self.assertTrue(np.array_equal(alone["draws"][0], self.complete(run, given)["samples"]))
        self.ddpm("sample", run, "--count", 1, "--seed", 4, "--steps", 10, "--output", self.path("plain.h5"))
        once = self.complete(run, given, "--resample", 1)["samples"]
        self.assertTrue(np.array_equal(bits(once[0]), bits(read_h5(self.path("plain.h5"))["samples"][0])))
        self.assertFalse(np.array_equal(once[0], alone["draws"][0][0]))

    def test_columns(self):
        """By name where both have names, in any order and among others; else by number."""
        run = self.model()
        plain = self.complete(run, self.h5("plain.h5", data=self.given))["samples"]
        wider = np.column_stack([self.given[:, 2], np.full(ROWS, np.nan), self.given[:, 0],
                                 self.given[:, 1]]).astype(np.float64)
        named = self.h5("named.h5", columns=["height", "colour", "length", "width"], data=wider)
        named = self.complete(run, named + ":data")["samples"]
        self.assertTrue(np.array_equal(bits(plain), bits(named)))
        self.fails(DATA, "sample", run,
                   "--given", self.h5("less.h5", columns=["height", "length", "depth"], data=self.given),
                   "--output", self.path("no.h5"), says=["less.h5", "'width'"])
        self.fails(DATA, "sample", run, "--given", self.h5("two.h5", data=self.given[:, :2]),
                   "--output", self.path("no.h5"), says=["two.h5", "2 columns", "the model has 3"])

    def test_conditions(self):
        run, given = self.model(**{"data.condition": "[label]"}), self.h5("given.h5", data=self.given)
        conditions = self.h5("conditions.h5", data=self.label.astype(np.float32))
        each = self.complete(run, given, "--conditions", conditions, "--guidance", 0.5, ranks=2)["samples"]
        self.assert_kept(each)
        same = self.complete(run, given, "--condition", "label=0", "--guidance", 0.5)["samples"]
        self.assertTrue(np.array_equal(each[0], same[0]))
        self.assertFalse(np.array_equal(each[self.label == 3], same[self.label == 3]))

    def test_refused(self):
        run, given, output = self.model(), self.h5("given.h5", data=self.given), ["--output", self.path("no.h5")]
        self.given[333, 1] = -np.inf
        infinite = self.h5("infinite.h5", columns=NAMES, data=self.given)
        for ranks in (0, 3):
            self.fails(DATA, "sample", run, "--given", infinite, *output, ranks=ranks,
                       says=["infinite.h5", "row 333", "'width'", "NaN"])
        self.fails(MISSING, "sample", run, "--given", self.path("nowhere.h5"), *output, says=["nowhere.h5"])
        for sampler in ("dpm_solver", "adams"):
            self.fails(USAGE, "sample", run, "--given", given, "--sampler", sampler, *output,
                       says=["--given", sampler, "ancestral"])
        self.fails(USAGE, "sample", run, "--given", given, "--count", 5, *output, says=["--given", "--count"])
        self.fails(USAGE, "sample", run, "--given", given, "--trajectory", 5, *output, says=["--trajectory"])
        self.fails(USAGE, "sample", run, "--count", 5, "--draws", 2, *output, says=["--draws", "--given"])
        self.assertFalse(os.path.exists(self.path("no.h5")))
        self.assert_no_leftovers()


if __name__ == "__main__":
    main()
