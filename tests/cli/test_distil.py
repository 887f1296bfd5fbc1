#!/usr/bin/python3
"""Distillation: a model that is trained on another one's samples, each with the noise that it was made of, follows the
other in one step. The teacher is exact without training, since its rows are Gaussian. Run: ctest --preset dev -R
cli.distil
"""
import os
import tempfile
import unittest

import h5py
import numpy as np

from program import SMALL, Case, latest, read_h5, run, settings
from skipped import main

USAGE, DATA, CONFIG = 64, 65, 78
MEAN, FACTOR = np.array([3.0, -1.0]), np.array([[2.0, 0.0], [0.9, 0.5]])  # of the teacher's rows
ROWS, PAIRS = 4000, 6000
TEACHER = {**SMALL, "data.source": "hdf5", "data.condition": "[kind]", "training.iterations": 10, "training.warmup": 0,
           "training.validate_every": 0, "diffusion.steps": 200, "training.learning_rate": 1e-9}
STUDENT = {**SMALL, "data.source": "hdf5", "data.dataset": "samples", "data.pairs": "true", "diffusion.steps": 1,
           "diffusion.schedule.kind": "cosine", "diffusion.schedule.zero_terminal_snr": "true",
           "sampling.method": "ddim", "training.iterations": 800, "training.learning_rate": 0.01, "network.features": 0}


def setUpModule():
    temporary = tempfile.TemporaryDirectory(prefix="ddpm distil ")
    unittest.addModuleCleanup(temporary.cleanup)
    Distil.made = temporary.name
    rng = np.random.default_rng(0)
    with h5py.File(os.path.join(temporary.name, "rows.h5"), "w") as file:
        file["data"] = (MEAN + rng.normal(size=(ROWS, 2)) @ FACTOR.T).astype("f4")
        file["kind"] = rng.integers(0, 3, ROWS)
        file["wanted"] = rng.integers(0, 3, PAIRS)
    rows, pairs = Distil.at("rows.h5"), Distil.at("pairs.h5")
    made = [run("train", "/dev/null", *settings({**TEACHER, "data.path": rows}), "--output", Distil.at("teacher")),
            run("sample", Distil.at("teacher"), "--conditions", rows + ":wanted", "--seed", 7, "--output", pairs),
            Distil.train("student")]
    for result in made:
        assert result.code == 0, str(result)


class Distil(Case):
    made = ""  # the folder of the teacher, its samples, and the students

    @classmethod
    def at(cls, name):
        return os.path.join(cls.made, name)

    @classmethod
    def command(cls, name, values=()):
        values = {**STUDENT, "data.path": cls.at("pairs.h5"), **dict(values)}
        return "train", "/dev/null", *settings(values), "--output", cls.at(name)

    @classmethod
    def train(cls, name, values=(), **more):
        return run(*cls.command(name, values), **more)

    def sample(self, name, *arguments, **more):
        output = self.path("s.h5")
        result = run("sample", self.at(name), "--count", 500, "--seed", 9, *arguments, "--output", output, **more)
        self.assertEqual(result.code, 0, str(result))
        return read_h5(output)["samples"]

    def test_one_step_ends_where_many_end(self):
        teacher, student = self.sample("teacher", "--condition", "kind=1"), self.sample("student")
        deviation = np.sqrt((FACTOR ** 2).sum(axis=1))
        self.assertLess((np.abs(teacher.std(axis=0) - deviation) / deviation).max(), 0.1)
        self.assertLess(np.sqrt(np.mean(((student - teacher) / deviation) ** 2)), 0.05)

    def test_the_held_out_loss_is_that_of_pairs(self):
        metrics = np.genfromtxt(self.at("student/metrics.csv"), delimiter=",", names=True)
        self.assertLess(metrics["validation_loss"][-1], 0.01)  # 1 with noise that belongs to no row

    def test_same_bits_on_any_ranks(self):
        short = {"training.iterations": 20, "run.report_every": 10, "diffusion.steps": 4}
        for name, ranks in (("one", 1), ("three", 3)):
            result = self.train(name, short, ranks=ranks)
            self.assertEqual(result.code, 0, str(result))
        self.assert_same_bits(latest(self.at("one")), latest(self.at("three")))
        alone = self.sample("one", "--steps", 2)
        self.assertEqual(alone.tobytes(), self.sample("one", "--steps", 2, ranks=3).tobytes())

    def test_samples_keep_their_conditions_so_that_a_student_has_them_too(self):
        with h5py.File(self.at("rows.h5")) as rows, h5py.File(self.at("pairs.h5")) as pairs:
            np.testing.assert_array_equal(rows["wanted"][:], pairs["kind"][:])
        result = self.train("conditional", {"data.condition": "[kind]", "training.iterations": 20})
        self.assertEqual(result.code, 0, str(result))
        self.sample("conditional", "--condition", "kind=2")

    def test_what_is_no_file_of_pairs_is_refused(self):
        stray, ancestral, given = self.path("stray.h5"), self.path("ancestral.h5"), self.path("given.h5")
        with h5py.File(stray, "w") as file:
            file["samples"] = np.ones((10, 2))
        for path, arguments in ((ancestral, ["--count", 50, "--sampler", "ancestral"]),
                                (given, ["--given", self.at("rows.h5") + ":data", "--resample", 1, "--steps", 2])):
            result = run("sample", self.at("teacher"), "--condition", "kind=0", *arguments, "--output", path)
            self.assertEqual(result.code, 0, str(result))
        for path, found in ((stray, "another kind of file"), (ancestral, "noise was drawn in every step"),
                            (given, "completed rows")):
            self.fails(DATA, *self.command("refused", {"data.path": path}), says=(path, found))
        for key, value, says in (("data.columns", "[0]", ("data.pairs", "2 columns")),
                                 ("data.source", "two_moons", ("has no effect", "two_moons")),
                                 ("sampling.method", "heun", ("sampling.method", "ddim", "heun")),
                                 ("diffusion.loss", "vlb", ("diffusion.loss", "simple"))):
            self.fails(CONFIG, *self.command("refused", {key: value}), says=says)

    def test_what_a_student_cannot_do_is_refused(self):
        student, rows, out = self.at("student"), self.at("rows.h5") + ":data", ["--output", self.path("x.h5")]
        self.fails(USAGE, "sample", student, "--count", 5, "--sampler", "heun", *out, says=("ddim", "heun"))
        self.fails(USAGE, "sample", student, "--count", 5, "--eta", 1, *out, says=("ddim", "eta"))
        self.fails(USAGE, "sample", student, "--given", rows, *out, says=("--given", "pairs"))
        self.fails(USAGE, "evaluate", student, "--likelihood", says=("--likelihood", "pairs"))

    def test_evaluation_leaves_out_the_bound(self):
        result = run("evaluate", self.at("student"), "--data", self.at("rows.h5"), "--samples", 1000)
        self.assertEqual(result.code, 0, str(result))
        self.assertIn("bound      left out", result.stderr)
        self.assertEqual(result.warnings(), [])


if __name__ == "__main__":
    main()
