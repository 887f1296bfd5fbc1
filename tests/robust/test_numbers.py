#!/usr/bin/python3
"""A loss or gradient that is not finite, and requests of the scheduler.
Run: ctest --preset dev -R robust.numbers"""
import re
import time

from program import checkpoints
from robust import CONFIG, DATA, STOPPED, USAGE, Robust, read_bytes
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
