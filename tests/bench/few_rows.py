#!/usr/bin/python3
"""What a model learns from a small table, beside columns drawn independently and a Gaussian copula of the same rows.

    tests/bench/few_rows.py TABLE.csv ... [--rows 1000] [--json FILE]

A model is trained with configs/table.yaml on so many rows of each table, taken at random. The score is that of
`judge_table.py`, detection: 1 where boosted trees cannot tell samples from rows that were not trained on. The oracle is
other such rows. In the copula, the ranks of a column, with ties broken at random and gaps as the last ones, are normal
scores, whose correlations it keeps (Nelsen 2006, An Introduction to Copulas).
"""
import argparse
import json
import os
import sys
import tempfile

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

import programs

sys.path.insert(0, os.path.join(programs.SOURCE, "analysis"))
from ddpm_analysis import read_frame  # noqa: E402
from judge_table import detect  # noqa: E402

MOST = 2000      # rows that trees see of each side


def drawn_independently(train, count, rng):
    return pd.DataFrame({name: train[name].to_numpy()[rng.integers(len(train), size=count)] for name in train})


def drawn_from_copula(train, count, rng):
    scores, orders = np.empty(train.shape), {}
    for j, name in enumerate(train):
        column = train[name] if pd.api.types.is_numeric_dtype(train[name]) else \
            pd.Series(pd.Categorical(train[name]).codes)
        order = np.lexsort((rng.random(len(train)), column.astype(float).fillna(np.inf)))
        scores[order, j] = ndtri((np.arange(len(train)) + 0.5) / len(train))
        orders[name] = order
    drawn = rng.multivariate_normal(np.zeros(train.shape[1]), np.corrcoef(scores.T), size=count)
    ranks = np.minimum((ndtr(drawn) * len(train)).astype(int), len(train) - 1)
    return pd.DataFrame({name: train[name].to_numpy()[orders[name][ranks[:, j]]] for j, name in enumerate(train)})


def drawn_from_model(train, count):
    with tempfile.TemporaryDirectory() as folder:
        table, samples = os.path.join(folder, "train.csv"), os.path.join(folder, "samples.h5")
        train.to_csv(table, index=False)
        programs.ddpm("sample", programs.train_table(folder, table), "--count", count, "--output", samples)
        return read_frame(samples).reset_index(drop=True)


def compare(path, rows):
    rng = np.random.default_rng(0)
    table = pd.read_csv(path, low_memory=False)
    table = table.iloc[rng.permutation(len(table))].reset_index(drop=True)
    train, rest = table[:rows].reset_index(drop=True), table[rows:]
    half = min(len(rest) // 2, MOST)
    if half < 100:
        sys.exit(f"few_rows.py: {path}: expected at least {rows + 200} rows, found {len(table)}")
    others = {"oracle": rest[half:2 * half], "model": drawn_from_model(train, half),
              "copula": drawn_from_copula(train, half, rng), "independent": drawn_independently(train, half, rng)}
    return {name: detect(rest[:half], frame[list(train)])["detection"] for name, frame in others.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("tables", nargs="+", metavar="TABLE.csv")
    parser.add_argument("--rows", type=int, default=1000, help="that are trained on; default: %(default)s")
    parser.add_argument("--json")
    options = parser.parse_args()
    found = {}
    for path in options.tables:
        found[path] = compare(path, options.rows)
        print(path, " ".join(f"{name} {score:.3f}" for name, score in found[path].items()), flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
