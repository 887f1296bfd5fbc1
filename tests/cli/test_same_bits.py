#!/usr/bin/python3
"""A result depends on neither ranks, threads, interruptions, nor how the data are held: the same bits, always.

Run: ctest --preset dev -R cli.same_bits
"""
import os
import shutil
import signal

import h5py
import numpy as np

from program import (
    DDPM,
    SMALL,
    Case,
    checkpoints,
    file_size_limit,
    finish,
    latest,
    read_h5,
    read_metrics,
    session_processes,
    settings,
    start,
    until,
)
from skipped import main

TIME_COLUMNS = ("rows_per_second", "seconds")
STOPPED, DATA, CONFIG = 75, 65, 78


def isa_supported():
    """{instruction set of DDPM_ISA: whether this processor has it}."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        flags = set(next((line for line in file if line.startswith("flags")), "").split())
    sets = {"baseline": set(), "avx2": {"avx2", "fma"}, "avx512": {"avx512f", "avx512dq", "avx512vl"}}
    return {name: needed <= flags for name, needed in sets.items()}


class Bits(Case):
    def setUp(self):
        super().setUp()
        self.yaml = self.config()

    def sample(self, run_folder, name, *arguments, **more):
        output = self.path(name)
        self.ddpm("sample", run_folder, "--count", 1000, "--seed", 5, "--output", output, *arguments, **more)
        return output

    def train_and_sample(self, name, values=(), ranks=0, threads=1, **more):
        """The run folder, with samples.h5 in it."""
        folder = self.train(self.yaml, self.path(name), values, ranks=ranks, threads=threads, **more)
        self.sample(folder, f"{name}/samples.h5", ranks=ranks, threads=threads, **more)
        return folder

    def assert_same_metrics(self, first, second):
        def rows(folder):
            return [{key: value for key, value in row.items() if key not in TIME_COLUMNS}
                    for row in read_metrics(folder)]
        self.assertEqual(rows(first), rows(second))

    def assert_same_run(self, first, second):
        self.assertEqual(checkpoints(first), checkpoints(second))
        for name in checkpoints(first):
            self.assert_same_bits(*(os.path.join(folder, "checkpoints", name) for folder in (first, second)))
        self.assert_same_bits(*(os.path.join(folder, "samples.h5") for folder in (first, second)))
        self.assert_same_metrics(first, second)

    def assert_independent_of_ranks(self, values, **more):
        """One rank alone, and three with two threads each."""
        self.assert_same_run(self.train_and_sample("one", values, **more),
                             self.train_and_sample("three", values, ranks=3, threads=2, **more))
        return self.path("one")


class Ranks(Bits):
    def test_ranks_and_threads(self):
        """Six blocks; the network of the defaults, with Fourier features and the best linear prediction."""
        values = {"checkpoint.every": 150}
        alone = self.train_and_sample("alone", values)
        content = read_h5(latest(alone))
        groups = {name.split("/")[0] for name in content}
        self.assertLessEqual({"parameters", "ema", "moment1", "moment2", "reduction", "components"}, groups)
        self.assertTrue(all(np.isfinite(array).all() for array in content.values()))
        self.assertFalse(np.array_equal(content["parameters/input/weight"], content["ema/input/weight"]))
        self.assertEqual((2 + 2 * 32, 32), content["parameters/input/weight"].shape)
        self.assertEqual((2, 2), content["components/direction"].shape)
        self.assertEqual((1000, 2), read_h5(os.path.join(alone, "samples.h5"))["samples"].shape)
        for ranks in (1, 2, 3, 5):
            for threads in (1, 2):
                with self.subTest(ranks=ranks, threads=threads):
                    self.assert_same_run(alone, self.train_and_sample(f"r{ranks}.t{threads}", values, ranks=ranks,
                                                                      threads=threads))
        with self.subTest("ranks that share no memory"), file_size_limit():
            self.assert_same_run(alone, self.train_and_sample("apart", values, ranks=3))
        with open(os.path.join(self.path("apart"), "run.log"), encoding="utf-8") as log:
            self.assertIn("3 of 3 ranks cannot share memory", log.read())

    def test_more_ranks_than_blocks(self):
        values = {"training.batch": 40, "parallel.block_rows": 16, "training.iterations": 100}
        self.assert_same_run(self.train_and_sample("one", values), self.train_and_sample("five", values, ranks=5))

    def test_fewer_threads_granted_than_asked_for(self):
        alone = self.train_and_sample("alone")
        limited = self.train_and_sample("limited", threads=4, environment={"OMP_THREAD_LIMIT": "2"})
        self.assert_same_run(alone, limited)

    def test_another_seed_is_another_run(self):
        """So that the comparisons above mean something."""
        a, b = (self.train_and_sample(f"seed{seed}", {"run.seed": seed, "training.iterations": 20}) for seed in (1, 2))
        with self.assertRaises(AssertionError):
            self.assert_same_bits(latest(a), latest(b))

    def test_gain_table_sgd(self):
        self.assert_independent_of_ranks({"network.kind": "mlp", "network.time": "gain_table",
                                          "network.activation": "softplus", "training.optimizer": "sgd",
                                          "training.learning_rate": 0.01})

    def test_residual(self):
        """With all that a checkpoint may hold beside: conditions, and the losses by step."""
        self.assert_independent_of_ranks({"network.kind": "residual", "diffusion.predict": "velocity",
                                          "data.condition": "[label]", "data.source": "two_moons",
                                          "diffusion.variance": "learned_range", "diffusion.loss": "hybrid",
                                          "diffusion.timesteps": "importance"})

    def test_perceptron(self):
        """Without what the defaults add to it."""
        self.assert_independent_of_ranks({"network.kind": "mlp", "network.components": 0, "network.features": 0,
                                          "network.initial": "pytorch"})

    def test_many_columns(self):
        """In two groups, some constant, and only a few with a principal component of their own; held and streamed."""
        rng = np.random.default_rng(1)
        rows = (rng.normal(size=(2000, 5)) @ rng.normal(size=(5, 40)) + 0.1 * rng.normal(size=(2000, 40))) * 100
        rows[::3] += 600
        rows[:, 7] = rows[:, 20] = 3
        values = {"data.source": "hdf5", "data.path": self.h5("rows.h5", data=rows.astype(np.float32)),
                  "network.components": 8, "network.mixture": 2, "network.features": 3, "training.iterations": 60}
        one = self.assert_independent_of_ranks(values)
        content = read_h5(latest(one))
        self.assertEqual((8, 40), content["components/direction"].shape)
        self.assertEqual((2, 40), content["mixture/mean"].shape)

    def test_repeated_steps(self):
        """Gradients that grow a thousandfold in a step: it is computed again at coarser scales, its blocks by other
        ranks than before."""
        values = {"diffusion.timesteps": "importance", "training.optimizer": "sgd", "training.learning_rate": 10,
                  "training.clip": 0, "training.warmup": 0, "training.iterations": 4, "network.kind": "mlp",
                  "network.initial": "pytorch", "network.features": 0, "network.components": 0,
                  "diffusion.schedule.kind": "cosine"}
        one, three = (self.train(self.yaml, self.path(f"ranks{ranks}"), values, ranks=ranks, threads=2)
                      for ranks in (1, 3))
        self.assert_same_bits(latest(one), latest(three))

    def test_wide(self):
        """Layers whose sums fit no cache: a thread takes up to four blocks at a time, of 18 and a part of one."""
        values = {"network.width": 384, "training.batch": 300, "training.warmup": 0, "training.iterations": 6,
                  "checkpoint.every": 3}
        self.assert_independent_of_ranks(values)

    def test_bfloat16(self):
        """With blocks of an odd number of rows, whose last element is half empty."""
        values = {"training.precision": "bfloat16", "parallel.block_rows": 13, "training.iterations": 100}
        halves = self.assert_independent_of_ranks(values)
        whole = self.train_and_sample("whole", {**values, "training.precision": "float32"})
        self.assertFalse(np.array_equal(read_h5(latest(halves))["parameters/block0/first/weight"],
                                        read_h5(latest(whole))["parameters/block0/first/weight"]))

    def test_adamw(self):
        self.assert_independent_of_ranks({"training.optimizer": "adamw", "training.weight_decay": 0.01,
                                          "diffusion.predict": "velocity", "diffusion.variance": "beta",
                                          "training.decay": "step", "training.decay_every": 100})

    def test_each_instruction_set_by_itself(self):
        for isa, supported in isa_supported().items():
            with self.subTest(isa=isa):
                if not supported:
                    self.skipTest(f"this processor has no {isa}")
                values = {"training.iterations": 100}
                alone = self.train_and_sample(f"{isa}.alone", values, environment={"DDPM_ISA": isa})
                self.assert_same_run(alone, self.train_and_sample(f"{isa}.three", values, ranks=3, threads=2,
                                                                  environment={"DDPM_ISA": isa}))

    def test_float32_reduction_is_close(self):
        """For a few iterations: after many, rounding has grown."""
        values = {"training.iterations": 20, "training.warmup": 0}
        exact = read_h5(latest(self.train_and_sample("exact", values)))
        for ranks in (1, 3):
            close = read_h5(latest(self.train_and_sample(f"float{ranks}", {**values, "parallel.reduction": "float32"},
                                                         ranks=ranks)))
            for name, array in exact.items():
                if name.startswith(("parameters", "ema")):
                    np.testing.assert_allclose(close[name], array, rtol=0, atol=2e-3, err_msg=name)


class Data(Bits):
    """Rows from a file, held or streamed. Streaming has an order of its own: it equals itself."""

    ROWS, COLUMNS = 200_000, 8  # 6 MiB

    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(3)
        rows = (rng.normal(size=(self.ROWS, self.COLUMNS)) * np.arange(1, self.COLUMNS + 1)).astype(np.float32)
        self.data = self.h5("rows.h5", data=rows)
        self.values = {"data.source": "hdf5", "data.path": self.data, "training.iterations": 200}

    def test_held(self):
        self.assert_independent_of_ranks({**self.values, "data.columns": "[1, 5, 2]"})

    def test_streamed(self):
        values = {**self.values, "data.memory": 4, "training.batch": 2048, "parallel.block_rows": 256}
        one = self.assert_independent_of_ranks(values)
        held = self.train_and_sample("held", {**values, "data.memory": 100})
        with self.assertRaises(AssertionError):  # that it was streamed at all
            self.assert_same_bits(latest(one), latest(held))

    def test_streamed_and_resumed(self):
        values = {**self.values, "data.memory": 4, "training.batch": 2048, "parallel.block_rows": 256,
                  "training.decay": "constant"}
        whole = self.train(self.yaml, self.path("whole"), values)
        self.train(self.yaml, self.path("parts"), {**values, "training.iterations": 137}, ranks=3)
        self.fails(CONFIG, "train", self.yaml, *settings({**SMALL, **values, "data.piece": 1}), "--output",
                   self.path("parts"), says=["data.piece was auto when this run began and is 1 now; restore it"])
        self.train(self.yaml, self.path("parts"), values, ranks=2)
        self.assert_same_bits(latest(whole), latest(self.path("parts")))


class Nodes(Bits):
    """A network whose sums are large enough that nodes, here ranks that share no memory, each add up a part of them and
    update a part of the parameters."""
    WIDE = {"network.width": 96, "training.iterations": 32, "training.validate_every": 0}

    def train_wide(self, values, ranks, threads, *arguments):
        name = f"r{ranks}.t{threads}.{len(os.listdir(self.folder))}"
        return latest(self.train(self.yaml, self.path(name), {**self.WIDE, **values}, *arguments, ranks=ranks,
                                 threads=threads))

    def test_gradients(self):
        """With the best average of the validations; and without clipping, which needs the norm before the update."""
        for values in ({"training.validate_every": 6, "training.keep_best": "true", "training.ema": 0.9},
                       {"training.clip": 0, "network.width": 95, "training.optimizer": "sgd"}):
            alone = self.train_wide(values, 1, 2)
            with file_size_limit():
                for ranks in (2, 5):
                    with self.subTest(values, ranks=ranks):
                        there = self.train_wide(values, ranks, 1)
                        self.assert_same_bits(alone, there)
                        self.assert_same_metrics(*(os.path.dirname(os.path.dirname(file)) for file in (alone, there)))
            self.assertEqual("training.keep_best" in values, any(name.startswith("best/") for name in read_h5(alone)))

    def test_resumed(self):
        """A checkpoint of three nodes, from which one rank, and two nodes, go on."""
        values = {"training.decay": "constant", "training.validate_every": 8}
        whole = self.train_wide(values, 1, 2)
        with file_size_limit():
            part = self.train_wide({**values, "training.iterations": 21}, 3, 1)
            self.assert_same_bits(whole, self.train_wide(values, 2, 1, "--resume", part))
        self.assert_same_bits(whole, self.train_wide(values, 1, 1, "--resume", part))

    def test_diverged(self):
        """Back to a checkpoint, until it may no longer; what failed.h5 holds is whole."""
        values = {"training.optimizer": "sgd", "training.learning_rate": 30, "training.clip": 0,
                  "training.momentum": 0, "training.recover": 1, "checkpoint.keep": 0, "checkpoint.every": 5}
        found = []
        for ranks in (1, 3):
            folder = self.path(f"on {ranks}")
            with file_size_limit():
                result = self.ddpm("train", self.yaml, *settings({**SMALL, **self.WIDE, **values}), "--output", folder,
                                   code=DATA, ranks=ranks)
            self.assertTrue(any("recovery 1 of 1" in line for line in result.warnings()), str(result))
            found.append(os.path.join(folder, "failed.h5"))
        self.assert_same_bits(*found)

    def test_local_steps(self):
        """Three workers: one rank carries all, three one each; of five, some carry one together."""
        values = {"training.local_steps": 8, "training.workers": 3}
        alone = self.train_wide(values, 1, 1)
        for ranks, threads in ((1, 2), (2, 1), (2, 2), (3, 1), (3, 2), (5, 1), (5, 2)):
            with self.subTest(ranks=ranks, threads=threads):
                self.assert_same_bits(alone, self.train_wide(values, ranks, threads))
        with file_size_limit():
            for ranks in (2, 5):
                with self.subTest("ranks that share no memory", ranks=ranks):
                    self.assert_same_bits(alone, self.train_wide(values, ranks, 1))


class Resume(Bits):
    def test_stopped_on_4_ranks_resumed_on_3(self):
        """A run that was killed after its checkpoint at 137, and had written more of metrics.csv."""
        values = {"checkpoint.every": 137, "run.report_every": 10}
        whole = self.train_and_sample("whole", values)
        self.train(self.yaml, self.path("parts"), values, ranks=4)
        folder = self.path("parts", "checkpoints")
        for name in checkpoints(self.path("parts"))[1:] + ["latest.h5"]:
            os.unlink(os.path.join(folder, name))
        self.assertEqual(["step-000000137.h5"], os.listdir(folder))
        self.train_and_sample("parts", values, ranks=3)
        self.assert_same_run(whole, self.path("parts"))
        self.assertEqual(30 + 3 - 3, len(read_metrics(whole)))  # every 10; validation at 100, 200, 300 is among them

    def test_local_steps_resumed_on_3(self):
        """Three workers: carried by one rank, then, from the end of a round on, by three that share no memory."""
        values = {"training.local_steps": 8, "training.workers": 3, "training.iterations": 48, "checkpoint.every": 20,
                  "run.report_every": 16, "training.validate_every": 20}
        whole = self.train(self.yaml, self.path("whole"), values)
        self.assertIn("velocity/output/bias", read_h5(latest(whole)))
        self.assertEqual(["step-000000024.h5", "step-000000048.h5"], checkpoints(whole))
        self.assertEqual(["16", "24", "32", "48"], [row["iteration"] for row in read_metrics(whole)])
        os.makedirs(self.path("parts", "checkpoints"))
        shutil.copy(self.path("whole", "checkpoints", "step-000000024.h5"), self.path("parts", "checkpoints"))
        shutil.copy(self.path("whole", "metrics.csv"), self.path("parts"))
        with file_size_limit():
            self.train(self.yaml, self.path("parts"), values, ranks=3)
        self.assert_same_bits(latest(whole), latest(self.path("parts")))
        self.assert_same_metrics(whole, self.path("parts"))

    def test_prolonged_on_other_ranks(self):
        for more in ({}, {"network.kind": "mlp", "network.time": "gain_table", "training.optimizer": "sgd"},
                     {"training.optimizer": "adamw"},
                     {"data.condition": "[label]", "diffusion.timesteps": "importance",
                      "diffusion.variance": "learned_range", "diffusion.loss": "vlb"}):
            with self.subTest(more):
                values = {**more, "training.decay": "constant", "training.validate_every": 0, "training.warmup": 0}
                shutil.rmtree(self.path("parts"), ignore_errors=True)
                whole = self.train(self.yaml, self.path(f"whole{len(os.listdir(self.folder))}"), values)
                self.train(self.yaml, self.path("parts"), {**values, "training.iterations": 137}, ranks=4)
                self.train(self.yaml, self.path("parts"), values, ranks=3)
                self.assert_same_bits(latest(whole), latest(self.path("parts")))


class Stop(Bits):
    """A request to stop while training: exit code 75 and a good checkpoint, from which the run goes on as if nothing
    had been."""

    ENDLESS = {"training.iterations": 10 ** 9, "training.decay": "constant", "checkpoint.every": 10 ** 9,
               "run.report_every": 10, "training.validate_every": 0, "training.warmup": 0}

    def begin(self, ranks, **values):
        """Start an endless run and wait until it iterates."""
        folder = self.path("stopped")
        process = start("train", self.yaml, *settings({**SMALL, **self.ENDLESS, **values}), "--output", folder,
                        ranks=ranks)
        self.addCleanup(lambda: process.poll() is None and finish(process, 0))
        until(lambda: process.poll() is not None or os.path.exists(os.path.join(folder, "metrics.csv"))
              and read_metrics(folder))
        return process

    def check(self, process, reason, ranks):
        result = finish(process)
        self.assertEqual(STOPPED, result.code, str(result))
        self.assertEqual(1, len(result.errors()), str(result))
        self.assertIn(reason, result.errors()[0])
        stopped = self.path("stopped")
        with h5py.File(latest(stopped), "r") as file:
            iteration = int(file.attrs["iteration"])
        self.assertIn(f"iteration {iteration} ", result.errors()[0])
        self.assert_no_leftovers()
        whole = self.path("whole")
        self.train(self.yaml, whole, {**self.ENDLESS, "training.iterations": iteration}, timeout=60)
        self.assert_same_bits(latest(whole), latest(stopped))
        for folder in (stopped, whole):
            self.train(self.yaml, folder, {**self.ENDLESS, "training.iterations": iteration + 50}, ranks=ranks)
        self.assert_same_bits(latest(whole), latest(stopped))

    def test_sigterm(self):
        process = self.begin(0)
        process.send_signal(signal.SIGTERM)
        self.check(process, "SIGTERM", 3)

    def test_a_closed_terminal(self):
        process = self.begin(0)
        process.send_signal(signal.SIGHUP)
        self.check(process, "SIGHUP", 0)

    def test_nohup(self):
        """Whoever ignores it lives on."""
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        process = self.begin(0)
        process.send_signal(signal.SIGHUP)
        rows = len(read_metrics(self.path("stopped")))
        until(lambda: process.poll() is not None or len(read_metrics(self.path("stopped"))) > rows)
        process.send_signal(signal.SIGTERM)
        self.check(process, "SIGTERM", 0)

    def test_sigusr1_to_one_rank_of_three(self):
        """The others learn of it from that rank."""
        process = self.begin(3)
        ranks = [number for number, name in session_processes(process.pid).items() if name == os.path.basename(DDPM)]
        self.assertEqual(3, len(ranks))
        os.kill(ranks[-1], signal.SIGUSR1)
        self.check(process, "stopped by ", 2)

    def test_sigusr1_to_mpirun(self):
        process = self.begin(2)
        process.send_signal(signal.SIGUSR1)
        self.check(process, "stopped by ", 0)

    def test_stop_file(self):
        process = self.begin(3)
        open(self.path("stopped", "stop"), "w", encoding="utf-8").close()
        self.check(process, "the stop file", 0)
        self.assertFalse(os.path.exists(self.path("stopped", "stop")))

    def test_time_limit(self):
        self.check(self.begin(0, **{"run.time_limit": 0.5}), "run.time_limit", 2)


if __name__ == "__main__":
    main()
