"""Figures of samples of a table beside its rows: marginals of numbers and categories, with gaps, and how much each pair
of columns differs."""
import matplotlib.dates
import numpy as np

from . import drawing, style
from .failures import optional
from .frames import EPOCH, date_numbers, is_dates
from .hdf5 import short

MOST_NAMES = 8        # of a category, that are drawn; the others are one bar
LONGEST = 16          # letters of a name
MOST_LABELS = 30      # columns of the map of pairs that are labelled
OTHERS, GAP = "(others)", "(gap)"


def numbers_of(column):
    """A column of numbers or dates as floats, NaN for gaps; None for a category. Dates are matplotlib's."""
    if is_dates(column):
        return date_numbers(column) / 86400 - matplotlib.dates.date2num(EPOCH)
    if optional("pandas").api.types.is_numeric_dtype(column):
        return column.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    return None


def shares_of(column, names):
    """The share of each of the names, the last two being all others and gaps."""
    texts = column.astype(object).where(column.notna(), GAP).astype(str)
    found = texts.value_counts(normalize=True)
    known = found.reindex(names[:-2], fill_value=0)
    gap = float(found.get(GAP, 0))
    return np.array([*known, max(0.0, 1 - known.sum() - gap), gap])


def bars(axes, places, data, samples, horizontal):
    """Shares of data filled, of samples outlined."""
    draw = axes.barh if horizontal else axes.bar
    draw(places, data, 0.8, color="0.75")
    draw(places, samples, 0.8, fill=False, edgecolor=style.SAMPLES, linewidth=1.2)


def draw_category(page, data, samples, name):
    counts = data.astype(object).where(data.notna(), GAP).astype(str).value_counts()
    names = [text for text in counts.index if text != GAP][:MOST_NAMES] + [OTHERS, GAP]
    shares = [shares_of(column, names) for column in (data, samples)]
    kept = [k for k in range(len(names)) if k < len(names) - 2 or max(shares[0][k], shares[1][k]) > 1e-9]

    def draw(axes):
        bars(axes, np.arange(len(kept)), shares[0][kept], shares[1][kept], True)
        axes.set_yticks(np.arange(len(kept)), [short(names[k], LONGEST) for k in kept])
        axes.invert_yaxis()
        axes.set_xlabel(f"{short(name, 30)}, share")
        axes.grid(False, axis="y")
    return page.figures.axes(draw, f"Shares of {name}, data and samples", 3.2, 0.7 + 0.17 * max(6, len(kept)))


def draw_number(page, data, samples, name):
    x, y = numbers_of(data), numbers_of(samples)
    gaps = np.isnan(x).mean(), np.isnan(y).mean()
    figure = style.new_figure(3.2, 1.7)
    grid = {"width_ratios": (7, 1)} if max(gaps) > 0 else None
    axes = np.atleast_1d(figure.subplots(1, 2 if grid else 1, gridspec_kw=grid))
    x, y = x[~np.isnan(x)], y[~np.isnan(y)]
    if len(x) and len(y):
        drawing.marginal(axes[0], x, y, drawing.bin_edges(x, y))
    axes[0].set_xlabel(short(name, 30))
    axes[0].locator_params(axis="x", nbins=4 if grid else 5)
    if is_dates(data):
        axes[0].xaxis_date()
        axes[0].xaxis.set_major_formatter(matplotlib.dates.ConciseDateFormatter(axes[0].xaxis.get_major_locator()))
    if grid:
        bars(axes[1], [0], [100 * gaps[0]], [100 * gaps[1]], False)
        axes[1].set(xlabel="gaps, %", xticks=[], ylim=(0, 125 * max(gaps)), xlim=(-0.7, 0.7))
        axes[1].yaxis.tick_right()
        axes[1].locator_params(axis="y", nbins=4)
    return page.figures.add(figure, f"Distribution of {name}, data and samples, with gaps")


def draw_marginal(page, data, samples, name):
    draw = draw_category if numbers_of(data) is None else draw_number
    return draw(page, data, samples, name)


def draw_pairs(page, names, trend):
    """A map of 1 - Trend of each pair of columns: of samples below the diagonal, of other real rows above."""
    count = len(names)
    first, second = np.triu_indices(count, 1)
    apart = np.full((count, count), np.nan)
    apart[second, first] = [np.nan if value is None else 1 - value for value in trend["by_pair"]]
    apart[first, second] = [np.nan if value is None else 1 - value for value in trend["oracle_by_pair"]]
    side = min(6.5, 2.2 + 0.24 * count)

    def draw(axes):
        drawn = axes.imshow(apart, cmap="Greys", vmin=0, vmax=max(0.05, np.nanmax(apart)))
        axes.figure.colorbar(drawn, ax=axes, shrink=0.8, label="1 - Trend")
        axes.grid(False)
        axes.plot([-0.5, count - 0.5], [-0.5, count - 0.5], color=style.SAMPLES, linewidth=1)
        axes.set_title("below: samples; above: real rows")
        labels = [short(name, LONGEST) for name in names] if count <= MOST_LABELS else []
        axes.set_xticks(range(len(labels)), labels, rotation=90)
        axes.set_yticks(range(len(labels)), labels)
    return page.figures.axes(draw, "How much pairs of columns differ, of samples and of real rows", side + 0.6, side)


def least_alike(measure):
    """What the page says of the worst columns, or pairs of them."""
    return "; ".join(f"{' and '.join(item['names'])} ({item['samples']:.3f}, of real rows {item['oracle']:.3f})"
                     for item in measure["worst"][:5])
