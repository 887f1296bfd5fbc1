"""Running `ddpm` from a script."""
import os
import re
import shutil
import signal
import subprocess
import tempfile

from .failures import BadData, Missing
from .hdf5 import read_table
from .text_files import parse_config

BUILT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "build", "release", "ddpm"))
STOPPED = 75   # the program's exit code when it was asked to end, and saved a checkpoint


def program_path(program=None):
    """The path that was given, else $DDPM, else that on the PATH, else the one that was built here."""
    return program or os.environ.get("DDPM") or shutil.which("ddpm") or (BUILT if os.path.exists(BUILT) else "ddpm")


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


class Runner:
    """Runs the program for a long time, and hands it the signals that ask for a checkpoint."""

    def __init__(self, program, launch=(), environment=None):
        """launch: the words before the program, such as those of mpirun."""
        self.program, self.launch, self.environment = program, launch, {**os.environ, **(environment or {})}
        self.children, self.stopping = set(), False
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as nohup wants it
                signal.signal(number, self.stop)

    def stop(self, *_):
        self.stopping = True
        for child in list(self.children):
            child.send_signal(signal.SIGUSR1)  # mpirun kills its ranks at TERM, and hands USR1 on

    def run(self, *arguments, log=None):
        """The program's exit code."""
        if self.stopping:
            return STOPPED
        words = [*self.launch, self.program, *map(str, arguments)]
        try:  # in a group of its own: the terminal's Ctrl-C comes here, and from here to the program as USR1
            child = subprocess.Popen(words, env=self.environment, stdout=log, stderr=log, process_group=0)
        except OSError as error:
            raise Missing(f"{words[0]}: cannot be run ({error.strerror}); DDPM=PATH names the program") from None
        self.children.add(child)
        if self.stopping:
            child.send_signal(signal.SIGUSR1)
        code = child.wait()
        self.children.discard(child)
        return code if code >= 0 else 128 - code


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
