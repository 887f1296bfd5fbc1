"""The measures of tables, written from their definitions in numpy, pandas and scikit-learn, on data frames: a number is
a float column, a category one of texts, a gap NaN or None. What `ddpm evaluate` says is compared with them."""
import itertools

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors


def is_number(column):
    return pd.api.types.is_numeric_dtype(column)


def total_variation(real, other):
    p, q = (column.astype(object).fillna("(gap)").value_counts(normalize=True) for column in (real, other))
    names = p.index.union(q.index)
    return np.abs(p.reindex(names, fill_value=0) - q.reindex(names, fill_value=0)).sum() / 2


def shape(real, other):
    """{column: Shape}."""
    return {name: 1 - (ks_2samp(real[name].dropna(), other[name].dropna()).statistic if is_number(real[name]) else
                       total_variation(real[name], other[name])) for name in real}


def gaps(real, other):
    return {name: 1 - abs(real[name].isna().mean() - other[name].isna().mean()) for name in real}


def binned(real, column, deciles):
    """Texts: the bins of a column of numbers, between edges of the real rows; a gap is a bin."""
    values = real.dropna()
    if deciles:
        edges = np.unique(np.quantile(values, np.linspace(0.1, 0.9, 9)))
        bins = np.searchsorted(edges, column)
    else:
        bins = np.digitize(column, np.histogram_bin_edges(values, 10)[1:-1])
    return pd.Series(np.where(column.isna(), "(gap)", bins.astype(str)))


def trend(real, other, deciles=False):
    """{(column, column): Trend}."""
    found = {}
    for pair in itertools.combinations(real, 2):
        both = []
        for frame in (real, other):
            if is_number(real[pair[0]]) and is_number(real[pair[1]]):
                known = frame[list(pair)].dropna()
                both.append(np.corrcoef(known[pair[0]], known[pair[1]])[0, 1])
            else:
                texts = [binned(real[name], frame[name], deciles) if is_number(real[name]) else
                         frame[name].astype(object).fillna("(gap)").reset_index(drop=True) for name in pair]
                both.append(texts[0] + "|" + texts[1])
        found[pair] = 1 - (total_variation(*both) if isinstance(both[0], pd.Series) else abs(both[0] - both[1]) / 2)
    return found


def points(training, *frames):
    """Arrays: numbers scaled by the range of the training rows, with their mean for a gap and a column for that, and
    one-hot categories."""
    encoded = [[] for _ in frames]
    for name in training:
        texts = [frame[name].isna() if is_number(training[name]) else frame[name].astype(object).fillna("(gap)")
                 for frame in frames]
        values = sorted(set().union(*map(set, texts)))
        for columns, frame, text in zip(encoded, frames, texts):
            columns += [(text == value).to_numpy(dtype=float) for value in values]
            if is_number(training[name]):
                least, most = training[name].min(), training[name].max()
                scaled = (frame[name].fillna(training[name].mean()) - least) / (most - least)
                columns.append(scaled.to_numpy())
    return [np.column_stack(columns) for columns in encoded]


def nearest(queries, references, metric, others=0):
    """Distances and places of the nearest references; others=1: the nearest but one, the first being the query."""
    found = NearestNeighbors(n_neighbors=others + 1, algorithm="brute", metric=metric).fit(references)
    distance, place = found.kneighbors(queries)
    return distance[:, others], place[:, others]


def precision(real, other):
    """(alpha-precision, beta-recall) of points."""
    alphas = np.linspace(0, 1, 30)

    def integral(share):
        return 1 - np.abs(alphas - share).sum() / alphas.sum()

    def from_mean(mean, rows):
        return np.sqrt(((rows - mean.mean(axis=0)) ** 2).sum(axis=1))

    radii = np.quantile(from_mean(real, real), alphas)
    to_real, _ = nearest(real, real, "euclidean", others=1)
    to_other, place = nearest(real, other, "euclidean")
    center = from_mean(other, other[place])
    covered = to_other <= to_real
    return (integral(np.array([(from_mean(real, other) <= radius).mean() for radius in radii])),
            integral(np.array([(covered & (center <= radius)).mean() for radius in np.quantile(center, alphas)])))


def closest(rows, training, held_out):
    seen, unseen = nearest(rows, training, "manhattan")[0], nearest(rows, held_out, "manhattan")[0]
    return ((seen < unseen).mean() + (seen <= unseen).mean()) / 2


def membership(samples, training, held_out):
    distance = np.concatenate([nearest(rows, samples, "manhattan")[0] for rows in (training, held_out)])
    return roc_auc_score(np.repeat([1, 0], [len(training), len(held_out)]), -distance)
