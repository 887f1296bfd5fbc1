#!/usr/bin/python3
"""A sweep: a base configuration, and a grid of settings over it. Each point of the grid is a run folder like any other,
with an evaluation and its schedule.

  jobs/sweep.py list SWEEP.yaml              the points, and how far each has come
  jobs/sweep.py run SWEEP.yaml INDEX         train and evaluate one point; what is done already is not done again
  jobs/sweep.py run-all SWEEP.yaml           all points that are not finished, on this machine, one a core at a time
  jobs/sweep.py submit SWEEP.yaml [-- ...]   the same as a job array (jobs/sweep.sbatch; what follows -- goes to sbatch)
  jobs/sweep.py missing SWEEP.yaml           indices that are not finished, as `sbatch --array` takes them
  jobs/sweep.py resubmit SWEEP.yaml          submit again: only what is neither finished nor in the queue
  jobs/sweep.py gather SWEEP.yaml            table.h5 and table.csv of what is finished

SWEEP.yaml:
  base: ../swiss_roll.yaml                   from this file's folder
  set: {training.iterations: 4000}           over the base, for every point, in each of which it must have an effect
  grid:                                      the points are all combinations; the last axis turns fastest
    diffusion.steps: [10, 100, 1000]
    training.learning_rate: [1e-4, 1e-3]
    schedule:                                or settings that go together, each under a name
      cosine: {diffusion.schedule.kind: cosine}
      linear: {diffusion.schedule.kind: linear, diffusion.schedule.rescale: true}
  evaluate: [--count, 1000]                  options of `ddpm evaluate`
  output: runs/sweep                         default: runs/ and the name of this file

Values may be added to a grid: what is finished stays so. A point that was made with another base, `set` or `evaluate`
is `changed`, and not in the table; run-all measures it again where `ddpm train` can go on from it, else says why not:
its folder is then to be removed.
"""
import argparse
import collections
import concurrent.futures
import itertools
import os
import shlex
import subprocess
import sys

import h5py
import numpy as np

from ddpm_analysis import BadData, Failure, Missing, command_line, open_run, read_config, read_csv, read_json
from ddpm_analysis import write_csv, write_json
from ddpm_analysis.hdf5 import open_h5, whole_h5
from ddpm_analysis.program import STOPPED, Runner
from ddpm_analysis.runs import iterations_in_all
from ddpm_analysis.text_files import differs_from_json, make_folder, stem

HERE = os.path.dirname(os.path.abspath(__file__))
BAD_CONFIG = 78


class BadSweep(Failure):
    code = BAD_CONFIG


# labels: {axis: value or name}; origin: all that its results follow from
Point = collections.namedtuple("Point", "index labels settings folder origin")


# ---- the definition

def scalar(value):
    return isinstance(value, (str, int, float, bool))


def axis_values(axis, values, path):
    """[(label, {key: value})] of one axis of the grid."""
    if isinstance(values, list) and values and all(map(scalar, values)):
        found = [(value, {axis: value}) for value in values]
    elif isinstance(values, dict) and values and all(isinstance(settings, dict) for settings in values.values()):
        found = list(values.items())
    else:
        raise BadSweep(f"{path}: grid.{axis}: expected a list of values, or names with settings {{key: value}} each")
    names = [as_name(label) for label, _ in found]
    twice = [label for index, (label, _) in enumerate(found) if names[index] in names[:index]]
    if twice:
        raise BadSweep(f"{path}: grid.{axis}: {as_text(twice[0])} is there twice, or its folder has the name of another"
                       " one; give each a name, as {NAME: {key: value}}")
    return found


def as_text(value):
    """A value as YAML and names of files write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_name(value):
    """The part of a folder's name that a value is."""
    return as_text(value).replace("/", "_")


def short(axis):
    """"steps" of "diffusion.steps"."""
    return axis.rpartition(".")[2]


class Sweep:
    def __init__(self, path, output=None):
        definition = read_config(path)
        known = {"base", "set", "grid", "evaluate", "output"}
        for key in definition:
            if key not in known:
                raise BadSweep(f"{path}: unknown key {key!r}; there are {', '.join(sorted(known))}")
        grid = definition.get("grid")
        if not isinstance(definition.get("base"), str) or not isinstance(grid, dict) or not grid:
            raise BadSweep(f"{path}: needs base: FILE.yaml and grid: {{key: [values]}}")
        for key, kind, form in (("set", dict, "{key: value}"), ("evaluate", list, "[--count, 1000]"),
                                ("output", str, "a folder")):
            if not isinstance(definition.get(key) or kind(), kind):
                raise BadSweep(f"{path}: {key}: expected {form}, found {definition[key]!r}")
        self.path, self.name = path, stem(path)
        self.base = os.path.join(os.path.dirname(path), definition["base"])
        if not os.path.isfile(self.base):
            raise Missing(f"{path}: base: no file {self.base}")
        self.output = output or definition.get("output") or os.path.join("runs", self.name)
        self.evaluate = list(map(str, definition.get("evaluate") or []))
        self.axes = list(grid)
        self.points = list(self.combine(definition))

    def combine(self, definition):
        axes = [[(axis, *value) for value in axis_values(axis, values, self.path)]
                for axis, values in definition["grid"].items()]
        base = read_config(self.base)
        there = os.listdir(self.output) if os.path.isdir(self.output) else []
        for index, choice in enumerate(itertools.product(*axes)):
            settings = dict(definition.get("set") or {})
            for _, _, more in choice:
                settings.update(more)
            labels = "-".join(f"{short(axis)}_{as_name(label)}" for axis, label, _ in choice)
            # it may have had another number, before the grid got more values
            before = sorted(name for name in there if name.partition("-")[2] == labels and name[:4].isdecimal())
            name = f"{index:04d}-{labels}"
            folder = os.path.join(self.output, before[0] if before and name not in before else name)
            origin = {"base": base, "set": {key: as_text(value) for key, value in settings.items()},
                      "evaluate": self.evaluate}
            yield Point(index, {axis: label for axis, label, _ in choice}, settings, folder, origin)

    def point(self, index):
        if not 0 <= index < len(self.points):
            raise BadSweep(f"{self.path}: no point {index}; there are 0 to {len(self.points) - 1}")
        return self.points[index]

    def unfinished(self):
        return [point for point in self.points if state(point) != "finished"]


# ---- how far a point has come

def evaluation_path(point):
    return os.path.join(point.folder, "evaluation.json")


def origin_path(point):
    return os.path.join(point.folder, "origin.json")


def schedule_path(point):
    return os.path.join(point.folder, "schedule.csv")


def iterations(point):
    """How many iterations are done, and how many there will be."""
    run = open_run(point.folder)
    with open_h5(run.checkpoint_path()) as file:
        return int(file.attrs["iteration"]), iterations_in_all(run.config, file.attrs)


def state(point):
    if os.path.exists(evaluation_path(point)):
        return "changed" if differs_from_json(origin_path(point), point.origin) else "finished"
    try:
        done, wanted = iterations(point)
    except Failure:
        return "missing"
    return "trained" if done >= wanted else "started"


# ---- running

def make_runner(options, environment=None):
    return Runner(os.environ.get("DDPM") or os.path.join(HERE, "..", "build", "release", "ddpm"),
                  shlex.split(options.launch), environment)


def run_point(sweep, point, runner, log=None):
    """Train, write the schedule, evaluate. The exit code of what did not go well, or 0."""
    make_folder(point.folder)
    if state(point) == "finished":
        return 0
    settings = [word for key, value in point.settings.items() for word in ("--set", f"{key}={as_text(value)}")]
    partial, config = os.path.join(point.folder, ".evaluation.json"), os.path.join(point.folder, "config.yaml")
    code = (runner.run("train", sweep.base, *settings, "--output", point.folder, log=log)
            or runner.run("schedule", config, "--output", schedule_path(point), log=log)
            or runner.run("evaluate", point.folder, *sweep.evaluate, "--json", partial, log=log))
    if code == 0:
        os.replace(partial, evaluation_path(point))
        write_json(origin_path(point), point.origin)
    return code


def run_one(sweep, options):
    return run_point(sweep, sweep.point(options.index), make_runner(options))


def run_all(sweep, options):
    """Each point alone on a core, with a log of its own: faster than many cores on one point after the other."""
    runner = make_runner(options, {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")})
    waiting, failed = sweep.unfinished(), 0

    def work(point):
        make_folder(point.folder)
        with open(os.path.join(point.folder, "log.txt"), "ab") as log:
            return point, run_point(sweep, point, runner, log)
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        for future in concurrent.futures.as_completed([pool.submit(work, point) for point in waiting]):
            point, code = future.result()
            failed = failed or code
            if code != STOPPED or not runner.stopping:
                outcome = f"exit code {code}, see log.txt there" if code else "finished"
                print(f"{point.folder}: {outcome}", flush=True)
    if runner.stopping:
        print(f"stopped; the same command goes on with {len(sweep.unfinished())} of {len(sweep.points)} points",
              file=sys.stderr)
    return failed


# ---- the queue

def as_ranges(indices):
    """[0, 1, 2, 5] as 0-2,5."""
    groups = []
    for index in sorted(indices):
        if groups and groups[-1][1] == index - 1:
            groups[-1][1] = index
        else:
            groups.append([index, index])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in groups)


def call(words):
    """The output of a command of SLURM."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Missing(f"{words[0]}: {error.strerror}; is this a machine of a SLURM cluster?") from None
    if done.returncode != 0:
        raise BadData(f"{words[0]}: {' '.join(done.stderr.split()) or done.returncode}; run-all needs no SLURM")
    return done.stdout


def job_name(sweep):
    """The name by which the jobs of this sweep, with this folder, are found in the queue."""
    return f"sweep:{os.path.abspath(sweep.output)}"


def queued(sweep):
    """The indices of the points that wait or run."""
    lines = call(["squeue", "--noheader", "--array", "--format=%K", "--name=" + job_name(sweep)]).split()
    return {int(line) for line in lines if line.isdecimal()}


def submit(sweep, options):
    there = queued(sweep)
    wanted = [point.index for point in sweep.unfinished() if point.index not in there]
    if there:
        print(f"in the queue already: {as_ranges(there)}")
    if not wanted:
        print("nothing to submit")
        return 0
    limit = f"%{options.at_once}" if options.limited else ""
    script = [os.path.join(HERE, "sweep.sbatch"), os.path.abspath(sweep.path)]
    output = ["--output", os.path.abspath(sweep.output)]
    array = ["--job-name=" + job_name(sweep), f"--array={as_ranges(wanted)}{limit}"]
    os.environ.setdefault("DDPM_HOME", os.path.dirname(HERE))  # of the jobs, which start in copies of the script
    print(f"{call(['sbatch', *array, *options.sbatch, *script, *output]).strip()}: points {as_ranges(wanted)}")
    return 0


# ---- tables

def list_points(sweep, _):
    for point in sweep.points:
        axes = "  ".join(f"{axis}={as_text(label)}" for axis, label in point.labels.items())
        print(f"{point.index:5d}  {state(point):8}  {axes}")
    return 0


def list_missing(sweep, _):
    print(as_ranges(point.index for point in sweep.unfinished()))
    return 0


def nested(values, *keys):
    """values[key][key]... as a number, or NaN where there is none."""
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return np.nan if values is None else float(values)


def row_of(point):
    """One finished point: its place in the grid, its training, the end of its schedule, its quality: how
    often a forest that tells samples from data is right (0.5 is perfect), and distances. All of them also as multiples
    of what fresh data has in the samples' place (a ratio of 1 is perfect)."""
    found = read_json(evaluation_path(point))
    metrics, last_step = open_run(point.folder).metrics, read_csv(schedule_path(point))[-1]
    validation = metrics["validation_loss"][np.isfinite(metrics["validation_loss"])]
    row = {"index": point.index, "folder": os.path.basename(point.folder), **point.labels,
           "T": int(found["steps"]), "iterations": int(found["iteration"]),
           "seconds": float(metrics["seconds"][-1]), "training_loss": float(metrics["loss"][-1]),
           "validation_loss": float(validation[-1]) if len(validation) else np.nan,
           "alpha_bar_T": float(last_step["alpha_bar"]), "snr_T": float(last_step["snr"]),
           "prior": nested(found, "prior") / found["columns"],
           "bound": nested(found, "bound", "nats_per_column"),
           "bound_error": nested(found, "bound_error") / found["columns"],
           "log_likelihood": -nested(found, "likelihood", "nats_per_column")}
    for measure in ("forest", "sliced_w1", "sliced_w2", "energy", "mmd2", "ks_mean"):
        row[measure] = nested(found, "quality", measure, "samples")
        row[measure + "_ratio"] = nested(found, "quality", measure, "ratio")
    taken = [axis for axis in point.labels if row[axis] != point.labels[axis]]
    if taken:
        raise BadSweep(f"grid.{taken[0]}: the table has a column of this name already; give the axis another")
    return row


def write_h5(path, rows, sweep):
    """A dataset [points] for each column; the attribute `axes` names those that span the grid."""
    with whole_h5(path) as file:
        file.attrs["sweep"], file.attrs["axes"], file.attrs["points"] = sweep.name, sweep.axes, len(sweep.points)
        for name in rows[0]:
            values = [row[name] for row in rows]
            mixed = any(isinstance(value, (str, bool)) for value in values)
            file[name] = np.array(list(map(as_text, values)), h5py.string_dtype()) if mixed else np.array(values)


def gather(sweep, _):
    rows = [row_of(point) for point in sweep.points if state(point) == "finished"]
    missing = as_ranges(point.index for point in sweep.unfinished())
    if not rows:
        raise Missing(f"{sweep.output}: no point is finished")
    write_h5(os.path.join(sweep.output, "table.h5"), rows, sweep)
    write_csv(os.path.join(sweep.output, "table.csv"), list(rows[0]), [row.values() for row in rows])
    more = f"; missing: {missing}" if missing else ""
    print(f"{sweep.output}/table.h5, table.csv: {len(rows)} of {len(sweep.points)} points{more}")
    return 0


VERBS = {"list": list_points, "run": run_one, "run-all": run_all, "submit": submit, "resubmit": submit,
         "missing": list_missing, "gather": gather}


def main():
    parser = command_line.Parser(__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=VERBS, metavar="VERB")
    parser.add_argument("sweep", metavar="SWEEP.yaml")
    parser.add_argument("index", nargs="?", type=int, metavar="INDEX", help="of the point to run")
    parser.add_argument("--output", metavar="DIR", help="folder of the points, over the file's")
    parser.add_argument("--launch", default="", metavar="WORDS", help="before the program, for example 'mpirun -n 4'")
    parser.add_argument("--at-once", type=command_line.positive, metavar="N",
                        help="points at a time (default: run-all one a core, submit no limit)")
    words = sys.argv[1:]
    rest = words[words.index("--") + 1:] if "--" in words else []
    options = parser.parse_args(words[:len(words) - len(rest) - ("--" in words)])
    options.sbatch, options.limited = rest, options.at_once is not None
    options.at_once = options.at_once or len(os.sched_getaffinity(0))
    if (options.verb == "run") != (options.index is not None):
        parser.error("an INDEX goes with run, and with run only")
    return VERBS[options.verb](Sweep(options.sweep, options.output), options)


if __name__ == "__main__":
    command_line.run(main)
