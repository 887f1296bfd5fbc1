#!/usr/bin/python3
"""Files that are made to do harm, given to the whole program: a message and an exit code, in bounded time, whatever
HDF5 does.

The inputs are the corpus of the fuzzers. Run: ctest --preset dev -R robust.hostile
"""
import collections
import os
import shutil

from program import number as number_of, run, settings
from robust import (CONFIG, DATA, GROUPS, IO, MISSING, PATIENCE, TINY, TOKENS, USAGE, Robust, read_bytes, seeded,
                    train_words, write_bytes, write_groups, write_mixed)
from skipped import main

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "corpus")
PROPER = (0, USAGE, DATA, MISSING, CONFIG, IO)  # USAGE: of a condition that has another name now


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
        """Numbers and texts at the limits of their ranges and beyond, in files that are sealed again: every verb, on
        one rank and on three. Nothing crashes, and nothing repeats itself for ever."""
        tool = os.path.join(os.environ["DDPM_BUILD"], "tests", "forge")
        numbers, values = map(int, run(command=[tool]).stdout.split())
        write_mixed(self.path("mixed.h5"))
        write_groups(self.path("groups.h5"))
        models = ((TINY, ["--condition", "label=1"]), (TOKENS, ["--condition", "kind=dog"]), (GROUPS, []))
        few = {"training.validate_every": 1, "checkpoint.every": 1}
        whole = []
        for name, (model, _) in zip("abc", models):
            result = run(*train_words({**few, "training.iterations": 3}, model=model), folder=self.workspace(name))
            self.assertEqual(0, result.code, str(result))
            whole.append(read_bytes(self.path(name, "run", "checkpoints", "step-000000002.h5")))
        cases = [(model, number, value, verb, ranks) for model in range(len(models)) for number in range(numbers)
                 for value in range(values) for verb in ("train", "sample", "evaluate") for ranks in (0, 3)]
        random, codes = seeded(), collections.Counter()
        random.shuffle(cases)
        for model, number, value, verb, ranks in cases:
            if codes.total() == number_of("DDPM_FORGED", 12, len(cases)):
                break
            with self.subTest(model=model, number=number, value=value, verb=verb, ranks=ranks):
                folder = self.workspace("forged")
                path = os.path.join(folder, "forged.h5")
                write_bytes(path, whole[model])
                if run(number, random.randrange(1000), value, command=[tool, path]).code == 1:
                    continue  # this file has none
                base, condition = models[model]
                words = {"train": train_words({**few, "training.iterations": 4}, "--resume", "forged.h5", model=base),
                         "sample": ["sample", "forged.h5", "--count", 20, *condition, "--output", "s.h5"],
                         "evaluate": ["evaluate", "forged.h5", "--count", 20, "--samples", 40, "--output", "s.h5"]}
                result = run(*words[verb], ranks=ranks, folder=folder, timeout=PATIENCE)
                codes[result.code] += 1
                self.assertIn(result.code, PROPER, str(result))
                self.assertEqual(result.code != 0, len(result.errors()) == 1, str(result))
                self.assertNotIn("\x1b", result.stdout + result.stderr)
                shutil.rmtree(folder)
        print(f"{codes.total()} forged checkpoints, exit codes {dict(codes)}", flush=True)


if __name__ == "__main__":
    main(verbosity=2)
