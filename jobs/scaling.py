#!/usr/bin/python3
"""Strong and weak scaling: short runs over ranks and threads, a check that all compute the same bits, and a table
scaling.csv.

Strong: the configuration's batch for all. Weak: --weak-batch rows a core. Runs of equal batches must end with equal
parameters, bit for bit; if they do not, the exit code is 1. A run that is there already is not made again, unless it is
one of another configuration.

Columns: kind, ranks, threads, cores (ranks x threads), batch, iterations; step: mean seconds of an iteration; its
parts, means over the ranks: input, compute, wait (for the slowest rank), reduction, update, output; rows_per_second;
efficiency: rows a second and core over those of the smallest run of its kind; model: predicted seconds of an iteration;
bits: of the final parameters.

The model: the compute time of the smallest run shared out over the cores, its update as it is, and the sum over the
ranks that `ddpm bench` predicts (bench.json beside the table; analysis/bench.py draws it). Latency and bandwidth are
those that it measures between the nodes of the most ranks, unless --latency and --bandwidth are given."""
import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys

import numpy as np

from ddpm_analysis import BadData, command_line, open_run, read_config, read_csv, read_json, write_csv, write_json
from ddpm_analysis.text_files import differs_from_json

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = ("input", "compute", "wait", "reduction", "update", "output")
COLUMNS = ("kind", "ranks", "threads", "cores", "batch", "iterations", "step", *PARTS, "rows_per_second", "efficiency",
           "model", "bits")
BENCH_SECONDS = 3
DEFAULT_BATCH = 256         # of the program (src/config/table.c)
UNTIMED = 20                # iterations, the first ones (src/train/timing.c)


# ---- running the program

def run_program(options, ranks, threads, verb, *arguments):
    if options.launch:
        program = os.environ.get("DDPM") or os.path.join(HERE, "..", "build", "release", "ddpm")
        nodes = min(ranks, options.nodes)
        launch = [*shlex.split(options.launch.format(ranks=ranks, threads=threads, nodes=nodes)), program]
    else:
        launch = [os.path.join(HERE, "local.sh"), "-n", str(ranks), "-t", str(threads)]
    done = subprocess.run([*launch, verb, options.config, *map(str, arguments)], stdout=subprocess.DEVNULL, check=False,
                          env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    if done.returncode != 0:
        raise BadData(f"`ddpm {verb}` on {ranks} ranks of {threads} threads failed with exit code {done.returncode}")


def train(options, folder, ranks, threads, batch):
    """One run; nothing when it is there."""
    origin = {"config": options.content, "iterations": options.iterations, "batch": batch}
    origin_path = os.path.join(folder, "origin.json")
    if os.path.exists(os.path.join(folder, "timings.csv")) and not differs_from_json(origin_path, origin):
        return
    shutil.rmtree(folder, ignore_errors=True)
    settings = [f"training.iterations={options.iterations}", f"training.batch={batch}", "training.validate_every=0",
                f"checkpoint.every={options.iterations}", f"run.report_every={options.iterations}"]
    run_program(options, ranks, threads, "train", "--output", folder, "--timings",
                *(word for setting in settings for word in ("--set", setting)))
    write_json(origin_path, origin)


def predict_sums(options, ranks, threads):
    """What `ddpm bench` predicts of the link and of the sums over ranks, as its JSON has it."""
    path = os.path.join(options.output, "bench.json")
    link = ["--latency", options.latency, "--rate", options.bandwidth] if options.latency is not None else []
    run_program(options, ranks, threads, "bench", "--only", "prediction", "--seconds", BENCH_SECONDS, "--json", path,
                *link)
    return read_json(path)["prediction"]


# ---- the table

def bits_of(checkpoint):
    digest = hashlib.sha256()
    for tensors in (checkpoint.parameters, checkpoint.ema, checkpoint.moment1, checkpoint.moment2):
        for name in sorted(tensors):
            digest.update(name.encode() + np.ascontiguousarray(tensors[name]).tobytes())
    return digest.hexdigest()[:16]


def measure(kind, folder, ranks, threads, batch):
    """A row of the table, but for its efficiency and model."""
    timings = read_csv(os.path.join(folder, "timings.csv"))
    if len(timings) != ranks or (timings["threads"] != threads).any():
        raise BadData(f"{folder}: {len(timings)} ranks of {timings['threads'][0]:g} threads, "
                      f"expected {ranks} of {threads}; remove it")
    iterations = timings["iterations"][0]
    parts = {part: float(timings[part].mean() / iterations) for part in PARTS}
    step = sum(parts.values())
    return {"kind": kind, "ranks": ranks, "threads": threads, "cores": ranks * threads, "batch": batch,
            "iterations": int(iterations), "step": step, **parts, "rows_per_second": batch / step,
            "bits": bits_of(open_run(folder).checkpoint())}


def add_model(rows, points):
    """Efficiency and model of every row. points: ranks and seconds of the predicted sums; between two of these numbers
    of ranks the sum is interpolated."""
    ranks, sums = [point["ranks"] for point in points], [point["sum"] for point in points]
    for row in rows:
        base = min((other for other in rows if other["kind"] == row["kind"]), key=lambda other: other["cores"])
        share = row["batch"] / base["batch"] * base["cores"] / row["cores"]
        row["efficiency"] = row["rows_per_second"] / row["cores"] / (base["rows_per_second"] / base["cores"])
        row["model"] = base["compute"] * share + base["update"] + float(np.interp(row["ranks"], ranks, sums))


def unequal(rows):
    """Pairs of runs of one batch whose bits differ."""
    first = {}
    for row in rows:
        other = first.setdefault(row["batch"], row)
        if other["bits"] != row["bits"]:
            yield other, row


def name_of(row):
    return f"{row['kind']} {row['ranks']} x {row['threads']}"


def report(rows, prediction, path):
    print(f"{'':12} {'batch':>6}" + "".join(f"{part:>11}" for part in ("step/us", *PARTS, "model"))
          + f"{'efficiency':>12}")
    for row in rows:
        times = "".join(f"{1e6 * row[part]:11.1f}" for part in ("step", *PARTS, "model"))
        print(f"{name_of(row):12} {row['batch']:6d}{times}{row['efficiency']:12.2f}")
    print(f"link between nodes: latency {1e6 * prediction['latency']:.1f} us, {1e-9 * prediction['rate']:.2f} GB/s, "
          f"{prediction['link']}; see {path}")
    differ = list(unequal(rows))
    for first, second in differ:
        print(f"{name_of(first)} and {name_of(second)} differ in their parameters", file=sys.stderr)
    print("runs of equal batches: " + ("NOT THE SAME BITS" if differ else "the same bits"))
    return int(bool(differ))


# ---- the command line

def parse():
    parser = command_line.Parser(__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = command_line.positives
    parser.add_argument("config", help="configuration of the runs; its batch is that of strong scaling")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder of the runs and of scaling.csv")
    parser.add_argument("--ranks", type=numbers, default=[1, 2], metavar="N,N,...", help="default: 1,2")
    parser.add_argument("--threads", type=numbers, default=[1], metavar="N,N,...", help="of a rank (default: 1)")
    parser.add_argument("--cores", type=command_line.positive, metavar="N", help="leave out ranks x threads above this")
    parser.add_argument("--iterations", type=command_line.positive, default=520, metavar="N",
                        help="iterations of each run, of which the first 20 are not timed (default: 520)")
    parser.add_argument("--weak-batch", type=command_line.positive, metavar="N",
                        help="rows a core (default: the batch by the greatest number of cores)")
    parser.add_argument("--latency", type=float, metavar="S",
                        help="seconds of a message between two ranks, for the model; together with --bandwidth")
    parser.add_argument("--bandwidth", type=float, metavar="BYTES/S", help="of a large message between two ranks")
    parser.add_argument("--launch", metavar="WORDS", help="what stands before the program, with {ranks}, {threads} and "
                        "{nodes} in it (default: jobs/local.sh)")
    parser.add_argument("--nodes", type=command_line.positive, default=1, metavar="N",
                        help="spread the ranks over at most so many nodes: {nodes} (default: 1)")
    options = parser.parse_args()
    if (options.latency is None) != (options.bandwidth is None):
        parser.error("--latency and --bandwidth go together")
    options.points = sorted({(ranks, threads) for ranks in options.ranks for threads in options.threads
                             if not options.cores or ranks * threads <= options.cores},
                            key=lambda point: (point[0] * point[1], point[0]))
    if not options.points:
        parser.error("no point is left")
    if options.iterations <= UNTIMED:
        parser.error(f"--iterations: {options.iterations}: expected more than {UNTIMED}, which are not timed")
    try:
        (options.launch or "").format(ranks=1, threads=1, nodes=1)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        parser.error(f"--launch: {options.launch}: of words in braces there are {{ranks}}, {{threads}} and {{nodes}}")
    return options


def main():
    options = parse()
    options.content = read_config(options.config)
    batch = (options.content.get("training") or {}).get("batch", DEFAULT_BATCH)
    if not isinstance(batch, (int, float)) or batch < 1 or batch % 1:
        raise BadData(f"{options.config}: training.batch: expected an integer of at least 1, found {batch!r}")
    batch = int(batch)  # 1e3, which the program reads, too
    weak = options.weak_batch or max(1, batch // max(ranks * threads for ranks, threads in options.points))
    rows = []
    for kind in ("strong", "weak"):
        for ranks, threads in options.points:
            rows_of_batch = batch if kind == "strong" else weak * ranks * threads
            folder = os.path.join(options.output, f"{kind}-{ranks}x{threads}")
            train(options, folder, ranks, threads, rows_of_batch)
            rows.append(measure(kind, folder, ranks, threads, rows_of_batch))
    most_ranks, its_threads = max(options.points, key=lambda point: (point[0], -point[1]))
    prediction = predict_sums(options, most_ranks, its_threads)
    add_model(rows, prediction["points"])
    path = os.path.join(options.output, "scaling.csv")
    write_csv(path, COLUMNS, [[row[name] for name in COLUMNS] for row in rows])
    return report(rows, prediction, path)


if __name__ == "__main__":
    command_line.run(main)
