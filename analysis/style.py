"""The one look of all figures: sizes for a journal's columns, readable in grey, at half size and by the colour-blind."""
import os

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (after the choice of backend)

import command  # noqa: E402

ONE_COLUMN = 3.5   # inches
TWO_COLUMNS = 7.1
PNG_DPI = 200

# Okabe and Ito's palette, ordered so that neighbours differ in lightness; line style and marker differ too, for print in grey.
COLOURS = ("#0072B2", "#D55E00", "#000000", "#56B4E9", "#009E73", "#CC79A7", "#E69F00")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DATA, SAMPLES = "#222222", "#0072B2"

plt.rcParams.update({
    "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9,
    "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 8, "legend.frameon": False,
    "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "lines.linewidth": 1.4,
    "axes.grid": True, "grid.color": "0.9", "grid.linewidth": 0.5, "axes.axisbelow": True,
    "figure.constrained_layout.use": True, "savefig.dpi": PNG_DPI,
    "pdf.fonttype": 42, "svg.hashsalt": "ddpm",  # text stays text; the same input gives the same bytes
})


def line(index):
    """Colour and line style of the index-th curve."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": LINES[index % len(LINES)]}


def marker(index):
    return MARKERS[index % len(MARKERS)]


def scatter(axes, x, y, colour, size=None):
    """Many small points: fainter the more there are, drawn as an image inside vector files."""
    count = len(x)
    axes.scatter(x, y, s=size or (2.5 if count > 2000 else 5), c=colour, alpha=min(1.0, max(0.25, 1500 / max(count, 1))),
                 linewidths=0, rasterized=True)


def nice_step(step):
    """The number of the form 1, 2 or 5 times a power of ten that is nearest in ratio."""
    power = 10.0 ** np.floor(np.log10(step))
    return min((power * digit for digit in (1, 2, 5, 10)), key=lambda nice: abs(np.log(nice / step)))


def equal_axes(axes, box, bins):
    """The same units and the same ticks both ways over box = (left, right, bottom, top), labels at the outside only."""
    axes.set(xlim=box[:2], ylim=box[2:])
    axes.set_aspect("equal")
    step = nice_step(max(box[1] - box[0], box[3] - box[2]) / bins)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(matplotlib.ticker.MultipleLocator(step))
    axes.label_outer()


def log_axis(axis, low, high):
    """A logarithmic axis with plain numbers, and enough of them on a short range."""
    decades = np.log10(high / low)
    subs = (1, 2, 3, 4, 6, 8) if decades < 1 else (1, 2, 5) if decades < 2 else (1,)
    axis.axes.set_yscale("log")
    axis.set_major_locator(matplotlib.ticker.LogLocator(subs=subs))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def save(figure, path):
    """Write .png, .pdf or .svg without dates, so that the same input gives the same file."""
    suffix = os.path.splitext(path)[1].lower()
    metadata = {".png": {"Software": None}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}[suffix]
    with command.whole_file(path) as temporary:
        figure.savefig(temporary, format=suffix[1:], metadata=metadata)
    plt.close(figure)
