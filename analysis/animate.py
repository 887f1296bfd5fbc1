#!/usr/bin/python3
"""An animation (GIF) of a forward or reverse diffusion over its steps, from a trajectory file."""
import numpy as np
from PIL import Image

import command
import ddpm_io
import panels
import style

SIDE = 3.2        # inches of a frame's longer side
DPI = 120
LAST = 1500       # milliseconds that the last frame stays


def draw(trajectory, pair, frames, seconds, path):
    """Write the animation: the snapshots in the file's order, in axes that hold every point."""
    chosen = panels.choose(len(trajectory.step), frames)
    x, y = trajectory.x[..., pair[0]], trajectory.x[..., pair[1]]
    box = panels.limits(x[chosen]) + panels.limits(y[chosen])
    ratio = panels.ratio(box)
    figure, axes = style.plt.subplots(figsize=(SIDE / max(1.0, ratio) + 0.5, SIDE * min(1.0, ratio) + 0.5), dpi=DPI)
    images = []
    for index in chosen:
        axes.clear()
        style.scatter(axes, x[index], y[index], style.SAMPLES, size=2)
        axes.set_title(f"$t$ = {trajectory.step[index]:g}", pad=4)
        axes.set(xlabel=ddpm_io.axis_name(trajectory.columns, pair[0]), ylabel=ddpm_io.axis_name(trajectory.columns, pair[1]))
        style.equal_axes(axes, box, bins=5)
        figure.canvas.draw()
        images.append(Image.fromarray(np.array(figure.canvas.buffer_rgba())).convert("RGB"))
    style.plt.close(figure)
    each = min(1000, 1000 * seconds // len(images))
    images[0].save(path, save_all=True, append_images=images[1:], duration=[each] * (len(images) - 1) + [LAST], loop=0)


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("trajectory", help="file of `ddpm forward --snapshots M`, or of `ddpm sample --trajectory M`; M = 50 or so")
    parser.add_argument("--output", required=True, type=command.animation, metavar="FILE.gif", help="animation to write")
    parser.add_argument("--frames", type=command.positive, default=100, metavar="K", help="at most so many frames, evenly over the snapshots")
    parser.add_argument("--seconds", type=command.positive, default=5, metavar="S", help="of the whole way, at one frame a second or more")
    parser.add_argument("--columns", type=command.column_pair, metavar="I,J", help="columns to draw, counted from 0 (default: 0,1; 0,2 of three)")
    parser.add_argument("--points", type=command.positive, default=2000, metavar="N", help="at most so many points")
    options = parser.parse_args()
    trajectory = ddpm_io.read_trajectory(options.trajectory, options.points)
    columns = trajectory.x.shape[2]
    pair = panels.check_columns(options.columns or panels.default_columns(columns), columns, options.trajectory)
    with command.whole_file(options.output) as temporary:
        draw(trajectory, pair, options.frames, options.seconds, temporary)


if __name__ == "__main__":
    command.run(main)
