#!/usr/bin/python3
"""The training loss agrees with that of an independent implementation (analysis/twin.py, PyTorch) at the same settings.

Both draw their own random numbers: what is compared is the mean loss over the last half of a short training.
Run: ctest --preset dev -R cli.twin
"""
import importlib.util
import os
import sys
import unittest

import numpy as np

from ddpm_analysis import open_run, read_trajectory
from program import ANALYSIS, SMALL, Case, finish, read_metrics, settings, start
from skipped import main

ITERATIONS, LAST = 1200, 600
TOLERANCE = 0.02
COMMON = {"training.iterations": ITERATIONS, "run.report_every": LAST, "training.validate_every": 0,
          "training.batch": 256, "training.learning_rate": 0.002, "network.width": 64, "network.depth": 2,
          "network.time_width": 32}
FORMER = {"network.kind": "mlp", "network.components": 0, "network.features": 0, "network.initial": "pytorch",
          "diffusion.steps": 100, "diffusion.schedule.kind": "cosine"}
CASES = {
    "default": ("swiss_roll", {}),
    "roll": ("swiss_roll", FORMER),
    "moons": ("two_moons", {**FORMER, "network.activation": "gelu", "diffusion.schedule.kind": "linear",
                            "diffusion.schedule.rescale": "true", "training.optimizer": "adamw",
                            "training.weight_decay": 0.01, "training.decay": "step", "training.decay_every": 400}),
    "gains": ("swiss_roll", {**FORMER, "network.time": "gain_table", "network.activation": "softplus"}),
    "flow": ("two_moons", {"diffusion.predict": "flow", "network.components": 1, "network.features": 7}),
    "velocity": ("s_curve", {"network.kind": "mlp", "diffusion.schedule.kind": "cosine", "training.warmup": 100,
                             "training.decay": "constant"}),
    "data": ("swiss_roll", {**FORMER, "diffusion.predict": "data", "network.activation": "tanh",
                            "diffusion.schedule.kind": "sigmoid"}),
    # With 100 steps, the loss of a mean is that of its last small steps, and hardly the same for two seeds.
    "mean": ("swiss_roll", {**FORMER, "diffusion.predict": "mean", "diffusion.steps": 10,
                            "network.activation": "relu"}),
}


@unittest.skipUnless(importlib.util.find_spec("torch"), "PyTorch is not installed (Debian: python3-torch)")
class Twin(Case):
    def begin(self, name):
        """Train, and start the twin."""
        kind, values = CASES[name]
        run_folder, data = self.path(name), self.path(f"{name}.h5")
        self.ddpm("train", self.config(), *settings({**COMMON, "data.source": kind, **values}), "--output", run_folder,
                  threads=2, timeout=60)
        self.ddpm("data", kind, "--count", 10000, "--seed", 1, "--output", data)
        twin = [sys.executable, os.path.join(ANALYSIS, "twin.py")]
        return start(os.path.join(run_folder, "config.yaml"), data, "--last", LAST, command=twin)

    def check(self, name, process):
        result = finish(process, 120)
        self.assertEqual(0, result.code, str(result))
        words = result.stdout.split()
        self.assertEqual("final_loss", words[0])
        row = read_metrics(self.path(name))[-1]
        self.assertEqual(str(ITERATIONS), row["iteration"])
        self.assertLess(abs(float(row["loss"]) / float(words[1]) - 1), TOLERANCE,
                        f"{name}: {row['loss']}, the twin's {words[1]}")

    def test_checkpoint_in_pytorch(self):
        """One step of DDIM from t = T by the twin's network, with the checkpoint's weights, ends where the program's
        does."""
        import torch

        from ddpm_analysis import pytorch
        networks = {"default": {}, "perceptron": {"network.kind": "mlp", "network.components": 1},
                    "gains": {"network.kind": "mlp", "network.time": "gain_table"},
                    "mixture": {"network.mixture": 3}, "plain": {"network.components": 0, "network.features": 0},
                    "heads": {"diffusion.variance": "learned_range", "diffusion.loss": "hybrid"}}
        for name, values in networks.items():
            with self.subTest(name=name):
                folder, samples = self.path(f"one-{name}"), self.path(f"one-{name}.h5")
                self.ddpm("train", self.config(), *settings({**SMALL, "diffusion.predict": "velocity", **values}),
                          "--output", folder)
                self.ddpm("sample", folder, "--count", 50, "--sampler", "ddim", "--steps", 1, "--trajectory", 2,
                          "--output", samples)
                checkpoint = open_run(folder).checkpoint()
                trajectory = read_trajectory(samples)
                self.assertEqual([50, 0], list(trajectory.step))
                noise, data = (trajectory.x - checkpoint.mean) / checkpoint.scale
                network = pytorch.of_checkpoint(checkpoint)
                velocity = network(torch.tensor(noise, dtype=torch.float32),
                                   torch.full((50,), 50)).detach().numpy()[:, :2]
                kept = checkpoint.alpha_bar[50]
                np.testing.assert_allclose(kept ** 0.5 * noise - (1 - kept) ** 0.5 * velocity, data, atol=2e-5)

    def test_loss(self):
        """Two at a time."""
        names = list(CASES)
        for pair in (names[i:i + 2] for i in range(0, len(names), 2)):
            processes = [self.begin(name) for name in pair]
            for name, process in zip(pair, processes):
                with self.subTest(name=name):
                    self.check(name, process)


if __name__ == "__main__":
    main()
