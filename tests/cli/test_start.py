#!/usr/bin/python3
"""Runs that start from the weights of another one. Run: ctest --preset dev -R cli.start"""
import os
import re
import shlex
import shutil

import h5py
import numpy as np

from program import SMALL, Case, checkpoints, latest, read_h5, settings
from skipped import main

MISSING, DATA, CONFIG = 66, 65, 78
QUICK = {**SMALL, "training.iterations": 30, "training.warmup": 0, "training.decay": "constant"}
STILL = {"training.learning_rate": 1e-30, "training.iterations": 1, "training.validate_every": 0}


class Start(Case):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(1)
        self.rows = (rng.normal(size=(600, 2)) * [1, 20] + [3, -7]).astype(np.float32)
        self.first = self.h5("first.h5", ["a", "b"], data=self.rows, kind=np.arange(600) % 3)
        self.other = self.h5("other.h5", ["a", "b"], data=3 * self.rows[:500] + 5, kind=np.arange(500) % 2)

    def run_on(self, data, output, values=(), *arguments, **more):
        values = {**QUICK, "data.source": "hdf5", "data.condition": "[class:kind]", **dict(values)}
        return self.train(self.config(data={"path": f'"{data}"'}), self.path(output), values, *arguments, **more)

    def test_weights_and_what_they_mean(self):
        """Are those of the other run, at any number of ranks, on other rows."""
        donor = self.run_on(self.first, "donor")
        before = read_h5(latest(donor))
        runs = [self.run_on(self.other, f"still{ranks}", STILL, "--start-from", donor, ranks=ranks) for ranks in (1, 3)]
        self.assert_same_bits(*map(latest, runs))
        after = read_h5(latest(runs[0]))
        for name, values in before.items():
            group = name.partition("/")[0]
            if group in ("ema", "parameters"):
                np.testing.assert_array_equal(before[name.replace("parameters", "ema")], after[name], name)
            elif group not in ("moment1", "moment2", "reduction") and name not in (
                    "transform/minimum", "transform/maximum"):
                np.testing.assert_array_equal(values, after[name], name)
        with h5py.File(self.other) as file:
            z = (file["data"][:].astype(float) - before["transform/mean"]) / before["transform/scale"]
        self.assertTrue((z.min(axis=0) - 1e-6 <= after["transform/minimum"]).all())
        self.assertGreater(after["transform/maximum"][0], before["transform/maximum"][0])
        with open(os.path.join(runs[0], "run.log"), encoding="utf-8") as file:
            self.assertIn(f"start      weights (ema) of {donor}, iteration 30", file.read())
        with h5py.File(latest(runs[0])) as file:
            self.assertIn(os.path.basename(donor), str(file.attrs["config"]).partition("start_from: ")[2][:200])

    def test_resume(self):
        """Needs the other run no longer; the same bits as without a pause."""
        donor = self.run_on(self.first, "donor")
        longer = {"training.iterations": 20}
        straight = self.run_on(self.other, "straight", longer, "--start-from", donor, ranks=2)
        parts = self.run_on(self.other, "parts", {"training.iterations": 10}, "--start-from", donor)
        moved = shutil.move(donor, self.path("moved"))
        self.run_on(self.other, "parts", longer, "--start-from", donor, ranks=3)
        self.assert_same_bits(latest(straight), latest(parts))
        same = ["train", self.config(data={"path": f'"{self.other}"'}),
                *settings({**QUICK, **longer, "data.source": "hdf5", "data.condition": "[class:kind]"})]
        self.fails(CONFIG, *same, "--output", self.path("parts"), says=["training.start_from", donor])
        self.fails(CONFIG, *same, "--output", moved, "--start-from", donor, says=["training.start_from", donor])
        self.fails(MISSING, *same, "--output", self.path("new"), "--start-from", donor, says=[donor])

    def test_longer_cosine(self):
        """Is refused with the command that trains the weights further."""
        cosine = {"training.decay": "cosine"}
        done = self.run_on(self.first, "cosine", cosine)
        told = self.fails(CONFIG, "train", os.path.join(done, "config.yaml"), "--set", "training.iterations=40",
                          says=["training.iterations was 30", "is 40 now"])
        command = re.search("'(ddpm train .*?)'", told.errors()[0])[1].replace(self.folder, "FOLDER")
        words = [word.replace("FOLDER", self.folder) for word in shlex.split(command)]
        self.ddpm(*words[1:])
        self.assertEqual(["step-000000010.h5"], checkpoints(self.path("cosine-more")))
        again = self.ddpm("train", os.path.join(done, "config.yaml"))
        self.assertIn("--start-from", again.stderr)

    def test_streamed_rows(self):
        donor = self.train(self.config(), self.path("donor"), QUICK)
        streamed = self.train(self.config(), self.path("streamed"),
                              {**QUICK, **STILL, "data.memory": 1, "data.count": 200000}, "--start-from", donor)
        before, after = read_h5(latest(donor)), read_h5(latest(streamed))
        for name in ("ema/output/weight", "transform/mean", "transform/scale"):
            np.testing.assert_array_equal(before[name], after[name], name)

    def test_what_does_not_fit(self):
        donor = self.run_on(self.first, "donor")
        start = ["--start-from", donor, "--output", self.path("new")]
        values = {**QUICK, "data.source": "hdf5", "data.condition": "[class:kind]"}

        def refused(code, data, says, changed=()):
            self.fails(code, "train", self.config(data={"path": f'"{data}"'}),
                       *settings({**values, **dict(changed)}), *start, says=says)
        other = {"network.width": 48, "diffusion.schedule.log_mean": -1, "diffusion.predict": "noise"}
        for key, value in other.items():
            refused(CONFIG, self.first, [key, donor, "training.start_from"], {key: value})
        kind = np.arange(600) % 3
        refused(DATA, self.h5("c.h5", ["a", "c"], data=self.rows, kind=kind), ["column 1", "'c'", "'b'", donor])
        refused(DATA, self.h5("3.h5", data=np.ones((9, 3)), kind=kind[:9]), ["3 columns", "the model 2"])
        refused(DATA, self.h5("4.h5", ["a", "b"], data=self.rows, kind=kind + 1), ["row 2", "kind", "3"])
        refused(DATA, self.first, ["0 conditions", "the model has 1"], {"data.condition": "[]"})
        self.assertFalse(os.path.exists(self.path("new", "checkpoints")))

    def table(self, name, colours, sizes):
        with h5py.File(self.path(name), "w") as file:
            group = file.create_group("table")
            group["colour"] = np.array(colours, dtype=h5py.string_dtype())
            group["size"] = sizes
        return self.path(name)

    def test_table(self):
        """Names are the model's, whatever their order in the file; a name that it does not know is refused."""
        rng = np.random.default_rng(2)
        first = self.table("first_table.h5", rng.choice(["red", "green"], 400, p=[0.8, 0.2]), rng.normal(size=400))
        other = self.table("other_table.h5", ["green"] * 300 + ["red"] * 9, rng.normal(size=309))
        values = {key: value for key, value in QUICK.items() if key not in ("data.count", "diffusion.steps")}
        values["data.source"] = "hdf5"
        donor = self.path("donor")
        quick = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
        self.ddpm("train", "/dev/null", *quick, "--set", f"data.path={first}", "--output", donor)
        start = ["train", "/dev/null", *quick, "--start-from", donor, "--output", self.path("new")]
        self.ddpm(*start, "--set", f"data.path={other}", ranks=2)
        before, after = read_h5(latest(donor)), read_h5(latest(self.path("new")))
        for name in [name for name in before if name.startswith("vocabulary/")]:
            np.testing.assert_array_equal(before[name], after[name], name)
        start[-1] = self.path("blue")
        blue = self.table("blue.h5", ["red", "blue", "green"], [0.0, 1.0, 2.0])
        self.fails(DATA, *start, "--set", f"data.path={blue}", says=["colour", "row 1", "no token"])


if __name__ == "__main__":
    main()
