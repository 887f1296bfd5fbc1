#!/usr/bin/python3
"""jobs/ on a workstation: a sweep over a grid, its table and figures; scaling; the list of steps behind a paper's
figures. The cluster's side is in tests/cluster. Run: ctest --preset dev -R cli.jobs"""
import csv
import json
import os
import shutil
import sys

import numpy as np

import program
from ddpm_analysis import read_csv, read_sweep
from ddpm_analysis.text_files import read_text
from program import SOURCE, Case, load_job, run_script
from skipped import main


scaling_job, sweep = load_job("scaling"), load_job("sweep")

BASE = {"data": {"source": "two_moons", "count": 500}, "network": {"width": 16, "depth": 1},
        "training": {"batch": 32, "iterations": 60}, "run": {"report_every": 20}, "diffusion": {"steps": 20},
        "parallel": {"block_rows": 8}}


class Jobs(Case):
    def job(self, script, *arguments, code=0, timeout=120):
        result = program.run(*arguments, command=[sys.executable, os.path.join(SOURCE, "jobs", script)],
                             timeout=timeout)
        self.assertEqual(code, result.code, str(result))
        return result

    def sweep(self, text):
        self.config("base.yaml", **BASE)
        return self.write("s.yaml", "base: base.yaml\n" + text)


class Sweep(Jobs):
    def test_points(self):
        """All combinations, the last axis fastest; settings under a name go together; `set` is below the grid."""
        path = self.sweep("set: {training.batch: 8, run.seed: 9}\ngrid:\n  run.seed: [1, 2]\n  loss:\n"
                          "    a: {diffusion.loss: simple}\n    b: {diffusion.loss: vlb, diffusion.variance: beta}\n")
        points = sweep.Sweep(path, self.path("out")).points
        self.assertEqual([{"run.seed": 1, "loss": "a"}, {"run.seed": 1, "loss": "b"}, {"run.seed": 2, "loss": "a"},
                          {"run.seed": 2, "loss": "b"}],
                         [point.labels for point in points])
        self.assertEqual({"training.batch": 8, "run.seed": 2, "diffusion.loss": "vlb", "diffusion.variance": "beta"},
                         points[3].settings)
        self.assertEqual("0003-seed_2-loss_b", os.path.basename(points[3].folder))

    def test_ranges(self):
        self.assertEqual("", sweep.as_ranges([]))
        self.assertEqual("0-2,5,7-8", sweep.as_ranges([8, 0, 1, 5, 2, 7]))

    def test_bad_definitions(self):
        for text, says in (("grid: {}\n", "grid"), ("grid: {a: 3}\n", "grid.a"),
                           ("grid: {run.seed: [1]}\nsteps: 3\n", "'steps'"),
                           ("grid: {run.seed: [1]}\nset: 3\n", "set: expected {key: value}, found 3"),
                           ("grid: {run.seed: [1]}\nevaluate: --count 20\n", "evaluate: expected [--count, 1000]"),
                           ("grid: {run.seed: [1]}\noutput: 7\n", "output: expected a folder"),
                           ("grid: {run.seed: [1, 2, 1]}\n", "grid.run.seed: 1 is there twice"),
                           ("grid: {run.name: [a/b, a_b]}\n", "grid.run.name: a_b is there twice")):
            self.assertIn(says, self.job("sweep.py", "list", self.sweep(text), code=78).stderr)
        path = self.sweep("grid: {run.seed: [1]}\n")
        self.assertIn("no point 1", self.job("sweep.py", "run", path, 1, code=78).stderr)
        self.job("sweep.py", "run", path, code=64)

    def test_a_changed_sweep(self):
        """A grid that gets more values keeps its points; one that was made otherwise is not taken for finished."""
        evaluate = "evaluate: [--count, 20, --samples, 0]\n"
        where = ("--output", self.path("out"))
        self.job("sweep.py", "run-all", self.sweep("grid: {diffusion.steps: [5, 20], data.count: [500]}\n" + evaluate),
                 *where)
        more = "grid: {diffusion.steps: [3, 5, 20], data.count: [400, 500]}\n" + evaluate
        path = self.sweep(more)
        self.assertEqual("0-2,4", self.job("sweep.py", "missing", path, *where).stdout.strip())
        self.assertIn("2 of 6 points", self.job("sweep.py", "gather", path, *where).stdout)
        self.assertEqual(["0000-steps_5-count_500", "0001-steps_20-count_500"],
                         read_sweep(self.path("out", "table.h5")).columns["folder"].tolist())
        path = self.sweep(more.replace("20, --samples", "30, --samples"))
        self.assertIn("    3  changed", self.job("sweep.py", "list", path, *where).stdout)
        self.job("sweep.py", "run", path, 3, *where)
        self.assertIn("    3  finished", self.job("sweep.py", "list", path, *where).stdout)
        path = self.sweep("set: {training.iterations: 90}\n" + more)
        self.assertIn("no point is finished", self.job("sweep.py", "gather", path, *where, code=66).stderr)
        self.assertIn("training.iterations was 60", self.job("sweep.py", "run", path, 3, *where, code=78).stderr)

    def test_a_path_on_an_axis(self):
        point = sweep.Sweep(self.sweep("grid: {data.path: [a/b.h5, c/d.h5]}\n"), self.path("out")).points[1]
        self.assertEqual((self.path("out", "0001-path_c_d.h5"), "c/d.h5"),
                         (point.folder, point.settings["data.path"]))

    def test_an_axis_is_no_column_of_results(self):
        path = self.sweep("grid: {bound: {a: {run.seed: 1}}}\nevaluate: [--count, 20, --samples, 0]\n")
        self.job("sweep.py", "run", path, 0, "--output", self.path("out"))
        self.assertIn("grid.bound", self.job("sweep.py", "gather", path, "--output", self.path("out"), code=78).stderr)

    def test_from_points_to_figures(self):
        path = self.sweep("grid: {diffusion.steps: [5, 20], run.seed: [1, 2]}\n"
                          "evaluate: [--count, 20, --likelihood, --samples, 100]\n")
        where = ("--output", self.path("out"))
        self.assertIn("no point is finished", self.job("sweep.py", "gather", path, *where, code=66).stderr)
        self.job("sweep.py", "run", path, 2, *where)
        self.assertEqual("0-1,3", self.job("sweep.py", "missing", path, *where).stdout.strip())
        shutil.rmtree(self.path("out", "0002-steps_20-seed_1", "checkpoints"))  # an evaluated point is not made again
        self.job("sweep.py", "run-all", path, *where)
        self.assertFalse(os.path.exists(self.path("out", "0002-steps_20-seed_1", "checkpoints")))
        shutil.rmtree(self.path("out", "0002-steps_20-seed_1"))
        self.job("sweep.py", "run-all", path, *where)
        self.assertIn("4 of 4 points\n", self.job("sweep.py", "gather", path, *where).stdout)
        self.check_table(read_sweep(self.path("out", "table.h5")))
        for more in ((), ("--x", "steps", "--by", "seed", "--value", "sliced_w1_ratio")):
            run_script("sweep.py", self.path("out", "table.h5"), "--output", self.path("a.png"), *more)
        run_script("bands.py", self.path("out", "table.h5"), "--by", "steps", "--output", self.path("b.png"))
        self.assertTrue(os.path.getsize(self.path("a.png")) and os.path.getsize(self.path("b.png")))

    def check_table(self, table):
        with open(self.path("out", "0001-steps_5-seed_2", "evaluation.json"), encoding="utf-8") as file:
            one = json.load(file)
        self.assertEqual([5, 5, 20, 20], table.columns["T"].tolist())
        self.assertEqual(one["quality"]["forest"]["samples"], table.column("forest")[1])
        self.assertEqual(one["quality"]["sliced_w1"]["ratio"], table.column("sliced_w1_ratio")[1])
        self.assertEqual(one["bound"]["nats_per_column"], table.column("bound")[1])
        self.assertEqual(one["likelihood"]["nats_per_column"], -table.column("log_likelihood")[1])
        self.assertEqual(one["prior"] / 2, table.column("prior")[1])
        schedule = read_csv(self.path("out", "0001-steps_5-seed_2", "schedule.csv"))
        self.assertEqual((schedule["step"][-1], schedule["alpha_bar"][-1]), (5, table.column("alpha_bar_T")[1]))
        self.assertEqual(60, table.run(3).metrics["iteration"][-1])


class Scaling(Jobs):
    def test_table(self):
        output = self.path("scaling")
        arguments = (self.config("c.yaml", **BASE), "--ranks", "1,2", "--iterations", 40, "--output", output)
        result = self.job("scaling.py", *arguments)
        self.assertIn("runs of equal batches: the same bits", result.stdout)
        with open(os.path.join(output, "scaling.csv"), encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([("strong", "1", "32"), ("strong", "2", "32"), ("weak", "1", "16"), ("weak", "2", "32")],
                         [(row["kind"], row["ranks"], row["batch"]) for row in rows])
        self.assertEqual({"20"}, {row["iterations"] for row in rows}, "the first 20 of 40 are not timed")
        run_script("scaling.py", os.path.join(output, "scaling.csv"), "--output", self.path("scaling.png"))
        self.assertTrue(os.path.getsize(self.path("scaling.png")))
        self.other_bits(arguments, output)

    def test_command_line(self):
        config = self.config("c.yaml", **BASE)
        for word, value, says in (("--iterations", 20, "expected more than 20"),
                                  ("--launch", "mpirun -n {n}", "{ranks}"), ("--launch", "{ranks.n}", "{ranks}")):
            result = self.job("scaling.py", config, "--output", self.path("none"), word, value, code=64)
            self.assertIn(says, result.stderr)
        config = self.write("c.yaml", "training: {batch: many}\n")
        self.assertIn("training.batch", self.job("scaling.py", config, "--output", self.path("none"), code=65).stderr)

    def test_another_configuration(self):
        """Runs of it are made again."""
        output = self.path("scaling")
        config = self.config("c.yaml", **{**BASE, "training": {"batch": "3e1"}})
        for count, timed in ((30, "10"), (40, "20")):
            self.job("scaling.py", config, "--ranks", "1,1", "--iterations", count, "--output", output)
            with open(os.path.join(output, "scaling.csv"), encoding="utf-8", newline="") as file:
                self.assertEqual([timed] * 2, [row["iterations"] for row in csv.DictReader(file)])

    def other_bits(self, arguments, output):
        """One run of another seed in the place of a run: it is noticed."""
        timings = os.path.join(output, "strong-2x1", "timings.csv")
        kept = read_text(timings)
        shutil.rmtree(os.path.dirname(timings))
        self.ddpm("train", arguments[0], "--set", "run.seed=1", "--set", "training.iterations=40",
                  "--output", os.path.dirname(timings))
        with open(timings, "w", encoding="utf-8") as file:
            file.write(kept)
        self.assertIn("strong 1 x 1 and strong 2 x 1 differ", self.job("scaling.py", *arguments, code=1).stderr)

    def test_model(self):
        """The smallest run's compute time shared out, its update as it is, and the predicted sum; between the numbers
        of ranks that are predicted the sum is interpolated."""
        rows = [{"kind": "strong", "ranks": ranks, "cores": ranks, "batch": 64, "rows_per_second": 1.0,
                 "compute": 8e-3, "update": 1e-4} for ranks in (1, 2, 5)]
        points = [{"ranks": 1, "sum": 0}, {"ranks": 2, "sum": 1e-4}, {"ranks": 4, "sum": 2e-4},
                  {"ranks": 6, "sum": 3e-4}]
        scaling_job.add_model(rows, points)
        np.testing.assert_allclose([row["model"] for row in rows], [8.1e-3, 4.2e-3, 1.95e-3], rtol=1e-12)
        np.testing.assert_allclose([row["efficiency"] for row in rows], [1, 1 / 2, 1 / 5], rtol=1e-12)


class Paper(Jobs):
    def test_goes_on(self):
        """A step that is done is not done again, one that was not finished is."""
        log, output = self.path("log"), self.path("out")
        steps = self.write("steps.yaml", f"""\
formats: [png]
steps:
  - {{make: one, run: 'sh -c "echo 1 >> \\"{log}\\"; touch \\"{output}/one\\""'}}
  - {{make: two, run: 'sh -c "echo 2 >> \\"{log}\\"; mkdir -p \\"{output}/two\\"; test -e \\"{log}.ready\\""'}}
""")
        self.job("paper.py", steps, "--output", output, code=65)
        self.write("log.ready", "")
        self.job("paper.py", steps, "--output", output)
        self.job("paper.py", steps, "--output", output)
        self.assertEqual("1\n2\n2\n", read_text(log))


class FromNothing(Jobs):
    def test_help(self):
        """Nothing is installed or built for a question, nor for an option that is not there."""
        for script in ("quickstart.sh", "paper.sh"):
            for word, code in (("--help", 0), ("--outptu", 64)):
                result = program.run(word, command=["bash", os.path.join(SOURCE, "jobs", script)])
                self.assertEqual(code, result.code, str(result))
                self.assertIn(f"bash jobs/{script} [FOLDER]", result.stdout)


if __name__ == "__main__":
    main()
