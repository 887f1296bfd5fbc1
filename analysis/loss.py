#!/usr/bin/python3
"""Training and validation loss of one or several runs, from their metrics.csv."""
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
    axes.set(xlabel=UNITS[against], ylabel="loss (mean squared error)")
    drawing.loss_scale(axes)
    axes.legend()
    return figure


def read(folder, against):
    """(name, metrics) of a run folder that has rows to draw."""
    run = open_run(folder)
    columns_of(run.metrics, (against, "loss", "validation_loss"), f"{folder}/metrics.csv")
    if len(run.metrics) == 0:
        raise BadData(f"{folder}/metrics.csv: no rows yet")
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
    style.save(draw(runs, options.against, options.smooth), options.output)


if __name__ == "__main__":
    command_line.run(main)
