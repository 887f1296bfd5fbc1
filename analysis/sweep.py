#!/usr/bin/python3
"""A sweep's table (jobs/sweep.py gather): a heat map over two of its axes, or with --by curves over one axis, a curve for each value of another."""
import numpy as np

import command
import ddpm_io
import style

NAMES = {"sliced_w1_ratio": "sliced $W_1$ / that of fresh data", "sliced_w1": "sliced $W_1$", "bound": "bound, nats per column",
         "validation_loss": "validation loss", "energy_ratio": "energy distance / that of fresh data", "learning_rate": "learning rate",
         "steps": "diffusion steps $T$", "seconds": "training time / s", "prior": "$L_T$, nats per column", "log_likelihood": "log-likelihood, nats per column"}
MOST_LETTERS = 30  # of names side by side below a heat map
PERFECT = 1.0  # a ratio of this cannot be told from data


def label(column):
    column = column.rpartition(".")[2]
    return NAMES.get(column, column.replace("_", " "))


def text(value):
    return value if isinstance(value, str) else f"{value:g}"


def distinct(values):
    """In order: numbers by value, names as they come."""
    return np.unique(values) if values.dtype.kind in "fiu" else np.array(list(dict.fromkeys(values)), dtype=object)


def grid_of(table, x, y, value):
    """Values [y][x]: means over whatever other axes there are; NaN where no point is finished."""
    columns, rows, values = table.column(x), table.column(y), table.column(value)
    across, down = distinct(columns), distinct(rows)
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
        raise ddpm_io.BadData("no finite value to draw")
    low, high = finite.min(), finite.max()
    kind = style.matplotlib.colors.LogNorm if low > 0 and high > 10 * low else style.matplotlib.colors.Normalize
    return kind(low, high if high > low else low + 1)


def heat_map(axes, table, x, y, value):
    across, down, grid = grid_of(table, x, y, value)
    norm = norm_of(grid)
    image = axes.imshow(grid, cmap="cividis_r", norm=norm, aspect="auto", origin="lower")
    for (i, j), number in np.ndenumerate(grid):
        dark = np.isfinite(number) and norm(number) > 0.55
        axes.text(j, i, f"{number:.3g}" if np.isfinite(number) else "no value", ha="center", va="center", fontsize=8, color="white" if dark else "black")
    names = list(map(text, across))
    crowded = len(names) * max(map(len, names)) > MOST_LETTERS
    axes.set_xticks(range(len(names)), names, **({"rotation": 30, "ha": "right"} if crowded else {}))
    axes.set_yticks(range(len(down)), list(map(text, down)))
    axes.grid(False)
    axes.set(xlabel=label(x), ylabel=label(y), title=label(value))
    axes.figure.colorbar(image, ax=axes, pad=0.02)


def curves(axes, table, x, by, value):
    """Over repeated points (seeds): the mean, and a band from the least to the greatest."""
    positions, groups, values = table.column(x), table.column(by), table.column(value)
    numbers = positions.dtype.kind in "fiu"
    across = distinct(positions)
    at = across if numbers else np.arange(len(across))
    for index, group in enumerate(distinct(groups)):
        cells = [values[(groups == group) & (positions == place)] for place in across]
        there = np.array([len(cell) > 0 and np.isfinite(cell).all() for cell in cells])
        mean, low, high = (np.array([f(cell) for cell, ok in zip(cells, there) if ok]) for f in (np.mean, np.min, np.max))
        look = style.line(index)
        axes.plot(at[there], mean, marker=style.marker(index), markersize=4, label=f"{label(by)} {text(group)}", **look)
        if (high > low).any():
            axes.fill_between(at[there], low, high, color=look["color"], alpha=0.2, linewidth=0)
    if numbers and across.min() > 0 and across.max() > 10 * across.min():
        axes.set_xscale("log")
    if not numbers:
        axes.set_xticks(at, list(map(text, across)))
    low, high = axes.dataLim.intervaly
    if low > 0 and high > 5 * low:
        style.log_axis(axes.yaxis, low, high)
    if value.endswith("_ratio"):
        axes.axhline(PERFECT, color="0.4", linewidth=0.8, linestyle=":")
    axes.set(xlabel=label(x), ylabel=label(value))


def draw(table, options):
    count = len(options.value)
    if options.by:
        figure, panels = style.plt.subplots(1, count, figsize=(style.ONE_COLUMN * count, 2.8), squeeze=False)
        for axes, value in zip(panels[0], options.value):
            curves(axes, table, options.x, options.by, value)
        panels[0][-1].legend()
        return figure
    figure, panels = style.plt.subplots(1, count, figsize=(style.ONE_COLUMN * count, 2.6), squeeze=False)
    for axes, value in zip(panels[0], options.value):
        heat_map(axes, table, options.x, options.y, value)
    return figure


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("table", help="table.h5 of jobs/sweep.py gather")
    parser.add_picture()
    parser.add_argument("--x", metavar="AXIS", help="horizontal (default: the table's last axis)")
    parser.add_argument("--y", metavar="AXIS", help="vertical, of a heat map (default: the table's first axis)")
    parser.add_argument("--by", metavar="AXIS", help="curves, one for each value of this")
    parser.add_argument("--value", nargs="+", default=["sliced_w1_ratio", "bound"], metavar="COLUMN", help="columns to draw, a panel each")
    options = parser.parse_args()
    table = ddpm_io.read_sweep(options.table)
    options.x, options.y = options.x or table.axes[-1], options.y or table.axes[0]
    style.save(draw(table, options), options.output)


if __name__ == "__main__":
    command.run(main)
