#!/usr/bin/python3
"""ddpm beside PyTorch on the same work, and beside the machine's limit: run in turn, A B A B, medians, ratios pair by
pair.

The peer counts as the best of its layouts: one process of one thread, or a process a core (DDP over gloo), with
OpenBLAS taking the processor for an AVX2 and for an AVX-512 one. tests/bench/run.sh starts this with what it needs.
"""
import argparse
import re
import tempfile
import time

import numpy as np

import programs

# name, width, depth, batch, columns; iterations of ddpm and of the peer in a run of a few seconds; targets: ratio,
# share of the limit
WORKLOADS = (
    ("128x3, batch 256", 128, 3, 256, 2, 6000, 800, 8.0, 0.60),
    ("256x4, batch 2048", 256, 4, 2048, 2, 400, 50, 4.0, 0.75),
    ("512x4, batch 2048", 512, 4, 2048, 2, 100, 25, 2.6, 0.80),
    ("1024x4, batch 4096, D 64", 1024, 4, 4096, 64, 20, 6, 1.7, 0.80),
)
SAMPLING = ("sampling 128x3, T 100", 128, 3, 2, 100, 100000, 8.0, 0.60)
CORE_TYPES = (("AVX2", "Haswell", "avx2"), ("AVX-512", "SkylakeX", "avx512f"))


def processor_has(flag):
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        return re.search(rf"^flags\s*:.*\b{flag}\b", file.read(), re.MULTILINE) is not None


def layouts():
    """(name, processes, core type)"""
    return [(f"{processes} process{'es' if processes > 1 else ''}, {isa}", processes, kind)
            for processes in sorted({1, programs.CORES})
            for isa, kind, flag in CORE_TYPES if processor_has(flag)]


def limit(folder):
    """Operations per second of all cores, on random numbers in registers."""
    return programs.bench(folder, "--only", "limits", "--seconds", "1")["limit"] * programs.CORES


def bench_row(folder, words, scale, part, name, threads):
    found = programs.bench(folder, *words, "--only", part, "--seconds", str(2 * scale), threads=threads)
    return next(row for row in found["rows"] if row["name"] == name)


def spread(values):
    return f"{np.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def heading():
    print(f"{'workload':26s} {'ddpm rows/s':>12s} {'peer rows/s':>12s} {'best layout':22s} "
          f"{'ratio, pair by pair':>22s} {'target':>7s} {'share of the limit':>22s} {'target':>7s}  ", flush=True)


def report(name, ours, theirs, shares, ratio_target, share_target):
    """theirs: {layout: rates}. The best layout is the one with the highest median."""
    best = max(theirs, key=lambda layout: np.median(theirs[layout]))
    ratios = np.array(ours) / np.array(theirs[best])
    met = np.median(ratios) >= ratio_target and np.median(shares) >= share_target
    print(f"{name:26s} {np.median(ours):12.0f} {np.median(theirs[best]):12.0f} {best:22s} "
          f"{spread(ratios):>22s} {ratio_target:7.1f} {spread(shares):>22s} {share_target:7.2f}  "
          f"{'met' if met else 'MISSED'}", flush=True)


def compare_training(folder, rounds, scale, workload):
    name, width, depth, batch, columns, our_steps, peer_steps, ratio_target, share_target = workload
    words = programs.config(folder, width, depth, batch, columns)
    ours, ranks, shares, theirs, exact = [], [], [], {layout[0]: [] for layout in layouts()}, []
    for _ in range(rounds):
        ours.append(programs.train_rate(folder, words, int(our_steps * scale)))
        ranks.append(programs.train_rate(folder, words, int(our_steps * scale), ranks=programs.CORES))
        for layout, processes, kind in layouts():
            seconds = programs.peer("train", processes, kind, width=width, depth=depth, batch=batch, columns=columns,
                                    steps=max(2, int(peer_steps * scale)))
            theirs[layout].append(batch / seconds)
        shares.append(bench_row(folder, words, scale, "training", "training step, exact",
                                threads=programs.CORES)["share"])
        exact.append(bench_row(folder, words, scale, "training", "exact beside float32", threads=1)["rate"])
    report(name, ours, theirs, shares, ratio_target, share_target)
    for layout, rates in theirs.items():
        print(f"    peer, {layout:22s} {np.median(rates):12.0f} rows/s")
    print(f"    {programs.CORES} ranks of a thread against a rank of {programs.CORES} threads: "
          f"{spread(np.array(ranks) / np.array(ours))} (target 0.90); "
          f"exact reduction dearer than float32, one rank of one thread: {spread(exact)} % (target 5)", flush=True)


def compare_sampling(folder, rounds, scale):
    name, width, depth, columns, steps, count, ratio_target, share_target = SAMPLING
    count = int(count * scale)
    model = f"{folder}/model"
    words = programs.config(folder, width, depth, 256, columns,
                            **{"diffusion.steps": steps, "training.iterations": 200})
    programs.ddpm("train", "/dev/null", *words, "--output", model)
    ours, shares, theirs = [], [], {layout[0]: [] for layout in layouts()}
    for _ in range(rounds):
        start = time.monotonic()
        programs.ddpm("sample", model, "--count", count, "--output", f"{folder}/samples.h5")
        ours.append(count / (time.monotonic() - start))  # the whole command, with its start, reading and writing
        for layout, processes, kind in layouts():
            options = {"width": width, "depth": depth, "columns": columns, "steps": steps, "count": count,
                       "batch": 10000}
            theirs[layout].append(count / programs.peer("sample", processes, kind, **options))
        shares.append(bench_row(folder, words, scale, "sampling", "sampling step", threads=programs.CORES)["share"])
    report(name, ours, theirs, shares, ratio_target, share_target)


def measure_start(folder, rounds):
    """From the command to the first step done, beyond what MPI takes: `ddpm --version` starts and stops MPI too."""
    beyond = []
    for index in range(rounds):
        times = []
        words = programs.config(folder, 128, 3, 256, 2, **{"training.iterations": 1})
        for arguments in (("--version",), ("train", "/dev/null", *words, "--output", f"{folder}/start{index}")):
            start = time.monotonic()
            programs.ddpm(*arguments)
            times.append(time.monotonic() - start)
        beyond.append(times[1] - times[0])
    print(f"start to the first step and its checkpoint, beyond MPI's own: {spread(beyond)} s (target 0.10)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of each comparison (default: %(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="length of every run (default: %(default)s)")
    parser.add_argument("--only", type=int, action="append", help="row of the table, from 0; repeatable (default: all)")
    options = parser.parse_args()
    chosen = options.only if options.only is not None else range(len(WORKLOADS) + 2)
    with tempfile.TemporaryDirectory(prefix="ddpm-bench-") as folder:
        print(f"{programs.CORES} cores, limit {1e-9 * limit(folder):.0f} GFLOP/s together; "
              f"medians of {options.rounds} rounds (least-most)")
        heading()
        for index, workload in enumerate(WORKLOADS):
            if index in chosen:
                compare_training(folder, options.rounds, options.scale, workload)
        if len(WORKLOADS) in chosen:
            compare_sampling(folder, options.rounds, options.scale)
        if len(WORKLOADS) + 1 in chosen:
            measure_start(folder, options.rounds)


if __name__ == "__main__":
    programs.main(main)
