#!/usr/bin/python3
"""Detection against the time of training: samples of a table told from its training rows, after 1, 2, 5 and 15 minutes.

    tests/bench/detection.py TRAIN.csv TEST.csv --output FOLDER [--minutes 1 2 5 15] [--published adult]

Each point is a run of its own by configs/table.yaml, whose learning rate falls to its end in that time, with as many
iterations as a short run beforehand says that it has: the seconds are those of the whole command `ddpm train`, with its
start. Detection is that of judge_table.py, 1 where boosted trees cannot tell; the oracle is the rows of TEST in the
samples' place. The picture has it against operations, 6 for each weight and row, with the minutes beside the points,
since others publish the first and machines differ in the second. The points are beside it as CSV, with the shares of
samples that are copies of training rows and that are nearer to a training row than to a held-out one, each less that of
held-out rows (`ddpm evaluate`). FOLDER keeps what is done, and the same command goes on.
"""
import argparse
import os
import re
import shutil
import sys
import time

import programs

sys.path.insert(0, os.path.join(programs.SOURCE, "analysis"))
from ddpm_analysis import read_config, read_csv, read_frame, read_json, style, write_csv, write_json  # noqa: E402
from judge_table import detect, read_any  # noqa: E402

TRIED = 60          # iterations of the short run
# (operations, detection), from the paper of TabCascade (arXiv 2601.22816), of which the other methods are means over
# twelve tables without a number of operations
PUBLISHED = {"adult": {"TabCascade, 23 minutes of a GPU": (2.2e15, 0.919)}}


def train(folder, data, iterations, output):
    """The seconds of the whole command."""
    values = {"data.path": data, "training.iterations": iterations, "training.patience": 0,
              "training.warmup": min(200, iterations // 4), "run.report_every": max(1, iterations // 20)}
    shutil.rmtree(os.path.join(folder, output), ignore_errors=True)     # of a measurement that was interrupted
    start = time.monotonic()
    programs.ddpm("train", os.path.join(programs.SOURCE, "configs", "table.yaml"), *programs.settings(values),
                  "--output", os.path.join(folder, output), "--resume", "never")
    return time.monotonic() - start


def operations_of(run):
    """Of an iteration, forward and back."""
    with open(os.path.join(run, "run.log"), encoding="utf-8") as log:
        a_row = float(re.search(r"(\S+) operations a row and training step", log.read())[1])
    return a_row * read_config(os.path.join(run, "config.yaml"))["training"]["batch"]


def rate(folder, data):
    """(seconds before the first iteration, seconds of one)."""
    whole = train(folder, data, TRIED, "tried")
    metrics = read_csv(os.path.join(folder, "tried", "metrics.csv"))
    at, seconds = metrics["iteration"], metrics["seconds"]
    each = float((seconds[-1] - seconds[1]) / (at[-1] - at[1]))
    return whole - TRIED * each, each


def measure(folder, data, training, minutes):
    """One point."""
    start, each = rate(folder, data)
    iterations = max(TRIED, int((60 * minutes - start) / each))
    output = f"run-{minutes:g}"
    seconds = train(folder, data, iterations, output)
    run, samples = os.path.join(folder, output), os.path.join(folder, f"samples-{minutes:g}.h5")
    programs.ddpm("sample", run, "--count", len(training), "--output", samples)
    found = detect(training, read_frame(samples).reset_index(drop=True)[list(training)])
    return {"minutes": minutes, "seconds": seconds, "iterations": iterations,
            "operations": iterations * operations_of(run), "detection": found["detection"],
            **beyond_held_out(run, samples, os.path.join(folder, f"evaluation-{minutes:g}.json"))}


def beyond_held_out(run, samples, output):
    """How much more often samples are near training rows than rows are that were not trained on."""
    programs.ddpm("evaluate", run, "--samples-file", samples, "--count", 0, "--json", output)
    privacy = read_json(output)["quality"]["privacy"]
    return {name: privacy[measure]["samples"] - privacy[measure]["oracle"]
            for name, measure in (("more_copies", "copies"), ("more_nearer", "closest"))}


def draw(points, oracle, published, path):
    figure = style.new_figure(style.ONE_COLUMN, 2.8)
    axes = figure.subplots()
    operations = [point["operations"] for point in points]
    axes.plot(operations, [point["detection"] for point in points], style.marker(0), label="ddpm", **style.line(0))
    for point in points:
        axes.annotate(f"{point['minutes']:g} min", (point["operations"], point["detection"]), xytext=(0, -12),
                      textcoords="offset points", ha="center", fontsize=6)
    for index, (name, (at, detection)) in enumerate(published.items(), 1):
        axes.plot([at], [detection], style.marker(index), label=name, **style.line(index))
    axes.axhline(oracle, color="0.5", linestyle=":", label="other real rows")
    axes.set(xscale="log", xlabel="operations of training", ylabel="detection, 1: not told apart", ylim=(0, 1.05))
    axes.margins(x=0.12)
    axes.legend(loc="lower right", fontsize=7)
    style.save(figure, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", metavar="TRAIN.csv")
    parser.add_argument("test", metavar="TEST.csv")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 2, 5, 15])
    parser.add_argument("--output", default="build/detection", metavar="FOLDER")
    parser.add_argument("--published", choices=PUBLISHED, help="draw what others published of this table")
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    data = os.path.join(options.output, "table.h5")
    if not os.path.exists(data):
        programs.import_table(options.train, data)
    training, test = read_any(options.train), read_any(options.test)
    results = os.path.join(options.output, "points.json")
    found = read_json(results) if os.path.exists(results) else {"oracle": detect(training, test)["detection"],
                                                                "points": []}
    for minutes in options.minutes:
        if minutes not in [point["minutes"] for point in found["points"]]:
            found["points"].append(measure(options.output, data, training, minutes))
            write_json(results, found)
        point = next(point for point in found["points"] if point["minutes"] == minutes)
        print("{minutes:g} minutes: {seconds:.0f} s, {iterations} iterations, {operations:.2g} operations, detection "
              "{detection:.3f}".format(**point), f"(other real rows {found['oracle']:.3f}); beyond held-out rows' "
              "shares: {more_copies:+.3f} copies, {more_nearer:+.3f} nearer to training rows".format(**point),
              flush=True)
    points = sorted(found["points"], key=lambda point: point["minutes"])
    draw(points, found["oracle"], PUBLISHED.get(options.published, {}), os.path.join(options.output, "detection.png"))
    write_csv(os.path.join(options.output, "detection.csv"), list(points[0]), [point.values() for point in points])


if __name__ == "__main__":
    programs.main(main)
