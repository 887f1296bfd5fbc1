#!/usr/bin/python3
"""What an output may replace, who else may write it, and what is read: pipes, devices, links, inputs, several writers
of one name, readers beside a run that removes checkpoints. Run: ctest --preset dev -R cli.outputs; DDPM_PAIRS=100
(DDPM_LONG=1) is how many pairs of writers, and of readers.
"""
import glob
import os
import shutil
import signal
import stat

import h5py
import numpy as np

from program import SMALL, Case, checkpoints, finish, latest, number, read_h5, settings, start, until
from skipped import main

USAGE, IO, STOPPED = 64, 74, 75
QUICK = {**SMALL, "training.iterations": 30, "training.validate_every": 0, "training.decay": "constant",
         "checkpoint.every": 10}


class Outputs(Case):
    def setUp(self):
        super().setUp()
        self.run = self.train(self.config(), self.path("run"), QUICK)

    def sample(self, *more):
        return ["sample", self.run, "--count", 10, *more]


class Places(Outputs):
    """What is not a regular file stays what it is, whatever is asked for."""

    def setUp(self):
        super().setUp()
        os.mkfifo(self.path("pipe"))
        os.symlink("/dev/null", self.path("link"))

    def test_written(self):
        writers = (self.sample("--output"), ["data", "s_curve", "--count", 10, "--output"],
                   ["forward", self.config(), "--count", 10, "--output"], ["schedule", self.config(), "--output"],
                   ["evaluate", self.run, "--count", 10, "--samples", 0, "--output"],
                   ["evaluate", self.run, "--count", 10, "--samples", 0, "--json"])
        for words in writers:
            for place in ("pipe", "link") if words[0] == "sample" else ("pipe",):
                with self.subTest(verb=words[0], place=place):
                    self.fails(IO, *words, self.path(place), says=[place, "a pipe or a device is in the way"])
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path("pipe")).st_mode))
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        self.assert_no_leftovers()

    def test_read(self):
        """Nothing waits for the other end of a pipe."""
        self.fails(IO, "info", self.path("pipe"), says=["pipe"])
        self.fails(IO, "sample", self.path("pipe"), "--count", 1, "--output", self.path("o.h5"), says=["pipe"])
        self.fails(IO, "train", self.config(), *settings(QUICK), "--output", self.path("other"), "--resume",
                   self.path("pipe"), says=["pipe"])
        for name in ("metrics.csv", "run.log"):
            shutil.copytree(self.run, self.path("again"), symlinks=True)
            os.unlink(self.path("again", name))
            os.mkfifo(self.path("again", name))
            self.fails(IO, "train", self.config(), *settings({**QUICK, "training.iterations": 40}), "--output",
                       self.path("again"), says=[name, "pipe"])
            shutil.rmtree(self.path("again"))

    def test_links_in_a_run_folder(self):
        """A link that somebody else laid leads to no other file."""
        theirs = self.write("theirs", "kept")
        for name in ("lock", "run.log"):
            os.makedirs(self.path("new"))
            os.symlink(theirs, self.path("new", name))
            self.fails(IO, "train", self.config(), *settings(QUICK), "--output", self.path("new"),
                       says=[name, "is a link"])
            shutil.rmtree(self.path("new"))
        with open(theirs, encoding="ascii") as file:
            self.assertEqual("kept", file.read())


class Inputs(Outputs):
    """A file that is read is not replaced, nor one that this program did not write."""

    def refused(self, path, code, *words, says):
        with open(path, "rb") as file:
            before = file.read()
        self.fails(code, *words, path, says=[path, *says])
        with open(path, "rb") as file:
            self.assertEqual(before, file.read())
        self.assert_no_leftovers()

    def test_inputs(self):
        rows = self.path("rows.h5")
        self.ddpm("data", "swiss_roll", "--count", 50, "--output", rows)
        self.refused(rows, USAGE, "sample", self.run, "--given", rows, "--output", says=["is read"])
        self.refused(rows, USAGE, "evaluate", self.run, "--data", rows, "--count", 5, "--samples", 0, "--output",
                     says=["is read"])
        self.refused(rows, USAGE, "forward", self.config(), "--set", "data.source=hdf5", "--set", f"data.path={rows}",
                     "--count", 5, "--output", says=["is read"])
        self.refused(self.config(), USAGE, "schedule", self.config(), "--output", says=["is read"])
        newest = os.path.realpath(latest(self.run))
        self.refused(newest, USAGE, "evaluate", self.run, "--count", 5, "--samples", 0, "--output", says=["is read"])

    def test_others(self):
        """The table that was trained on is not open when a model of it samples."""
        oldest = os.path.join(self.run, "checkpoints", checkpoints(self.run)[0])
        table = self.h5("table.h5", data=np.ones((5, 2)))
        for path in (oldest, table, self.write("notes.txt", "notes")):
            self.refused(path, IO, *self.sample("--output"), says=["remove it"])
        self.refused(self.path("notes.txt"), IO, "evaluate", self.run, "--count", 5, "--samples", 0, "--json",
                     says=["remove it"])

    def test_outputs_are_replaced(self):
        for _ in range(2):
            self.ddpm(*self.sample("--output", self.path("s.h5")))
            self.ddpm("schedule", self.config(), "--output", self.path("s.csv"))
            self.ddpm("evaluate", self.run, "--count", 5, "--samples", 0, "--json", self.path("e.json"), "--output",
                      self.path("e.h5"))


class Writers(Outputs):
    def test_what_is_not_whole_is_removed_by_a_signal(self):
        for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            running = start("sample", self.run, "--count", 10**8, "--output", self.path("big.h5"))
            until(lambda: glob.glob(self.path(".big.h5.*.partial")))
            running.send_signal(end)
            self.assertEqual(finish(running).code, -end)
            self.assertEqual([name for name in os.listdir(self.path("")) if "big.h5" in name], [])

    def test_two_samplers(self):
        """Whoever ends last, the file is one of the two, whole, and both have worked."""
        words = ["sample", self.run, "--count", 3000, "--output"]
        for seed in "12":
            self.ddpm(*words, self.path(seed), "--seed", seed)
        expected = {seed: read_h5(self.path(seed))["samples"] for seed in "12"}
        for pair in range(number("DDPM_PAIRS", 3, 100)):
            ranks = 2 if pair % 3 == 2 else 0
            both = [start(*words, self.path("s.h5"), "--seed", seed, ranks=ranks) for seed in "12"]
            self.assertEqual([0, 0], [finish(process).code for process in both])
            with h5py.File(self.path("s.h5"), "r") as file:
                self.assertTrue(np.array_equal(expected[file.attrs["seed"].decode()], file["samples"][()]))
        self.assert_no_leftovers()

    def test_two_starts(self):
        """One that fails does not take the folder away from the other."""
        for _ in range(number("DDPM_PAIRS", 3, 100)):
            good = start("train", self.config(), *settings(QUICK), "--output", self.path("new", "run"))
            bad = [start("train", self.config(), *settings(QUICK), "--output", self.path("new", "run"), "--resume",
                         self.path("absent.h5")) for _ in range(2)]
            codes = [finish(process).code for process in bad]
            result = finish(good)
            self.assertEqual(0, result.code, str(result))
            self.assertTrue(all(code in (66, USAGE) for code in codes), codes)
            shutil.rmtree(self.path("new"))

    def test_a_folder_that_was_there_stays(self):
        os.mkdir(self.path("mine"))
        self.fails(66, "train", self.config(), *settings(QUICK), "--output", self.path("mine"), "--resume",
                   self.path("absent.h5"))
        self.assertEqual([], os.listdir(self.path("mine")))


class Readers(Outputs):
    def test_beside_a_run(self):
        """A run that keeps one checkpoint of many: whoever reads its folder gets the newest or one just before."""
        busy = {**QUICK, "training.iterations": 10 ** 7, "checkpoint.every": 1, "checkpoint.keep": 1}
        run = start("train", self.config(), *settings(busy), "--output", self.path("busy"))
        try:
            until(lambda: os.path.exists(latest(self.path("busy"))))
            for _ in range(number("DDPM_PAIRS", 10, 100)):
                self.ddpm("info", self.path("busy"))
                self.ddpm("sample", self.path("busy"), "--count", 1, "--output", self.path("one.h5"))
        finally:
            run.terminate()
        self.assertEqual(STOPPED, finish(run).code)


if __name__ == "__main__":
    main()
