#!/usr/bin/python3
"""The machinery of the quality suite (jobs/suite.py): its short form is interrupted, killed, goes on, and ends in a
table and a picture. How good its samples are is not tested here. Run: ctest --preset dev -R cli.suite"""
import math
import os
import signal
import sys

import numpy as np

import program
from ddpm_analysis import read_csv
from ddpm_analysis.datasets import Limits
from ddpm_analysis.text_files import read_text
from program import SOURCE, Case, load_job, until
from skipped import main

suite = load_job("suite")
SCRIPT = [sys.executable, os.path.join(SOURCE, "jobs", "suite.py")]


class Functions(Case):
    def test_limits(self):
        row = {"accuracy": 0.52, "deviation": 0.985, "allowed": 0.016, "spread": 0.12, "gap": -0.02}
        limits = Limits(0.52, 0.01, 0.12, 0.02)
        self.assertEqual([], list(suite.broken_limits(row, limits)))
        self.assertEqual([], list(suite.broken_limits({}, Limits())))
        bad = {"accuracy": 0.53, "deviation": 1.017, "allowed": 0.016, "spread": math.nan, "gap": 0.021}
        self.assertEqual(["accuracy 0.530", "deviation 1.017", "spread nan", "gap 0.021"],
                         list(suite.broken_limits(bad, limits)))

    def test_time_to_quality(self):
        history = [(100, 1.0, 0.9), (200, 2.0, 0.528), (300, 3.0, 0.519), (400, 4.0, 0.522)]
        self.assertEqual((0.519, 2.0), suite.time_to_quality(history))

    def test_worst_deviation(self):
        """The column that is farthest from 1 beyond its error: a heavy tail may differ more."""
        rng = np.random.default_rng(0)
        data = np.column_stack([rng.normal(size=20000), rng.standard_t(5, 20000)])
        ratio, allowed = suite.worst_deviation(data * [1.1, 1.12], data, 0.01)
        self.assertAlmostEqual(ratio, 1.1, places=6)
        self.assertAlmostEqual(allowed, 0.01 + 2.498 / math.sqrt(2 * 20000), places=3)  # the quantile at 1 - 0.025 / 4
        ratio, allowed = suite.worst_deviation(data * [1.1, 1.12], data, None)
        self.assertAlmostEqual(ratio, 1.12, places=6)
        self.assertIsNone(allowed)


class Short(Case):
    def start(self, *arguments):
        return program.start(self.path("out"), "--short", *arguments, command=SCRIPT, threads=2)

    def suite(self, *arguments, code):
        """code=None: 0 or 1, as the limits in the table are kept or not."""
        result = program.finish(self.start(*arguments), timeout=300)
        if code is None:
            table = read_csv(self.path("out", "table.csv"), texts=suite.TEXTS)
            code = int(any(text not in ("yes", "") for text in table["result"]))
        self.assertEqual(code, result.code, str(result))
        return result

    def wait_for_more(self, process, seen=()):
        """Until the first set has a checkpoint that is not in `seen`; all that it has then."""
        folder = self.path("out", "two_moons", "checkpoints")

        def found():
            self.assertIsNone(process.poll(), "it has ended too early")
            names = program.checkpoints(os.path.dirname(folder)) if os.path.isdir(folder) else []
            return names if set(names) - set(seen) else None
        return until(found, timeout=120)

    def test_goes_on(self):
        more = ("--set", "training.iterations=1000", "--time-to-quality")
        process = self.start(*more)
        seen = self.wait_for_more(process)
        process.send_signal(signal.SIGTERM)
        result = program.finish(process, timeout=60)
        self.assertEqual(75, result.code, str(result))
        self.assertIn("stopped; the same command goes on", result.stderr)
        process = self.start(*more)
        self.wait_for_more(process, {*seen, *program.checkpoints(self.path("out", "two_moons"))})
        program.kill_session(process.pid)
        program.finish(process)
        self.suite(*more, code=None)
        log = read_text(self.path("out", "two_moons", "log.txt"))
        self.assertEqual(2, log.count("\nresume"), log)
        self.check_results()
        self.assertIn("training.iterations: 1000, and now it is 200", self.suite(code=78).stderr)
        self.suite(*more, "--only", "iris", code=0)
        self.assertEqual(4, len(read_csv(self.path("out", "table.csv"), texts=suite.TEXTS)), "earlier sets stay")

    def check_results(self):
        """The table; what is whole is not done again."""
        table = read_csv(self.path("out", "table.csv"), texts=suite.TEXTS)
        self.assertEqual(["two_moons", "mixture10", "factors64", "iris"], table["set"].tolist())
        self.assertEqual([2, 10, 64, 4], table["columns"].tolist())
        for name in ("train_seconds", "sample_seconds", "accuracy", "oracle", "deviation", "w1", "w1_oracle"):
            self.assertTrue((table[name] > 0).all(), name)
        self.assertTrue(np.isfinite(table["gap"]).tolist() == [False, True, False, False])
        self.assertLess(table["gap"][1], 0.2, "no model knows the rows better than what drew them")
        self.assertTrue(np.isfinite(table["spread"]).tolist() == [False, False, True, False])
        self.assertTrue(np.isfinite(table["time"]).tolist() == [True, True, True, False])
        for text, limited in zip(table["result"], (True, True, True, False)):
            self.assertEqual(limited, bool(text))
        with open(self.path("out", "densities.png"), "rb") as file:
            self.assertEqual(b"\x89PNG", file.read(4))
        before = self.times()
        again = self.suite("--set", "training.iterations=1000", "--time-to-quality", code=None)
        self.assertEqual(before, self.times())
        self.assertEqual(1 + 4 + 1, len(again.stdout.splitlines()), again.stdout)

    def times(self):
        """When each file of the runs was written last."""
        return {os.path.join(folder, name): os.stat(os.path.join(folder, name)).st_mtime_ns
                for folder, _, names in os.walk(self.path("out")) for name in names
                if os.path.basename(folder) != "out" and name != "log.txt"}

    def test_failures(self):
        self.assertIn("'gone'", self.suite("--only", "gone", code=65).stderr)
        self.assertIn("network.breadth", self.suite("--set", "network.breadth=3", code=65).stderr)
        result = self.suite("--only", "iris", "--set", "training.learning_rate=1e30", code=1)
        self.assertIn("`ddpm train` failed with exit code 65; see", result.stdout)


if __name__ == "__main__":
    main()
