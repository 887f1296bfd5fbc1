#!/usr/bin/python3
"""Samples against data, column by column and pair by pair: marginals on the diagonal, data below it, samples above."""
import argparse

import numpy as np

from ddpm_analysis import Table, command_line, drawing, read_data, read_samples, style

LETTERS = 60  # of the names of columns, beside each other
MOST = 5  # columns that are shown unless the user names others


def draw(data, samples, columns):
    """data, samples: Table."""
    count = len(columns)
    side = style.TWO_COLUMNS if count > 2 else style.TWO_COLUMNS * 0.7
    figure = style.new_figure(side, side * 0.95)
    grid = figure.subplots(count, count, squeeze=False, sharex="col")
    bins = {c: drawing.bin_edges(data.values[:, c], samples.values[:, c]) for c in columns}
    for down, row in enumerate(columns):
        for across, column in enumerate(columns):
            axes, x, table = grid[down, across], bins[column], data if down > across else samples
            if down == across:
                drawing.marginal(axes, data.values[:, row], samples.values[:, row], x)
            else:
                colour = style.DATA if table is data else style.SAMPLES
                drawing.points(axes, table.values[:, column], table.values[:, row], colour, size=1.5)
                axes.set_ylim(bins[row][0], bins[row][-1])
                if across:
                    axes.tick_params(labelleft=False)
            axes.set_xlim(x[0], x[-1])
            axes.locator_params(nbins=3)
            if down == count - 1:
                axes.set_xlabel(data.axis_name(column, LETTERS // count))
            if across == 0:
                axes.set_ylabel(data.axis_name(row, LETTERS // count))
    figure.align_labels()
    between = "  " if count > 2 else "\n"  # two columns make a narrow figure
    figure.suptitle(f"data: filled, and below the diagonal ({len(data.values):,} rows);{between}"
                    f"samples: outlined, and above ({len(samples.values):,} rows)", fontsize=8)
    return figure


def column_list(text):
    parts = text.split(",")
    if not all(parts):
        raise argparse.ArgumentTypeError(f"{text!r}: expected columns by name or number, as in 0,3,5")
    return parts


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("samples", help="file of `ddpm sample`")
    parser.add_data()
    parser.add_picture()
    parser.add_argument("--columns", type=column_list, metavar="C,C,...",
                        help=f"names, or numbers from 0 (default: the first {MOST})")
    parser.add_points(3000)
    parser.add_program()
    options = parser.parse_args()
    data = read_data(options.data, options.points, program=options.ddpm)
    samples = read_samples(options.samples, options.points, like=data)
    count = data.values.shape[1]
    numbers = Table(np.arange(count)[None, :], data.columns).select(options.columns or range(min(MOST, count)))
    style.save(draw(data, samples, numbers.values[0].tolist()), options.output)


if __name__ == "__main__":
    command_line.run(main)
