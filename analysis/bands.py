#!/usr/bin/python3
"""Loss curves of a sweep, one for each value of an axis: the mean over the axis's other points (seeds), in a band from
the least to the greatest."""
import numpy as np

from ddpm_analysis import BadData, command_line, drawing, read_sweep, style, sweeps
from ddpm_analysis.text_files import columns_of


def curves_of(table, by, column, share):
    """(value of the axis, iterations [n], curves [points][n]) for each value; the runs of a value must have the same
    iterations."""
    groups = table.column(by)
    for group in sweeps.distinct(groups):
        metrics = [table.run(row).metrics for row in np.flatnonzero(groups == group)]
        columns_of(metrics[0], (column,), table.folder)
        kept = [m[np.isfinite(m[column])] for m in metrics]
        if len(kept[0]) == 0 or any(not np.array_equal(m["iteration"], kept[0]["iteration"]) for m in kept):
            raise BadData(f"{table.folder}: the runs of {by} = {group} have no {column} at the same iterations")
        window = max(1, int(share * len(kept[0])))
        yield group, kept[0]["iteration"], np.array([drawing.running_mean(m[column], window) for m in kept])


def draw(table, options):
    figure = style.new_figure(style.TWO_COLUMNS * 0.7, 3.0)
    axes = figure.subplots()
    found = curves_of(table, options.by, options.column, options.smooth)
    for index, (group, iterations, curves) in enumerate(found):
        count = f" ({len(curves)} runs)" if len(curves) > 1 else ""
        drawing.mean_and_band(axes, iterations, curves.min(axis=0), curves.mean(axis=0), curves.max(axis=0), index,
                              label=f"{sweeps.text_of(group)}{count}")
    axes.set(xlabel="iteration", ylabel=sweeps.title_of(options.column))
    low, high = axes.dataLim.intervaly
    if low > 0:
        drawing.log_axis(axes.yaxis, low, high)
    axes.legend(title=sweeps.title_of(options.by))
    return figure


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("table", help="table.h5 of jobs/sweep.py gather")
    parser.add_picture()
    parser.add_argument("--by", required=True, metavar="AXIS", help="draw a curve for each value of this axis")
    parser.add_argument("--column", default="loss", help="column of metrics.csv")
    parser.add_argument("--smooth", type=float, default=0.1, metavar="SHARE",
                        help="window of the running mean, as a share of the rows")
    options = parser.parse_args()
    style.save(draw(read_sweep(options.table), options), options.output)


if __name__ == "__main__":
    command_line.run(main)
