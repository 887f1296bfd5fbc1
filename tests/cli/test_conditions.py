#!/usr/bin/python3
"""Models with conditions, learned variances, importance sampling of t; samplers and guidance: the same bits on any
number of ranks, what conditions do, and what is refused. Run: ctest --preset dev -R cli.conditions
"""
import json
import os
import shutil
import tempfile
import unittest

import h5py
import numpy as np

from program import SMALL, Case, bits, latest, over, read_h5, run, settings
from skipped import main

USAGE, DATA, MISSING, CONFIG = 64, 65, 66, 78
ROWS = 3000
METHODS = (("ancestral",), ("ancestral", "--steps", 7), ("ddim", "--steps", 7), ("ddim", "--eta", 0.7),
           ("dpm_solver", "--steps", 7), ("heun",), ("heun", "--steps", 7, "--corrections", 1),
           ("dpm_solver", "--steps", 7, "--corrections", 2))
VALUES = {**SMALL, "data.source": "hdf5", "data.condition": "[energy, kind]", "diffusion.variance": "learned_range",
          "diffusion.loss": "hybrid", "diffusion.timesteps": "importance", "diffusion.predict": "velocity",
          "diffusion.steps": 20, "diffusion.schedule.kind": "cosine", "training.decay": "constant",
          "training.learning_rate": 0.003, "training.iterations": 600, "checkpoint.every": 250,
          "training.validate_every": 0}


def make_table(path, seed=0, **kinds):
    """Two columns that depend on a number, which is a column too, and on a class in a dataset of its own."""
    rng = np.random.default_rng(seed)
    energy, kind = rng.uniform(10, 20, ROWS), rng.integers(0, 3, ROWS)
    rows = np.stack([energy + rng.normal(size=ROWS), energy, 10 * kind + rng.normal(size=ROWS)], axis=1).astype("f4")
    with h5py.File(path, "w") as file:
        file["data"] = rows
        file["data"].attrs["columns"] = ["a", "energy", "b"]
        file["kind"] = kind.astype(kinds.get("kind", "i4"))
    return rows, kind


def train(output, path, values=(), *arguments, **more):
    result = run("train", "/dev/null", *settings({**VALUES, "data.path": path, **dict(values)}), "--output", output,
                 *arguments, **more)
    assert result.code == 0, str(result)
    return output


def setUpModule():
    """One run, on one rank with two threads, that all tests look at."""
    temporary = tempfile.TemporaryDirectory(prefix="ddpm conditions ")
    unittest.addModuleCleanup(temporary.cleanup)
    Trained.table = os.path.join(temporary.name, "table.h5")
    Trained.rows, Trained.kind = make_table(Trained.table)
    Trained.run_folder = train(os.path.join(temporary.name, "run"), Trained.table, ranks=1, threads=2)


class Trained(Case):

    def sample(self, *arguments, count=200, **more):
        output = self.path("samples.h5")
        self.ddpm("sample", self.run_folder, *(("--count", count) if count else ()), "--seed", 3, "--output", output,
                  *arguments, **more)
        return read_h5(output)["samples"]

    def conditions(self, rows, name="conditions.h5"):
        """A file of conditions, a row each."""
        return self.h5(name, data=np.asarray(rows, "f8"))


class Bits(Trained):
    def test_training(self):
        for ranks in (2, 3):
            with self.subTest(ranks=ranks):
                self.assert_same_bits(latest(self.run_folder),
                                      latest(train(self.path(f"r{ranks}"), self.table, ranks=ranks)))

    def test_streamed(self):
        """Rows that do not fit the memory have conditions too, in a file that is sorted by them."""
        kind, rng = np.repeat([0, 2], 40000), np.random.default_rng(3)
        energy = np.sort(rng.uniform(10, 20, 80000)) + 1e9
        rows = np.stack([energy - 1e9, 10 * kind + rng.normal(size=80000)], axis=1).astype("f4")
        path = self.h5("sorted.h5", columns=["a", "b"], data=rows, kind=kind, energy=energy)
        values = {"data.memory": 1, "training.iterations": 300, "data.validation": 0.1, "training.validate_every": 300}
        one, three = (train(self.path(f"s{ranks}"), path, values, ranks=ranks) for ranks in (0, 3))
        self.assert_same_bits(latest(one), latest(three))
        self.assertEqual([40000, 0, 40000], read_h5(latest(one))["condition/rows"].tolist())
        for at, which in ((12, 0), (18, 2)):
            self.ddpm("sample", one, "--count", 300, "--output", self.path("s.h5"), "--condition", f"kind={which}",
                      "--condition", f"energy={1000000000 + at}")
            a, b = read_h5(self.path("s.h5"))["samples"].mean(axis=0)
            self.assertAlmostEqual(a, at, delta=1.5)
            self.assertAlmostEqual(b, 10 * which, delta=1.5)

    def test_resumed_on_other_ranks(self):
        """The history of losses goes through the checkpoint: it is full, and decides which t are drawn."""
        content = read_h5(latest(self.run_folder))
        self.assertEqual((20, 10), content["timesteps/history"].shape)
        self.assertTrue((content["timesteps/seen"] >= 10).all())
        parts = train(self.path("parts"), self.table, {"training.iterations": 437}, ranks=3)
        train(parts, self.table, ranks=2)
        self.assert_same_bits(latest(self.run_folder), latest(parts))
        uniform = train(self.path("uniform"), self.table, {"diffusion.timesteps": "uniform"})
        with self.assertRaises(AssertionError):
            self.assert_same_bits(latest(uniform), latest(parts))

    def test_each_way_to_choose_t(self):
        for kind in ("antithetic", "stratified"):
            with self.subTest(kind=kind):
                values = {"diffusion.timesteps": kind, "training.iterations": 60, "diffusion.loss": "vlb",
                          "diffusion.variance": "learned", "training.batch": 97}
                one, three = (train(self.path(f"{kind}{ranks}"), self.table, values, ranks=ranks) for ranks in (0, 3))
                self.assert_same_bits(latest(one), latest(three))

    def test_each_sampler(self):
        given = self.conditions([[10 + i / 20, i % 3] for i in range(200)])
        found = []
        for sampler in METHODS:
            with self.subTest(sampler=sampler):
                arguments = ("--sampler", *sampler, "--conditions", given, "--guidance", 0.5)
                one, three = self.sample(*arguments, threads=2), self.sample(*arguments, ranks=3)
                self.assertTrue(np.isfinite(one).all())
                self.assertTrue(np.array_equal(bits(one), bits(three)))
                self.assertFalse(any(np.array_equal(one, other) for other in found))
                found.append(one)

    def test_far_from_the_training_rows(self):
        """One warning for each such condition, on any number of ranks, with the value, the range, and by how far; none
        for those within, up to the ends."""
        energy = self.rows[:, 1].astype("f8")
        far = self.conditions([[15, 0], [1480, 1]], "far.h5")
        ends = self.conditions([[energy.min(), 0], [energy.max(), 1]], "ends.h5")
        cases = ((("--condition", "energy=1480", "--condition", "kind=1", "--count", 2), 0, "energy = 1480"),
                 (("--conditions", far), 3, "energy = 1480"),
                 (("--condition", "energy=20.5", "--condition", "kind=1", "--count", 2), 0,
                  f"energy = 20.5 is {(20.5 - energy.max()) / energy.std():.3g} standard"),
                 (("--condition", "energy=9", "--condition", "kind=1", "--count", 2), 0,
                  f"of which all have {energy.min():.7g}"),
                 (("--conditions", ends), 0, None),
                 (("--condition", "energy=19", "--condition", "kind=1", "--count", 2), 0, None))
        for arguments, ranks, expected in cases:
            result = self.ddpm("sample", self.run_folder, *arguments, "--output", self.path("far samples.h5"),
                               ranks=ranks)
            found = [line for line in result.warnings() if "standard deviations beyond" in line]
            self.assertEqual(1 if expected else 0, len(found), str(result))
            self.assertTrue(not expected or expected in found[0], str(result))

    def test_evaluation(self):
        texts = []
        for ranks in (0, 3):
            self.ddpm("evaluate", self.run_folder, "--count", 100, "--likelihood", "--samples", 100,
                      "--json", self.path("e.json"), ranks=ranks)
            with open(self.path("e.json"), encoding="utf-8") as file:
                texts.append(file.read())
        self.assertEqual(*texts)


class Conditions(Trained):
    def test_samples_follow(self):
        for energy, kind in ((12, 2), (18, 0)):
            with self.subTest(energy=energy, kind=kind):
                conditions = ("--condition", f"energy={energy}", "--condition", f"kind={kind}")
                a, b = self.sample(*conditions, count=500).mean(axis=0)
                self.assertAlmostEqual(a, energy, delta=1.0)
                self.assertAlmostEqual(b, 10 * kind, delta=1.0)
        spread = self.sample(count=500)  # without conditions: all of them
        self.assertGreater(spread[:, 1].std(), 5)

    def test_one_for_all_is_a_row_for_each(self):
        given = self.conditions(np.tile([12.5, 1], (200, 1)))
        self.assertTrue(np.array_equal(self.sample("--condition", "kind=1", "--condition", "energy=12.5"),
                                       self.sample("--conditions", given)))

    def test_file_of_conditions(self):
        """A row each, in their order, whatever block a sample is in; --count may be left out."""
        rows = np.array([[11 + i % 7, i % 3] for i in range(300)])
        samples = self.sample("--conditions", self.conditions(rows), count=0)
        self.assertEqual((300, 2), samples.shape)
        self.assertLess(np.abs(samples[:, 1] - 10 * rows[:, 1]).mean(), 2)
        with h5py.File(self.path("named.h5"), "w") as file:
            file["some/where"] = rows
        again = self.sample("--conditions", self.path("named.h5") + ":some/where", count=0)
        self.assertTrue(np.array_equal(samples, again))

    def test_guidance(self):
        given = ("--condition", "kind=1", "--condition", "energy=15")
        plain = self.sample(*given)
        self.assertTrue(np.array_equal(plain, self.sample(*given, "--guidance", 0)))
        self.assertFalse(np.array_equal(plain, self.sample(*given, "--guidance", 2)))
        self.fails(USAGE, "sample", self.run_folder, "--count", 5, "--output", self.path("s.h5"), "--guidance", 2,
                   says=["--guidance: 2 has no effect", "--condition"])

    def test_columns_that_are_conditions_are_not_modelled(self):
        shown = self.ddpm("info", self.run_folder).stdout
        self.assertIn("2 columns", shown)
        self.assertIn("2 conditions", shown)
        self.assertRegex(shown, r"energy +1\d\.\d+, 2\.\d+")
        self.assertRegex(shown, r"kind +classes 0 to 2")

    def test_label_of_generated_rows(self):
        """The two moons: the first lies above the second."""
        moons = self.train(self.config(), self.path("moons"),
                           {"data.source": "two_moons", "data.condition": "[label]", "training.iterations": 400,
                            "training.learning_rate": 0.003})
        means = []
        for label in (0, 1):
            self.ddpm("sample", moons, "--count", 500, "--condition", f"label={label}",
                      "--output", self.path("moon.h5"))
            means.append(read_h5(self.path("moon.h5"))["samples"].mean(axis=0))
        self.assertGreater(means[0][1], means[1][1] + 0.5)
        self.ddpm("evaluate", moons, "--count", 50, "--samples", 100)

    def test_training_refuses(self):
        for condition, says in (("[nothing]", ["nothing", "neither a dataset nor a column"]),
                                ("[kind, class:kind]", ["same", "name it once"]),
                                ("[energy, 1]", ["'energy' and '1' are the same"]),
                                ("[class:energy]", ["energy", "expected a class", "row "]),
                                ("[a, b, energy]", ["nothing is left"])):
            with self.subTest(condition=condition):
                values = {**VALUES, "data.path": self.table, "data.condition": condition}
                code = CONFIG if "same" in says[0] or "same" in says[-1] or "nothing is left" in says[0] else DATA
                self.fails(code, "train", "/dev/null", *settings(values), "--output", self.path("run"), says=says)
        for values, code, says in (({"data.columns": "[a, energy]"}, CONFIG,
                                    ["data.columns", "energy", "condition too"]),
                                   ({"data.path": self.folder}, MISSING, ["found a folder"]),
                                   ({"data.source": "two_moons", "data.condition": "[label, label]"}, CONFIG,
                                    ["label", "name it once"]),
                                   ({"data.source": "two_moons", "data.condition": "[kind]"}, CONFIG,
                                    ["label", "kind"])):
            with self.subTest(values=values):
                arguments = settings({**VALUES, "data.path": self.table, **values})
                self.fails(code, "train", "/dev/null", *arguments, "--output", self.path("run"), says=says)
        self.assertFalse(os.path.exists(self.path("run")))

    def test_training_refuses_values(self):
        for values, says in ((np.full(ROWS, np.nan), ["kind", "row 0"]),
                             (np.zeros(ROWS - 1), ["kind", f"each of the {ROWS} rows"]),
                             (np.arange(ROWS, dtype="u8") + 2 ** 63, ["kind", "row 0", "9.22337e+18"])):
            with self.subTest(says=says):
                path = self.h5("bad.h5", columns=["a", "energy", "b"], data=self.rows, kind=values)
                arguments = settings({**VALUES, "data.path": path})
                self.fails(DATA, "train", "/dev/null", *arguments, "--output", self.path("run"), says=["bad.h5", *says],
                           ranks=2)

    def test_sampling_refuses(self):
        whole = ("--count", 5, "--output", self.path("no.h5"))
        for arguments, code, says in (
                (("--condition", "kind=1"), USAGE, ["energy, kind", "for each"]),
                (("--condition", "kind"), USAGE, ["kind", "NAME=VALUE"]),
                (("--condition", "kind=one"), USAGE, ["kind=one", "a number"]),
                (("--condition", "kin=1"), USAGE, ["kin=1", "energy, kind"]),
                (("--condition", "kind=3", "--condition", "energy=1"), DATA, ["class 3", "rows have are 0, 1, 2"]),
                (("--condition", "kind=1", "--condition", "energy=nan"), DATA, ["energy", "not a finite number"]),
                (("--condition", "kind=1", "--conditions", "x.h5"), USAGE, ["not both"]),
                (("--conditions", self.path("absent.h5")), MISSING, ["absent.h5"]),
                (("--conditions", self.conditions([[1, 1]] * 4, "four.h5")), USAGE, ["4 rows", "5 samples"]),
                (("--conditions", self.conditions([[1]] * 5, "narrow.h5")), DATA, ["2 numbers"]),
                (("--conditions", self.conditions([[12, 1]] * 4 + [[12, 7]], "seven.h5")), DATA,
                 ["row 4", "kind", "7"]),
                (("--sampler", "euler"), USAGE, ["--sampler", "dpm_solver"])):
            with self.subTest(arguments=arguments):
                self.fails(code, "sample", self.run_folder, *whole, *arguments, says=says)
        self.assert_no_leftovers()

    def test_classes_without_rows(self):
        """They are refused by name, in sampling, evaluation and a file; what has rows is counted, on any number of
        ranks, and shown."""
        kinds = np.array([0, 2, 7], "i4")[np.random.default_rng(1).integers(0, 3, 500)]
        rows = np.stack([kinds + np.random.default_rng(2).normal(size=500), kinds], axis=1).astype("f4")
        path = self.h5("gaps.h5", data=rows, kind=kinds)
        values = {"training.iterations": 20, "data.condition": "[kind]"}
        one, three = (train(self.path(f"gaps{ranks}"), path, values, ranks=ranks) for ranks in (0, 3))
        self.assert_same_bits(latest(one), latest(three))
        self.assertEqual(np.bincount(kinds).tolist(), read_h5(latest(one))["condition/rows"].tolist())
        self.assertIn(f"rows of class 0: {(kinds == 0).sum()}, 2: {(kinds == 2).sum()}, 7: ",
                      self.ddpm("info", one).stdout)
        whole, says = ("--output", self.path("s.h5")), ["'kind'", "no row", "class 1", "0, 2, 7"]
        self.fails(DATA, "sample", one, *whole, "--count", 5, "--condition", "kind=1", says=says)
        self.fails(DATA, "sample", one, *whole, "--conditions", self.conditions([[0], [1]]), says=["row 1", *says])
        self.fails(DATA, "evaluate", one, "--data", self.h5("one.h5", data=rows, kind=np.where(kinds == 2, 1, kinds)),
                   says=["one.h5", "row ", *says])
        self.ddpm("sample", one, *whole, "--count", 5, "--condition", "kind=2")

    def test_no_dropout(self):
        """A model that never saw a row without its condition makes none, and has nothing to compare guidance with; what
        needs neither works, and so does the same on a model without conditions."""
        small = {"data.source": "two_moons", "data.validation": 0.1, "training.iterations": 20,
                 "training.validate_every": 0, "diffusion.condition_dropout": 0}
        always = self.train(self.config(), self.path("always"), {**small, "data.condition": "[label]"})
        guided = self.train(self.config(), self.path("guided"),
                            {**small, "data.condition": "[label]", "sampling.guidance": 1})
        plain = self.train(self.config(), self.path("plain"), small)
        whole, one = ("--count", 5, "--output", self.path("s.h5")), ("--condition", "label=1")
        file = ("--conditions", self.conditions([[0]] * 5))
        given = ("--given", self.h5("given.h5", data=np.full((5, 2), [0.5, np.nan], "f4")),
                 "--output", self.path("s.h5"))
        quality, none = ("--count", 10, "--samples", 20), ("samples without conditions", "give them")
        for model, verb, arguments, words in (
                (always, "sample", whole, none),
                (always, "sample", given, none),
                (always, "sample", (*whole, "--guidance", 1), none),
                (always, "sample", (*whole, *one, "--guidance", 0.5), ("guidance", "sampling.guidance: 0")),
                (always, "sample", (*whole, *file, "--guidance", 2), ("guidance", "sampling.guidance: 0")),
                (guided, "sample", (*whole, *one), ("guidance", "sampling.guidance: 0")),
                (always, "evaluate", (*quality, "--guidance", 1), ("guidance", "sampling.guidance: 0")),
                (guided, "evaluate", quality, ("guidance", "sampling.guidance: 0"))):
            for ranks in (0, 2):
                with self.subTest(verb=verb, arguments=arguments, ranks=ranks):
                    self.fails(USAGE, verb, model, *arguments,
                               says=["diffusion.condition_dropout: 0", "above 0", *words], ranks=ranks)
        self.assertFalse(os.path.exists(self.path("s.h5")))
        self.assert_no_leftovers()
        for model, verb, arguments in (
                (always, "sample", (*whole, *one)),
                (always, "sample", (*whole, *file)),
                (always, "sample", (*given, *one)),
                (guided, "sample", (*whole, *one, "--guidance", 0)), (always, "evaluate", quality),
                (guided, "evaluate", ("--count", 10, "--samples", 0)),
                (guided, "evaluate", (*quality, "--guidance", 0)),
                (plain, "sample", whole), (plain, "evaluate", (*quality, "--guidance", 0))):
            with self.subTest(verb=verb, arguments=arguments):
                self.ddpm(verb, model, *arguments)

    def test_models_without(self):
        plain = self.train(self.config(), self.path("plain"), {"training.iterations": 20, "training.validate_every": 0})
        for arguments in (("--condition", "kind=1"), ("--conditions", self.conditions([[1]] * 5))):
            with self.subTest(arguments=arguments):
                self.fails(USAGE, "sample", plain, "--count", 5, "--output", self.path("no.h5"), *arguments,
                           says=["without data.condition"])


class Evaluation(Trained):
    def evaluate(self, *arguments):
        self.ddpm("evaluate", self.run_folder, *over({"--count": 400}, arguments), "--json", self.path("e.json"))
        with open(self.path("e.json"), encoding="utf-8") as file:
            return json.load(file)

    def other_table(self, name, **datasets):
        """The table with datasets of its own in the place of the conditions."""
        return self.h5(name, columns=["a", "energy", "b"], data=datasets.pop("data", self.rows), **datasets)

    def test_each_row_under_its_own_condition(self):
        """p(row | condition): near its true value, ln(2 pi e) for two normal columns of deviation 1, and far worse once
        the conditions are dealt out anew. A class that is held as real numbers is a class all the same."""
        fresh = self.path("fresh.h5")
        make_table(fresh, seed=1, kind="f8")
        likelihood = ("--likelihood", "--samples", 0)
        held_out, own = self.evaluate(*likelihood), self.evaluate(*likelihood, "--data", fresh)
        for found in (held_out, own):
            self.assertAlmostEqual(found["likelihood"]["own_nats"], np.log(2 * np.pi * np.e), delta=0.4)
            self.assertGreater(found["bound"]["own_nats"], found["likelihood"]["own_nats"])
        with h5py.File(fresh, "r+") as file:
            file["kind"][:] = np.random.default_rng(2).permutation(file["kind"][:])
        self.assertGreater(self.evaluate(*likelihood, "--data", fresh)["bound"]["own_nats"],
                           own["bound"]["own_nats"] + 5)

    def test_samples_under_the_conditions_of_real_rows(self):
        """Rows of one kind alone: samples are of it too."""
        one = self.other_table("one.h5", data=self.rows[self.kind == 1], kind=self.kind[self.kind == 1])
        found = self.evaluate("--data", one, "--count", 0)["quality"]
        self.assertLess(found["sliced_w1"]["samples"], 0.1)
        self.ddpm("sample", self.run_folder, "--count", 500, "--output", self.path("all.h5"))
        unconditional = self.evaluate("--data", one, "--count", 0, "--samples-file", self.path("all.h5"))["quality"]
        self.assertGreater(unconditional["sliced_w1"]["samples"], 2 * found["sliced_w1"]["samples"])

    def test_refuses(self):
        short = self.h5("columns.h5", data=self.rows[:, [0, 2]])
        for path, says in ((self.other_table("none.h5"), ["none.h5", "data.condition", "kind"]),
                           (short, ["columns.h5", "energy"]),
                           (self.other_table("new.h5", kind=self.kind + 1),
                            ["kind", "no row of the training data has class 3", "row "])):
            with self.subTest(says=says):
                self.fails(DATA, "evaluate", self.run_folder, "--data", path, says=says, ranks=2)

    def test_other_conditions_than_in_training(self):
        changed = self.path("changed")
        shutil.copytree(self.run_folder, changed)
        path = self.path("table.h5")
        shutil.copy(self.table, path)
        train(changed, path, {"training.iterations": 601})
        with h5py.File(path, "r+") as file:
            file["kind"][0] = 4
        self.fails(DATA, "evaluate", changed, says=["table.h5", "condition 'kind' has 5 classes, not 3", "--data"])


if __name__ == "__main__":
    main()
