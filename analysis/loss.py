#!/usr/bin/python3
"""Training and validation loss of one or several runs, from their metrics.csv."""
import numpy as np

import command
import ddpm_io
import style

UNITS = {"iteration": "iteration", "epoch": "epoch", "seconds": "training time / s"}


def smooth(values, window):
    """Centred running mean; the window shrinks at both ends so that nothing is shifted or invented."""
    half = window // 2
    total = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    reach = np.minimum(half, np.minimum(index, len(values) - 1 - index))
    return (total[index + reach + 1] - total[index - reach]) / (2 * reach + 1)


def draw(runs, against, share):
    """runs: list of (name, metrics)."""
    figure, axes = style.plt.subplots(figsize=(style.TWO_COLUMNS * 0.7, 3.0))
    measured = False
    for index, (name, metrics) in enumerate(runs):
        x, loss = metrics[against], metrics["loss"]
        look = style.line(index)
        axes.plot(x, loss, color=look["color"], linewidth=0.5, alpha=0.35)
        axes.plot(x, smooth(loss, max(1, int(share * len(loss)))), label=name, **look)
        valid = np.isfinite(metrics["validation_loss"])
        if valid.any():
            measured = True
            axes.plot(x[valid], metrics["validation_loss"][valid], style.marker(index), markersize=4, color=look["color"],
                      markerfacecolor="white", markeredgewidth=0.9, markevery=max(1, int(valid.sum()) // 20), zorder=3)
    if measured:
        axes.plot([], [], "o", color="0.3", markerfacecolor="white", markersize=4, label="validation (markers)")
    axes.set(xlabel=UNITS[against], ylabel="loss (mean squared error)")
    style.log_axis(axes.yaxis, *axes.dataLim.intervaly)
    axes.legend()
    return figure


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("runs", nargs="+", help="run folders")
    parser.add_picture()
    parser.add_argument("--against", choices=sorted(UNITS), default="iteration", help="horizontal axis")
    parser.add_argument("--smooth", type=float, default=0.05, metavar="SHARE", help="window of the running mean, as a share of the rows")
    options = parser.parse_args()
    runs = []
    for folder in options.runs:
        run = ddpm_io.open_run(folder)
        ddpm_io.columns_of(run.metrics, (options.against, "loss", "validation_loss"), f"{folder}/metrics.csv")
        if len(run.metrics) == 0:
            raise ddpm_io.BadData(f"{folder}/metrics.csv: no rows yet")
        runs.append((run.name, run.metrics))
    style.save(draw(runs, options.against, options.smooth), options.output)


if __name__ == "__main__":
    command.run(main)
