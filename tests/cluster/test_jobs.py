#!/usr/bin/python3
"""jobs/ on a real SLURM cluster: time limits, preemption, dead ranks and nodes; whatever happens, the bits are those of
one undisturbed rank."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import cluster
import program
from skipped import main

setUpModule, tearDownModule = cluster.up, cluster.down

# Some 10 s on four ranks that share two cores; checkpoints every second or so.
SETTINGS = {"data.source": "swiss_roll", "data.count": 5000, "network.width": 32, "network.depth": 2,
            "training.batch": 128, "training.iterations": 12000, "parallel.block_rows": 16, "checkpoint.every": 1000,
            "run.report_every": 1000}


class Jobs(cluster.Case):
    @classmethod
    def setUpClass(cls):
        """The undisturbed run has the same folder as the others had: its name is in the checkpoint."""
        folder = tempfile.TemporaryDirectory(prefix="ddpm cluster ")
        cls.addClassCleanup(folder.cleanup)
        cls.run_folder, cls.alone = os.path.join(folder.name, "run"), os.path.join(folder.name, "alone.h5")
        program.run("train", "/dev/null", *program.settings(SETTINGS), "--output", cls.run_folder, timeout=120)
        shutil.copy(program.latest(cls.run_folder), cls.alone)
        shutil.rmtree(cls.run_folder)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.forget)

    def forget(self):
        shutil.rmtree(self.run_folder, ignore_errors=True)

    def arguments(self, **more):
        return ["/dev/null", *program.settings({**SETTINGS, **more}), "--output", self.run_folder]

    def train(self, *options, launcher="srun", **more):
        return self.submit(*options, "jobs/train.sbatch", *self.arguments(), environment={"DDPM_LAUNCHER": launcher},
                           **more)

    def training(self, job, iteration):
        """Wait until the run has come so far."""
        path = program.latest(self.run_folder)

        def there():
            match = re.search(r"step-(\d+)", os.path.realpath(path)) if os.path.exists(path) else None
            return match and int(match.group(1)) >= iteration
        program.until(there, cluster.WAIT)

    def assert_bits_of_one_rank(self):
        done = subprocess.run(["h5diff", program.latest(self.run_folder), self.alone], capture_output=True, text=True,
                              check=False)
        self.assertEqual((0, ""), (done.returncode, done.stdout + done.stderr))
        self.assert_same_bits(program.latest(self.run_folder), self.alone)

    def restarts(self, job):
        return job.text().count("requeued")

    def ranks_on(self, job):
        """(process, program) pairs of the job's training ranks, as seen from outside."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if words[0] == program.DDPM.encode() and self.run_folder.encode() in words:
                found.append(int(name))
        return found

    def slowly(self, job):
        """Let the ranks run a twentieth of the time until they end, since SLURM looks every 30 s whether a job is near
        its time limit, and by then they would be done."""
        ranks = set(self.ranks_on(job))
        while ranks := ranks.intersection(self.ranks_on(job)):
            for number, pause in ((signal.SIGSTOP, 1.0), (signal.SIGCONT, 0.05)):
                for rank in ranks:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(rank, number)
                time.sleep(pause)

    def test_time_limit(self):
        """SLURM's own signal before a limit of one minute."""
        job = self.train("--time=1", "--signal=B:USR1@45")
        self.training(job, 2000)
        self.slowly(job)
        self.ended(job)
        self.assertGreaterEqual(self.restarts(job), 1, job.text())
        self.assertIn("stopped by SIGUSR1", job.text())
        self.assertIn("4 on 2 nodes", job.text())
        self.assert_bits_of_one_rank()

    def test_signal_under_mpirun(self):
        job = self.train(launcher="mpirun")
        self.training(job, 2000)
        cluster.on_head("scancel", "--batch", "--signal=USR1", job.number)
        self.ended(job)
        self.assertEqual(1, self.restarts(job), job.text())
        self.assert_bits_of_one_rank()

    def preempt(self, launcher):
        job = self.train(launcher=launcher)
        self.training(job, 2000)
        urgent = self.submit("--partition=urgent", "--nodes=3", "--ntasks-per-node=2", "--wrap", "sleep 2",
                             name="urgent")
        self.ended(urgent)
        self.ended(job)
        self.assertIn("restart 1", job.text())
        self.assertIn("resume ", job.text())
        self.assert_bits_of_one_rank()

    def test_preemption_under_srun(self):
        self.preempt("srun")

    def test_preemption_under_mpirun(self):
        self.preempt("mpirun")

    def kill_node(self, launcher):
        """The node that does not hold the batch script dies at once; the third takes its place."""
        job = self.train(launcher=launcher)
        self.training(job, 2000)
        victim = "n2"
        self.assertEqual("n[1-2]", job.field("NodeList"))
        with open(os.path.join(cluster.STATE, "pid", victim), encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGKILL)
        try:
            # SLURM's own waits, one after the other (slurm.conf of up.sh), take about a minute on an idle machine
            job.until_says("restart 1")
            self.ended(job)
            self.assertIn("started on n[1,3] (restart 1)", job.text())
            self.assert_bits_of_one_rank()
        finally:
            subprocess.run([os.path.join(cluster.STATE, "boot"), victim], check=True)
            program.until(lambda: cluster.on_head("sinfo", "-h", "-N", "-p", "debug",
                                                  "-o", "%t").split() == ["idle"] * cluster.NODES, 60)

    def test_node_killed_under_srun(self):
        self.kill_node("srun")

    def test_node_killed_under_mpirun(self):
        self.kill_node("mpirun")

    def test_rank_killed(self):
        for launcher in ("srun", "mpirun"):
            with self.subTest(launcher=launcher):
                self.forget()
                job = self.train(launcher=launcher, name=launcher)
                self.training(job, 2000)
                os.kill(self.ranks_on(job)[-1], signal.SIGKILL)
                self.ended(job)
                self.assertEqual(1, job.text().count("a rank or a node died"), job.text())
                self.assert_bits_of_one_rank()

    def test_dies_too_often(self):
        self.write("dies.sh", "#!/bin/sh\nkill -9 $$\n")
        os.chmod(self.path("dies.sh"), 0o755)
        job = self.submit("jobs/train.sbatch", *self.arguments(),
                          environment={"DDPM": self.path("dies.sh"), "DDPM_FAILURES": "1"})
        state, code = job.wait()
        self.assertEqual("FAILED", state, job.text())
        self.assertGreaterEqual(code, 128)
        self.assertEqual(1, self.restarts(job))
        self.assertIn("given up", job.text())

    def test_cancelled_job_saves_and_stays_away(self):
        for launcher in ("srun", "mpirun"):
            with self.subTest(launcher=launcher):
                self.forget()
                job = self.train(launcher=launcher, name=launcher)
                self.training(job, 2000)
                cluster.on_head("scancel", job.number)
                state, _ = job.wait()
                self.assertEqual("CANCELLED", state)
                job.until_says("checkpoint saved", 30)
                self.assertEqual(0, self.restarts(job))

    def test_own_failure_is_not_repeated(self):
        job = self.submit("jobs/train.sbatch", self.config("bad.yaml", training={"batch": -1}),
                          "--output", self.run_folder)
        state, _ = job.wait()
        self.assertEqual("FAILED", state)
        self.assertIn("training.batch", job.text())
        self.assertEqual(0, self.restarts(job), job.text())

    def test_chain(self):
        """Three submissions where a job may not requeue itself: the first is stopped, the second finishes, the third
        has nothing to do."""
        chain = cluster.on_head("jobs/chain.sh", 3, "--output", self.path("%j.out"), "jobs/train.sbatch",
                                *self.arguments()).split()
        first, second, third = [cluster.Job(number, self.path(number + ".out")) for number in chain]
        self.training(first, 2000)
        cluster.on_head("scancel", "--batch", "--signal=USR1", first.number)
        self.ended(third)
        self.assertIn("submit it again", first.text())
        self.assertIn("resume ", second.text())
        self.assertIn("has all 12000 iterations already", third.text())
        self.assert_bits_of_one_rank()

    def test_sample_and_evaluate(self):
        self.ddpm("train", *self.arguments(**{"training.iterations": 200}))
        for verb, options in (("sample", ["--count", 3000]), ("evaluate", ["--count", 100, "--samples", 500])):
            here = self.path(verb + ".h5")
            self.ddpm(verb, self.run_folder, *options, "--output", here)
            for launcher in ("srun", "mpirun"):
                there = self.path(f"{verb}-{launcher}.h5")
                job = self.submit(f"jobs/{verb}.sbatch", self.run_folder, *options, "--output", there,
                                  environment={"DDPM_LAUNCHER": launcher}, name=verb + launcher)
                self.ended(job)
                self.assert_same_bits(here, there)


if __name__ == "__main__":
    main()
