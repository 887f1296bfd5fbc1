"""The program's networks in PyTorch, written from the papers and not from the C source: to train them with other tools,
and to use a trained checkpoint.

    network = of_checkpoint(open_run("runs/swiss_roll").checkpoint())
    network(x, t)                      # x [n][2] standardised, t [n] in 1..T
"""
import itertools
import json
import math
import re

import numpy as np
import torch
from torch import nn

from .failures import BadData
from .random_numbers import frequencies
from .text_files import parse_config

EMBEDDING_SPAN = 1000.0    # t is scaled to 0..1000 whatever T is
LONGEST_PERIOD = 10000.0
ACTIVATIONS = {"identity": nn.Identity, "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "silu": nn.SiLU, "gelu": nn.GELU,
               "tanh": nn.Tanh, "softplus": nn.Softplus}


def embed(t, width, steps):
    """The sinusoidal embedding of t [n]: [n][width]."""
    half = width // 2  # in double: the angles of float32 would be off by 1e-4
    frequency = LONGEST_PERIOD ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = (t.double() * (EMBEDDING_SPAN / steps))[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=1).float()


def join(*parts):
    """Side by side, without those that are None."""
    return torch.cat([part for part in parts if part is not None], dim=1)


def feature_count(network, columns):
    """How many random projections of a row are inputs."""
    count = network.get("features", 0)
    if count == "auto":
        return 32 if columns <= 8 else 0
    return int(count)


class Points(nn.Module):
    """A row beside the cosine and the sine of 2 pi B x (Tancik et al. 2020)."""

    def __init__(self, network, columns):
        super().__init__()
        count = feature_count(network, columns)
        self.width = columns + 2 * count
        self.register_buffer("frequency", torch.tensor(frequencies(columns, count)).float() if count else None,
                             persistent=False)

    def forward(self, x):
        if self.frequency is None:
            return x
        turns = sum(x[:, j:j + 1] * row for j, row in enumerate(self.frequency))
        angle = 2 * np.pi * (turns - turns.round())
        return torch.cat([x, angle.cos(), angle.sin()], dim=1)


def initialise(network, model):
    """Weights that keep the variance of what a layer reads (LeCun et al. 1998), and a last layer of zeros, where the
    configuration wants them; PyTorch's own are there already."""
    if network.get("initial", "pytorch") != "variance":
        return
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            bound = (3.0 / layer.in_features) ** 0.5
            nn.init.uniform_(layer.weight, -bound, bound)
    nn.init.zeros_(model.output.weight)
    nn.init.zeros_(model.output.bias)


class Residual(nn.Module):
    """Blocks of layer norm, linear, activation, linear; each is shifted, scaled and gated by what is computed from t
    and the condition (Peebles and Xie 2023)."""

    def __init__(self, network, columns, steps, heads, condition):
        super().__init__()
        self.width, self.depth, self.steps = int(network["width"]), int(network["depth"]), steps
        self.time_width = int(network["time_width"])
        self.points = Points(network, columns)
        self.input = nn.Linear(self.points.width, self.width)
        self.embedding = nn.Linear(self.time_width + condition, self.time_width)
        self.modulation = nn.Linear(self.time_width, (3 * self.depth + 2) * self.width)
        self.block = nn.ModuleList(nn.ModuleDict({"first": nn.Linear(self.width, self.width),
                                                  "second": nn.Linear(self.width, self.width)})
                                   for _ in range(self.depth))
        self.output = nn.Linear(self.width, heads * columns)
        self.activation = ACTIVATIONS[network["activation"]]()
        initialise(network, self)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x, t, c=None):
        time = self.activation(self.embedding(join(embed(t, self.time_width, self.steps), c)))
        m = self.modulation(time).chunk(3 * self.depth + 2, dim=1)
        h = self.input(self.points(x))
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
        self.points = Points(network, columns)
        sizes = [self.points.width + condition + self.time_width] + [width] * depth
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise([*sizes, heads * columns]))
        self.activation = ACTIVATIONS[network["activation"]]()
        if not self.time_width:
            self.gain = nn.ParameterList(nn.Parameter(torch.rand(steps, width)) for _ in range(depth))
        initialise(network, self)

    @property
    def output(self):
        return self.layers[-1]

    def forward(self, x, t, c=None):
        x = join(self.points(x), c, embed(t, self.time_width, self.steps) if self.time_width else None)
        for index, layer in enumerate(self.layers[:-1]):
            x = layer(x) if self.time_width else layer(x) * self.gain[index][t - 1]
            x = self.activation(x)
        return self.output(x)


def build(network, columns, steps, heads=1, condition=0):
    """The network of a configuration's section `network`, called with x [n][D] and t [n] in 1..T.

    The linear prediction of a checkpoint is not a part of it: see of_checkpoint. With a learned variance, heads=2, it
    gives [prediction | variance]; with conditions of C columns, condition=C, it is called with (x, t, c [n][C]).
    """
    kind = Residual if network.get("kind") == "residual" else Perceptron
    return kind(network, columns, steps, heads, condition)


class WithLinear(nn.Module):
    """A network beside the best linear prediction of a x_0 + b noise from x_t = s x_0 + n noise: its slope along a
    direction in which x_0 has variance v is (a s v + b n) / (s^2 v + n^2)."""

    def __init__(self, network, components, tables):
        """components: variances [K + 1], the last one of all other directions, and directions [K][D]; tables: s, n, a
        and b, [T + 1] each."""
        super().__init__()
        self.network = network
        variance, direction = components
        signal, noise, data, epsilon = (np.asarray(table, dtype=np.float64)[:, None] for table in tables)
        with np.errstate(invalid="ignore", divide="ignore"):  # at t = 0, which is never asked for
            slope = (data * signal * variance + epsilon * noise) / (signal ** 2 * variance + noise ** 2)
        self.register_buffer("slope", torch.tensor(slope))
        self.register_buffer("direction", torch.tensor(np.asarray(direction), dtype=torch.float32))

    def forward(self, x, t, c=None):
        slope, across = self.slope[t][:, :-1], self.slope[t][:, -1:]
        linear = across.float() * x + ((slope - across).float() * (x @ self.direction.T)) @ self.direction
        output = self.network(x, t, c)
        return torch.cat([output[:, :x.shape[1]] + linear, output[:, x.shape[1]:]], dim=1)


class WithMixture(nn.Module):
    """A network beside the best prediction of a x_0 + b noise from x_t = s x_0 + n noise where x_0 is of a mixture of
    Gaussians. Of a part with weight w, mean m, directions U and variances v along them, x_t has the variances
    q = s^2 v + n^2; with z = U (x_t - s m) its share of p(x_t) is the softmax over the parts of
    ln w - sum of (z^2 / q + ln q) / 2, and its prediction a m + U' (z (a s v + b n) / q)."""

    def __init__(self, network, mixture, tables):
        """mixture: weights [C], means [C][D], variances [C][D] and directions [C][D][D]; tables: as in WithLinear."""
        super().__init__()
        self.network = network
        for name, value in zip(("weight", "mean", "variance", "direction"), mixture):
            self.register_buffer(name, torch.tensor(np.asarray(value), dtype=torch.float64))
        self.register_buffer("tables", torch.tensor(np.array(tables), dtype=torch.float64))

    def forward(self, x, t, c=None):
        s, n, a, b = self.tables[:, t, None, None]
        q = s ** 2 * self.variance + n ** 2
        z = torch.einsum("nci,cki->nck", x.double()[:, None] - s * self.mean, self.direction)
        share = torch.softmax(self.weight.log() - 0.5 * (z ** 2 / q + q.log()).sum(dim=2), dim=1)
        along = share[:, :, None] * z * (a * s * self.variance + b * n) / q
        mixture = torch.einsum("nck,cki->ni", along, self.direction) + a[:, 0] * (share @ self.mean)
        output = self.network(x, t, c)
        return torch.cat([output[:, :x.shape[1]] + mixture.float(), output[:, x.shape[1]:]], dim=1)


def targets(predict, beta):
    """What is predicted is a x_0 + b noise: a and b, [T + 1] each, from beta [T + 1]."""
    alpha_bar = np.cumprod(1.0 - beta)
    rest = 1.0 - alpha_bar
    signal, noise, one = alpha_bar ** 0.5, rest ** 0.5, np.ones_like(beta)
    if predict == "noise":
        return 0 * one, one
    if predict == "data":
        return one, 0 * one
    if predict == "velocity":
        return -noise, signal
    if predict == "flow":
        return -one, one
    if predict == "mean":
        # the mean of x_{t-1} is the posterior's, with x_t = signal x_0 + noise epsilon in place of x_t
        safe, before = np.where(rest > 0, rest, 1.0), np.concatenate([[1.0], alpha_bar[:-1]])
        step = np.where(beta > 0, beta, 1.0) ** 0.5
        beyond = (1.0 - beta) ** 0.5 * ((1.0 - before) / safe - 1.0)
        return (before ** 0.5 * beta / safe + beyond * signal) / step, beyond * noise / step
    raise BadData(f"diffusion.predict: {predict!r} is not known here")


def with_parts(network, predict, beta, components, mixture):
    """A network with the linear part or the mixture beside it that its model has; None: neither."""
    alpha_bar = np.cumprod(1.0 - beta)
    tables = (alpha_bar ** 0.5, (1 - alpha_bar) ** 0.5, *targets(predict, beta))
    if mixture is not None:
        return WithMixture(network, mixture, tables)
    return network if components is None else WithLinear(network, components, tables)


def heads_of(diffusion):
    return 2 if str(diffusion.get("variance")).startswith("learned") else 1


def of_checkpoint(checkpoint, condition=0):
    """The whole network of a checkpoint (ddpm_analysis.runs.Checkpoint), with its averaged parameters."""
    diffusion, columns = checkpoint.config["diffusion"], len(checkpoint.mean)
    steps = len(checkpoint.beta) - 1
    network = load(build(checkpoint.config["network"], columns, steps, heads_of(diffusion), condition),
                   checkpoint.ema or checkpoint.parameters)
    return with_parts(network, diffusion["predict"], checkpoint.beta, checkpoint.components, checkpoint.mixture)


# ---- files of `ddpm export`

TYPES = {"F64": np.float64, "F32": np.float32, "I64": np.int64, "I32": np.int32}


def read_safetensors(path):
    """The texts and the arrays of a file: {name: text}, {name: array}."""
    with open(path, "rb") as file:
        data = file.read()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    texts = header.pop("__metadata__", {})
    return texts, {name: np.frombuffer(data, TYPES[entry["dtype"]], math.prod(entry["shape"]),
                                       start + entry["data_offsets"][0]).reshape(entry["shape"])
                   for name, entry in header.items()}


def of_safetensors(path):
    """The network of a file that `ddpm export` wrote, its parameters trainable, and the file's arrays: a row is
    standardised by (data - arrays["transform.mean"]) / arrays["transform.scale"], and arrays["schedule.beta"] is the
    schedule. With conditions of C columns (classes one-hot, numbers, a last 1) it is called with (x, t, c [n][C])."""
    texts, arrays = read_safetensors(path)
    if "vocabulary.kind" in arrays:
        raise BadData(f"{path}: is a model of tokens (diffusion.process: masked), which this module does not build")
    config = parse_config(texts["config"])
    if config["diffusion"]["predict"] == "class":
        raise BadData(f"{path}: is a classifier (diffusion.predict: class), which this module does not build; "
                      "ddpm export --format onnx writes its graph")
    beta, columns = arrays["schedule.beta"], len(arrays["transform.mean"])
    condition = sum(max(1, int(k)) for k in arrays["condition.classes"]) + 1 if "condition.classes" in arrays else 0
    network = build(config["network"], columns, len(beta) - 1, heads_of(config["diffusion"]), condition)
    network.load_state_dict({name: torch.tensor(arrays[name]) for name in network.state_dict()})
    if "features.frequency" in arrays:
        network.points.frequency = torch.tensor(arrays["features.frequency"])
    components = mixture = None
    if "components.variance" in arrays:
        components = arrays["components.variance"], arrays["components.direction"]
    if "mixture.weight" in arrays:  # the directions of all parts stand one after the other
        mixture = (arrays["mixture.weight"], arrays["mixture.mean"], arrays["mixture.variance"].reshape(-1, columns),
                   arrays["mixture.direction"].reshape(-1, columns, columns))
    return with_parts(network, config["diffusion"]["predict"], beta, components, mixture), arrays


def write_safetensors(path, texts, arrays):
    """Write such a file. `ddpm import` makes a checkpoint of a state_dict() with transform.mean and transform.scale."""
    widest_first = sorted(arrays.items(), key=lambda item: -item[1].itemsize)
    arrays = {name: np.ascontiguousarray(value) for name, value in widest_first}
    header, at = {"__metadata__": texts}, 0
    for name, value in arrays.items():
        kind = next(kind for kind, type_ in TYPES.items() if value.dtype == type_)
        header[name] = {"dtype": kind, "shape": value.shape, "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(value.tobytes() for value in arrays.values()))


def load(model, parameters):
    """Put a checkpoint's arrays, {"hidden0/weight": [inputs][outputs], ...}, into the model."""
    with torch.no_grad():
        for name, values in parameters.items():
            layer, kind = name.rsplit("/", 1)
            values = torch.as_tensor(np.asarray(values))
            if kind == "gain":
                model.gain[int(layer[len("hidden"):])].copy_(values)
                continue
            # "block0/first" of the file is block.0.first here, and "hidden0" of a perceptron layers.0
            layer = re.sub(r"([a-z])(\d+)", r"\1.\2", layer).replace("/", ".").replace("hidden", "layers")
            place = model.get_submodule(layer)
            if kind == "weight":
                place.weight.copy_(values.T)
            else:
                place.bias.copy_(values.reshape(-1))
    return model
