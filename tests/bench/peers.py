"""Peers of ddpm in processes of their own, which start and compile once, and then work whenever they are asked to."""
import contextlib
import json
import os
import socket
import subprocess
import sys

import programs

# PyTorch and JAX are those of this Python: run.sh makes an environment with the newest ones.
PYTHON = os.environ.get("PEER_PYTHON", sys.executable)
LIBRARIES = {"PyTorch": ("eager", "compiled"), "JAX": ("jax",)}
SCRIPT = os.path.join(programs.HERE, "peer.py")
# What keeps peers to the instructions that DDPM_ISA names. XLA's own code obeys, but not the library of its products.
INSTRUCTIONS = {"avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
                         "XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}}


class Process:
    """A program that obeys the lines of its input, and answers each of them with one line. It begins with a line, too,
    which is there when its first answer is asked for."""

    def __init__(self, name, command, threads, log, **environment):
        self.name, self.log = name, log
        if threads < programs.CORES:    # XLA takes as many threads as it may use cores
            allowed = sorted(os.sched_getaffinity(0))
            first = int(environment.get("RANK", 0)) * threads % len(allowed)
            command = ["taskset", "-c", ",".join(map(str, allowed[first:first + threads])), *command]
        with open(log, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen([str(word) for word in command], text=True, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=errors,
                                            env={**os.environ, **INSTRUCTIONS.get(programs.ISA, {}),
                                                 "OMP_NUM_THREADS": str(threads), **environment})

    def ended(self):
        with open(self.log, encoding="utf-8", errors="replace") as errors:
            lines = errors.read().split("\n")
        return programs.Failed(f"{self.name} ended: {next((line for line in reversed(lines) if line), self.log)}")

    def answer(self):
        line = self.process.stdout.readline().strip()
        if not line:
            raise self.ended()
        if line.startswith("failed"):
            raise programs.Failed(f"{self.name} {line}")
        return line

    def send(self, text):
        try:
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()
        except OSError:
            raise self.ended() from None

    def ask(self, text):
        self.send(text)
        return self.answer()

    def hang_up(self):
        with contextlib.suppress(OSError):      # it may have ended already
            self.process.stdin.close()

    def close(self):
        self.hang_up()
        self.process.wait()


def free_port():
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return any_socket.getsockname()[1]


class Group:
    """The processes of peer.py that work together on one workload at a time, with one library."""

    def __init__(self, folder, library, processes, threads):
        self.library, self.processes, self.threads = library, processes, threads
        together = {}
        if processes > 1:
            together = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()),
                        "GLOO_SOCKET_IFNAME": "lo"}
        stem = os.path.join(folder, f"{library}-{processes}x{threads}")
        self.members = [Process(f"{library}, {self.shape()}", [PYTHON, SCRIPT, library], threads, f"{stem}-{rank}.log",
                                **together, RANK=str(rank)) for rank in range(processes)]

    def shape(self):
        return f"{self.processes} x {self.threads}"

    def answers(self):
        """Of all members, also where one of them has failed, so that no answer is left for the next question."""
        found, failure = [], None
        for member in self.members:
            try:
                found.append(member.answer())
            except programs.Failed as failed:
                failure = failed
        if failure:
            raise failure
        return found

    def ask(self, text):
        for member in self.members:
            member.send(text)
        return self.answers()

    def take(self, **work):
        """The work from now on; what was compiled for other work is forgotten. False if the group has ended."""
        try:
            return bool(self.ask(f"work {json.dumps(work)}"))
        except programs.Failed as failure:
            print(f"    left out: {failure}", file=sys.stderr)
            return False

    def rate(self, kind, precision, amount):
        """Rows per second of so many steps of training, or samples; what is new is compiled and tried before."""
        return self.processes * min(float(answer) for answer in self.ask(f"run {kind} {precision} {amount}"))

    def close(self):
        for member in self.members:     # all of them before the first is waited for, since they may wait for each other
            member.hang_up()
        for member in self.members:
            member.process.wait()


def start_groups(folder):
    """(groups, {library: version}): one process of a thread a core, and of one thread; for PyTorch a process a core."""
    shapes = {"PyTorch": [(1, programs.CORES), (1, 1), (programs.CORES, 1)], "JAX": [(1, programs.CORES), (1, 1)]}
    started = [Group(folder, library, *shape) for library in LIBRARIES for shape in dict.fromkeys(shapes[library])]
    groups, versions = [], {}
    for group in started:
        try:
            versions[group.library] = group.answers()[0]
            groups.append(group)
        except programs.Failed as failure:
            print(f"left out: {failure}", file=sys.stderr)
    if not groups:
        raise programs.Failed(f"{PYTHON} has neither PyTorch nor JAX; run.sh makes an environment that has both")
    return groups, versions
