#!/usr/bin/python3
"""Panels of a forward or reverse diffusion over its steps, from a trajectory file."""
import numpy as np

import command
import ddpm_io
import style

POINTS = 5000
PER_ROW = 5


def choose(count, panels):
    """Indices of `panels` snapshots out of `count`, evenly, both ends included."""
    return np.unique(np.linspace(0, count - 1, min(panels, count)).round().astype(int))


def default_columns(columns):
    """The two that show a toy set: in three dimensions the roll and the S lie in the first and the last."""
    return (0, 2) if columns == 3 else (0, min(1, columns - 1))


def check_columns(pair, columns, path):
    if max(pair) >= columns:
        raise ddpm_io.BadData(f"{path}: --columns {pair[0]},{pair[1]}: it has {columns} columns, counted from 0")
    return pair


def limits(x, margin=0.04):
    """Axis limits that hold every point."""
    low, high = float(x.min()), float(x.max())
    pad = margin * ((high - low) or 1.0)
    return low - pad, high + pad


def ratio(box):
    """Height to width of a panel, within what fits a page."""
    return min(2.0, max(0.5, (box[3] - box[2]) / (box[1] - box[0])))


def draw(trajectory, pair, panels):
    chosen = choose(len(trajectory.step), panels)
    x, y = trajectory.x[chosen][..., pair[0]], trajectory.x[chosen][..., pair[1]]
    down = -(-len(chosen) // PER_ROW)
    across = -(-len(chosen) // down)
    width = style.TWO_COLUMNS * max(across, 2) / PER_ROW
    box = limits(x) + limits(y)
    figure, grid = style.plt.subplots(down, across, sharex=True, sharey=True, squeeze=False,
                                      figsize=(width, 0.4 + down * (0.22 + ratio(box) * (width - 0.6) / across)))
    for axes in grid.flat[len(chosen):]:
        axes.set_visible(False)
    for panel, axes in enumerate(grid.flat[:len(chosen)]):
        style.scatter(axes, x[panel], y[panel], style.SAMPLES, size=1.5)
        axes.set_title(f"$t$ = {trajectory.step[chosen[panel]]:g}", pad=3)
        style.equal_axes(axes, box, bins=4)
    for panel in range(max(0, len(chosen) - across), len(chosen)):  # the lowest panel of each column
        grid.flat[panel].tick_params(labelbottom=True)
    figure.supxlabel(ddpm_io.axis_name(trajectory.columns, pair[0]), fontsize=9)
    figure.supylabel(ddpm_io.axis_name(trajectory.columns, pair[1]), fontsize=9)
    return figure


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("trajectory", help="file of `ddpm forward`, or of `ddpm sample --trajectory M`")
    parser.add_picture()
    parser.add_argument("--panels", type=command.positive, default=10, metavar="K", help="number of panels, evenly over the snapshots")
    parser.add_argument("--columns", type=command.column_pair, metavar="I,J", help="columns to draw, counted from 0 (default: 0,1; 0,2 of three)")
    parser.add_argument("--points", type=command.positive, default=POINTS, metavar="N", help="at most so many points")
    options = parser.parse_args()
    trajectory = ddpm_io.read_trajectory(options.trajectory, options.points)
    columns = trajectory.x.shape[2]
    pair = check_columns(options.columns or default_columns(columns), columns, options.trajectory)
    style.save(draw(trajectory, pair, options.panels), options.output)


if __name__ == "__main__":
    command.run(main)
