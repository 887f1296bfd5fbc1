"""Running `ddpm` from a script."""
import os
import re
import subprocess
import tempfile

from .failures import BadData, Missing
from .hdf5 import read_table
from .text_files import parse_config


def program_path(program=None):
    """The path that was given, else $DDPM, else the name that the shell looks up on the PATH."""
    return program or os.environ.get("DDPM") or "ddpm"


def run_program(verb, *arguments, program=None):
    """Run a verb of the program; what it printed. BadData repeats its own message when it fails."""
    program = program_path(program)
    try:
        done = subprocess.run([program, verb, *map(str, arguments)], capture_output=True, text=True, check=False)
    except OSError as error:
        raise Missing(f"{program}: cannot run the program ({error.strerror}); "
                      "name it with --ddpm or the variable DDPM") from None
    if done.returncode != 0:
        errors = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        message = next((line for line in errors if line.startswith("ddpm: ")), errors[0])
        raise BadData(f"`{' '.join(['ddpm', verb, *map(str, arguments[:1])])}` failed: {message}")
    return done


def read_defaults(program=None):
    """All keys of a configuration with their defaults, nested, and {"diffusion.steps": meaning}."""
    text, meanings, path, comment = run_program("config", program=program).stdout, {}, [], ""
    for found in re.finditer(r"^( *)(?:# (.*)|(\w+):.*)$", text, re.MULTILINE):
        if found[3]:
            path = [*path[:len(found[1]) // 2], found[3]]
            meanings[".".join(path)] = comment
        comment = found[2] or ""
    return parse_config(text, "ddpm config"), meanings


def draw_toy(kind, count, noise=None, seed=1, program=None, dimensions=2):
    """A fresh toy data set, made by `ddpm data`; noise=None leaves the program's own."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "fresh.h5")
        options = ["--count", count, "--seed", seed, "--output", path]
        if noise is not None:
            options += ["--noise", repr(noise)]
        if dimensions != 2:
            options += ["--dimensions", dimensions]
        run_program("data", kind, *options, program=program)
        return read_table(path)
