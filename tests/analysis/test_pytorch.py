#!/usr/bin/python3
"""The networks and the training in PyTorch, against known schedules and closed forms.
Run: ctest --preset dev -R analysis.pytorch"""
import math
import os
import sys

import numpy as np

import score
from case import CONFIG, DATA, SOURCE, Case, ring
from ddpm_analysis.text_files import parse_config
from skipped import SKIPPED, main

try:
    import torch
except ImportError:
    print("skipped: all: PyTorch is not installed (Debian: python3-torch)")
    sys.exit(SKIPPED)
else:
    from ddpm_analysis import pytorch, twin
    from ddpm_analysis.random_numbers import frequencies
    sys.path.append(os.path.join(SOURCE, "tests", "bench"))
    import quality_peer
    from time_to_quality import reach_quality

ROUNDING = 1e-12    # relative, of some thousand float64 operations


class Twin(Case):
    def test_known_schedules(self):
        for steps, spec, expected in ((1000, {"kind": "linear"}, 4.036e-5),
                                      (100, {"kind": "cosine"}, 2.4286e-7),
                                      (1000, {"kind": "log_normal"}, 1.0976617e-3),
                                      (100, {"kind": "sigmoid", "start": 1e-5, "end": 5e-3}, 0.7780),
                                      (100, {"kind": "sigmoid", "start": 1e-5, "end": 1e-2}, 0.6054),
                                      (100, {"kind": "constant", "target": 0.01}, 0.01),
                                      (50, {"kind": "harmonic"}, 2e-5)):
            alpha_bar = np.prod(1 - twin.schedule_beta({"steps": steps, "schedule": spec}))
            self.assertAlmostEqual(alpha_bar / expected, 1, delta=1e-3)
        tanh, sigmoid = (twin.schedule_beta({"steps": 9, "schedule": {"kind": kind, "limit": limit}})
                         for kind, limit in (("tanh", 3), ("sigmoid", 6)))
        np.testing.assert_allclose(tanh, sigmoid, rtol=ROUNDING)
        zero_terminal = twin.schedule_beta({"steps": 9, "schedule": {"kind": "linear", "zero_terminal_snr": True}})
        self.assertEqual(zero_terminal[-1], 1)  # exactly: x - x is 0 in any library

    def test_targets_agree(self):
        """Each target, put back into the formula for x_0 or the posterior mean, gives the same."""
        at = {name: table[4:5] for name, table in twin.coefficients(np.linspace(0.1, 0.4, 6)).items()}
        generator = torch.Generator().manual_seed(1)
        x0, noise = torch.randn(3, 2, generator=generator), torch.randn(3, 2, generator=generator)
        xt = at["signal"] * x0 + at["noise"] * noise
        kinds = ("noise", "data", "velocity", "mean", "flow")
        target = {kind: twin.target_of(kind, x0, noise, xt, at) for kind in kinds}
        torch.testing.assert_close((xt - at["noise"] * target["flow"]) / (at["signal"] + at["noise"]), x0)
        torch.testing.assert_close(at["signal"] * xt - at["noise"] * target["velocity"], x0)
        beta, rest = 0.1 + 0.3 * 3 / 5, at["noise"] ** 2
        mean = math.sqrt(1 - beta) * xt + math.sqrt(beta) * target["mean"]
        torch.testing.assert_close((xt - beta / rest.sqrt() * noise) / math.sqrt(1 - beta), mean)

    def test_learning_rate(self):
        training = {"iterations": 100, "warmup": 10, "decay": "cosine", "decay_every": 30, "decay_factor": 0.5}
        self.assertAlmostEqual(twin.rate_factor(0, training), 0.1)
        self.assertAlmostEqual(twin.rate_factor(50, training), 0.5)
        self.assertAlmostEqual(twin.rate_factor(65, {**training, "decay": "step"}), 0.25)
        self.assertEqual(twin.rate_factor(65, {**training, "decay": "constant"}), 1)

    def test_load_of_a_checkpoint(self):
        rng = np.random.default_rng(0)
        network = {"width": 5, "depth": 2, "activation": "tanh", "time": "sinusoidal", "time_width": 4}
        shapes = {"hidden0/weight": (6, 5), "hidden0/bias": (1, 5), "hidden1/weight": (5, 5), "hidden1/bias": (1, 5),
                  "output/weight": (5, 2), "output/bias": (1, 2)}
        p = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
        x, t = rng.normal(size=(3, 2)).astype(np.float32), np.array([1, 20, 50])
        angle = (t * 1000 / 50)[:, None] * [1, 0.01]
        h = np.concatenate([x, np.sin(angle), np.cos(angle)], axis=1)
        for layer in ("hidden0", "hidden1"):
            h = np.tanh(h @ p[layer + "/weight"] + p[layer + "/bias"])
        output = pytorch.load(pytorch.build(network, 2, 50), p)(torch.tensor(x), torch.tensor(t)).detach().numpy()
        np.testing.assert_allclose(output, h @ p["output/weight"] + p["output/bias"], rtol=1e-4, atol=1e-5)

    def test_frequencies(self):
        """What the program draws (tests/unit/network/test_features.c); more features do not change the first ones."""
        known = [[-0.08916607, 0.68554145, -0.38404936], [1.4404001, -0.7172855, 0.02098348]]
        np.testing.assert_allclose(frequencies(2, 3), known, atol=2e-6)
        np.testing.assert_array_equal(frequencies(9, 33)[:2, :3], frequencies(2, 3))

    def test_best_linear_prediction(self):
        """Beside a network of zeros, of data along components that are known: each prediction has the slope of the
        least squared error."""
        beta = np.concatenate([[0.0], np.linspace(0.05, 0.3, 8)])
        alpha_bar, columns, t = np.cumprod(1 - beta), 3, 4
        axes = np.linalg.qr(np.random.default_rng(2).normal(size=(columns, columns)))[0]
        x = np.random.default_rng(1).normal(size=(5, columns))
        network = pytorch.build({"kind": "residual", "width": 4, "depth": 1, "time_width": 2, "activation": "silu",
                                 "initial": "variance", "features": 2}, columns, 8)
        for predict in ("noise", "data", "velocity", "mean", "flow"):
            a, b = pytorch.targets(predict, beta)
            kept = alpha_bar[t]
            whole = pytorch.WithLinear(network, ([4.0, 0.25], axes[:1]),
                                       (alpha_bar ** 0.5, (1 - alpha_bar) ** 0.5, a, b))
            v = np.array([4, 0.25, 0.25])
            slope = (a[t] * kept ** 0.5 * v + b[t] * (1 - kept) ** 0.5) / (kept * v + 1 - kept)
            found = whole(torch.tensor(x, dtype=torch.float32), torch.full((5,), t)).detach().numpy()
            np.testing.assert_allclose(found, x @ (axes.T * slope) @ axes, atol=1e-5, err_msg=predict)
        rows = torch.tensor(np.random.default_rng(3).normal(size=(20000, 3)) * [2, 1, 0.5] @ axes, dtype=torch.float32)
        variance, direction = twin.components_of(rows, 2)
        np.testing.assert_allclose(variance, [4, 1, 0.25], rtol=0.05)
        np.testing.assert_allclose(abs(direction @ axes[:2].T), np.eye(2), atol=0.05)

    def test_score_of_each_prediction(self):
        """Data that are a normal distribution have a known score: each prediction's best output gives it."""
        beta = np.concatenate([[0.0], np.linspace(0.05, 0.3, 8)])
        alpha_bar = np.cumprod(1 - beta)
        x, t, spread = np.random.default_rng(1).normal(size=(5, 2)), 4, 2.0
        kept, variance = alpha_bar[t], alpha_bar[t] * spread + 1 - alpha_bar[t]
        x0, noise = kept ** 0.5 * spread / variance * x, (1 - kept) ** 0.5 / variance * x
        at = {name: float(table[t]) for name, table in twin.coefficients(beta[1:]).items()}
        best = {"noise": noise, "data": x0, "velocity": kept ** 0.5 * noise - (1 - kept) ** 0.5 * x0,
                "flow": noise - x0,
                "mean": (at["mean_x0"] * x0 + (at["mean_xt"] - at["keep"]) * x) / at["step"]}
        for predict, output in best.items():
            found = score.noise_of(predict, output, x, beta, alpha_bar, t)
            np.testing.assert_allclose(-found / (1 - kept) ** 0.5, -x / variance, rtol=1e-5)

    def test_learns(self):
        folder = self.run_folder()
        config = os.path.join(folder, "config.yaml")
        name, value = self.assert_works("twin.py", config, self.path("train.h5"), "--last", 100).split()
        self.assertEqual(name, "final_loss")
        self.assertTrue(0.2 < float(value) < 0.8, value)

    def test_gain_table_and_other_settings(self):
        config = parse_config(CONFIG)
        config["network"]["time"] = "gain_table"
        config["training"].update(iterations=20, optimizer="sgd", decay="step")
        for predict in ("noise", "data", "velocity", "mean", "flow"):
            config["diffusion"]["predict"] = predict
            _, losses = twin.train(config, ring(100, 1))
            self.assertTrue(np.isfinite(losses).all())

    def test_failures(self):
        config = self.write("config.yaml", "data: {}\ndiffusion: {}\n")
        data = self.h5("data.h5", data=ring(10, 1))
        self.assert_fails(DATA, ["no section 'network'"], "twin.py", config, data)
        self.assert_fails(DATA, ["'nope'"], "twin.py", self.write("b.yaml", CONFIG.replace("silu", "nope")), data)


class TimeToQuality(Case):
    def test_reach(self):
        accuracies = [0.9, 0.6, 0.52, 0.54]
        best, seconds = reach_quality([1, 2, 3, 4], lambda at: accuracies[at])
        self.assertAlmostEqual(best, 0.52)
        self.assertAlmostEqual(seconds, 2 + 0.07 / 0.08)
        self.assertEqual(reach_quality([1, 2], lambda at: [0.51, 0.505][at]), (0.505, 1))

    def test_samples_of_a_peer(self):
        """The best linear prediction, which a network is before it is trained, samples a normal distribution."""
        config = {"diffusion": {"steps": 200, "predict": "velocity", "schedule": {"kind": "log_normal"}},
                  "network": {"kind": "residual", "width": 16, "depth": 1, "activation": "silu", "time_width": 8,
                              "features": 4, "components": 2, "initial": "variance"}}
        network = twin.network_of(config, twin.training_rows(ring(500, 1), {}))
        samples = quality_peer.draw(network, config, 4000, 2)
        np.testing.assert_allclose(samples.std(axis=0), 1, atol=0.03)


if __name__ == "__main__":
    main()
