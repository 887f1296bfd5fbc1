#!/usr/bin/python3
"""The table of jobs/scaling.py: strong and weak scaling with the ideal and the model, and where the time of a step
goes."""
import numpy as np
from matplotlib.ticker import FixedLocator, NullLocator

from ddpm_analysis import BadData, command_line, read_csv, style

PARTS = ("compute", "wait", "reduction", "update", "input", "output")
HATCHES = ("", "....", "////", "\\\\\\\\", "xxxx", "++")
NEEDED = {"kind", "ranks", "threads", "cores", "step", "efficiency", "model", *PARTS}


def read(path):
    table = read_csv(path, texts=("kind", "bits"))
    if len(table) == 0 or not NEEDED <= set(table.dtype.names):
        raise BadData(f"{path}: not a table of jobs/scaling.py")
    return table


def cores_axis(axes, cores):
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(sorted(set(cores))))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("cores (ranks x threads)")


def by_threads(axes, table, values, model):
    """The measured values as markers, the model as a dashed line; a colour for each number of threads."""
    for index, threads in enumerate(np.unique(table["threads"])):
        here = np.flatnonzero(table["threads"] == threads)
        here = here[np.argsort(table["cores"][here], kind="stable")]
        axes.plot(table["cores"][here], values[here], style.marker(index), color=style.COLOURS[index],
                  label=f"{threads:g} thread{'s' if threads > 1 else ''} a rank")
        axes.plot(table["cores"][here], model[here], "--", color=style.COLOURS[index], linewidth=1)


def strong(axes, table):
    cores, steps, model = table["cores"], table["step"], table["model"]
    base = np.argmin(cores)
    axes.plot(cores, cores / cores[base], color="0.5", linewidth=0.8, label="ideal")
    axes.plot([], [], "--", color="0.3", linewidth=1, label="model")
    by_threads(axes, table, steps[base] / steps, model[base] / model)
    axes.set(title="strong scaling: speed-up")
    axes.set_ylim(0, None)
    cores_axis(axes, cores)
    axes.legend()


def weak(axes, table):
    model, efficiency = table["model"], table["efficiency"]
    axes.axhline(1.0, color="0.5", linewidth=0.8)
    by_threads(axes, table, efficiency, model[np.argmin(table["cores"])] / model)
    axes.set(title="weak scaling: efficiency")
    axes.set_ylim(0, 1.05 * max(1.0, efficiency.max()))
    cores_axis(axes, table["cores"])


def split(axes, table):
    names = [f"{ranks:g}x{threads:g}" for ranks, threads in zip(table["ranks"], table["threads"])]
    bottom = np.zeros(len(table))
    for index, part in enumerate(PARTS):
        values = 1e3 * table[part]
        axes.bar(names, values, 0.7, bottom, label=part, color=style.COLOURS[index], hatch=HATCHES[index],
                 edgecolor="white", linewidth=0.5)
        bottom += values
    axes.set(title="strong scaling: ms of a step", xlabel="ranks x threads")
    axes.set_ylim(0, bottom.max() * 1.45)
    axes.grid(False, axis="x")
    axes.legend(ncol=2, loc="upper left")


def draw(table):
    figure = style.new_figure(style.TWO_COLUMNS * 1.2, 2.7)
    left, middle, right = figure.subplots(1, 3)
    strong(left, table[table["kind"] == "strong"])
    weak(middle, table[table["kind"] == "weak"])
    split(right, table[table["kind"] == "strong"])
    return figure


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("table", help="scaling.csv")
    parser.add_picture()
    options = parser.parse_args()
    style.save(draw(read(options.table)), options.output)


if __name__ == "__main__":
    command_line.run(main)
