#!/usr/bin/python3
"""Data beside samples, in shared axes."""
import os

import numpy as np
from scipy.ndimage import gaussian_filter

import command
import ddpm_io
import panels
import style


def density(x, y, box, bins=120, width=2.5):
    """Smoothed density of points over box = (left, right, bottom, top), for contours: centres x, centres y, [y][x]."""
    counts, xs, ys = np.histogram2d(x, y, bins, [box[:2], box[2:]], density=True)
    return (xs[1:] + xs[:-1]) / 2, (ys[1:] + ys[:-1]) / 2, gaussian_filter(counts, width).T


def draw(data, samples, pair, with_density):
    """data: Table; samples: list of (title, Table)."""
    shown = [("data", data)] + samples
    points = [(title, table.values[:, pair[0]], table.values[:, pair[1]]) for title, table in shown]
    box = panels.limits(np.concatenate([x for _, x, _ in points])) + panels.limits(np.concatenate([y for _, _, y in points]))
    width = style.TWO_COLUMNS if len(shown) > 2 else style.TWO_COLUMNS * 0.75
    figure, grid = style.plt.subplots(1, len(shown), sharex=True, sharey=True, squeeze=False,
                                      figsize=(width, 0.7 + panels.ratio(box) * (width - 0.5) / len(shown)))
    contours = density(points[0][1], points[0][2], box) if with_density else None
    for panel, (axes, (title, x, y)) in enumerate(zip(grid.flat, points)):
        style.scatter(axes, x, y, style.SAMPLES if panel else style.DATA)
        if contours:
            axes.contour(*contours, levels=[0.15 * contours[2].max()], colors=style.COLOURS[1], linewidths=0.8)
        axes.set(title=f"{title} ({len(x):,} points)", xlabel=data.name(pair[0]))
        style.equal_axes(axes, box, bins=5)
    if contours:
        figure.suptitle("contour: density of the data, at 15 % of its peak", fontsize=8)
    grid.flat[0].set_ylabel(data.name(pair[1]))
    return figure


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("samples", nargs="+", help="files of `ddpm sample`")
    parser.add_argument("--data", required=True, metavar="FILE.h5[:dataset]|RUN",
                        help="data file, or a run folder: its own data, drawn afresh by `ddpm data` if a toy set")
    parser.add_picture()
    parser.add_argument("--columns", type=command.column_pair, metavar="I,J", help="columns to draw, counted from 0 (default: 0,1; 0,2 of three)")
    parser.add_argument("--points", type=command.positive, default=panels.POINTS, metavar="N", help="at most so many points a panel")
    parser.add_argument("--density", action="store_true", help="contour of the data's density over every panel")
    parser.add_program()
    options = parser.parse_args()
    if os.path.isdir(options.data):
        data = ddpm_io.open_run(options.data).data(options.points, program=options.ddpm)
    else:
        data = ddpm_io.read_table(options.data, options.points)
    columns = data.values.shape[1]
    samples = []
    for path in options.samples:
        table = ddpm_io.read_samples(path, options.points)
        if table.values.shape[1] != columns:
            raise ddpm_io.BadData(f"{path}: {table.values.shape[1]} columns, but the data has {columns}")
        name = os.path.splitext(os.path.basename(path))[0]
        samples.append(("samples" if len(options.samples) == 1 else name, table))
    pair = panels.check_columns(options.columns or panels.default_columns(columns), columns, options.data)
    style.save(draw(data, samples, pair, options.density), options.output)


if __name__ == "__main__":
    command.run(main)
