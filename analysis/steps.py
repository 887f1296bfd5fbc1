#!/usr/bin/python3
"""Quality of samples against the evaluations of the network that a row costs, for each sampler, and for models that
were distilled from this one: runs `ddpm evaluate` for each point, or takes the table that an earlier run wrote. Heun's
method evaluates the network twice in each step but the last."""
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

HEADER = ("sampler", "evaluations", "measure", "samples", "real_data", "ratio")
EVALUATIONS = [1, 2, 4, 8, 16, 50, 100]
SAMPLERS = {"ancestral": "ancestral", "ddim": "DDIM", "dpm_solver": "DPM-Solver++(2M)", "heun": "Heun",
            "adams": "Adams–Bashforth"}
DISTILLED = "distilled"
DISTANCES = {"sliced_w1": "sliced $W_1$", "sliced_w2": "sliced $W_2$", "energy": "energy distance", "mmd2": "MMD$^2$"}
MEASURES = {"forest": "accuracy of a forest (0.5 is perfect)",
            **{name: f"{title} to real data" for name, title in DISTANCES.items()}}


def steps_within(sampler, evaluations, most):
    """[(steps, evaluations that they cost)], each for a number of evaluations that it does not exceed."""
    steps = sorted({(count + 1) // 2 if sampler == "heun" else count for count in evaluations})
    return [(count, 2 * count - 1 if sampler == "heun" else count) for count in steps if count <= most]


def evaluate(options, *arguments):
    """What `ddpm evaluate` says of samples of the run, or of those of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "evaluation.json")
        run_program("evaluate", options.run, "--count", 0, "--samples", options.samples, *arguments, "--json", path,
                    program=options.ddpm)
        found = read_json(path)["quality"][options.measure]
    return [math.nan if found[key] is None else found[key] for key in ("samples", "oracle", "ratio")]


def evaluate_distilled(options, run, steps):
    """The samples of another model beside the rows of the run."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "samples.h5")
        run_program("sample", run, "--count", options.samples, "--steps", steps, "--output", path, program=options.ddpm)
        return evaluate(options, "--samples-file", path)


def steps_of(run):
    return int(open_run(run).config["diffusion"]["steps"])


def measure(options):
    most = steps_of(options.run)
    rows = [(sampler, cost, options.measure, *evaluate(options, "--sampler", sampler, "--steps", steps))
            for sampler in options.samplers
            for steps, cost in steps_within(sampler, options.evaluations, most)]
    distilled = {}  # where several models take as many steps, the one that was made for fewest
    for run in sorted(options.distilled, key=steps_of, reverse=True):
        for steps, cost in steps_within("ddim", options.evaluations, steps_of(run)):
            distilled[cost] = (DISTILLED, cost, options.measure, *evaluate_distilled(options, run, steps))
    return rows + [distilled[cost] for cost in sorted(distilled)]


def read(path):
    table, known = read_csv(path, texts=("sampler", "measure")), {*SAMPLERS, DISTILLED}
    if table.dtype.names != HEADER or len(table) == 0 or not set(table["sampler"]) <= known \
            or not set(table["measure"]) <= set(MEASURES):
        raise BadData(f"{path}: not a table that --csv wrote")
    return [(sampler, int(count), *rest) for sampler, count, *rest in table.tolist()]


def draw(rows):
    figure = style.new_figure(style.ONE_COLUMN * 1.2, 3.4)
    axes = figure.subplots()
    for index, sampler in enumerate(dict.fromkeys(row[0] for row in rows)):
        points = [(row[1], row[3]) for row in rows if row[0] == sampler]
        axes.plot(*zip(*points), marker=style.marker(index), markersize=4, label=SAMPLERS.get(sampler, sampler),
                  **style.line(index))
    name, real = rows[0][2], rows[0][4]
    values = [value for value in [*(row[3] for row in rows), real] if math.isfinite(value)]
    if not values:
        raise BadData("no finite value to draw")
    axes.axhline(real, color="0.5", linewidth=1, linestyle=(0, (1, 1)), label="real data in their place")
    axes.set(xscale="log", xlabel="evaluations of the network", ylabel=MEASURES[name])
    axes.xaxis.set_major_formatter("{x:g}")
    if name in DISTANCES:
        drawing.log_axis(axes.yaxis, min(values), max(values))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)  # curves may lie anywhere below
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
    parser.add_argument("--evaluations", type=command_line.positives, default=EVALUATIONS, metavar="E,E,...",
                        help=f"evaluations of the network for a row (default: {','.join(map(str, EVALUATIONS))})")
    parser.add_argument("--distilled", nargs="+", default=[], metavar="RUN",
                        help="models that were distilled from samples of this one (configs/distil.yaml)")
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
