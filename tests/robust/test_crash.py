#!/usr/bin/python3
"""kill -9 at any moment, then on again on any number of ranks, with the memory of one node or of several: the same
bits, and nothing left over. Of a plain run, of one that stalls and begins again, and of one with local steps.

Run: ctest --preset dev -R robust.crash; DDPM_ROUNDS=200 (DDPM_LONG=1) is the soak.
"""
import collections
import contextlib
import os
import shutil
import signal
import time

from program import file_size_limit, finish, kill_session, number, session_processes, start, until
from robust import PATIENCE, SHORTENED, TINY, Robust, read_bytes, seeded, train_words
from skipped import main

ITERATIONS = 120
DEATH = 20  # seconds after a kill in which all of a job is gone, on a busy machine


PLAIN = {**TINY, "training.iterations": ITERATIONS}
KINDS = {"plain": PLAIN,
         "shortened": {**SHORTENED, "checkpoint.every": 15},
         "local steps": {**PLAIN, "diffusion.timesteps": "stratified", "training.local_steps": 4, "training.workers": 4,
                         "checkpoint.every": 8}}


class Crash(Robust):
    def checkpoint_of(self, name):
        """Of the newest iteration: the name and the bytes."""
        folder = self.path(name, "run", "checkpoints")
        newest = max(file for file in os.listdir(folder) if file.startswith("step-"))
        return newest, read_bytes(os.path.join(folder, newest))

    def rows(self, name):
        return len(read_bytes(self.path(name, "run", "metrics.csv")).splitlines())

    def moment(self, chance, folder, shortens):
        """Wait for a random moment: of the start, of the work itself, or after the run has begun again."""
        if chance.random() < 0.3:
            time.sleep(chance.uniform(0.0, 2.0))
            return "any time"
        wanted = chance.randrange(0, ITERATIONS, 5)
        lead, metrics = (os.path.join(folder, "run", name) for name in ("checkpoints", "metrics.csv"))
        size, again = 0, shortens and chance.random() < 0.7

        def reached():
            nonlocal size
            if self.process.poll() is not None:
                return True
            if again:
                before, size = size, os.path.getsize(metrics) if os.path.exists(metrics) else 0
                return size < before
            names = [name for name in os.listdir(lead) if "step-" in name] if os.path.isdir(lead) else []
            return any(name.lstrip(".") >= f"step-{wanted:09}" for name in names)
        end = time.monotonic() + PATIENCE
        while not reached() and time.monotonic() < end:
            time.sleep(0.0005)
        time.sleep(chance.uniform(0.0, 0.02))
        return "begun again" if again else "at work"

    def kill(self, chance, ranks):
        """Kill -9 a rank, the launcher, or all; everything must be gone soon after."""
        alive = session_processes(self.process.pid)
        members = [process for process, name in alive.items() if name.startswith("ddpm")]
        victim = chance.choice(["rank", "launcher", "all"]) if ranks else "all"
        if victim == "rank" and members:
            os.kill(chance.choice(members), signal.SIGKILL)
        elif victim == "launcher" and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        else:
            victim = "all"
            kill_session(self.process.pid)
        waited = 0.0  # not by the clock, which goes on where all of this is held up
        while session_processes(self.process.pid) and waited < DEATH:
            self.process.poll()
            time.sleep(0.02)
            waited += 0.02
        left = session_processes(self.process.pid)
        if left:
            kill_session(self.process.pid)
        self.process.communicate()
        self.assertEqual({}, left, f"{victim} killed, {ranks} ranks: still there after {DEATH} s")
        return victim, waited

    def test_soak(self):
        rounds, chance = number("DDPM_ROUNDS", 4, 200), seeded()
        tally, slowest, expected = collections.Counter(), 0.0, {}
        for index in range(rounds):
            kind = list(KINDS)[index % len(KINDS)]
            model = KINDS[kind]
            if kind not in expected:
                said = self.train_in(kind, model=model).stderr
                self.assertEqual(kind == "shortened", "the run begins again" in said, said)
                expected[kind] = self.checkpoint_of(kind), self.rows(kind)
            folder, nodes = self.workspace("work"), chance.choice(["one node", "several nodes"])
            with file_size_limit() if nodes == "several nodes" else contextlib.nullcontext():
                for _ in range(chance.choice([1, 1, 2])):
                    ranks = chance.randint(0, 5)  # 0: without mpirun
                    self.process = start(*train_words(model=model), ranks=ranks, folder=folder)
                    when = self.moment(chance, folder, kind == "shortened")
                    done = os.path.exists(os.path.join(folder, "run", "checkpoints", expected[kind][0][0]))
                    victim, seconds = self.kill(chance, ranks)
                    slowest = max(slowest, seconds)
                    partial = any(name.endswith(".partial") for _, _, names in os.walk(folder) for name in names)
                    tally.update([f"{victim} killed", when, kind, nodes, *["after the end"] * done,
                                  *["in the middle of a file"] * partial])
                ranks = chance.randint(0, 5)
                self.train_in("work", ranks=ranks, model=model)
            self.assertEqual(expected[kind], (self.checkpoint_of("work"), self.rows("work")),
                             f"round {index}, {kind}: other bits, or rows of metrics.csv, on {ranks} ranks")
            self.assert_clean("work")
            shutil.rmtree(folder)
        print(f"{rounds} rounds; slowest death of a job {slowest:.1f} s; {dict(tally)}", flush=True)

    def test_a_dead_rank_takes_the_job_down(self):
        self.process = start(*train_words({"training.iterations": 10 ** 7, "checkpoint.every": 10 ** 6}), ranks=3,
                             folder=self.workspace("work"))
        metrics = self.path("work", "run", "metrics.csv")
        until(lambda: os.path.exists(metrics) and len(read_bytes(metrics).splitlines()) > 2, PATIENCE)
        members = sorted(process for process, name in session_processes(self.process.pid).items()
                         if name.startswith("ddpm"))
        self.assertEqual(3, len(members))
        os.kill(members[-1], signal.SIGKILL)
        self.assertNotEqual(0, finish(self.process, DEATH).code)


if __name__ == "__main__":
    main(verbosity=2)
