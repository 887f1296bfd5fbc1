"""The program's networks in PyTorch, written from the papers and not from the C source: to train them with other tools,
and to use a trained checkpoint.

    checkpoint = open_run("runs/swiss_roll").checkpoint()
    network = load(build(checkpoint.config["network"], columns=2, steps=len(checkpoint.beta) - 1), checkpoint.ema)
    network(x, t)                      # x [n][2] standardised, t [n] in 1..T
"""
import itertools
import re

import numpy as np
import torch
from torch import nn

EMBEDDING_SPAN = 1000.0    # t is scaled to 0..1000 whatever T is
LONGEST_PERIOD = 10000.0
ACTIVATIONS = {"identity": nn.Identity, "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "silu": nn.SiLU, "gelu": nn.GELU,
               "tanh": nn.Tanh, "softplus": nn.Softplus}


def embed(t, width, steps):
    """The sinusoidal embedding of t [n]: [n][width]."""
    half = width // 2
    frequency = LONGEST_PERIOD ** (-torch.arange(half) / half)
    angle = (t * (EMBEDDING_SPAN / steps))[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def join(*parts):
    """Side by side, without those that are None."""
    return torch.cat([part for part in parts if part is not None], dim=1)


class Residual(nn.Module):
    """Blocks of layer norm, linear, activation, linear; each is shifted, scaled and gated by what is computed from t
    and the condition (Peebles and Xie 2023)."""

    def __init__(self, network, columns, steps, heads, condition):
        super().__init__()
        self.width, self.depth, self.steps = int(network["width"]), int(network["depth"]), steps
        self.time_width = int(network["time_width"])
        self.input = nn.Linear(columns, self.width)
        self.embedding = nn.Linear(self.time_width + condition, self.time_width)
        self.modulation = nn.Linear(self.time_width, (3 * self.depth + 2) * self.width)
        self.block = nn.ModuleList(nn.ModuleDict({"first": nn.Linear(self.width, self.width),
                                                  "second": nn.Linear(self.width, self.width)})
                                   for _ in range(self.depth))
        self.output = nn.Linear(self.width, heads * columns)
        self.activation = ACTIVATIONS[network["activation"]]()
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x, t, c=None):
        time = self.activation(self.embedding(join(embed(t, self.time_width, self.steps), c)))
        m = self.modulation(time).chunk(3 * self.depth + 2, dim=1)
        h = self.input(x)
        for index, block in enumerate(self.block):
            scale, shift, gate = m[3 * index:3 * index + 3]
            inner = block["first"](self.norm(h) * (1 + scale) + shift)
            h = h + gate * block["second"](self.activation(inner))
        return self.output(self.norm(h) * (1 + m[-2]) + m[-1])

    def norm(self, h):
        return nn.functional.layer_norm(h, (self.width,))


class Perceptron(nn.Module):
    """Linear layers; t is an embedding beside the input, or chooses a row of gains for every hidden layer."""

    def __init__(self, network, columns, steps, heads, condition):
        super().__init__()
        width, depth, self.steps = int(network["width"]), int(network["depth"]), steps
        self.time_width = 0 if network["time"] == "gain_table" else int(network["time_width"])
        sizes = [columns + condition + self.time_width] + [width] * depth
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.output = nn.Linear(width, heads * columns)
        self.activation = ACTIVATIONS[network["activation"]]()
        if not self.time_width:
            self.gain = nn.ParameterList(nn.Parameter(torch.rand(steps, width)) for _ in range(depth))

    def forward(self, x, t, c=None):
        x = join(x, c, embed(t, self.time_width, self.steps) if self.time_width else None)
        for index, layer in enumerate(self.hidden):
            x = layer(x) if self.time_width else layer(x) * self.gain[index][t - 1]
            x = self.activation(x)
        return self.output(x)


def build(network, columns, steps, heads=1, condition=0):
    """The network of a configuration's section `network`, called with x [n][D] and t [n] in 1..T.

    With a learned variance, heads=2, it gives [prediction | variance]; with conditions of C columns, condition=C, it is
    called with (x, t, c [n][C]).
    """
    kind = Residual if network.get("kind") == "residual" else Perceptron
    return kind(network, columns, steps, heads, condition)


def load(model, parameters):
    """Put a checkpoint's arrays, {"hidden0/weight": [inputs][outputs], ...}, into the model."""
    with torch.no_grad():
        for name, values in parameters.items():
            layer, kind = name.rsplit("/", 1)
            values = torch.as_tensor(np.asarray(values))
            if kind == "gain":
                model.gain[int(layer[len("hidden"):])].copy_(values)
                continue
            # "block0/first" of the file is block.0.first here
            place = model.get_submodule(re.sub(r"([a-z])(\d+)", r"\1.\2", layer).replace("/", "."))
            if kind == "weight":
                place.weight.copy_(values.T)
            else:
                place.bias.copy_(values.reshape(-1))
    return model
