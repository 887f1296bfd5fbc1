#!/usr/bin/python3
"""Data beside samples, in shared axes."""
import numpy as np

from ddpm_analysis import command_line, drawing, read_data, read_samples, style
from ddpm_analysis.failures import BadData, optional
from ddpm_analysis.text_files import stem


def density(x, y, box, bins=120, width=2.5):
    """The density of points over the box, smoothed for a contour: centres x, centres y, density [y][x]."""
    smooth = optional("scipy.ndimage").gaussian_filter
    counts, xs, ys = np.histogram2d(x, y, bins, [box[:2], box[2:]], density=True)
    return (xs[1:] + xs[:-1]) / 2, (ys[1:] + ys[:-1]) / 2, smooth(counts, width).T


def draw(data, samples, pair, with_density):
    """data: Table; samples: list of (title, Table)."""
    shown = [("data", data), *samples]
    box = sum((drawing.limits_near(np.concatenate([table.values[:, column] for _, table in shown]))
               for column in pair), ())
    across_name, up_name = drawing.pair_names(data.columns, pair)
    width = style.TWO_COLUMNS if len(shown) > 2 else style.TWO_COLUMNS * 0.75
    figure, grid = drawing.panels(len(shown), box, width, across=len(shown))
    lines, bins = (2, 3) if len(shown) > 2 else (1, 5)      # narrow panels
    contours = density(*data.values[:, pair].T, box) if with_density else None
    for panel, (axes, (title, table)) in enumerate(zip(grid, shown)):
        drawing.cloud(axes, table.values, pair, box, style.SAMPLES if panel else style.DATA, bins)
        if contours:
            axes.contour(*contours, levels=[0.15 * contours[2].max()], colors=style.COLOURS[1], linewidths=0.8)
        axes.set_title(drawing.title_of_cloud(title, table.values, pair, box, lines), fontsize=8 if lines > 1 else None)
        axes.set_xlabel(across_name)
    if contours:
        figure.suptitle("contour: density of the data, at 15 % of its peak", fontsize=8)
    grid[0].set_ylabel(up_name)
    return figure


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("samples", nargs="+", help="files of `ddpm sample`")
    parser.add_data()
    parser.add_picture()
    parser.add_columns()
    parser.add_points(drawing.POINTS)
    parser.add_argument("--density", action="store_true", help="draw a contour of the data's density in every panel")
    parser.add_program()
    options = parser.parse_args()
    data = read_data(options.data, options.points, program=options.ddpm)
    titles = [stem(path) for path in options.samples] if len(options.samples) > 1 else ["samples"]
    samples = [(title, read_samples(path, options.points, like=data)) for title, path in zip(titles, options.samples)]
    pair = drawing.column_pair(options.columns, data.values.shape[1], options.data)
    if options.density and pair[0] == pair[1]:
        raise BadData(f"{options.data}: one column is drawn as a histogram; leave out --density, which is of two")
    style.save(draw(data, samples, pair, options.density), options.output)


if __name__ == "__main__":
    command_line.run(main)
