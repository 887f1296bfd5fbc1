#!/usr/bin/python3
"""Files that are made to do harm, given to the whole program: a message and an exit code, in bounded time, whatever
HDF5 does.

The inputs are the corpus of the fuzzers. Run: ctest --preset dev -R robust.hostile
"""
import os
import shutil

from program import number as number_of, run, settings
from robust import CONFIG, DATA, MISSING, PATIENCE, Robust, read_bytes, seeded, train_words, write_bytes
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

    def test_forged_checkpoints(self):
        """Numbers at the limits of their ranges and beyond, in files that are sealed again: every verb, on one rank
        and on three. Nothing crashes, and nothing repeats itself for ever."""
        tool = os.path.join(os.environ["DDPM_BUILD"], "tests", "forge")
        self.train_in("run", {"training.iterations": 3, "checkpoint.every": 1})
        whole = read_bytes(self.path("run", "run", "checkpoints", "step-000000002.h5"))
        numbers, values = map(int, run(command=[tool]).stdout.split())
        more = ("--condition", "label=1", "--output", "rows.h5")
        verbs = (train_words({"training.iterations": 4}, "--resume", "FILE"), ["sample", "FILE", "--count", 20, *more],
                 ["evaluate", "FILE", "--count", 20, "--samples", 40])
        cases = [(number, value, verb, ranks) for number in range(numbers) for value in range(values)
                 for verb in verbs for ranks in (0, 3)]
        random = seeded()
        for number, value, verb, ranks in random.sample(cases, number_of("DDPM_FORGED", 12, len(cases))):
            with self.subTest(number=number, value=value, verb=verb[0], ranks=ranks):
                folder = self.workspace("forged")
                path = os.path.join(folder, "forged.h5")
                write_bytes(path, whole)
                if run(number, random.randrange(1000), value, command=[tool, path]).code == 1:
                    continue  # optional
                result = run(*["forged.h5" if word == "FILE" else word for word in verb], ranks=ranks, folder=folder,
                             timeout=PATIENCE)
                self.assertIn(result.code, PROPER, str(result))
                shutil.rmtree(folder)


if __name__ == "__main__":
    main(verbosity=2)
