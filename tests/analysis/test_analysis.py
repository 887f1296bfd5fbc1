#!/usr/bin/python3
"""Tests of analysis/: every script runs on small files whose right answer is known. Run: /usr/bin/python3 -m unittest tests/analysis/test_analysis.py

With DDPM=path of the program, the tests that draw toy data run too.
"""
import contextlib
import importlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import h5py
import numpy as np

ANALYSIS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "analysis")
sys.dont_write_bytecode = True
sys.path[:0] = [ANALYSIS, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")]
import animate  # noqa: E402
import bench  # noqa: E402
import command  # noqa: E402
import ddpm_io  # noqa: E402
import import_table  # noqa: E402
import loss  # noqa: E402
import panels  # noqa: E402
import quality  # noqa: E402
from skipped import main  # noqa: E402

CONFIG = """\
run: {name: roll, seed: 3}
data: {source: hdf5, path: PATH, dataset: data, columns: [], standardize: column, validation: 0.1, noise: auto}
diffusion:
  steps: 50
  schedule: {kind: cosine, start: auto, end: auto, target: auto, rescale: false, zero_terminal_snr: false, offset: 0.008, cap: 0.999}
  predict: noise
network: {width: 32, depth: 2, activation: silu, time: sinusoidal, time_width: 16}
training: {iterations: 300, batch: 64, optimizer: adam, learning_rate: 1e-3, momentum: 0.9, beta1: 0.9, beta2: 0.999, epsilon: 1e-08,
  weight_decay: 0, warmup: 10, decay: cosine, decay_every: 10000, decay_factor: 0.5, clip: 1}
"""


SCRIPTS = ("panels.py", "animate.py", "scatter.py", "pairs.py", "loss.py", "schedule.py", "images.py", "import_table.py", "quality.py", "twin.py",
           "score.py", "steps.py", "bench.py")


def run(script, *arguments):
    """Run a script as its command line does, in this process, where numpy and matplotlib are loaded already."""
    main = importlib.import_module(script[:-len(".py")]).main
    out, err = io.StringIO(), io.StringIO()
    with mock.patch("sys.argv", [script, *map(str, arguments)]), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            command.run(main)
        except SystemExit as end:
            return subprocess.CompletedProcess(sys.argv, end.code or 0, out.getvalue(), err.getvalue())


def ring(rows, seed):
    """Two columns in which no direction is like another set's."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, rows)
    return (np.column_stack([np.cos(angle), 0.5 * np.sin(angle)]) + 0.05 * rng.normal(size=(rows, 2))).astype(np.float32)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ddpm analysis ")  # with a space, on purpose
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def h5(self, name, columns=None, **datasets):
        with h5py.File(self.path(name), "w") as file:
            for key, values in datasets.items():
                file[key] = values
            if columns:
                import_table.put_names(file[next(iter(datasets))], "columns", columns)
        return self.path(name)

    def run_folder(self, name="runs/a", rows=40):
        data = self.h5("train.h5", ["x", "y"], data=ring(200, 1))
        self.write(f"{name}/config.yaml", CONFIG.replace("PATH", json.dumps(data)))
        lines = [f"{i * 100},{i / 2},{1 / i:.17g},{'' if i % 5 else 1.5 / i},1e-3,1,1e5,{i * 0.1}" for i in range(1, rows + 1)]
        header = "iteration,epoch,loss,validation_loss,learning_rate,gradient_norm,rows_per_second [1/s],seconds [s]"
        self.write(f"{name}/metrics.csv", "\n".join([header] + lines) + "\n4100,20")  # the last line is still being written
        return self.path(name)

    def trajectory(self, name="reverse.h5", columns=2, rows=300, snapshots=12):
        x = np.random.default_rng(2).normal(size=(snapshots, rows, columns)).astype(np.float32)
        return self.h5(name, samples=x[-1], trajectory=x, trajectory_step=np.arange(snapshots)[::-1] * 5)

    def assert_picture(self, script, *arguments):
        for suffix, start in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")):
            output = self.path("figure" + suffix)
            done = run(script, *arguments, "--output", output)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            with open(output, "rb") as file:
                content = file.read()
            self.assertTrue(content.startswith(start))
            self.assertGreater(len(content), 2000)
            self.assertEqual(run(script, *arguments, "--output", output).returncode, 0)
            with open(output, "rb") as file:
                self.assertEqual(file.read(), content, "the same input gives the same picture")

    def assert_fails(self, code, texts, script, *arguments):
        done = run(script, *arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith(".")], [], "no temporary file is left")


class Reader(Case):
    def test_numbers_of_yaml(self):
        config = ddpm_io.parse_config("a: 1e-05\nb: 1e3\nc: 5\nd: auto\ne: 0.1\nf: true\ng: '1e5'\nh: [1, 2.5e-3]\n")
        self.assertEqual(config, {"a": 1e-05, "b": 1000.0, "c": 5, "d": "auto", "e": 0.1, "f": True, "g": "1e5", "h": [1, 0.0025]})

    def test_run(self):
        run_ = ddpm_io.open_run(self.run_folder())
        self.assertEqual(run_.config["training"]["epsilon"], 1e-08)
        self.assertEqual(len(run_.metrics), 40)
        self.assertEqual(run_.metrics["seconds"][-1], 4.0)
        self.assertEqual(np.isfinite(run_.metrics["validation_loss"]).sum(), 8)
        self.assertEqual(run_.data().values.shape, (200, 2))

    def checkpoint(self, name, config_attribute):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        beta = np.array([0, 0.1, 0.2, 1.0])
        with h5py.File(self.path(name), "w", userblock_size=512) as file:
            for group in ("parameters", "ema", "moment1", "moment2"):
                file[f"{group}/hidden0/weight"] = np.arange(6, dtype=np.float32).reshape(2, 3)
                file[f"{group}/output/bias"] = np.zeros((1, 2), np.float32)
            file["schedule/beta"] = beta
            for key in ("mean", "scale", "minimum", "maximum"):
                file[f"transform/{key}"] = np.ones(2)
            file.attrs["iteration"] = 7
            if config_attribute:
                file.attrs["config"] = "run: {name: a}\n"
            else:
                file["config"] = "run: {name: a}\n"

    def test_checkpoint(self):
        folder = self.run_folder()
        for iteration, attribute in ((5, True), (7, False)):
            self.checkpoint(f"runs/a/checkpoints/step-{iteration:09d}.h5", attribute)
            checkpoint = ddpm_io.open_run(folder).checkpoint()
            self.assertEqual(checkpoint.config, {"run": {"name": "a"}})
            self.assertEqual(checkpoint.iteration, 7)
            self.assertEqual(sorted(checkpoint.ema), ["hidden0/weight", "output/bias"])
            np.testing.assert_array_equal(checkpoint.parameters["hidden0/weight"], [[0, 1, 2], [3, 4, 5]])
            np.testing.assert_allclose(checkpoint.alpha_bar, [1, 0.9, 0.72, 0])
        self.assertTrue(ddpm_io.open_run(folder).checkpoint_path().endswith("step-000000007.h5"))
        os.symlink("step-000000005.h5", self.path("runs/a/checkpoints/latest.h5"))
        self.assertTrue(ddpm_io.open_run(folder).checkpoint_path().endswith("latest.h5"))

    def test_table(self):
        path = self.h5("a:b.h5", values=np.arange(12.0).reshape(3, 2, 2), other=np.ones(3, np.int32))
        self.assertEqual(ddpm_io.read_table(f"{path}:values").values.tolist()[1], [4, 5, 6, 7])
        self.assertEqual(ddpm_io.read_table(f"{path}:other").values.shape, (3, 1))
        with self.assertRaisesRegex(ddpm_io.BadData, "other, values"):
            ddpm_io.read_table(path)

    def test_columns(self):
        table = ddpm_io.Table(np.arange(6).reshape(2, 3), ["a", "b", "0"])
        chosen = ddpm_io.select_columns(table, ["b", "0", 0, "1"])
        self.assertEqual((chosen.columns, chosen.values[0].tolist()), (["b", "0", "0", "b"], [1, 2, 2, 1]))
        with self.assertRaisesRegex(ddpm_io.BadData, "'c' among a, b, 0"):
            ddpm_io.select_columns(table, ["c"])

    def test_limit_is_a_fair_choice(self):
        count = 10000
        path = self.h5("sorted.h5", data=np.column_stack([np.arange(count), np.arange(count) % 2]))
        values = ddpm_io.read_table(path, 1000).values
        self.assertEqual(len(np.unique(values[:, 0])), 1000)
        self.assertAlmostEqual(values[:, 0].mean() / count, 0.5, delta=0.2)
        self.assertEqual(values[:, 1].mean(), 0.5)
        self.assertEqual(len(ddpm_io.read_table(path, 7).values), 7)

    def test_not_finite(self):
        path = self.h5("nan.h5", data=np.array([[1.0, 2.0], [np.nan, 3.0]]))
        with self.assertRaisesRegex(ddpm_io.BadData, r"\(2, 1\)"):
            ddpm_io.read_table(path)


class Pictures(Case):
    def test_panels(self):
        self.assert_picture("panels.py", self.trajectory())
        self.assert_picture("panels.py", self.trajectory(columns=3), "--panels", 3)
        self.assertEqual(panels.choose(101, 10).tolist(), [0, 11, 22, 33, 44, 56, 67, 78, 89, 100])
        self.assertEqual(panels.choose(3, 10).tolist(), [0, 1, 2])
        self.assertEqual([panels.default_columns(d) for d in (1, 2, 3, 64)], [(0, 0), (0, 1), (0, 2), (0, 1)])

    def test_animation(self):
        """A frame for each snapshot, in the file's order and in the same axes; the last one stays."""
        from PIL import Image
        x = np.zeros((4, 50, 2), np.float32)
        for snapshot in range(4):
            x[snapshot] = ring(50, 1) + [snapshot, 0]
        path = self.h5("moving.h5", trajectory=x, trajectory_step=np.arange(4)[::-1])
        output = self.path("a.gif")
        contents = []
        for frames, shown in ((100, 4), (2, 2), (2, 2)):
            done = run("animate.py", path, "--output", output, "--frames", frames, "--seconds", 2)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
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
        self.assert_fails(64, ["a.png", ".gif"], "animate.py", path, "--output", "a.png")

    def test_pairs(self):
        data = self.h5("data.h5", ["a", "b", "c"], data=np.column_stack([ring(60, 1), ring(60, 2)[:, 0]]))
        samples = self.h5("samples.h5", samples=np.column_stack([ring(80, 3), ring(80, 4)[:, 0]]))
        self.assert_picture("pairs.py", samples, "--data", data)
        self.assert_picture("pairs.py", samples, "--data", data, "--columns", "c,0")
        self.assert_fails(65, ["'d'", "a, b, c"], "pairs.py", samples, "--data", data, "--columns", "d", "--output", self.path("a.png"))
        self.assert_fails(65, ["3 columns", "2"], "pairs.py", samples, "--data", self.h5("two.h5", data=ring(9, 1)), "--output", self.path("a.png"))

    def test_steps(self):
        """What `ddpm evaluate` says, asked for each sampler and number of steps; a stand-in answers here."""
        program = self.write("stand-in", """#!/usr/bin/python3
import json, sys
option = lambda name: sys.argv[sys.argv.index(name) + 1]
if option("--sampler") == "ddim" and option("--steps") == "7":
    sys.exit("ddpm: not today")
value = {"samples": 1 / int(option("--steps")) + len(option("--sampler")), "oracle": 0.01, "ratio": 2.5}
json.dump({"quality": {"sliced_w1": value, "energy": value}}, open(option("--json"), "w"))
""")
        os.chmod(program, 0o755)
        folder = self.run_folder()
        self.assert_picture("steps.py", folder, "--ddpm", program, "--csv", self.path("a.csv"))
        with open(self.path("a.csv"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertEqual(lines[0], "sampler,steps,measure,samples,real_data,ratio")
        self.assertEqual(lines[1], "ancestral,1,sliced_w1,10.0,0.01,2.5")
        self.assertEqual([line.split(",")[1] for line in lines if line.startswith("ddim")], ["1", "2", "3", "5", "10", "20", "30", "50"])
        self.assert_picture("steps.py", self.path("a.csv"))
        out = ("--output", self.path("a.png"))
        self.assert_fails(65, ["b.csv", "--csv"], "steps.py", self.write("b.csv", "a,b\n1,2\n"), *out)
        self.assert_fails(65, ["not today"], "steps.py", folder, "--ddpm", program, "--samplers", "ddim", "--steps", "7", *out)
        self.assert_fails(64, ["'euler'"], "steps.py", folder, "--samplers", "euler", *out)
        self.assert_fails(66, ["--ddpm"], "steps.py", folder, "--ddpm", self.path("absent"), *out)

    def test_scatter(self):
        folder = self.run_folder()
        samples = self.h5("samples.h5", samples=ring(100, 4))
        self.assert_picture("scatter.py", samples, "--data", folder, "--density")
        self.assert_picture("scatter.py", samples, samples, "--data", self.path("train.h5") + ":data")

    def test_loss(self):
        self.assert_picture("loss.py", self.run_folder("runs/a"), self.run_folder("runs/b", rows=1), "--against", "seconds")
        np.testing.assert_allclose(loss.smooth(np.arange(9.0), 5), np.arange(9.0))

    def test_schedule(self):
        for steps in (10, 20):
            t = np.arange(1, steps + 1)
            table = np.column_stack([t, t / steps * 0.2, 1 - t / steps, (1 - t / steps) * steps / t, t / steps])
            np.savetxt(self.path(f"{steps}.csv"), table, "%.17g", ",", header="step,beta,alpha_bar,snr,posterior_variance", comments="")
        self.assert_picture("schedule.py", self.path("10.csv"))
        self.assert_picture("schedule.py", self.path("10.csv"), self.path("20.csv"))

    def test_images(self):
        rows = np.random.default_rng(0).uniform(0, 16, (20, 12)).astype(np.float32)
        samples, data = self.h5("samples.h5", samples=rows), self.h5("data.h5", data=rows)
        self.assert_picture("images.py", samples, "--shape", "3x4", "--data", data)
        self.assert_fails(65, ["12 columns are not a square image", "--shape"], "images.py", samples, "--output", self.path("a.png"))


    def test_bench(self):
        points = [{"ranks": r, "seconds": 1 / r + 0.1, "blocks": 1 / r, "sum": 0.05 if r > 1 else 0, "efficiency": 1.1 / (1 + 0.1 * r)} for r in (1, 2, 4)]
        path = self.write("bench.json", json.dumps({"prediction": {"once_seconds": 0.05, "points": points}}))
        table = self.write("measured.csv", "ranks,seconds\n4,0.4\n1,1.2\n")
        self.assert_picture("bench.py", path, "--table", table)
        self.assert_picture("bench.py", path, path, "--measured", f"2={self.run_folder()}")
        self.assertEqual([[1, 1.2], [4, 0.4]], bench.measured_points([], table).tolist())
        run = ddpm_io.open_run(self.run_folder())
        self.assertEqual([[2, run.config["training"]["batch"] / np.median(run.metrics["rows_per_second"][1:])]],
                         bench.measured_points([(2, self.run_folder())], None).tolist())
        self.assert_fails(64, ["RANKS=RUN"], "bench.py", path, "--measured", "runs/a", "--output", self.path("a.png"))
        self.assert_fails(65, ["part 'prediction'"], "bench.py", self.write("other.json", "{}"), "--output", self.path("a.png"))


class Failures(Case):
    def test_executables(self):
        for script in SCRIPTS:
            done = subprocess.run([os.path.join(ANALYSIS, script), "--help"], capture_output=True, text=True,
                                  env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(f"usage: {script}", done.stdout)

    def test_usage(self):
        for script in SCRIPTS:
            self.assert_fails(64, [script, "--help"], script)
        self.assert_fails(64, ["figure.bmp", ".png, .pdf, .svg"], "panels.py", "a.h5", "--output", "figure.bmp")

    def test_missing_and_wrong_files(self):
        out = ("--output", self.path("a.png"))
        text = self.write("text.h5", "not HDF5")
        plain = self.h5("plain.h5", data=ring(5, 1))
        self.assert_fails(66, ["no such file", "gone.h5"], "panels.py", self.path("gone.h5"), *out)
        self.assert_fails(65, ["not an HDF5 file"], "panels.py", text, *out)
        self.assert_fails(65, ["/trajectory", "--trajectory M"], "panels.py", plain, *out)
        self.assert_fails(65, ["--columns 0,5", "2 columns"], "panels.py", self.trajectory(), "--columns", "0,5", *out)
        self.assert_fails(65, ["'nothing'", "data"], "scatter.py", plain, "--data", plain + ":nothing", *out)
        self.assert_fails(66, ["not a run folder"], "loss.py", self.folder, *out)
        self.assert_fails(65, ["alpha_bar"], "schedule.py", self.write("short.csv", "step,beta\n1,0.1\n"), *out)
        self.assert_fails(65, ["row 2", "0.2,oops"], "schedule.py", self.write("bad.csv", "step,beta\n1,0.1\n0.2,oops\n"), *out)
        self.assert_fails(74, ["No such file or directory"], "panels.py", self.trajectory(), "--output", self.path("gone/a.png"))


class ImportTable(Case):
    def convert(self, name, text, *arguments):
        output = self.path("out.h5")
        done = run("import_table.py", self.write(name, text), "--output", output, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return ddpm_io.read_table(output)

    def test_header_label_and_quotes(self):
        table = self.convert("a table.csv", 'a,"b, c",kind\n1,2.5,"no, never"\n-3,4e-2,yes\n5,6,yes\n', "--label", "kind")
        self.assertEqual(table.values.dtype, np.float32)
        np.testing.assert_array_equal(table.values, np.float32([[1, 2.5], [-3, 0.04], [5, 6]]))
        self.assertEqual((table.columns, table.label.tolist(), table.classes), (["a", "b, c"], [0, 1, 1], ["no, never", "yes"]))

    def test_without_header_and_tabs(self):
        table = self.convert("a.tsv", "1\t2\n3\t0.1\n", "--float64")
        self.assertEqual((table.columns, table.values.tolist(), table.label), (["x1", "x2"], [[1, 2], [3, 0.1]], None))

    def test_semicolons_byte_order_mark_and_drop(self):
        table = self.convert("a.csv", "\ufeffname;\u00e9nergie;n\nbob;1.5;10\neve;2.5;9\n", "--drop", "name", "--label", "n")
        self.assertEqual((table.columns, table.values.tolist()), (["\u00e9nergie"], [[1.5], [2.5]]))
        self.assertEqual((table.classes, table.label.tolist()), (["9", "10"], [1, 0]), "numbers are in the order of their values")

    def test_many_chunks(self):
        rows, chunk = 1000, import_table.CHUNK_CELLS
        path = self.write("big.csv", "a,b,c\n" + "".join(f"{i},{i * 2},k{i % 3}\n" for i in range(rows)))
        import_table.CHUNK_CELLS = 99
        self.addCleanup(setattr, import_table, "CHUNK_CELLS", chunk)
        self.assertEqual(import_table.import_csv(path, self.path("big.h5"), "c"), (rows, 2))
        table = ddpm_io.read_table(self.path("big.h5"))
        np.testing.assert_array_equal(table.values[:, 1], 2 * np.arange(rows))
        np.testing.assert_array_equal(table.label, np.arange(rows) % 3)
        self.write("big.csv", "a,b,c\n" + "1,2,k\n" * 700 + "1,NA,k\n")
        with self.assertRaisesRegex(ddpm_io.BadData, "row 701, column 'b': missing"):
            import_table.import_csv(path, self.path("other.h5"), "c")
        self.assertFalse(os.path.exists(self.path("other.h5")))

    def test_bundled_set_through_csv(self):
        from sklearn.datasets import load_digits
        digits = load_digits()
        table, csv_, output = self.path("digits.csv"), "--to-csv", self.path("digits.h5")
        self.assertEqual(run("import_table.py", "--sklearn", "digits", csv_, table).returncode, 0)
        self.assertEqual(run("import_table.py", table, "--label", "label", "--output", output).returncode, 0)
        read = ddpm_io.read_table(output)
        np.testing.assert_array_equal(read.values, digits.data)
        np.testing.assert_array_equal(read.label, digits.target)
        self.assertEqual(read.classes, [str(digit) for digit in range(10)])
        self.assertEqual(read.columns, digits.feature_names)

    def test_every_bundled_set(self):
        for name, shape, classes in (("wine", (178, 13), 3), ("breast_cancer", (569, 30), 2), ("diabetes", (442, 11), None)):
            self.assertEqual(run("import_table.py", "--sklearn", name, "--output", self.path("set.h5")).returncode, 0)
            table = ddpm_io.read_table(self.path("set.h5"))
            self.assertEqual((table.values.shape, len(table.columns), table.classes and len(table.classes)), (shape, shape[1], classes))

    def test_refusals(self):
        def refuse(text, *expected, arguments=(), code=65):
            self.assert_fails(code, expected, "import_table.py", self.write("bad.csv", text), "--output", self.path("bad.h5"), *arguments)
            self.assertFalse(os.path.exists(self.path("bad.h5")))
        refuse("a,b\n1,2\n3,\n", "row 2", "column 'b'", "missing value")
        refuse("a,b\n1,nan\n", "row 1", "column 'b'", "missing value")
        refuse("a,b\n1,red\n", "row 1", "column 'b'", "text 'red'", "--label", "--drop")
        refuse("a,b\n1,inf\n", "column 'b'", "not a finite number")
        refuse("a,b\n1,1e300\n", "column 'b'", "--float64")
        refuse("a,b\n1,2\n3\n", "row 2", "1 fields, expected 2")
        refuse("a,b\n", "no rows")
        refuse("", "empty")
        refuse("a,b\n1,2\n", "no column 'c'", "a, b", arguments=("--label", "c"))
        refuse("a,b\n1,\n", "row 1", "column 'b'", "missing label", arguments=("--label", "b"))
        self.assert_fails(66, ["gone.csv"], "import_table.py", self.path("gone.csv"), "--output", self.path("bad.h5"))


class Quality(Case):
    def test_shift_of_gaussians(self):
        """A shift m moves the projection on u by m.u: the mean over the circle is |m| 2 / pi."""
        x = np.random.default_rng(0).normal(size=(5000, 2))
        directions = quality.random_directions(2, 2000, 1)
        self.assertAlmostEqual(quality.sliced_w1(x, x + [3.0, 4.0], directions), 5 * 2 / math.pi, delta=0.05)
        self.assertAlmostEqual(quality.sliced_w1(x, x[::-1], directions), 0, delta=1e-12)
        self.assertAlmostEqual(quality.sliced_w1(x, 2 * x, directions), math.sqrt(2 / math.pi), delta=0.02)  # W1 of N(0,1), N(0,4)

    def test_energy_distance(self):
        """Of two points: 2 |a - b|; of normals with means 0 and m, in closed form."""
        self.assertEqual(quality.energy_distance(np.zeros((3, 1)), np.full((3, 1), 2.0)), 4.0)
        rng = np.random.default_rng(0)
        mean, scale = 1.5, math.sqrt(2)
        apart = scale * math.sqrt(2 / math.pi) * math.exp(-mean ** 2 / 4) + mean * math.erf(mean / 2)
        expected = 2 * apart - 2 * scale * math.sqrt(2 / math.pi)
        value = quality.energy_distance(rng.normal(size=(4000, 1)), rng.normal(size=(4000, 1)) + mean)
        self.assertAlmostEqual(value, expected, delta=0.06)

    def test_pairs_are_disjoint(self):
        data = np.arange(100)[:, None]
        for first, second in quality.fresh_pairs(data, 40, 3, 0):
            self.assertEqual(len(np.union1d(first, second)), 80)
        sets = quality.fresh_pairs(data, 10, 5, 0)
        self.assertEqual(len(np.unique(np.concatenate([np.concatenate(pair) for pair in sets]))), 100)

    def test_table_and_limit(self):
        data = self.h5("data.h5", data=ring(20000, 1))
        good, bad = self.h5("good.h5", samples=ring(500, 2)), self.h5("bad.h5", samples=ring(500, 3) * [1, 3])
        report = self.path("report.json")
        done = run("quality.py", good, bad, "--data", data, "--json", report, "--at-most", 2.5)
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertEqual(run("quality.py", good, "--data", data, "--at-most", 2.5).returncode, 0)
        with open(report, encoding="utf-8") as file:
            values = json.load(file)
        self.assertEqual(values["rows"], 500)
        self.assertLess(values["samples"][good]["sliced_w1_ratio"], 2)
        self.assertGreater(values["samples"][bad]["sliced_w1_ratio"], 5)
        self.assertAlmostEqual(values["samples"][bad]["sliced_w1"] / values["oracle"]["sliced_w1"], values["samples"][bad]["sliced_w1_ratio"])
        lines = done.stdout.splitlines()
        self.assertEqual(len({len(line) for line in lines[1:]}), 1, "the columns are aligned")
        self.assertTrue(lines[-1].startswith("oracle"))

    def test_forest(self):
        x, y = ring(400, 1).astype(float), ring(400, 2).astype(float)
        self.assertAlmostEqual(quality.forest_accuracy(x, y, 0), 0.5, delta=0.08)
        self.assertGreater(quality.forest_accuracy(x, y + [0, 2], 0), 0.95)

    def test_failures(self):
        samples = self.h5("samples.h5", samples=ring(50, 1))
        wide = self.h5("wide.h5", data=np.ones((50, 3)))
        self.assert_fails(65, ["2 columns", "3"], "quality.py", samples, "--data", wide)
        self.assert_fails(66, ["--ddpm"], "quality.py", samples, "--source", "swiss_roll", "--ddpm", self.path("no program"))
        self.assert_fails(64, ["--noise"], "quality.py", samples, "--data", wide, "--noise", 1)

    @unittest.skipUnless(os.environ.get("DDPM"), "DDPM does not name the program")
    def test_toy_sources(self):
        for kind in quality.TOY:
            table = ddpm_io.draw_toy(kind, 1000, seed=5)
            self.assertEqual(table.values.shape, (1000, 2))
            samples = self.h5("samples.h5", samples=table.values)
            done = run("quality.py", samples, "--source", kind, "--at-most", 2)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


try:
    import torch
except ImportError:
    torch = None


@unittest.skipIf(torch is None, "needs PyTorch")
class Twin(Case):
    def test_known_schedules(self):
        import twin
        for steps, spec, expected in ((1000, {"kind": "linear"}, 4.036e-5), (100, {"kind": "cosine"}, 2.4286e-7),
                                      (100, {"kind": "sigmoid", "start": 1e-5, "end": 5e-3}, 0.7780),
                                      (100, {"kind": "sigmoid", "start": 1e-5, "end": 1e-2}, 0.6054),
                                      (100, {"kind": "constant", "target": 0.01}, 0.01), (50, {"kind": "harmonic"}, 2e-5)):
            alpha_bar = np.prod(1 - twin.schedule_beta({"steps": steps, "schedule": spec}))
            self.assertAlmostEqual(alpha_bar / expected, 1, delta=1e-3)
        beta = {kind: twin.schedule_beta({"steps": 9, "schedule": {"kind": kind, "limit": limit}}) for kind, limit in (("tanh", 3), ("sigmoid", 6))}
        np.testing.assert_allclose(beta["tanh"], beta["sigmoid"])
        self.assertEqual(twin.schedule_beta({"steps": 9, "schedule": {"kind": "linear", "zero_terminal_snr": True}})[-1], 1)

    def test_targets_agree(self):
        """Each target, put back into the formula for x_0 or the posterior mean, gives the same."""
        import twin
        at = {name: table[4:5] for name, table in twin.coefficients(np.linspace(0.1, 0.4, 6)).items()}
        x0, noise = torch.randn(3, 2), torch.randn(3, 2)
        xt = at["signal"] * x0 + at["noise"] * noise
        target = {kind: twin.target_of(kind, x0, noise, xt, at) for kind in ("noise", "data", "velocity", "mean")}
        torch.testing.assert_close(at["signal"] * xt - at["noise"] * target["velocity"], x0)
        beta, rest = 0.1 + 0.3 * 3 / 5, at["noise"] ** 2
        mean = math.sqrt(1 - beta) * xt + math.sqrt(beta) * target["mean"]
        torch.testing.assert_close((xt - beta / rest.sqrt() * noise) / math.sqrt(1 - beta), mean)

    def test_learning_rate(self):
        import twin
        training = {"iterations": 100, "warmup": 10, "decay": "cosine", "decay_every": 30, "decay_factor": 0.5}
        self.assertAlmostEqual(twin.rate_factor(0, training), 0.1)
        self.assertAlmostEqual(twin.rate_factor(50, training), 0.5)
        self.assertAlmostEqual(twin.rate_factor(65, {**training, "decay": "step"}), 0.25)
        self.assertEqual(twin.rate_factor(65, {**training, "decay": "constant"}), 1)

    def test_load_of_a_checkpoint(self):
        import twin
        rng = np.random.default_rng(0)
        network = {"width": 5, "depth": 2, "activation": "tanh", "time": "sinusoidal", "time_width": 4}
        shapes = {"hidden0/weight": (6, 5), "hidden0/bias": (1, 5), "hidden1/weight": (5, 5), "hidden1/bias": (1, 5), "output/weight": (5, 2),
                  "output/bias": (1, 2)}
        p = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
        x, t = rng.normal(size=(3, 2)).astype(np.float32), np.array([1, 20, 50])
        angle = (t * 1000 / 50)[:, None] * [1, 0.01]
        h = np.concatenate([x, np.sin(angle), np.cos(angle)], axis=1)
        for layer in ("hidden0", "hidden1"):
            h = np.tanh(h @ p[layer + "/weight"] + p[layer + "/bias"])
        output = twin.load(twin.build(network, 2, 50), p)(torch.tensor(x), torch.tensor(t)).detach().numpy()
        np.testing.assert_allclose(output, h @ p["output/weight"] + p["output/bias"], rtol=1e-4, atol=1e-5)

    def test_score_of_each_prediction(self):
        """Data that are a normal distribution have a known score: each prediction's best output gives it."""
        import score
        beta = np.concatenate([[0.0], np.linspace(0.05, 0.3, 8)])
        alpha_bar = np.cumprod(1 - beta)
        x, t, spread = np.random.default_rng(1).normal(size=(5, 2)), 4, 2.0
        kept, variance = alpha_bar[t], alpha_bar[t] * spread + 1 - alpha_bar[t]
        x0, noise = kept ** 0.5 * spread / variance * x, (1 - kept) ** 0.5 / variance * x
        at = {name: float(table[t]) for name, table in score.twin.coefficients(beta[1:]).items()}
        best = {"noise": noise, "data": x0, "velocity": kept ** 0.5 * noise - (1 - kept) ** 0.5 * x0,
                "mean": (at["mean_x0"] * x0 + (at["mean_xt"] - at["keep"]) * x) / at["step"]}
        for predict, output in best.items():
            found = score.noise_of(predict, output, x, beta, alpha_bar, t)
            np.testing.assert_allclose(-found / (1 - kept) ** 0.5, -x / variance, rtol=1e-5)

    def test_learns(self):
        folder = self.run_folder()
        done = run("twin.py", os.path.join(folder, "config.yaml"), self.path("train.h5"), "--last", 100)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        name, value = done.stdout.split()
        self.assertEqual(name, "final_loss")
        self.assertTrue(0.2 < float(value) < 0.8, value)

    def test_gain_table_and_other_settings(self):
        import twin
        config = ddpm_io.parse_config(CONFIG)
        config["network"]["time"] = "gain_table"
        config["training"].update(iterations=20, optimizer="sgd", decay="step")
        for predict in ("noise", "data", "velocity", "mean"):
            config["diffusion"]["predict"] = predict
            _, losses = twin.train(config, ring(100, 1))
            self.assertTrue(np.isfinite(losses).all())

    def test_failures(self):
        config = self.write("config.yaml", "data: {}\ndiffusion: {}\n")
        data = self.h5("data.h5", data=ring(10, 1))
        self.assert_fails(65, ["no section 'network'"], "twin.py", config, data)
        self.assert_fails(65, ["'nope'"], "twin.py", self.write("b.yaml", CONFIG.replace("silu", "nope")), data)


if __name__ == "__main__":
    main()
