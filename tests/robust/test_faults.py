#!/usr/bin/python3
"""Failures on demand (tests/robust/checks.c): whatever call fails, on one rank or on three, the program ends by itself, with one
code on all ranks and a message, releases all memory, and leaves checkpoints from which the run ends in the same bits.

Run: DDPM=build/dev/ddpm /usr/bin/python3 tests/robust/test_faults.py; DDPM_FAULTS=all for every call of every site.
"""
import collections
import os
import re
import shutil
import unittest

from robust import LONG, Robust, TINY, read_bytes, run, train_words

HERE = os.path.dirname(os.path.abspath(__file__))
ALL = os.environ.get("DDPM_FAULTS") == "all"
PROPER = {0, 64, 65, 66, 70, 74}  # 0: what failed can be done without
HALF, FULL = {"training.iterations": 10}, {"training.iterations": 20}


def sites():
    with open(os.path.join(HERE, "checks.c"), encoding="utf-8") as file:
        found = re.findall(r"^(?:INSTEAD|AFTER|DECLARE)\((\w+),", file.read(), re.M)
    return list(dict.fromkeys(found))


def has_checks():
    program = os.environ.get("DDPM", "ddpm")
    return b"DDPM_FAULT" in read_bytes(program)


@unittest.skipUnless(has_checks(), "this build has no DDPM_FAULT (the dev preset has)")
class Faults(Robust):
    def setUp(self):
        super().setUp()
        self.tally = collections.Counter()
        self.train("begun", HALF)
        self.train("whole", FULL)
        self.expected = self.final("whole", 20)

    def calls(self, words, prepare, ranks):
        """Run with each fault in turn: nth call of a site on a rank, until no call is the nth."""
        for site in sites():
            for rank in ([0, 2] if ranks else [0]):
                nth, step = 1, 1
                while True:
                    prepare()
                    fault = f"{site}:{nth}:{rank}"
                    result = run(*words, ranks=ranks, folder=self.path("work"), timeout=LONG, environment={"DDPM_FAULT": fault})
                    if f"fault: {site}:{nth} on rank {rank}" not in result.stderr:
                        self.assertEqual(0, result.code, str(result))
                        break
                    self.check(fault, result)
                    yield fault, result
                    nth += 1 if ALL else step
                    step *= 2

    def check(self, fault, result):
        with self.subTest(fault=fault):
            self.assertIn(result.code, PROPER, str(result))
            self.assertNotIn("leak:", result.stderr)
            self.assertEqual(result.code != 0, len(result.errors()) == 1, str(result))
        self.tally[result.code] += 1

    def train_with_faults(self, ranks, begun):
        def prepare():
            shutil.rmtree(self.path("work"), ignore_errors=True)
            os.makedirs(self.path("work"))
            if begun:
                shutil.copytree(self.path("begun", "run"), self.path("work", "run"), symlinks=True)
        for fault, _ in self.calls(train_words(FULL), prepare, ranks):
            with self.subTest(fault=fault):
                self.train("work", FULL)
                self.assertEqual(self.expected, self.final("work", 20), fault)
                self.assert_clean("work")

    def tearDown(self):
        print(f"{self.id().rpartition('.')[2]}: {sum(self.tally.values())} faults, exit codes {dict(self.tally)}", flush=True)
        super().tearDown()

    def test_train_alone(self):
        self.train_with_faults(0, begun=False)

    def test_resume_alone(self):
        self.train_with_faults(0, begun=True)

    def test_resume_three_ranks(self):
        self.train_with_faults(3, begun=True)

    def sample_with_faults(self, ranks):
        words = ["sample", self.path("begun", "run"), "--count", 300, "--trajectory", 2, "--output", "samples.h5"]
        os.makedirs(self.path("work"))
        output = self.path("work", "samples.h5")
        self.ddpm(*words, folder=self.path("work"))
        whole = read_bytes(output)
        def prepare():
            with open(output, "wb") as file:
                file.write(b"what was there")
        for fault, result in self.calls(words, prepare, ranks):
            with self.subTest(fault=fault):
                # a folder that cannot be synced is a failure too, of a file that is whole
                self.assertIn(read_bytes(output), [whole] if result.code == 0 else [b"what was there", whole], str(result))
                left = [name for name in os.listdir(self.path("work")) if name != "samples.h5"]
                self.assertTrue(not left or fault.startswith("unlink:"), left)

    def test_sample_alone(self):
        self.sample_with_faults(0)

    def test_sample_three_ranks(self):
        self.sample_with_faults(3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
