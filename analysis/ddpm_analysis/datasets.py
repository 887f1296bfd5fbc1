"""The data sets of the quality suite: densities that are drawn afresh at any size, some with a known likelihood or
plane, and real tables that come with Debian packages.

A set has three parts that share no row: `train`, and `fresh` and `other` to compare with. What a set draws follows from
its name, the part and the number of rows.
"""
import importlib.util
import os
import zlib
from dataclasses import dataclass, field
from typing import Callable

import numpy as np

from .failures import BadData, Missing, optional
from .program import draw_toy

PARTS = {"train": 1, "fresh": 2, "other": 3}   # seeds


# ---- densities of two columns: (rows, random generator) -> [rows][2]

def on_circle(angle):
    return np.column_stack([np.cos(angle), np.sin(angle)])


def eight(rows, rng, deviation=0.4):
    """Eight Gaussians on a circle of radius 4."""
    return 4 * on_circle(rng.integers(0, 8, rows) * np.pi / 4) + deviation * rng.normal(size=(rows, 2))


def eight02(rows, rng):
    return eight(rows, rng, 0.02)


def grid25(rows, rng):
    """5 x 5 Gaussians, two apart."""
    return 2.0 * rng.integers(-2, 3, (rows, 2)) + 0.05 * rng.normal(size=(rows, 2))


def pinwheel(rows, rng):
    """Five thin arms, bent more the farther out."""
    radial, across = 1 + 0.3 * rng.normal(size=rows), 0.05 * rng.normal(size=rows)
    cos, sin = on_circle(2 * np.pi * rng.integers(0, 5, rows) / 5 + 0.25 * np.exp(radial)).T
    return 2 * np.column_stack([radial * cos - across * sin, radial * sin + across * cos])


def checker(rows, rng, cells):
    """The black cells of a board over [-4, 4] both ways."""
    column = rng.integers(0, cells, rows)
    row = 2 * rng.integers(0, cells // 2, rows) + column % 2
    return (np.column_stack([column, row]) + rng.random((rows, 2))) * (8 / cells) - 4


def checker4(rows, rng):
    return checker(rows, rng, 4)


def checker8(rows, rng):
    return checker(rows, rng, 8)


def spirals(rows, rng):
    """Two arms of one and a half turns."""
    turn, arm = 3 * np.pi * np.sqrt(rng.random(rows)), rng.choice([-1.0, 1.0], rows)
    along = np.column_stack([-np.cos(turn), np.sin(turn)]) * turn[:, None] + 0.5 * rng.random((rows, 2))
    return along * arm[:, None] / 3 + 0.1 * rng.normal(size=(rows, 2))


def rings(rows, rng):
    """Three circles about one centre."""
    return rng.integers(1, 4, (rows, 1)) * on_circle(2 * np.pi * rng.random(rows)) + 0.08 * rng.normal(size=(rows, 2))


def line(rows, rng):
    """A hundred times as long as it is thick."""
    return rng.normal(size=(rows, 1)) + 0.01 * rng.normal(size=(rows, 2))


def rare(rows, rng):
    """Two Gaussians, one with a weight of 1 in 101."""
    small = rng.random((rows, 1)) < 1 / 101
    return np.where(small, 4.0, 0.0) + np.where(small, 0.3, 0.5) * rng.normal(size=(rows, 2))


def heavy(rows, rng):
    """Student's t with three degrees of freedom: the fourth moment is infinite."""
    return rng.standard_t(3, size=(rows, 2))


def square(rows, rng):
    return rng.random((rows, 2))


def units(rows, rng):
    """Columns in units of 1e4 and 1e-3, both far from zero."""
    return np.column_stack([5e5 + 1e4 * rng.normal(size=rows), 1 + 1e-3 * rng.gamma(2, 1, rows)])


# ---- densities of more columns

class Mixture:
    """A mixture of Gaussians, each with a covariance of its own, whose log-density is known."""

    def __init__(self, columns, components=8):
        rng = np.random.default_rng(columns)
        self.weights = rng.dirichlet(np.full(components, 5.0))
        self.means = 2 * rng.normal(size=(components, columns))
        self.deviations = np.exp(rng.uniform(np.log(0.3), 0, (components, columns)))
        self.axes = [np.linalg.qr(rng.normal(size=(columns, columns)))[0] for _ in range(components)]  # [D][D] each

    def draw(self, rows, rng):
        component, x = rng.choice(len(self.weights), rows, p=self.weights), rng.normal(size=(rows, len(self.axes[0])))
        for index, axes in enumerate(self.axes):
            mine = component == index
            x[mine] = self.means[index] + (x[mine] * self.deviations[index]) @ axes.T
        return x

    def log_density(self, x):
        """[rows], in nats."""
        terms = [np.log(weight) - 0.5 * ((((x - mean) @ axes) / deviation) ** 2).sum(axis=1)
                 - np.log(deviation * np.sqrt(2 * np.pi)).sum()
                 for weight, mean, deviation, axes in zip(self.weights, self.means, self.deviations, self.axes)]
        return np.logaddexp.reduce(terms, axis=0)


class Factors:
    """Rows in a plane of ten dimensions through the origin, and noise of 0.1 around it."""

    noise = 0.1

    def __init__(self, columns, factors=10):
        self.plane = np.random.default_rng(columns).normal(size=(factors, columns))

    def draw(self, rows, rng):
        return rng.normal(size=(rows, len(self.plane))) @ self.plane + self.noise * rng.normal(
            size=(rows, self.plane.shape[1]))

    def view(self, x):
        """Along the plane's first direction, and across the plane."""
        basis = np.linalg.qr(self.plane.T, mode="complete")[0]
        return x @ basis[:, [0, len(self.plane)]]


# ---- real tables: () -> [rows][D]

def bundled(name):
    """A table that comes with scikit-learn, without its classes."""
    return getattr(optional("sklearn.datasets"), f"load_{name}")().data


def packaged(package, path, columns):
    """Columns of a CSV file that a Debian package of Python installs; rows with a gap are left out."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise Missing(f"the Debian package python3-{package.replace('_', '-')} is not installed")
    file = os.path.join(spec.submodule_search_locations[0], path)
    with open(file, encoding="utf-8") as lines:
        names = [name.strip(' "\n') for name in lines.readline().split(",")]
    x = np.genfromtxt(file, delimiter=",", skip_header=1, usecols=[names.index(column) for column in columns])
    return x[np.isfinite(x).all(axis=1)]


FAIR = ("rate_marriage", "age", "yrs_married", "children", "religious", "educ", "occupation",
        "occupation_husb", "affairs")
RANDHIE = ("mdvis", "lncoins", "idp", "lpi", "fmde", "physlm", "disea", "hlthg", "hlthf", "hlthp")
REAL = {
    **{name: lambda name=name: bundled(name) for name in ("iris", "wine", "breast_cancer", "digits", "diabetes")},
    "airports": lambda: packaged("vega_datasets", "_data/airports.csv", ("latitude", "longitude")),
    "weather": lambda: packaged("vega_datasets", "_data/seattle-weather.csv",
                                ("precipitation", "temp_max", "temp_min", "wind")),
    "fair": lambda: packaged("statsmodels", "datasets/fair/fair.csv", FAIR),
    "randhie": lambda: packaged("statsmodels", "datasets/randhie/randhie.csv", RANDHIE),
}


# ---- sets

@dataclass
class Limits:
    """What samples must keep; None: no limit."""

    accuracy: float = None     # of a forest that tells samples from fresh rows
    deviation: float = None    # the standard deviations' distance from the data's, as a share
    spread: float = None       # the standard deviation off the plane
    likelihood: float = None   # the distance of the log-likelihood from the truth, nats a column


@dataclass
class Dataset:
    """A density: rows are drawn, or made by `ddpm data`."""

    name: str
    rows: int                          # to train on
    draw: Callable = None              # (rows, random generator) -> [rows][D]; None: a toy set of the program
    limits: Limits = field(default_factory=Limits)
    log_density: Callable = None       # [rows][D] -> [rows]
    plane: np.ndarray = None           # [k][D] that the rows lie near
    view: Callable = None              # [rows][D] -> [rows][2] to be drawn
    real = False

    def part(self, part, rows, program=None):
        """At most so many rows of a part, as the program writes samples: [rows][D] float32."""
        if self.draw is None:
            return draw_toy(self.name, rows, seed=PARTS[part], program=program).values.astype(np.float32)
        rng = np.random.default_rng([zlib.crc32(self.name.encode()), PARTS[part]])
        return self.draw(rows, rng).astype(np.float32)


@dataclass
class RealTable(Dataset):
    """A half of the rows is there to train on, the other half to compare with; which, follows from `split`."""

    load: Callable = None
    real = True

    def halves(self, split=0):
        x = self.load().astype(np.float32)
        order = np.random.default_rng([zlib.crc32(self.name.encode()), split]).permutation(len(x))
        return x[order[:len(x) // 2]], x[order[len(x) // 2:]]

    def part(self, part, rows, program=None):
        return self.halves()[part != "train"][:rows]


def all_datasets():
    """{name: set} of the suite, in its order."""
    many, density, toy = 100_000, Limits(0.52, 0.01), Limits(0.51, 0.01)
    sets = [Dataset(name, many, limits=toy) for name in ("swiss_roll", "two_moons", "s_curve")]
    limits = {"checker8": Limits(0.54, 0.01), "heavy": Limits(0.54, 0.01)}
    for draw in (eight, eight02, grid25, pinwheel, checker4, checker8, spirals, rings, line, rare, heavy, square,
                 units):
        sets.append(Dataset(draw.__name__, many, draw, limits.get(draw.__name__, density)))
    for columns in (10, 100):
        mixture = Mixture(columns)
        sets.append(Dataset(f"mixture{columns}", many, mixture.draw, Limits(0.52, 0.01, likelihood=0.02),
                            log_density=mixture.log_density))
    for columns in (64, 128, 300):
        factors = Factors(columns)
        sets.append(Dataset(f"factors{columns}", 20_000, factors.draw, Limits(spread=0.12), plane=factors.plane,
                            view=factors.view))
    sets.extend(RealTable(name, many, load=load) for name, load in REAL.items())
    return {dataset.name: dataset for dataset in sets}


def choose(names):
    """The named sets in the suite's order, or all."""
    sets = all_datasets()
    for name in names or ():
        if name not in sets:
            raise BadData(f"no data set {name!r}; there are {', '.join(sets)}")
    return [dataset for name, dataset in sets.items() if not names or name in names]
