#!/usr/bin/python3
"""Networks for other programs and from them: `ddpm export` and `ddpm import`, against PyTorch and onnxruntime.
Run: ctest --preset dev -R cli.exchange"""
import importlib.util
import json
import os
import subprocess
import unittest

import h5py
import numpy as np
import torch

from ddpm_analysis import BadData, pytorch
from program import SMALL, SOURCE, Case, latest, read_h5
from skipped import main

CONFIG, DATA, USAGE = 78, 65, 64
BUILD = os.environ.get("DDPM_BUILD", os.path.join(SOURCE, "build", "dev"))
ROWS = 1000
QUICK = {**SMALL, "training.iterations": 40, "training.warmup": 0, "training.validate_every": 0,
         "training.learning_rate": 0.01}
CLOSE = 1e-6    # of the largest output, or of 1: some roundings of float32


def network_at(checkpoint, x, condition, t):
    """What the program's own network gives."""
    with open(os.path.join(os.path.dirname(checkpoint), "inputs"), "wb") as file:
        file.write(x.tobytes() + condition.tobytes() + t.astype(np.int32).tobytes())
    with open(file.name, "rb") as inputs, open(file.name + ".out", "wb") as outputs:
        subprocess.run([os.path.join(BUILD, "tests", "network_at"), checkpoint, str(len(x))], stdin=inputs,
                       stdout=outputs, check=True)
    return np.fromfile(outputs.name, np.float32).reshape(len(x), -1)


class Exchange(Case):
    def models(self):
        """(name, run): networks of both kinds, with all that may stand beside one."""
        rng = np.random.default_rng(1)
        groups = rng.normal(size=(900, 1, 10)) * 0.2 + rng.normal(size=(1, 3, 10)) * 3
        wide = self.h5("wide.h5", data=groups.reshape(-1, 10).astype(np.float32), kind=np.arange(2700) % 4)
        yield "residual", self.train(self.config(), self.path("residual"), QUICK)
        yield "variance", self.train(self.config(), self.path("variance"), {
            **QUICK, "network.kind": "mlp", "diffusion.variance": "learned_range", "diffusion.loss": "hybrid",
            "network.activation": "gelu", "network.components": 0, "network.features": 0, "network.initial": "pytorch"})
        yield "gains", self.train(self.config(), self.path("gains"), {
            **QUICK, "network.kind": "mlp", "network.time": "gain_table", "network.activation": "softplus",
            "diffusion.variance": "learned", "diffusion.loss": "hybrid"})
        yield "mixture", self.train(self.config(data={"path": f'"{wide}"'}), self.path("mixture"), {
            **QUICK, "data.source": "hdf5", "data.condition": "[kind]", "network.mixture": 3,
            "network.activation": "tanh"})

    def inputs(self, folder):
        """x, condition and t as in training, and what the network of a run gives."""
        samples = self.path("x0.h5")
        self.ddpm("sample", folder, "--count", ROWS, "--steps", 10, "--output", samples)
        with h5py.File(latest(folder)) as file:
            kept = np.cumprod(1 - file["schedule/beta"][:])
            classes = file["condition/classes"][:] if "condition" in file else []
            x0 = (read_h5(samples)["samples"] - file["transform/mean"][:]) / file["transform/scale"][:]
        rng = np.random.default_rng(2)
        t = rng.integers(1, len(kept), ROWS)
        noise = rng.normal(size=x0.shape) * (1 - kept[t, None]) ** 0.5
        x = (kept[t, None] ** 0.5 * x0 + noise).astype(np.float32)
        condition = np.zeros((ROWS, sum(classes) + 1 if len(classes) else 0), np.float32)
        if len(classes):
            condition[np.arange(ROWS), rng.integers(0, classes[0], ROWS)] = 1
            condition[:, -1] = 1
        return x, condition, t, network_at(latest(folder), x, condition, t)

    def assert_close(self, name, found, expected):
        worst = abs(found - expected).max() / max(1, abs(expected).max())
        self.assertLess(worst, CLOSE, name)

    def test_pytorch_and_back(self):
        """The same function in PyTorch; the same samples, to the bit, of what is imported again."""
        for name, folder in self.models():
            file = self.path(name + ".safetensors")
            self.ddpm("export", folder, "--output", file)
            x, condition, t, expected = self.inputs(folder)
            network, _ = pytorch.of_safetensors(file)
            with torch.no_grad():
                found = network(torch.tensor(x), torch.tensor(t), torch.tensor(condition)).numpy()
            self.assert_close(name, found, expected)
            again, given = self.path(name + ".h5"), ["--condition", "kind=2"] if name == "mixture" else []
            self.ddpm("import", file, "--output", again)
            for model, samples in ((folder, "first.h5"), (again, "second.h5")):
                self.ddpm("sample", model, "--count", 40, "--seed", 3, *given, "--output", self.path(name + samples))
            self.assert_same_bits(self.path(name + "first.h5"), self.path(name + "second.h5"))
            before, after = read_h5(latest(folder)), read_h5(again)
            for key in after:
                if key.split("/")[0] in ("ema", "transform", "condition", "components", "mixture", "schedule"):
                    np.testing.assert_array_equal(before[key], after[key], key)

    @unittest.skipUnless(importlib.util.find_spec("onnxruntime"), "onnxruntime is not installed (PyPI has it)")
    def test_onnx(self):
        import onnxruntime
        for name, folder in self.models():
            file = self.path(name + ".onnx")
            self.ddpm("export", folder, "--output", file)   # its name says onnx
            x, condition, t, expected = self.inputs(folder)
            session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
            inputs = {"x": x, "t": t, **({"condition": condition} if condition.size else {})}
            self.assertEqual(sorted(inputs), sorted(each.name for each in session.get_inputs()))
            self.assert_close(name, session.run(["output"], inputs)[0], expected)
            texts = session.get_modelmeta().custom_metadata_map
            with h5py.File(latest(folder)) as checkpoint:
                np.testing.assert_array_equal(json.loads(texts["transform.mean"]), checkpoint["transform/mean"])
            self.assertIn("network:", texts["config"])

    def test_conditions_of_a_graph(self):
        """Its metadata says how the columns of its input are made; onnxruntime need not be there to look."""
        rng = np.random.default_rng(1)
        data = self.h5("c.h5", data=rng.normal(size=(600, 2)), kind=np.int32([7, -2])[np.arange(600) % 2],
                       mass=rng.normal(5, 3, 600))
        run = self.train(self.config(data={"path": f'"{data}"'}), self.path("c"), {
            **QUICK, "data.source": "hdf5", "data.condition": "[kind, mass]"})
        self.ddpm("export", run, "--output", self.path("c.onnx"))
        with open(self.path("c.onnx"), "rb") as file:
            text = file.read().partition(b'[{"name": "kind"')
        found = json.loads((text[1] + text[2].partition(b"}]")[0] + b"}]").decode())
        with h5py.File(latest(run)) as checkpoint:
            mean, scale = (checkpoint[f"condition/{name}"][1] for name in ("mean", "scale"))
        self.assertEqual([{"name": "kind", "classes": [-2, 7], "names": ["", ""]},
                          {"name": "mass", "mean": mean, "scale": scale}], found)

    def test_a_classifier_is_not_built(self):
        run = self.train(self.config(), self.path("c"), {
            **QUICK, "data.source": "two_moons", "data.condition": "[label]", "diffusion.predict": "class"})
        self.ddpm("export", run, "--output", self.path("c.safetensors"))
        with self.assertRaisesRegex(BadData, "is a classifier"):
            pytorch.of_safetensors(self.path("c.safetensors"))

    def test_network_of_pytorch(self):
        """One that PyTorch trained is sampled here."""
        config = {"kind": "mlp", "width": 32, "depth": 2, "activation": "silu", "time": "sinusoidal", "time_width": 8}
        lines = [f"{key}: {value}" for key, value in {**config, "components": 0, "features": 0}.items()]
        path = self.write("c.yaml", f"network: {{{', '.join(lines)}}}\n"
                                    "diffusion: {steps: 40, predict: data, schedule: {kind: cosine}}\n")
        beta = np.array([float(line.split(",")[1]) for line in self.ddpm("schedule", path).stdout.split()[1:]])
        kept = torch.tensor(np.cumprod(1 - beta)).float()
        torch.manual_seed(1)
        network = pytorch.build(config, 2, 40)
        optimizer = torch.optim.Adam(network.parameters(), 0.01)
        for _ in range(300):
            x0, noise, t = torch.randn(256, 2).sign(), torch.randn(256, 2), torch.randint(1, 41, (256,))
            k = kept[t - 1][:, None]
            loss = ((network(k.sqrt() * x0 + (1 - k).sqrt() * noise, t) - x0) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        arrays = {name: value.detach().numpy() for name, value in network.state_dict().items()}
        arrays.update({"transform.mean": np.array([10.0, -5.0]), "transform.scale": np.array([2.0, 0.5])})
        file, model = self.path("own.safetensors"), self.path("own.h5")
        pytorch.write_safetensors(file, {"format": "pt"}, arrays)
        self.fails(USAGE, "import", file, "--output", model, says=["--config"])
        self.ddpm("import", file, "--config", path, "--output", model)
        self.ddpm("sample", model, "--count", 500, "--output", self.path("samples.h5"))
        rows = read_h5(self.path("samples.h5"))["samples"]
        near = abs(abs(rows - [10, -5]) - [2, 0.5]) < [0.6, 0.15]
        self.assertGreater(near.mean(), 0.8)  # of noise 0.2 are
        further = self.train(path, self.path("further"), {"training.iterations": 20, "network.time_width": 8,
                                                          "diffusion.steps": 40}, "--start-from", model)
        np.testing.assert_array_equal([10, -5], read_h5(latest(further))["transform/mean"])
        self.refused(arrays, path)

    def refused(self, arrays, path):
        """What does not fit is refused with the name of the tensor, and makes no file."""
        file, model = self.path("wrong.safetensors"), self.path("wrong.h5")
        wrong = arrays["layers.1.weight"].copy()
        wrong[0, 0] = np.nan
        for changed, says in (({"transform.scale": None}, ["transform.scale", "mean"]),
                              ({"layers.1.bias": None}, ["'layers.1.bias' is missing"]),
                              ({"layers.3.bias": np.zeros(2)}, ["'layers.3.bias' has no place", "'layers.0.weight'"]),
                              ({"layers.1.weight": np.zeros((32, 31))}, ["layers.1.weight", "[32][32]: [32][31]"]),
                              ({"layers.1.weight": wrong}, ["'layers.1.weight'", "not finite"]),
                              ({"transform.mean": np.zeros(2, np.int64)}, None),
                              ({"schedule.beta": np.linspace(0, 0.5, 41)}, ["schedule.beta", "t = 1"]),
                              ({"transform.scale": np.array([1.0, 0.0])}, ["transform/scale", "a number above 0"])):
            kept = {**arrays, **changed}
            pytorch.write_safetensors(file, {}, {name: value for name, value in kept.items() if value is not None})
            if says:
                self.fails(DATA, "import", file, "--config", path, "--output", model, says=[file, *says])
        self.fails(DATA, "import", path, "--output", model, says=["no safetensors file"])
        self.fails(CONFIG, "import", self.path("own.safetensors"), "--config", path, "--set", "network.kind=nope",
                   "--output", model, says=["network.kind"])
        self.assertFalse(os.path.exists(model))
        self.fails(74, "export", self.path("own.h5"), "--output", file, says=["could not be replaced"])
        self.fails(64, "export", self.path("own.h5"), "--format", "onnx", "--output", self.path("a.safetensors"),
                   says=["--format onnx", "a.safetensors"])

    def test_damaged(self):
        """What a header claims is checked before it is used."""
        path = self.path("file.safetensors")

        def refused(header, says, data=b"\0" * 16, length=None):
            text = header if isinstance(header, bytes) else json.dumps(header).encode()
            with open(path, "wb") as file:
                file.write((len(text) if length is None else length).to_bytes(8, "little") + text + data)
            self.fails(DATA, "import", path, "--output", self.path("x.h5"), says=[path, says])
        entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
        refused({}, "the length of its header", length=2 ** 64 - 1)
        refused({}, "the length of its header", length=25)
        refused(b"[1]", "does not begin with '{'")
        refused(b'{"a": ' + b"[" * 3000 + b"]" * 3000 + b"}", "its header, line 1")
        refused(b'{"a": {}, "a": {}}', "duplicate")
        refused({"a": {**entry, "data_offsets": [0, 9 ** 30]}}, "too big integer")
        refused({"a": {**entry, "shape": [2 ** 62, 2 ** 62]}}, "'a': its shape")
        refused({"a": {**entry, "shape": [-2]}}, "'a': its shape")
        refused({"a": {**entry, "data_offsets": [8, 24]}}, "'a': its data_offsets")
        refused({"a": {**entry, "dtype": "F31"}}, "'a': its dtype")
        refused({"a": entry, "b": {**entry, "data_offsets": [4, 12]}}, "'b': overlaps")
        refused({"a": entry}, "bytes behind the last tensor")
        refused({"a": entry, "b": {**entry, "data_offsets": [8, 16]}, "__metadata__": {"x": 1}}, "__metadata__")
        refused({"a": entry, "b": {**entry, "data_offsets": [8, 16]}}, "transform.mean")


if __name__ == "__main__":
    main()
