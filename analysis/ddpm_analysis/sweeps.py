"""The table of a sweep, which jobs/sweep.py gathers, and what its columns are called in figures."""
import os
from dataclasses import dataclass

import h5py
import numpy as np

from .failures import BadData
from .hdf5 import get_names, open_h5
from .runs import open_run

TITLES = {
    "bound": "bound, nats per column",
    "energy_ratio": "energy distance / that of fresh data",
    "forest": "accuracy of a forest",
    "learning_rate": "learning rate",
    "log_likelihood": "log-likelihood, nats per column",
    "prior": "$L_T$, nats per column",
    "seconds": "training time / s",
    "sliced_w1": "sliced $W_1$",
    "sliced_w1_ratio": "sliced $W_1$ / that of fresh data",
    "steps": "diffusion steps $T$",
    "validation_loss": "validation loss",
}


@dataclass
class SweepTable:
    """A row for each finished point of a sweep; pandas.DataFrame(table.columns) is a data frame of it."""

    columns: dict                      # name -> [rows]
    axes: list                         # the names of the columns that span the grid
    points: int                        # of the grid, finished or not
    folder: str                        # where the points' run folders are

    def column(self, name):
        """A column by its name, or by the last part of its name: "steps" for "diffusion.steps"."""
        found = [full for full in self.columns if name in (full, full.rpartition(".")[2])]
        if len(found) != 1:
            raise BadData(f"{self.folder}: {'more than one' if found else 'no'} column {name!r}; "
                          f"there are {', '.join(self.columns)}")
        return self.columns[found[0]]

    def run(self, row):
        return open_run(os.path.join(self.folder, self.columns["folder"][row]))


def read_sweep(path):
    with open_h5(path) as file:
        if "axes" not in file.attrs or "index" not in file:
            raise BadData(f"{path}: not a sweep's table; write it with jobs/sweep.py gather")
        columns = {name: node.asstr()[:] if h5py.check_string_dtype(node.dtype) else node[:]
                   for name, node in file.items()}
        order = np.argsort(columns["index"])
        columns = {name: values[order] for name, values in columns.items()}
        return SweepTable(columns, get_names("axes", file), int(file.attrs["points"]), os.path.dirname(path))


def title_of(column):
    """What a column is called in a figure."""
    column = column.rpartition(".")[2]
    return TITLES.get(column, column.replace("_", " "))


def text_of(value):
    return value if isinstance(value, str) else f"{value:g}"


def distinct(values):
    """The values that occur, each once: numbers in their order, texts as they come."""
    if values.dtype.kind in "fiu":
        return np.unique(values)
    return np.array(list(dict.fromkeys(values)), dtype=object)
