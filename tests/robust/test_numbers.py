#!/usr/bin/python3
"""A loss or gradient that is not finite, and requests of the scheduler.
Run: ctest --preset dev -R robust.numbers"""
import os
import re
import time

import h5py
import numpy as np

from program import checkpoints, run
from robust import CONFIG, DATA, PATIENCE, STOPPED, USAGE, Robust, read_bytes, train_words
from skipped import main

# A rate at which numbers leave float32 after some iterations.
WILD = {"training.optimizer": "sgd", "training.learning_rate": 30, "training.clip": 0, "training.momentum": 0}


class Wild(Robust):
    def test_the_block_is_named_and_shown(self):
        """The same message on one rank and on three; RUN/failed.h5 meets it again at once, and --block shows its
        rows."""
        messages = set()
        for ranks in (0, 3):
            name = f"on {ranks}"
            result = self.train_in(name, WILD, code=DATA, ranks=ranks)
            messages.add(result.errors()[0])
            self.assertRegex(result.errors()[0],
                             r"block \d of 4 \(rows \d+ to \d+ of the batch\), at iteration \d+ of seed 0")
            self.assertIn("training.recover", result.errors()[0])
        self.assertEqual(1, len(messages), messages)
        message = messages.pop()
        again = self.train_in(name, WILD, "--resume", "run/failed.h5", code=DATA)
        self.assertEqual(message, again.errors()[0])
        block = int(message.partition("block ")[2].split()[0])
        shown = self.train_in(name, WILD, "--resume", "run/failed.h5", "--block", block).stdout.splitlines()
        self.assertEqual("row,t,largest_x0,largest_xt,largest_output,loss", shown[0])
        self.assertEqual([16 * block + i for i in range(16)], [int(line.split(",")[0]) for line in shown[1:]])
        self.assertTrue(all(len(line.split(",")) == 6 for line in shown))
        self.train_in(name, WILD, "--resume", "run/failed.h5", "--block", 4, code=USAGE)

    def test_recovery(self):
        """Back to the last regular checkpoint at half the rate, as often as it takes: the same bits on three ranks."""
        values = {**WILD, "training.recover": 20, "checkpoint.keep": 0, "run.report_every": 1}
        result = self.train_in("one", values)
        self.assertTrue(any("recovery 1 of 20" in line for line in result.warnings()), str(result))
        self.train_in("three", values, ranks=3)
        self.assertEqual(self.final("one"), self.final("three"))
        rows = read_bytes(self.path("one", "run", "metrics.csv")).splitlines()
        self.assertEqual(41, len(rows))
        self.assertLess(float(rows[-1].split(b",")[4]), 30)

    def test_recovery_after_stops(self):
        """This run fails twice at the same iteration between two regular checkpoints, and goes back further the second
        time. A stop after every iteration changes nothing of that."""
        values = {**WILD, "training.learning_rate": 2, "training.recover": 20, "checkpoint.keep": 0,
                  "training.iterations": 20}
        places = [int(re.search(r"goes on from iteration (\d+)", line)[1])
                  for line in self.train_in("one", values).warnings() if "recovery" in line]
        self.assertEqual([places[0], places[0] - 5], places)
        for _ in range(40):
            result = self.train_in("stopped", {**values, "run.time_limit": 1e-9}, code=None)
            if result.code != STOPPED:
                break
        self.assertEqual(0, result.code, str(result))
        self.assert_same_bits(*(self.path(name, "run", "checkpoints", "step-000000020.h5")
                                for name in ("one", "stopped")))

    def test_recovery_needs_checkpoints(self):
        result = self.train_in("one", {"training.recover": 1}, code=CONFIG)
        self.assertIn("checkpoint.keep", result.errors()[0])


class ReadBack(Robust):
    """What is written can be read back: a state or a configuration that could not be read is not written."""

    def assert_readable(self, name):
        for file in checkpoints(self.path(name, "run")):
            result = run("info", os.path.join(self.path(name, "run", "checkpoints"), os.path.basename(file)))
            self.assertEqual(0, result.code, str(result))

    def test_a_state_that_is_not_finite(self):
        """The first update makes numbers infinite; a recovery goes back from that too."""
        values = {"training.weight_decay": 1e38, "training.iterations": 3, "checkpoint.every": 1,
                  "training.recover": 1, "checkpoint.keep": 0}
        for ranks in (0, 3):
            result = self.train_in(f"on {ranks}", values, code=DATA, ranks=ranks)
            self.assertRegex(result.errors()[0], r"the state after iteration 1: \w+/\S+: element \d+ is not a finite "
                             r"number. It was not saved.")
            self.assertTrue(any("recovery 1 of 1" in line for line in result.warnings()), str(result))
            self.assertEqual([], checkpoints(self.path(f"on {ranks}", "run")))
        self.train_in("too fast", {"training.learning_rate": 1e39}, code=CONFIG)

    def test_moments_that_overflow(self):
        with h5py.File(self.path("large.h5"), "w") as file:
            file["data"] = 1e12 * np.random.default_rng(1).normal(size=(100, 2))
        values = {"data.source": "hdf5", "data.path": self.path("large.h5"), "data.standardize": "none",
                  "data.condition": "[]", "training.clip": 0, "network.kind": "mlp",
                  "diffusion.predict": "data", "diffusion.variance": "beta", "diffusion.loss": "simple",
                  "diffusion.timesteps": "uniform", "network.components": 0}
        result = self.train_in("work", values, code=DATA)
        self.assertIn("data.standardize: column", result.errors()[0])
        self.assert_readable("work")

    def test_rows_that_were_replaced(self):
        """Other rows, a changed condition and another order are noticed where means and deviations say nothing, held
        or streamed. The fingerprint is the same on any ranks."""
        rows = np.random.default_rng(1).normal(size=(500, 3)).astype(np.float32)
        rows[:, 2] = np.arange(500) % 2

        def write(numbers):
            with h5py.File(self.path("rows.h5"), "w") as file:
                file["data"] = numbers
                file["data"].attrs["columns"] = ["x", "y", "label"]

        def fingerprint(name):
            with h5py.File(self.path(name, "run", "checkpoints", "step-000000002.h5"), "r") as file:
                return file.attrs["fingerprint"]

        other, label, reverse = rows.copy(), rows.copy(), rows[::-1]
        other[7, 0] += 3
        label[:2, 2] = 1 - label[:2, 2]
        held = {"data.source": "hdf5", "data.path": self.path("rows.h5"), "data.standardize": "none",
                "data.condition": "['class:label']", "training.iterations": 2, "training.validate_every": 0}
        many = np.tile(rows, (190, 1))
        moved = many + np.float32([1, 0, 0])
        for name, values, rows, changes in (("held", held, rows, (other, label, reverse)),
                                            ("streamed", {**held, "data.memory": 1}, many, (moved,))):
            write(rows)
            self.train_in(name, values)
            self.train_in(name + " 3", values, ranks=3)
            self.assertEqual(fingerprint(name), fingerprint(name + " 3"))
            more = {**values, "training.iterations": 3}
            for numbers in changes:
                write(numbers)
                self.assertIn("rows were replaced", self.train_in(name, more, code=DATA).errors()[0])
            write(rows)
            self.train_in(name, more)

    def test_a_name_that_is_not_utf8(self):
        words = train_words({"training.iterations": 1})
        result = run(*words[:-1], os.fsdecode(b"run\xff"), folder=self.workspace("work"), timeout=PATIENCE)
        self.assertEqual(CONFIG, result.code, str(result))
        self.assertIn("could not be read back", result.errors()[0])
        self.assertEqual([], os.listdir(self.path("work")))


class Scheduler(Robust):
    ENDLESS = {"training.iterations": 10 ** 7, "checkpoint.every": 10 ** 6}

    def stops(self, end, values=()):
        began = time.monotonic()
        result = self.train_in("work", {**self.ENDLESS, **dict(values)}, "--timings", code=STOPPED, ranks=3,
                               environment={"SLURM_JOB_END_TIME": str(end)})
        self.assertIn("the end of the SLURM job", result.errors()[0])
        self.assertEqual(4, len(read_bytes(self.path("work", "run", "timings.csv")).splitlines()))
        self.assertEqual(1, len(checkpoints(self.path("work", "run"))))
        return time.monotonic() - began

    def test_before_the_end_of_the_job(self):
        self.stops(int(time.time()) + 6)  # half of what is left

    def test_after_the_end_of_the_job(self):
        self.stops(int(time.time()) - 5)

    def test_no_time(self):
        result = self.train_in("work", {}, environment={"SLURM_JOB_END_TIME": "tomorrow"})
        self.assertTrue(any("SLURM_JOB_END_TIME" in line for line in result.warnings()), str(result))


if __name__ == "__main__":
    main(verbosity=2)
