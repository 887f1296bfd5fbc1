#!/usr/bin/python3
"""Loss curves of a sweep, a curve for each value of one axis: the mean over its other points (seeds), in a band from the least to the greatest."""
import numpy as np

import command
import ddpm_io
import style
import sweep
from loss import smooth


def curves_of(table, by, column, share):
    """[(value of the axis, iterations [n], curves [points][n])]; runs of one value must have the same iterations."""
    groups = table.column(by)
    for group in sweep.distinct(groups):
        rows = np.flatnonzero(groups == group)
        metrics = [table.run(row).metrics for row in rows]
        ddpm_io.columns_of(metrics[0], (column,), table.folder)
        kept = [m[np.isfinite(m[column])] for m in metrics]
        if len(kept[0]) == 0 or any(not np.array_equal(m["iteration"], kept[0]["iteration"]) for m in kept):
            raise ddpm_io.BadData(f"{table.folder}: the runs of {by} = {group} have no {column} at the same iterations")
        window = max(1, int(share * len(kept[0])))
        yield group, kept[0]["iteration"], np.array([smooth(m[column], window) for m in kept])


def draw(table, options):
    figure, axes = style.plt.subplots(figsize=(style.TWO_COLUMNS * 0.7, 3.0))
    for index, (group, iterations, curves) in enumerate(curves_of(table, options.by, options.column, options.smooth)):
        look = style.line(index)
        count = f" ({len(curves)} runs)" if len(curves) > 1 else ""
        axes.plot(iterations, curves.mean(axis=0), label=f"{sweep.text(group)}{count}", **look)
        axes.fill_between(iterations, curves.min(axis=0), curves.max(axis=0), color=look["color"], alpha=0.2, linewidth=0)
    axes.set(xlabel="iteration", ylabel=sweep.label(options.column))
    low, high = axes.dataLim.intervaly
    if low > 0:
        style.log_axis(axes.yaxis, low, high)
    axes.legend(title=sweep.label(options.by))
    return figure


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("table", help="table.h5 of jobs/sweep.py gather")
    parser.add_picture()
    parser.add_argument("--by", required=True, metavar="AXIS", help="a curve for each value of this")
    parser.add_argument("--column", default="loss", help="of metrics.csv")
    parser.add_argument("--smooth", type=float, default=0.1, metavar="SHARE", help="window of the running mean, as a share of the rows")
    options = parser.parse_args()
    style.save(draw(ddpm_io.read_sweep(options.table), options), options.output)


if __name__ == "__main__":
    command.run(main)
