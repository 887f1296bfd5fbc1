#!/usr/bin/python3
"""Training over a slow link between two hosts, beside the same ranks on one host and beside the prediction.

    tests/bench/link.py --rate 1gbit --delay 500 --local 1 32 [--set network.kind=mlp]

The hosts are network namespaces of this machine (link-a, link-b, removed at the end), so that they share its cores:
take no more ranks than there are. Each measurement is `ddpm bench`, on one host and on two in turn. The efficiency is
the speed over the link divided by that on one host; the predicted one is that of the runs' own predictions. Needs root,
iproute2 and a kernel with tbf, and gcc and taps for a delay. Results are medians of the rounds.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile

import programs

HOSTS = ("link-a", "link-b")
SETUP = 'hostname "$0"; mount -t tmpfs tmpfs /dev/shm; exec "$@"'
UNITS = {"mbit": 1e6, "gbit": 1e9}
BURST = 80000  # bytes that pass at once: a segment as cards take it, with the headers of its frames


def inside(host):
    """What begins a command on a host: a name, a network and shared memory of its own."""
    return ["ip", "netns", "exec", host, "unshare", "--mount", "--uts", "--ipc", "sh", "-c", SETUP, host]


def bits_per_second(text):
    for unit, value in UNITS.items():
        if text.endswith(unit):
            return float(text[:-len(unit)]) * value
    raise argparse.ArgumentTypeError(f"expected a number of {' or '.join(UNITS)}, found '{text}'")


class Link:
    """Two hosts and the cable between them, while the context lasts."""
    def __init__(self, folder, rate, delay):
        self.folder, self.rate, self.delay, self.cable = folder, rate, delay, None
        self.agent = os.path.join(folder, "agent")

    def __enter__(self):
        self.remove()
        try:
            self.build()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def build(self):
        for host in HOSTS:
            programs.run(["ip", "netns", "add", host], {})
        if self.delay:
            self.delayed_cable()
        else:
            programs.run(["ip", "link", "add", "eth0", "netns", HOSTS[0], "type", "veth",
                          "peer", "name", "eth0", "netns", HOSTS[1]], {})
        for number, host in enumerate(HOSTS):
            for words in (f"addr add 10.78.0.{number + 1}/24 dev eth0", "link set lo up",
                          "link set eth0 txqueuelen 10000 up",  # taps drop what their queue does not hold
                          "route replace 10.78.0.0/24 dev eth0 congctl cubic"):  # Linux's default
                programs.run(["ip", "-n", host, *words.split()], {})
            if self.rate:
                burst = max(BURST, int(1e-4 * self.rate / 8))
                programs.run(["ip", "netns", "exec", host, "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate",
                              f"{self.rate:.0f}bit", "burst", burst, "latency", "200ms"], {})
        with open(self.agent, "w", encoding="utf-8") as file:  # stands for ssh
            words = " ".join(f"'{word}'" for word in inside("$host")).replace("'$host'", '"$host"')
            file.write(f'#!/bin/sh\nhost=$1; shift\nexec {words} sh -c "$*"\n')
        os.chmod(self.agent, 0o755)

    def delayed_cable(self):
        program = os.path.join(self.folder, "delay")
        programs.run(["gcc", "-O2", "-o", program, os.path.join(programs.HERE, "delay.c")], {})
        self.cable = subprocess.Popen([program, *HOSTS, str(self.delay)], stdout=subprocess.PIPE, text=True)
        if self.cable.stdout.readline() != "ready\n":
            raise programs.Failed("the delayed cable did not start")

    def remove(self):
        """End what is left on the hosts, also of an earlier run that was killed."""
        if self.cable:
            self.cable.kill()
            self.cable.communicate()
            self.cable = None
        there = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()
        for host in set(HOSTS) & set(there):
            for process in subprocess.run(["ip", "netns", "pids", host], capture_output=True, text=True,
                                          check=True).stdout.split():
                subprocess.run(["kill", "-9", process], capture_output=True, check=False)
            subprocess.run(["ip", "netns", "del", host], check=True)

    def bench(self, hosts, options, words):
        """The prediction of a run of `ddpm bench` on the first so many hosts."""
        output = os.path.join(self.folder, "bench.json")
        launch = ["mpirun", "-n", options.ranks, "--bind-to", "none", "--mca", "plm", "rsh", "--mca", "plm_rsh_agent",
                  self.agent, "--host", ",".join(f"{host}:{options.ranks // hosts}" for host in HOSTS[:hosts])]
        crowded = {"OMPI_MCA_mpi_yield_when_idle": "1"} if options.ranks > programs.CORES else {}
        programs.run([*inside(HOSTS[0]), *launch, *options.mpi.split(), programs.DDPM, "bench",
                      *words, "--only", "prediction", "--seconds", options.seconds, "--json", output],
                     {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "OMPI_MCA_orte_tmpdir_base": self.folder,
                      **crowded})
        with open(output, encoding="utf-8") as file:
            return json.load(file)["prediction"]


def measure(link, options, batch, steps):
    """A line of the table: medians of the rounds."""
    values = {"training.batch": batch, "training.local_steps": steps}
    if steps > 1:
        values.update({"training.workers": options.ranks, "training.iterations": 100 * steps})
    words = programs.settings(values) + [word for value in options.set for word in ("--set", value)]
    found = []
    for _ in range(options.rounds):
        one, two = link.bench(1, options, words), link.bench(2, options, words)
        found.append({"one": one["measured_seconds"], "two": two["measured_seconds"],
                      "efficiency": one["measured_seconds"] / two["measured_seconds"],
                      "predicted": one["predicted_seconds"] / two["predicted_seconds"],
                      "latency": two["latency"], "rate": two["rate"],
                      "one_predicted": one["predicted_seconds"], "two_predicted": two["predicted_seconds"]})
    line = {name: statistics.median(each[name] for each in found) for name in found[0]}
    return {"batch": batch, "steps": steps, "least": min(each["efficiency"] for each in found),
            "most": max(each["efficiency"] for each in found), **line}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rate", type=bits_per_second, help="of each direction, as 1gbit; default: not shaped")
    parser.add_argument("--delay", type=int, default=0, help="microseconds one way; default: %(default)s")
    parser.add_argument("--ranks", type=int, default=2, help="of one thread, half of them a host; default: %(default)s")
    parser.add_argument("--batch", type=int, nargs="+", default=[2048], help="default: %(default)s")
    parser.add_argument("--local", type=int, nargs="+", default=[1, 32],
                        help="training.local_steps, with a worker a rank; default: %(default)s")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=4, help="of each run of ddpm bench; default: %(default)s")
    parser.add_argument("--mpi", default="", help="more options of mpirun")
    parser.add_argument("--json", help="append each line to this file")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("link.py: network namespaces need root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the hosts are removed
    print("| batch | local steps | one host, ms a step | two hosts, ms | efficiency (least-most) | predicted | "
          "latency, us | rate, MB/s |\n|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, Link(folder, options.rate, options.delay) as link:
        for batch in options.batch:
            for steps in options.local:
                line = measure(link, options, batch, steps)
                print(f"| {batch} | {steps} | {1e3 * line['one']:.1f} | {1e3 * line['two']:.1f} | "
                      f"{line['efficiency']:.3f} ({line['least']:.3f}-{line['most']:.3f}) | {line['predicted']:.3f} | "
                      f"{1e6 * line['latency']:.0f} | {1e-6 * line['rate']:.0f} |", flush=True)
                if options.json:
                    with open(options.json, "a", encoding="utf-8") as file:
                        file.write(json.dumps({**vars(options), **line}) + "\n")


if __name__ == "__main__":
    main()
