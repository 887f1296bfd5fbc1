#!/usr/bin/python3
"""Time and efficiency of a training step against the number of ranks, as `ddpm bench --json` predicts them, and as they were measured."""
import argparse
import json
import os

import numpy as np

import command
import ddpm_io
import style

PARTS = (("blocks", "blocks of rows"), ("once", "once a step"), ("sum", "sum over ranks"))


def read_prediction(path):
    """A dictionary of arrays over the predicted numbers of ranks: ranks, seconds, efficiency and the parts."""
    try:
        found = json.loads(ddpm_io.read_text(path))
        prediction = found["prediction"]
        points = {key: np.array([point[key] for point in prediction["points"]], float)
                  for key in ("ranks", "seconds", "blocks", "sum", "efficiency")}
        points["once"] = np.full(len(points["ranks"]), prediction["once_seconds"], float)
    except (ValueError, KeyError, TypeError) as error:
        raise ddpm_io.BadData(f"{path}: not the JSON of `ddpm bench` with its part 'prediction' ({error})")
    return points


def rank_and_run(text):
    """"RANKS=RUN": a number and a run folder."""
    ranks, _, folder = text.partition("=")
    if not ranks.isdecimal() or int(ranks) < 1 or not folder:
        raise argparse.ArgumentTypeError(f"{text!r}: expected RANKS=RUN, a number of ranks and a run folder")
    return int(ranks), folder


def measured_run(folder):
    """Seconds of a step, the median over the rows of metrics.csv but the first, which has the start in it."""
    run = ddpm_io.open_run(folder)
    rates, = ddpm_io.columns_of(run.metrics, ("rows_per_second",), f"{folder}/metrics.csv")
    if len(rates) < 2:
        raise ddpm_io.BadData(f"{folder}/metrics.csv: expected two rows or more")
    return run.config["training"]["batch"] / np.median(rates[1:])


def measured_points(runs, table):
    """[n][2] ranks and seconds, in order."""
    points = [(ranks, measured_run(folder)) for ranks, folder in runs]
    if table:
        points += zip(*ddpm_io.columns_of(ddpm_io.read_csv(table), ("ranks", "seconds"), table))
    return np.array(sorted(points), float).reshape(-1, 2)


def draw(predictions, measured):
    """predictions: list of (name, points). The parts are drawn where there is one prediction."""
    figure, (time, efficiency) = style.plt.subplots(1, 2, figsize=(style.TWO_COLUMNS, 2.8), sharex=True)
    for index, (name, points) in enumerate(predictions):
        label = "a step" if len(predictions) == 1 else name
        time.plot(points["ranks"], 1e3 * points["seconds"], label=label, **style.line(index))
        efficiency.plot(points["ranks"], points["efficiency"], label=label, **style.line(index))
    if len(predictions) == 1:
        points = predictions[0][1]
        for index, (key, label) in enumerate(PARTS, 1):
            time.plot(points["ranks"], np.where(points[key] > 0, 1e3 * points[key], np.nan), label=label, linewidth=0.9, **style.line(index))
    if len(measured):
        one = predictions[0][1]["seconds"][0]
        look = {"linestyle": "none", "marker": "o", "markersize": 4, "color": "black", "markerfacecolor": "white", "zorder": 4}
        time.plot(measured[:, 0], 1e3 * measured[:, 1], label="measured", **look)
        efficiency.plot(measured[:, 0], one / (measured[:, 0] * measured[:, 1]), **look)
    time.set(xscale="log", yscale="log", xlabel="ranks", title="time of a training step / ms")
    efficiency.set(xlabel="ranks", title="efficiency against one rank", ylim=(0, 1.05))
    time.legend()
    if len(predictions) > 1:
        efficiency.legend()
    return figure


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("predictions", nargs="+", help="files of `ddpm bench --json`, named in the legend without their suffix")
    parser.add_picture()
    parser.add_argument("--measured", action="append", default=[], type=rank_and_run, metavar="RANKS=RUN", help="a run on that many ranks (repeatable)")
    parser.add_argument("--table", metavar="FILE.csv", help="measured points: columns ranks and seconds (of a step)")
    options = parser.parse_args()
    predictions = [(os.path.splitext(os.path.basename(path))[0], read_prediction(path)) for path in options.predictions]
    style.save(draw(predictions, measured_points(options.measured, options.table)), options.output)


if __name__ == "__main__":
    command.run(main)
