#!/usr/bin/python3
"""How well `ddpm sample --given` completes rows of a table that it has not seen, beside scikit-learn's IterativeImputer.

Some rows are held out, and some of their entries are hidden, at random. A model is trained on the other rows; the hidden entries are filled in by the mean of
several draws, by the mean of the column, and by the imputer, and their error is compared in units of the columns' deviation. The intervals that the draws
span are compared with the truth too.
"""
import os
import subprocess
import tempfile

import h5py
import numpy as np

import command
import ddpm_io
import style
from import_table import put_names


def share(text):
    value = float(text)
    if not 0 < value < 1:
        raise command.argparse.ArgumentTypeError(f"{text!r}: expected a number between 0 and 1")
    return value


def write(path, rows, columns):
    with h5py.File(path, "w") as file:
        file["data"] = rows
        if columns:
            put_names(file["data"], "columns", columns)


def hide(rows, part, rng):
    """A copy of the rows with NaN for that part of their entries."""
    hidden = rng.random(rows.shape) < part
    return np.where(hidden, np.float32(np.nan), rows), hidden


def program(*arguments):
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True)
    if done.returncode != 0:
        raise ddpm_io.BadData(f"`{' '.join(map(str, arguments[:2]))}` failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")


def complete(folder, train, given, columns, options):
    """Draws [M][N][D] of a model trained on `train`."""
    ddpm = options.ddpm or os.environ.get("DDPM") or "ddpm"
    run, drawn = os.path.join(folder, "run"), os.path.join(folder, "draws.h5")
    write(os.path.join(folder, "train.h5"), train, columns)
    write(os.path.join(folder, "given.h5"), given, columns)
    values = ["data.source=hdf5", f"data.path={folder}/train.h5", "data.dataset=data", *options.set]
    program(ddpm, "train", options.config, "--output", run, *(word for value in values for word in ("--set", value)))
    resample = ["--resample", options.resample] if options.resample else []
    program(ddpm, "sample", run, "--given", os.path.join(folder, "given.h5"), "--draws", options.draws, "--output", drawn, *resample)
    with ddpm_io.open_h5(drawn) as file:
        return file["draws"][:]


def impute(train, given, rng, part):
    """The imputer's completions, fitted on complete rows as the model, and on rows that lack entries as those to be completed do."""
    try:
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401
        from sklearn.impute import IterativeImputer
    except ImportError:
        raise ddpm_io.Missing("scikit-learn is not installed (Debian: python3-sklearn)")
    rows = {"IterativeImputer, of complete rows": train, "IterativeImputer, of incomplete rows": hide(train, part, rng)[0]}
    return {name: IterativeImputer(max_iter=100, random_state=0).fit(fitted).transform(given) for name, fitted in rows.items()}


def interval(draws, level):
    """Ends of the central interval: the k-th least and largest of M draws hold another draw with probability (M + 1 - 2 k) / (M + 1)."""
    count = len(draws)
    k = max(1, round((count + 1) * (1 - level) / 2))
    ordered = np.sort(draws, axis=0)
    return ordered[k - 1], ordered[count - k], (count + 1 - 2 * k) / (count + 1)


def draw(truth, mean, low, high):
    figure, axes = style.plt.subplots(figsize=(style.ONE_COLUMN, style.ONE_COLUMN))
    order = np.random.default_rng(0).permutation(len(truth))[:300]
    axes.errorbar(truth[order], mean[order], [(mean - low)[order], (high - mean)[order]], fmt="o", markersize=2.5, elinewidth=0.5,
                  color=style.COLOURS[0], ecolor=style.COLOURS[3], rasterized=True)
    ends = [truth[order].min(), truth[order].max()]
    axes.plot(ends, ends, color=style.COLOURS[2], linewidth=0.8)
    axes.set(xlabel="hidden value [deviations of its column]", ylabel="mean and interval of the draws")
    return figure


def main():
    parser = command.Parser(__doc__.split("\n")[0])
    parser.add_argument("table", metavar="FILE.h5[:dataset]", help="complete rows")
    parser.add_argument("--config", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "configs", "breast_cancer.yaml"),
                        metavar="FILE.yaml", help="of the model (default: configs/breast_cancer.yaml); its data.path is set here")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the configuration; may be repeated")
    parser.add_argument("--held-out", type=share, default=0.2, metavar="P", help="part of the rows")
    parser.add_argument("--hidden", type=share, default=0.2, metavar="P", help="part of their entries")
    parser.add_argument("--draws", type=command.positive, default=20, metavar="M", help="completions of each row")
    parser.add_argument("--resample", type=command.positive, metavar="R", help="of `ddpm sample` (default: its own)")
    parser.add_argument("--level", type=share, default=0.9, metavar="P", help="of the intervals")
    parser.add_argument("--seed", type=int, default=0, help="of rows held out and entries hidden")
    parser.add_argument("--ddpm", metavar="PATH", help="the program (default: $DDPM, or ddpm on the PATH)")
    parser.add_argument("--output", type=command.picture, metavar="FILE", help="picture of hidden and completed values: .png, .pdf or .svg")
    parser.add_argument("--at-most", type=float, metavar="R", help="exit 1 when the draws' error is above R times the better imputer's or above the "
                        "column means', or the intervals hold less than 0.8 or more than 0.97 of what is hidden")
    options = parser.parse_args()

    table = ddpm_io.read_table(options.table)
    rng = np.random.default_rng(options.seed)
    rows = table.values.astype(np.float32)[rng.permutation(len(table.values))]
    count = round(len(rows) * options.held_out)
    if not 1 <= count < len(rows) - 1:
        raise ddpm_io.BadData(f"{options.table}: too few rows")
    truth, train = rows[:count], rows[count:]
    given, hidden = hide(truth, options.hidden, rng)
    mean, deviation = train.mean(axis=0), np.where(train.std(axis=0) > 0, train.std(axis=0), 1)
    standard = lambda x: (x - mean) / deviation  # noqa: E731
    with tempfile.TemporaryDirectory() as folder:
        draws = complete(folder, train, given, table.columns, options)
    if not np.array_equal(draws[:, ~hidden].view(np.uint32), np.broadcast_to(truth[~hidden], (len(draws), (~hidden).sum())).view(np.uint32)):
        raise ddpm_io.BadData("given entries did not come back unchanged")

    filled = {"mean of the draws": standard(draws.mean(axis=0, dtype=np.float64)), "one draw": standard(draws[0]), "column means": np.zeros(truth.shape),
              **impute(standard(train), standard(given), rng, options.hidden)}
    error = {name: float(np.sqrt(np.mean((values - standard(truth))[hidden] ** 2))) for name, values in filled.items()}
    low, high, nominal = interval(draws, options.level)
    covered = float(np.mean(((low <= truth) & (truth <= high))[hidden]))
    print(f"{len(truth)} rows held out of {len(rows)}, {hidden.sum()} of {hidden.size} entries hidden, {len(draws)} draws; the rest came back to the bit")
    for name, value in error.items():
        print(f"{name:38}RMSE {value:.4f}")
    print(f"{'intervals of the draws':38}{nominal:.1%} nominal, {covered:.1%} of the hidden entries")
    if options.output:
        style.save(draw(*(values[hidden] for values in (standard(truth), filled["mean of the draws"], standard(low), standard(high)))), options.output)
    if options.at_most is None:
        return 0
    best = min(value for name, value in error.items() if name.startswith("IterativeImputer"))
    return int(not (error["mean of the draws"] <= min(options.at_most * best, error["column means"]) and 0.8 <= covered <= 0.97))


if __name__ == "__main__":
    command.run(main)
