#!/usr/bin/python3
"""The peer: a plain PyTorch loop that trains or samples the same network, in one process or several (DDP over gloo).
Prints the seconds of a step (train), or of all samples (sample), of the slowest process.

Started by compare.py, which chooses the BLAS and the threads by environment variables. Nothing here is slower than it
need be: rows, embeddings and coefficients are tensors made before the loop; the starts of Python, torch and gloo are
not counted.
"""
import argparse
import os
import time

import torch
from torch import nn

EMBEDDING, T_TRAIN = 64, 1000


def embedding(steps):
    """[steps + 1][EMBEDDING]"""
    frequency = 10000.0 ** (-torch.arange(EMBEDDING // 2) / (EMBEDDING // 2))
    angle = (torch.arange(steps + 1) * (1000.0 / steps))[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def network(columns, width, depth):
    layers = []
    for inputs in [columns + EMBEDDING] + [width] * (depth - 1):
        layers += [nn.Linear(inputs, width), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(width, columns))


def alpha_bar(steps):
    """Cosine (Nichol and Dhariwal 2021), [steps + 1]."""
    t = torch.arange(steps + 1, dtype=torch.float64) / steps
    kept = torch.cos((t + 0.008) / 1.008 * torch.pi / 2) ** 2
    return kept.clamp_min(1e-6).div_(torch.cos(torch.tensor(0.008 / 1.008 * torch.pi / 2)) ** 2)


def train(options, processes):
    rows = torch.randn(100000 if options.columns < 100 else 10000, options.columns)
    table, bar = embedding(T_TRAIN), alpha_bar(T_TRAIN)
    signal, noise = bar.sqrt().float()[:, None], (1 - bar).sqrt().float()[:, None]
    model = network(options.columns, options.width, options.depth)
    if processes > 1:
        model = nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    batch = options.batch // processes

    def step():
        x0 = rows[torch.randint(len(rows), (batch,))]
        t = torch.randint(1, T_TRAIN + 1, (batch,))
        epsilon = torch.randn(batch, options.columns)
        xt = signal[t] * x0 + noise[t] * epsilon
        loss = nn.functional.mse_loss(model(torch.cat([xt, table[t]], dim=1)), epsilon)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    for _ in range(5):
        step()
    start = time.perf_counter()
    for _ in range(options.steps):
        step()
    return (time.perf_counter() - start) / options.steps


def sample(options, processes):
    steps, count = options.steps, options.count // processes
    table, bar = embedding(steps), alpha_bar(steps)
    model = network(options.columns, options.width, options.depth)
    with torch.no_grad():
        model(torch.zeros(16, options.columns + EMBEDDING))
        start = time.perf_counter()
        for first in range(0, count, options.batch):
            rows = min(options.batch, count - first)
            x = torch.randn(rows, options.columns)
            for t in range(steps, 0, -1):
                alpha = float(bar[t] / bar[t - 1])
                beta = 1 - alpha
                epsilon = model(torch.cat([x, table[t].expand(rows, EMBEDDING)], dim=1))
                x = (x - beta / float(1 - bar[t]) ** 0.5 * epsilon) / alpha ** 0.5
                if t > 1:
                    x += (beta * float((1 - bar[t - 1]) / (1 - bar[t]))) ** 0.5 * torch.randn(rows, options.columns)
        return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("train", "sample"))
    for name, default in (("width", 128), ("depth", 3), ("batch", 256), ("columns", 2), ("steps", 100),
                          ("count", 100000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    processes = int(os.environ.get("WORLD_SIZE", "1"))  # set by compare.py, with RANK, MASTER_ADDR and MASTER_PORT
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if processes > 1:
        torch.distributed.init_process_group("gloo")
    seconds = torch.tensor([train(options, processes) if options.what == "train" else sample(options, processes)],
                           dtype=torch.float64)
    if processes > 1:
        torch.distributed.all_reduce(seconds, torch.distributed.ReduceOp.MAX)
    if int(os.environ.get("RANK", "0")) == 0:
        print(float(seconds))


if __name__ == "__main__":
    main()
