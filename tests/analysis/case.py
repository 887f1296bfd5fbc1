"""What the tests of analysis/ share: files whose right answer is known, and scripts that run in this process, where
numpy and matplotlib are loaded already. The package and the scripts are found by PYTHONPATH, which CTest sets."""
import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import h5py
import numpy as np

from ddpm_analysis import command_line
from ddpm_analysis.hdf5 import put_names

sys.dont_write_bytecode = True

SOURCE = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
ANALYSIS = os.path.join(SOURCE, "analysis")
USAGE, DATA, MISSING, IO = 64, 65, 66, 74
CONFIG = """\
run: {name: roll, seed: 3}
data: {source: hdf5, path: PATH, dataset: data, columns: [], standardize: column, validation: 0.1, noise: auto}
diffusion:
  steps: 50
  schedule: {kind: cosine, start: auto, end: auto, target: auto, rescale: false, zero_terminal_snr: false,
    offset: 0.008, cap: 0.999}
  predict: noise
network: {width: 32, depth: 2, activation: silu, time: sinusoidal, time_width: 16}
training: {iterations: 300, batch: 64, optimizer: adam, learning_rate: 1e-3, momentum: 0.9, beta1: 0.9, beta2: 0.999,
  epsilon: 1e-08, weight_decay: 0, warmup: 10, decay: cosine, decay_every: 10000, decay_factor: 0.5, clip: 1}
"""


def scripts():
    """The names of all scripts of analysis/."""
    return sorted(name for name in os.listdir(ANALYSIS) if name.endswith(".py"))


def run(script, *arguments):
    """Run a script as its command line does."""
    main = importlib.import_module(script[:-len(".py")]).main
    out, err = io.StringIO(), io.StringIO()
    with mock.patch("sys.argv", [script, *map(str, arguments)]), contextlib.redirect_stdout(out), \
            contextlib.redirect_stderr(err):
        try:
            command_line.run(main)
        except SystemExit as end:
            return subprocess.CompletedProcess(sys.argv, end.code or 0, out.getvalue(), err.getvalue())


def ring(rows, seed):
    """Two columns, whose distribution looks different from every direction."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, rows)
    points = np.column_stack([np.cos(angle), 0.5 * np.sin(angle)])
    return (points + 0.05 * rng.normal(size=(rows, 2))).astype(np.float32)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ddpm analysis ")  # with a space, on purpose
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def h5(self, name, columns=None, **datasets):
        with h5py.File(self.path(name), "w") as file:
            for key, values in datasets.items():
                file[key] = values
            if columns:
                put_names(file[next(iter(datasets))], "columns", columns)
        return self.path(name)

    def run_folder(self, name="runs/a", rows=40):
        """A run folder whose metrics.csv is still being written."""
        data = self.h5("train.h5", ["x", "y"], data=ring(200, 1))
        self.write(f"{name}/config.yaml", CONFIG.replace("PATH", json.dumps(data)))
        lines = ["iteration,epoch,loss,validation_loss,learning_rate,gradient_norm,rows_per_second [1/s],seconds [s]"]
        for i in range(1, rows + 1):
            validation = "" if i % 5 else 1.5 / i
            lines.append(f"{i * 100},{i / 2},{1 / i:.17g},{validation},1e-3,1,1e5,{i * 0.1}")
        self.write(f"{name}/metrics.csv", "\n".join(lines) + "\n4100,20")
        return self.path(name)

    def trajectory(self, name="reverse.h5", columns=2, rows=300, snapshots=12):
        x = np.random.default_rng(2).normal(size=(snapshots, rows, columns)).astype(np.float32)
        return self.h5(name, samples=x[-1], trajectory=x, trajectory_step=np.arange(snapshots)[::-1] * 5)

    def assert_works(self, script, *arguments):
        """It ends well and says nothing on standard error; its standard output."""
        done = run(script, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def assert_picture(self, script, *arguments, formats=(".png",)):
        """It draws a picture; the same input gives the same file."""
        for suffix in formats:
            contents, start = [], {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}[suffix]
            for _ in range(2):
                self.assert_works(script, *arguments, "--output", self.path("figure" + suffix))
                with open(self.path("figure" + suffix), "rb") as file:
                    contents.append(file.read())
            self.assertTrue(contents[0].startswith(start))
            self.assertGreater(len(contents[0]), 2000)
            self.assertEqual(contents[0], contents[1])

    def assert_fails(self, code, texts, script, *arguments):
        done = run(script, *arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)
        left = [name for name in os.listdir(self.folder) if name.startswith(".")]
        self.assertEqual(left, [], "a temporary file is left")
