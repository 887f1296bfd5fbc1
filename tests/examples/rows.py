#!/usr/bin/python3
"""Samples, completions and log-likelihoods of a model as numpy arrays, without files between.

    rows.py RUN COUNT FILE      writes COUNT rows of float32, one after the other

Row i is that of `ddpm sample --seed 7`.
"""
import sys

import numpy as np

from ddpm_analysis import Failure, Generator

run, count, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
try:
    model = Generator(run)
    model["sampling.steps"] = 10

    # Samples go into an array of the caller, here every second row of a larger one.
    room = np.zeros((2 * count, len(model.columns)), np.float32)
    rows = model.sample(seed=7, out=room[::2])
    rows.tofile(path)

    # What is NaN is drawn given the rest.
    incomplete = rows[:100].astype(np.float64)
    incomplete[:, 1] = np.nan
    model["sampling.method"] = "heun"
    complete = model.complete(incomplete, seed=1, passes=2)
    print(f"{len(complete)} rows completed; correlation of their columns {np.corrcoef(complete.T)[0, 1]:.3f}")

    print(f"mean log-likelihood {model.log_likelihood(rows).mean():.3f} nats")
except Failure as failure:
    sys.exit(f"rows.py: {failure}")
