#!/usr/bin/python3
"""Training and validation loss of one or several runs, from their metrics.csv. Runs that have no rows yet are named,
and left out."""
import sys

from ddpm_analysis import BadData, command_line, drawing, open_run, style
from ddpm_analysis.text_files import columns_of

UNITS = {"iteration": "iteration", "epoch": "epoch", "seconds": "training time / s"}


def draw(runs, against, share):
    """runs: list of (name, metrics)."""
    figure = style.new_figure(style.TWO_COLUMNS * 0.7, 3.0)
    axes = figure.subplots()
    measured = False
    for index, (name, metrics) in enumerate(runs):
        measured |= drawing.loss_curve(axes, metrics[against], metrics, share, index, name)
    if measured:
        axes.plot([], [], "o", color="0.3", markerfacecolor="white", markersize=4, label="validation (markers)")
    axes.set(xlabel=UNITS[against], ylabel="loss")
    if against == "iteration":
        axes.xaxis.get_major_locator().set_params(integer=True)
    drawing.loss_scale(axes)
    axes.legend()
    return figure


def read(folder, against):
    """(name, metrics) of a run folder."""
    run = open_run(folder)
    columns_of(run.metrics, (against, "loss", "validation_loss"), f"{folder}/metrics.csv")
    return run.name, run.metrics


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("runs", nargs="+", help="run folders")
    parser.add_picture()
    parser.add_argument("--against", choices=sorted(UNITS), default="iteration", help="horizontal axis")
    parser.add_argument("--smooth", type=float, default=0.05, metavar="SHARE",
                        help="window of the running mean, as a share of the rows")
    options = parser.parse_args()
    runs = [read(folder, options.against) for folder in options.runs]
    empty = [folder for folder, (_, metrics) in zip(options.runs, runs) if len(metrics) == 0]
    if len(empty) == len(runs):
        raise BadData(f"no rows yet in metrics.csv of {', '.join(empty)}; a run writes the first one after "
                      "run.report_every iterations")
    for folder in empty:
        print(f"loss.py: left out: {folder}/metrics.csv has no rows yet", file=sys.stderr)
    style.save(draw([run for run in runs if len(run[1])], options.against, options.smooth), options.output)


if __name__ == "__main__":
    command_line.run(main)
