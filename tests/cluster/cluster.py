"""What the tests on a cluster share: a real SLURM cluster of several hosts on this machine (up.sh), jobs on it, waiting
for them.

Where it cannot be (no root, no namespaces, no SLURM) the tests are skipped, with a message.
"""
import os
import re
import shutil
import subprocess
import time
import unittest

import program

HERE = os.path.dirname(os.path.abspath(__file__))
STATE = os.environ.setdefault("CLUSTER_DIR", "/tmp/ddpm-cluster")
NODES = 3
WAIT = 600  # seconds for a job with all its restarts, on a busy machine


def missing():
    """Why there can be no cluster here, or None."""
    if os.getuid() != 0:
        return "a cluster of namespaces needs root"
    for command in ("sbatch", "slurmctld", "slurmd", "munged", "ip", "nsenter"):
        if not shutil.which(command, path=os.environ["PATH"] + ":/usr/sbin"):
            return f"{command} is not there; tests/cluster/run.sh installs it"
    space = ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--mount-proc", "true"]
    if subprocess.run(space, capture_output=True, check=False).returncode != 0:
        return "this machine does not allow namespaces"
    return None


def up():
    reason = missing()
    if reason:
        raise unittest.SkipTest(reason)
    done = subprocess.run([os.path.join(HERE, "up.sh"), str(NODES)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)


def down():
    if not missing():
        subprocess.run([os.path.join(HERE, "down.sh")], check=True)


def on_head(*words, environment=None, timeout=60):
    """Run a command on the head node; its output."""
    # tests must not depend on the site file of whoever runs them
    variables = {**os.environ, "DDPM": program.DDPM, "DDPM_BIND": "no", "OMP_NUM_THREADS": "1", "DDPM_LAUNCHER": "srun",
                 **(environment or {})}
    done = subprocess.run([os.path.join(STATE, "on"), "head", *map(str, words)], cwd=program.SOURCE, env=variables,
                          capture_output=True, text=True, check=False, timeout=timeout)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Job:
    def __init__(self, number, output):
        self.number, self.output = number, output

    def text(self):
        if not os.path.exists(self.output):
            return ""
        with open(self.output, encoding="utf-8", errors="replace") as file:
            return file.read()

    def field(self, name):
        found = re.search(rf"\b{name}=(\S+)", on_head("scontrol", "show", "job", self.number))
        return found and found.group(1)

    def wait(self, timeout=WAIT):
        """Until it has ended for good; (state, exit code)."""
        def ended():
            state = self.field("JobState")
            return state if state not in ("PENDING", "RUNNING", "COMPLETING", "REQUEUED") else None
        end = time.monotonic() + timeout
        while not (state := ended()):
            if time.monotonic() > end:
                raise AssertionError(f"job {self.number} has not ended in {timeout} s\n{self.text()}")
            time.sleep(0.5)
        return state, int(self.field("ExitCode").split(":")[0])

    def until_says(self, words, timeout=WAIT):
        end = time.monotonic() + timeout
        while words not in self.text():
            if time.monotonic() > end:
                raise AssertionError(f"job {self.number} did not say {words!r} in {timeout} s\n{self.text()}")
            time.sleep(0.2)


class Case(program.Case):
    def submit(self, *words, environment=None, name="job"):
        """sbatch of a script of jobs/ and its arguments, over 2 hosts x 2 ranks as the script says."""
        output = self.path(name + ".out")
        number = on_head("sbatch", "--parsable", "--output", output, *words, environment=environment).strip()
        return Job(number, output)

    def ended(self, job, state="COMPLETED", code=0):
        self.assertEqual((state, code), job.wait(), job.text())
