#!/usr/bin/python3
"""Every figure, drawn from small files.
Run: ctest --preset dev -R analysis.figures"""
import json
import os
import sys
import warnings

import h5py
import numpy as np
from PIL import Image

import animate
import bench
import suite
from case import DATA, MISSING, USAGE, Case, ring, run
from ddpm_analysis import drawing, open_run, pages, style
from skipped import main


class Figures(Case):
    def test_panels(self):
        self.assert_picture("panels.py", self.trajectory(), formats=(".png", ".pdf", ".svg"))
        self.assert_picture("panels.py", self.trajectory(columns=3), "--panels", 3)
        self.assert_picture("panels.py", self.trajectory(columns=1))
        x = np.r_[np.linspace(0, 1, 1000), 900]
        low, high = drawing.limits_near(x)
        self.assertTrue(-0.5 < low < 0 and 1 < high < 2, (low, high))
        self.assertEqual(drawing.limits_near(x[:-1]), drawing.limits(x[:-1]))
        self.assertEqual(drawing.title_of_cloud("data", np.c_[x, x], (0, 1), (low, high) * 2),
                         "data (1,001 points, 1 outside)")
        self.assertEqual(drawing.evenly(101, 10).tolist(), [0, 11, 22, 33, 44, 56, 67, 78, 89, 100])
        self.assertEqual(drawing.evenly(3, 10).tolist(), [0, 1, 2])
        pairs = [drawing.column_pair(None, columns, "") for columns in (1, 2, 3, 64)]
        self.assertEqual(pairs, [(0, 0), (0, 1), (0, 2), (0, 1)])

    def test_animation(self):
        """A frame for each snapshot, in the file's order and in the same axes; the last one stays."""
        x = np.zeros((4, 50, 2), np.float32)
        for snapshot in range(4):
            x[snapshot] = ring(50, 1) + [snapshot, 0]
        path = self.h5("moving.h5", trajectory=x, trajectory_step=np.arange(4)[::-1])
        output = self.path("a.gif")
        contents = []
        for frames, shown in ((100, 4), (2, 2), (2, 2)):
            self.assert_works("animate.py", path, "--output", output, "--frames", frames, "--seconds", 2)
            with open(output, "rb") as file:
                contents.append(file.read())
            with Image.open(output) as image:
                self.assertEqual(image.n_frames, shown)
                places, durations = [], []
                for frame in range(shown):
                    image.seek(frame)
                    durations.append(image.info["duration"])
                    pixels = np.asarray(image.convert("RGB")).astype(int)
                    places.append(np.argwhere(pixels[..., 2] - pixels[..., 0] > 60)[:, 1].mean())
            self.assertEqual(durations, [2000 // shown] * (shown - 1) + [animate.LAST])
            self.assertTrue((np.diff(places) > 20).all(), places)
        self.assertEqual(contents[1], contents[2], "the same input gives the same animation")
        self.assert_fails(USAGE, ["a.png", ".gif"], "animate.py", path, "--output", "a.png")

    def test_pairs(self):
        data = self.h5("data.h5", ["a", "b", "c"], data=np.column_stack([ring(60, 1), ring(60, 2)[:, 0]]))
        samples = self.h5("samples.h5", samples=np.column_stack([ring(80, 3), ring(80, 4)[:, 0]]))
        self.assert_picture("pairs.py", samples, "--data", data)
        self.assert_picture("pairs.py", samples, "--data", data, "--columns", "c,0")
        out = ("--output", self.path("a.png"))
        two = self.h5("two.h5", data=ring(9, 1))
        self.assert_fails(DATA, ["'d'", "a, b, c"], "pairs.py", samples, "--data", data, "--columns", "d", *out)
        self.assert_fails(DATA, ["3 columns", "2"], "pairs.py", samples, "--data", two, *out)

    def test_steps(self):
        """What `ddpm evaluate` says, asked for each sampler and number of evaluations; a stand-in answers here."""
        program = self.write("stand-in", f"""#!{sys.executable}
import json, sys
option = lambda name, other="1": sys.argv[sys.argv.index(name) + 1] if name in sys.argv else other
if option("--sampler") == "ddim" and option("--steps") == "7":
    sys.exit("ddpm: not today")
if sys.argv[1] == "sample":
    sys.exit(0)
nothing = {{"samples": None, "oracle": None, "ratio": None}}
value = {{"samples": 1 / int(option("--steps")) + len(option("--sampler")), "oracle": 0.01, "ratio": 2.5}}
with open(option("--json"), "w", encoding="utf-8") as file:
    json.dump({{"quality": {{"forest": value, "sliced_w1": value, "energy": nothing}}}}, file)
""")
        os.chmod(program, 0o755)
        folder = self.run_folder()
        self.assert_picture("steps.py", folder, "--ddpm", program, "--csv", self.path("a.csv"))
        with open(self.path("a.csv"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertEqual(lines[0], "sampler,evaluations,measure,samples,real_data,ratio")
        self.assertEqual(lines[1], "ancestral,1,forest,10.0,0.01,2.5")
        for sampler, expected in (("ddim", "1 2 4 8 16 50"), ("heun", "1 3 7 15 49 99")):
            found = [line.split(",")[1] for line in lines if line.startswith(sampler)]
            self.assertEqual(found, expected.split())
        self.assert_picture("steps.py", self.path("a.csv"))
        self.assert_picture("steps.py", folder, "--ddpm", program, "--evaluations", "1,2", "--measure", "sliced_w1",
                            "--distilled", folder, "--csv", self.path("a.csv"))
        with open(self.path("a.csv"), encoding="utf-8") as file:
            self.assertEqual(file.read().splitlines()[-1], "distilled,2,sliced_w1,2.0,0.01,2.5")
        out = ("--output", self.path("a.png"))
        self.assert_fails(DATA, ["b.csv", "--csv"], "steps.py", self.write("b.csv", "a,b\n1,2\n"), *out)
        self.assert_fails(DATA, ["not today"], "steps.py", folder, "--ddpm", program, "--samplers", "ddim",
                          "--evaluations", "7", *out)
        self.assert_fails(DATA, ["no finite value"], "steps.py", folder, "--ddpm", program, "--evaluations", "1",
                          "--measure", "energy", *out)
        self.assert_fails(USAGE, ["'euler'"], "steps.py", folder, "--samplers", "euler", *out)
        self.assert_fails(MISSING, ["--ddpm"], "steps.py", folder, "--ddpm", self.path("absent"), *out)

    def test_scatter(self):
        folder = self.run_folder()
        samples = self.h5("samples.h5", samples=ring(100, 4))
        self.assert_picture("scatter.py", samples, "--data", folder, "--density")
        self.assert_picture("scatter.py", samples, samples, "--data", self.path("train.h5") + ":data")

    def test_columns_of_different_units_fill_their_panels(self):
        """In one scale one of them would be a line; a single column is a histogram, and no diagonal."""
        for columns, equal in (([1, 1], True), ([1, 1e-3], False), ([1e6, 1], False)):
            values = ring(200, 1) * columns
            box = drawing.box_of(*values.T)
            figure, (axes,) = drawing.panels(1, box, 4, across=1)
            drawing.cloud(axes, values, (0, 1), box, "k", bins=5)
            self.assertEqual(axes.get_aspect() == 1, equal)
            self.assertTrue(all(3 <= len(axis.get_majorticklocs()) <= 12 for axis in (axes.xaxis, axes.yaxis)))
        one = self.h5("one.h5", samples=ring(100, 4)[:, :1], data=ring(100, 3)[:, :1])
        self.assert_picture("scatter.py", one, "--data", one)
        self.assert_fails(DATA, ["leave out --density"], "scatter.py", one, "--data", one, "--density",
                          "--output", self.path("one.png"))

    def test_loss(self):
        self.assert_picture("loss.py", self.run_folder("runs/a"), self.run_folder("runs/b", rows=1),
                            "--against", "seconds")
        np.testing.assert_allclose(drawing.running_mean(np.arange(9.0), 5), np.arange(9.0), atol=1e-12)
        for rows, marker in ((1, "_"), (2, "None")):  # one row is not a line
            axes = style.new_figure(4, 3).subplots()
            metrics = open_run(self.run_folder(f"runs/{rows}", rows=rows)).metrics
            drawing.loss_curve(axes, metrics["iteration"], metrics, 0.05, 0)
            self.assertEqual(marker, axes.lines[1].get_marker())

    def test_loss_of_runs_without_rows(self):
        """A run that has just begun does not keep the others from being drawn."""
        runs, empty = [self.run_folder("runs/a")], [self.run_folder(f"runs/{name}", rows=0) for name in "bc"]
        done = run("loss.py", *runs, *empty, "--output", self.path("some.png"))
        self.assertEqual((done.returncode, done.stderr.count("left out")), (0, 2), done.stderr)
        self.assert_works("loss.py", *runs, "--output", self.path("one.png"))
        with open(self.path("some.png"), "rb") as some, open(self.path("one.png"), "rb") as one:
            self.assertEqual(some.read(), one.read())
        self.assert_fails(DATA, ["no rows yet", *empty], "loss.py", *empty, "--output", self.path("none.png"))

    def test_schedule(self):
        for steps in (1, 10, 20):
            t = np.arange(1, steps + 1)
            table = np.column_stack([t, t / steps * 0.2, 1 - t / steps, (1 - t / steps) * steps / t, t / steps])
            np.savetxt(self.path(f"{steps}.csv"), table, "%.17g", ",", comments="",
                       header="step,beta,alpha_bar,snr,posterior_variance")
        self.assert_picture("schedule.py", self.path("1.csv"))
        self.assert_picture("schedule.py", self.path("10.csv"))
        self.assert_picture("schedule.py", self.path("10.csv"), self.path("20.csv"))

    def test_on_a_page(self):
        """Texts stay texts, so that a font that lacks letters is no matter."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made = pages.Figures().axes(lambda axes: axes.set_title("日本 🍫"), "a title")
        self.assertIn("日本 🍫</text>", made)

    def test_images(self):
        rows = np.random.default_rng(0).uniform(0, 16, (20, 12)).astype(np.float32)
        samples, data = self.h5("samples.h5", samples=rows), self.h5("data.h5", data=rows)
        self.assert_picture("images.py", samples, "--shape", "3x4", "--data", data)
        self.assert_picture("images.py", samples, "--shape", "2x6", "--rows", 1, "--across", 3)
        out = ("--output", self.path("a.png"))
        self.assert_fails(DATA, ["12 columns are not a square image", "--shape"], "images.py", samples, *out)
        self.assert_fails(DATA, ["12 columns", "--shape 3x3"], "images.py", samples, "--shape", "3x3", *out)

    def test_bound(self):
        for steps in (10, 20):
            with h5py.File(self.path(f"{steps}.h5"), "w") as file:
                file.attrs["columns"] = 2
                file["bound/term"], file["bound/step"] = 1 / np.arange(1, steps + 1), np.arange(1, steps + 1)
                file["bound"].attrs["prior"] = 0.01
        self.assert_picture("bound.py", self.path("10.h5"))
        self.assert_picture("bound.py", self.path("10.h5"), self.path("20.h5"))

    def test_sweep(self):
        """Two axes of numbers and two seeds."""
        axes = np.array([(steps, rate, seed) for steps in (10, 1000) for rate in (1e-4, 1e-3) for seed in (1, 2)])
        ratio = 1 + axes[:, 0] * axes[:, 1] + 0.1 * axes[:, 2]
        with h5py.File(self.path("table.h5"), "w") as file:
            file.attrs["axes"], file.attrs["points"] = ["diffusion.steps", "learning_rate", "run.seed"], 9
            columns = {"diffusion.steps": axes[:, 0], "learning_rate": axes[:, 1], "run.seed": axes[:, 2],
                       "sliced_w1_ratio": ratio, "bound": np.where(ratio > 2, np.nan, -ratio),
                       "index": np.arange(8)[::-1]}
            for name, values in columns.items():
                file[name] = values
        self.assert_picture("sweep.py", self.path("table.h5"), "--x", "learning_rate")
        with h5py.File(self.path("table.h5"), "a") as file:
            file["forest"] = 1 - 0.5 / ratio
        self.assert_picture("sweep.py", self.path("table.h5"), "--x", "steps", "--by", "learning_rate")
        self.assert_fails(DATA, ["no column 'rate'", "run.seed"], "sweep.py", self.path("table.h5"), "--x", "rate",
                          "--output", self.path("a.png"))

    def test_suite(self):
        """Sets in the table's rows that were not measured, and real tables, have no panel."""
        for name in ("rings", "line", "factors64"):
            wide = np.eye(2, 64 if name == "factors64" else 2)
            self.h5(f"{name}-fresh.h5", data=ring(300, 1) @ wide)
            os.makedirs(self.path(f"out/{name}"))
            self.h5(f"out/{name}/samples.h5", samples=ring(300, 2) * [1, 4] @ wide)
        self.write("out/suite.json", json.dumps({"data": self.folder}))
        table = "set,accuracy,spread,result\n"
        self.write("out/table.csv", table + "rings,0.6,,accuracy 0.600\nline,0.522,,yes\n"
                   "factors64,0.7,0.2,spread 0.200\neight,,,failed\niris,0.5,,\n")
        self.assert_picture("suite.py", self.path("out"), formats=(".png", ".pdf"))
        found = suite.read(self.path("out"))
        self.assertEqual([suite.title_of(row, dataset.limits) for row, dataset, _, _ in found],
                         ["rings\n0.600 > 0.52", "line\n0.522", "factors64\nspread 0.200 > 0.12"])
        left, right, bottom, top = suite.box_of(ring(3000, 1), ring(3000, 2) * [1, 100])
        np.testing.assert_allclose([left, right, bottom, top], [-1.25, 1.25, -2, 2], rtol=0.1)
        self.write("out/table.csv", table + "iris,0.5,,\n")
        self.assert_fails(DATA, ["no density"], "suite.py", self.path("out"), "--output", self.path("a.png"))

    def test_scaling(self):
        lines = [("kind,ranks,threads,cores,batch,iterations,step,input,compute,wait,reduction,update,output,"
                  "rows_per_second,efficiency,model,bits")]
        for kind in ("strong", "weak"):
            for ranks in (1, 2, 4):
                step = 1.2 / (ranks if kind == "strong" else 1)
                lines.append(f"{kind},{ranks},1,{ranks},64,100,{step},0,{step - 0.1},0.02,0.05,0.03,0,9,0.9,{step},abc")
        self.assert_picture("scaling.py", self.write("scaling.csv", "\n".join(lines) + "\n"))

    def test_bench(self):
        points = [{"ranks": r, "seconds": 1 / r + 0.1, "blocks": 1 / r, "once": 0.05, "sum": 0.05 if r > 1 else 0,
                   "efficiency": 1.1 / (1 + 0.1 * r)} for r in (1, 2, 4)]
        path = self.write("bench.json", json.dumps({"prediction": {"points": points}}))
        table = self.write("measured.csv", "ranks,seconds\n4,0.4\n1,1.2\n")
        self.assert_picture("bench.py", path, "--table", table)
        self.assert_picture("bench.py", path, path, "--measured", f"2={self.run_folder()}")
        self.assertEqual([[1, 1.2], [4, 0.4]], bench.measured_points([], table).tolist())
        batch, rate = 64, 1e5  # as the run folder says
        found = bench.measured_points([(2, self.run_folder())], None)
        np.testing.assert_allclose(found, [[2, batch / rate]], rtol=1e-12)
        out = ("--output", self.path("a.png"))
        self.assert_fails(USAGE, ["RANKS=RUN"], "bench.py", path, "--measured", "runs/a", *out)
        self.assert_fails(DATA, ["part 'prediction'"], "bench.py", self.write("other.json", "{}"), *out)
        self.assert_fails(DATA, ["not JSON"], "bench.py", self.write("no.json", "{"), *out)


if __name__ == "__main__":
    main()
