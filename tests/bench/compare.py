#!/usr/bin/python3
"""ddpm beside PyTorch and JAX on the same work, in float32 and bfloat16, and beside the machine's limit.

  bash tests/bench/run.sh                       the table (some 14 minutes on two cores)
  bash tests/bench/run.sh --only 2 --rounds 3   one workload, faster
  bash tests/bench/run.sh --markdown FILE       the table as it stands in README.md

First every layout of a workload is tried shortly: ddpm in one process and in a process a core; PyTorch eager and
compiled, and JAX with its steps in one compiled scan, in one process with a thread a core, in one with one thread, and
PyTorch in a process a core. Then the fastest of each library and precision run in turn, A B C A B C ..., and the best
of these is the peer: ratios are the medians of the rounds' own ratios, with the least and the most.
"""
import argparse
import sys
import tempfile
import time
from dataclasses import dataclass, field

import numpy as np

import peers
import programs

# Where no instruction multiplies bfloat16, every program has to take it apart, PyTorch for minutes.
PRECISIONS = ("float32", "bfloat16") if programs.multiplies_bfloat16() else ("float32",)
# Words of `ddpm sample` for each precision; None: that precision is not there, and its columns stay empty.
SAMPLE_WORDS = {"float32": (), "bfloat16": ("--precision", "bfloat16")}
# Products in bfloat16 for one in float32, where an instruction of the processor computes them; as found on Zen 4 and 5.
AT_ONCE = {"float32": 1, "bfloat16": 2}
SHOWN = {"jax": "scan"}    # in the names of layouts
HOPELESS = 1.5      # an eager layout that is so many times slower than the best of its precision is not compiled


@dataclass
class Workload:
    """ours, theirs: steps, or samples, in a run of about a second. A sampling peer makes `batch` samples at a time.
    goals: float32 and bfloat16 beside the best peer of that precision, the share of the limit, bfloat16 beside
    float32."""
    name: str
    width: int
    depth: int
    batch: int
    columns: int
    ours: int
    theirs: int
    goals: dict = field(default_factory=dict)
    what: str = "train"
    steps: int = 1000


WORKLOADS = (
    Workload("128x3, batch 256", 128, 3, 256, 2, 3000, 1000, {"float32": 3.5, "share": 0.75}),
    Workload("256x4, batch 2048", 256, 4, 2048, 2, 200, 100, {"float32": 1.5, "bfloat16": 1.6}),
    Workload("512x4, batch 2048", 512, 4, 2048, 2, 40, 30,
             {"float32": 1.15, "share": 0.90, "bfloat16": 1.3, "gain": 1.7}),
    Workload("1024x4, batch 4096, D 64", 1024, 4, 4096, 64, 10, 3,
             {"float32": 1.2, "share": 0.90, "bfloat16": 1.3, "gain": 1.8}),
    Workload("sampling 128x3, T 100", 128, 3, 2500, 2, 100000, 20000, {"float32": 1.5, "bfloat16": 1.5}, "sample", 100),
    Workload("sampling 512x4, T 100", 512, 4, 1250, 2, 10000, 2500, {"float32": 1.15, "bfloat16": 1.3}, "sample", 100),
)


def note(text):
    print(text, file=sys.stderr, flush=True)


def instruction_sets(kernels):
    return ", ".join([f"{kernels} kernels", *filter(programs.has_flag, ("avx512_bf16", "amx_bf16"))])


# ---- what is measured: rate(amount) is rows per second; a layout is processes x threads

class Ddpm:
    """ddpm with one layout and precision, as users run it."""

    def __init__(self, folder, work, ranks, precision):
        self.folder, self.work, self.ranks, self.precision = folder, work, ranks, precision
        self.name = f"{ranks} x {programs.CORES // ranks}"
        more = {"training.precision": precision} if work.what == "train" else {"training.iterations": 100}
        batch = work.batch if work.what == "train" else 256
        self.words = programs.config(folder, work.width, work.depth, batch, work.columns,
                                     **{"diffusion.steps": work.steps, **more})

    def rate(self, amount):
        if self.work.what == "train":
            return programs.train_rate(self.folder, self.words, amount, ranks=self.ranks)
        start = time.monotonic()
        programs.ddpm("sample", f"{self.folder}/model", *SAMPLE_WORDS[self.precision], "--count", amount, "--output",
                      f"{self.folder}/samples.h5", ranks=self.ranks)
        return amount / (time.monotonic() - start)     # the whole command, with its start, reading and writing

    def share(self, scale):
        """Of the limit, in turn with it."""
        part, name = {"train": ("training", "training step, exact"), "sample": ("sampling", "sampling step")}[
            self.work.what]
        found = programs.bench(self.folder, *self.words, "--only", part, "--seconds", str(scale), ranks=self.ranks)
        return next(row for row in found["rows"] if row["name"] == name)["share"]


class Peer:
    """A layout of a library, in one precision."""

    def __init__(self, group, kind, precision):
        self.group, self.kind, self.precision = group, kind, precision
        self.name = f"{SHOWN.get(kind, kind)}, {group.shape()}"

    def rate(self, amount):
        return self.group.rate(self.kind, self.precision, amount)


# ---- one workload

def try_all(layouts, amount):
    """{layout: rate} of those that work: the better of two short runs."""
    found = {}
    for layout in layouts:
        try:
            found[layout] = max(layout.rate(amount) for _ in range(2))
            note(f"    tried {layout.name:18s} {layout.precision:8s} {found[layout]:12,.0f} rows/s")
        except programs.Failed as failure:
            note(f"    left out: {failure}")
    return found


def choose_peers(groups, work, amount):
    """{(library, precision): the fastest of its layouts}."""
    steps = max(1, int(amount))
    chunk = min(50, steps)
    taken = [group for group in groups if group.take(
        what=work.what, width=work.width, depth=work.depth, batch=work.batch, columns=work.columns, steps=work.steps,
        chunk=chunk)]
    tried = chunk if work.what == "train" else work.batch
    chosen = {}
    for precision in PRECISIONS:
        found = try_all([Peer(group, peers.LIBRARIES[group.library][0], precision) for group in taken], tried)
        fastest = max((rate for layout, rate in found.items() if layout.kind == "eager"), default=0.0)
        found.update(try_all([Peer(layout.group, "compiled", precision) for layout, rate in found.items()
                              if layout.kind == "eager" and rate * HOPELESS > fastest], tried))
        for library, kinds in peers.LIBRARIES.items():
            of_library = {layout: rate for layout, rate in found.items() if layout.kind in kinds}
            if of_library:
                chosen[library, precision] = max(of_library, key=of_library.get)
    return chosen


def choose_ours(folder, work, amount):
    """{("ddpm", precision): the faster layout in float32, in each precision that is there}."""
    if work.what == "sample":
        programs.ddpm("train", "/dev/null", *Ddpm(folder, work, 1, "float32").words, "--output", f"{folder}/model",
                      "--resume", "never")
    found = try_all([Ddpm(folder, work, ranks, "float32") for ranks in sorted({1, programs.CORES})], amount)
    if not found:
        raise programs.Failed(f"{work.name}: ddpm does not run")
    ranks = max(found, key=found.get).ranks
    return {("ddpm", precision): Ddpm(folder, work, ranks, precision) for precision in PRECISIONS
            if work.what == "train" or SAMPLE_WORDS[precision] is not None}


def measure(groups, work, options):
    """({(program, precision): layout}, {(program, precision): rates of the rounds}, shares of the limit)."""
    note(work.name)
    ours, theirs = (max(1, int(amount * options.scale)) for amount in (work.ours, work.theirs))
    with tempfile.TemporaryDirectory(prefix="ddpm-bench-") as folder:
        running = {**choose_ours(folder, work, max(10, ours // 4)), **choose_peers(groups, work, theirs)}
        rates, shares = {key: [] for key in running}, []
        for _ in range(options.rounds):
            for key, layout in running.items():
                rates[key].append(layout.rate(ours if key[0] == "ddpm" else theirs))
            shares.append(running["ddpm", "float32"].share(options.scale))
        note("    rounds: " + "; ".join(f"{key[0]} {key[1]} {spread(values, ',.0f')}" for key, values in rates.items()))
        return running, rates, shares


def best_peer(rates, precision):
    """The rates of the library with the highest median; None if there is none."""
    found = [values for (program, of), values in rates.items() if program != "ddpm" and of == precision]
    return max(found, key=np.median, default=None)


def ratios(above, below):
    return np.array(above) / np.array(below) if above is not None and below is not None else None


# ---- the table

def spread(values, form=".2f"):
    return f"{np.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


def judged(values, goal):
    """Median, least and most, and the goal with whether it is met."""
    if values is None:
        return "- | -" if goal is None else f"- | {goal:.2f}"
    if goal is None:
        return f"{spread(values)} | -"
    return f"{spread(values)} | {goal:.2f}, {'met' if np.median(values) >= goal else 'missed'}"


RATIOS = "| workload | float32 / best peer | goal | at the limit | share of the limit | goal |"
RATIOS_BFLOAT16 = " bfloat16 / best peer | goal | at the limit | bfloat16 / float32 | goal |"


def table(lines):
    return [lines[0], "|" + "---|" * (lines[0].count("|") - 1), *lines[1:]]


def at_the_limit(rates, shares, precision):
    """The ratio to the best peer if the program spent no time but that of its multiply-adds."""
    peer = best_peer(rates, precision)
    if peer is None:
        return "-"
    return f"{np.median(np.array(rates['ddpm', 'float32']) / shares / peer) * AT_ONCE[precision]:.2f}"


def ratio_line(work, rates, shares):
    ours = {precision: rates.get(("ddpm", precision)) for precision in PRECISIONS}
    cells = [work.name, *(judged(ratios(ours[precision], best_peer(rates, precision)), work.goals.get(precision)) +
                          f" | {at_the_limit(rates, shares, precision)}" for precision in PRECISIONS)]
    cells.insert(2, judged(shares, work.goals.get("share")))
    if "bfloat16" in PRECISIONS:
        cells.append(judged(ratios(ours["bfloat16"], ours["float32"]), work.goals.get("gain")))
    return f"| {' | '.join(cells)} |"


def rate_line(work, running, rates):
    cells = [f"{np.median(rates[key]):,.0f} ({running[key].name})" if key in rates else "-"
             for program in ("ddpm", *peers.LIBRARIES) for key in ((program, precision) for precision in PRECISIONS)]
    return f"| {work.name} | {' | '.join(cells)} |"


def page(heading, found):
    columns = [f"{program} {precision}" for program in ("ddpm", *peers.LIBRARIES) for precision in PRECISIONS]
    return "\n".join([
        heading, "",
        *table([RATIOS + RATIOS_BFLOAT16 * ("bfloat16" in PRECISIONS),
                *(ratio_line(work, rates, shares) for work, _, rates, shares in found)]), "",
        "Rows per second, with the layout that was the fastest of its kind, processes x threads:", "",
        *table([f"| workload | {' | '.join(columns)} |",
                *(rate_line(work, running, rates) for work, running, rates, _ in found)])]) + "\n"


def start_line(rounds):
    """From the command to the first step done, beyond what MPI takes: `ddpm --version` starts and stops MPI too."""
    beyond = []
    with tempfile.TemporaryDirectory(prefix="ddpm-bench-") as folder:
        for index in range(rounds):
            times = []
            words = programs.config(folder, 128, 3, 256, 2, **{"training.iterations": 1})
            for arguments in (("--version",), ("train", "/dev/null", *words, "--output", f"{folder}/start{index}")):
                start = time.monotonic()
                programs.ddpm(*arguments)
                times.append(time.monotonic() - start)
            beyond.append(times[1] - times[0])
    return f"\nStart to the first step and its checkpoint, beyond MPI's own: {spread(beyond)} s (goal 0.10).\n"


def describe(folder, versions, rounds):
    found = programs.bench(folder, "--only", "limits", "--seconds", "1")
    return (f"{programs.CORES} cores, {instruction_sets(found['kernels'])}, limit in float32 "
            f"{1e-9 * found['limit'] * programs.CORES:.0f} GFLOP/s together; beside {' and '.join(versions.values())}; "
            f"medians of {rounds} rounds (least-most).")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of each comparison (default: %(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="length of every run (default: %(default)s)")
    parser.add_argument("--only", type=int, action="append", choices=range(len(WORKLOADS) + 1),
                        help="row of the table, from 0; repeatable; the last one is the start (default: all)")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there, too, whenever it has one more row")
    options = parser.parse_args()
    chosen = options.only if options.only is not None else range(len(WORKLOADS) + 1)
    text, found = "", []
    with tempfile.TemporaryDirectory(prefix="ddpm-bench-") as folder:
        groups, versions = peers.start_groups(folder)
        heading = describe(folder, versions, options.rounds)
        try:
            for index in sorted(chosen):
                if index < len(WORKLOADS):
                    found.append((WORKLOADS[index], *measure(groups, WORKLOADS[index], options)))
                    text = page(heading, found)
                else:
                    text += start_line(options.rounds)
                if options.markdown:
                    with open(options.markdown, "w", encoding="utf-8") as file:
                        file.write(text)
        finally:
            for group in groups:
                group.close()
    print(text, end="")


if __name__ == "__main__":
    programs.main(main)
