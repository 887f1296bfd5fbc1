#!/usr/bin/python3
"""An independent implementation of the training in PyTorch, to compare with: same model, same settings, own random numbers.

It reads a resolved config.yaml and the data, trains, and prints `final_loss` followed by the mean training loss over the last iterations. It is
written from the papers' formulas, not from the C source, and knows fixed variances and the simple loss only.
"""
import re

import numpy as np

import command
import ddpm_io

try:
    import torch
    from torch import nn
except ImportError:  # said by main
    torch = None

EMBEDDING_SPAN = 1000.0    # t is scaled to 0..1000 at any T
LONGEST_PERIOD = 10000.0


# ---- noise schedules: beta [T]

def number(value, default):
    """The value of a key that may be `auto`."""
    return default if value in (None, "auto") else float(value)


def schedule_beta(diffusion):
    steps, spec = int(diffusion["steps"]), diffusion["schedule"]
    kind = spec["kind"]
    start, end = number(spec.get("start"), 1e-4), number(spec.get("end"), 0.02)
    even = np.linspace(0.0, 1.0, steps)
    limit = number(spec.get("limit"), 6.0)
    cap = number(spec.get("cap"), 0.999)
    t = np.arange(1, steps + 1)
    if kind == "constant":
        target = number(spec.get("target"), None)
        beta = np.full(steps, start if target is None else 1.0 - target ** (1.0 / steps))
    elif kind == "linear":
        beta = start + (end - start) * even
    elif kind == "quadratic":
        beta = (start ** 0.5 + (end ** 0.5 - start ** 0.5) * even) ** 2
    elif kind == "sigmoid":
        beta = start + (end - start) / (1.0 + np.exp(-(2.0 * even - 1.0) * limit))
    elif kind == "tanh":
        beta = start + (end - start) * (1.0 + np.tanh((2.0 * even - 1.0) * limit)) / 2.0
    elif kind == "cosine":
        offset = number(spec.get("offset"), 0.008)
        alpha_bar = np.cos((np.arange(steps + 1) / steps + offset) / (1.0 + offset) * np.pi / 2.0) ** 2
        beta = np.minimum(1.0 - alpha_bar[1:] / alpha_bar[:-1], cap)
    elif kind == "harmonic":
        beta = np.minimum(1.0 / (steps - t + 1), cap)
    elif kind == "table":
        beta = np.array([float(value) for value in spec["values"]])
    else:
        raise ddpm_io.BadData(f"diffusion.schedule.kind: {kind!r} is not known here")
    if kind in ("linear", "quadratic") and spec.get("rescale"):
        beta = beta * (1000.0 / steps)
    return zero_terminal(beta) if spec.get("zero_terminal_snr") else beta


def zero_terminal(beta):
    """Lin et al. 2023, algorithm 1."""
    root = np.sqrt(np.cumprod(1.0 - beta))
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    alpha_bar = root ** 2
    return 1.0 - alpha_bar / np.concatenate([[1.0], alpha_bar[:-1]])


# ---- model

def activations():
    return {"identity": nn.Identity, "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "silu": nn.SiLU, "gelu": nn.GELU, "tanh": nn.Tanh,
            "softplus": nn.Softplus}


def build(network, columns, steps, heads=1, condition=0):
    """The network of a config's `network` section: called with x [n][D] and t [n] in 1..T; with a learned variance, heads=2, it gives
    [prediction | variance]; with conditions of C columns, condition=C, it is called with (x, t, c [n][C])."""

    def embed(t, width):
        half = width // 2
        frequency = LONGEST_PERIOD ** (-torch.arange(half) / half)
        angle = (t * (EMBEDDING_SPAN / steps))[:, None] * frequency
        return torch.cat([angle.sin(), angle.cos()], dim=1)

    def join(*parts):
        return torch.cat([part for part in parts if part is not None], dim=1)

    class Residual(nn.Module):
        """Blocks of layer norm, linear, activation, linear, each shifted, scaled and gated from t (Peebles and Xie 2023)."""

        def __init__(self):
            super().__init__()
            self.width, self.depth, self.told = int(network["width"]), int(network["depth"]), int(network["time_width"])
            self.input = nn.Linear(columns, self.width)
            self.embedding = nn.Linear(self.told + condition, self.told)
            self.modulation = nn.Linear(self.told, (3 * self.depth + 2) * self.width)
            self.block = nn.ModuleList(nn.ModuleDict({"first": nn.Linear(self.width, self.width), "second": nn.Linear(self.width, self.width)})
                                       for _ in range(self.depth))
            self.output = nn.Linear(self.width, heads * columns)
            self.activation = activations()[network["activation"]]()
            nn.init.zeros_(self.modulation.weight)
            nn.init.zeros_(self.modulation.bias)

        def forward(self, x, t, c=None):
            m = self.modulation(self.activation(self.embedding(join(embed(t, self.told), c)))).chunk(3 * self.depth + 2, dim=1)
            h = self.input(x)
            for index, block in enumerate(self.block):
                scale, shift, gate = m[3 * index:3 * index + 3]
                h = h + gate * block["second"](self.activation(block["first"](self.norm(h) * (1 + scale) + shift)))
            return self.output(self.norm(h) * (1 + m[-2]) + m[-1])

        def norm(self, h):
            return nn.functional.layer_norm(h, (self.width,))

    class Perceptron(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = 0 if network["time"] == "gain_table" else int(network["time_width"])
            width, depth = int(network["width"]), int(network["depth"])
            sizes = [columns + condition + self.embedding] + [width] * depth
            self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
            self.output = nn.Linear(width, heads * columns)
            self.activation = activations()[network["activation"]]()
            if not self.embedding:
                self.gain = nn.ParameterList(nn.Parameter(torch.rand(steps, width)) for _ in range(depth))

        def forward(self, x, t, c=None):
            x = join(x, c, embed(t, self.embedding) if self.embedding else None)
            for index, layer in enumerate(self.hidden):
                x = layer(x) if self.embedding else layer(x) * self.gain[index][t - 1]
                x = self.activation(x)
            return self.output(x)

    return Residual() if network.get("kind") == "residual" else Perceptron()


def load(model, parameters):
    """Put a checkpoint's arrays ("hidden0/weight" [inputs][outputs], ...) into the model, for use of a trained model in PyTorch."""
    with torch.no_grad():
        for name, values in parameters.items():
            layer, kind = name.rsplit("/", 1)
            values = torch.as_tensor(np.asarray(values))
            if kind == "gain":
                model.gain[int(layer[len("hidden"):])].copy_(values)
                continue
            place = model.get_submodule(re.sub(r"([a-z])(\d+)", r"\1.\2", layer).replace("/", "."))  # "block0/first": block.0.first
            (place.weight if kind == "weight" else place.bias).copy_(values.T if kind == "weight" else values.reshape(-1))
    return model


# ---- training

def coefficients(beta):
    """Tables [T + 1] of the forward process, computed in double, as float32 columns: signal and noise of x_t, the weights of x_0 and x_t in
    the mean of q(x_{t-1} | x_t, x_0) (Ho et al. 2020, equations 4 and 7), and those of x_{t-1} and noise in x_t."""
    beta = np.concatenate([[0.0], beta])
    with np.errstate(divide="ignore"):  # beta_T = 1 with zero terminal SNR
        log_alpha_bar = np.cumsum(np.log1p(-beta))
    alpha_bar, rest = np.exp(log_alpha_bar), -np.expm1(log_alpha_bar)
    before, rest_before = (np.concatenate([[start], table[:-1]]) for start, table in ((1.0, alpha_bar), (0.0, rest)))
    safe = np.where(rest > 0, rest, 1.0)  # t = 0 is never drawn
    tables = {"signal": alpha_bar ** 0.5, "noise": rest ** 0.5, "mean_x0": before ** 0.5 * beta / safe,
              "mean_xt": (1.0 - beta) ** 0.5 * rest_before / safe, "keep": (1.0 - beta) ** 0.5, "step": beta ** 0.5}
    return {name: torch.tensor(table, dtype=torch.float32)[:, None] for name, table in tables.items()}


def target_of(predict, x0, noise, xt, at):
    """What the network is trained to give. at: the coefficients at each row's t, [n][1]."""
    if predict == "noise":
        return noise
    if predict == "data":
        return x0
    if predict == "velocity":
        return at["signal"] * noise - at["noise"] * x0
    if predict == "mean":
        return (at["mean_x0"] * x0 + at["mean_xt"] * xt - at["keep"] * xt) / at["step"]  # as Sohl-Dickstein et al. 2015
    raise ddpm_io.BadData(f"diffusion.predict: {predict!r} is not known here")


def optimizer_of(parameters, training):
    rate, decay = float(training["learning_rate"]), float(training.get("weight_decay", 0.0))
    if training["optimizer"] == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=float(training["momentum"]), weight_decay=decay)
    kind = torch.optim.AdamW if training["optimizer"] == "adamw" else torch.optim.Adam
    return kind(parameters, rate, betas=(float(training["beta1"]), float(training["beta2"])), eps=float(training["epsilon"]), weight_decay=decay)


def rate_factor(iteration, training):
    """Of the learning rate at an iteration counted from 0."""
    warmup = int(training.get("warmup") or 0)
    factor = min(1.0, (iteration + 1) / warmup) if warmup else 1.0
    if training["decay"] == "cosine":
        return factor * 0.5 * (1.0 + np.cos(np.pi * iteration / int(training["iterations"])))
    if training["decay"] == "step":
        return factor * float(training["decay_factor"]) ** (iteration // int(training["decay_every"]))
    return factor


def batches(rows, batch):
    """Endless batches of row numbers; every epoch visits each row once, and a batch may span two epochs."""
    waiting = torch.empty(0, dtype=torch.int64)
    while True:
        while len(waiting) < batch:
            waiting = torch.cat([waiting, torch.randperm(rows)])
        yield waiting[:batch]
        waiting = waiting[batch:]


def training_rows(values, data):
    """Without the held-out share, standardised: float32 [n][D]."""
    values = values.astype(np.float64)
    keep = len(values) - int(round(float(data.get("validation") or 0.0) * len(values)))
    values = values[torch.randperm(len(values))[:max(1, keep)].numpy()]
    if data.get("standardize", "column") != "none":
        axis = 0 if data.get("standardize", "column") == "column" else None  # None: all columns together
        deviation = values.std(axis=axis)
        values = (values - values.mean(axis=axis)) / np.where(deviation > 0, deviation, 1.0)
    return torch.tensor(values, dtype=torch.float32)


def train(config, values):
    """Returns (network, training loss of each iteration [iterations])."""
    training, diffusion = config["training"], config["diffusion"]
    rows = training_rows(values, config["data"])
    columns, steps = rows.shape[1], int(diffusion["steps"])
    tables = coefficients(schedule_beta(diffusion))
    model = build(config["network"], columns, steps)
    optimizer = optimizer_of(model.parameters(), training)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda iteration: rate_factor(iteration, training))
    clip = float(training.get("clip") or 0.0)
    losses = np.empty(int(training["iterations"]))
    for iteration, chosen in zip(range(len(losses)), batches(len(rows), int(training["batch"]))):
        x0 = rows[chosen]
        t = torch.randint(1, steps + 1, (len(x0),))
        noise = torch.randn_like(x0)
        at = {name: table[t] for name, table in tables.items()}
        xt = at["signal"] * x0 + at["noise"] * noise
        target = target_of(diffusion["predict"], x0, noise, xt, at)
        loss = (model(xt, t) - target).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if clip > 0:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        scheduler.step()
        losses[iteration] = loss.item()
    return model, losses


def main():
    parser = command.Parser(__doc__.split("\n")[0])
    parser.add_argument("config", help="resolved configuration: config.yaml of a run folder")
    parser.add_argument("data", metavar="FILE.h5[:dataset]", help="the data; for a toy set, a file of `ddpm data`")
    parser.add_argument("--iterations", type=command.positive, metavar="N", help="instead of the configuration's")
    parser.add_argument("--last", type=command.positive, default=1000, metavar="K", help="iterations of which the mean loss is printed")
    parser.add_argument("--seed", type=int, default=1, help="of the twin's own random numbers")
    parser.add_argument("--threads", type=command.positive, default=1, metavar="N", help="small networks are fastest with one")
    options = parser.parse_args()
    if torch is None:
        raise ddpm_io.Missing("PyTorch is not installed (Debian: python3-torch)")
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    config = ddpm_io.read_config(options.config)
    missing = [section for section in ("data", "diffusion", "network", "training") if section not in config]
    if missing:
        raise ddpm_io.BadData(f"{options.config}: no section {missing[0]!r}; expected a resolved configuration")
    table = ddpm_io.select_columns(ddpm_io.read_table(options.data), config["data"].get("columns") or [])
    if options.iterations:
        config["training"]["iterations"] = options.iterations
    try:
        _, losses = train(config, table.values)
    except KeyError as key:
        raise ddpm_io.BadData(f"{options.config}: no key {key}, or a value that is not known here; expected a resolved configuration")
    print(f"final_loss {losses[-options.last:].mean():.6g}")


if __name__ == "__main__":
    command.run(main)
