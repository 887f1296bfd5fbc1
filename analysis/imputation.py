#!/usr/bin/python3
"""How well `ddpm sample --given` completes rows of a table that it has not seen, beside an imputer of scikit-learn.

Some rows are held out, and some of their entries are hidden, at random. A model is trained on the other rows. The
hidden entries are filled in by the mean of several draws, by the mean of the column, and by scikit-learn's
IterativeImputer; the errors are in units of the columns' standard deviation. The intervals that the draws span are
compared with the truth too.
"""
import os
import tempfile

import numpy as np

from ddpm_analysis import BadData, command_line, read_table, style
from ddpm_analysis.failures import optional
from ddpm_analysis.hdf5 import open_h5, write_rows
from ddpm_analysis.program import run_program

CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "configs", "breast_cancer.yaml")
COVERED = (0.8, 0.97)   # of the hidden entries are within the intervals, for --at-most
SHOWN = 300             # entries in the picture


def hide(rows, part, rng):
    """A copy of the rows with NaN in that part of their entries, and which these are."""
    hidden = rng.random(rows.shape) < part
    return np.where(hidden, np.float32(np.nan), rows), hidden


def complete(folder, train, given, columns, options):
    """Draws [M][N][D] of a model that is trained on `train`."""
    run, drawn = os.path.join(folder, "run"), os.path.join(folder, "draws.h5")
    train_path, given_path = os.path.join(folder, "train.h5"), os.path.join(folder, "given.h5")
    write_rows(train_path, train, columns)
    write_rows(given_path, given, columns)
    values = ["data.source=hdf5", f"data.path={train_path}", "data.dataset=data", *options.set]
    settings = [word for value in values for word in ("--set", value)]
    run_program("train", options.config, "--output", run, *settings, program=options.ddpm)
    resample = ["--resample", options.resample] if options.resample else []
    run_program("sample", run, "--given", given_path, "--draws", options.draws, "--output", drawn, *resample,
                program=options.ddpm)
    with open_h5(drawn) as file:
        return file["draws"][:]


def impute(train, given, rng, part):
    """The imputer's completions: fitted on complete rows as the model is, and on rows that lack as many entries as
    those to be completed."""
    optional("sklearn.experimental.enable_iterative_imputer")
    imputer = optional("sklearn.impute").IterativeImputer
    rows = {"IterativeImputer, of complete rows": train,
            "IterativeImputer, of incomplete rows": hide(train, part, rng)[0]}
    return {name: imputer(max_iter=100, random_state=0).fit(fitted).transform(given) for name, fitted in rows.items()}


def interval(draws, level):
    """The ends of the central interval, and its nominal coverage: the k-th least and the k-th largest of M draws hold
    another draw between them with probability (M + 1 - 2 k) / (M + 1)."""
    count = len(draws)
    k = max(1, round((count + 1) * (1 - level) / 2))
    ordered = np.sort(draws, axis=0)
    return ordered[k - 1], ordered[count - k], (count + 1 - 2 * k) / (count + 1)


def draw(truth, mean, low, high):
    figure = style.new_figure(style.ONE_COLUMN, style.ONE_COLUMN)
    axes = figure.subplots()
    shown = np.random.default_rng(0).permutation(len(truth))[:SHOWN]
    axes.errorbar(truth[shown], mean[shown], [(mean - low)[shown], (high - mean)[shown]], fmt="o", markersize=2.5,
                  elinewidth=0.5, color=style.COLOURS[0], ecolor=style.COLOURS[3], rasterized=True)
    ends = [truth[shown].min(), truth[shown].max()]
    axes.plot(ends, ends, color=style.COLOURS[2], linewidth=0.8)
    axes.set(xlabel="hidden value [deviations of its column]", ylabel="mean and interval of the draws")
    return figure


def parse():
    parser = command_line.Parser(__doc__.split("\n")[0])
    parser.add_argument("table", metavar="FILE.h5[:dataset]", help="complete rows")
    parser.add_argument("--config", default=CONFIG, metavar="FILE.yaml",
                        help="configuration of the model, whose data.path is set here "
                        "(default: configs/breast_cancer.yaml)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="a value over the configuration's; may be repeated")
    parser.add_argument("--held-out", type=command_line.share, default=0.2, metavar="P", help="part of the rows")
    parser.add_argument("--hidden", type=command_line.share, default=0.2, metavar="P", help="part of their entries")
    parser.add_argument("--draws", type=command_line.positive, default=20, metavar="M", help="completions of each row")
    parser.add_argument("--resample", type=command_line.positive, metavar="R",
                        help="option of `ddpm sample` (default: its own)")
    parser.add_argument("--level", type=command_line.share, default=0.9, metavar="P", help="level of the intervals")
    parser.add_argument("--seed", type=int, default=0, help="seed of the choice of rows and entries")
    parser.add_program()
    parser.add_picture(required=False)
    parser.add_argument("--at-most", type=float, metavar="R",
                        help="exit 1 when the error of the draws' mean is above R times the better imputer's, or above "
                        f"the column means', or the intervals hold less than {COVERED[0]} or more than {COVERED[1]} "
                        "of what is hidden")
    return parser.parse_args()


def report(error, nominal, covered):
    for name, value in error.items():
        print(f"{name:38}RMSE {value:.4f}")
    print(f"{'intervals of the draws':38}{nominal:.1%} nominal, {covered:.1%} of the hidden entries")


def fails(error, covered, at_most):
    best = min(value for name, value in error.items() if name.startswith("IterativeImputer"))
    good = error["mean of the draws"] <= min(at_most * best, error["column means"])
    return not (good and COVERED[0] <= covered <= COVERED[1])


def main():
    options = parse()
    table = read_table(options.table)
    rng = np.random.default_rng(options.seed)
    rows = table.values.astype(np.float32)[rng.permutation(len(table.values))]
    count = round(len(rows) * options.held_out)
    if not 1 <= count < len(rows) - 1:
        raise BadData(f"{options.table}: too few rows")
    truth, train = rows[:count], rows[count:]
    given, hidden = hide(truth, options.hidden, rng)
    mean, deviation = train.mean(axis=0), np.where(train.std(axis=0) > 0, train.std(axis=0), 1)

    def standard(x):
        return (x - mean) / deviation
    with tempfile.TemporaryDirectory() as folder:
        draws = complete(folder, train, given, table.columns, options)
    known = np.broadcast_to(truth[~hidden], (len(draws), np.count_nonzero(~hidden)))
    if draws[:, ~hidden].tobytes() != known.tobytes():
        raise BadData("given entries did not come back unchanged")

    filled = {"mean of the draws": standard(draws.mean(axis=0, dtype=np.float64)), "one draw": standard(draws[0]),
              "column means": np.zeros(truth.shape), **impute(standard(train), standard(given), rng, options.hidden)}
    error = {name: float(np.sqrt(np.mean((values - standard(truth))[hidden] ** 2))) for name, values in filled.items()}
    low, high, nominal = interval(draws, options.level)
    covered = float(np.mean(((low <= truth) & (truth <= high))[hidden]))
    print(f"{len(truth)} rows held out of {len(rows)}, {hidden.sum()} of {hidden.size} entries hidden, "
          f"{len(draws)} draws; the rest came back to the bit")
    report(error, nominal, covered)
    if options.output:
        shown = standard(truth), filled["mean of the draws"], standard(low), standard(high)
        style.save(draw(*(values[hidden] for values in shown)), options.output)
    return int(options.at_most is not None and fails(error, covered, options.at_most))


if __name__ == "__main__":
    command_line.run(main)
