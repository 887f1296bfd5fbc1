#!/usr/bin/python3
"""Files that are made to do harm, given to the whole program: a message and an exit code, in bounded time, whatever
HDF5 does.

The inputs are the corpus of the fuzzers. Run: ctest --preset dev -R robust.hostile
"""
import os

from program import run, settings
from robust import CONFIG, DATA, MISSING, PATIENCE, Robust
from skipped import main

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "corpus")
PROPER = (0, DATA, MISSING, CONFIG, 74)


class Hostile(Robust):
    def check(self, kind, *words):
        for name in sorted(os.listdir(os.path.join(CORPUS, kind))):
            path = os.path.join(CORPUS, kind, name)
            with self.subTest(file=name):
                result = run(*[path if word == "FILE" else word for word in words], timeout=PATIENCE,
                             folder=self.folder)
                self.assertIn(result.code, PROPER, str(result))
                self.assertEqual(result.code != 0, len(result.errors()) == 1, str(result))
                self.assertNotIn("root:", result.stdout + result.stderr)  # of /etc/passwd, where some of them point

    def test_configurations(self):
        self.check("config", "config", "FILE")

    def test_data(self):
        self.check("data", "info", "FILE")
        for name in sorted(os.listdir(os.path.join(CORPUS, "data"))):
            values = {"data.source": "hdf5", "data.path": os.path.join(CORPUS, "data", name), "training.iterations": 1,
                      "training.batch": 8}
            with self.subTest(train=name):
                result = run("train", "/dev/null", *settings(values), "--output", self.path("run", name),
                             timeout=PATIENCE)
                self.assertIn(result.code, PROPER, str(result))
                self.assertEqual(result.code != 0, len(result.errors()) == 1, str(result))

    def test_checkpoints(self):
        self.check("checkpoint", "info", "FILE")


if __name__ == "__main__":
    main(verbosity=2)
