#!/usr/bin/python3
"""A peer of time_to_quality.py: the program's network, objective and optimiser in PyTorch, eager or compiled, or JAX.

  quality_peer.py KIND CONFIG DATA --threads N

prepares, prints "ready" and then obeys the lines of its input: `train N` trains until N iterations are done and prints
the seconds that it took, `sample PATH` writes samples of the averaged network to PATH (.npy). CONFIG is what `ddpm
config` prints, and DATA the file that is trained on.

The network and its start, the rows and their order, the schedule and its targets are those of ddpm_analysis.twin for
both libraries; samples are drawn in PyTorch with the program's default method, Heun's in the angle.
"""
import argparse
import sys
import time

import numpy as np
import torch

import peer_tools
from ddpm_analysis import pytorch, read_config, read_table, twin
from peer_tools import CHUNK, jax  # the first CHUNK iterations, which compile, are not timed

if jax:
    import jax.numpy as jnp

KNOWN = {("network", "kind"): "residual", ("network", "activation"): "silu", ("diffusion", "predict"): "velocity",
         ("sampling", "method"): "heun", ("training", "weight_decay"): 0, ("training", "optimizer"): "adam"}


def average_weight(iteration, training):
    """The weight of the old average; it warms up, so that the start is forgotten."""
    return min(float(training["ema"]), (2.0 + iteration) / (11.0 + iteration))


class Peer:
    """A model in training. It advances by CHUNK iterations at a time."""

    def __init__(self, config, rows):
        self.config, self.training, self.rows, self.done = config, config["training"], rows, 0
        self.steps, self.batch = int(config["diffusion"]["steps"]), int(self.training["batch"])
        self.betas = float(self.training["beta1"]), float(self.training["beta2"])
        self.clip, self.epsilon = float(self.training["clip"]), float(self.training["epsilon"])
        self.network = twin.network_of(config, rows)
        tables = twin.coefficients(twin.schedule_beta(config["diffusion"]))
        self.signal, self.noise = tables["signal"], tables["noise"]
        self.batches = twin.batches(len(rows), self.batch)

    def next_chunk(self):
        """Of CHUNK iterations: the rows [CHUNK][batch], the learning rates, the weights of the old average."""
        at = range(self.done, self.done + CHUNK)
        rates = [float(self.training["learning_rate"]) * twin.rate_factor(i, self.training) for i in at]
        return torch.stack([next(self.batches) for _ in at]), rates, [average_weight(i, self.training) for i in at]

    def train(self, iterations):
        """Seconds until so many iterations are done."""
        if self.done == 0:
            self.advance()
        started = time.perf_counter()
        while self.done < iterations:
            self.advance()
        return time.perf_counter() - started

    def averaged(self):
        """The network with the average of the parameters."""
        network = twin.network_of(self.config, self.rows)
        with torch.no_grad():
            for parameter, value in zip(network.parameters(), self.average_values()):
                parameter.copy_(value)
        return network


class TorchPeer(Peer):
    def __init__(self, config, rows, compiled=False):
        super().__init__(config, rows)
        self.parameters = list(self.network.parameters())
        self.average = [parameter.detach().clone() for parameter in self.parameters]
        self.optimizer = peer_tools.fused(torch.optim.Adam, self.parameters, betas=self.betas, eps=self.epsilon)
        self.loss = torch.compile(self.loss_of) if compiled else self.loss_of

    def loss_of(self, x0, t, noise):
        at = {"signal": self.signal[t], "noise": self.noise[t]}
        xt = at["signal"] * x0 + at["noise"] * noise
        return (self.network(xt, t) - twin.target_of("velocity", x0, noise, xt, at)).square().mean()

    def advance(self):
        chosen, rates, weights = self.next_chunk()
        x0 = self.rows[chosen]
        t, noise = torch.randint(1, self.steps + 1, chosen.shape), torch.randn_like(x0)
        for i in range(CHUNK):
            self.optimizer.zero_grad(set_to_none=True)
            self.loss(x0[i], t[i], noise[i]).backward()
            torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
            self.optimizer.param_groups[0]["lr"] = rates[i]
            self.optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(self.average, self.parameters, 1 - weights[i])
        self.done += CHUNK

    def average_values(self):
        return self.average


class JaxPeer(Peer):
    """All of CHUNK iterations is one compiled scan."""

    def __init__(self, config, rows):
        super().__init__(config, rows)
        peer_tools.use_fast_random_numbers()
        self.names = [name for name, _ in self.network.named_parameters()]
        self.constants = {name: jnp.array(value.numpy()) for name, value in self.network.named_buffers()}
        time_width = int(config["network"]["time_width"])
        self.embedding = jnp.array(pytorch.embed(torch.arange(self.steps + 1), time_width, self.steps).numpy())
        self.tables = jnp.array(self.signal.numpy()), jnp.array(self.noise.numpy())
        self.data, self.key = jnp.array(rows.numpy()), jax.random.key(int(torch.randint(1 << 30, ())))

        def start(scale=1):     # memory of its own each time, since all of the state is given away to each scan
            return {name: scale * jnp.array(value.detach().numpy()) for name, value in self.network.named_parameters()}
        self.state = start(), start(), start(0), start(0)
        self.scan = jax.jit(self.scan_of, donate_argnums=0)
        self.check()

    def forward(self, p, x, t):
        """The network of ddpm_analysis.pytorch: Residual, within WithLinear if there are components."""
        depth, c = int(self.config["network"]["depth"]), self.constants
        prefix = "network." if "slope" in c else ""

        def linear(name, h):
            return h @ p[f"{prefix}{name}.weight"].T + p[f"{prefix}{name}.bias"]

        def norm(h):
            centred = h - h.mean(axis=1, keepdims=True)
            return centred * jax.lax.rsqrt((centred ** 2).mean(axis=1, keepdims=True) + 1e-5)

        shared = jax.nn.silu(linear("embedding", self.embedding[t]))
        m = jnp.split(linear("modulation", shared), 3 * depth + 2, axis=1)
        points = x
        if prefix + "points.frequency" in c:
            angle = 2 * np.pi * x @ c[prefix + "points.frequency"]
            points = jnp.concatenate([x, jnp.cos(angle), jnp.sin(angle)], axis=1)
        h = linear("input", points)
        for block in range(depth):
            scale, shift, gate = m[3 * block:3 * block + 3]
            inner = linear(f"block.{block}.first", norm(h) * (1 + scale) + shift)
            h = h + gate * linear(f"block.{block}.second", jax.nn.silu(inner))
        output = linear("output", norm(h) * (1 + m[-2]) + m[-1])
        if "slope" not in c:
            return output
        slope, across = c["slope"][t][:, :-1], c["slope"][t][:, -1:]
        return output + across * x + ((slope - across) * (x @ c["direction"].T)) @ c["direction"]

    def loss_of(self, p, x0, t, noise):
        signal, sigma = (table[t] for table in self.tables)
        xt = signal * x0 + sigma * noise
        target = twin.target_of("velocity", x0, noise, xt, {"signal": signal, "noise": sigma})
        return ((self.forward(p, xt, t) - target) ** 2).mean()

    def iteration(self, state, at):
        """Adam as Kingma and Ba 2015."""
        x0, t, noise, rate, weight, number = at
        p, average, first, second = state
        beta1, beta2 = self.betas
        gradient = jax.grad(self.loss_of)(p, x0, t, noise)
        length = jnp.sqrt(sum((g ** 2).sum() for g in gradient.values()))
        shrink = jnp.minimum(1.0, self.clip / (length + 1e-6))
        each = jax.tree.map
        first = each(lambda m, g: beta1 * m + (1 - beta1) * shrink * g, first, gradient)
        second = each(lambda v, g: beta2 * v + (1 - beta2) * (shrink * g) ** 2, second, gradient)
        step, root = rate / (1 - beta1 ** number), jnp.sqrt(1 - beta2 ** number)
        p = each(lambda w, m, v: w - step * m / (jnp.sqrt(v) / root + self.epsilon), p, first, second)
        average = each(lambda a, w: a + (1 - weight) * (w - a), average, p)
        return (p, average, first, second), None

    def scan_of(self, state, data, key, chosen, rates, weights, numbers):
        of_t, of_noise = jax.random.split(key)
        t = jax.random.randint(of_t, chosen.shape, 1, self.steps + 1)
        noise = jax.random.normal(of_noise, (*chosen.shape, data.shape[1]))
        return jax.lax.scan(self.iteration, state, (data[chosen], t, noise, rates, weights, numbers))[0]

    def advance(self):
        chosen, rates, weights = self.next_chunk()
        self.key, key = jax.random.split(self.key)
        numbers = np.arange(self.done + 1, self.done + CHUNK + 1)
        self.state = self.scan(self.state, self.data, key, chosen.numpy(),
                               *(np.array(values, np.float32) for values in (rates, weights, numbers)))
        jax.block_until_ready(self.state)
        self.done += CHUNK

    def average_values(self):
        return [torch.tensor(np.asarray(self.state[1][name])) for name in self.names]

    def check(self):
        """That this is the network of PyTorch, with parameters that are not zero anywhere."""
        generator = torch.Generator().manual_seed(1)
        values = [0.1 * torch.randn(p.shape, generator=generator) for p in self.network.parameters()]
        x, t = torch.randn(64, self.data.shape[1], generator=generator), torch.arange(1, 65) * self.steps // 64
        network = twin.network_of(self.config, self.rows)
        with torch.no_grad():
            for parameter, value in zip(network.parameters(), values):
                parameter.copy_(value)
            wanted = network(x, t).numpy()
        found = self.forward({name: jnp.array(value.numpy()) for name, value in zip(self.names, values)},
                             jnp.array(x.numpy()), t.numpy())
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-3, atol=1e-3)


# ---- samples

def grid_of(log_sigma, count):
    """t of `count` steps, from T down to at least 1, and 0: their logarithms of sigma, [T], are those nearest to evenly
    spread ones, and a t that is taken gives way to the next lower one."""
    grid = [len(log_sigma) + 1]
    for left, wanted in zip(range(count, 0, -1), np.linspace(log_sigma[-1], log_sigma[0], count)):
        grid.append(max(left, min(1 + int(np.abs(log_sigma - wanted).argmin()), grid[-1] - 1)))
    return [*grid[1:], 0]


def draw(network, config, rows, columns, steps=50):
    """Standardised rows by Heun's method for dx/dphi = v, where phi is the angle whose cosine is sqrt(alpha_bar)."""
    alpha_bar = np.cumprod(1.0 - np.concatenate([[0.0], twin.schedule_beta(config["diffusion"])]))
    cos, sin = np.sqrt(alpha_bar), np.sqrt(1.0 - alpha_bar)
    angle = np.arctan2(sin, cos)
    grid = grid_of(np.log(sin[1:] / cos[1:]), steps)
    x = torch.randn(rows, columns, generator=torch.Generator().manual_seed(1))

    def velocity(x, t):
        return network(x, torch.full((len(x),), t))

    with torch.no_grad():
        for t, s in zip(grid, grid[1:-1]):
            v, h = velocity(x, t), float(angle[s] - angle[t])
            x = x + 0.5 * h * (v + velocity(x + h * v, s))
        t = grid[-2]    # the last step leads straight to the data that are predicted
        return (float(cos[t]) * x - float(sin[t]) * velocity(x, t)).numpy()


# ---- the program

KINDS = {"eager": TorchPeer, "compiled": lambda config, rows: TorchPeer(config, rows, compiled=True), "jax": JaxPeer}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("config", metavar="CONFIG")
    parser.add_argument("data", metavar="DATA")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--samples", type=int, default=5000, help="rows of a set of samples")
    return parser.parse_args()


def main():
    options = parse()
    torch.set_num_threads(1 if options.kind == "jax" else options.threads)
    torch.manual_seed(1)
    config, data = read_config(options.config), read_table(options.data).values.astype(np.float64)
    for (section, key), value in KNOWN.items():
        if config[section][key] != value:
            sys.exit(f"quality_peer.py: {section}.{key} is {config[section][key]}, and only {value} is known here")
    peer = KINDS[options.kind](config, twin.training_rows(data, config["data"]))

    def sample(path):
        samples = draw(peer.averaged(), config, options.samples, data.shape[1])
        np.save(path, (samples * data.std(axis=0) + data.mean(axis=0)).astype(np.float32))
        return "sampled"
    peer_tools.obey("ready", {"train": lambda iterations: peer.train(int(iterations)), "sample": sample})


if __name__ == "__main__":
    main()
