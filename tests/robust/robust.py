"""What the tests of crashes and damage share: a run of a second or two whose files can be compared byte by byte.

Everything is named relative to a folder, so that two runs write the same configuration into their checkpoints.
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))

from program import Case, checkpoints, finish, kill_session, latest, run, settings, start, until  # noqa: E402,F401

USAGE, DATA, MISSING, INTERNAL, IO, STOPPED, CONFIG = 64, 65, 66, 70, 74, 75, 78
LONG = 120  # seconds in which a run of TINY ends on a machine with other things to do
TINY = {"data.count": 400, "network.width": 16, "network.depth": 2, "network.time_width": 8, "diffusion.steps": 20,
        "training.iterations": 40, "training.batch": 64, "training.validate_every": 20, "training.decay": "constant",
        "parallel.block_rows": 16, "run.report_every": 10, "checkpoint.every": 5}
# a run alone needs no daemon of Open MPI's
ALONE = {"OMPI_MCA_ess_singleton_isolated": "1"}


def number(name, default):
    return int(os.environ.get(name, default))


def seeded():
    """A generator of random choices; DDPM_SEED repeats a test."""
    seed = number("DDPM_SEED", random.SystemRandom().randrange(10 ** 6))
    print(f"DDPM_SEED={seed}", flush=True)
    return random.Random(seed)


def train_words(values=(), *more):
    return ["train", "/dev/null", *settings({**TINY, **dict(values)}), "--output", "run", *more]


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


class Robust(Case):
    def setUp(self):
        super().setUp()
        os.environ.update(ALONE)

    def workspace(self, name):
        """A folder to run in."""
        os.makedirs(self.path(name), exist_ok=True)
        return self.path(name)

    def train(self, name="work", values=(), *more, code=0, **options):
        """Train in a folder; the result, after a look at its exit code."""
        options.setdefault("timeout", LONG)
        result = run(*train_words(values, *more), folder=self.workspace(name), **options)
        if code is not None:
            self.assertEqual(code, result.code, str(result))
        return result

    def final(self, name, iteration=TINY["training.iterations"]):
        """The bytes of the last checkpoint: equal checkpoints are equal files."""
        return read_bytes(self.path(name, "run", "checkpoints", f"step-{iteration:09}.h5"))

    def assert_clean(self, name):
        """No half-written file, no lock."""
        left = [file for _, _, files in os.walk(self.path(name)) for file in files if file.endswith(".partial") or file == "lock"]
        self.assertEqual([], left)
