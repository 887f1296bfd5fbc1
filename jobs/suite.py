#!/usr/bin/python3
"""The quality suite: trains the default configuration on data sets that it was not tuned for, and measures the samples
beside what fresh data gets in their place.

  jobs/suite.py runs/suite                            all sets: some hours on two cores
  jobs/suite.py runs/suite --only eight rings         some of them
  jobs/suite.py runs/wide --set network.width=256     another configuration
  jobs/suite.py runs/quick --short                    a test of the suite itself, in a minute: the samples are not good

The configuration is that of the program, without any key but the data's path and those of --set. FOLDER gets a run
folder for each set, table.csv and densities.png. The same command goes on where it was interrupted; what is measured is
not measured again, and a folder of other settings or other defaults is refused.

Columns of the table: set, rows and columns to train on; seconds of training, and of 10,000 samples; accuracy: that of a
random forest that tells 10,000 samples from 10,000 fresh rows, 0.5 is perfect, the mean over three sets of samples;
oracle: the same of other fresh rows; limit: the most that it may be, but for its standard error of .003; deviation: the
worst column's ratio of standard deviations; allowed: how far it may be from 1, with the error that samples have by
their number; w1: the sliced W1 distance of standardised columns, and its oracle; spread: the standard deviation off the
plane that the rows lie near, right is 0.1; gap: the model's log-likelihood of held-out rows less the true one, nats a
column; best and time: the best accuracy of the run's checkpoints, and the seconds until it was within 0.01 of that;
result: yes, or what was not kept. Of real tables half of the rows are trained on, and the others are compared with up
to ten sets of samples.

The exit code is 1 when a limit is not kept."""
import argparse
import os
import subprocess
import sys
import time
from statistics import NormalDist

import numpy as np

from ddpm_analysis import BadData, Failure, Missing, command_line, distances, open_run, read_json, read_samples
from ddpm_analysis import read_table, write_csv, write_json
from ddpm_analysis.datasets import choose
from ddpm_analysis.hdf5 import write_rows
from ddpm_analysis.program import STOPPED, Runner, run_program
from ddpm_analysis.text_files import make_folder, parse_config

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "..", "build", "release", "ddpm")
COLUMNS = ("set", "rows", "columns", "train_seconds", "sample_seconds", "accuracy", "oracle", "limit", "deviation",
           "allowed", "w1", "w1_oracle", "spread", "gap", "best", "time", "result")
TEXTS = ("set", "result")
DIRECTIONS = 128
SEED = 20001                # of forests, directions and samples
MORE_SETS = 3               # of samples that are compared where more are drawn
ERROR = 0.003               # of their mean accuracy, a standard error: a limit is not kept where it is exceeded by more
REAL_ROWS = 10_000          # of a real table with fewer fresh rows several sets are compared, until they are so many
NEAR_BEST = 0.01            # of accuracy


class BadFolder(Failure):
    code = 78


class Stopped(Exception):
    """The user wants an end; the same command goes on."""


class Size:
    """How much of everything: the whole suite, or its short form."""

    def __init__(self, short):
        self.train = 2000 if short else 1_000_000          # at most
        self.samples = 500 if short else 10_000
        self.more_samples = 0 if short else 40_000         # for the standard deviations, and two more accuracies
        self.likelihood = 20 if short else 1000            # fresh rows
        self.checkpoints = 4 if short else 10              # of a run
        self.real_sets = 1 if short else 10                # of samples and of splits of a real table, at most
        self.sets = ("two_moons", "mixture10", "factors64", "iris") if short else None
        self.settings = ["training.iterations=200"] if short else []


class Suite:
    def __init__(self, options):
        self.folder, self.data = options.folder, options.data or os.path.join(options.folder, "data")
        self.short, self.size, self.time_to_quality = options.short, Size(options.short), options.time_to_quality
        self.program = os.environ.get("DDPM") or PROGRAM
        self.settings = [*self.size.settings, *options.set]
        self.sets = choose(options.only or self.size.sets)
        self.runner = Runner(self.program)

    def words(self):
        return [word for setting in self.settings for word in ("--set", setting)]

    def path(self, dataset, *names):
        return os.path.join(self.folder, dataset.name, *names)

    def row_path(self, dataset):
        return self.path(dataset, "quality.json")

    def data_path(self, dataset, part):
        return os.path.join(self.data, f"{dataset.name}-{part}.h5")

    def rows(self, dataset, part):
        return read_table(self.data_path(dataset, part)).values.astype(np.float64)

    def check_folder(self):
        """The folder belongs to the settings and defaults of its first run; these as {key: value}."""
        config = run_program("config", os.devnull, *self.words(), program=self.program).stdout
        now = {**flat(parse_config(config)), "--short": self.short}
        path = os.path.join(self.folder, "suite.json")
        before = read_json(path)["config"] if os.path.exists(path) else now
        for key in [*now, *before]:
            if before.get(key) != now.get(key):
                raise BadFolder(f"{self.folder}: it was made with {key}: {before.get(key)}, and now it is "
                                f"{now.get(key)}; take another folder")
        for folder in (self.folder, self.data):
            make_folder(folder)
        write_json(path, {"settings": self.settings, "data": os.path.abspath(self.data), "config": now})
        return now

    def run(self, log, *arguments):
        code = self.runner.run(*arguments, log=log)
        if code == STOPPED:
            raise Stopped
        if code != 0:
            raise BadData(f"`ddpm {arguments[0]}` failed with exit code {code}; see {log.name}")


def flat(config, prefix=""):
    """{"training.batch": 256} of nested dictionaries."""
    found = {}
    for key, value in config.items():
        found.update(flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return found


# ---- one set

def prepare(suite, dataset):
    """The files of its parts, and the oracle; both belong to the data, and other runs may share them."""
    sizes = {"train": min(dataset.rows, suite.size.train), "fresh": suite.size.samples, "other": suite.size.samples}
    for part, rows in sizes.items():
        path = suite.data_path(dataset, part)
        if not os.path.exists(path):
            write_rows(path, dataset.part(part, rows, suite.program))
    path = os.path.join(suite.data, f"{dataset.name}-oracle.json")
    if not os.path.exists(path):
        write_json(path, measure_oracle(suite, dataset))
    return read_json(path)


def measure_oracle(suite, dataset):
    if dataset.real:
        pairs = [dataset.halves(split) for split in range(sets_of(suite, dataset, suite.rows(dataset, "fresh")))]
        pairs = [(a.astype(np.float64), b[:len(a)].astype(np.float64)) for a, b in pairs]
    else:
        pairs = [(suite.rows(dataset, "other"), suite.rows(dataset, "fresh"))]
    return {"oracle": accuracy(*zip(*pairs)), "w1_oracle": float(np.mean([distance(*pair) for pair in pairs]))}


def sets_of(suite, dataset, fresh):
    """How many sets of samples are compared with the fresh rows."""
    return min(suite.size.real_sets, -(-REAL_ROWS // len(fresh))) if dataset.real else 1


def accuracy(samples, references):
    """The mean over pairs of sets."""
    return float(np.mean([distances.forest_accuracy(x, y, SEED) for x, y in zip(samples, references)]))


def distance(x, reference):
    directions = distances.random_directions(reference.shape[1], DIRECTIONS, SEED)
    count = min(len(x), len(reference))
    return distances.sliced_w1(distances.standardise(x[:count], reference),
                               distances.standardise(reference[:count], reference), directions)


def train(suite, dataset, every, log):
    data = os.path.abspath(suite.data_path(dataset, "train"))
    suite.run(log, "train", os.devnull, "--set", "data.source=hdf5", "--set", f"data.path={data}",
              "--set", "checkpoint.keep=0", "--set", f"checkpoint.every={every}", *suite.words(),
              "--output", suite.path(dataset))
    return float(open_run(suite.path(dataset)).metrics["seconds"][-1])


def sample(suite, model, count, path, seed, log):
    """The samples and the seconds that they took, which their file remembers."""
    if not os.path.exists(path):
        started = time.monotonic()
        suite.run(log, "sample", model, "--count", count, "--seed", seed, "--output", path)
        write_json(path + ".json", {"seconds": time.monotonic() - started})
    seconds = read_json(path + ".json")["seconds"] if os.path.exists(path + ".json") else np.nan
    return read_samples(path).values.astype(np.float64), seconds


def likelihood_gap(suite, dataset, log):
    """The log-likelihood of fresh rows in their own units under the model, less the true one; nats a column."""
    data, result = suite.path(dataset, "likelihood-rows.h5"), suite.path(dataset, "likelihood.json")
    rows = suite.rows(dataset, "fresh")[:suite.size.likelihood]
    write_rows(data, rows.astype(np.float32))
    suite.run(log, "evaluate", suite.path(dataset), "--data", data, "--likelihood", "--count", len(rows),
              "--samples", 0, "--json", result)
    truth = dataset.log_density(rows).mean() / rows.shape[1]
    return -read_json(result)["likelihood"]["own_nats_per_column"] - truth


def measure(suite, dataset, every, log):
    """The row of a set: a dictionary of COLUMNS."""
    row = {"set": dataset.name, **prepare(suite, dataset)}
    data, fresh = suite.rows(dataset, "train"), suite.rows(dataset, "fresh")
    row["rows"], row["columns"] = data.shape
    row["train_seconds"] = train(suite, dataset, every, log)
    run, sets = suite.path(dataset), sets_of(suite, dataset, fresh)
    x, row["sample_seconds"] = sample(suite, run, len(fresh) * sets, suite.path(dataset, "samples.h5"), SEED, log)
    if dataset.plane is not None:
        row["spread"] = distances.spread_off_plane(x, dataset.plane)
    if suite.size.more_samples and dataset.limits.deviation:
        path = suite.path(dataset, "more_samples.h5")
        x = np.concatenate([x, sample(suite, run, suite.size.more_samples, path, SEED + 1, log)[0]])
        sets = MORE_SETS
    parts = x[:len(fresh) * sets].reshape(sets, len(fresh), -1)
    row["accuracy"] = accuracy(parts, [fresh] * sets)
    row["w1"] = float(np.mean([distance(part, fresh) for part in parts]))
    row["deviation"], row["allowed"] = worst_deviation(x, data, dataset.limits.deviation)
    if dataset.log_density:
        row["gap"] = likelihood_gap(suite, dataset, log)
    return row


def worst_deviation(x, data, limit):
    """The ratio of standard deviations that is farthest from 1, and how far it may be: the limit, and what one set in
    forty exceeds by chance in the worst of its columns. Farthest counts in units of that, where there is a limit."""
    ratios, errors = distances.deviation_ratios(x, data)
    chance = NormalDist().inv_cdf(1 - 0.0125 / len(ratios)) * errors
    allowed = np.ones(len(ratios)) if limit is None else limit + chance
    worst = np.argmax(np.abs(ratios - 1) / allowed)
    return float(ratios[worst]), None if limit is None else float(allowed[worst])


def measure_history(suite, dataset, log):
    """[(iteration, seconds, accuracy)] of the checkpoints of a run, in a file that holds those that are done."""
    run, fresh = open_run(suite.path(dataset)), suite.rows(dataset, "fresh")
    history = read_history(suite, dataset)
    for iteration in iterations_of(suite, dataset):
        if iteration in (point[0] for point in history):
            continue
        samples = suite.path(dataset, f"samples-{iteration}.h5")
        x, _ = sample(suite, run.checkpoint_path(iteration), len(fresh), samples, SEED, log)
        seconds = float(np.interp(iteration, run.metrics["iteration"], run.metrics["seconds"]))
        history.append((iteration, seconds, accuracy([x], [fresh])))
        write_json(suite.path(dataset, "history.json"), history)
        for file in (samples, samples + ".json"):
            os.unlink(file)


def read_history(suite, dataset):
    path = suite.path(dataset, "history.json")
    return read_json(path) if os.path.exists(path) else []


def iterations_of(suite, dataset):
    """Those at which a run saved a checkpoint."""
    names = os.listdir(suite.path(dataset, "checkpoints"))
    return sorted(int(name[5:-3]) for name in names if name.startswith("step-"))


def time_to_quality(history):
    """(best accuracy, seconds until it was within NEAR_BEST of it)."""
    best = min(accuracy for _, _, accuracy in history)
    return best, min(seconds for _, seconds, accuracy in history if accuracy <= best + NEAR_BEST)


def broken_limits(row, limits):
    """What is not kept, as texts. A value that is not a number keeps no limit."""
    if limits.accuracy is not None and not row["accuracy"] <= limits.accuracy + ERROR:
        yield f"accuracy {row['accuracy']:.3f}"
    if limits.deviation is not None and not abs(row["deviation"] - 1) <= row["allowed"]:
        yield f"deviation {row['deviation']:.3f}"
    if limits.spread is not None and not row["spread"] <= limits.spread:
        yield f"spread {row['spread']:.3f}"
    if limits.likelihood is not None and not abs(row["gap"]) <= limits.likelihood:
        yield f"gap {row['gap']:.3f}"


def make_row(suite, dataset, every):
    """Measure what is not measured yet."""
    make_folder(suite.path(dataset))
    with open(suite.path(dataset, "log.txt"), "ab") as log:
        if not os.path.exists(suite.row_path(dataset)):
            write_json(suite.row_path(dataset), measure(suite, dataset, every, log))
        if suite.time_to_quality and not dataset.real:
            measure_history(suite, dataset, log)


def read_row(suite, dataset):
    """What is measured of a set, and which limits it keeps."""
    row, history = read_json(suite.row_path(dataset)), read_history(suite, dataset)
    if history and len(history) == len(iterations_of(suite, dataset)):
        row["best"], row["time"] = time_to_quality(history)
    row["limit"] = dataset.limits.accuracy
    limited = any(value is not None for value in vars(dataset.limits).values())
    row["result"] = "; ".join(broken_limits(row, dataset.limits)) or ("yes" if limited else "")
    return row


# ---- the table

def cells(row):
    return [row.get(name) if row.get(name) is not None else "" if name in TEXTS else np.nan for name in COLUMNS]


TITLES = ("set", "rows", "cols", "train s", "sample s", "forest", "oracle", "limit", "dev", "allowed", "w1", "oracle",
          "spread", "gap", "best", "time s", "result")
FORMS = ("<14", ">7d", ">5d", ">8.1f", ">9.1f", ">7.3f", ">7.3f", ">6.2f", ">7.3f", ">8.3f", ">8.4f", ">8.4f", ">7.3f",
         ">8.4f", ">6.3f", ">7.1f", "")


def aligned(values):
    """A line of the printed table; None leaves its place empty."""
    words = []
    for value, form in zip(values, FORMS):
        width = form.partition(".")[0].rstrip("d")
        words.append(f"{value or '':{width}}" if value is None or isinstance(value, str) else f"{value:{form}}")
    return " ".join(words).rstrip()


def draw(suite):
    picture = os.path.join(suite.folder, "densities.png")
    script = os.path.join(HERE, "..", "analysis", "suite.py")
    if subprocess.run([sys.executable, script, suite.folder, "--output", picture], check=False).returncode == 0:
        print(f"{os.path.join(suite.folder, 'table.csv')}, {picture}")


def write_table(suite, rows):
    """rows: {set: row} of this call; sets of earlier calls stand in the table too."""
    names = []
    for dataset in choose(None):
        if dataset.name not in rows and os.path.exists(suite.row_path(dataset)):
            rows = {**rows, dataset.name: read_row(suite, dataset)}
        names += [dataset.name] if dataset.name in rows else []
    write_csv(os.path.join(suite.folder, "table.csv"), COLUMNS, [cells(rows[name]) for name in names])


def run_suite(suite):
    iterations = suite.check_folder().get("training.iterations")
    every = max(1, iterations // suite.size.checkpoints) if isinstance(iterations, int) else 1000
    rows = {}
    print(aligned(TITLES))
    for dataset in suite.sets:
        try:
            make_row(suite, dataset, every)
            row = read_row(suite, dataset)
        except Missing as missing:
            print(f"skipped: {dataset.name}: {missing}", file=sys.stderr)
            continue
        except BadData as bad:
            row = {"set": dataset.name, "result": str(bad)}
        rows[dataset.name] = row
        print(aligned(row.get(name) for name in COLUMNS), flush=True)
        write_table(suite, rows)
    if any(not dataset.real and "accuracy" in rows.get(dataset.name, {}) for dataset in suite.sets):
        draw(suite)
    return int(any(row["result"] not in ("yes", "") for row in rows.values()))


def parse():
    parser = command_line.Parser(__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="FOLDER", help="of the runs and of the table")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="over the program's defaults")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these sets alone")
    parser.add_argument("--short", action="store_true",
                        help="few sets, rows and iterations: a test of the suite itself")
    parser.add_argument("--time-to-quality", action="store_true",
                        help="also measure the checkpoints of each run, which takes a minute a set")
    parser.add_argument("--data", metavar="DIR",
                        help="folder of the data and of the oracles, which suites may share (default: FOLDER/data)")
    options = parser.parse_args()
    if options.short and options.data:
        parser.error("--data goes with the whole suite: the short form has fewer rows")
    return options


def main():
    suite = Suite(parse())
    try:
        return run_suite(suite)
    except Stopped:
        print("stopped; the same command goes on", file=sys.stderr)
        return STOPPED


if __name__ == "__main__":
    command_line.run(main)
