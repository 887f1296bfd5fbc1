#!/usr/bin/python3
"""Judge samples of a table by boosted trees: whether these tell samples from training rows, and whether what they learn
from samples is as good as what they learn from training rows.

Detection: trees learn to tell samples from as many training rows, 5-fold, and their AUC is that on rows they have not
seen; 1 - (2 max(AUC, .5) - 1) is 1 where they cannot tell. The oracle is rows that were not trained on, in the samples'
place. With --target, trees are trained on samples, and on as many training rows (the oracle), to predict that column of
rows that were not trained on: the AUC of a category (of more than two, the mean of one against the rest), or R2 and the
root mean square error of a number.
"""
import json
import os

import numpy as np

from ddpm_analysis import BadData, command_line, open_run, read_frame
from ddpm_analysis.failures import optional
from ddpm_analysis.frames import date_numbers, is_dates
from ddpm_analysis.random_numbers import SPLIT, permutation
from ddpm_analysis.text_files import whole_file

FOLDS = 5
MOST_ROWS = 100_000
MOST_CATEGORIES = 254       # that a tree has room for; the rarest of more are one
TREES = {"max_iter": 200, "max_depth": 5, "max_leaf_nodes": 31, "early_stopping": True, "n_iter_no_change": 10,
         "validation_fraction": 0.1, "random_state": 0}


def read_any(path):
    """A data frame of FILE.h5[:NAME] or FILE.csv[.gz]."""
    if path.endswith((".csv", ".csv.gz")):
        if not os.path.exists(path):
            raise BadData(f"{path}: no such file")
        return optional("pandas").read_csv(path)
    return read_frame(path).reset_index(drop=True)


def split_of_run(folder):
    """The training rows and the held-out rows of a run whose rows were not streamed."""
    run = open_run(folder)
    data = run.config["data"]
    if data["source"] != "hdf5":
        raise BadData(f"{folder}: its rows are no table of a file (data.source: {data['source']}); `ddpm evaluate` and "
                      "quality.py measure it")
    frame = read_any(run.source)
    if frame.memory_usage(index=False).sum() > data["memory"] * 2**20:
        raise BadData(f"{folder}: its rows were streamed, so that its held-out rows are not known here; give --train "
                      "and --test")
    held_out = int(data["validation"] * len(frame))
    if held_out == 0:
        raise BadData(f"{folder}: no rows were held out; give --train and --test")
    order = permutation(run.config["run"]["seed"], SPLIT, len(frame))
    return (frame.iloc[np.sort(order[held_out:])].reset_index(drop=True),
            frame.iloc[order[:held_out]].reset_index(drop=True))


def numbers_of(frames):
    """The frames as arrays of floats, NaN for gaps, and which columns are categories, as codes that all share."""
    pandas = optional("pandas")
    arrays, categorical = [[] for _ in frames], []
    for name in frames[0]:
        columns = [frame[name] for frame in frames]
        if is_dates(columns[0]):
            columns = [pandas.Series(date_numbers(column if is_dates(column) else pandas.to_datetime(column)))
                       for column in columns]
        numeric = all(pandas.api.types.is_numeric_dtype(column) for column in columns)
        categorical.append(not numeric)
        if not numeric:
            texts = [column.astype(object).where(column.notna(), None) for column in columns]
            counts = pandas.concat(texts).astype(str).value_counts()
            code = {text: min(place, MOST_CATEGORIES) for place, text in enumerate(counts.index)}
            columns = [text.astype(str).map(code) for text in texts]
        for array, column in zip(arrays, columns):
            array.append(column.astype("Float64" if numeric else float).to_numpy(dtype=float, na_value=np.nan))
    return [np.column_stack(array) for array in arrays], categorical


def draw_rows(frame, count, rng):
    return frame.iloc[rng.permutation(len(frame))[:count]]


def detect(training, other):
    """The AUC of trees that tell other rows from as many training rows."""
    trees = optional("sklearn.ensemble").HistGradientBoostingClassifier
    rng = np.random.default_rng(0)
    count = min(len(training), len(other), MOST_ROWS)
    rows, categorical = numbers_of([draw_rows(training, count, rng), draw_rows(other, count, rng)])
    rows, label = np.concatenate(rows), np.repeat([0, 1], count)
    told = np.zeros(2 * count)
    folds = optional("sklearn.model_selection").StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for seen, unseen in folds.split(rows, label):
        model = trees(categorical_features=categorical, **TREES).fit(rows[seen], label[seen])
        told[unseen] = model.predict_proba(rows[unseen])[:, 1]
    auc = float(optional("sklearn.metrics").roc_auc_score(label, told))
    return {"rows": count, "auc": auc, "detection": 1 - (2 * max(0.5, auc) - 1)}


def learn(taught, test, target):
    """What trees that learn the target from some rows are worth on others."""
    pandas, ensemble = optional("pandas"), optional("sklearn.ensemble")
    taught, test = (frame[frame[target].notna()] for frame in (taught, test))
    (x, x_test), categorical = numbers_of([taught.drop(columns=target), test.drop(columns=target)])
    y, y_test = taught[target], test[target]
    if pandas.api.types.is_numeric_dtype(y):
        y, y_test = y.to_numpy(float), y_test.to_numpy(float)
        model = ensemble.HistGradientBoostingRegressor(categorical_features=categorical, **TREES)
        said = model.fit(x, y).predict(x_test)
        squares = np.mean((y_test - said) ** 2)
        return {"taught": len(y), "r2": float(1 - squares / y_test.var()), "rmse": float(np.sqrt(squares))}
    y, y_test = y.astype(str).to_numpy(), y_test.astype(str).to_numpy()
    model = ensemble.HistGradientBoostingClassifier(categorical_features=categorical, **TREES).fit(x, y)
    said = model.predict_proba(x_test)
    score = optional("sklearn.metrics").roc_auc_score
    each = [score(y_test == name, said[:, place]) for place, name in enumerate(model.classes_)
            if 0 < (y_test == name).sum() < len(y_test)]
    return {"taught": len(y), "auc": float(each[-1] if len(model.classes_) == 2 else np.mean(each))}


def judge(training, test, samples, target):
    """{"samples": ..., "oracle": ...} of one set of samples."""
    missing = [name for name in training if name not in samples or name not in test]
    if missing:
        raise BadData(f"no column {missing[0]!r} in the samples or in the rows that were not trained on")
    samples, test = samples[list(training)], test[list(training)]
    found = {"samples": detect(training, samples), "oracle": detect(training, test)}
    if target:
        rng = np.random.default_rng(0)
        count = min(len(training), len(samples))
        found["samples"]["target"] = learn(draw_rows(samples, count, rng), test, target)
        found["oracle"]["target"] = learn(draw_rows(training, count, rng), test, target)
    return found


def lines_of(name, found, target):
    """The table of one set of samples."""
    measures = [key for key in found["oracle"].get("target", {}) if key != "taught"]
    yield f"{name:40} {'rows':>8} {'AUC':>8} {'detection':>9}" + "".join(f" {key.upper():>8}" for key in measures) + \
        (f"  of {target}" if target else "")
    for side, label in (("samples", "samples"), ("oracle", "oracle: other real rows")):
        row = found[side]
        yield f"  {label:38} {row['rows']:8} {row['auc']:8.4f} {row['detection']:9.4f}" + \
            "".join(f" {row['target'][key]:8.4g}" for key in measures)


def main():
    parser = command_line.Parser(__doc__.split("\n\n", maxsplit=1)[0], epilog=__doc__.split("\n\n", maxsplit=1)[1])
    parser.add_argument("samples", nargs="+", metavar="SAMPLES", help="FILE.h5[:NAME] of `ddpm sample`, or FILE.csv")
    parser.add_argument("--run", metavar="RUN", help="the run that made them: its training rows and held-out rows")
    parser.add_argument("--train", metavar="FILE", help="training rows, .h5 or .csv, in the place of the run's")
    parser.add_argument("--test", metavar="FILE", help="rows that were not trained on")
    parser.add_argument("--target", metavar="COLUMN", help="the column to predict")
    parser.add_argument("--json", metavar="FILE", help="write the results")
    options = parser.parse_args()
    if bool(options.run) == bool(options.train) or bool(options.train) != bool(options.test):
        parser.error("give --run, or --train and --test")
    training, test = split_of_run(options.run) if options.run else (read_any(options.train), read_any(options.test))
    if options.target and options.target not in training:
        raise BadData(f"no column {options.target!r}; there are {', '.join(map(str, training))}")
    results = {}
    for name in options.samples:
        results[name] = judge(training, test, read_any(name), options.target)
        print(*lines_of(name, results[name], options.target), sep="\n", flush=True)
    if options.json:
        with whole_file(options.json) as temporary, open(temporary, "w", encoding="utf-8") as file:
            json.dump({"target": options.target, "training_rows": len(training), "test_rows": len(test),
                       "samples": results}, file, indent=1)


if __name__ == "__main__":
    command_line.run(main)
