"""What the tests of crashes and damage add to tests/cli/program.py: a run of a second or two whose files can be
compared byte by byte, and how long a test is.

Everything is named relative to a folder, so that two runs write the same configuration into their checkpoints. The run
has all that a checkpoint can hold: a condition, a learned variance, the history of losses of importance sampling.

By itself a script makes a thin sample of its kind of damage, chosen by DDPM_SEED (1 when it is not set); DDPM_LONG=1 is
everything.
"""
import os
import random

from program import LONG, Case, run, settings

USAGE, DATA, MISSING, INTERNAL, IO, STOPPED, CONFIG = 64, 65, 66, 70, 74, 75, 78
PATIENCE = 120  # seconds in which a run of TINY ends on a machine with other things to do
TINY = {"data.source": "two_moons", "data.condition": "[label]", "data.count": 400, "network.width": 16,
        "network.depth": 2, "network.time_width": 8, "diffusion.steps": 10, "diffusion.timesteps": "importance",
        "diffusion.variance": "learned_range", "diffusion.loss": "hybrid", "training.iterations": 40,
        "training.batch": 64, "training.validate_every": 20, "training.decay": "constant", "parallel.block_rows": 16,
        "run.report_every": 10, "checkpoint.every": 5}


def seeded():
    """A generator of random choices; its seed is printed, and DDPM_SEED repeats it."""
    seed = int(os.environ.get("DDPM_SEED", random.SystemRandom().randrange(10 ** 6) if LONG else 1))
    print(f"DDPM_SEED={seed}", flush=True)
    return random.Random(seed)


def train_words(values=(), *more):
    return ["train", "/dev/null", *settings({**TINY, **dict(values)}), "--output", "run", *more]


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

    def train_in(self, name, values=(), *more, code=0, **options):
        """Train in a folder; the result, after a look at its exit code (None: any)."""
        result = run(*train_words(values, *more), folder=self.workspace(name), timeout=PATIENCE, **options)
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
