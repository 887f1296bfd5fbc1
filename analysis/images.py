#!/usr/bin/python3
"""A grid of samples as images, below real ones for comparison."""
import argparse
import math

import numpy as np

import command
import ddpm_io
import style


def image_shape(text):
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r}: expected HEIGHTxWIDTH, as in 8x8")
    return int(parts[0]), int(parts[1])


def square(columns, path):
    side = math.isqrt(columns)
    if side * side != columns:
        raise ddpm_io.BadData(f"{path}: {columns} columns are not a square image; give --shape HEIGHTxWIDTH")
    return side, side


def tile(rows, shape, across, gap=1):
    """Images [N][height * width] as one picture; the gaps are NaN."""
    height, width = shape
    down = -(-len(rows) // across)
    picture = np.full((down * (height + gap) - gap, across * (width + gap) - gap), np.nan)
    for index, row in enumerate(rows):
        top, left = index // across * (height + gap), index % across * (width + gap)
        picture[top:top + height, left:left + width] = row.reshape(shape)
    return picture


def draw(blocks, shape, across, span):
    """blocks: list of (title, rows)."""
    pictures = [(title, tile(rows, shape, across)) for title, rows in blocks]
    width = style.TWO_COLUMNS * 0.75
    heights = [len(picture) / picture.shape[1] for _, picture in pictures]
    figure, grid = style.plt.subplots(len(blocks), 1, squeeze=False, height_ratios=heights,
                                      figsize=(width, sum(heights) * width + 0.3 * len(blocks)))
    colours = style.plt.get_cmap("gray_r").with_extremes(bad="#dbe9f4")
    for axes, (title, picture) in zip(grid.flat, pictures):
        axes.imshow(picture, cmap=colours, vmin=span[0], vmax=span[1], interpolation="nearest")
        axes.set_title(title)
        axes.axis("off")
    return figure


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("samples", help="file of `ddpm sample`")
    parser.add_picture()
    parser.add_argument("--data", metavar="FILE.h5[:dataset]", help="real images to put above; their range is then black to white")
    parser.add_argument("--shape", type=image_shape, metavar="HxW", help="of an image (default: square)")
    parser.add_argument("--across", type=command.positive, default=16, metavar="N", help="images in a row")
    parser.add_argument("--rows", type=command.positive, default=6, metavar="N", help="rows of samples")
    parser.add_argument("--data-rows", type=command.positive, default=2, metavar="N", help="rows of real images")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of real images")
    options = parser.parse_args()
    samples = ddpm_io.read_samples(options.samples).values
    shape = options.shape or square(samples.shape[1], options.samples)
    if shape[0] * shape[1] != samples.shape[1]:
        raise ddpm_io.BadData(f"{options.samples}: {samples.shape[1]} columns, but --shape {shape[0]}x{shape[1]}")
    blocks, span = [("samples", samples[:options.across * options.rows])], (samples.min(), samples.max())
    if options.data:
        data = ddpm_io.read_table(options.data).values
        if data.shape[1] != samples.shape[1]:
            raise ddpm_io.BadData(f"{options.data}: {data.shape[1]} columns, but the samples have {samples.shape[1]}")
        chosen = np.random.default_rng(options.seed).permutation(len(data))[:options.across * options.data_rows]
        blocks, span = [("data", data[chosen])] + blocks, (data.min(), data.max())
    style.save(draw(blocks, shape, options.across, span), options.output)


if __name__ == "__main__":
    command.run(main)
