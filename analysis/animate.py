#!/usr/bin/python3
"""An animation (GIF) of a forward or reverse diffusion over its steps, from the trajectory in a file."""
import argparse
import os

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from ddpm_analysis import command_line, drawing, read_trajectory, style
from ddpm_analysis.text_files import whole_file

SIDE = 3.2        # inches of a frame's longer side
DPI = 120
LAST = 1500       # milliseconds for which the last frame stays


def animation(path):
    if os.path.splitext(path)[1].lower() != ".gif":
        raise argparse.ArgumentTypeError(f"{path}: the name of an animation ends in .gif")
    return path


def frames_of(trajectory, pair, chosen):
    """An image for each of the chosen snapshots, in axes that hold the points of all of them."""
    box = drawing.box_of(*(trajectory.x[chosen][..., column] for column in pair))
    ratio = drawing.height_to_width(box)
    figure = style.new_figure(SIDE / max(1.0, ratio) + 0.5, SIDE * min(1.0, ratio) + 0.5)
    figure.set_dpi(DPI)
    canvas, axes = FigureCanvasAgg(figure), figure.subplots()
    for index in chosen:
        axes.clear()
        drawing.cloud(axes, trajectory.x[index], pair, box, style.SAMPLES, bins=5, size=2)
        axes.set_title(f"$t$ = {trajectory.step[index]:g}", pad=4)
        axes.set(**dict(zip(("xlabel", "ylabel"), drawing.pair_names(trajectory.columns, pair))))
        canvas.draw()
        yield Image.fromarray(np.array(canvas.buffer_rgba())).convert("RGB")


def draw(trajectory, pair, count, seconds, path):
    """Write the animation: the snapshots in the file's order."""
    images = list(frames_of(trajectory, pair, drawing.evenly(len(trajectory.step), count)))
    each = min(1000, 1000 * seconds // len(images))
    with whole_file(path) as temporary:
        images[0].save(temporary, save_all=True, append_images=images[1:], loop=0,
                       duration=[each] * (len(images) - 1) + [LAST])


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("trajectory", help="file of `ddpm forward --snapshots M`, or of `ddpm sample --trajectory M`; "
                        "50 snapshots make a smooth animation")
    parser.add_argument("--output", required=True, type=animation, metavar="FILE.gif", help="the animation to write")
    parser.add_argument("--frames", type=command_line.positive, default=100, metavar="K",
                        help="at most so many frames, evenly over the snapshots")
    parser.add_argument("--seconds", type=command_line.positive, default=5, metavar="S",
                        help="length of the animation; a frame stays for a second at most")
    parser.add_columns()
    parser.add_points(2000)
    options = parser.parse_args()
    trajectory = read_trajectory(options.trajectory, options.points)
    pair = drawing.column_pair(options.columns, trajectory.x.shape[2], options.trajectory)
    draw(trajectory, pair, options.frames, options.seconds, options.output)


if __name__ == "__main__":
    command_line.run(main)
