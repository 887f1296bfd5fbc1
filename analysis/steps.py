#!/usr/bin/python3
"""Quality of samples against the number of reverse steps, for each sampler: runs `ddpm evaluate` and draws what it says."""
import argparse
import json
import os
import tempfile

import command
import ddpm_io
import style

SAMPLERS = {"ancestral": "ancestral", "ddim": "DDIM", "dpm_solver": "DPM-Solver++(2M)"}
MEASURES = {"sliced_w1": "sliced $W_1$", "sliced_w2": "sliced $W_2$", "energy": "energy distance", "mmd2": "MMD$^2$"}


def grid(steps):
    """1, 2, 3, 5, 10, 20, 30, 50, ... and the last."""
    counts = [digit * 10 ** power for power in range(7) for digit in (1, 2, 3, 5)]
    return [count for count in counts if count < steps] + [steps]


def measure(options, sampler, steps):
    """One evaluation: its quality section."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "evaluation.json")
        ddpm_io.run_program("evaluate", options.run, "--count", 0, "--samples", options.samples, "--sampler", sampler, "--steps", steps,
                            "--json", path, program=options.ddpm)
        with open(path, encoding="utf-8") as file:
            return json.load(file)["quality"]


def draw(results, measure_name):
    """results: sampler -> list of (steps, quality)."""
    figure, axes = style.plt.subplots(figsize=(style.ONE_COLUMN * 1.2, 2.8))
    for index, (sampler, points) in enumerate(results.items()):
        axes.plot([steps for steps, _ in points], [quality[measure_name]["samples"] for _, quality in points], marker=style.marker(index),
                  markersize=4, label=SAMPLERS[sampler], **style.line(index))
    real = next(iter(results.values()))[0][1][measure_name]["oracle"]
    values = [quality[measure_name]["samples"] for points in results.values() for _, quality in points] + [real]
    axes.axhline(real, color="0.5", linewidth=1, linestyle=(0, (1, 1)), label="real data in their place")
    axes.set(xscale="log", xlabel="reverse steps", ylabel=f"{MEASURES[measure_name]} to real data")
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
    parser.add_argument("run", help="run folder")
    parser.add_picture()
    parser.add_argument("--steps", type=command.positives, metavar="K,K,...", help="numbers of steps (default: 1, 2, 3, 5, 10, ... T)")
    parser.add_argument("--samplers", type=samplers, default=list(SAMPLERS), metavar="NAME,...", help=f"default: {','.join(SAMPLERS)}")
    parser.add_argument("--measure", choices=MEASURES, default="sliced_w1")
    parser.add_argument("--samples", type=command.positive, default=5000, metavar="N", help="of a set")
    parser.add_argument("--csv", metavar="FILE", help="also write the numbers: sampler, steps, samples, real data, ratio")
    parser.add_program()
    options = parser.parse_args()
    steps = options.steps or grid(int(ddpm_io.open_run(options.run).config["diffusion"]["steps"]))
    results = {sampler: [(count, measure(options, sampler, count)) for count in steps] for sampler in options.samplers}
    if options.csv:
        with command.whole_file(options.csv) as temporary, open(temporary, "w", encoding="utf-8") as file:
            file.write(f"sampler,steps,{options.measure},real_data,ratio\n")
            for sampler, points in results.items():
                for count, quality in points:
                    values = quality[options.measure]
                    file.write(f"{sampler},{count},{values['samples']:.9g},{values['oracle']:.9g},{values['ratio']:.9g}\n")
    style.save(draw(results, options.measure), options.output)


if __name__ == "__main__":
    command.run(main)
