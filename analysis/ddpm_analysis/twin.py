"""An independent implementation of the training in PyTorch, to compare with: the same model and settings, but random
numbers of its own.

It is written from the papers' formulas, not from the C source, and knows fixed variances and the simple loss only.
"""
import statistics

import numpy as np
import torch
from torch import nn

from .failures import BadData
from .pytorch import WithLinear, build, targets

COMPONENT_COLUMNS = 1024    # data of more columns have no linear prediction


def number(value, default):
    """The value of a key that may be `auto`."""
    return default if value in (None, "auto") else float(value)


def schedule_beta(diffusion):
    """The schedule of a configuration's section `diffusion`: beta [T]."""
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
    elif kind == "log_normal":
        # alpha_bar = 1 / (1 + sigma^2), where sigma is the middle of each of T equally probable parts
        normal = statistics.NormalDist(number(spec.get("log_mean"), -1.2), number(spec.get("log_deviation"), 1.4))
        square = np.exp([0.0, *(2.0 * normal.inv_cdf((i - 0.5) / steps) for i in t)])
        square[0] = 0.0
        beta = np.diff(square) / (1.0 + square[1:])
    elif kind == "table":
        beta = np.array([float(value) for value in spec["values"]])
    else:
        raise BadData(f"diffusion.schedule.kind: {kind!r} is not known here")
    if kind in ("linear", "quadratic") and spec.get("rescale"):
        beta = beta * (1000.0 / steps)
    return zero_terminal(beta) if spec.get("zero_terminal_snr") else beta


def zero_terminal(beta):
    """Lin et al. 2023, algorithm 1."""
    root = np.sqrt(np.cumprod(1.0 - beta))
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    alpha_bar = root ** 2
    return 1.0 - alpha_bar / np.concatenate([[1.0], alpha_bar[:-1]])


# ---- training

def coefficients(beta):
    """Tables [T + 1] of the forward process, computed in double, as float32 columns: signal and noise of x_t, the
    weights of x_0 and x_t in the mean of q(x_{t-1} | x_t, x_0) (Ho et al. 2020, equations 4 and 7), and those of
    x_{t-1} and noise in x_t."""
    beta = np.concatenate([[0.0], beta])
    with np.errstate(divide="ignore"):  # beta_T is 1 with zero terminal SNR
        log_alpha_bar = np.cumsum(np.log1p(-beta))
    alpha_bar, rest = np.exp(log_alpha_bar), -np.expm1(log_alpha_bar)
    before, rest_before = np.concatenate([[1.0], alpha_bar[:-1]]), np.concatenate([[0.0], rest[:-1]])
    safe = np.where(rest > 0, rest, 1.0)  # t = 0 is never drawn
    tables = {"signal": alpha_bar ** 0.5, "noise": rest ** 0.5, "mean_x0": before ** 0.5 * beta / safe,
              "mean_xt": (1.0 - beta) ** 0.5 * rest_before / safe, "keep": (1.0 - beta) ** 0.5, "step": beta ** 0.5}
    return {name: torch.tensor(table, dtype=torch.float32)[:, None] for name, table in tables.items()}


def target_of(predict, x0, noise, xt, at):
    """What the network is trained to give; `at` holds the coefficients at each row's t, [n][1]."""
    if predict == "noise":
        return noise
    if predict == "data":
        return x0
    if predict == "velocity":
        return at["signal"] * noise - at["noise"] * x0
    if predict == "flow":
        return noise - x0
    if predict == "mean":
        # as Sohl-Dickstein et al. 2015: the mean's distance from sqrt(1 - beta) x_t, in steps of sqrt(beta)
        return (at["mean_x0"] * x0 + at["mean_xt"] * xt - at["keep"] * xt) / at["step"]
    raise BadData(f"diffusion.predict: {predict!r} is not known here")


def optimizer_of(parameters, training):
    rate, decay = float(training["learning_rate"]), float(training.get("weight_decay", 0.0))
    if training["optimizer"] == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=float(training["momentum"]), weight_decay=decay)
    kind = torch.optim.AdamW if training["optimizer"] == "adamw" else torch.optim.Adam
    betas = float(training["beta1"]), float(training["beta2"])
    return kind(parameters, rate, betas=betas, eps=float(training["epsilon"]), weight_decay=decay)


def rate_factor(iteration, training):
    """What the learning rate is multiplied with at an iteration, counted from 0."""
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
    """The rows without the share that is held out, standardised: float32 [n][D]."""
    values = values.astype(np.float64)
    keep = len(values) - round(float(data.get("validation") or 0.0) * len(values))
    values = values[torch.randperm(len(values))[:max(1, keep)].numpy()]
    if data.get("standardize", "column") != "none":
        axis = 0 if data.get("standardize", "column") == "column" else None  # None takes all columns together
        deviation = values.std(axis=axis)
        values = (values - values.mean(axis=axis)) / np.where(deviation > 0, deviation, 1.0)
    return torch.tensor(values, dtype=torch.float32)


def components_of(rows, most):
    """The principal components of rows [n][D] around 0: variances [K + 1], directions [K][D]."""
    values = rows.numpy().astype(np.float64)
    variance, direction = np.linalg.eigh(values.T @ values / len(values))
    variance, direction = variance[::-1].clip(0.0), direction[:, ::-1].T
    count = min(most, len(variance))
    rest = variance[count:].mean() if count < len(variance) else variance[-1]
    return np.append(variance[:count], rest), np.ascontiguousarray(direction[:count])


def network_of(config, rows):
    """The network of a configuration before it is trained on rows."""
    diffusion, columns = config["diffusion"], rows.shape[1]
    model = build(config["network"], columns, int(diffusion["steps"]))
    most = int(config["network"].get("components", 0))
    if most == 0 or columns > COMPONENT_COLUMNS:
        return model
    beta = np.concatenate([[0.0], schedule_beta(diffusion)])
    alpha_bar = np.cumprod(1.0 - beta)
    return WithLinear(model, components_of(rows, most),
                      (alpha_bar ** 0.5, (1.0 - alpha_bar) ** 0.5, *targets(diffusion["predict"], beta)))


def train(config, values):
    """(network, training loss of each iteration [iterations])."""
    training, diffusion = config["training"], config["diffusion"]
    rows = training_rows(values, config["data"])
    steps = int(diffusion["steps"])
    tables = coefficients(schedule_beta(diffusion))
    model = network_of(config, rows)
    optimizer = optimizer_of(model.parameters(), training)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: rate_factor(done, training))
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
