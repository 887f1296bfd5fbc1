#!/usr/bin/python3
"""Classes by their codes, any whole numbers, and by their names: training, sampling, evaluation, and what is refused.
Run: ctest --preset dev -R cli.classes
"""
import h5py
import numpy as np

from program import SMALL, Case, latest, read_h5, run_script, settings
from skipped import main

USAGE, DATA = 64, 65
ROWS = 3000
QUICK = {**SMALL, "training.iterations": 300, "training.learning_rate": 0.003, "training.validate_every": 0,
         "diffusion.steps": 20, "data.source": "hdf5", "data.validation": 0.1}


class Classes(Case):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(1)
        self.index = rng.integers(0, 3, ROWS)
        self.rows = (10 * self.index[:, None] + rng.normal(size=(ROWS, 2))).astype("f4")

    def model(self, name, kind, values=(), ranks=0, **more):
        path = self.h5(f"{name}.h5", data=self.rows, kind=kind, **more)
        return self.train(self.config(), self.path(name), {**QUICK, "data.path": path, "data.condition": "[kind]",
                                                           **dict(values)}, ranks=ranks)

    def samples(self, run_folder, *arguments, count=100):
        self.ddpm("sample", run_folder, *(("--count", count) if count else ()), "--output", self.path("s.h5"),
                  *arguments)
        return read_h5(self.path("s.h5"))

    def test_codes(self):
        """Particles, and run numbers beyond what a double holds: each class is asked for by its code."""
        for name, codes, none, says in (
                ("particles", [-11, 13, 211], 11, ["'kind'", "class 11", "-11, 13, 211"]),
                ("runs", [2 ** 62 + 1, 2 ** 62 + 2, 2 ** 62 + 300], 2 ** 62 + 3,
                 [f"class {2 ** 62 + 3}", str(2 ** 62 + 2)])):
            with self.subTest(name=name):
                codes = np.array(codes, "i8")
                model = self.model(name, codes[self.index])
                content = read_h5(latest(model))
                self.assertEqual(codes.tolist(), content["condition/codes"].tolist())
                self.assertEqual(np.bincount(self.index).tolist(), content["condition/rows"].tolist())
                self.assertIn(f"3 classes; rows of class {codes[0]}: {(self.index == 0).sum()}, {codes[1]}: ",
                              self.ddpm("info", model).stdout)
                for k, code in enumerate(codes):
                    rows = self.samples(model, "--condition", f"kind={code}")["samples"]
                    self.assertLess(np.abs(rows.mean(axis=0) - 10 * k).max(), 2)
                given = self.h5("given.h5", data=codes[[2, 0, 1] * 50])
                content = self.samples(model, "--conditions", given, count=0)
                self.assertEqual(codes[[2, 0, 1] * 50].tolist(), content["kind"].tolist())
                self.assertLess(np.abs(content["samples"].mean(axis=1) - [20, 0, 10] * 50).mean(), 2)
                self.fails(DATA, "sample", model, "--count", 5, "--output", self.path("no.h5"),
                           "--condition", f"kind={none}", says=says)
                self.fails(DATA, "sample", model, "--count", 5, "--output", self.path("no.h5"),
                           "--condition", "kind=0.5", says=["a whole number"])
                self.ddpm("evaluate", model, "--count", 20, "--samples", 20)
                self.ddpm("evaluate", model, "--count", 20, "--samples", 0,
                          "--data", self.path(name + ".h5"))

    def test_many(self):
        """Of many classes, those nearest to the one that is not there are named; more than can be are refused."""
        codes = np.arange(ROWS) * 10 - 15000
        model = self.model("many", codes, {"training.iterations": 20, "network.width": 16})
        self.fails(DATA, "sample", model, "--count", 5, "--output", self.path("no.h5"), "--condition", "kind=-7",
                   says=["class -7; the nearest that rows have are -40, -30, -20, -10, 0, 10, 20, 30"])
        self.rows = np.resize(self.rows, (5000, 2))
        path = self.h5("more.h5", data=self.rows, kind=np.arange(5000) - 7)
        self.fails(DATA, "train", self.config(), *settings({**QUICK, "data.path": path, "data.condition": "[kind]"}),
                   "--output", self.path("more"), ranks=3,
                   says=["'kind'", "at most 4096 different classes", "number:NAME"])

    def test_same_bits(self):
        """On any number of ranks, held and streamed, in a sorted file of which ranks see classes of their own."""
        codes = np.sort(np.array([-5, 7, 10 ** 15])[self.index])
        for name, values, repeat in (("held", {}, 1), ("streamed", {"data.memory": 1, "data.piece": 1}, 40)):
            with self.subTest(name=name):
                self.rows = np.repeat(self.rows, repeat, axis=0)
                values = {**values, "training.iterations": 30}
                one, three = (self.model(f"{name}{ranks}", np.repeat(codes, repeat), values, ranks=ranks)
                              for ranks in (0, 3))
                self.assert_same_bits(latest(one), latest(three))
                self.assertEqual([-5, 7, 10 ** 15], read_h5(latest(one))["condition/codes"].tolist())

    def test_codes_that_are_indices(self):
        """They are not written, so that the file is as it was; other data of as many classes do not resume."""
        values = {"training.iterations": 20, "training.decay": "constant"}
        model = self.model("plain", self.index, values)
        self.assertNotIn("condition/codes", read_h5(latest(model)))
        with h5py.File(latest(model)) as file:
            self.assertNotIn("class_names", file.attrs)
        other = self.h5("plain.h5", data=self.rows, kind=np.array([0, 1, 5000])[self.index])
        words = settings({**QUICK, **values, "data.path": other, "data.condition": "[kind]", "training.iterations": 30})
        self.fails(DATA, "train", self.config(), *words, "--output", model,
                   says=["condition 'kind' has other classes"])

    def test_names(self):
        """Of an enumeration, of booleans, of the attribute `classes`."""
        words = np.array([b"cat", b"dog", b"cow"])
        kinds = {"cat": -3, "dog": 4, "cow": 70000}
        with h5py.File(self.path("named.h5"), "w") as file:
            file["data"] = self.rows
            file.create_dataset("kind", data=np.array(list(kinds.values()))[self.index],
                                dtype=h5py.enum_dtype({**kinds, "none": 5}, "i4"))
            file["flag"] = self.index == 2
            file["listed"] = self.index
            file["listed"].attrs["classes"] = words
        run_folder = self.train(self.config(), self.path("named"), {**QUICK, "data.path": self.path("named.h5"),
                                                                    "data.condition": "[kind, flag, listed]"})
        shown = self.ddpm("info", run_folder).stdout
        for text in (f"rows of class cat (-3): {(self.index == 0).sum()}, dog (4): ", "FALSE (0): ", "cow (2): "):
            self.assertIn(text, shown)
        for k, (kind, flag, listed) in enumerate((("cat", "FALSE", "cat"), ("4", "0", "dog"), ("cow", "TRUE", "2"))):
            rows = self.samples(run_folder, "--condition", f"kind={kind}", "--condition", f"flag={flag}",
                                "--condition", f"listed={listed}")["samples"]
            self.assertLess(np.abs(rows.mean(axis=0) - 10 * k).max(), 2.5)
        for kind, code, says in (("bird", USAGE, ["kind=bird", "cat (-3), dog (4), cow (70000)"]),
                                 ("5", DATA, ["class 5", "cat (-3), dog (4), cow (70000)"])):
            self.fails(code, "sample", run_folder, "--count", 5, "--output", self.path("no.h5"),
                       "--condition", f"kind={kind}", says=says)

    def test_refused_datasets(self):
        """The message names what was found, and a command that helps; it does."""
        words = np.array(["cat", "dog", "cow"])[self.index]
        with h5py.File(self.path("words.h5"), "w") as file:
            file["data"] = self.rows
            file["word"] = words.astype(object)
            file["fixed"] = words.astype("S")
            file["short"] = self.index[:-1]
        with h5py.File(self.path("wide.h5"), "w") as file:
            file["data"], file["wide"] = self.rows, np.stack([self.index] * 2, axis=1)
        for name, says in (("word", "variable-length text"), ("fixed", "holds text"),
                           ("short", f"{ROWS} rows of 'data', found {ROWS - 1} rows of 1"),
                           ("wide", f"found {ROWS} rows of 2")):
            failed = self.fails(DATA, "train", self.config(), *settings({
                **QUICK, "data.path": self.path("wide.h5" if name == "wide" else "words.h5"),
                "data.condition": f"[{name}]"}), "--dry-run", says=[says])
            if name in ("word", "fixed"):
                words = (self.path("words.h5:data"), "--classes", name, "--output")
                self.assertIn(f"'analysis/import_table.py {' '.join(words)} NEW.h5'", failed.stderr)
                made = run_script("import_table.py", *words, self.path("new.h5"))
                self.assertEqual(0, made.code, str(made))
                with h5py.File(self.path("new.h5")) as file:
                    self.assertEqual(([name, "data"], self.rows.shape),
                                     (sorted(file, reverse=True), file["data"].shape))
                self.ddpm("train", self.config(), *settings({**QUICK, "data.path": self.path("new.h5"),
                                                             "data.condition": f"[{name}]"}), "--dry-run")


if __name__ == "__main__":
    main()
