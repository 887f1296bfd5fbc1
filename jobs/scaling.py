#!/usr/bin/python3
"""Strong and weak scaling: short runs over ranks and threads, a check that all compute the same bits, and a table scaling.csv.

Strong: the configuration's batch for all. Weak: --weak-batch rows a core. Runs of equal batches must end with equal parameters, bit for bit;
if they do not, the exit code is 1. A run that is there already is not made again.

Columns: kind, ranks, threads, cores (ranks x threads), batch, iterations; step: mean seconds of an iteration; its parts, means over the ranks:
input, compute, wait (for the slowest rank), reduction, update, output; rows_per_second; efficiency: rows a second and core over those of the
smallest run of its kind; model: predicted seconds of an iteration; bits: of the final parameters.

The model: one core's compute time shared out, the update as it is, and an allreduce of 8 bytes a parameter,
2 log2(p) latency + 2 (p - 1) / p bytes / bandwidth (Thakur, Rabenseifner and Gropp 2005). Latency and bandwidth come from --latency and --bandwidth, else
from a fit of the measured reductions."""
import argparse
import csv
import hashlib
import os
import shlex
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "analysis"))
import numpy as np  # noqa: E402
from scipy.optimize import nnls  # noqa: E402

import command  # noqa: E402
import ddpm_io  # noqa: E402

PARTS = ("input", "compute", "wait", "reduction", "update", "output")


def list_of(text):
    """"1,2,4" """
    return [command.positive(part) for part in text.split(",")]


def start_of(options, ranks, threads):
    """The command up to the verb."""
    if not options.launch:
        return [os.path.join(HERE, "local.sh"), "-n", str(ranks), "-t", str(threads)]
    program = os.environ.get("DDPM") or os.path.join(HERE, "..", "build", "release", "ddpm")
    return [*shlex.split(options.launch.format(ranks=ranks, threads=threads, nodes=min(ranks, options.nodes))), program]


def train(options, folder, ranks, threads, batch):
    """One run; nothing when it is there."""
    if os.path.exists(os.path.join(folder, "timings.csv")):
        return
    shutil.rmtree(folder, ignore_errors=True)
    settings = [f"training.iterations={options.iterations}", f"training.batch={batch}", "training.validate_every=0",
                f"checkpoint.every={options.iterations}", f"run.report_every={options.iterations}"]
    done = subprocess.run([*start_of(options, ranks, threads), "train", options.config, "--output", folder, "--timings",
                           *(word for setting in settings for word in ("--set", setting))],
                          env={**os.environ, "OMP_NUM_THREADS": str(threads)}, stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        raise ddpm_io.BadData(f"{folder}: the run failed with exit code {done.returncode}")


def bits_of(checkpoint):
    digest = hashlib.sha256()
    for tensors in (checkpoint.parameters, checkpoint.ema, checkpoint.moment1, checkpoint.moment2):
        for name in sorted(tensors):
            digest.update(name.encode() + np.ascontiguousarray(tensors[name]).tobytes())
    return digest.hexdigest()[:16]


def measure(kind, folder, ranks, threads, batch):
    """A row of the table, and the number of parameters."""
    timings = ddpm_io.read_csv(os.path.join(folder, "timings.csv"))
    checkpoint = ddpm_io.open_run(folder).checkpoint()
    if len(timings) != ranks or (timings["threads"] != threads).any():
        raise ddpm_io.BadData(f"{folder}: {len(timings)} ranks of {timings['threads'][0]:g} threads, expected {ranks} of {threads}; remove it")
    iterations = timings["iterations"][0]
    parts = {part: float(timings[part].mean() / iterations) for part in PARTS}
    step = sum(parts.values())
    row = {"kind": kind, "ranks": ranks, "threads": threads, "cores": ranks * threads, "batch": batch, "iterations": int(iterations), "step": step,
           **parts, "rows_per_second": batch / step, "bits": bits_of(checkpoint)}
    return row, sum(tensor.size for tensor in checkpoint.parameters.values())


def network(ranks, wire):
    """What latency and seconds a byte are multiplied with in an allreduce of `wire` bytes."""
    return [2 * np.log2(ranks), 2 * (ranks - 1) / ranks * wire]


def add_model(rows, parameters, options):
    """Efficiency and prediction; latency in seconds and bandwidth in bytes a second, given or fitted."""
    wire = 8 * parameters
    several = [row for row in rows if row["ranks"] > 1]
    if options.latency is not None:
        cost = [options.latency, 1 / options.bandwidth]
    elif several:
        cost = nnls(np.array([network(row["ranks"], wire) for row in several]), np.array([row["reduction"] for row in several]))[0]
    else:
        cost = [0.0, 0.0]
    for row in rows:
        base = min((other for other in rows if other["kind"] == row["kind"]), key=lambda other: other["cores"])
        share = row["batch"] / base["batch"] * base["cores"] / row["cores"]
        row["efficiency"] = row["rows_per_second"] / row["cores"] / (base["rows_per_second"] / base["cores"])
        row["model"] = base["compute"] * share + base["update"] + float(np.dot(network(row["ranks"], wire), cost))
    return cost


def unequal(rows):
    """Pairs of runs of one batch whose bits differ."""
    first = {}
    for row in rows:
        other = first.setdefault(row["batch"], row)
        if other["bits"] != row["bits"]:
            yield other, row


def name_of(row):
    return f"{row['kind']} {row['ranks']} x {row['threads']}"


def report(rows, cost, options):
    columns = ["kind", "ranks", "threads", "cores", "batch", "iterations", "step", *PARTS, "rows_per_second", "efficiency", "model", "bits"]
    path = os.path.join(options.output, "scaling.csv")
    with command.whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{'':12} {'batch':>6}" + "".join(f"{part:>11}" for part in ("step/us", *PARTS, "model")) + f"{'efficiency':>12}")
    for row in rows:
        times = "".join(f"{1e6 * row[part]:11.1f}" for part in ("step", *PARTS, "model"))
        print(f"{name_of(row):12} {row['batch']:6d}{times}{row['efficiency']:12.2f}")
    bandwidth = f"{1e-9 / cost[1]:.2f} GB/s" if cost[1] > 0 else "not limiting"
    print(f"reduction: latency {1e6 * cost[0]:.1f} us, bandwidth {bandwidth}; see {path}")
    differ = list(unequal(rows))
    for first, second in differ:
        print(f"{name_of(first)} and {name_of(second)} differ in their parameters", file=sys.stderr)
    print("runs of equal batches: " + ("NOT THE SAME BITS" if differ else "the same bits"))
    return int(bool(differ))


def main():
    parser = command.Parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("config", help="of the run; its batch is that of strong scaling")
    parser.add_argument("--output", required=True, metavar="DIR", help="runs and scaling.csv go there")
    parser.add_argument("--ranks", type=list_of, default=[1, 2], metavar="N,N,...")
    parser.add_argument("--threads", type=list_of, default=[1], metavar="N,N,...")
    parser.add_argument("--cores", type=command.positive, metavar="N", help="leave out ranks x threads above this")
    parser.add_argument("--iterations", type=command.positive, default=520, metavar="N", help="of each run; the first 20 are not timed (default: 520)")
    parser.add_argument("--weak-batch", type=command.positive, metavar="N", help="rows a core (default: the batch by the greatest number of cores)")
    parser.add_argument("--latency", type=float, metavar="S", help="of the network, for the model; with --bandwidth")
    parser.add_argument("--bandwidth", type=float, metavar="BYTES/S")
    parser.add_argument("--launch", metavar="WORDS", help="before the program, with {ranks}, {threads} and {nodes} in it (default: jobs/local.sh)")
    parser.add_argument("--nodes", type=command.positive, default=1, metavar="N", help="to spread ranks over, at most: {nodes}")
    options = parser.parse_args()
    if (options.latency is None) != (options.bandwidth is None):
        parser.error("--latency and --bandwidth go together")
    points = [(ranks, threads) for ranks in options.ranks for threads in options.threads if not options.cores or ranks * threads <= options.cores]
    if not points:
        parser.error("no point is left")
    batch = ddpm_io.read_config(options.config).get("training", {}).get("batch", 256)
    weak = options.weak_batch or max(1, batch // max(ranks * threads for ranks, threads in points))
    rows, parameters = [], 0
    for kind in ("strong", "weak"):
        for ranks, threads in sorted(points, key=lambda point: (point[0] * point[1], point[0])):
            rows_of_batch = batch if kind == "strong" else weak * ranks * threads
            folder = os.path.join(options.output, f"{kind}-{ranks}x{threads}")
            train(options, folder, ranks, threads, rows_of_batch)
            row, parameters = measure(kind, folder, ranks, threads, rows_of_batch)
            rows.append(row)
    return report(rows, add_model(rows, parameters, options), options)


if __name__ == "__main__":
    command.run(main)
