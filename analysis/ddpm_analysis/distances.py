"""Distances between two sets of rows, from the papers' formulas and not from the C source, and other measures of
samples whose right value is known."""
import numpy as np

from .failures import optional

BLOCK_ROWS = 1000           # rows of a block of the distance matrix


def standardise(x, reference):
    """By the reference's columns; a constant column is only centred."""
    deviation = reference.std(axis=0)
    return (x - reference.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)


def random_directions(columns, count, seed):
    """Unit vectors [count][D], uniform on the sphere."""
    directions = np.random.default_rng(seed).normal(size=(count, columns))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def sliced_w1(x, y, directions):
    """Mean over directions of the exact 1-D Wasserstein-1 distance, for sets of equal size (Bonneel et al. 2015)."""
    return float(np.mean([np.abs(np.sort(x @ u) - np.sort(y @ u)).mean() for u in directions]))


def mean_distance(x, y):
    """Mean Euclidean distance over all pairs."""
    distances = optional("scipy.spatial.distance").cdist
    total = sum(distances(x[start:start + BLOCK_ROWS], y).sum() for start in range(0, len(x), BLOCK_ROWS))
    return total / (len(x) * len(y))


def energy_distance(x, y):
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| (Szekely and Rizzo 2013), at least 0."""
    return float(2 * mean_distance(x, y) - mean_distance(x, x) - mean_distance(y, y))


def forest_accuracy(x, y, seed):
    """Cross-validated accuracy of a random forest that tells x from y; 0.5 is perfect."""
    selection = optional("sklearn.model_selection")
    forest = optional("sklearn.ensemble").RandomForestClassifier(n_estimators=200, min_samples_leaf=20,
                                                                 random_state=seed, n_jobs=-1)
    folds = selection.StratifiedKFold(5, shuffle=True, random_state=seed)
    truth = np.repeat([0, 1], [len(x), len(y)])
    return float(selection.cross_val_score(forest, np.concatenate([x, y]), truth, cv=folds).mean())


def deviation_ratios(x, data):
    """(ratio, error) [columns] of the standard deviations of x to those of the data, with the standard error that x has
    by its number of rows, from the data's fourth moment. Constant columns are left out."""
    spread = data.std(axis=0)
    columns = spread > 1e-12 * np.abs(data).max(axis=0)
    standard = standardise(data[:, columns], data[:, columns])
    error = np.sqrt(np.maximum((standard ** 4).mean(axis=0) - 1, 0) / (4 * len(x)))
    return x[:, columns].std(axis=0) / spread[columns], error


def spread_off_plane(x, plane):
    """The standard deviation of x in the directions that are orthogonal to the rows of `plane` [k][D], through the
    origin: the root of the mean square over rows and directions."""
    basis = np.linalg.qr(plane.T)[0]
    rest = x - (x @ basis) @ basis.T
    return float(np.sqrt((rest ** 2).sum() / (len(x) * (x.shape[1] - len(plane)))))
