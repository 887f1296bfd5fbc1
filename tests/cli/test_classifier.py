#!/usr/bin/python3
"""A classifier of noisy rows, trained like any other run, steers samples to a class; what does not fit is refused.

Run: ctest --preset dev -R cli.classifier
"""
import os

import numpy as np

from program import Case, bits, latest, read_h5, read_metrics, settings
from skipped import main

CLASSIFIER = {"diffusion.predict": "class", "data.condition": "[label]"}
BLOBS = {"diffusion.steps": 20, "training.iterations": 400, "network.width": 32, "data.standardize": "global"}
ROWS, KINDS = 1200, 3
USAGE, DATA, CONFIG = 64, 65, 78


class Classifier(Case):
    def setUp(self):
        super().setUp()
        self.yaml = self.config()
        rng = np.random.default_rng(2)
        self.label = (np.arange(ROWS) % KINDS).astype(np.int32)
        self.centres = np.array([[0, 4], [3, -2], [-3, -2]])
        rows = (self.centres[self.label] + 0.5 * rng.normal(size=(ROWS, 2))).astype(np.float32)
        self.data = self.h5("rows.h5", columns=["across", "up"], data=rows, label=self.label, size=rows[:, 0])
        self.values = {**BLOBS, "data.source": "hdf5", "data.path": self.data}

    def run_of(self, name, values=(), **more):
        return self.train(self.yaml, self.path(name), {**self.values, **dict(values)}, **more)

    def steer(self, model, classifier, name, *arguments, **more):
        self.ddpm("sample", model, "--classifier", classifier, "--seed", 2, "--output", self.path(name), *arguments,
                  **more)
        return read_h5(self.path(name))["samples"]

    def kind_of(self, samples):
        return ((samples[:, None] - self.centres) ** 2).sum(axis=2).argmin(axis=1)

    def test_trained_like_any_other(self):
        """At any number of ranks, in parts, and it learns: a guess loses ln 3 nats."""
        one = self.run_of("one", CLASSIFIER)
        self.assert_same_bits(latest(one), latest(self.run_of("three", CLASSIFIER, ranks=3, threads=2)))
        constant = {**CLASSIFIER, "training.decay": "constant", "diffusion.timesteps": "importance"}
        whole = self.run_of("whole", constant)
        self.run_of("parts", {**constant, "training.iterations": 137}, ranks=2)
        self.assert_same_bits(latest(whole), latest(self.run_of("parts", constant, ranks=3)))
        metrics = read_metrics(one)
        self.assertGreater(float(metrics[0]["loss"]), 1.5 * float(metrics[-1]["loss"]))
        self.assertLess(float(metrics[-1]["validation_loss"]), 0.7)
        self.assertEqual((32, KINDS), read_h5(latest(one))["parameters/output/weight"].shape)
        block = self.ddpm("train", self.yaml, *settings({**self.values, **CLASSIFIER}), "--output", self.path("look"),
                          "--resume", "never", "--block", 0)
        self.assertIn("loss", block.stdout)

    def test_steers(self):
        """Every method, a model with and without conditions, one class for all or one for each; the same bits at any
        number of ranks."""
        classifier, model = self.run_of("classifier", CLASSIFIER), self.run_of("model")
        plain = self.ddpm("sample", model, "--count", 300, "--seed", 2, "--output", self.path("plain.h5"))
        free = read_h5(self.path("plain.h5"))["samples"]
        self.assertLess((self.kind_of(free) == 1).mean(), 0.6, str(plain))
        for sampler in ("ancestral", "ddim", "dpm_solver", "heun"):
            samples = self.steer(model, classifier, f"{sampler}.h5", "--count", 300, "--condition", "label=1",
                                 "--scale", 2, "--sampler", sampler)
            self.assertGreater((self.kind_of(samples) == 1).mean(), 0.95, sampler)
        none = self.steer(model, classifier, "none.h5", "--count", 300, "--condition", "label=1", "--scale", 0)
        self.assertTrue(np.array_equal(bits(none), bits(free)))

        conditions = self.h5("conditions.h5", data=self.label[:900].astype(np.float32))
        each = self.steer(model, classifier, "each.h5", "--conditions", conditions)
        self.assertGreater((self.kind_of(each) == self.label[:900]).mean(), 0.9)
        for ranks, threads in ((1, 2), (2, 1), (3, 2)):
            self.steer(model, classifier, "ranks.h5", "--conditions", conditions, ranks=ranks, threads=threads)
            self.assert_same_bits(self.path("each.h5"), self.path("ranks.h5"))

        told = self.run_of("told", {"data.condition": "[label]", "diffusion.predict": "velocity"})
        both = self.steer(told, classifier, "both.h5", "--conditions", conditions, "--guidance", 0.5)
        self.assertGreater((self.kind_of(both) == self.label[:900]).mean(), 0.97)

    def test_completes(self):
        classifier, model = self.run_of("classifier", CLASSIFIER), self.run_of("model")
        rows = np.full((200, 2), np.nan, np.float32)
        rows[:, 1] = -2  # kinds 1 and 2 are there
        given = self.h5("given.h5", data=rows)
        samples = self.steer(model, classifier, "completed.h5", "--given", given, "--condition", "label=2")
        self.assertTrue((samples[:, 1] == -2).all())
        self.assertGreater((self.kind_of(samples) == 2).mean(), 0.75)  # of two

    def test_refused(self):
        quick = {"training.iterations": 20}
        classifier, model = self.run_of("classifier", {**CLASSIFIER, **quick}), self.run_of("model", quick)
        output = ["--output", self.path("no.h5")]
        steer = ["--count", 5, "--condition", "label=1", *output]
        for verb in (["sample", classifier, *steer], ["evaluate", classifier]):
            self.fails(USAGE, *verb, says=["classifier", "predict: class", "--classifier"])
            self.fails(USAGE, *verb, ranks=3, says=["is a classifier"])
        self.fails(USAGE, "sample", model, "--classifier", model, *steer, says=["no classifier", "predict: class"])
        self.fails(USAGE, "sample", model, "--classifier", classifier, "--count", 5, *output, says=["--condition"])
        self.fails(USAGE, "sample", model, "--scale", 2, "--count", 5, *output, says=["--scale", "--classifier"])
        self.fails(DATA, "sample", model, "--classifier", classifier, "--count", 5, "--condition", "label=3", *output,
                   says=["no row of the training data has class 3"])
        for name, values, says in (("steps", {"diffusion.steps": 21}, ["21 diffusion steps", "the model has 20"]),
                                   ("schedule", {"diffusion.schedule.kind": "linear",
                                                 "diffusion.schedule.rescale": "false"}, ["beta at step 1"]),
                                   ("columns", {"data.columns": "[up]"}, ["1 columns", "the model has 2"]),
                                   ("order", {"data.columns": "[up, across]"}, ["'up'", "'across'"]),
                                   ("units", {"data.standardize": "column"}, ["column 0", "deviation"])):
            with self.subTest(name):
                other = self.run_of(name, {**CLASSIFIER, **quick, **values})
                self.fails(USAGE, "sample", model, "--classifier", other, *steer, says=["--classifier", *says])
        size = self.run_of("size", {"data.condition": "[size]", **quick})
        self.fails(USAGE, "sample", size, "--classifier", classifier, "--count", 5, "--condition", "size=1", *output,
                   says=["3 classes of 'label'"])
        for values, says in (({"data.condition": "[]"}, ["data.condition", "found 0"]),
                             ({"data.condition": "[size]"}, ["data.condition", "a number"]),
                             ({"data.condition": "[label, size]"}, ["data.condition", "found 2"]),
                             ({"diffusion.loss": "vlb"}, ["cross-entropy"]),
                             ({"diffusion.weighting": "min_snr"}, ["cross-entropy"])):
            with self.subTest(values):
                options = {**self.values, **CLASSIFIER, **values}
                self.fails(CONFIG, "train", self.yaml, *settings(options), "--output", self.path("none"), says=says)
        self.assertFalse(os.path.exists(self.path("no.h5")))


if __name__ == "__main__":
    main()
