#!/usr/bin/python3
"""Failures on demand (tests/robust/checks.c): whatever call fails, on one rank or on three, the program ends by itself,
with one code on all ranks and a message, releases all memory, and leaves files that are whole or what they were before;
from checkpoints that were there the run ends in the same bits.

Run: ctest --preset dev -R robust.faults. DDPM_FAULTS: how many calls of each site on each rank are made to fail
(DDPM_LONG=1: all; by itself one, with several ranks of a third of the sites).
"""
import collections
import os
import re
import shutil
import unittest

from program import checkpoints, latest, number, run, settings
from robust import IO, PATIENCE, SHORTENED, TINY, Robust, read_bytes, seeded, train_words, write_bytes
from skipped import main

PROPER = {0, 64, 65, 66, 70, 74}  # 0: what failed can be done without
HALF, FULL = {"training.iterations": 5}, {"training.iterations": 10}
OLD = b", written before"
EVERY = 10 ** 9


def has_checks():
    return b"DDPM_FAULT" in read_bytes(os.environ.get("DDPM", "ddpm"))


@unittest.skipUnless(has_checks(), "this build has no DDPM_FAULT (the dev preset has)")
class Faults(Robust):
    def setUp(self):
        super().setUp()
        self.tally, self.sites, self.calls = collections.Counter(), set(), 0
        self.train_in("begun", HALF)

    def empty(self):
        shutil.rmtree(self.path("work"), ignore_errors=True)
        return self.workspace("work")

    def go(self, words, ranks, fault):
        return run(*words, ranks=ranks, folder=self.path("work"), timeout=PATIENCE, environment={"DDPM_FAULT": fault})

    def faults(self, words, ranks, prepare):
        """[(site, nth, rank)]: calls of an undisturbed run, a choice or all of them."""
        prepare()
        counted = self.go(words, ranks, "count")
        self.assertEqual(0, counted.code, str(counted))
        found = sorted(re.findall(r"calls: (\w+) (\d+) on rank (\d+)", counted.stderr))
        self.assertTrue(found)
        self.calls = sum(int(calls) for _, calls, _ in found)
        self.sites = {site for site, _, _ in found}
        most, chance = number("DDPM_FAULTS", 0, EVERY), seeded()
        if not most and ranks:
            found = chance.sample(found, len(found) // 3)
        return [(site, nth, rank) for site, calls, rank in found
                for nth in sorted(chance.sample(range(1, int(calls) + 1),
                                                min(self.wanted(site, calls, most), int(calls))))]

    @staticmethod
    def wanted(site, calls, most):
        """After an agreement that failed, what was begun before it is taken back: each is tried where they are few."""
        return 20 if site == "ddpm_agree" and int(calls) <= 20 else max(most, 1)

    def sweep(self, words, ranks, prepare, look):
        """Make calls fail, one in each run; look(result) says whether what is left is right."""
        words = list(map(str, words))
        for site, nth, rank in self.faults(words, ranks, prepare):
            prepare()
            fault = f"{site}:{nth}:{rank}"
            result = self.go(words, ranks, fault)
            with self.subTest(fault=fault):
                self.assertIn(f"fault: {site}:{nth} on rank {rank}", result.stderr, str(result))
                self.assertIn(result.code, PROPER, str(result))
                self.assertNotIn("leak:", result.stderr)
                self.assertEqual(result.code != 0, len(result.errors()) == 1, str(result))
                look(site, result)
            self.tally[result.code] += 1

    def tearDown(self):
        print(f"{self.id().rpartition('.')[2]}: {len(self.sites)} sites, {self.calls} calls on all ranks, "
              f"{sum(self.tally.values())} of them made to fail, exit codes {dict(sorted(self.tally.items()))}",
              flush=True)
        super().tearDown()


class Training(Faults):
    def sweep_training(self, ranks, begun):
        self.train_in("whole", FULL)
        expected = self.final("whole", FULL["training.iterations"])

        def prepare():
            self.empty()
            if begun:
                shutil.copytree(self.path("begun", "run"), self.path("work", "run"), symlinks=True)

        def look(_, __):
            self.train_in("work", FULL)
            self.assertEqual(expected, self.final("work", FULL["training.iterations"]))
            self.assert_clean("work")

        self.sweep(train_words(FULL), ranks, prepare, look)

    def test_train_alone(self):
        self.sweep_training(0, begun=False)

    def test_resume_alone(self):
        self.sweep_training(0, begun=True)

    def test_resume_on_three(self):
        self.sweep_training(3, begun=True)

    def test_begun_again(self):
        """A shortened run that dies at its first checkpoint has still that of the iteration at which it stalled, and
        begins again at once; to the same bits, with nothing of the longer run left."""
        model = {**SHORTENED, "checkpoint.every": 1000}
        said = self.train_in("whole", model=model, environment={"DDPM_FAULT": "count"}).stderr
        calls = int(re.search(r"calls: H5Fcreate (\d+)", said)[1])
        self.train_in("work", model=model, code=IO, environment={"DDPM_FAULT": f"H5Fcreate:{calls}"})
        left = checkpoints(self.path("work", "run"))
        self.assertEqual(1, len(left))
        said = self.train_in("work", model=model).stderr
        self.assertRegex(said, rf"resume +\S+{left[0]}, [^z]*the run begins again")
        last = checkpoints(self.path("whole", "run"))
        self.assertEqual(1, len(last))
        self.assertEqual(last, checkpoints(self.path("work", "run")))
        self.assert_same_bits(latest(self.path("whole", "run")), latest(self.path("work", "run")))
        self.assert_clean("work")

    def test_streamed(self):
        """Rows that are not held in memory, on two ranks."""
        self.ddpm("data", "two_moons", "--count", 600000, "--output", self.path("moons.h5"))
        values = {**TINY, **HALF, "data.condition": "[]", "data.source": "hdf5", "data.path": self.path("moons.h5"),
                  "data.memory": 3}
        self.sweep(["train", "/dev/null", *settings(values), "--output", "run"], 2, self.empty, lambda *_: None)

    def test_own_data(self):
        """Rows, column names and a condition read from a file."""
        self.ddpm("data", "two_moons", "--count", 400, "--output", self.path("moons.h5"))
        values = {**TINY, **HALF, "data.source": "hdf5", "data.path": self.path("moons.h5")}
        self.sweep(["train", "/dev/null", *settings(values), "--output", "run"], 0, self.empty, lambda *_: None)


class Writing(Faults):
    """Verbs that write files."""

    def sweep_files(self, words, names, ranks=0):
        """A verb that writes files of these names."""
        work = self.empty()
        outputs = [os.path.join(work, name) for name in names]
        self.ddpm(*words, folder=work)
        whole = [read_bytes(output) for output in outputs]
        old = {output: content + OLD for output, content in zip(outputs, whole)}

        def prepare():
            self.empty()
            for output in outputs:
                write_bytes(output, old[output])

        def look(site, result):
            for output, content in zip(outputs, whole):
                # a folder that cannot be synced is a failure too, of a file that is whole
                expected = [content] if result.code == 0 else [old[output], content]
                self.assertIn(read_bytes(output), expected, str(result))
            left = set(os.listdir(work)) - set(names)
            self.assertTrue(not left or site == "unlink", left)

        self.sweep(words, ranks, prepare, look)


class Data(Writing):
    def test_data(self):
        self.sweep_files(["data", "swiss_roll", "--count", 3000, "--output", "data.h5"], ["data.h5"])

    def test_data_on_three(self):
        self.sweep_files(["data", "swiss_roll", "--count", 3000, "--output", "data.h5"], ["data.h5"], 3)

    def test_forward(self):
        self.sweep_files(["forward", "/dev/null", *settings(TINY), "--count", 300, "--output", "forward.h5"],
                         ["forward.h5"])

    def test_schedule(self):
        self.sweep_files(["schedule", "/dev/null", "--output", "schedule.csv"], ["schedule.csv"])


class Models(Writing):
    """Verbs that read a checkpoint."""

    def sweep_sample(self, ranks):
        self.sweep_files(["sample", self.path("begun", "run"), "--count", 300, "--trajectory", 2,
                          "--condition", "label=1", "--output", "samples.h5"], ["samples.h5"], ranks)

    def test_sample_alone(self):
        self.sweep_sample(0)

    def test_sample_on_three(self):
        self.sweep_sample(3)

    def sweep_evaluate(self, ranks):
        self.sweep_files(["evaluate", self.path("begun", "run"), "--count", 70, "--samples", 40,
                          "--likelihood", "--output", "out.h5", "--json", "out.json"], ["out.h5", "out.json"], ranks)

    def test_evaluate_alone(self):
        self.sweep_evaluate(0)

    def test_evaluate_on_three(self):
        self.sweep_evaluate(3)

    def test_info(self):
        self.sweep_files(["info", self.path("begun", "run", "checkpoints", "latest.h5")], [])


if __name__ == "__main__":
    main(verbosity=2)
