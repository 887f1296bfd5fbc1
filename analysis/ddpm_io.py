"""The one reader of everything `ddpm` writes: run folders, checkpoints, samples, trajectories, data, CSV tables.

    run = open_run("runs/swiss_roll")
    run.config["diffusion"]["steps"], run.metrics["loss"], run.checkpoint().ema["hidden0/weight"]

Nothing here draws or writes, apart from `draw_toy`, which asks the program for a fresh toy data set.
Failures are `Missing` (exit code 66) or `BadData` (65), with a message for the user.
"""
import csv
import functools
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, field

import h5py
import numpy as np
import yaml


class Failure(Exception):
    """What the user can put right; `code` is the exit code of the program that meets it."""
    code = 70


class BadData(Failure):
    code = 65


class Missing(Failure):
    code = 66


# ---- text files

class ConfigLoader(yaml.SafeLoader):
    """PyYAML follows YAML 1.1, where 1e-05 is a text; the program's files follow 1.2, where it is a number."""


ConfigLoader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
                                   list("-+.0123456789"))


def parse_config(text, name="config"):
    """A resolved configuration as nested dictionaries."""
    try:
        config = yaml.load(text, ConfigLoader)
    except yaml.YAMLError as error:
        raise BadData(f"{name}: not YAML: {' '.join(str(error).split())}")
    if not isinstance(config, dict):
        raise BadData(f"{name}: expected sections of a configuration")
    return config


def read_text(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise Missing(f"{path}: no such file")
    except UnicodeDecodeError:
        raise BadData(f"{path}: not a text file")


def read_config(path):
    return parse_config(read_text(path), path)


def read_csv(path, growing=False):
    """A table of numbers as a structured array [rows], one float64 field a column; an empty field is NaN.

    Units in the header ("seconds [s]") are cut off. With `growing`, a last line without its end is still being written and
    is left out.
    """
    text = read_text(path)
    if growing:
        text = text[:text.rfind("\n") + 1]
    lines = [line for line in csv.reader(text.splitlines()) if line and not line[0].startswith("#")]
    if not lines:
        raise BadData(f"{path}: empty; expected a header line")
    names = [re.split(r"[\s(\[]", cell.strip())[0] for cell in lines[0]]
    table = np.empty(len(lines) - 1, [(name, "f8") for name in names])
    for row, line in enumerate(lines[1:]):
        try:
            table[row] = tuple(float(cell) if cell.strip() else np.nan for cell in line)
        except ValueError:
            raise BadData(f"{path}: row {row + 1}: expected {len(names)} numbers, found {','.join(line)!r}")
    return table


def columns_of(table, names, path):
    """The named columns of a structured array; BadData when one is missing."""
    for name in names:
        if name not in table.dtype.names:
            raise BadData(f"{path}: no column {name!r}; it has {', '.join(table.dtype.names)}")
    return [table[name] for name in names]


# ---- HDF5

def open_h5(path):
    if not os.path.isfile(path):
        raise Missing(f"{path}: no such file")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise BadData(f"{path}: not an HDF5 file, or damaged ({error})")


def text_of(value):
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def attributes_of(node):
    """Attributes as plain Python values: texts, numbers, lists."""
    def plain(value):
        if isinstance(value, bytes):
            return value.decode("utf-8")
        if isinstance(value, np.ndarray):
            return [plain(item) for item in value.tolist()]
        return value.item() if isinstance(value, np.generic) else value
    return {name: plain(value) for name, value in node.attrs.items()}


def names_attribute(name, *nodes):
    """A list of texts from the first node that has the attribute, or None."""
    for node in nodes:
        if name in node.attrs:
            return [text_of(item) for item in np.atleast_1d(node.attrs[name])]
    return None


def datasets_of(file):
    """Names of the datasets of numbers with at least one dimension."""
    names = []
    def visit(name, node):
        if isinstance(node, h5py.Dataset) and node.ndim > 0 and node.dtype.kind in "fiu":
            names.append(name)
    file.visititems(visit)
    return names


def dataset_of(file, path, name, defaults):
    """The named dataset, or the first default that is there, or the only one."""
    present = datasets_of(file)
    if name is None:
        name = next((default for default in defaults if default in present), present[0] if len(present) == 1 else None)
    if name is None or name.strip("/") not in present:
        wanted = name or " or ".join(defaults)
        raise BadData(f"{path}: no dataset of numbers {wanted!r}; it has {', '.join(present[:10]) or 'none'}")
    return file[name]


def row_slices(count, limit, seed=0, block=50):
    """Slices that hold at most `limit` of `count` rows: random blocks, so that neither a sorted nor an alternating file
    gives a lopsided choice, and a large file is not read as a whole."""
    if limit is None or count <= limit:
        return [slice(0, count)]
    block = min(block, limit)
    chosen = np.random.default_rng(seed).choice(count // block, limit // block, replace=False)
    return [slice(start, start + block) for start in np.sort(chosen) * block]


def check_finite(values, what):
    """BadData naming the first place that is not finite."""
    if not np.isfinite(values).all():
        place = tuple(np.argwhere(~np.isfinite(values))[0] + 1)
        raise BadData(f"{what}: not a finite number at {place} (counted from 1)")


@dataclass
class Table:
    """Rows of numbers: data or samples."""
    values: np.ndarray                 # [N][D]
    columns: list = None               # [D] names
    label: np.ndarray = None           # [N] integers
    classes: list = None               # names of the labels
    settings: dict = field(default_factory=dict)

    def name(self, column):
        return axis_name(self.columns, column)


def axis_name(columns, column):
    return columns[column] if columns else f"$x_{{{column + 1}}}$"


def split_source(source):
    """("file.h5", "dataset" or None) of FILE.h5[:dataset]; a file whose name holds a colon is still found."""
    if ":" not in source or os.path.exists(source):
        return source, None
    path, _, name = source.rpartition(":")
    return path, name


def read_table(source, limit=None, seed=0, defaults=("data", "samples")):
    """Read FILE.h5[:dataset] with its label, names and settings. Without a dataset's name: the first of `defaults`, or the only
    one. More than two dimensions are flattened to rows. At most `limit` rows, chosen by `row_slices`."""
    path, name = split_source(source)
    with open_h5(path) as file:
        data = dataset_of(file, path, name, defaults)
        if data.shape[0] == 0:
            raise BadData(f"{path}: {data.name} has no rows")
        slices = row_slices(data.shape[0], limit, seed)
        values = np.concatenate([data[part] for part in slices])
        values = values.reshape(len(values), -1)
        check_finite(values, f"{path}: {data.name}")
        table = Table(values, names_attribute("columns", data, file), settings=attributes_of(file))
        if data.name == "/data" and "label" in file and file["label"].shape[:1] == data.shape[:1]:
            table.label = np.concatenate([file["label"][part] for part in slices])
            table.classes = names_attribute("classes", file["label"])
    if table.columns and len(table.columns) != values.shape[1]:
        raise BadData(f"{path}: {len(table.columns)} names for {values.shape[1]} columns")
    return table


def read_samples(source, limit=None, seed=0):
    return read_table(source, limit, seed, defaults=("samples", "data"))


@dataclass
class Trajectory:
    """The same rows at M steps of a forward or reverse process."""
    x: np.ndarray                      # [M][N][D]
    step: np.ndarray                   # [M] t of each snapshot; 0 is data, T is noise
    columns: list = None
    settings: dict = field(default_factory=dict)


def read_trajectory(path, limit=None, seed=0):
    """The trajectory of a samples file or of `ddpm forward`, of at most `limit` rows."""
    with open_h5(path) as file:
        if "trajectory" not in file:
            raise BadData(f"{path}: no /trajectory; write it with `ddpm sample --trajectory M` or `ddpm forward --snapshots M`")
        data = file["trajectory"]
        if "trajectory_step" not in file or data.ndim != 3 or file["trajectory_step"].shape != data.shape[:1] or 0 in data.shape:
            raise BadData(f"{path}: expected /trajectory [M][N][D] with /trajectory_step [M], found shape {data.shape}")
        x = np.concatenate([data[:, part] for part in row_slices(data.shape[1], limit, seed)], axis=1)
        check_finite(x, f"{path}: /trajectory")
        return Trajectory(x, file["trajectory_step"][:], names_attribute("columns", data, file, *([file["samples"]] if "samples" in file else [])),
                          attributes_of(file))


@dataclass
class Checkpoint:
    """All of a checkpoint, as numpy arrays. Data = standardised * scale + mean."""
    iteration: int
    config: dict
    parameters: dict                   # "hidden0/weight" -> [inputs][outputs]
    ema: dict
    moment1: dict
    moment2: dict
    beta: np.ndarray                   # [T + 1], index 0 unused
    mean: np.ndarray                   # [D]
    scale: np.ndarray                  # [D]
    minimum: np.ndarray                # [D] of the standardised training rows
    maximum: np.ndarray                # [D]
    columns: list
    attributes: dict

    @property
    def alpha_bar(self):
        with np.errstate(divide="ignore"):  # beta_T = 1 with zero terminal SNR
            return np.exp(np.concatenate([[0.0], np.cumsum(np.log1p(-self.beta[1:]))]))


def tensors_of(file, group):
    tensors = {}
    if group in file:
        file[group].visititems(lambda name, node: tensors.update({name: node[()]}) if isinstance(node, h5py.Dataset) else None)
    return tensors


def read_checkpoint(path):
    with open_h5(path) as file:
        if "parameters" not in file or "schedule/beta" not in file:
            raise BadData(f"{path}: not a checkpoint (no /parameters and /schedule/beta)")
        attributes = attributes_of(file)
        config = attributes.pop("config", None) or (text_of(file["config"][()]) if "config" in file else "{}")
        transform = tensors_of(file, "transform")
        return Checkpoint(iteration=int(attributes.get("iteration", 0)), config=parse_config(config, path),
                          parameters=tensors_of(file, "parameters"), ema=tensors_of(file, "ema"),
                          moment1=tensors_of(file, "moment1"), moment2=tensors_of(file, "moment2"),
                          beta=file["schedule/beta"][:], mean=transform.get("mean"), scale=transform.get("scale"),
                          minimum=transform.get("minimum"), maximum=transform.get("maximum"),
                          columns=names_attribute("columns", file), attributes=attributes)


# ---- run folders

@dataclass
class Run:
    folder: str

    @functools.cached_property
    def config(self):
        return read_config(os.path.join(self.folder, "config.yaml"))

    @functools.cached_property
    def metrics(self):
        return read_csv(os.path.join(self.folder, "metrics.csv"), growing=True)

    @property
    def name(self):
        return os.path.basename(os.path.abspath(self.folder))

    def checkpoint_path(self, iteration=None):
        """Of an iteration; without one, of the latest."""
        folder = os.path.join(self.folder, "checkpoints")
        if iteration is not None:
            return os.path.join(folder, f"step-{iteration:09d}.h5")
        latest = os.path.join(folder, "latest.h5")
        if os.path.exists(latest):
            return latest
        files = sorted(name for name in os.listdir(folder) if re.fullmatch(r"step-\d+\.h5", name)) if os.path.isdir(folder) else []
        if not files:
            raise Missing(f"{folder}: no checkpoint")
        return os.path.join(folder, files[-1])

    def checkpoint(self, iteration=None):
        return read_checkpoint(self.checkpoint_path(iteration))

    def data(self, count=10000, seed=1, program=None):
        """What the run was trained on: its HDF5 rows (at most `count`), or a fresh draw of its toy source."""
        data = self.config["data"]
        if data["source"] != "hdf5":
            noise = data.get("noise")
            return draw_toy(data["source"], count, noise if isinstance(noise, (int, float)) else None, seed, program,
                            data.get("dimensions", 2))
        path = data["path"] if os.path.exists(data["path"]) else os.path.join(self.folder, data["path"])
        source = f"{path}:{data['dataset']}" if data.get("dataset") else path
        return select_columns(read_table(source, count, seed), data.get("columns") or [])


def open_run(folder):
    if not os.path.isdir(folder):
        raise Missing(f"{folder}: no such run folder")
    if not os.path.isfile(os.path.join(folder, "config.yaml")):
        raise Missing(f"{folder}: not a run folder (no config.yaml)")
    return Run(folder)


def select_columns(table, wanted):
    """The wanted columns (names, or numbers counted from 0) in that order; all when none is named."""
    if not wanted:
        return table
    names = table.columns or []
    numbers = [str(index) for index in range(table.values.shape[1])]
    indices = []
    for item in map(str, wanted):
        if item not in names and item not in numbers:
            raise BadData(f"no column {item!r} among {', '.join(names) or table.values.shape[1]}")
        indices.append(names.index(item) if item in names else int(item))
    return Table(table.values[:, indices], [names[i] for i in indices] if names else None, table.label, table.classes, table.settings)


def run_program(verb, *arguments, program=None):
    """Run a verb of `ddpm`. program: its path; by default $DDPM, or the one on the PATH."""
    program = program or os.environ.get("DDPM") or "ddpm"
    try:
        done = subprocess.run([program, verb, *map(str, arguments)], capture_output=True, text=True)
    except OSError as error:
        raise Missing(f"{program}: cannot run the program ({error.strerror}); name it with --ddpm or the variable DDPM")
    if done.returncode != 0:
        errors = done.stderr.strip().splitlines()
        message = next((line for line in errors if line.startswith("ddpm: ")), (errors or [f"exit code {done.returncode}"])[0])
        raise BadData(f"`ddpm {verb} {arguments[0]}` failed: {message}")


def draw_toy(kind, count, noise=None, seed=1, program=None, dimensions=2):
    """A fresh toy data set, drawn by `ddpm data`. program: as of `run_program`."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "fresh.h5")
        options = ["--count", count, "--seed", seed, "--output", path]
        if noise is not None:
            options += ["--noise", repr(noise)]
        if dimensions != 2:
            options += ["--dimensions", dimensions]
        run_program("data", kind, *options, program=program)
        return read_table(path)


# ---- sweeps

@dataclass
class SweepTable:
    """A row a finished point of a sweep (jobs/sweep.py gather); pandas.DataFrame(table.columns) is a data frame."""
    columns: dict                      # name -> [points]
    axes: list                         # names of the columns that span the grid
    points: int                        # of the grid, finished or not
    folder: str                        # of the points' run folders

    def column(self, name):
        """By its name, or by the last part of it ("steps" for "diffusion.steps")."""
        found = [full for full in self.columns if name in (full, full.rpartition(".")[2])]
        if len(found) != 1:
            raise BadData(f"{self.folder}: {'no' if not found else 'more than one'} column {name!r}; there are {', '.join(self.columns)}")
        return self.columns[found[0]]

    def run(self, row):
        return open_run(os.path.join(self.folder, self.columns["folder"][row]))


def read_sweep(path):
    with open_h5(path) as file:
        if "axes" not in file.attrs or "index" not in file:
            raise BadData(f"{path}: not a sweep's table; write it with jobs/sweep.py gather")
        columns = {name: node.asstr()[:] if h5py.check_string_dtype(node.dtype) else node[:] for name, node in file.items()}
        order = np.argsort(columns["index"])
        columns = {name: values[order] for name, values in columns.items()}
        return SweepTable(columns, names_attribute("axes", file), int(file.attrs["points"]), os.path.dirname(path))
