"""What several figures draw: points in shared axes, images in a grid, curves with bands, logarithmic axes."""
import math

import matplotlib
import numpy as np
from matplotlib.ticker import LogLocator, MultipleLocator, NullFormatter

from . import style
from .failures import BadData
from .hdf5 import axis_name, short

POINTS = 5000       # at most so many are drawn, unless the user wants another number
GAPS = "#dbe9f4"    # the colour between images
FEW_STEPS = 10      # of a schedule, whose points are marked


def evenly(count, wanted):
    """The indices of `wanted` out of `count`, evenly spread, with both ends."""
    return np.unique(np.linspace(0, count - 1, min(wanted, count)).round().astype(int))


# ---- points of two columns

def column_pair(pair, columns, source):
    """The two columns to draw: those of the user, else two that show a toy set. In three dimensions the Swiss roll and
    the S-curve lie in the first and the last."""
    if pair is None:
        return (0, 2) if columns == 3 else (0, min(1, columns - 1))
    if max(pair) >= columns:
        raise BadData(f"{source}: --columns {pair[0]},{pair[1]}: it has {columns} columns, counted from 0")
    return pair


def limits(x, margin=0.04):
    """The ends of an axis that holds every point."""
    low, high = float(x.min()), float(x.max())
    pad = margin * ((high - low) or 1.0)
    return low - pad, high + pad


def box_of(x, y):
    """(left, right, bottom, top) that holds every point."""
    return limits(x) + limits(y)


def limits_near(x):
    """The ends of an axis that holds every point, but where a few are so far that the others would be a dot: those
    have two widths of all but the outermost hundredth on either side."""
    low, high = limits(x)
    near = np.quantile(x, [0.01, 0.99])
    width = near[1] - near[0]
    return (low, high) if high - low <= 6 * width or width == 0 else (max(low, near[0] - width / 2),
                                                                      min(high, near[1] + width / 2))


def count_outside(values, pair, box):
    """How many points of [N][D] a panel with this box does not show."""
    x, y = values[:, pair[0]], values[:, pair[1]]
    return int(np.sum((x < box[0]) | (x > box[1]) | (y < box[2]) | (y > box[3])))


def title_of_cloud(title, values, pair, box, lines=1):
    """A panel's title, in one line or two: of what, how many points, and how many of them lie outside."""
    outside = count_outside(values, pair, box)
    counts = f"{len(values):,} points" + f", {outside:,} outside" * bool(outside)
    return f"{short(title, 24)}\n{counts}" if lines > 1 else f"{title} ({counts})"


def has_equal_units(box):
    """Whether a panel may show both columns in one scale: one of them would be a line where their spans differ much."""
    return 0.2 < (box[3] - box[2]) / (box[1] - box[0]) < 5


def height_to_width(box):
    """The shape of a panel, within what fits a page."""
    return min(2.0, max(0.5, (box[3] - box[2]) / (box[1] - box[0]))) if has_equal_units(box) else 0.8


def panels(count, box, width, across):
    """A figure of `count` panels that all show the box, `across` in a row; (figure, the panels' axes)."""
    down = -(-count // across)
    height = 0.48 + down * (0.22 + height_to_width(box) * (width - 0.55) / across)
    figure = style.new_figure(width, height)
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).flat
    for unused in grid[count:]:
        unused.set_visible(False)
    return figure, grid[:count]


def points(axes, x, y, colour, size=None):
    """Many small points: fainter the more there are, and drawn as an image inside vector files."""
    count = len(x)
    axes.scatter(x, y, s=size or (2.5 if count > 2000 else 5), c=colour, linewidths=0, rasterized=True,
                 alpha=min(1.0, max(0.25, 1500 / max(count, 1))))


def cloud(axes, values, pair, box, colour, bins, size=None):
    """The points of two columns of [N][D] in a panel, or the distribution of one."""
    if pair[0] == pair[1]:
        axes.hist(values[:, pair[0]], np.linspace(*box[:2], 61), density=True, color=colour)
        axes.set(xlim=box[:2], yticks=[])
        axes.label_outer()
        return
    points(axes, values[:, pair[0]], values[:, pair[1]], colour, size)
    equal_axes(axes, box, bins)


def pair_names(columns, pair):
    """What stands below and beside a cloud."""
    return axis_name(columns, pair[0]), "density" if pair[0] == pair[1] else axis_name(columns, pair[1])


def scatter_panel(table, pair, box, colour, width):
    """A figure of two columns of a table, in the units of the box both ways."""
    figure, (axes,) = panels(1, box, width, across=1)
    cloud(axes, table.values, pair, box, colour, bins=5)
    axes.set(xlabel=table.axis_name(pair[0]), ylabel=table.axis_name(pair[1]))
    return figure


def bin_edges(data, samples, bins=40):
    """The edges of bins over what both hold, but for the outermost thousandth on either side."""
    low_and_high = np.quantile(np.concatenate([data, samples]), [0.001, 0.999])
    return np.linspace(*limits(low_and_high), bins + 1)


def marginal(axes, data, samples, edges):
    """The distributions of one column: data filled, samples outlined."""
    axes.hist(data, edges, density=True, color="0.75")
    axes.hist(samples, edges, density=True, histtype="step", color=style.SAMPLES, linewidth=1.2)
    axes.set_yticks([])
    axes.set_xlim(edges[0], edges[-1])


def nice_step(step):
    """1, 2 or 5 times a power of ten: the nearest in ratio."""
    power = 10.0 ** math.floor(math.log10(step))
    return min((power * digit for digit in (1, 2, 5, 10)), key=lambda nice: abs(math.log(nice / step)))


def equal_axes(axes, box, bins):
    """Show the box with the same units and the same ticks both ways where the spans allow it, and labels at the
    figure's outside only."""
    axes.set(xlim=box[:2], ylim=box[2:])
    spans = np.array([box[1] - box[0], box[3] - box[2]])
    if has_equal_units(box):
        axes.set_aspect("equal")
        spans[:] = spans.max()
    for axis, span in zip((axes.xaxis, axes.yaxis), spans):
        axis.set_major_locator(MultipleLocator(nice_step(span / bins)))
    axes.label_outer()


# ---- images

def image_shape(shape, columns, source):
    """(height, width) of an image of so many columns: the user's, else a square."""
    if shape is None:
        side = math.isqrt(columns)
        if side * side != columns:
            raise BadData(f"{source}: {columns} columns are not a square image; give --shape HEIGHTxWIDTH")
        return side, side
    if shape[0] * shape[1] != columns:
        raise BadData(f"{source}: {columns} columns, but --shape {shape[0]}x{shape[1]}")
    return shape


def tile(rows, shape, across, gap=1):
    """Images [N][height * width] as one picture; the gaps between them are NaN."""
    height, width = shape
    down = -(-len(rows) // across)
    picture = np.full((down * (height + gap) - gap, across * (width + gap) - gap), np.nan)
    for index, row in enumerate(rows):
        top, left = index // across * (height + gap), index % across * (width + gap)
        picture[top:top + height, left:left + width] = row.reshape(shape)
    return picture


def show_picture(axes, picture, span):
    """A picture of `tile`; `span` are the values that are white and black."""
    colours = matplotlib.colormaps["gray_r"].with_extremes(bad=GAPS)
    axes.imshow(picture, cmap=colours, vmin=span[0], vmax=span[1], interpolation="nearest")


# ---- curves

def running_mean(values, window):
    """A centred mean; the window shrinks towards both ends, so that nothing is shifted or invented."""
    half = window // 2
    total = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    reach = np.minimum(half, np.minimum(index, len(values) - 1 - index))
    return (total[index + reach + 1] - total[index - reach]) / (2 * reach + 1)


def loss_curve(axes, x, metrics, share, index, label=None):
    """Training loss of a run (faint, and its running mean over this share of the rows), and its held-out loss as
    markers; whether there is any."""
    look, loss = style.line(index), metrics["loss"]
    axes.plot(x, loss, color=look["color"], linewidth=0.5, alpha=0.35)
    one = {"marker": "_", "markersize": 8} if len(loss) == 1 else {}  # a line of one point is nothing
    axes.plot(x, running_mean(loss, max(1, int(share * len(loss)))), label=label, **look, **one)
    valid = np.isfinite(metrics["validation_loss"])
    axes.plot(x[valid], metrics["validation_loss"][valid], style.marker(index), markersize=4, color=look["color"],
              markerfacecolor="white", markeredgewidth=0.9, markevery=max(1, int(valid.sum()) // 20), zorder=3)
    return valid.any()


def loss_scale(axes):
    """A logarithmic axis where the losses allow it, and span enough for it to have several labels."""
    low, high = axes.dataLim.intervaly
    if low > 0 and high > 2 * low:
        log_axis(axes.yaxis, low, high)


def schedule_curve(axes, tables, column, logarithmic, labels):
    """A column of schedules over t, or over t / T where their lengths differ."""
    step, divisors = step_axis([len(table) for table in tables])
    for index, (table, divisor, label) in enumerate(zip(tables, divisors, labels)):
        y = np.where(table[column] > 0, table[column], np.nan) if logarithmic else table[column]
        marker = "o" if len(table) <= FEW_STEPS else None
        axes.plot(table["step"] / divisor, y, label=label, marker=marker, markersize=3, **style.line(index))
    axes.set(xlabel=step, yscale="log" if logarithmic else "linear")
    axes.set_xlim(0, 1.05 * max(len(table) / divisor for table, divisor in zip(tables, divisors)))


def mean_and_band(axes, x, low, mean, high, index, **more):
    """A curve in a band from the least to the greatest of what it is the mean of; `more` goes to the curve."""
    look = style.line(index)
    axes.plot(x, mean, **look, **more)
    if (high > low).any():
        axes.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)


def step_axis(counts):
    """(label, divisors): the diffusion step t, or t / T where schedules of different lengths share an axis."""
    if len(set(counts)) == 1:
        return "step $t$", [1] * len(counts)
    return "$t/T$", counts


def log_axis(axis, low, high):
    """A logarithmic axis with plain numbers, and enough of them on a short range."""
    decades = np.log10(high / low)
    subs = (1, 2, 3, 4, 6, 8) if decades < 1 else (1, 2, 5) if decades < 2 else (1,)
    axis.axes.set_yscale("log")
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
