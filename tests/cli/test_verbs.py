#!/usr/bin/python3
"""Every verb does what its help says.
Run: ctest --preset dev -R cli.verbs"""
import csv
import os
import re

import h5py
import numpy as np

from program import SMALL, SOURCE, Case, checkpoints, latest, read_h5, read_metrics, settings
from skipped import main

USAGE, STOPPED, CONFIG = 64, 75, 78
VERBS = ("train", "sample", "forward", "evaluate", "schedule", "data", "info", "config", "bench", "export", "import")
HELP_WIDTH = 120
QUICK = {**SMALL, "training.iterations": 30, "training.validate_every": 0, "training.decay": "constant"}
REFERENCE = os.path.join(SOURCE, "configs", "reference.yaml")


def files_below(folder):
    """{path: (content, time)}, to see whether anything changed."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                found[path] = file.read(), os.lstat(path).st_mtime_ns
    return found


def text_of(attribute):
    return attribute.decode() if isinstance(attribute, bytes) else str(attribute)


class Usage(Case):
    def test_help(self):
        general = self.ddpm("--help").stdout
        self.assertEqual(VERBS, tuple(re.findall(r"^  (\w+)  ", general, re.MULTILINE)))
        for verb in VERBS:
            told = self.ddpm(verb, "--help")
            self.assertTrue(told.stdout.startswith(f"usage: ddpm {verb} "), told)
            self.assertEqual("", told.stderr)
            self.assertLessEqual(max(map(len, told.stdout.splitlines())), HELP_WIDTH, told)
        self.assertEqual(general, self.ddpm("--help", ranks=3).stdout)  # said once

    def test_version(self):
        told = self.ddpm("--version").stdout
        for pattern in (r"^ddpm \d+\.\d+\.\d+\n", r"\nOpen MPI|\nMPICH|MPI", r"\nHDF5 \d+\.\d+", r"\nlibyaml \d+\.\d+",
                        r"\nOpenMP \d+"):
            self.assertRegex(told, pattern)

    def test_wrong_usage(self):
        self.fails(USAGE, says=["verb", "ddpm --help"])
        self.fails(USAGE, "trian", says=["'trian'", "ddpm --help"])
        self.fails(USAGE, "trian", ranks=3, says=["'trian'"])
        for verb in VERBS:
            self.fails(USAGE, verb, "--no-such-option", says=["--no-such-option", f"ddpm {verb} --help"])
        self.fails(USAGE, "train", self.config(), "--set", says=["--set", "value"])
        self.fails(USAGE, "train", says=["configuration file"])
        self.fails(USAGE, "train", self.config(), "extra", says=["'extra'"])
        self.fails(USAGE, "train", self.config(), "--dry-run=yes", says=["--dry-run"])
        self.fails(USAGE, "data", "swiss_role", "--count", 5, "--output", self.path("x.h5"),
                   says=["swiss_role", "swiss_roll"])
        self.fails(USAGE, "data", "swiss_roll", "--count", 5, says=["--output"])
        self.fails(USAGE, "data", "swiss_roll", "--output", self.path("x.h5"), says=["--count"])
        for count in ("0", "-3", "many", "1e-3", ""):
            self.fails(USAGE, "sample", self.folder, "--count", count, "--output", self.path("x.h5"),
                       says=["--count", "whole number"])
        self.assertEqual(["config.yaml"], os.listdir(self.folder))


class Config(Case):
    def test_reference_is_current(self):
        with open(REFERENCE, encoding="utf-8") as file:
            self.assertEqual(file.read(), self.ddpm("config").stdout, "run: ddpm config > configs/reference.yaml")

    def test_reference_is_a_configuration(self):
        """Of the defaults."""
        resolved = self.ddpm("config", REFERENCE).stdout
        self.assertEqual(resolved, self.ddpm("config", self.config(), ranks=2).stdout)
        self.assertEqual(resolved, self.ddpm("config", self.write("resolved.yaml", resolved)).stdout)

    def test_set(self):
        changed = self.ddpm("config", REFERENCE, "--set", "training.batch=77", "--set", "training.batch=78",
                            "--set", "data.columns=[a, 2]").stdout
        self.assertIn("  batch: 78\n", changed)
        self.assertIn("  batch: 256\n", self.ddpm("config", REFERENCE).stdout)
        self.assertRegex(changed, r'columns: \["?a"?, "?2"?\]')

    def test_shipped_configurations(self):
        for name in sorted(os.listdir(os.path.join(SOURCE, "configs"))):
            if name.endswith(".yaml") and name != "paper.yaml":  # that one is a list of figures
                self.ddpm("config", os.path.join(SOURCE, "configs", name))


class Schedule(Case):
    def table(self, *arguments):
        output = self.path("schedule.csv")
        result = self.ddpm("schedule", self.config(), *arguments, "--output", output)
        with open(output, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file)), result

    def test_columns_and_digits(self):
        rows, _ = self.table("--set", "diffusion.steps=40", "--set", "diffusion.schedule.kind=linear")
        self.assertEqual(["step", "beta", "alpha_bar", "snr", "posterior_variance"], list(rows[0]))
        self.assertEqual([str(t) for t in range(1, 41)], [row["step"] for row in rows])
        beta = 1e-4 + (0.02 - 1e-4) * np.arange(40) / 39
        bar = np.cumprod(1 - beta)
        before = np.concatenate([[1], bar[:-1]])
        expected = {"beta": beta, "alpha_bar": bar, "snr": bar / (1 - bar),
                    "posterior_variance": beta * (1 - before) / (1 - bar)}
        for name, values in expected.items():
            found = np.array([float(row[name]) for row in rows])
            np.testing.assert_allclose(found, values, rtol=1e-12, atol=1e-300, err_msg=name)
            for row in rows:  # all that a double has: 17 digits, of which trailing zeros may be left out
                self.assertEqual(f"{float(row[name]):.17g}", row[name])
        self.assertGreater(max(len(row["beta"].strip("0.")) for row in rows), 15)

    def test_printed_is_written(self):
        _, result = self.table()
        self.assertEqual("", result.stdout)
        with open(self.path("schedule.csv"), encoding="utf-8") as file:
            self.assertEqual(file.read(), self.ddpm("schedule", self.config(), ranks=3).stdout)

    def test_audit(self):
        """The article's sigmoid leaves most of the signal at T = 100; the default does not."""
        article = ["--set", "diffusion.schedule.kind=sigmoid", "--set", "diffusion.schedule.start=1e-5",
                   "--set", "diffusion.schedule.end=1e-2"]
        rows, result = self.table(*article, "--set", "diffusion.steps=100")
        self.assertGreater(float(rows[-1]["alpha_bar"]), 0.5)
        self.assertEqual(2, len(result.warnings()), str(result))
        self.assertIn("diffusion.schedule", result.warnings()[0])
        self.assertIn("a perfect network", result.warnings()[1])
        self.assertEqual([], self.table()[1].warnings())

    def test_audit_of_sampling(self):
        """Samples that would have another spread than the data, and what to do: which is right when it is done."""
        chain = {"diffusion.schedule.kind": "cosine", "diffusion.steps": 100, "sampling.method": "ancestral"}
        far = {"diffusion.schedule.kind": "cosine", "diffusion.predict": "noise", "sampling.method": "ddim",
               "sampling.steps": 20, "sampling.spacing": "uniform"}
        for values, words, better in (
                (chain, ["100 steps of ancestral", "0.977 where", "no sampling method avoids it"], {}),
                (far, ["20 steps of ddim", "0.94 where"], {}),
                ({"sampling.steps": 5}, ["5 steps of heun", "0.0688 where they have 0.2", "take"],
                 {"sampling.steps": 40, "sampling.spacing": "karras"}),
                ({"sampling.method": "dpm_solver", "sampling.steps": 25, "sampling.spacing": "karras"},
                 ["25 steps of dpm_solver", "take"],
                 {"sampling.method": "dpm_solver", "sampling.steps": 25, "sampling.spacing": "log_snr"})):
            with self.subTest(values):
                _, result = self.table(*settings(values))
                self.assertEqual(1, len(result.warnings()), str(result))
                for each in words:
                    self.assertIn(each, result.warnings()[0])
                for key, value in better.items():
                    if values.get(key) != value:
                        self.assertIn(f"{key}: {value}", result.warnings()[0])
                if better:
                    self.assertEqual([], self.table(*settings(better))[1].warnings())


class Data(Case):
    KINDS = {("swiss_roll", 2): ["x", "z"], ("swiss_roll", 3): ["x", "y", "z"], ("s_curve", 2): ["x", "z"],
             ("s_curve", 3): ["x", "y", "z"], ("two_moons", 2): ["x", "y"]}

    def make(self, name, kind, *arguments, **more):
        self.ddpm("data", kind, "--count", 1000, "--output", self.path(name), *arguments, **more)
        return self.path(name)

    def test_kinds(self):
        for (kind, dimensions), columns in self.KINDS.items():
            with self.subTest(kind=kind, dimensions=dimensions):
                path = self.make("data.h5", kind, "--dimensions", dimensions)
                with h5py.File(path, "r") as file:
                    self.assertEqual((1000, dimensions), file["data"].shape)
                    self.assertEqual(np.float32, file["data"].dtype)
                    self.assertEqual((1000,), file["label"].shape)
                    self.assertEqual(columns, [text_of(name) for name in file["data"].attrs["columns"]])
                    self.assertEqual(kind, text_of(file.attrs["kind"]))
                    self.assertTrue(np.isfinite(file["data"][()]).all())

    def test_noiseless_points_lie_on_their_curves(self):
        """In scikit-learn's units."""
        roll = read_h5(self.make("roll.h5", "swiss_roll", "--dimensions", 3, "--noise", 0))
        t = roll["label"].astype(float)
        self.assertTrue(1.5 * np.pi - 1e-5 <= t.min() < 5 and 14 < t.max() <= 4.5 * np.pi + 1e-5)
        np.testing.assert_allclose(roll["data"][:, [0, 2]], np.column_stack([t * np.cos(t), t * np.sin(t)]), atol=1e-5)
        self.assertTrue(0 <= roll["data"][:, 1].min() and roll["data"][:, 1].max() <= 21)
        curve = read_h5(self.make("s.h5", "s_curve", "--noise", 0))
        t = curve["label"].astype(float)
        np.testing.assert_allclose(curve["data"], np.column_stack([np.sin(t), np.sign(t) * (np.cos(t) - 1)]), atol=1e-5)
        moons = read_h5(self.make("moons.h5", "two_moons", "--noise", 0))
        x, lower = moons["data"].astype(float), moons["label"] == 1
        np.testing.assert_allclose(np.hypot(x[~lower, 0], x[~lower, 1]), 1, atol=1e-5)
        np.testing.assert_allclose(np.hypot(x[lower, 0] - 1, x[lower, 1] - 0.5), 1, atol=1e-5)
        self.assertTrue((x[~lower, 1] >= -1e-5).all() and (x[lower, 1] <= 0.5 + 1e-5).all())
        self.assertTrue(400 < lower.sum() < 600)

    def test_same_seed_same_bits(self):
        first = self.make("first.h5", "swiss_roll", "--seed", 7)
        for ranks in (1, 2, 3):
            self.assert_same_bits(first, self.make("again.h5", "swiss_roll", "--seed", 7, ranks=ranks))
        self.assertFalse(np.array_equal(read_h5(first)["data"],
                                        read_h5(self.make("other.h5", "swiss_roll", "--seed", 8))["data"]))

    def test_row_is_the_same_at_any_count(self):
        long = read_h5(self.make("long.h5", "two_moons"))["data"]
        self.ddpm("data", "two_moons", "--count", 10, "--output", self.path("short.h5"))
        self.assertTrue(np.array_equal(long[:10], read_h5(self.path("short.h5"))["data"]))

    def test_largest_seed(self):
        told = self.ddpm("info", self.make("data.h5", "s_curve", "--seed", 2 ** 64 - 1)).stdout
        self.assertIn(f"seed: {2 ** 64 - 1}\n", told)

    def test_moons_are_flat(self):
        self.fails(USAGE, "data", "two_moons", "--dimensions", 3, "--count", 5, "--output", self.path("x.h5"),
                   says=["--dimensions"])


class Forward(Case):
    def test_trajectory(self):
        """From the rows of the data to noise, N(0, 1) in standardised units; the same on three ranks."""
        rng = np.random.default_rng(1)
        rows = rng.uniform(-1, 1, (4000, 3))
        rows[:, 0] = rng.permutation(4000) / 2000 - 1  # told apart after rounding
        rows = (rows * [1, 10, 100] + [5, 0, -50]).astype(np.float32)
        config = self.config(data={"source": "hdf5", "path": f'"{self.h5("rows.h5", ["a", "b", "c"], data=rows)}"',
                                   "validation": 0})
        arguments = ["forward", config, "--count", 4000, "--snapshots", 5, "--output"]
        self.ddpm(*arguments, self.path("one.h5"))
        self.ddpm(*arguments, self.path("three.h5"), ranks=3)
        self.assert_same_bits(self.path("one.h5"), self.path("three.h5"))
        found = read_h5(self.path("one.h5"))
        self.assertEqual([0, 250, 500, 750, 1000], list(found["trajectory_step"]))
        self.assertEqual((5, 4000, 3), found["trajectory"].shape)
        first, last = found["trajectory"][0], found["trajectory"][-1]
        order = [np.argsort(array[:, 0]) for array in (first, rows)]
        np.testing.assert_allclose(first[order[0]], rows[order[1]], rtol=1e-4, atol=1e-4)  # each row once
        last = (last - rows.mean(axis=0)) / rows.std(axis=0)
        np.testing.assert_allclose(last.mean(axis=0), 0, atol=5 / 4000 ** 0.5)
        np.testing.assert_allclose(last.std(axis=0), 1, atol=5 / 8000 ** 0.5)
        np.testing.assert_allclose((last ** 4).mean(axis=0), 3, atol=0.8)  # uniform rows have 1.8
        self.assertLess(abs(np.corrcoef(np.column_stack([first, last]).T)[:3, 3:]).max(), 0.1)

    def test_usage(self):
        self.fails(USAGE, "forward", self.config(), says=["--output"])


class Run(Case):
    """A finished run and what can be done with it."""

    def setUp(self):
        super().setUp()
        self.run = self.train(self.config(), self.path("run"), QUICK)

    def again(self, *arguments, code=0, values=(), **more):
        return self.ddpm("train", self.config(), *settings({**QUICK, **dict(values)}), "--output", self.run, *arguments,
                         code=code, **more)

    def test_folder(self):
        self.assertEqual(["checkpoints", "config.yaml", "metrics.csv", "run.log"], sorted(os.listdir(self.run)))
        self.assertEqual("step-000000030.h5", os.readlink(latest(self.run)))
        self.assertEqual(["30"], [row["iteration"] for row in read_metrics(self.run)])
        resolved = self.ddpm("config", os.path.join(self.run, "config.yaml")).stdout
        self.assertIn("  iterations: 30\n", resolved)

    def test_log(self):
        """Each start appends what it said, the numbers of metrics.csv aside, and how it ended."""
        with open(os.path.join(self.run, "metrics.csv"), "a", encoding="utf-8") as file:
            file.write("oops\n")
        told = self.again(values={"training.iterations": 50, "run.time_limit": 1e-9}, code=STOPPED, ranks=3)
        with open(os.path.join(self.run, "run.log"), encoding="utf-8") as file:
            first, second = re.split(r"^# ddpm \S+, [-\d]+ [:\d]+ UTC\n", file.read(), flags=re.MULTILINE)[1:]
        later = ["ranks      3 on ", "resume     ", "dropped 1 lines", *told.warnings(), *told.errors()]
        for start, lines in ((first, ["ranks      1 on ", "schedule   T = ", "\nfinished   30 iterations"]),
                             (second, later)):
            for line in lines:
                self.assertIn(line, start)
            self.assertNotIn("left", start)

    def test_log_that_was_cut_short(self):
        with open(os.path.join(self.run, "run.log"), "a", encoding="utf-8") as file:
            file.write("warning: no ro")
        self.again(values={"training.iterations": 50})
        with open(os.path.join(self.run, "run.log"), encoding="utf-8") as file:
            self.assertIn("warning: no ro\n# ddpm ", file.read())

    def test_default_folder(self):
        self.ddpm("train", self.config(), *settings(QUICK), "--set", "run.name=abc", folder=self.folder)
        self.assertTrue(os.path.exists(latest(self.path("runs", "abc"))))

    def test_checkpoints_kept(self):
        output = self.train(self.config(), self.path("kept"), {**QUICK, "checkpoint.every": 7, "checkpoint.keep": 2})
        self.assertEqual(["step-000000028.h5", "step-000000030.h5"], checkpoints(output))

    def test_finished(self):
        before = files_below(self.run)
        told = self.again()
        self.assertIn("has all 30 iterations already", told.stderr)
        self.assertEqual(before, files_below(self.run))

    def test_prolonged(self):
        self.again(values={"training.iterations": 50}, ranks=2)
        self.assertEqual(["step-000000030.h5", "step-000000050.h5"], checkpoints(self.run))
        self.assertEqual(["30", "50"], [row["iteration"] for row in read_metrics(self.run)])

    def test_prolonged_cosine(self):
        """Is another run, since the learning rate depends on the length."""
        self.train(self.config(), self.path("cosine"), {**QUICK, "training.decay": "cosine"})
        self.fails(CONFIG, "train", self.config(),
                   *settings({**QUICK, "training.decay": "cosine", "training.iterations": 50}),
                   "--output", self.path("cosine"), says=["training.iterations", "30", "50"])

    def test_changed_science(self):
        before = files_below(self.run)
        changes = {"network.width": (32, 48), "training.learning_rate": (0.002, 0.003), "run.seed": (0, 1),
                   "diffusion.schedule.kind": ("log_normal", "linear"), "diffusion.steps": (50, 60)}
        for ranks in (0, 3):
            for key, (was, now) in changes.items():
                self.fails(CONFIG, "train", self.config(), *settings({**QUICK, "training.iterations": 50, key: now}),
                           "--output", self.run, ranks=ranks, says=[key, str(was), str(now), "new run folder"])
        self.assertEqual(before, files_below(self.run))

    def test_changed_run_key(self):
        self.again(values={"training.iterations": 50, "checkpoint.every": 5, "run.name": "other"})

    def test_resume_never(self):
        before = files_below(self.run)
        self.fails(USAGE, "train", self.config(), *settings(QUICK), "--output", self.run, "--resume", "never",
                   says=[self.run, "--output"])
        self.assertEqual(before, files_below(self.run))

    def test_resume_file(self):
        """In another folder; the old one stays as it is."""
        before = files_below(self.run)
        self.ddpm("train", self.config(), *settings({**QUICK, "training.iterations": 50}),
                  "--output", self.path("branch"), "--resume", latest(self.run))
        self.again(values={"training.iterations": 50})
        self.assert_same_bits(latest(self.path("branch")), latest(self.run))
        for path in before:
            self.assertTrue(os.path.lexists(path))

    def test_dry_run(self):
        before = sorted(os.listdir(self.folder))
        result = self.ddpm("train", self.config(), *settings(QUICK), "--output", self.path("dry"), "--dry-run")
        self.assertIn("memory", result.stderr)
        self.assertRegex(result.stderr, r"time +[0-9.e-]+ s an iteration .* 30 take about [0-9]")
        self.assertIn(self.path("dry"), result.stderr)
        self.assertEqual(before, sorted(os.listdir(self.folder)))
        wide = self.h5("wide.h5", data=np.random.default_rng(0).normal(size=(20, 1100)).astype("f4"))
        values = settings({**QUICK, "data.source": "hdf5", "data.path": wide})
        result = self.ddpm("train", "/dev/null", *values, "--dry-run")
        self.assertRegex(result.warnings()[0], "1100 columns.*at most 1024.*network.width, 32")
        files = files_below(self.run)
        self.again("--dry-run", values={"training.iterations": 50})
        self.assertEqual(files, files_below(self.run))

    def test_info(self):
        told = {path: self.ddpm("info", path).stdout for path in (self.run, latest(self.run))}
        for text in told.values():
            for words in ("checkpoint; its digest is right", "iteration 30 of 30", "2 columns", "block1/second/weight",
                          "width: 32"):
                self.assertIn(words, text)
        self.assertEqual(told[self.run], self.ddpm("info", self.run, ranks=3).stdout)
        self.ddpm("data", "s_curve", "--count", 12, "--output", self.path("data.h5"))
        text = self.ddpm("info", self.path("data.h5")).stdout
        for words in ("s_curve", "12 x 2", "columns: x, z", "label"):
            self.assertIn(words, text)
        self.ddpm("sample", self.run, "--count", 12, "--seed", 9, "--trajectory", 3,
                  "--output", self.path("samples.h5"))
        text = self.ddpm("info", self.path("samples.h5")).stdout
        for words in ("samples", "12 x 2", "3 x 12 x 2", "seed: 9", "iteration: 30", "heun"):
            self.assertIn(words, text)


class Sample(Case):
    def setUp(self):
        super().setUp()
        rows = np.random.default_rng(1).normal(size=(500, 3)).astype(np.float32)
        data = self.h5("rows.h5", ["a", "b", "c"], data=rows * [1, 10, 100] + [5, 0, -50])
        self.range = read_h5(data)["data"].min(axis=0), read_h5(data)["data"].max(axis=0)
        self.run = self.train(self.config(), self.path("run"), {**QUICK, "data.source": "hdf5", "data.path": data})
        self.made = 0

    def sample(self, *arguments, count=200, **more):
        self.made += 1
        output = self.path(f"samples{self.made}.h5")
        self.ddpm("sample", self.run, "--count", count, "--output", output, *arguments, **more)
        return output

    def rows(self, *arguments, **more):
        return read_h5(self.sample(*arguments, **more))["samples"]

    def test_shape_and_names(self):
        with h5py.File(self.sample(), "r") as file:
            self.assertEqual((200, 3), file["samples"].shape)
            self.assertEqual(np.float32, file["samples"].dtype)
            self.assertIsNone(file["samples"].chunks)
            self.assertEqual(["a", "b", "c"], [text_of(name) for name in file["samples"].attrs["columns"]])
            self.assertEqual(50, int(file.attrs["steps"]))  # auto
        np.testing.assert_array_less([0.3, 3, 30], self.rows().std(axis=0))  # the data's units

    def test_steps(self):
        full = self.rows()
        for options in (("--steps", 50), ("--steps", 0), ("--steps", "auto"),
                        ("--steps", 7, "--set", "sampling.steps=0")):
            self.assertTrue(np.array_equal(full, self.rows(*options)), options)
        for steps in (1, 7):
            found = self.rows("--steps", steps)
            self.assertTrue(np.isfinite(found).all())
            self.assertFalse(np.array_equal(full, found))
        self.fails(USAGE, "sample", self.run, "--count", 5, "--steps", 51, "--output", self.path("x.h5"),
                   says=["51", "1 to 50"], ranks=3)
        self.fails(USAGE, "sample", self.run, "--count", 5, "--steps", -1, "--output", self.path("x.h5"),
                   says=["--steps", "0 to"])
        self.assertFalse(os.path.exists(self.path("x.h5")))

    def test_set(self):
        """Any key of sampling, over what the model's configuration says; the file says which value was used."""
        self.assertTrue(np.array_equal(self.rows("--steps", 7), self.rows("--set", "sampling.steps=7")))
        corrected = self.sample("--corrections", 1, "--set", "sampling.correction_ratio=0.3", ranks=2)
        self.assertFalse(np.array_equal(self.rows("--corrections", 1), read_h5(corrected)["samples"]))
        self.assertIn("  correction_ratio: 0.3\n", self.ddpm("info", corrected).stdout)
        output = ["--count", 5, "--output", self.path("x.h5")]
        for assignment, words in (("training.batch=5", "only keys of the section 'sampling'"),
                                  ("sampling.correction_ratio=1", "at least 0 and below 1"),
                                  ("sampling.step=5", "'sampling.steps'"), ("sampling.eta=2", "from 0 to 1")):
            self.fails(USAGE, "sample", self.run, *output, "--set", assignment, says=[assignment, words], ranks=2)
        self.assertFalse(os.path.exists(self.path("x.h5")))

    def test_trajectory(self):
        """Ends in the samples, begins in noise, and changes nothing."""
        path = self.sample("--trajectory", 6, "--set", "sampling.spacing=uniform")
        found = read_h5(path)
        self.assertEqual((6, 200, 3), found["trajectory"].shape)
        self.assertEqual([50, 40, 30, 20, 10, 0], list(found["trajectory_step"]))
        steps = list(read_h5(self.sample("--trajectory", 51))["trajectory_step"])
        self.assertEqual((50, 0), (steps[0], steps[-1]))
        self.assertEqual(sorted(set(steps), reverse=True), steps)
        self.assertTrue(np.array_equal(found["trajectory"][-1], found["samples"]))
        self.assertTrue(np.array_equal(found["samples"], self.rows("--spacing", "uniform")))
        self.assert_same_bits(path, self.sample("--trajectory", 6, "--spacing", "uniform", ranks=3, threads=2))
        last_only = read_h5(self.sample("--trajectory", 1))
        self.assertTrue(np.array_equal(last_only["trajectory"][0], last_only["samples"]))

    def test_weights(self):
        average, raw = self.rows(), self.rows("--weights", "raw")
        self.assertTrue(np.array_equal(average, self.rows("--weights", "ema")))
        self.assertFalse(np.array_equal(average, raw))

    def test_seed(self):
        self.assertTrue(np.array_equal(self.rows(), self.rows("--seed", 0)))  # run.seed
        self.assertFalse(np.array_equal(self.rows("--seed", 1), self.rows("--seed", 2)))

    def test_a_sample_is_the_same_whatever_their_number(self):
        many = self.rows(count=1000, ranks=3)
        for count in (1, 127, 128, 129):
            self.assertTrue(np.array_equal(many[:count], self.rows(count=count)))
        self.assertEqual(1000, len(np.unique(many, axis=0)))

    def test_precision(self):
        """Samples in half length are near those in float32, and the same at any number of ranks and threads."""
        path, whole = self.sample("--precision", "bfloat16"), self.rows()
        halves = read_h5(path)["samples"]
        self.assert_same_bits(path, self.sample("--precision", "bfloat16", ranks=3, threads=2))
        self.assertFalse(np.array_equal(halves, whole))
        self.assertLess(np.median(np.abs(halves - whole)), 0.05 * whole.std())
        self.assertIn("  precision: bfloat16\n", self.ddpm("info", path).stdout)

    def test_clip(self):
        """Predictions are held to the range, of which the last step is one."""
        clipped = self.rows("--clip", "data", count=1000)
        room = 1e-4 * (self.range[1] - self.range[0])
        self.assertTrue((clipped >= self.range[0] - room).all() and (clipped <= self.range[1] + room).all())
        free = self.rows(count=1000)
        self.assertFalse((free >= self.range[0]).all() and (free <= self.range[1]).all())

    def test_replaces_a_file_and_leaves_nothing(self):
        path = self.sample()
        self.ddpm("sample", self.run, "--count", 5, "--output", path)
        self.assertEqual(5, len(read_h5(path)["samples"]))
        self.assert_no_leftovers()

    def test_usage(self):
        for arguments, words in ((["--count", 5], "--output"), (["--output", "x.h5"], "--count"),
                                 (["--count", 5, "--output", "x.h5", "--weights", "worst"], "ema, raw"),
                                 (["--count", 5, "--output", "x.h5", "--seed", "-1"], "--seed")):
            self.fails(USAGE, "sample", self.run, *arguments, says=[words])


if __name__ == "__main__":
    main()
