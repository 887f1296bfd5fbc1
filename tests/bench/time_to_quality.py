#!/usr/bin/python3
"""Time to quality: the seconds of training until a random forest's accuracy is within 0.01 of its best, for ddpm with
its defaults and for peers that train the same network by the same objective (quality_peer.py).

  bash tests/bench/run.sh quality                     three sets
  bash tests/bench/run.sh quality --only grid25       one of them
  bash tests/bench/run.sh quality --short             a test of the measurement itself: the samples are not good

The trainings are cut into as many turns as there are checkpoints. In a turn each program trains its part, one after the
other, while the others wait; what counts are the seconds of training, and those in which ddpm fits a mixture, without
other starts, compilation, held-out losses, checkpoints, samples and forests. First every layout of the peers is tried,
and the fastest of each library goes on. ddpm's samples are those of one run, whose bits do not depend on time, and its
seconds those of a part of each turn. Which checkpoint is the first within 0.01 of the best is found by halving, since
the accuracy falls as the learning rate does. FOLDER gets data, samples and a file of results for each set; the same
command goes on with sets that lack one.
"""
import argparse
import os
import re
import shutil
import sys

import numpy as np

import programs
from ddpm_analysis import command_line, read_csv, read_json, read_samples, write_json
from ddpm_analysis.datasets import choose
from ddpm_analysis.distances import forest_accuracy
from ddpm_analysis.hdf5 import write_rows
from ddpm_analysis.text_files import parse_config
from peers import LIBRARIES, PYTHON, Process

SETS = ("grid25", "checker8", "mixture100")
NEAR_BEST, SEED = 0.01, 20001
PEER = os.path.join(programs.HERE, "quality_peer.py")
TRIED = 5           # a layout is tried on one in so many iterations of a turn
UNTIMED = 50        # iterations of a peer before its clock starts (CHUNK)


# ---- the programs: train(iterations) gives seconds; samples(iterations) writes rows, and read(iterations) reads them

class Ddpm:
    name = "ddpm"

    def __init__(self, folder, data, words, options):
        self.folder, self.words, self.options = folder, [*words, "--set", "training.validate_every=0"], options
        self.data = programs.settings({"data.path": os.path.abspath(data)})
        self.done = 0
        self.run("run", {"checkpoint.every": options.every, "checkpoint.keep": 0})

    def run(self, name, values):
        output = os.path.join(self.folder, name)
        if os.path.exists(output):      # of a measurement that was interrupted
            shutil.rmtree(output)
        programs.ddpm("train", os.devnull, *self.data, *self.words, *programs.settings(values), "--output", output,
                      "--resume", "never")
        return read_csv(os.path.join(output, "metrics.csv"))

    def train(self, iterations):
        """The seconds of a turn, in proportion to those of a part of it."""
        turn, self.done = iterations - self.done, iterations
        part = turn // 2
        metrics = self.run("turn", {"training.iterations": part, "checkpoint.every": part,
                                    "run.report_every": part // 10})
        at, seconds = metrics["iteration"], metrics["seconds"]
        fit = self.seconds_of_fit() if self.done == turn else 0.0
        return fit + float(turn * (seconds[-1] - seconds[0]) / (at[-1] - at[0]))

    def seconds_of_fit(self):
        """Of the mixture that the network begins with, which a peer does not have."""
        with open(os.path.join(self.folder, "turn", "run.log"), encoding="utf-8") as log:
            found = re.search(r"^.*mixture .* in ([0-9.]+) s;", log.read(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def samples(self, iterations):
        path = os.path.join(self.folder, f"ddpm-{iterations}.h5")
        model = os.path.join(self.folder, "run", "checkpoints", f"step-{iterations:09d}.h5")
        programs.ddpm("sample", model, "--count", self.options.samples, "--seed", SEED, "--output", path)

    def read(self, iterations):
        return read_samples(os.path.join(self.folder, f"ddpm-{iterations}.h5")).values.astype(np.float64)

    def close(self):
        pass


class Peer(Process):
    """A process that trains when it is asked to, and waits in between."""

    def __init__(self, folder, data, kind, threads, options):
        self.folder = folder
        command = [PYTHON, PEER, kind, os.path.join(folder, "config.yaml"), data, "--threads", threads, "--samples",
                   options.samples]
        super().__init__(f"{kind}, {threads} thread{'s' * (threads > 1)}", command, threads,
                         os.path.join(folder, f"{kind}-{threads}.log"))
        self.answer()

    def train(self, iterations):
        return float(self.ask(f"train {iterations}"))

    def samples(self, iterations):
        self.ask(f"sample {self.path(iterations)}")

    def path(self, iterations):
        return os.path.join(self.folder, f"{self.name.split(',')[0]}-{iterations}.npy")

    def read(self, iterations):
        return np.load(self.path(iterations)).astype(np.float64)


# ---- one set

def reach_quality(seconds, accuracy_of):
    """(best accuracy, seconds until it was within NEAR_BEST of that, in proportion between two checkpoints). The last
    one is taken for the best, unless one of those that are looked at is better."""
    low, high = 0, len(seconds) - 1
    known = {high: accuracy_of(high)}
    while low < high:
        middle = (low + high) // 2
        known[middle] = accuracy_of(middle)
        if known[middle] <= min(known.values()) + NEAR_BEST:
            high = middle
        else:
            low = middle + 1
    limit = min(known.values()) + NEAR_BEST
    if high == 0:
        return limit - NEAR_BEST, seconds[0]
    share = min(1.0, (known[high - 1] - limit) / (known[high - 1] - known[high]))
    return limit - NEAR_BEST, seconds[high - 1] + share * (seconds[high] - seconds[high - 1])


def prepare(folder, dataset, words, options):
    """(path of the data, fresh rows); the folder has the configuration."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.yaml"), "w", encoding="utf-8") as file:
        file.write(programs.ddpm("config", os.devnull, *words))
    data = os.path.join(folder, "data.h5")
    write_rows(data, dataset.part("train", 2000 if options.short else dataset.rows))
    return data, dataset.part("fresh", options.samples).astype(np.float64)


def start_peers(folder, data, iterations, options):
    """{layout: peer} of those that work, trained for so many iterations, and the seconds of each."""
    peers, seconds = {}, {}
    for kind in (kind for kinds in LIBRARIES.values() for kind in kinds):
        for threads in [1] if options.short else sorted({1, programs.CORES}):
            try:
                peer = Peer(folder, data, kind, threads, options)
                peers[peer.name], seconds[peer.name] = peer, peer.train(iterations)
            except programs.Failed as failure:
                print(f"    left out: {failure}", file=sys.stderr)
    return peers, seconds


def keep_fastest(peers, seconds):
    """The fastest peer of each library; the others end."""
    kept = [min((peer for name, peer in peers.items() if name.split(",")[0] in kinds), default=None,
                key=lambda peer: seconds[peer.name]) for kinds in LIBRARIES.values()]
    for peer in peers.values():
        if peer not in kept:
            peer.close()
    return [peer for peer in kept if peer is not None]


def measure(folder, dataset, words, options):
    """{program: {"seconds": [at each checkpoint], ...}}; layouts that were only tried have their seconds for that."""
    data, fresh = prepare(folder, dataset, words, options)
    config = parse_config(programs.ddpm("config", os.devnull, *words))
    options.every = int(config["training"]["iterations"]) // options.checkpoints
    tried = max(2 * UNTIMED, options.every // TRIED)
    ddpm = Ddpm(folder, data, words, options)
    peers, first = start_peers(folder, data, tried, options)
    running = [ddpm, *keep_fastest(peers, first)]
    seconds = {program.name: [] for program in running}
    points = range(options.every, options.checkpoints * options.every + 1, options.every)
    for at in points:
        for program in running:
            seconds[program.name].append(program.train(at))
            program.samples(at)
        print(f"    {at} iterations: " + ", ".join(f"{name} {values[-1]:.1f} s" for name, values in seconds.items()),
              file=sys.stderr, flush=True)
    batch = int(config["training"]["batch"])
    found = {name: {"rate": batch * (tried - UNTIMED) / value} for name, value in first.items()}
    for program in running:
        program.close()
        total = np.cumsum(seconds[program.name]) + first.get(program.name, 0.0)
        accuracy = {}

        def accuracy_of(index, program=program, accuracy=accuracy):
            at = points[index]
            accuracy[at] = forest_accuracy(program.read(at), fresh, SEED)
            return accuracy[at]
        best, reached = reach_quality(total, accuracy_of)
        found[program.name] = {"rate": batch * points[-1] / total[-1], "best": best, "reached": reached,
                               "seconds": total.tolist(), "accuracy": accuracy}
    return found


def report(name, found):
    """A line for each program, with the ratio to ddpm's seconds."""
    ours = found["ddpm"]["reached"]
    for program, values in sorted(found.items(), key=lambda item: item[1].get("reached", np.inf)):
        line = f"{name:12s} {program:20s} {values['rate']:9.0f}"
        if "reached" in values:
            line += f" {values['best']:8.3f} {values['reached']:8.1f} {values['reached'] / ours:6.2f}"
        print(line, flush=True)


def main():
    parser = command_line.Parser(__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default="build/quality", metavar="FOLDER", help="of everything that is made")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="sets of the quality suite")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="over the program's defaults")
    parser.add_argument("--checkpoints", type=command_line.positive, help="of a training, and turns (default: 8)")
    parser.add_argument("--samples", type=command_line.positive, help="told from as many fresh rows (default: 5000)")
    parser.add_argument("--short", action="store_true", help="one set, few rows and iterations")
    options = parser.parse_args()
    options.checkpoints = options.checkpoints or (2 if options.short else 8)
    options.samples = options.samples or (200 if options.short else 5000)
    words = [word for setting in (["training.iterations=200"] * options.short + options.set)
             for word in ("--set", setting)]
    error = 0.5 / np.sqrt(2 * options.samples)
    print(f"accuracies have a standard error of {error:.3f}\n{'set':12s} {'program':20s} {'rows/s':>9s} {'best':>8s} "
          f"{'seconds':>8s} {'ratio':>6s}")
    for dataset in choose(options.only or (SETS[:1] if options.short else SETS)):
        path = os.path.join(options.output, dataset.name, "result.json")
        if not os.path.exists(path):
            write_json(path, measure(os.path.dirname(path), dataset, words, options))
        report(dataset.name, read_json(path))


if __name__ == "__main__":
    programs.main(lambda: command_line.run(main))
