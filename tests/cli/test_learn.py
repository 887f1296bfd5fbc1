#!/usr/bin/python3
"""Models learn: samples of each toy set are near fresh data, digits can be read, and hidden entries of a table are
guessed. An untrained model fails the same measures.

Run: ctest --preset dev -R cli.learn
"""
import os

import numpy as np

from program import SOURCE, Case, read_h5, read_metrics, run_script, settings
from skipped import main

TOY_ITERATIONS, ARTICLE_ITERATIONS = 1500, 12000  # of the configurations' 20000; a perceptron learns later
# A smaller digits model than the shipped one.
DIGITS = {"training.iterations": 1500, "training.batch": 128, "network.width": 256, "network.depth": 3}
SAMPLES = 500
TRAINING_IMAGES = 1300  # the classifier's; the rest are real ones it has not seen


class Toys(Case):
    def samples(self, preset, iterations):
        config = os.path.join(SOURCE, "configs", f"{preset}.yaml")
        self.ddpm("train", config, "--set", f"training.iterations={iterations}", "--output", self.path("run"),
                  threads=2, timeout=100)
        self.ddpm("sample", self.path("run"), "--count", 10000, "--seed", 3, "--output", self.path("samples.h5"),
                  threads=2)
        return self.path("samples.h5")

    def quality(self, kind, samples, *more):
        """Sliced W1 to fresh data, at most 2.5 times that between two fresh sets."""
        return run_script("quality.py", samples, "--source", kind, "--energy-rows", 500, "--at-most", 2.5, *more,
                          timeout=100)

    def check(self, kind, preset=None, iterations=TOY_ITERATIONS):
        result = self.quality(kind, self.samples(preset or kind, iterations))
        self.assertEqual(0, result.code, str(result))

    def test_swiss_roll(self):
        self.check("swiss_roll")

    def test_two_moons(self):
        self.check("two_moons")

    def test_s_curve(self):
        self.check("s_curve")

    def test_article(self):
        """Two heads, the bound."""
        self.check("swiss_roll", "article_swiss_roll", ARTICLE_ITERATIONS)

    def test_untrained(self):
        result = self.quality("swiss_roll", self.samples("swiss_roll", 1), "--pairs", 2)
        self.assertEqual(1, result.code, str(result))
        self.assertIn("oracle", result.stdout)


class Precision(Case):
    def loss(self, name, **values):
        """The last validation loss."""
        config = os.path.join(SOURCE, "configs", "swiss_roll.yaml")
        values = {"training.iterations": 1000, **{key.replace("_", ".", 1): value for key, value in values.items()}}
        self.ddpm("train", config, *settings(values), "--output", self.path(name), threads=2, timeout=100)
        return float(read_metrics(self.path(name))[-1]["validation_loss"])

    def test_bfloat16_is_within_noise(self):
        """The change from float32 is less than that from one seed to another."""
        whole = [self.loss(f"seed{seed}", run_seed=seed) for seed in (1, 2, 3)]
        halves = self.loss("bfloat16", run_seed=1, training_precision="bfloat16")
        self.assertNotEqual(whole[0], halves)
        self.assertLess(abs(halves - whole[0]), max(whole) - min(whole), f"{whole}, {halves}")


class Digits(Case):
    def look(self, samples):
        """How sure a classifier of real digits is of its reading, the mean distance to the nearest real digit, images
        of each class."""
        from sklearn.neighbors import NearestNeighbors
        from sklearn.svm import SVC
        content = read_h5(self.path("digits.h5"))
        images, labels = content["data"][:TRAINING_IMAGES], content["label"][:TRAINING_IMAGES]
        probability = SVC(gamma=0.001, probability=True, random_state=0).fit(images, labels).predict_proba(samples)
        distance, _ = NearestNeighbors(n_neighbors=1).fit(images).kneighbors(samples)
        return probability.max(axis=1).mean(), distance.mean(), np.bincount(probability.argmax(axis=1), minlength=10)

    def samples(self, name, **values):
        self.ddpm("train", os.path.join(SOURCE, "configs", "digits.yaml"),
                  *settings({"data.path": self.path("digits.h5"), **DIGITS, **values}), "--output", self.path(name),
                  threads=2, timeout=100)
        self.ddpm("sample", self.path(name), "--count", SAMPLES, "--output", self.path(f"{name}.h5"), threads=2)
        return read_h5(self.path(f"{name}.h5"))["samples"]

    def test_from_csv_to_a_picture(self):
        try:
            import sklearn  # noqa: F401
        except ImportError:
            self.skipTest("scikit-learn is not installed (Debian: python3-sklearn)")
        for arguments in (["--sklearn", "digits", "--to-csv", self.path("digits.csv")],
                          [self.path("digits.csv"), "--label", "label", "--output", self.path("digits.h5")]):
            self.assertEqual(0, (result := run_script("import_table.py", *arguments)).code, str(result))
        content = read_h5(self.path("digits.h5"))
        self.assertEqual((1797, 64), content["data"].shape)
        samples = self.samples("trained")
        self.assertEqual((SAMPLES, 64), samples.shape)

        real, unseen_distance, _ = self.look(content["data"][TRAINING_IMAGES:])
        sure, distance, classes = self.look(samples)
        self.assertGreater(real, 0.85)
        self.assertGreater(sure, 0.7)  # of noise: 0.42
        self.assertLess(distance, 1.2 * unseen_distance)  # of noise: 1.9 times
        self.assertGreater(distance, 0.3 * unseen_distance)  # new ones
        self.assertGreater(classes.min(), SAMPLES // 100)

        untrained = self.look(self.samples("untrained", **{"training.iterations": 1, "training.warmup": 0}))
        self.assertFalse(untrained[0] > 0.7 and untrained[1] < 1.2 * unseen_distance, untrained)

        result = run_script("images.py", self.path("trained.h5"), "--data", self.path("digits.h5"),
                            "--output", self.path("digits.png"))
        self.assertEqual(0, result.code, str(result))
        with open(self.path("digits.png"), "rb") as file:
            self.assertEqual(b"\x89PNG\r\n\x1a\n", file.read(8))
        self.assertGreater(os.path.getsize(self.path("digits.png")), 5000)

    def test_by_class(self):
        """Digits of the class that was asked for: at least 95 % are recognised by a classifier of the real ones."""
        try:
            import sklearn  # noqa: F401
        except ImportError:
            self.skipTest("scikit-learn is not installed (Debian: python3-sklearn)")
        for arguments in (["--sklearn", "digits", "--to-csv", self.path("digits.csv")],
                          [self.path("digits.csv"), "--label", "label", "--output", self.path("digits.h5")]):
            self.assertEqual(0, (result := run_script("import_table.py", *arguments)).code, str(result))
        self.ddpm("train", os.path.join(SOURCE, "configs", "digits_class.yaml"),
                  *settings({"data.path": self.path("digits.h5"), **DIGITS}), "--output", self.path("by_class"),
                  threads=2, timeout=100)
        arguments = [self.path("by_class"), "--data", self.path("digits.h5"), "--count", 40, "--guidance", 1,
                     "--at-least", 0.95]
        result = run_script("classes.py", *arguments, "--output", self.path("classes.png"), threads=2, timeout=100)
        self.assertEqual(0, result.code, str(result))
        self.assertGreater(os.path.getsize(self.path("classes.png")), 5000)


class Table(Case):
    def test_imputation(self):
        """Rows of a real table with a fifth of their entries hidden: at most 1.15 times the error of scikit-learn's
        imputer (and below that of the columns' means), and intervals of the draws that hold about as many of the hidden
        entries as they say."""
        try:
            import sklearn  # noqa: F401
        except ImportError:
            self.skipTest("scikit-learn is not installed (Debian: python3-sklearn)")
        table = self.path("breast_cancer.h5")
        self.assertEqual(0, (result := run_script("import_table.py", "--sklearn", "breast_cancer",
                                                  "--output", table)).code, str(result))
        result = run_script("imputation.py", table, "--resample", 5, "--at-most", 1.15,
                            "--output", self.path("imputation.png"), threads=2, timeout=100)
        self.assertEqual(0, result.code, str(result))
        self.assertIn("to the bit", result.stdout)
        self.assertGreater(os.path.getsize(self.path("imputation.png")), 5000)
        untrained = run_script("imputation.py", table, "--at-most", 1.15, "--set", "training.iterations=1",
                               "--set", "training.warmup=0", "--resample", 1, threads=2, timeout=100)
        self.assertEqual(1, untrained.code, str(untrained))


if __name__ == "__main__":
    main()
