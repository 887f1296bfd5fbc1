"""Running ddpm for measurements: on how many cores, from where, and what of its output is the time."""
import csv
import json
import os
import re
import subprocess
import sys
import tempfile

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.abspath(os.path.join(HERE, "..", ".."))
DDPM = os.environ.get("DDPM", os.path.join(HERE, "..", "..", "build", "release", "ddpm"))
CORES = int(os.environ.get("DDPM_CORES", str(os.cpu_count())))
ISA = os.environ.get("DDPM_ISA", "")      # the kernels' instructions; empty: the best that the processor has
ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"} if os.geteuid() == 0 else {}


def has_flag(name):
    """Whether the processor has an instruction set, by the name that Linux has for it."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        return name in re.search(r"^flags\s*:(.*)", file.read(), re.MULTILINE)[1].split()


def multiplies_bfloat16():
    """Whether the kernels have an instruction for products of bfloat16."""
    return ISA in ("", "avx512") and has_flag("avx512_bf16")


class Failed(Exception):
    pass


def run(command, environment):
    done = subprocess.run(list(map(str, command)), env={**os.environ, **ROOT, **environment}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def ddpm(*arguments, ranks=1, threads=None):
    """ranks x threads fill the cores; with several ranks each is bound to cores of its own."""
    threads = threads or max(1, CORES // ranks)
    launch = ["mpirun", "-n", ranks, "--map-by", f"slot:PE={threads}", "--bind-to", "core"] if ranks > 1 else []
    return run([*launch, DDPM, *arguments], {"OMP_NUM_THREADS": str(threads)})


def settings(values):
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def import_table(table, output, *words):
    """A CSV file as HDF5."""
    script = os.path.join(SOURCE, "analysis", "import_table.py")
    run(["/usr/bin/python3", script, table, "--output", output, *words], {})


def train_table(folder, table):
    """The run folder of a model of a CSV file, with configs/table.yaml."""
    data, output = os.path.join(folder, "table.h5"), os.path.join(folder, "run")
    import_table(table, data)
    ddpm("train", os.path.join(SOURCE, "configs", "table.yaml"), *settings({"data.path": data}), "--output", output)
    return output


def normal_rows(folder, columns, rows=20000):
    """A data file of so many columns."""
    path = os.path.join(folder, f"normal{columns}.h5")
    if not os.path.exists(path):
        with h5py.File(path, "w") as file:
            file["data"] = np.random.default_rng(columns).standard_normal((rows, columns), np.float32)
    return path


PERCEPTRON = {"network.kind": "mlp", "network.initial": "pytorch", "network.time_width": 64, "network.components": 0,
              "network.features": 0, "diffusion.schedule.kind": "cosine", "sampling.method": "ancestral",
              "sampling.steps": 0}


def config(folder, width, depth, batch, columns, **more):
    """The same work as peer_torch.py's: a perceptron, AdamW, T = 1000, the noise's error; no clipping, no average, no
    validation."""
    values = {"network.width": width, "network.depth": depth, "training.batch": batch, "training.optimizer": "adamw",
              "training.learning_rate": 0.001, "training.weight_decay": 0.01, "training.decay": "constant",
              "training.clip": 0, "training.ema": 0, "training.validate_every": 0, "diffusion.steps": 1000,
              "checkpoint.every": 1000000000, **PERCEPTRON, **more}
    if columns != 2:
        values.update({"data.source": "hdf5", "data.path": normal_rows(folder, columns)})
    return settings(values)


def train_rate(folder, words, iterations, ranks=1):
    """Rows per second of `ddpm train`: the median of ten stretches, the first of which is left out."""
    with tempfile.TemporaryDirectory(dir=folder) as output:
        every = max(1, iterations // 10)
        ddpm("train", "/dev/null", *words, *settings({"training.iterations": 10 * every, "run.report_every": every}),
             "--output", output, ranks=ranks)
        with open(os.path.join(output, "metrics.csv"), encoding="utf-8", newline="") as file:
            table = list(csv.reader(file))
        column = [name.split()[0].split("[")[0] for name in table[0]].index("rows_per_second")
        return float(np.median([float(row[column]) for row in table[2:]]))


def bench(folder, *arguments, **more):
    """The JSON of `ddpm bench`."""
    path = os.path.join(folder, "bench.json")
    ddpm("bench", "--folder", folder, "--json", path, *arguments, **more)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main(body):
    """Run it; a failure is a message."""
    try:
        body()
    except Failed as failure:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {failure}")
