#!/usr/bin/python3
"""A sweep of 3 x 3 points as a job array on a real SLURM cluster: two tasks are killed, resubmit completes those and
only those, the table has all."""
import csv
import os
import signal

import cluster
import program
from ddpm_analysis import read_sweep
from skipped import main

setUpModule, tearDownModule = cluster.up, cluster.down

BASE = """\
data: {source: swiss_roll, count: 5000}
network: {width: 32, depth: 2}
training: {batch: 128, iterations: 2000}
parallel: {block_rows: 16}
checkpoint: {every: 100}
"""
SWEEP = """\
base: base.yaml
grid:
  diffusion.steps: [10, 100, 1000]
  training.learning_rate: [1e-4, 1e-3, 1e-2]
evaluate: [--count, 50, --samples, 500]
"""
KILLED = (4, 7)


class Sweep(cluster.Case):
    def sweep(self, *words, environment=None):
        return cluster.on_head("/usr/bin/python3", "jobs/sweep.py", words[0], self.definition,
                               "--output", self.path("points"), *words[1:], environment=environment, timeout=120)

    def point(self, index):
        return next(os.path.join(self.path("points"), name) for name in os.listdir(self.path("points"))
                    if name.startswith(f"{index:04d}-"))

    def evaluations(self):
        return {index: os.stat(os.path.join(self.point(index), "evaluation.json")).st_mtime_ns for index in range(9)
                if index not in KILLED}

    def states(self):
        return {int(line.split()[0]): line.split()[1] for line in self.sweep("list").splitlines()}

    def submit_sweep(self, verb):
        """The array's number, and the line that tells of it."""
        line = self.sweep(verb, "--", "--output", self.path("task-%a.out"), environment={"DDPM_FAILURES": "0"})
        return line.split("job ")[1].split(":")[0], line

    def wait(self):
        program.until(lambda: not cluster.on_head("squeue", "-h").strip(), cluster.WAIT)

    def kill(self, array):
        """One task by scancel, one by the death of a rank; both while they train."""
        program.until(lambda: self.states()[KILLED[0]] == "started", cluster.WAIT)
        self.assertIn("in the queue already: ", self.sweep("submit"))
        cluster.on_head("scancel", f"{array}_{KILLED[0]}")
        program.until(lambda: self.states()[KILLED[1]] == "started", cluster.WAIT)
        os.kill(self.rank(KILLED[1]), signal.SIGKILL)

    def rank(self, index):
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if words[0] == program.DDPM.encode() and self.point(index).encode() in words:
                return int(name)
        self.fail("no rank of that point is running")

    def test_three_by_three(self):
        self.write("base.yaml", BASE)
        self.definition = self.write("sweep.yaml", SWEEP)
        array, _ = self.submit_sweep("submit")
        self.kill(array)
        self.wait()
        expected = ",".join(map(str, KILLED))
        self.assertEqual(expected, self.sweep("missing").strip(), self.sweep("list"))
        self.assertIn(f"7 of 9 points; missing: {expected}", self.sweep("gather"))
        before = self.evaluations()

        _, line = self.submit_sweep("resubmit")
        self.assertIn(f"points {expected}", line)
        self.wait()
        self.assertEqual("", self.sweep("missing").strip(), self.sweep("list"))
        self.assertEqual(before, self.evaluations())
        self.assertIn("nothing to submit", self.sweep("resubmit"))
        self.sweep("gather")
        self.check_table()
        self.check_bits(KILLED[1], {"diffusion.steps": 1000, "training.learning_rate": 1e-3})

    def check_table(self):
        with open(self.path("points", "table.csv"), encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        table = read_sweep(self.path("points", "table.h5"))
        self.assertEqual(list(range(9)), table.columns["index"].tolist())
        self.assertEqual(["diffusion.steps", "training.learning_rate"], table.axes)
        self.assertEqual([10] * 3 + [100] * 3 + [1000] * 3, table.columns["diffusion.steps"].tolist())
        for name in ("alpha_bar_T", "bound", "forest", "sliced_w1", "sliced_w1_ratio"):
            self.assertEqual([row[name] for row in rows], [str(value) for value in table.columns[name].tolist()])

    def check_bits(self, index, settings):
        """A point is the run that its settings make, on one rank."""
        self.ddpm("train", self.path("base.yaml"), *program.settings(settings), "--output", self.path("alone"),
                  timeout=120)
        here, there = (program.read_h5(program.latest(folder)) for folder in (self.path("alone"), self.point(index)))
        for name, values in here.items():
            self.assertTrue((program.bits(values) == program.bits(there[name])).all(), name)


if __name__ == "__main__":
    main()
