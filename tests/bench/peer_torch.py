"""peer.py in PyTorch, eager or compiled, in one process or several (DDP over gloo); and the work itself, with the
tables that JAX takes too. In bfloat16 it runs under torch.autocast."""
import os

import torch
from torch import nn

import peer_tools
from ddpm_analysis import pytorch, twin

EMBEDDING, RATE, DECAY = 64, 1e-3, 1e-2


class Work:
    """Shapes, and the tables [T + 1] of what depends on t. what: "train" with so many rows a step, or "sample" with so
    many at a time; chunk: iterations of one call of a compiled scan."""

    def __init__(self, what, width, depth, batch, columns, steps, chunk):
        self.what, self.columns, self.steps, self.chunk = what, columns, steps, chunk
        self.sizes = [columns + EMBEDDING] + [width] * depth + [columns]
        self.batch = batch // world() if what == "train" else batch
        self.rows = torch.randn(20000, columns)
        self.embedding = pytorch.embed(torch.arange(steps + 1), EMBEDDING, steps)
        at = twin.coefficients(twin.schedule_beta({"steps": steps, "schedule": {"kind": "cosine"}}))
        self.signal, self.noise = at["signal"], at["noise"]
        before = torch.cat([self.noise[:1], self.noise[:-1]])
        share, spread = (torch.nan_to_num(table / self.noise) for table in (at["step"] ** 2, at["step"] * before))
        self.back = torch.cat([1 / at["keep"], share, spread], dim=1)


def step_back(x, epsilon, back, fresh):
    """x_{t-1} of x_t, the noise that is predicted in it, a row of Work.back and fresh noise (Ho et al. 2020)."""
    return back[0] * (x - back[1] * epsilon) + back[2] * fresh


def world():
    return int(os.environ.get("WORLD_SIZE", "1"))


def network_of(work):
    layers = []
    for inputs, outputs in zip(work.sizes, work.sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def optimizer_of(network):
    return peer_tools.fused(torch.optim.AdamW, network.parameters(), lr=RATE, weight_decay=DECAY)


def training(work, compiled, half):
    """A function that takes so many steps, and gives the number of rows."""
    network = network_of(work)
    optimizer = optimizer_of(network)
    model = nn.parallel.DistributedDataParallel(network) if world() > 1 else network

    def loss_of():
        x0 = work.rows[torch.randint(len(work.rows), (work.batch,))]
        t = torch.randint(1, work.steps + 1, (work.batch,))
        epsilon = torch.randn_like(x0)
        xt = work.signal[t] * x0 + work.noise[t] * epsilon
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            found = model(torch.cat([xt, work.embedding[t]], dim=1))
        return nn.functional.mse_loss(found.float(), epsilon)
    loss = torch.compile(loss_of) if compiled else loss_of

    def run(steps):
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            loss().backward()
            optimizer.step()
        return steps * work.batch
    return run


def sampling(work, compiled, half):
    """A function that makes a share of so many samples, and gives their number."""
    network = network_of(work)

    def step_of(x, embedding, back):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            epsilon = network(torch.cat([x, embedding.expand(len(x), EMBEDDING)], dim=1))
        return step_back(x, epsilon.float(), back, torch.randn_like(x))
    step = torch.compile(step_of) if compiled else step_of

    def run(count):
        blocks = max(1, round(count / world() / work.batch))
        with torch.no_grad():
            for _ in range(blocks):
                x = torch.randn(work.batch, work.columns)
                for t in range(work.steps, 0, -1):
                    x = step(x, work.embedding[t], work.back[t])
        return blocks * work.batch
    return run
