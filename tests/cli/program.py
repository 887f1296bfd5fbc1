"""What the tests of the whole program share: running it, alone or under mpirun, with a time limit; folders; bits of
files.

The program is $DDPM; $MPIEXEC is mpirun or the like (default: mpirun). With DDPM_LONG=1 the numbers that a script
reads with number() are large; they can also be set one by one.
"""
import contextlib
import csv
import importlib.util
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import h5py
import numpy as np

sys.dont_write_bytecode = True
SOURCE = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
ANALYSIS = os.path.join(SOURCE, "analysis")
DDPM = os.path.abspath(os.environ.get("DDPM", "ddpm"))
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")
OVERSUBSCRIBE = ["--map-by", ":OVERSUBSCRIBE", "--bind-to", "none"]
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_mpi_yield_when_idle": "1", "OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1",
               "ASAN_OPTIONS": "detect_leaks=0"}
LONG = bool(os.environ.get("DDPM_LONG"))
TIMEOUT = 30  # seconds in which anything small is done, at any load

# A network and batches that are quick, but of several blocks.
SMALL = {"network.width": 32, "network.depth": 2, "network.time_width": 16, "data.count": 2000, "training.batch": 96,
         "parallel.block_rows": 16, "training.warmup": 20, "training.iterations": 300, "run.report_every": 50,
         "training.validate_every": 100, "diffusion.steps": 50}


def number(name, short, long):
    """How much of something is tested."""
    return int(os.environ.get(name, long if LONG else short))


class Result:
    def __init__(self, command, code, stdout, stderr):
        self.command, self.code, self.stdout, self.stderr = command, code, stdout, stderr

    def errors(self):
        """The program's own error lines; mpirun says other things."""
        return [line for line in self.stderr.splitlines() if line.startswith("ddpm: ")]

    def warnings(self):
        return [line for line in self.stderr.splitlines() if line.startswith("warning: ")]

    def __str__(self):
        return f"{' '.join(self.command)}\nexit code {self.code}\n{self.stdout}{self.stderr}"


def session_processes(session):
    """{process: name} of what a process started by start() has started: mpirun gives each rank a process group of its
    own, but no session. Zombies are left out."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                command, _, rest = file.read().rpartition(")")
        except OSError:
            continue  # it has ended by itself
        state, _, _, owner = rest.split()[:4]
        if int(owner) == session and state != "Z":
            found[int(name)] = command.partition("(")[2]
    return found


def kill_session(session):
    for process in session_processes(session):
        try:
            os.kill(process, signal.SIGKILL)
        except OSError:
            pass


def settings(values):
    """{"training.batch": 64} as --set arguments. What SMALL and the like give is left out where it has no effect."""
    idle = {"data.count"} if values.get("data.source") == "hdf5" else set()
    if values.get("data.source", "hdf5") != "hdf5":
        idle.add("data.path")
    if values.get("network.time") == "gain_table":
        idle.add("network.time_width")
    return [word for key, value in values.items() if key not in idle for word in ("--set", f"{key}={value}")]


def start(*arguments, ranks=0, threads=1, environment=None, folder=None, command=None, inherits=()):
    """Start the program (or another command); ranks=0: without mpirun. inherits: open files that it has, too."""
    words = [*(command or [DDPM]), *map(str, arguments)]
    if ranks:
        words = [MPIEXEC, "-n", str(ranks), *OVERSUBSCRIBE, *words]
    variables = {**os.environ, **ENVIRONMENT, "OMP_NUM_THREADS": str(threads), "DDPM": DDPM, **(environment or {})}
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=variables, cwd=folder, text=True, start_new_session=True, pass_fds=inherits)


def over(options, arguments):
    """Arguments, and those of some options, {"--count": 5}, that are not among them: an option is given once."""
    return [*(word for option, value in options.items() if option not in arguments for word in (option, value)),
            *arguments]


def finish(process, timeout=TIMEOUT):
    """Wait for a started process; a hang is a failure. Seconds are counted one by one, so that however long all are
    paused together, as where a machine sleeps or a container is frozen, is one of them."""
    for _ in range(timeout):
        try:
            stdout, stderr = process.communicate(timeout=1)
            return Result(process.args, process.returncode, stdout, stderr)
        except subprocess.TimeoutExpired:
            continue
    kill_session(process.pid)
    stdout, stderr = process.communicate()
    raise AssertionError(f"still running after {timeout} s: {' '.join(process.args)}\n{stdout}{stderr}")


def run(*arguments, timeout=TIMEOUT, ranks=0, command=None, **more):
    """Start and finish. mpirun would end the ranks that still run when one has failed: here every rank must end by
    itself, and all with the same exit code."""
    if not ranks:
        return finish(start(*arguments, command=command, **more), timeout)
    with tempfile.TemporaryDirectory(prefix="ddpm codes ") as codes:
        each = ["/bin/sh", "-c", '"$@"; echo $? > "$0/$$"', codes, *(command or [DDPM])]
        result = finish(start(*arguments, ranks=ranks, command=each, **more), timeout)
        result.command = ["mpirun", "-n", str(ranks), *result.command[result.command.index(codes) + 1:]]
        found = []
        for name in os.listdir(codes):
            with open(os.path.join(codes, name), encoding="ascii") as file:
                found.append(int(file.read()))
    if result.code != 0 or len(found) != ranks or len(set(found)) != 1:
        raise AssertionError(f"exit codes of {ranks} ranks: {found}\n{result}")
    result.code = found[0]
    return result


def run_script(name, *arguments, timeout=TIMEOUT, **more):
    """A script of analysis/."""
    return run(*arguments, command=[sys.executable, os.path.join(ANALYSIS, name)], timeout=timeout, **more)


def load_job(name):
    """jobs/NAME.py as a module: analysis/ has scripts of the same names."""
    spec = importlib.util.spec_from_file_location(f"job_{name}", os.path.join(SOURCE, "jobs", name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def file_size_limit():
    """A limit on the size of files, such that the ranks of a node share no memory, as if each had a node of its own."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def comma_locale(folder):
    """The variables of a locale that writes 0,5 for 0.5, made in a folder; the system need not have sources of any."""
    source, letters, locales = (os.path.join(folder, name) for name in ("comma", "ascii", "locales"))
    os.mkdir(locales)
    with open(source, "w", encoding="ascii") as file:
        file.write('LC_NUMERIC\ndecimal_point ","\nthousands_sep ""\ngrouping -1\nEND LC_NUMERIC\n')
    with open(letters, "w", encoding="ascii") as file:
        file.write("<code_set_name> ANSI_X3.4-1968\n<comment_char> %\n<escape_char> /\n"
                   "CHARMAP\n<U0000>..<U007F> /x00 ASCII\nEND CHARMAP\n")
    made = subprocess.run(["localedef", "-c", "-f", letters, "-i", source, os.path.join(locales, "comma")], check=False,
                          capture_output=True, text=True, env={**os.environ, "I18NPATH": folder})
    assert os.path.exists(os.path.join(locales, "comma", "LC_NUMERIC")), made.stderr
    return {"LOCPATH": locales, "LC_ALL": "comma"}


def until(condition, timeout=TIMEOUT):
    """Wait for a condition; its value."""
    for _ in range(100 * timeout):
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"nothing came of it in {timeout} s")


# ---- files

def read_metrics(run_folder):
    with open(os.path.join(run_folder, "metrics.csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def checkpoints(run_folder):
    """Names, oldest first."""
    return sorted(name for name in os.listdir(os.path.join(run_folder, "checkpoints")) if name.startswith("step-"))


def latest(run_folder):
    return os.path.join(run_folder, "checkpoints", "latest.h5")


def read_h5(path):
    """Every dataset of a file: {name: array}."""
    found = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def bits(array):
    """As whole numbers, so that -0 is not 0 and NaN is NaN."""
    return np.ascontiguousarray(array).view(np.uint8)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ddpm cli ")  # with a space, on purpose
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def config(self, name="config.yaml", **sections):
        """A configuration file of a few keys; an empty one is all defaults."""
        lines = [f"{section}: {{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}\n"
                 for section, keys in sections.items()]
        return self.write(name, "".join(lines) or "{}\n")

    def h5(self, name, columns=None, **datasets):
        with h5py.File(self.path(name), "w") as file:
            for key, values in datasets.items():
                file[key] = values
            if columns:
                file["data"].attrs["columns"] = columns
        return self.path(name)

    def ddpm(self, *arguments, code=0, **more):
        """Run the program and check its exit code."""
        result = run(*arguments, **more)
        self.assertEqual(code, result.code, str(result))
        return result

    def train(self, config, output, values=(), *arguments, **more):
        """Train with SMALL and `values` over it; the run folder."""
        self.ddpm("train", config, *settings({**SMALL, **dict(values)}), "--output", output, *arguments, **more)
        return output

    def fails(self, code, *arguments, says=(), **more):
        """Run it, and expect one error line with all of `says`."""
        result = run(*arguments, **more)
        self.assertEqual(code, result.code, str(result))
        self.assertEqual(1, len(result.errors()), str(result))
        for words in says:
            self.assertIn(words, result.errors()[0])
        return result

    def assert_same_bits(self, first, second):
        """Two HDF5 files hold the same datasets."""
        a, b = read_h5(first), read_h5(second)
        self.assertEqual(sorted(a), sorted(b))
        for name, values in a.items():
            self.assertEqual(values.shape, b[name].shape, name)
            self.assertEqual(values.dtype, b[name].dtype, name)
            self.assertTrue(np.array_equal(bits(values), bits(b[name])), f"{first} and {second} differ in {name}")

    def assert_no_leftovers(self):
        left = [os.path.join(folder, name) for folder, _, names in os.walk(self.folder) for name in names
                if name.endswith(".partial")]
        self.assertEqual([], left)
