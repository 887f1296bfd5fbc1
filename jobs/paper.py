#!/usr/bin/python3
"""Make the steps of a list in their order, each only where its output is not there yet. configs/paper.yaml is such a
list; jobs/paper.sh builds the program first."""
import os
import shlex
import subprocess
import sys
import time

from ddpm_analysis import BadData, command_line, read_config
from ddpm_analysis.text_files import make_folder

HERE = os.path.dirname(os.path.abspath(__file__))


def done_of(path):
    """A mark beside an output that is complete: a run folder is there as soon as it is begun."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.done")


def finish(path):
    with open(done_of(path), "w", encoding="utf-8"):
        pass


def call(words, what):
    """Run a command; a script of Python runs under the interpreter that runs this one."""
    code = subprocess.call([sys.executable, *words] if words[0].endswith(".py") else words)
    if code != 0:
        raise BadData(f"{what}: exit code {code} of {shlex.join(words)}; the same command goes on from here")


class Steps:
    def __init__(self, definition, output):
        self.output, self.figures = output, os.path.join(output, "figures")
        self.formats = definition.get("formats") or ["png"]
        make_folder(self.figures)

    def words(self, step):
        return [word.format(out=self.output) for word in shlex.split(step["run"])]

    def make(self, step):
        path = os.path.join(self.output, step["make"])
        if not (os.path.exists(path) and os.path.exists(done_of(path))):
            call(self.words(step), step["make"])
            finish(path)

    def figure(self, step):
        """Always drawn: it takes a second, and the data may be new."""
        for suffix in self.formats:
            picture = os.path.join(self.figures, f"{step['figure']}.{suffix}")
            call([*self.words(step), "--output", picture], step["figure"])

    def sweep(self, step):
        name = step["sweep"]
        for verb in ("run-all", "gather"):
            call([os.path.join(HERE, "sweep.py"), verb, f"configs/sweep/{name}.yaml",
                  "--output", os.path.join(self.output, name)], name)

    def take(self, step):
        kind = next((kind for kind in ("make", "figure", "sweep") if isinstance(step, dict) and kind in step), None)
        if kind is None or (kind != "sweep" and "run" not in step):
            raise BadData(f"{step}: a step is make: OUTPUT or figure: NAME with run: COMMAND, or sweep: NAME")
        started = time.monotonic()
        getattr(self, kind)(step)
        print(f"{kind} {step[kind]}: {time.monotonic() - started:.0f} s", flush=True)


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("steps", help="configs/paper.yaml")
    parser.add_argument("--output", required=True, metavar="DIR")
    options = parser.parse_args()
    os.chdir(os.path.join(HERE, ".."))
    definition = read_config(options.steps)
    steps = Steps(definition, options.output)
    for step in definition.get("steps") or []:
        steps.take(step)
    return 0


if __name__ == "__main__":
    command_line.run(main)
