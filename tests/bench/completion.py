#!/usr/bin/python3
"""How well hidden entries of a table are completed, beside scikit-learn's IterativeImputer and the most frequent value.

    tests/bench/completion.py TRAIN.csv TEST.csv [--run RUN] [--hidden 0.2] [--rows 2000] [--draws 80] [--json FILE]

A model is trained on TRAIN.csv with configs/table.yaml, unless a run is given. In rows of TEST.csv a share of the
entries is hidden at random. Categories: the share of hidden entries that are named rightly, by the most frequent of the
draws. Numbers: the root mean square error of the draws' mean, in deviations of the training rows, and how many hidden
entries lie within the interval of the draws, which holds another draw with probability (M - 1)/(M + 1). The imputer
gets one-hot categories, the largest of whose columns is its answer, and stays within the range of the rows that it was
fitted on. For a number, the most frequent value is the mean.
"""
import argparse
import json
import os
import sys
import tempfile

import numpy as np
import pandas as pd
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer

import programs

sys.path.insert(0, os.path.join(programs.SOURCE, "analysis"))
from ddpm_analysis import read_frame  # noqa: E402

FITTED = 5000    # training rows of the imputer


def numbers(frame):
    return [name for name in frame if pd.api.types.is_numeric_dtype(frame[name])]


def one_hot(frame, train):
    """Columns of floats: numbers in deviations, zeros and ones for each category, NaN where it is unknown."""
    blocks, places = [], {}
    at = 0
    for name in train:
        if name in numbers(train):
            block = ((frame[name] - train[name].mean()) / train[name].std()).to_numpy(float)[:, None]
        else:
            names = sorted(train[name].dropna().astype(str).unique())
            block = (frame[name].astype(str).to_numpy()[:, None] == np.array(names)[None, :]).astype(float)
            block[frame[name].isna()] = np.nan
        places[name] = slice(at, at + block.shape[1])
        at += block.shape[1]
        blocks.append(block)
    return np.concatenate(blocks, axis=1), places


def impute(train, given):
    """{column: answers} of the imputer."""
    fitted, places = one_hot(train[:FITTED], train)
    rows, _ = one_hot(given, train)
    imputer = IterativeImputer(max_iter=10, random_state=0, min_value=np.nanmin(fitted, axis=0),
                               max_value=np.nanmax(fitted, axis=0) + 1e-9)
    filled = imputer.fit(fitted).transform(rows)
    found = {}
    for name, place in places.items():
        if name in numbers(train):
            found[name] = filled[:, place.start] * train[name].std() + train[name].mean()
        else:
            names = np.array(sorted(train[name].dropna().astype(str).unique()))
            found[name] = names[filled[:, place].argmax(axis=1)]
    return found


def draw(folder, given, run, options):
    """{column: draws [M][rows]} of the model."""
    csv, h5, out = (os.path.join(folder, name) for name in ("given.csv", "given.h5", "draws.h5"))
    given.to_csv(csv, index=False)
    kinds = [word for name in given if name not in numbers(given) for word in ("--category", name)]
    programs.import_table(csv, h5, *kinds)
    programs.ddpm("sample", run, "--given", h5, "--draws", options.draws, "--output", out)
    frame = read_frame(out, "draws")
    return {name: frame[name].to_numpy(dtype=object, na_value=np.nan).reshape(options.draws, -1) for name in frame}


def mode(column):
    known = column[~pd.isna(column)].astype(str)
    return pd.Series(known).mode().iloc[0] if len(known) else ""


def measure(truth, hidden, train, answers):
    """(accuracy of categories, error of numbers), over all hidden entries."""
    right, squares = [], []
    for name in truth:
        at = hidden[name].to_numpy()
        if name in numbers(train):
            error = (answers[name][at].astype(float) - truth[name][at].to_numpy(float)) / train[name].std()
            squares.append(error ** 2)
        else:
            right.append(answers[name][at].astype(str) == truth[name][at].astype(str).to_numpy())
    return {"accuracy": float(np.concatenate(right).mean()) if right else None,
            "rmse": float(np.sqrt(np.concatenate(squares).mean())) if squares else None}


def coverage(truth, hidden, train, draws):
    within = []
    for name in numbers(train):
        at = hidden[name].to_numpy()
        values = draws[name][:, at].astype(float)
        exact = truth[name][at].to_numpy(float)
        within.append((np.nanmin(values, axis=0) <= exact) & (exact <= np.nanmax(values, axis=0)))
    return float(np.concatenate(within).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--run", help="a run folder; default: a model is trained")
    parser.add_argument("--hidden", type=float, default=0.2)
    parser.add_argument("--rows", type=int, default=2000, help="of TEST.csv, at most; default: %(default)s")
    parser.add_argument("--draws", type=int, default=80)
    parser.add_argument("--json")
    options = parser.parse_args()
    train, truth = (pd.read_csv(path) for path in (options.train, options.test))
    rng = np.random.default_rng(0)
    truth = truth[list(train)].iloc[rng.permutation(len(truth))[:options.rows]].reset_index(drop=True)
    hidden = pd.DataFrame(rng.random(truth.shape) < options.hidden, columns=truth.columns) & truth.notna()
    given = truth.mask(hidden)
    with tempfile.TemporaryDirectory() as folder:
        run = options.run or programs.train_table(folder, options.train)
        draws = draw(folder, given, run, options)
    answers = {name: np.nanmean(values.astype(float), axis=0) if name in numbers(train) else
               np.array([mode(column) for column in values.T]) for name, values in draws.items()}
    commonest = {name: train[name].mean() if name in numbers(train) else mode(train[name].to_numpy()) for name in train}
    frequent = {name: np.full(len(truth), value) for name, value in commonest.items()}
    found = {"hidden": int(hidden.to_numpy().sum()), "draws": options.draws,
             "model": {**measure(truth, hidden, train, answers),
                       "coverage": coverage(truth, hidden, train, draws),
                       "expected_coverage": (options.draws - 1) / (options.draws + 1)},
             "iterative_imputer": measure(truth, hidden, train, impute(train, given)),
             "most_frequent": measure(truth, hidden, train, frequent)}
    print(json.dumps(found, indent=1))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
