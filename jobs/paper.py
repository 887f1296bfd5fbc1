#!/usr/bin/python3
"""Make the steps of a list in their order, each only where its output is not there yet. See configs/paper.yaml, and jobs/paper.sh, which builds first."""
import os
import shlex
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "analysis"))
import command  # noqa: E402
import ddpm_io  # noqa: E402


def done_of(path):
    """A mark beside an output: the output itself may be there when it is half made (a run folder)."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.done")


def finish(path):
    with open(done_of(path), "w", encoding="utf-8"):
        pass


def call(words, what):
    code = subprocess.call(words)
    if code != 0:
        raise ddpm_io.BadData(f"{what}: exit code {code} of {shlex.join(words)}; the same command goes on from here")


class Steps:
    def __init__(self, definition, output):
        self.output, self.figures, self.formats = output, os.path.join(output, "figures"), definition.get("formats") or ["png"]
        os.makedirs(self.figures, exist_ok=True)

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
            call([*self.words(step), "--output", os.path.join(self.figures, f"{step['figure']}.{suffix}")], step["figure"])

    def sweep(self, step):
        for verb in ("run-all", "gather"):
            call([os.path.join(HERE, "sweep.py"), verb, f"configs/sweep/{step['sweep']}.yaml", "--output", os.path.join(self.output, step["sweep"])],
                 step["sweep"])

    def take(self, step):
        kind = next((kind for kind in ("make", "figure", "sweep") if isinstance(step, dict) and kind in step), None)
        if kind is None or (kind != "sweep" and "run" not in step):
            raise ddpm_io.BadData(f"{step}: a step is make: OUTPUT or figure: NAME with run: COMMAND, or sweep: NAME")
        started = time.monotonic()
        getattr(self, kind)(step)
        print(f"{kind} {step[kind]}: {time.monotonic() - started:.0f} s", flush=True)


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("steps", help="configs/paper.yaml")
    parser.add_argument("--output", required=True, metavar="DIR")
    options = parser.parse_args()
    os.chdir(os.path.join(HERE, ".."))
    definition = ddpm_io.read_config(options.steps)
    steps = Steps(definition, options.output)
    for step in definition.get("steps") or []:
        steps.take(step)
    return 0


if __name__ == "__main__":
    command.run(main)
