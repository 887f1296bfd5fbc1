#!/usr/bin/python3
"""How far samples are from fresh data, beside how far fresh data is from itself: an independent check of the quality
that `ddpm evaluate` measures, for files of samples without their model.

The measures are computed anew, from the papers' formulas and not from the C source, with directions and sets of their
own. Everything is measured on data standardised by the reference's mean and standard deviation. The oracle row is
the mean over pairs of fresh, disjoint sets of the same size; a samples row is the mean over the first set of each pair.
Samples whose ratio is 1 cannot be told from data.
"""
import numpy as np

from ddpm_analysis import BadData, command_line, read_samples, read_table, write_json
from ddpm_analysis.distances import energy_distance, forest_accuracy, random_directions, sliced_w1, standardise
from ddpm_analysis.program import draw_toy

TOY = ("swiss_roll", "two_moons", "s_curve")
DATA_ROWS_MAX = 2_000_000   # rows of a data file that are looked at


# ---- measurement

def fresh_pairs(data, rows, pairs, seed):
    """Pairs of disjoint sets of `rows` rows; all sets are disjoint when there is enough data."""
    rng = np.random.default_rng(seed)
    if len(data) >= 2 * rows * pairs:
        chosen = rng.permutation(len(data))[:2 * rows * pairs].reshape(pairs, 2, rows)
    else:
        chosen = [rng.permutation(len(data))[:2 * rows].reshape(2, rows) for _ in range(pairs)]
    return [(data[first], data[second]) for first, second in chosen]


def measure(x, references, options):
    """The means over pairs of a set of rows and its reference. The forest, which is slow, sees the first pair only."""
    directions = random_directions(x[0].shape[1], options.directions, options.seed)
    w1, energy = [], []
    for rows, reference in zip(x, references):
        a, b = standardise(rows, reference), standardise(reference, reference)
        w1.append(sliced_w1(a, b, directions))
        energy.append(energy_distance(a[:options.energy_rows], b[:options.energy_rows]))
    result = {"sliced_w1": float(np.mean(w1)), "sliced_w1_deviation": float(np.std(w1)),
              "energy": float(np.mean(energy))}
    if options.forest:
        result["forest"] = forest_accuracy(x[0], references[0], options.seed)
    return result


def rows_of(samples, options):
    """The rows of a set: as many as the smallest file has, or as the user wants."""
    return min([len(values) for values in samples.values()] + ([options.rows] if options.rows else []))


def compare(data, samples, options):
    """data [many][D]; samples: name -> [n][D]. The rows of a set, the oracle's measures, and those of each sample with
    their ratios."""
    rows = min(len(data) // 2, rows_of(samples, options))
    pairs = fresh_pairs(data, rows, options.pairs, options.seed)
    references = [first for first, _ in pairs]
    oracle = measure([second for _, second in pairs], references, options)
    rng = np.random.default_rng(options.seed)
    results = {}
    for name, values in samples.items():
        chosen = [values[rng.permutation(len(values))[:rows]] for _ in references]
        results[name] = measure(chosen, references, options)
        for key in ("sliced_w1", "energy"):
            results[name][key + "_ratio"] = results[name][key] / oracle[key]
    return rows, oracle, results


# ---- the program

def read(options):
    """(data [many][D], {path: samples [n][D]}); toy data is as much as disjoint sets take."""
    tables = {path: read_samples(path) for path in options.samples}
    samples = {path: table.values.astype(np.float64) for path, table in tables.items()}
    if options.data:
        data = read_table(options.data, DATA_ROWS_MAX, options.seed)
    else:
        data = draw_toy(options.source, 2 * rows_of(samples, options) * options.pairs, options.noise, options.seed,
                        options.ddpm, options.dimensions)
    for path, table in tables.items():
        table.expect_columns_of(data, path)
    if len(data.values) < 2:
        raise BadData(f"{options.data}: one row cannot be split into two sets")
    return data.values.astype(np.float64), samples


def table_lines(oracle, results, forest):
    """An aligned table for people."""
    columns = [("forest", "forest", ".4f")] if forest else []
    columns += [("sliced W1", "sliced_w1", ".4f"), ("ratio", "sliced_w1_ratio", ".2f"), ("energy", "energy", ".5f"),
                ("ratio", "energy_ratio", ".2f")]
    width = max(map(len, [*results, "oracle"]))
    yield " " * width + "".join(f"{title:>11}" for title, _, _ in columns)
    for name, values in [*results.items(), ("oracle", {**oracle, "sliced_w1_ratio": 1.0, "energy_ratio": 1.0})]:
        yield f"{name:{width}}" + "".join(f"{values[key]:11{form}}" for _, key, form in columns)


def parse():
    parser = command_line.Parser(__doc__.split("\n\n")[0])
    parser.add_argument("samples", nargs="+", help="files of `ddpm sample`")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", metavar="FILE.h5[:dataset]", help="real data, held out from training if possible")
    source.add_argument("--source", choices=TOY, metavar="KIND",
                        help=f"toy set, made afresh by `ddpm data`: {', '.join(TOY)}")
    parser.add_argument("--noise", type=float, help="noise of the toy set (default: its own)")
    parser.add_argument("--dimensions", type=int, choices=(2, 3), default=2, help="dimensions of the toy set")
    parser.add_program()
    parser.add_argument("--rows", type=command_line.positive, metavar="N",
                        help="rows of a set (default: as many as the smallest file has)")
    parser.add_argument("--pairs", type=command_line.positive, default=10, metavar="N", help="pairs of fresh sets")
    parser.add_argument("--directions", type=command_line.positive, default=128, metavar="N",
                        help="directions of the sliced distance")
    parser.add_argument("--energy-rows", type=command_line.positive, default=2000, metavar="N",
                        help="rows for the energy distance, whose time grows with their square")
    parser.add_argument("--forest", action="store_true",
                        help="add the accuracy of a random forest that tells samples from data, on the first pair")
    parser.add_argument("--seed", type=int, default=20001,
                        help="seed of fresh data, directions and choices; it should not be the training's")
    parser.add_argument("--json", metavar="FILE", help="write the table for programs")
    parser.add_argument("--at-most", type=float, metavar="R", help="exit 1 when a sliced W1 ratio is above R")
    options = parser.parse_args()
    if options.noise is not None and options.data:
        parser.error("--noise goes with --source")
    return options


def main():
    options = parse()
    data, samples = read(options)
    rows, oracle, results = compare(data, samples, options)
    print(f"{rows} rows, {options.pairs} pairs of fresh sets, {options.directions} directions, seed {options.seed}")
    print("\n".join(table_lines(oracle, results, options.forest)))
    if options.json:
        write_json(options.json, {"rows": rows, "pairs": options.pairs, "directions": options.directions,
                                  "seed": options.seed, "data": options.data or options.source, "oracle": oracle,
                                  "samples": results})
    if options.at_most is None:
        return 0
    return int(any(not result["sliced_w1_ratio"] <= options.at_most for result in results.values()))


if __name__ == "__main__":
    command_line.run(main)
