#!/usr/bin/python3
"""Quality of samples against the number of reverse steps, for each sampler: runs `ddpm evaluate` and draws what it says, or what a table of
an earlier time says."""
import argparse
import csv
import json
import os
import tempfile

import command
import ddpm_io
import style

HEADER = ["sampler", "steps", "measure", "samples", "real_data", "ratio"]
SAMPLERS = {"ancestral": "ancestral", "ddim": "DDIM", "dpm_solver": "DPM-Solver++(2M)"}
MEASURES = {"sliced_w1": "sliced $W_1$", "sliced_w2": "sliced $W_2$", "energy": "energy distance", "mmd2": "MMD$^2$"}


def grid(steps):
    """1, 2, 3, 5, 10, 20, 30, 50, ... and the last."""
    counts = [digit * 10 ** power for power in range(7) for digit in (1, 2, 3, 5)]
    return [count for count in counts if count < steps] + [steps]


def evaluate(options, sampler, steps):
    """A row of the table, from one evaluation."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "evaluation.json")
        ddpm_io.run_program("evaluate", options.run, "--count", 0, "--samples", options.samples, "--sampler", sampler, "--steps", steps,
                            "--json", path, program=options.ddpm)
        with open(path, encoding="utf-8") as file:
            found = json.load(file)["quality"][options.measure]
    return [sampler, steps, options.measure, found["samples"], found["oracle"], found["ratio"]]


def measure(options):
    steps = options.steps or grid(int(ddpm_io.open_run(options.run).config["diffusion"]["steps"]))
    return [evaluate(options, sampler, count) for sampler in options.samplers for count in steps]


def write(path, rows):
    with command.whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])


def read(path):
    header, *rows = list(csv.reader(ddpm_io.read_text(path).splitlines())) or [[]]
    try:
        if header != HEADER or not rows or any(row[0] not in SAMPLERS or row[2] not in MEASURES for row in rows):
            raise ValueError
        return [[row[0], int(row[1]), row[2], *map(float, row[3:])] for row in rows]
    except (ValueError, IndexError):
        raise ddpm_io.BadData(f"{path}: not a table that --csv wrote")


def draw(rows):
    figure, axes = style.plt.subplots(figsize=(style.ONE_COLUMN * 1.2, 2.8))
    for index, sampler in enumerate(dict.fromkeys(row[0] for row in rows)):
        points = [(row[1], row[3]) for row in rows if row[0] == sampler]
        axes.plot(*zip(*points), marker=style.marker(index), markersize=4, label=SAMPLERS[sampler], **style.line(index))
    name, real = rows[0][2], rows[0][4]
    values = [row[3] for row in rows] + [real]
    axes.axhline(real, color="0.5", linewidth=1, linestyle=(0, (1, 1)), label="real data in their place")
    axes.set(xscale="log", xlabel="reverse steps", ylabel=f"{MEASURES[name]} to real data")
    axes.xaxis.set_major_formatter("{x:g}")
    style.log_axis(axes.yaxis, min(values), max(values))
    axes.legend()
    return figure


def samplers(text):
    names = text.split(",")
    for name in names:
        if name not in SAMPLERS:
            raise argparse.ArgumentTypeError(f"{name!r}: expected some of {','.join(SAMPLERS)}")
    return names


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("run", help="run folder, or a table that --csv wrote")
    parser.add_picture()
    parser.add_argument("--steps", type=command.positives, metavar="K,K,...", help="numbers of steps (default: 1, 2, 3, 5, 10, ... T)")
    parser.add_argument("--samplers", type=samplers, default=list(SAMPLERS), metavar="NAME,...", help=f"default: {','.join(SAMPLERS)}")
    parser.add_argument("--measure", choices=MEASURES, default="sliced_w1")
    parser.add_argument("--samples", type=command.positive, default=5000, metavar="N", help="of a set")
    parser.add_argument("--csv", metavar="FILE", help="also write the table")
    parser.add_program()
    options = parser.parse_args()
    rows = read(options.run) if options.run.endswith(".csv") else measure(options)
    if options.csv:
        write(options.csv, rows)
    style.save(draw(rows), options.output)


if __name__ == "__main__":
    command.run(main)
