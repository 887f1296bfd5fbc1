#!/usr/bin/python3
"""Numbers keep their digits, whatever their offset and scale, from the file to the samples: float64, whole numbers, and
float32 as before. Run: ctest --preset dev -R cli.digits
"""
import json
import os
import re
from fractions import Fraction

import numpy as np

from program import SMALL, Case, latest, read_h5, settings
from skipped import main

ROWS = 2000
RNG = np.random.default_rng(5)
REALS = np.stack([1e9 + RNG.normal(size=ROWS), 1e-60 * RNG.normal(size=ROWS), 2460000.5 + RNG.uniform(0, 3, ROWS),
                  1.7e9 + RNG.uniform(0, 86400, ROWS), np.full(ROWS, 0.1), RNG.normal(size=ROWS)], axis=1)
WHOLE = np.stack([2**60 + RNG.integers(0, 1001, ROWS), RNG.integers(0, 7, ROWS), np.full(ROWS, 5 - 2**63),
                  RNG.integers(-2**62, 2**62, ROWS)], axis=1)
UNSIGNED = np.stack([np.uint64(2**64 - 1) - RNG.integers(0, 100, ROWS).astype("u8"),
                     RNG.integers(0, 9, ROWS).astype("u8")], axis=1)
QUICK = {**SMALL, "data.source": "hdf5", "data.validation": 0, "training.iterations": 60, "training.validate_every": 0,
         "training.learning_rate": 0.01, "sampling.steps": 10, "checkpoint.every": 1000, "data.transform": "standard"}
DATA = 65


def distances(rows, others):
    """Rows less the first of the others, in double: exact differences of whole numbers."""
    if rows.dtype.kind == "f":
        return rows - others[0]
    return np.array((rows.astype(object) - others[0].astype(object)).tolist(), dtype=float)


class Digits(Case):
    runs = 0

    def run_folder(self, rows, values=(), ranks=0, **datasets):
        self.runs += 1
        path = self.h5("data.h5", data=rows, **datasets)
        return self.train("/dev/null", self.path(f"run{self.runs}"), {**QUICK, "data.path": path, **dict(values)},
                          ranks=ranks)

    def samples(self, run_folder, *arguments, name="samples", **more):
        self.ddpm("sample", run_folder, "--output", self.path("s.h5"), *arguments, **more)
        return read_h5(self.path("s.h5"))[name]

    def expect_moments(self, run_folder, rows):
        found = read_h5(latest(run_folder))
        mean, scale = found["transform/mean"], found["transform/scale"]
        away = distances(rows, rows)
        deviation = np.where(away.std(axis=0) > 0, away.std(axis=0), 1)
        np.testing.assert_allclose(scale, deviation, rtol=1e-10)
        # the mean from the first row on, in which no digit is lost
        base = rows[0].astype(object)
        rest = found.get("transform/remainder", np.zeros(len(mean)))
        of_mean = np.array([float(Fraction(m) - Fraction(b)) for m, b in zip(mean, base)])
        np.testing.assert_allclose((of_mean + rest - away.mean(axis=0)) / deviation, 0, atol=1e-6)

    def expect_like(self, samples, rows):
        """Every column is where that of the data is, and as wide; a constant one is that constant."""
        self.assertEqual(rows.dtype, samples.dtype)
        real, made = distances(rows, rows), distances(samples, rows)
        wide = real.std(axis=0)
        np.testing.assert_array_equal(made[:, wide == 0], 0)
        off = np.abs(made.mean(axis=0) - real.mean(axis=0))[wide > 0] / wide[wide > 0]
        self.assertLess(off.max(), 0.5)
        ratio = (made.std(axis=0) / np.where(wide > 0, wide, 1))[wide > 0]
        self.assertTrue((ratio > 0.5).all() and (ratio < 1.5).all(), ratio)

    def test_types(self):
        small = WHOLE[:, :2] % 97
        for rows in (REALS, WHOLE, UNSIGNED, small.astype("i4") + 10**9, small.astype("u1")):
            with self.subTest(dtype=rows.dtype):
                run_folder = self.run_folder(rows)
                self.expect_moments(run_folder, rows)
                self.expect_like(self.samples(run_folder, "--count", 400), rows)

    def test_shared_by_rounding(self):
        """Whole numbers that are one in double, or few, keep their distribution with the default map; others that
        many rows share are mapped, and warned of where double rounds them."""
        near = np.uint64(2**63) + RNG.integers(0, 1001, (ROWS, 2)).astype("u8")
        for rows in (WHOLE, UNSIGNED, near):
            run_folder = self.run_folder(rows, {"data.transform": "auto"})
            self.expect_like(self.samples(run_folder, "--count", 400), rows)
            self.assertNotIn("2^53", self.said(run_folder))
        codes = RNG.integers(-2**62, 2**62, 5)[RNG.integers(0, 5, (ROWS, 1))]
        run_folder = self.run_folder(codes, {"data.transform": "auto"})
        made = self.samples(run_folder, "--count", 400)
        self.assertLessEqual(set(made.flat), set(codes.astype(float).astype(int).flat))
        self.assertIn("2^53", self.said(run_folder))

    def said(self, run_folder):
        with open(os.path.join(run_folder, "run.log"), encoding="utf-8") as log:
            return log.read()

    def test_streamed(self):
        for rows in (np.tile(REALS, (100, 1)), np.tile(WHOLE, (100, 1))):
            with self.subTest(dtype=rows.dtype):
                run_folder = self.run_folder(rows, {"data.memory": 3.5, "training.batch": 16})
                self.expect_moments(run_folder, rows)
                self.expect_like(self.samples(run_folder, "--count", 400), rows)

    def test_few_windows(self):
        """Training that sees only some windows of a streamed file is told so, with what helps; one that sees all is
        not."""
        path = self.h5("many.h5", data=RNG.normal(size=(400000, 2)).astype("f4"))
        for iterations, expected in ((100, 1), (9000, 0)):
            result = self.ddpm("train", "/dev/null", *settings({**QUICK, "data.path": path, "data.memory": 1,
                                                                "training.iterations": iterations}), "--dry-run")
            said = [line for line in result.warnings() if "windows" in line]
            self.assertEqual(expected, len(said), str(result))
            self.assertTrue(all("training.iterations" in line and "data.memory" in line for line in said))

    def test_too_wide_rows(self):
        """Rows wider than is sensible are warned of before anything is trained, beside the memory and the time of an
        iteration; narrower rows are not."""
        for columns, expected in ((65, 0), (1025, 1)):
            path = self.h5("wide.h5", data=RNG.normal(size=(20, columns)).astype("f4"))
            result = self.ddpm("train", "/dev/null", *settings({**QUICK, "data.path": path}), "--dry-run")
            said = [line for line in result.warnings() if "where at most 1024 are sensible" in line]
            self.assertEqual(expected, len(said), str(result))
            for line in (r"^memory +\d+\.\d MiB a rank", r"^time +\S+ s an iteration"):
                self.assertRegex(result.stderr, re.compile(line, re.MULTILINE))

    def test_wide_table(self):
        """Columns of many kinds, from training to evaluation, with moments as h5py has them."""
        columns = 300
        rows = RNG.normal(size=(ROWS, columns))
        rows[:, :5] = np.stack([1e9 + rows[:, 0], 1e-60 * rows[:, 1], np.full(ROWS, 2.5),
                                2.0**60 + 4096 * np.round(100 * rows[:, 3]), rows[:, 4] > 0], axis=1)
        rows[:, 5:20] *= RNG.uniform(size=(ROWS, 15)) < 0.01
        run_folder = self.run_folder(rows, {"data.validation": 0.1, "training.iterations": 200, "network.width": 64,
                                            "data.transform": "auto"})
        again = self.run_folder(rows)
        self.expect_moments(again, rows)
        samples = self.samples(run_folder, "--count", 400)
        self.expect_like(np.delete(samples, np.s_[5:20], 1), np.delete(rows, np.s_[5:20], 1))
        self.assertAlmostEqual((samples[:, 5:20] != 0).mean(), 0.01, delta=0.006)
        given = rows[:40].copy()
        given[:, ::2] = np.nan
        made = self.samples(run_folder, "--given", self.h5("part.h5", data=given), "--resample", 1)
        np.testing.assert_array_equal(made[:, 1::2], given[:, 1::2])
        self.assertTrue(np.isfinite(made).all() and (made[:, 2] == 2.5).all())
        self.ddpm("evaluate", run_folder, "--count", 100, "--samples", 200, "--json", self.path("e.json"))
        with open(self.path("e.json"), encoding="utf-8") as file:
            quality = json.load(file)["quality"]
        self.assertEqual((columns, 0), (len(quality["ks"]), quality["ks"][2]))

    def test_ranks(self):
        for rows in (REALS, WHOLE):
            one, three = (self.run_folder(rows, ranks=ranks) for ranks in (0, 3))
            self.assert_same_bits(latest(one), latest(three))
            same = [self.samples(one, "--count", 150, ranks=ranks) for ranks in (0, 3)]
            self.assertTrue(np.array_equal(*same))

    def test_float32_where_it_has_the_digits(self):
        near = np.stack([3000 + RNG.normal(size=ROWS), np.full(ROWS, 0.5)], axis=1)
        for rows, expected in ((near, "f4"), (near.astype("f4"), "f4"), (1e5 * near, "f4"), (near + 1e5, "f8")):
            run_folder = self.run_folder(rows)
            self.assertEqual(expected, self.samples(run_folder, "--count", 3).dtype.str[1:])
        trajectory = self.samples(run_folder, "--count", 3, "--trajectory", 2, name="trajectory")
        self.assertEqual("f8", trajectory.dtype.str[1:])

    def test_one_mean_for_all(self):
        rows = REALS[:, :1] + np.arange(3)
        run_folder = self.run_folder(rows, {"data.standardize": "global"})
        found = read_h5(latest(run_folder))
        np.testing.assert_allclose(found["transform/scale"], (rows - 1e9).std(), rtol=1e-10)
        self.expect_like(self.samples(run_folder, "--count", 400), rows)

    def test_completions(self):
        """Given values come back as they are: whole numbers, and float64 where they are given as that."""
        last = REALS[:, 5:]
        for rows, kind in ((REALS, "f8"), (WHOLE, "i8"), (last + [[0, 1]], "f8"), (last.astype("f4"), "f4")):
            run_folder = self.run_folder(rows)
            given = rows[:50].astype("f8" if kind != "f4" else "f4")
            given[::2, 0] = np.nan
            if kind == "i8":
                given[:, [0, 2, 3]] = np.nan  # which float64 does not hold
            path = self.h5("given.h5", data=given)
            for draws, name in ((1, "samples"), (2, "draws")):
                made = self.samples(run_folder, "--given", path, "--draws", draws, "--resample", 1, name=name)
                self.assertEqual(kind, made.dtype.str[1:])
                known = ~np.isnan(given)
                for layer in made.reshape(draws, *given.shape):
                    np.testing.assert_array_equal(layer[known], given[known])
        run_folder = self.run_folder(WHOLE)
        whole = self.h5("whole.h5", data=WHOLE[:9])
        np.testing.assert_array_equal(self.samples(run_folder, "--given", whole, "--resample", 1), WHOLE[:9])
        part = self.h5("part.h5", data=np.where([[0, 1, 0, 0]], 2.5, np.nan) * np.ones((3, 1)))
        self.fails(DATA, "sample", run_folder, "--given", part, "--output", self.path("s.h5"),
                   says=("column 1 of the model", "is 2.5", "type int64"))

    def test_conditions(self):
        """A number whose offset is large decides as well as one whose offset is not."""
        which = RNG.integers(0, 2, ROWS)
        rows = (np.where(which, 3.0, -3.0) + 0.1 * RNG.normal(size=ROWS)).astype("f4")[:, None]
        for time, early, late in ((2**60 + which, 2**60, 2**60 + 1), (1e9 + which, "1000000000.0", "1000000001.0")):
            run_folder = self.run_folder(rows, {"data.condition": "['number:time']", "training.iterations": 300},
                                         time=time)
            means = [self.samples(run_folder, "--count", 100, "--condition", f"time={at}").mean()
                     for at in (early, late)]
            self.assertLess(means[0], -2)
            self.assertGreater(means[1], 2)
            path = self.h5("c.h5", data=np.array([time[:20]]).T)
            made = self.samples(run_folder, "--conditions", path)[:, 0]
            np.testing.assert_array_equal(made > 0, which[:20] == 1)

    def test_evaluation(self):
        """Made by the model or read from a file, samples far from zero are compared by all their digits."""
        run_folder = self.run_folder(REALS[:, :3], {"data.validation": 0.3})
        self.samples(run_folder, "--count", 500)
        for arguments in ((), ("--samples-file", self.path("s.h5"), "--data", self.path("data.h5"))):
            self.ddpm("evaluate", run_folder, "--count", 0, "--samples", 500, *arguments, "--json", self.path("e.json"))
            with open(self.path("e.json"), encoding="utf-8") as file:
                quality = json.load(file)["quality"]
            self.assertLess(max(quality["ks"]), 0.25)
            self.assertGreater(min(quality["ks"]), 0)

    def test_constants(self):
        """A constant column is told from no other in evaluation, and the density is that of the other columns; rows
        that are all equal, and a single one, come back."""
        rows = np.stack([np.full(ROWS, 5), RNG.normal(size=ROWS)], axis=1).astype("f4")
        run_folder = self.run_folder(rows, {"data.validation": 0.2, "training.iterations": 200})
        result = self.ddpm("evaluate", run_folder, "--count", 100, "--samples", 300, "--likelihood",
                           "--json", self.path("e.json"))
        self.assertIn("of 1 columns; the others have one value", result.stdout)
        with open(self.path("e.json"), encoding="utf-8") as file:
            found = json.load(file)
        self.assertEqual(0, found["quality"]["ks"][0])
        entropy = 0.5 * np.log(2 * np.pi * np.e)
        self.assertAlmostEqual(entropy, found["likelihood"]["own_nats"], delta=0.4)
        self.assertAlmostEqual(found["likelihood"]["own_nats"], found["likelihood"]["own_nats_per_column"], delta=1e-8)
        self.assertGreater(found["bound"]["nats"], found["likelihood"]["nats"])
        for same in (np.full((300, 2), 7.3), np.array([[1, 0.1]], "f4")):
            made = self.samples(self.run_folder(same), "--count", 4)
            np.testing.assert_array_equal(made, np.broadcast_to(same[0], (4, 2)))
            self.assertEqual(same.dtype, made.dtype)

    def test_refused(self):
        wide = self.h5("wide.h5", data=np.array([[1e300], [-1e300], [0]]))
        self.fails(DATA, "train", "/dev/null", *settings({**QUICK, "data.path": wide}), "--output", self.path("r"),
                   says=("column 0", "variance", "another unit"))
        self.fails(DATA, "train", "/dev/null", *settings({**QUICK, "data.path": wide, "data.standardize": "none"}),
                   "--output", self.path("r"), says=("row 0, column 0", "too large for a model"))


if __name__ == "__main__":
    main()
