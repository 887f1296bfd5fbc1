#!/usr/bin/python3
"""Time and efficiency of a training step against the number of ranks: as `ddpm bench --json` predicts them, and as they
were measured."""
import argparse

import numpy as np

from ddpm_analysis import BadData, command_line, drawing, open_run, read_csv, read_json, style
from ddpm_analysis.text_files import columns_of, stem

PARTS = (("blocks", "blocks of rows"), ("once", "once a step"), ("sum", "sum over ranks"))


def read_prediction(path):
    """A dictionary of arrays over the predicted numbers of ranks: ranks, seconds, efficiency and the parts."""
    found = read_json(path)
    try:
        prediction = found["prediction"]
        points = {key: np.array([point[key] for point in prediction["points"]], float)
                  for key in ("ranks", "seconds", "blocks", "once", "sum", "efficiency")}
    except (ValueError, KeyError, TypeError) as error:
        raise BadData(f"{path}: not the JSON of `ddpm bench` with its part 'prediction' ({error})") from None
    return points


def rank_and_run(text):
    """"RANKS=RUN": a number and a run folder."""
    ranks, _, folder = text.partition("=")
    if not ranks.isdecimal() or int(ranks) < 1 or not folder:
        raise argparse.ArgumentTypeError(f"{text!r}: expected RANKS=RUN, a number of ranks and a run folder")
    return int(ranks), folder


def measured_run(folder):
    """Seconds of a step: the median over the rows of metrics.csv but the first, which includes the start."""
    run = open_run(folder)
    rates, = columns_of(run.metrics, ("rows_per_second",), f"{folder}/metrics.csv")
    if len(rates) < 2:
        raise BadData(f"{folder}/metrics.csv: expected two rows or more")
    return run.config["training"]["batch"] / np.median(rates[1:])


def measured_points(runs, table):
    """[n][2]: ranks and seconds, in the order of the ranks."""
    points = [(ranks, measured_run(folder)) for ranks, folder in runs]
    if table:
        points += zip(*columns_of(read_csv(table), ("ranks", "seconds"), table))
    return np.array(sorted(points), float).reshape(-1, 2)


def draw_parts(axes, points):
    for index, (key, label) in enumerate(PARTS, 1):
        axes.plot(points["ranks"], np.where(points[key] > 0, 1e3 * points[key], np.nan), label=label, linewidth=0.9,
                  **style.line(index))


def draw(predictions, measured):
    """predictions: list of (name, points). The parts of a step are drawn where there is one prediction."""
    figure = style.new_figure(style.TWO_COLUMNS, 2.8)
    time, efficiency = figure.subplots(1, 2, sharex=True)
    for index, (name, points) in enumerate(predictions):
        label = "a step" if len(predictions) == 1 else name
        time.plot(points["ranks"], 1e3 * points["seconds"], label=label, **style.line(index))
        efficiency.plot(points["ranks"], points["efficiency"], label=label, **style.line(index))
    if len(predictions) == 1:
        draw_parts(time, predictions[0][1])
    if len(measured):
        one = predictions[0][1]["seconds"][0]
        look = {"linestyle": "none", "marker": "o", "markersize": 4, "color": "black", "markerfacecolor": "white",
                "zorder": 4}
        time.plot(measured[:, 0], 1e3 * measured[:, 1], label="measured", **look)
        efficiency.plot(measured[:, 0], one / (measured[:, 0] * measured[:, 1]), **look)
    time.set(xscale="log", yscale="log", xlabel="ranks", title="time of a training step / ms")
    drawing.log_axis(time.yaxis, *time.dataLim.intervaly)
    efficiency.set(xlabel="ranks", title="efficiency against one rank", ylim=(0, 1.05))
    time.legend()
    if len(predictions) > 1:
        efficiency.legend()
    return figure


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("predictions", nargs="+",
                        help="files of `ddpm bench --json`, named in the legend without their suffix")
    parser.add_picture()
    parser.add_argument("--measured", action="append", default=[], type=rank_and_run, metavar="RANKS=RUN",
                        help="a run on that many ranks; may be repeated")
    parser.add_argument("--table", metavar="FILE.csv", help="measured points: columns ranks and seconds (of a step)")
    options = parser.parse_args()
    predictions = [(stem(path), read_prediction(path)) for path in options.predictions]
    style.save(draw(predictions, measured_points(options.measured, options.table)), options.output)


if __name__ == "__main__":
    command_line.run(main)
