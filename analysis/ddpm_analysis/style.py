"""The one look of all figures: sizes of a journal's columns; readable in grey, at half size and by the colour-blind.

Importing this module sets matplotlib's parameters.
"""
import os

import matplotlib
from matplotlib.figure import Figure

from .text_files import whole_file

ONE_COLUMN = 3.5   # inches
TWO_COLUMNS = 7.1

# Okabe and Ito's palette, ordered so that neighbours differ in lightness. Line styles and markers differ too, for
# prints in grey.
COLOURS = ("#0072B2", "#D55E00", "#000000", "#56B4E9", "#009E73", "#CC79A7", "#E69F00")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DATA, SAMPLES = "#222222", "#0072B2"

matplotlib.rcParams.update({
    "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9,
    "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 8, "legend.frameon": False,
    "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "lines.linewidth": 1.4,
    "axes.grid": True, "grid.color": "0.9", "grid.linewidth": 0.5, "axes.axisbelow": True,
    "figure.constrained_layout.use": True, "savefig.dpi": 200,
    "pdf.fonttype": 42, "svg.hashsalt": "ddpm",  # text stays text; the same input gives the same bytes
})


def new_figure(width, height):
    """A figure of so many inches. It belongs to no window: the same on a machine without a display."""
    return Figure(figsize=(width, height))


def line(index):
    """The colour and line style of the curve of this number."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": LINES[index % len(LINES)]}


def marker(index):
    return MARKERS[index % len(MARKERS)]


def save(figure, path):
    """Write .png, .pdf or .svg without dates: the same input gives the same file."""
    suffix = os.path.splitext(path)[1].lower()
    metadata = {".png": {"Software": None}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}[suffix]
    with whole_file(path) as temporary:
        figure.savefig(temporary, format=suffix[1:], metadata=metadata)
