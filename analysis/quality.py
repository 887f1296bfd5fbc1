#!/usr/bin/python3
"""How far samples are from fresh data, beside how far fresh data is from itself.

Everything is measured on data standardised by the reference's mean and deviation. The oracle row is the mean over pairs of
fresh, disjoint sets of the same size; a samples row is the mean over the first set of each pair. A ratio of 1 cannot be told from data.
"""
import json

import numpy as np
from scipy.spatial.distance import cdist

import command
import ddpm_io

TOY = ("swiss_roll", "two_moons", "s_curve")
DATA_ROWS_MAX = 2_000_000   # of a data file that are looked at
BLOCK_ROWS = 1000           # of a block of the distance matrix


# ---- distances between two sets of rows [n][D]

def random_directions(columns, count, seed):
    """Unit vectors [count][D], uniform on the sphere."""
    directions = np.random.default_rng(seed).normal(size=(count, columns))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def sliced_w1(x, y, directions):
    """Mean over directions of the exact 1-D Wasserstein-1 distance, for sets of equal size (Bonneel et al. 2015)."""
    return float(np.mean([np.abs(np.sort(x @ u) - np.sort(y @ u)).mean() for u in directions]))


def mean_distance(x, y):
    """Mean Euclidean distance over all pairs."""
    return sum(cdist(x[start:start + BLOCK_ROWS], y).sum() for start in range(0, len(x), BLOCK_ROWS)) / (len(x) * len(y))


def energy_distance(x, y):
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| (Szekely and Rizzo 2013), at least 0."""
    return float(2 * mean_distance(x, y) - mean_distance(x, x) - mean_distance(y, y))


def forest_accuracy(x, y, seed):
    """Cross-validated accuracy of a random forest telling x from y; 0.5 is perfect."""
    try:
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.model_selection import StratifiedKFold, cross_val_score
    except ImportError:
        raise ddpm_io.Missing("--forest needs scikit-learn (Debian: python3-sklearn)")
    forest = RandomForestClassifier(n_estimators=200, min_samples_leaf=20, random_state=seed, n_jobs=-1)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    rows = np.concatenate([x, y])
    truth = np.repeat([0, 1], [len(x), len(y)])
    return float(cross_val_score(forest, rows, truth, cv=folds).mean())


# ---- measurement

def standardise(x, reference):
    """By the reference's columns; a constant column is only centred."""
    deviation = reference.std(axis=0)
    return (x - reference.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)


def fresh_pairs(data, rows, pairs, seed):
    """Pairs of disjoint sets of `rows` rows; all sets are disjoint when there is enough data."""
    rng = np.random.default_rng(seed)
    if len(data) >= 2 * rows * pairs:
        chosen = rng.permutation(len(data))[:2 * rows * pairs].reshape(pairs, 2, rows)
    else:
        chosen = [rng.permutation(len(data))[:2 * rows].reshape(2, rows) for _ in range(pairs)]
    return [(data[first], data[second]) for first, second in chosen]


def measure(x, references, options):
    """x: one set of rows for each reference. Means over them; the forest, which is slow, looks at the first only."""
    directions = random_directions(x[0].shape[1], options.directions, options.seed)
    w1, energy = [], []
    for rows, reference in zip(x, references):
        a, b = standardise(rows, reference), standardise(reference, reference)
        w1.append(sliced_w1(a, b, directions))
        energy.append(energy_distance(a[:options.energy_rows], b[:options.energy_rows]))
    result = {"sliced_w1": float(np.mean(w1)), "sliced_w1_deviation": float(np.std(w1)), "energy": float(np.mean(energy))}
    if options.forest:
        result["forest"] = forest_accuracy(x[0], references[0], options.seed)
    return result


def compare(data, samples, options):
    """data [many][D]; samples: name -> [n][D]. Returns the rows compared, the oracle's measures, and each sample's with its ratios."""
    rows = min([len(data) // 2] + [len(values) for values in samples.values()] + ([options.rows] if options.rows else []))
    pairs = fresh_pairs(data, rows, options.pairs, options.seed)
    references = [first for first, _ in pairs]
    oracle = measure([second for _, second in pairs], references, options)
    rng = np.random.default_rng(options.seed)
    results = {}
    for name, values in samples.items():
        results[name] = measure([values[rng.permutation(len(values))[:rows]] for _ in references], references, options)
        for key in ("sliced_w1", "energy"):
            results[name][key + "_ratio"] = results[name][key] / oracle[key]
    return rows, oracle, results


def table_lines(oracle, results, forest):
    """An aligned table for people."""
    columns = [("sliced W1", "sliced_w1", ".4f"), ("ratio", "sliced_w1_ratio", ".2f"), ("energy", "energy", ".5f"), ("ratio", "energy_ratio", ".2f")]
    if forest:
        columns.append(("forest", "forest", ".4f"))
    width = max(map(len, [*results, "oracle"]))
    yield " " * width + "".join(f"{title:>11}" for title, _, _ in columns)
    for name, values in [*results.items(), ("oracle", {**oracle, "sliced_w1_ratio": 1.0, "energy_ratio": 1.0})]:
        yield f"{name:{width}}" + "".join(f"{values[key]:11{form}}" for _, key, form in columns)


def main():
    parser = command.Parser(__doc__.split("\n")[0])
    parser.add_argument("samples", nargs="+", help="files of `ddpm sample`")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", metavar="FILE.h5[:dataset]", help="real data, held out from training if possible")
    source.add_argument("--source", choices=TOY, metavar="KIND", help=f"toy set, drawn afresh by `ddpm data`: {', '.join(TOY)}")
    parser.add_argument("--noise", type=float, help="of the toy set (default: its own)")
    parser.add_argument("--dimensions", type=int, choices=(2, 3), default=2, help="of the toy set")
    parser.add_program()
    parser.add_argument("--rows", type=command.positive, metavar="N", help="compare so many rows (default: as many as the smallest set has)")
    parser.add_argument("--pairs", type=command.positive, default=10, metavar="N", help="pairs of fresh sets")
    parser.add_argument("--directions", type=command.positive, default=128, metavar="N", help="of the sliced distance")
    parser.add_argument("--energy-rows", type=command.positive, default=2000, metavar="N", help="rows of the energy distance, which costs their square")
    parser.add_argument("--forest", action="store_true", help="add the accuracy of a random forest (200 trees, 20 rows a leaf, 5 folds) on the first pair")
    parser.add_argument("--seed", type=int, default=20001, help="of fresh data, directions and choices; not the training's")
    parser.add_argument("--json", metavar="FILE", help="write the table for programs")
    parser.add_argument("--at-most", type=float, metavar="R", help="exit 1 when a sliced W1 ratio is above R")
    options = parser.parse_args()
    if options.noise is not None and options.data:
        parser.error("--noise goes with --source")

    samples = {path: ddpm_io.read_samples(path).values.astype(np.float64) for path in options.samples}
    if options.data:
        data = ddpm_io.read_table(options.data, DATA_ROWS_MAX, options.seed).values
    else:
        rows = min([len(values) for values in samples.values()] + ([options.rows] if options.rows else []))
        data = ddpm_io.draw_toy(options.source, 2 * rows * options.pairs, options.noise, options.seed, options.ddpm,
                                options.dimensions).values
    for path, values in samples.items():
        if values.shape[1] != data.shape[1]:
            raise ddpm_io.BadData(f"{path}: {values.shape[1]} columns, but the data has {data.shape[1]}")
    if len(data) < 2:
        raise ddpm_io.BadData(f"{options.data}: one row cannot be split into two sets")

    rows, oracle, results = compare(data.astype(np.float64), samples, options)
    print(f"{rows} rows, {options.pairs} pairs of fresh sets, {options.directions} directions, seed {options.seed}")
    print("\n".join(table_lines(oracle, results, options.forest)))
    if options.json:
        report = {"rows": rows, "pairs": options.pairs, "directions": options.directions, "seed": options.seed,
                  "data": options.data or options.source, "oracle": oracle, "samples": results}
        with command.whole_file(options.json) as temporary, open(temporary, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")
    if options.at_most is not None:
        return int(any(not result["sliced_w1_ratio"] <= options.at_most for result in results.values()))
    return 0


if __name__ == "__main__":
    command.run(main)
