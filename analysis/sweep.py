#!/usr/bin/python3
"""The table of a sweep (jobs/sweep.py gather): a heat map over two of its axes; or with --by curves over one axis, one
for each value of another."""
import numpy as np
from matplotlib.colors import LogNorm, Normalize

from ddpm_analysis import BadData, command_line, drawing, read_sweep, style, sweeps

MOST_LETTERS = 30  # of names side by side below a heat map
PERFECT = {"forest": 0.5, "ratio": 1.0}  # of samples that cannot be told from data, by the last part of a column's name


def grid_of(table, x, y, value):
    """Values [y][x]: means over the other axes; NaN where no point is finished."""
    columns, rows, values = table.column(x), table.column(y), table.column(value)
    across, down = sweeps.distinct(columns), sweeps.distinct(rows)
    grid = np.full((len(down), len(across)), np.nan)
    for i, row in enumerate(down):
        for j, column in enumerate(across):
            here = values[(rows == row) & (columns == column)]
            if len(here):
                grid[i, j] = np.mean(here)
    return across, down, grid


def norm_of(grid):
    """Logarithmic where the values are positive and span more than a decade."""
    finite = grid[np.isfinite(grid)]
    if len(finite) == 0:
        raise BadData("no finite value to draw")
    low, high = finite.min(), finite.max()
    kind = LogNorm if low > 0 and high > 10 * low else Normalize
    return kind(low, high if high > low else low + 1)


def heat_map(axes, table, x, y, value):
    across, down, grid = grid_of(table, x, y, value)
    norm = norm_of(grid)
    image = axes.imshow(grid, cmap="cividis_r", norm=norm, aspect="auto", origin="lower")
    for (i, j), number in np.ndenumerate(grid):
        dark = np.isfinite(number) and norm(number) > 0.55
        axes.text(j, i, f"{number:.3g}" if np.isfinite(number) else "no value", ha="center", va="center", fontsize=8,
                  color="white" if dark else "black")
    names = list(map(sweeps.text_of, across))
    crowded = len(names) * max(map(len, names)) > MOST_LETTERS
    axes.set_xticks(range(len(names)), names, **({"rotation": 30, "ha": "right"} if crowded else {}))
    axes.set_yticks(range(len(down)), list(map(sweeps.text_of, down)))
    axes.grid(False)
    axes.set(xlabel=sweeps.title_of(x), ylabel=sweeps.title_of(y), title=sweeps.title_of(value))
    axes.figure.colorbar(image, ax=axes, pad=0.02)


def curves(axes, table, x, by, value):
    """Over the points that differ in nothing but other axes (seeds): the mean, and a band from the least to the
    greatest. Without `by`, one curve."""
    positions, values = table.column(x), table.column(value)
    groups = table.column(by) if by else np.zeros(len(values))
    numbers = positions.dtype.kind in "fiu"
    across = sweeps.distinct(positions)
    at = across if numbers else np.arange(len(across))
    for index, group in enumerate(sweeps.distinct(groups)):
        cells = [values[(groups == group) & (positions == place)] for place in across]
        there = np.array([len(cell) > 0 and np.isfinite(cell).all() for cell in cells])
        spans = np.array([(cell.min(), cell.mean(), cell.max()) for cell, ok in zip(cells, there) if ok])
        drawing.mean_and_band(axes, at[there], *spans.reshape(-1, 3).T, index, marker=style.marker(index), markersize=4,
                              label=f"{sweeps.title_of(by)} {sweeps.text_of(group)}" if by else None)
    if numbers and across.min() > 0 and across.max() > 10 * across.min():
        axes.set_xscale("log")
    if not numbers:
        axes.set_xticks(at, list(map(sweeps.text_of, across)))
    low, high = axes.dataLim.intervaly
    if low > 0 and high > 5 * low:
        drawing.log_axis(axes.yaxis, low, high)
    perfect = PERFECT.get(value.rpartition("_")[2])
    if perfect:
        axes.axhline(perfect, color="0.4", linewidth=0.8, linestyle=":")
    axes.set(xlabel=sweeps.title_of(x), ylabel=sweeps.title_of(value))


def draw(table, options):
    count = len(options.value)
    figure = style.new_figure(style.ONE_COLUMN * count, 2.8 if options.by else 2.6)
    panels = figure.subplots(1, count, squeeze=False)[0]
    for axes, value in zip(panels, options.value):
        if options.by:
            curves(axes, table, options.x, options.by, value)
        else:
            heat_map(axes, table, options.x, options.y, value)
    if options.by:
        panels[-1].legend()
    return figure


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("table", help="table.h5 of jobs/sweep.py gather")
    parser.add_picture()
    parser.add_argument("--x", metavar="AXIS", help="horizontal (default: the table's last axis)")
    parser.add_argument("--y", metavar="AXIS", help="vertical, of a heat map (default: the table's first axis)")
    parser.add_argument("--by", metavar="AXIS", help="draw a curve for each value of this axis")
    parser.add_argument("--value", nargs="+", metavar="COLUMN",
                        help="columns to draw, each in a panel of its own (default: forest bound, or sliced_w1_ratio "
                             "bound where the table has no column 'forest')")
    options = parser.parse_args()
    table = read_sweep(options.table)
    options.value = options.value or ["forest" if "forest" in table.columns else "sliced_w1_ratio", "bound"]
    options.x, options.y = options.x or table.axes[-1], options.y or table.axes[0]
    style.save(draw(table, options), options.output)


if __name__ == "__main__":
    command_line.run(main)
