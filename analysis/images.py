#!/usr/bin/python3
"""A grid of samples as images, below real ones for comparison."""
import numpy as np

from ddpm_analysis import command_line, drawing, read_samples, read_table, style


def draw(blocks, shape, across, span):
    """blocks: list of (title, rows)."""
    pictures = [(title, drawing.tile(rows, shape, across)) for title, rows in blocks]
    width = style.TWO_COLUMNS * 0.75
    heights = [len(picture) / picture.shape[1] for _, picture in pictures]
    figure = style.new_figure(width, sum(heights) * width + 0.3 * len(blocks))
    grid = figure.subplots(len(blocks), 1, squeeze=False, height_ratios=heights)
    for axes, (title, picture) in zip(grid.flat, pictures):
        drawing.show_picture(axes, picture, span)
        axes.set_title(title)
        axes.axis("off")
    return figure


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("samples", help="file of `ddpm sample`")
    parser.add_picture()
    parser.add_argument("--data", metavar="FILE.h5[:dataset]",
                        help="real images to put above; their range is then white to black")
    parser.add_image_shape()
    parser.add_argument("--across", type=command_line.positive, default=16, metavar="N", help="images in a row")
    parser.add_argument("--rows", type=command_line.positive, default=6, metavar="N", help="rows of samples")
    parser.add_argument("--data-rows", type=command_line.positive, default=2, metavar="N", help="rows of real images")
    parser.add_argument("--seed", type=int, default=0, help="seed of the choice of real images")
    options = parser.parse_args()
    data = read_table(options.data) if options.data else None
    samples = read_samples(options.samples, like=data).values
    shape = drawing.image_shape(options.shape, samples.shape[1], options.samples)
    blocks, span = [("samples", samples[:options.across * options.rows])], (samples.min(), samples.max())
    if data:
        chosen = np.random.default_rng(options.seed).permutation(len(data.values))[:options.across * options.data_rows]
        blocks, span = [("data", data.values[chosen]), *blocks], (data.values.min(), data.values.max())
    style.save(draw(blocks, shape, options.across, span), options.output)


if __name__ == "__main__":
    command_line.run(main)
