"""What the tests of crashes and damage add to tests/cli/program.py: a run of a second or two whose files can be
compared byte by byte, and how long a test is.

Everything is named relative to a folder, so that two runs write the same configuration into their checkpoints. The run
has all that a checkpoint can hold: a condition, a learned variance, the history of losses of importance sampling.

By itself a script makes a thin sample of its kind of damage, chosen by DDPM_SEED (1 when it is not set); DDPM_LONG=1 is
everything.
"""
import os
import random

import h5py
import numpy as np

from program import LONG, Case, run, settings

USAGE, DATA, MISSING, INTERNAL, IO, STOPPED, CONFIG = 64, 65, 66, 70, 74, 75, 78
PATIENCE = 120  # seconds in which a run of TINY ends on a machine with other things to do
TINY = {"data.source": "two_moons", "data.condition": "[label]", "data.count": 400, "network.width": 16,
        "network.depth": 2, "network.time_width": 8, "diffusion.steps": 10, "diffusion.timesteps": "importance",
        "diffusion.variance": "learned_range", "diffusion.loss": "hybrid", "training.iterations": 40,
        "training.batch": 64, "training.validate_every": 20, "training.decay": "constant", "parallel.block_rows": 16,
        "run.report_every": 10, "checkpoint.every": 5}

# The same of a table whose columns are tokens, and of rows that lie in groups.
TOKENS = {**{key: TINY[key] for key in TINY if key.split(".")[0] not in ("data", "diffusion")},
          "data.source": "hdf5", "data.path": "../mixed.h5", "data.dataset": "table", "training.keep_best": "true"}
GROUPS = {**{key: TINY[key] for key in TINY if not key.startswith("data.")}, "data.source": "hdf5",
          "data.path": "../groups.h5", "network.mixture": 2, "training.keep_best": "true"}

# That stalls at iteration 280 or so, and begins again for half again as many.
SHORTENED = {**TINY, "training.iterations": 2000, "training.validate_every": 10, "training.keep_best": "true",
             "training.patience": 1, "training.shorten": "true", "training.decay": "cosine",
             "training.learning_rate": 0.002}


def write_groups(path, rows=400, columns=9):
    rng = np.random.default_rng(2)
    with h5py.File(path, "w") as file:
        file["data"] = rng.normal(size=(rows, columns)) + 9.0 * rng.integers(0, 2, (rows, 1))


def write_mixed(path, rows=400):
    """A table with columns of all kinds, with gaps of all kinds, and units."""
    rng = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        group = file.create_group("table", track_order=True)
        group.create_dataset("kind", data=rng.integers(0, 3, rows),
                             dtype=h5py.enum_dtype({"cat": 0, "dog": 1, "none": 2}, basetype="i1"))
        group["kind"].attrs["gap"] = "none"
        group.create_dataset("colour", data=[("blue", "red", "")[i] for i in rng.integers(0, 3, rows)],
                             dtype=h5py.string_dtype())
        group["amount"] = np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows))
        group["day"] = rng.integers(-9, 30000, rows).astype("i2")
        group["day"].attrs.update(gap=-9, units="days since 1970-01-01")


def seeded():
    """A generator of random choices; its seed is printed, and DDPM_SEED repeats it."""
    seed = int(os.environ.get("DDPM_SEED", random.SystemRandom().randrange(10 ** 6) if LONG else 1))
    print(f"DDPM_SEED={seed}", flush=True)
    return random.Random(seed)


def train_words(values=(), *more, model=None):
    return ["train", "/dev/null", *settings({**(model or TINY), **dict(values)}), "--output", "run", *more]


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def write_bytes(path, content):
    with open(path, "wb") as file:
        file.write(content)


class Robust(Case):
    def workspace(self, name):
        """A folder to run in."""
        os.makedirs(self.path(name), exist_ok=True)
        return self.path(name)

    def train_in(self, name, values=(), *more, code=0, model=None, **options):
        """Train in a folder; the result, after a look at its exit code (None: any)."""
        result = run(*train_words(values, *more, model=model), folder=self.workspace(name), timeout=PATIENCE, **options)
        if code is not None:
            self.assertEqual(code, result.code, str(result))
        return result

    def final(self, name, iteration=TINY["training.iterations"]):
        """The bytes of the last checkpoint: equal checkpoints are equal files."""
        return read_bytes(self.path(name, "run", "checkpoints", f"step-{iteration:09}.h5"))

    def assert_clean(self, name):
        """No half-written file, no lock."""
        left = [file for _, _, files in os.walk(self.path(name)) for file in files if file.endswith(".partial")
                or file == "lock"]
        self.assertEqual([], left)
