#!/usr/bin/python3
"""`ddpm evaluate`: what it reports fits together, says no to what does not fit, and is the same at any number of
ranks."""
import json
import math
import os
import tempfile
import unittest

import h5py
import numpy as np

from program import SMALL, over, run, run_script, settings
from skipped import main

EVALUATE = {"--count": 150, "--samples": 200}


class Evaluate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="ddpm evaluate ")
        cls.folder = cls.temporary.name
        result = run("train", "/dev/null", *settings({**SMALL, "data.source": "swiss_roll", "data.validation": 0.1}),
                     "--output", cls.path("run"))
        assert result.code == 0, str(result)
        cls.first = cls.evaluate("first")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def evaluate(cls, name, *arguments, model="run", **more):
        """JSON text, arrays by name, and the table of an evaluation."""
        result = run("evaluate", cls.path(model), "--likelihood", *over(EVALUATE, arguments), "--json",
                     cls.path(name + ".json"), "--output", cls.path(name + ".h5"), **more)
        assert result.code == 0, str(result)
        arrays = {}
        with h5py.File(cls.path(name + ".h5")) as file:
            file.visititems(lambda at, node: arrays.update({at: node[()]}) if isinstance(node, h5py.Dataset) else None)
        with open(cls.path(name + ".json"), encoding="utf-8") as file:
            return file.read(), arrays, result.stdout

    def test_same_bits(self):
        for ranks, threads in ((1, 2), (2, 1), (3, 1)):
            text, arrays, table = self.evaluate(f"r{ranks}", ranks=ranks, threads=threads)
            with self.subTest(ranks=ranks, threads=threads):
                self.assertEqual(text, self.first[0])
                self.assertEqual(table, self.first[2])
                self.assertEqual(arrays.keys(), self.first[1].keys())
                for name, values in arrays.items():
                    self.assertEqual(values.tobytes(), self.first[1][name].tobytes(), name)

    def test_sums(self):
        found, arrays = json.loads(self.first[0]), self.first[1]
        columns, scale = found["columns"], found["log_scale"]
        self.assertEqual(arrays["bound/term"].shape, (found["steps"],))
        self.assertEqual(list(arrays["bound/step"]), list(range(1, found["steps"] + 1)))
        self.assertTrue((arrays["bound/term"][1:] >= 0).all())
        total = found["prior"] + arrays["bound/term"].sum()
        self.assertAlmostEqual(found["bound"]["nats"], total, delta=1e-6)
        self.assertAlmostEqual(found["bound"]["nats"], found["prior"] + found["middle"] + found["reconstruction"],
                               delta=1e-9)
        self.assertAlmostEqual(found["bound"]["own_nats"], arrays["bound/row"].mean(), delta=1e-9)
        self.assertAlmostEqual(found["sohl_dickstein"]["nats"], found["prior"] + found["middle"] + found["first_step"],
                               delta=1e-6)
        for name in ("bound", "likelihood"):
            self.assertAlmostEqual(found[name]["own_nats"], found[name]["nats"] + scale, delta=1e-9)
            self.assertAlmostEqual(found[name]["bits_per_dim"], found[name]["nats"] / columns / math.log(2), delta=1e-9)
        self.assertAlmostEqual(found["likelihood"]["own_nats"], -arrays["log_likelihood"].mean(), delta=1e-9)
        self.assertGreater(found["bound"]["nats"], found["likelihood"]["nats"])

    def test_oracle(self):
        """Real data in the samples' place cannot be told from data; this model's samples can."""
        with_data = run("data", "swiss_roll", "--count", 200, "--seed", 5, "--output", self.path("real rows.h5"))
        self.assertEqual(with_data.code, 0, str(with_data))
        text, _, _ = self.evaluate("real", "--samples-file", self.path("real rows.h5") + ":data")
        ratio = json.loads(text)["quality"]["sliced_w1"]["ratio"]
        self.assertTrue(0.5 < ratio < 2.0, ratio)
        model = json.loads(self.first[0])["quality"]["sliced_w1"]
        self.assertGreater(model["ratio"], 1.0)

    def test_data_file(self):
        """Rows of a file: the samples' own file measures itself, and the likelihood moves with the data's units."""
        sampled = run("sample", self.path("run"), "--count", 200, "--output", self.path("samples.h5"))
        self.assertEqual(sampled.code, 0, str(sampled))
        _, arrays, _ = self.evaluate("file", "--data", self.path("samples.h5") + ":samples")
        self.assertEqual(arrays["log_likelihood"].shape, (150,))
        self.assertTrue(np.isfinite(arrays["log_likelihood"]).all())
        read, _, _ = self.evaluate("read", "--samples-file", self.path("samples.h5"))
        made, again = json.loads(self.first[0])["quality"], json.loads(read)["quality"]
        self.assertAlmostEqual(made["sliced_w1"]["samples"], again["sliced_w1"]["samples"], delta=1e-5)

    def test_independent_measure(self):
        """analysis/quality.py, written from the papers in Python, finds the same distances: within five standard errors
        of a mean over ten pairs of sets, which either draws for itself. And scikit-learn's forest is as often right:
        within three standard errors of the difference."""
        real, samples = self.path("independent real.h5"), self.path("independent samples.h5")
        for arguments in (("data", "swiss_roll", "--count", 10000, "--seed", 6, "--output", real),
                          ("sample", self.path("run"), "--count", 500, "--output", samples)):
            result = run(*arguments)
            self.assertEqual(result.code, 0, str(result))
        text, _, _ = self.evaluate("independent", "--samples", 500, "--samples-file", samples, "--data", real)
        result = run_script("quality.py", samples, "--data", real, "--forest", "--json", self.path("quality.json"))
        self.assertEqual(result.code, 0, str(result))
        with open(self.path("quality.json"), encoding="utf-8") as file:
            found = json.load(file)
        here, forest = json.loads(text)["quality"]["sliced_w1"], json.loads(text)["quality"]["forest"]
        for name, there in (("samples", found["samples"][samples]), ("oracle", found["oracle"])):
            error = there["sliced_w1_deviation"] / math.sqrt(found["pairs"])
            self.assertAlmostEqual(here[name], there["sliced_w1"], delta=5 * error, msg=name)
            error = math.sqrt(2) * forest[name + "_error"]
            self.assertAlmostEqual(forest[name], there["forest"], delta=3 * error, msg=name)

    @staticmethod
    def attributes(node):
        return {name: value.decode() if isinstance(value, bytes) else value for name, value in node.attrs.items()}

    def settings_used(self, name, *arguments):
        """What an evaluation says of how it made its samples, in JSON and in HDF5; and the measures."""
        text, arrays, _ = self.evaluate(name, "--count", 2, "--samples", 150, *arguments)
        with h5py.File(self.path(name + ".h5")) as file:
            attributes = self.attributes(file["quality"])
            self.assertEqual(self.attributes(file)["weights"], json.loads(text)["weights"])
        return json.loads(text)["quality"].get("sampling"), attributes, arrays["quality/energy"][0]

    def test_how_samples_are_made(self):
        """Every option does something, is said, and makes the samples that `ddpm sample` makes with it."""
        as_configured = {"sampler": "heun", "steps": 50, "spacing": "auto", "eta": 0, "corrections": 0,
                         "guidance": 0, "weights": "ema", "clip": "none", "precision": "float32"}
        found = []
        for options in ({}, {"sampler": "ddim", "steps": 50}, {"sampler": "ddim", "steps": 50, "eta": 0.5},
                        {"spacing": "karras", "steps": 20}, {"steps": 7}, {"corrections": 2},
                        {"weights": "raw"}, {"clip": "data"}):
            arguments = [word for key, value in options.items() for word in (f"--{key}", value)]
            with self.subTest(options=options):
                said, attributes, energy = self.settings_used("settings", *arguments)
                self.assertEqual(said, {**said, **as_configured, **options})
                self.assertEqual(attributes, said)
                self.assertNotIn(energy, found)
                found.append(energy)
                result = run("sample", self.path("run"), "--count", 150, *arguments,
                             "--output", self.path("settings samples.h5"))
                self.assertEqual(result.code, 0, str(result))
                with h5py.File(self.path("settings samples.h5")) as file:
                    self.assertEqual({**self.attributes(file), **said}, self.attributes(file))
                samples_file = ("--samples-file", self.path("settings samples.h5"))
                said, attributes, read = self.settings_used("settings", *samples_file)
                self.assertEqual(read, energy)
                self.assertEqual((said, attributes), (None, {}))  # nothing is known of a file's samples

    def test_density_integrates_to_one(self):
        """The likelihood is a density in the data's own units: its sum over a fine grid times the grid's cell is 1.
        Without Fourier features, with which the density of a network that has hardly been trained is too rough for any
        grid."""
        result = run("train", "/dev/null", *settings({**SMALL, "network.features": 0}), "--output", self.path("smooth"))
        self.assertEqual(result.code, 0, str(result))
        axis, cell = np.linspace(-60, 60, 101, retstep=True)
        with h5py.File(self.path("grid rows.h5"), "w") as file:
            file["data"] = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2).astype("f4")
        _, arrays, _ = self.evaluate("grid", "--data", self.path("grid rows.h5"), "--count", 101 * 101, "--samples", 0,
                                     model="smooth")
        self.assertAlmostEqual(np.exp(arrays["log_likelihood"]).sum() * cell ** 2, 1.0, delta=0.01)

    def test_learned_variance(self):
        """Two heads, more than 16 columns, probes."""
        rng = np.random.default_rng(1)
        with h5py.File(self.path("tall.h5"), "w") as file:
            rows = rng.normal(size=(600, 2)) @ rng.normal(size=(2, 20))
            file["data"] = (rows + 0.5 * rng.normal(size=(600, 20))).astype("f4")
        values = {**SMALL, "data.source": "hdf5", "data.path": self.path("tall.h5"), "data.validation": 0.2,
                  "diffusion.variance": "learned_range", "diffusion.loss": "hybrid"}
        trained = run("train", "/dev/null", *settings(values), "--output", self.path("tall"))
        self.assertEqual(trained.code, 0, str(trained))
        found = []
        for probes in (("--probes", 0), ("--probes", 16), ()):
            result = run("evaluate", self.path("tall"), "--likelihood", "--samples", 0, *probes,
                         "--json", self.path("tall.json"))
            self.assertEqual(result.code, 0, str(result))
            with open(self.path("tall.json"), encoding="utf-8") as file:
                found.append(json.load(file))
        self.assertEqual([each["probes"] for each in found], [0, 16, 1])
        exact, probed, single = (each["likelihood"]["nats_per_column"] for each in found)
        self.assertAlmostEqual(exact, probed, delta=0.02)
        self.assertAlmostEqual(exact, single, delta=0.1)
        self.assertGreater(found[0]["bound"]["nats"], found[0]["likelihood"]["nats"])

    def test_refusals(self):
        with h5py.File(self.path("wide.h5"), "w") as file:
            file["data"] = np.zeros((10, 3), "f4")
        for arguments, code, words in (((self.path("nothing"),), 66, "nothing"),
                                       ((self.path("run"), "--data", self.path("wide.h5")), 65, "3 columns"),
                                       ((self.path("run"), "--data", self.path("absent.h5")), 66, "absent.h5"),
                                       ((self.path("run"), "--count", "-1"), 64, "--count"),
                                       ((self.path("run"), "--count", "0", "--likelihood"), 64, "--likelihood"),
                                       ((self.path("run"), "--corrections", "-1"), 64, "--corrections"),
                                       ((self.path("run"), "--clip", "all"), 64, "none, data"),
                                       ((self.path("run"), "--set", "sampling.clip=all"), 64, "none, data"),
                                       ((self.path("run"), "--set", "data.count=5"), 64, "section 'sampling'"),
                                       ((self.path("run"), "--eta", 0.5), 64,
                                        "sampling.eta: 0.5 has no effect, since it needs sampling.method"),
                                       ((self.path("run"), "--guidance", 1), 64, "needs data.condition"),
                                       ((self.path("run"), "--samples", 0, "--steps", 5), 64, "--steps 5 has no"),
                                       ((self.path("run"), "--probes", 5), 64, "--likelihood"),
                                       ((self.path("run"), "--count", 0, "--draws", 5), 64, "--draws needs rows"),
                                       ((), 64, "checkpoint")):
            result = run("evaluate", *arguments)
            with self.subTest(arguments=arguments):
                self.assertEqual(result.code, code, str(result))
                self.assertEqual(len(result.errors()), 1, str(result))
                self.assertIn(words, result.errors()[0])


if __name__ == "__main__":
    main()
