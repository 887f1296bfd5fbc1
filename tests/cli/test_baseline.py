#!/usr/bin/python3
"""What a run says of itself beside the best linear prediction. Run: ctest --preset dev -R cli.baseline"""
import h5py
import numpy as np

from program import SMALL, Case, latest, settings
from skipped import main


class Baseline(Case):
    """The loss of the best linear prediction, and what a run says beside it."""

    def rows(self, rows):
        return {"data.source": "hdf5", "data.path": self.h5("rows.h5", data=rows.astype("f4")),
                "training.iterations": 600, "training.validate_every": 60, "training.decay": "cosine"}

    def said(self, values):
        """(baseline, warnings after a tenth, warnings at the end)."""
        result = self.ddpm("train", self.config(), *settings({**SMALL, **values}), "--output", self.path("run"))
        with h5py.File(latest(self.path("run")), "r") as file:
            baseline = float(file.attrs["baseline"])
        self.assertIn(f"the loss of the best linear prediction is {baseline:.5f}", result.stderr)
        late = "unless the rows are Gaussian, nothing was learned"
        return baseline, *(sum(words in line for line in result.warnings())
                           for words in ("after a tenth of the run", late))

    def test_normal_rows(self):
        """Nothing can be learned of them beyond the baseline, which is the closed form's for their variances."""
        rng = np.random.default_rng(1)
        x = rng.normal(size=(3000, 2)) @ [[1, 0.8], [0, 0.6]]
        baseline, early, late = self.said(self.rows(x))
        with h5py.File(latest(self.path("run")), "r") as file:
            abar = np.cumprod(1 - file["schedule/beta"][1:])
            variances = file["components/variance"][:2]
        # the velocity of x0 ~ N(0, v) has the variance v / (abar v + 1 - abar), given x_t
        expected = np.mean([variances / (a * variances + 1 - a) for a in abar])
        self.assertAlmostEqual(expected, baseline, places=5)
        self.assertEqual((1, 1), (early, late))

    def test_modes(self):
        """Two far modes are learned at once, and nothing is said."""
        rng = np.random.default_rng(2)
        x = rng.choice([-4.0, 4.0], size=(3000, 2)) + 0.1 * rng.normal(size=(3000, 2))
        self.assertEqual((0, 0), self.said({**self.rows(x), "network.width": 64})[1:])

    def test_few_rows_are_repeated(self):
        """Of ninety rows of modes in eight columns, sixty are trained on for long."""
        rng = np.random.default_rng(3)
        values = {**self.rows(rng.choice([-1.0, 1.0], size=(90, 8)) + 0.3 * rng.normal(size=(90, 8))),
                  "training.iterations": 3000, "training.validate_every": 300, "network.width": 96,
                  "data.validation": 0.34}
        result = self.ddpm("train", self.config(), *settings({**SMALL, **values}), "--output", self.path("run"))
        self.assertTrue(any("repeats training rows" in line for line in result.warnings()), str(result))
        values |= {"training.keep_best": "true", "sampling.weights": "best"}   # samples are of the time before
        result = self.ddpm("train", self.config(), *settings({**SMALL, **values}), "--output", self.path("best"))
        self.assertFalse(any("repeats training rows" in line for line in result.warnings()), str(result))

    def test_too_few_to_tell(self):
        """The loss of so few held-out rows may be off by more than what is learned."""
        self.assertEqual((0, 0), self.said(self.rows(np.random.default_rng(4).normal(size=(50, 1))))[1:])

    def test_without_one(self):
        """A bound is not compared with it."""
        values = {"diffusion.loss": "vlb", "diffusion.variance": "learned"}
        result = self.ddpm("train", self.config(), *settings({**SMALL, **values}), "--output", self.path("run"))
        self.assertNotIn("baseline", result.stderr)
        with h5py.File(latest(self.path("run")), "r") as file:
            self.assertNotIn("baseline", file.attrs)


if __name__ == "__main__":
    main()
