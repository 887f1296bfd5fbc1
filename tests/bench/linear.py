#!/usr/bin/python3
"""Whether cost grows linearly: the share of the limit that a training step reaches over batch, width, depth and D, one
at a time.

Linear cost is a level line. Draws four panels, writes the points beside the picture as CSV, and names the worst point.
tests/bench/run.sh linear starts this with what it needs.
"""
import argparse
import os
import tempfile

import numpy as np

import programs
from ddpm_analysis import style, write_csv

BASE = {"batch": 4096, "width": 256, "depth": 4, "D": 2}
SWEEPS = {"batch": (256, 1024, 4096, 16384, 65536), "width": (64, 128, 256, 512, 1024, 2048), "depth": (2, 3, 4, 6, 8),
          "D": (2, 8, 64, 256, 784)}


def measure(folder, seconds, point):
    words = programs.config(folder, point["width"], point["depth"], point["batch"], point["D"])
    found = programs.bench(folder, *words, "--only", "training", "--seconds", str(seconds))
    row = next(row for row in found["rows"] if row["name"] == "training step, exact")
    return {**point, "rows_per_second": row["rate"], "share": row["share"]}


def medians(rounds):
    for found in zip(*rounds):
        yield {**found[0], **{name: float(np.median([row[name] for row in found]))
                              for name in ("rows_per_second", "share")}}


def draw(points, path):
    figure = style.new_figure(style.TWO_COLUMNS, 4.4)
    axes = figure.subplots(2, 2, sharey=True)
    for index, (axis, (name, values)) in enumerate(zip(axes.flat, SWEEPS.items())):
        own = [point for point in points if point["sweep"] == name]
        if not own:  # --only
            axis.set_axis_off()
            continue
        axis.plot([point[name] for point in own], [point["share"] for point in own], style.marker(index),
                  **style.line(index))
        axis.set(xscale="log", xlabel=name, xticks=values, ylim=(0, 1.05))
        axis.set_xticks([], minor=True)
        axis.set_xticklabels([f"{value}" for value in values])
    for axis in axes[:, 0]:
        axis.set_ylabel("share of the limit")
    elsewhere = ", ".join(f"{key} {value}" for key, value in BASE.items())
    figure.suptitle(f"training step; elsewhere {elsewhere}", fontsize=9)
    style.save(figure, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default="linear.png",
                        help="the picture; the points go beside it as .csv (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a point in a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3,
                        help="over all points; a point's median counts (default: %(default)s)")
    parser.add_argument("--only", choices=sorted(SWEEPS), help="one of the sweeps")
    options = parser.parse_args()
    grid = [(name, {**BASE, name: value}) for name, values in SWEEPS.items() for value in values
            if options.only in (None, name)]
    with tempfile.TemporaryDirectory(prefix="ddpm-bench-") as folder:
        rounds = [[measure(folder, options.seconds, point) for _, point in grid] for _ in range(options.rounds)]
    points = [{"sweep": name, **row} for (name, _), row in zip(grid, medians(rounds))]
    for point in points:
        print("{sweep:6s} batch {batch:6d}  width {width:5d}  depth {depth}  D {D:4d}  {rows_per_second:12.0f} rows/s  "
              "{share:.3f} of the limit".format(**point))
    draw(points, options.output)
    write_csv(os.path.splitext(options.output)[0] + ".csv", list(points[0]), [point.values() for point in points])
    worst = min(points, key=lambda point: point["share"])
    print("worst: batch {batch}, width {width}, depth {depth}, D {D}: {share:.3f} of the limit".format(**worst))


if __name__ == "__main__":
    programs.main(main)
