#!/usr/bin/python3
"""Panels of a forward or reverse diffusion over its steps, from the trajectory in a file."""
from ddpm_analysis import command_line, drawing, read_trajectory, style

PER_ROW = 5


def draw(trajectory, pair, count):
    chosen = drawing.evenly(len(trajectory.step), count)
    values = trajectory.x[chosen]
    down = -(-len(chosen) // PER_ROW)
    across = -(-len(chosen) // down)
    box = drawing.box_of(values[..., pair[0]], values[..., pair[1]])
    figure, grid = drawing.panels(len(chosen), box, style.TWO_COLUMNS * max(across, 2) / PER_ROW, across)
    for panel, axes in enumerate(grid):
        drawing.cloud(axes, values[panel], pair, box, style.SAMPLES, bins=3, size=1.5)
        axes.set_title(f"$t$ = {trajectory.step[chosen[panel]]:g}", pad=3)
    for lowest in grid[-across:]:  # the last row may be short
        lowest.tick_params(labelbottom=True)
    across_name, up_name = drawing.pair_names(trajectory.columns, pair)
    figure.supxlabel(across_name, fontsize=9)
    figure.supylabel(up_name, fontsize=9)
    return figure


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("trajectory", help="file of `ddpm forward`, or of `ddpm sample --trajectory M`")
    parser.add_picture()
    parser.add_argument("--panels", type=command_line.positive, default=10, metavar="K",
                        help="number of panels, evenly over the snapshots")
    parser.add_columns()
    parser.add_points(drawing.POINTS)
    options = parser.parse_args()
    trajectory = read_trajectory(options.trajectory, options.points)
    pair = drawing.column_pair(options.columns, trajectory.x.shape[2], options.trajectory)
    style.save(draw(trajectory, pair, options.panels), options.output)


if __name__ == "__main__":
    command_line.run(main)
