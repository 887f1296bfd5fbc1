#!/usr/bin/python3
"""Quality of samples against the number of reverse steps, for each sampler: runs `ddpm evaluate` for each point, or
takes the table that an earlier run wrote."""
import argparse
import math
import os
import tempfile

from ddpm_analysis import (
    BadData,
    command_line,
    drawing,
    open_run,
    read_csv,
    read_json,
    style,
    write_csv,
)
from ddpm_analysis.program import run_program

HEADER = ("sampler", "steps", "measure", "samples", "real_data", "ratio")
SAMPLERS = {"ancestral": "ancestral", "ddim": "DDIM", "dpm_solver": "DPM-Solver++(2M)"}
DISTANCES = {"sliced_w1": "sliced $W_1$", "sliced_w2": "sliced $W_2$", "energy": "energy distance", "mmd2": "MMD$^2$"}
MEASURES = {"forest": "accuracy of a forest (0.5 is perfect)",
            **{name: f"{title} to real data" for name, title in DISTANCES.items()}}


def grid(steps):
    """1, 2, 3, 5, 10, 20, 30, 50, ... and the last."""
    counts = [digit * 10 ** power for power in range(7) for digit in (1, 2, 3, 5)]
    return [count for count in counts if count < steps] + [steps]


def evaluate(options, sampler, steps):
    """A row of the table, from one evaluation."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "evaluation.json")
        run_program("evaluate", options.run, "--count", 0, "--samples", options.samples, "--sampler", sampler,
                    "--steps", steps, "--json", path, program=options.ddpm)
        found = read_json(path)["quality"][options.measure]
    values = [math.nan if found[key] is None else found[key] for key in ("samples", "oracle", "ratio")]
    return sampler, steps, options.measure, *values


def measure(options):
    steps = options.steps or grid(int(open_run(options.run).config["diffusion"]["steps"]))
    return [evaluate(options, sampler, count) for sampler in options.samplers for count in steps]


def read(path):
    table = read_csv(path, texts=("sampler", "measure"))
    if table.dtype.names != HEADER or len(table) == 0 or not set(table["sampler"]) <= set(SAMPLERS) \
            or not set(table["measure"]) <= set(MEASURES):
        raise BadData(f"{path}: not a table that --csv wrote")
    return [(sampler, int(count), *rest) for sampler, count, *rest in table.tolist()]


def draw(rows):
    figure = style.new_figure(style.ONE_COLUMN * 1.2, 2.8)
    axes = figure.subplots()
    for index, sampler in enumerate(dict.fromkeys(row[0] for row in rows)):
        points = [(row[1], row[3]) for row in rows if row[0] == sampler]
        axes.plot(*zip(*points), marker=style.marker(index), markersize=4, label=SAMPLERS[sampler], **style.line(index))
    name, real = rows[0][2], rows[0][4]
    values = [value for value in [*(row[3] for row in rows), real] if math.isfinite(value)]
    if not values:
        raise BadData("no finite value to draw")
    axes.axhline(real, color="0.5", linewidth=1, linestyle=(0, (1, 1)), label="real data in their place")
    axes.set(xscale="log", xlabel="reverse steps", ylabel=MEASURES[name])
    axes.xaxis.set_major_formatter("{x:g}")
    if name in DISTANCES:
        drawing.log_axis(axes.yaxis, min(values), max(values))
    axes.legend()
    return figure


def sampler_list(text):
    names = text.split(",")
    for name in names:
        if name not in SAMPLERS:
            raise argparse.ArgumentTypeError(f"{name!r}: expected some of {','.join(SAMPLERS)}")
    return names


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("run", help="run folder, or a table that --csv wrote")
    parser.add_picture()
    parser.add_argument("--steps", type=command_line.positives, metavar="K,K,...",
                        help="numbers of steps (default: 1, 2, 3, 5, 10, ... T)")
    parser.add_argument("--samplers", type=sampler_list, default=list(SAMPLERS), metavar="NAME,...",
                        help=f"samplers to compare (default: {','.join(SAMPLERS)})")
    parser.add_argument("--measure", choices=MEASURES, default="forest",
                        help="measure of `ddpm evaluate` (default: forest)")
    parser.add_argument("--samples", type=command_line.positive, default=5000, metavar="N",
                        help="samples of an evaluation")
    parser.add_argument("--csv", metavar="FILE", help="also write the table")
    parser.add_program()
    options = parser.parse_args()
    rows = read(options.run) if options.run.endswith(".csv") else measure(options)
    if options.csv:
        write_csv(options.csv, HEADER, rows)
    style.save(draw(rows), options.output)


if __name__ == "__main__":
    command_line.run(main)
