#!/usr/bin/python3
"""Classes drawn evenly (training.balance): a class of one row in a thousand is learned, with the same bits on any
number of ranks; what is refused. Run: ctest --preset dev -R cli.balance
"""
import numpy as np

from program import SMALL, Case, latest, read_h5, settings
from skipped import main

DATA, CONFIG = 65, 78
ROWS, RARE = 20000, 20


class Balance(Case):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(5)
        self.kind = np.zeros(ROWS, "i4")
        self.kind[rng.choice(ROWS, RARE, replace=False)] = 3
        rare = [3, -2] + 0.27 * rng.normal(size=(ROWS, 2))
        self.rows = np.where(self.kind[:, None] == 3, rare, 1.5 * rng.normal(size=(ROWS, 2))).astype("f4")
        self.values = {**SMALL, "data.source": "hdf5", "data.condition": "[kind]", "training.balance": "[kind]",
                       "data.path": self.h5("rows.h5", data=self.rows, kind=self.kind), "diffusion.steps": 200,
                       "training.validate_every": 0, "training.iterations": 40, "training.learning_rate": 0.005}

    def train(self, name, values=(), **more):
        result = self.ddpm("train", "/dev/null", *settings({**self.values, **dict(values)}),
                           "--output", self.path(name), **more)
        return self.path(name), result.stderr

    def samples(self, run, *arguments):
        self.ddpm("sample", run, "--count", 1000, "--steps", 20, "--output", self.path("s.h5"), *arguments)
        return read_h5(self.path("s.h5"))["samples"]

    def test_rare_class(self):
        """Its samples have the deviation of its rows, the others stay right, and half of the samples of no class are of
        it."""
        run, says = self.train("run", {"training.iterations": 1500, "training.validate_every": 500})
        self.assertNotIn("repeats training rows", says)  # the rare class is narrow, and its loss is small
        self.assertRegex(says, r"balance +the 2 classes .*rows \((1[5-9]|20)\)")
        for kind in (0, 3):
            rows, samples = self.rows[self.kind == kind], self.samples(run, "--condition", f"kind={kind}")
            with self.subTest(kind=kind, rows=rows.std(axis=0), samples=samples.std(axis=0)):
                self.assertLess(np.abs(samples.std(axis=0) / rows.std(axis=0) - 1).max(), 0.2)
                self.assertLess(np.abs(samples.mean(axis=0) - rows.mean(axis=0)).max(), 0.25)
        near = np.abs(self.samples(run) - [3, -2]).max(axis=1) < 1
        self.assertAlmostEqual(0.5, near.mean(), delta=0.1)

    def test_same_bits(self):
        """On three ranks as on one, and after a resumption."""
        one, _ = self.train("one")
        three, _ = self.train("three", ranks=3, threads=2)
        plain, _ = self.train("plain", {"training.balance": "[]"})
        self.assert_same_bits(latest(one), latest(three))
        self.assertNotEqual(*(read_h5(latest(run))["parameters/input/weight"].tobytes() for run in (one, plain)))
        half = {"training.decay": "constant"}
        whole, _ = self.train("whole", half)
        self.train("parts", {**half, "training.iterations": 21})
        parts, _ = self.train("parts", half)
        self.assert_same_bits(latest(whole), latest(parts))
        self.fails(CONFIG, "train", "/dev/null", *settings({**self.values, "training.balance": "[]"}), "--output", one,
                   says=["training.balance was", "restore it"])

    def test_weights(self):
        """Rows in proportion to a dataset, on three ranks as on one; with other weights they are other data."""
        weight = np.where(self.kind == 3, 999.0, 1.0)
        weighted = {**self.values, "data.condition": "[]", "training.decay": "constant",
                    "training.balance": "[weight:w]",
                    "data.path": self.h5("w.h5", data=self.rows, w=weight)}
        self.values = weighted
        one, says = self.train("one")
        self.assertRegex(says, r"balance +.*weight:w: 18000 of 18000 rows .* worth \d\d rows")
        three, _ = self.train("three", ranks=3, threads=2)
        self.assert_same_bits(latest(one), latest(three))
        run, says = self.train("run", {"training.iterations": 1500, "training.validate_every": 500})
        near = np.abs(self.samples(run) - [3, -2]).max(axis=1) < 1
        self.assertAlmostEqual(0.5, near.mean(), delta=0.1)
        for word in ("baseline", "nothing is being learned", "nothing was learned", "repeats training rows"):
            self.assertNotIn(word, says)  # the held-out rows are as they are
        self.h5("w.h5", data=self.rows, w=weight[::-1])
        self.fails(DATA, "train", "/dev/null", *settings({**weighted, "training.iterations": 60}), "--output", one,
                   says=["other weights"])

    def test_weights_of_table(self):
        """Columns of different kinds have weights beside them."""
        import h5py
        path = self.path("table.h5")
        with h5py.File(path, "w") as f:
            f["table/x"], f["table/kind"] = self.rows[:, 0], self.kind
            f["w"] = (self.kind == 3).astype("f8")
        self.ddpm("train", "/dev/null", *settings({
            **SMALL, "data.source": "hdf5", "data.path": path, "training.iterations": 150,
            "training.learning_rate": 0.01, "training.validate_every": 0, "training.balance": "[weight:w]"}),
                  "--output", self.path("t"))
        self.ddpm("sample", self.path("t"), "--count", 200, "--output", self.path("ts.h5"))
        self.assertGreater((read_h5(self.path("ts.h5"))["samples/kind"] == 3).mean(), 0.9)

    def test_refuses(self):
        for values, says in (({"training.balance": "[kin]"}, ["training.balance", "(kind)", "'kin'"]),
                             ({"data.condition": "[]"}, ["training.balance", "none", "'kind'", "data.condition"]),
                             ({"data.condition": "[number:kind]"}, ["training.balance", "none", "class:kind"]),
                             ({"data.source": "two_moons", "data.count": 60000, "data.condition": "[label]",
                               "training.balance": "[label]", "data.memory": 1},
                              ["training.balance", "streamed", "data.memory"]),
                             ({"data.pairs": "true", "sampling.method": "ddim"}, ["training.balance", "data.pairs"])):
            with self.subTest(values=values):
                self.fails(CONFIG, "train", "/dev/null", *settings({**self.values, **values}), "--output",
                           self.path("no"), says=says, ranks=2)


if __name__ == "__main__":
    main()
