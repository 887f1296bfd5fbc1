#!/usr/bin/python3
"""The table of jobs/scaling.py: strong and weak scaling with the ideal and the model, and where the time of a step goes."""
import csv

import numpy as np

import command
import ddpm_io
import style

PARTS = ("compute", "wait", "reduction", "update", "input", "output")
HATCHES = ("", "....", "////", "\\\\\\\\", "xxxx", "++")
NEEDED = {"kind", "ranks", "threads", "cores", "step", "efficiency", "model", *PARTS}


def read(path):
    """Rows as dictionaries; numbers where they are numbers."""
    rows = list(csv.DictReader(ddpm_io.read_text(path).splitlines()))
    if not rows or not NEEDED <= set(rows[0]):
        raise ddpm_io.BadData(f"{path}: not a table of jobs/scaling.py")
    try:
        return [{name: text if name in ("kind", "bits") else float(text) for name, text in row.items()} for row in rows]
    except ValueError as error:
        raise ddpm_io.BadData(f"{path}: {error}")


def cores_axis(axes, cores):
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(style.matplotlib.ticker.FixedLocator(sorted(set(cores))))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(style.matplotlib.ticker.NullLocator())
    axes.set_xlabel("cores (ranks x threads)")


def by_threads(axes, rows, values, model):
    """Measured as markers, the model as a dashed line."""
    for index, threads in enumerate(sorted({row["threads"] for row in rows})):
        here = sorted((i for i, row in enumerate(rows) if row["threads"] == threads), key=lambda i: rows[i]["cores"])
        cores = [rows[i]["cores"] for i in here]
        axes.plot(cores, [values[i] for i in here], style.marker(index), color=style.COLOURS[index],
                  label=f"{threads:g} thread{'s' if threads > 1 else ''} a rank")
        axes.plot(cores, [model[i] for i in here], "--", color=style.COLOURS[index], linewidth=1)


def strong(axes, rows):
    cores = np.array([row["cores"] for row in rows])
    steps, model = (np.array([row[name] for row in rows]) for name in ("step", "model"))
    base = np.argmin(cores)
    axes.plot(cores, cores / cores[base], color="0.5", linewidth=0.8, label="ideal")
    axes.plot([], [], "--", color="0.3", linewidth=1, label="model")
    by_threads(axes, rows, steps[base] / steps, model[base] / model)
    axes.set(title="strong scaling: speed-up")
    axes.set_ylim(0, None)
    cores_axis(axes, cores)
    axes.legend()


def weak(axes, rows):
    cores = np.array([row["cores"] for row in rows])
    model = np.array([row["model"] for row in rows])
    axes.axhline(1.0, color="0.5", linewidth=0.8)
    by_threads(axes, rows, [row["efficiency"] for row in rows], model[np.argmin(cores)] / model)
    axes.set(title="weak scaling: efficiency")
    axes.set_ylim(0, max(1.05, *(row["efficiency"] * 1.05 for row in rows)))
    cores_axis(axes, cores)


def split(axes, rows):
    names = [f"{row['ranks']:g}x{row['threads']:g}" for row in rows]
    bottom = np.zeros(len(rows))
    for index, part in enumerate(PARTS):
        values = 1e3 * np.array([row[part] for row in rows])
        axes.bar(names, values, 0.7, bottom, label=part, color=style.COLOURS[index], hatch=HATCHES[index], edgecolor="white", linewidth=0.5)
        bottom += values
    axes.set(title="strong scaling: ms of a step", xlabel="ranks x threads")
    axes.set_ylim(0, bottom.max() * 1.45)
    axes.grid(False, axis="x")
    axes.legend(ncol=2, loc="upper left")


def draw(rows):
    figure, panels = style.plt.subplots(1, 3, figsize=(style.TWO_COLUMNS * 1.2, 2.7))
    kinds = {kind: [row for row in rows if row["kind"] == kind] for kind in ("strong", "weak")}
    strong(panels[0], kinds["strong"])
    weak(panels[1], kinds["weak"])
    split(panels[2], kinds["strong"])
    return figure


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("table", help="scaling.csv")
    parser.add_picture()
    options = parser.parse_args()
    style.save(draw(read(options.table)), options.output)


if __name__ == "__main__":
    command.run(main)
