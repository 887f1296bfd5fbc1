"""Run folders and their checkpoints, and the data that a run was trained on."""
import functools
import os
import re
from dataclasses import dataclass

import h5py
import numpy as np

from .failures import BadData, Failure, Missing
from .hdf5 import attributes_of, get_names, open_h5, read_table, text_of
from .program import draw_toy
from .text_files import parse_config, read_config, read_csv, read_text


@dataclass
class Checkpoint:
    """All of a checkpoint as numpy arrays. A row of data is standardised * scale + mean."""

    iteration: int
    config: dict
    parameters: dict                   # "hidden0/weight" -> [inputs][outputs]
    ema: dict                          # the exponential moving average of the parameters
    moment1: dict
    moment2: dict
    beta: np.ndarray                   # [T + 1], index 0 is not used
    mean: np.ndarray                   # [D]
    scale: np.ndarray                  # [D]
    minimum: np.ndarray                # [D] of the standardised training rows
    maximum: np.ndarray                # [D]
    columns: list
    components: tuple                  # (variances [K + 1], directions [K][D]) of the data, or None
    mixture: tuple                     # (weights [C], means [C][D], variances [C][D], directions [C][D][D]), or None
    attributes: dict

    @property
    def alpha_bar(self):
        """[T + 1]. The file holds beta alone: this is the product of 1 - beta that defines alpha_bar."""
        with np.errstate(divide="ignore"):  # beta_T is 1 with zero terminal SNR
            return np.exp(np.concatenate([[0.0], np.cumsum(np.log1p(-self.beta[1:]))]))


def tensors_of(file, group):
    """Every dataset below a group: {name below the group: array}."""
    tensors = {}

    def visit(name, node):
        if isinstance(node, h5py.Dataset):
            tensors[name] = node[()]
    if group in file:
        file[group].visititems(visit)
    return tensors


def mixture_of(tensors):
    if not tensors:
        return None
    count, columns = tensors["mean"].shape
    return (tensors["weight"], tensors["mean"], tensors["variance"].reshape(count, columns),
            tensors["direction"].reshape(count, columns, columns))


def read_checkpoint(path):
    with open_h5(path) as file:
        if "parameters" not in file or "schedule/beta" not in file:
            raise BadData(f"{path}: not a checkpoint (no /parameters and /schedule/beta)")
        attributes = attributes_of(file)
        config = attributes.pop("config", None) or (text_of(file["config"][()]) if "config" in file else "{}")
        transform = tensors_of(file, "transform")
        components = tensors_of(file, "components")
        return Checkpoint(iteration=int(attributes.get("iteration", 0)), config=parse_config(config, path),
                          parameters=tensors_of(file, "parameters"), ema=tensors_of(file, "ema"),
                          moment1=tensors_of(file, "moment1"), moment2=tensors_of(file, "moment2"),
                          beta=file["schedule/beta"][:], mean=transform.get("mean"), scale=transform.get("scale"),
                          minimum=transform.get("minimum"), maximum=transform.get("maximum"),
                          columns=get_names("columns", file),
                          components=(components["variance"], components["direction"]) if components else None,
                          mixture=mixture_of(tensors_of(file, "mixture")),
                          attributes=attributes)


@dataclass
class Start:
    """What a run said after it was started or resumed: a part of run.log."""

    heading: str                       # version and time
    lines: list

    @property
    def described(self):
        """{"ranks": "2 on 1 node, ...", ...}: the lines that describe a part of the run. A part may have several: those
        after its first one begin where that one's text does."""
        found, last = {}, None
        for line in self.lines:
            first, more = re.fullmatch(r"(\w+) {2,}(.+)", line), re.fullmatch(r" {11}(\S.*)", line)
            if more and last:
                found[last] += "\n" + more.group(1)
            last = first.group(1) if first else last if more else None
            if first:
                found[last] = first.group(2)
        return found

    @property
    def error(self):
        """Why it ended before it was finished, or None."""
        return next((line.removeprefix("ddpm: ") for line in self.lines if line.startswith("ddpm: ")), None)


def iterations_in_all(config, attributes):
    """How many iterations a run has, by the attributes of a checkpoint: those of a shortened run are fewer."""
    return int(attributes.get("horizon", 0)) or config["training"]["iterations"]


def warnings_in(text):
    """The warnings among lines that the program printed, each once."""
    return list(dict.fromkeys(re.findall(r"^warning: (.+)$", text, re.MULTILINE)))


@dataclass
class Run:
    """A run folder; its files are read when they are asked for."""

    folder: str

    @functools.cached_property
    def config(self):
        return read_config(os.path.join(self.folder, "config.yaml"))

    @functools.cached_property
    def metrics(self):
        return read_csv(os.path.join(self.folder, "metrics.csv"), growing=True)

    @functools.cached_property
    def starts(self):
        """Of run.log, the first start first."""
        parts = re.split(r"^# (ddpm .+)\n", read_text(os.path.join(self.folder, "run.log")), flags=re.MULTILINE)
        return [Start(heading, lines.splitlines()) for heading, lines in zip(parts[1::2], parts[2::2])]

    @property
    def baseline(self):
        """The loss of the best linear prediction, which a network that learns anything falls below; None where there is
        none."""
        try:
            return self.checkpoint().attributes.get("baseline")
        except Failure:
            return None

    @property
    def name(self):
        return os.path.basename(os.path.abspath(self.folder))

    def checkpoint_path(self, iteration=None):
        """The checkpoint of an iteration, or the latest."""
        folder = os.path.join(self.folder, "checkpoints")
        if iteration is not None:
            return os.path.join(folder, f"step-{iteration:09d}.h5")
        latest = os.path.join(folder, "latest.h5")
        if os.path.exists(latest):
            return latest
        names = os.listdir(folder) if os.path.isdir(folder) else []
        files = sorted(name for name in names if re.fullmatch(r"step-\d+\.h5", name))
        if not files:
            raise Missing(f"{folder}: no checkpoint")
        return os.path.join(folder, files[-1])

    def checkpoint(self, iteration=None):
        return read_checkpoint(self.checkpoint_path(iteration))

    def data(self, count=10000, seed=1, program=None):
        """Rows like those that the run was trained on: at most `count` of its HDF5 file, or a fresh draw of its toy
        source."""
        data = self.config["data"]
        if data["source"] != "hdf5":
            noise = data.get("noise")
            return draw_toy(data["source"], count, noise if isinstance(noise, (int, float)) else None, seed, program,
                            data.get("dimensions", 2))
        return read_table(self.source, count, seed).select(data.get("columns"))

    @property
    def source(self):
        """FILE.h5[:dataset] of the data of a run that was trained on a file."""
        data = self.config["data"]
        path = data["path"] if os.path.exists(data["path"]) else os.path.join(self.folder, data["path"])
        return f"{path}:{data['dataset']}" if data.get("dataset") else path


def open_run(folder):
    if not os.path.isdir(folder):
        raise Missing(f"{folder}: no such run folder")
    if not os.path.isfile(os.path.join(folder, "config.yaml")):
        raise Missing(f"{folder}: not a run folder (no config.yaml)")
    return Run(folder)


def read_data(source, count, program=None):
    """At most `count` rows of FILE.h5[:dataset], or of the data of a run folder."""
    return open_run(source).data(count, program=program) if os.path.isdir(source) else read_table(source, count)
