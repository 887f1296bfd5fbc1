#!/usr/bin/python3
"""Samples against data, column by column and pair by pair: marginals on the diagonal, data below it, samples above."""
import argparse
import os

import numpy as np

import command
import ddpm_io
import panels
import style

MOST = 5          # columns shown unless told otherwise
BINS = 40


def edges(data, samples):
    """Bins over what both hold, but for the outermost thousandth on either side."""
    both = np.concatenate([data, samples])
    low, high = np.quantile(both, [0.001, 0.999])
    return np.linspace(*panels.limits(np.array([low, high])), BINS + 1)


def draw(data, samples, columns):
    """data, samples: Table."""
    count = len(columns)
    side = style.TWO_COLUMNS if count > 2 else style.TWO_COLUMNS * 0.7
    figure, grid = style.plt.subplots(count, count, figsize=(side, side * 0.95), squeeze=False, sharex="col")
    bins = {c: edges(data.values[:, c], samples.values[:, c]) for c in columns}
    for down, row in enumerate(columns):
        for across, column in enumerate(columns):
            axes, x, table = grid[down, across], bins[column], data if down > across else samples
            if down == across:
                axes.hist(data.values[:, row], x, density=True, color="0.75")
                axes.hist(samples.values[:, row], x, density=True, histtype="step", color=style.SAMPLES, linewidth=1.2)
                axes.set_yticks([])
            else:
                style.scatter(axes, table.values[:, column], table.values[:, row], style.DATA if table is data else style.SAMPLES, size=1.5)
                axes.set_ylim(bins[row][0], bins[row][-1])
                if across:
                    axes.tick_params(labelleft=False)
            axes.set_xlim(x[0], x[-1])
            axes.locator_params(nbins=3)
            if down == count - 1:
                axes.set_xlabel(data.name(column))
            if across == 0:
                axes.set_ylabel(data.name(row))
    figure.align_labels()
    figure.suptitle(f"data: filled, and below the diagonal ({len(data.values):,} rows);  samples: outlined, and above ({len(samples.values):,} rows)",
                    fontsize=8)
    return figure


def column_list(text):
    parts = text.split(",")
    if not all(parts):
        raise argparse.ArgumentTypeError(f"{text!r}: expected columns by name or number, as in 0,3,5")
    return parts


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("samples", help="file of `ddpm sample`")
    parser.add_argument("--data", required=True, metavar="FILE.h5[:dataset]|RUN", help="data file, or a run folder: its own data")
    parser.add_picture()
    parser.add_argument("--columns", type=column_list, metavar="C,C,...", help=f"names or numbers from 0 (default: the first {MOST})")
    parser.add_argument("--points", type=command.positive, default=3000, metavar="N", help="at most so many rows of each")
    parser.add_program()
    options = parser.parse_args()
    if os.path.isdir(options.data):
        data = ddpm_io.open_run(options.data).data(options.points, program=options.ddpm)
    else:
        data = ddpm_io.read_table(options.data, options.points)
    samples = ddpm_io.read_samples(options.samples, options.points)
    if samples.values.shape[1] != data.values.shape[1]:
        raise ddpm_io.BadData(f"{options.samples}: {samples.values.shape[1]} columns, but the data has {data.values.shape[1]}")
    wanted = options.columns or [str(c) for c in range(min(MOST, data.values.shape[1]))]
    chosen = ddpm_io.Table(np.arange(data.values.shape[1])[None, :], data.columns)
    style.save(draw(data, samples, ddpm_io.select_columns(chosen, wanted).values[0].tolist()), options.output)


if __name__ == "__main__":
    command.run(main)
