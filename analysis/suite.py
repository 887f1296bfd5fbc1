#!/usr/bin/python3
"""The densities of a quality suite beside their samples: fresh data above, samples below, in the same axes.

Under each name stands the accuracy of a forest that tells them apart, 0.5 is perfect; or the spread off the plane that
rows lie near, 0.1 is right; with the limit where the suite says that it is not kept. Factors are drawn along and across their plane,
other sets of more than two columns in their first two."""
import os

import numpy as np

from ddpm_analysis import BadData, command_line, drawing, read_csv, read_json, read_samples, read_table, style
from ddpm_analysis.datasets import choose
from ddpm_analysis.text_files import columns_of

ACROSS = 7
MARGIN, TITLE = 0.25, 0.42   # inches, for the names of rows and columns
TAIL = 0.002        # share of the points that may lie outside the axes at each end
FARTHEST = 3.0      # how much larger than those of the data the axes may be for the samples
POINT_SIZE = 0.8


def span(x):
    """The middle of a column, and half its width, without the tails."""
    low, high = np.quantile(x, [TAIL, 1 - TAIL])
    return (low + high) / 2, max((high - low) / 2, 1e-30)


def box_of(data, samples):
    """(left, right, bottom, top) that holds nearly all of the data, and as much of the samples as lets one see it."""
    box = []
    for x, y in zip(data.T, samples.T):
        middle, half = span(x)
        half = 1.15 * min(max(half, *np.abs(np.quantile(y, [TAIL, 1 - TAIL]) - middle)), FARTHEST * half)
        box += [middle - half, middle + half]
    return tuple(box)


def draw_pair(panels, data, samples):
    box = box_of(data, samples)
    for axes, points, colour in zip(panels, (data, samples), (style.DATA, style.SAMPLES)):
        drawing.points(axes, *points.T, colour, POINT_SIZE)
        axes.set(xlim=box[:2], ylim=box[2:], xticks=[], yticks=[])
        axes.set_box_aspect(1)


def title_of(row, limits):
    """The set's name, and its accuracy below; or its spread, where that is what is limited."""
    name = "accuracy" if limits.spread is None else "spread"
    value, limit = row[name], getattr(limits, name)
    over = f" > {limit:.2f}" if limit is not None and value > limit and name in row["result"] else ""
    return f"{row['set']}\n{'' if name == 'accuracy' else name + ' '}{value:.3f}{over}"


def two_columns(dataset, table, limit):
    x = table.values[:limit].astype(np.float64)
    return dataset.view(x) if dataset.view else x[:, :2]


def draw(found, points):
    """found: [(row of the table, set, data, samples)]."""
    across = min(ACROSS, len(found))
    down, side = -(-len(found) // across), (style.TWO_COLUMNS - MARGIN) / ACROSS
    figure = style.new_figure(MARGIN + across * side, down * (2 * side + TITLE))
    blocks = figure.subfigures(down, 1, squeeze=False)[:, 0]
    for number, block in enumerate(blocks):
        panels = block.subplots(2, across, squeeze=False)
        for axes in panels[:, len(found) - number * across:].flat:
            axes.set_visible(False)
        for column, (row, dataset, data, samples) in enumerate(found[number * across:(number + 1) * across]):
            draw_pair(panels[:, column], *(two_columns(dataset, table, points) for table in (data, samples)))
            panels[0, column].set_title(title_of(row, dataset.limits), fontsize=8)
        panels[0, 0].set_ylabel("data")
        panels[1, 0].set_ylabel("samples")
    return figure


def read(folder):
    path = os.path.join(folder, "table.csv")
    table = read_csv(path, texts=("set", "result"))
    columns_of(table, ("set", "accuracy", "spread"), path)
    data = read_json(os.path.join(folder, "suite.json"))["data"]
    rows = {row["set"]: row for row in table if np.isfinite(row["accuracy"])}
    sets = [dataset for dataset in choose(rows) if not dataset.real] if rows else []
    if not sets:
        raise BadData(f"{path}: no density is measured")
    return [(rows[dataset.name], dataset, read_table(os.path.join(data, f"{dataset.name}-fresh.h5")),
             read_samples(os.path.join(folder, dataset.name, "samples.h5"))) for dataset in sets]


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("folder", metavar="FOLDER", help="of jobs/suite.py")
    parser.add_picture()
    parser.add_points(4000)
    options = parser.parse_args()
    style.save(draw(read(options.folder), options.points), options.output)


if __name__ == "__main__":
    command_line.run(main)
