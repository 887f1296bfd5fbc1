#!/usr/bin/python3
"""What goes wrong in daily use: one error line that names the place and the remedy, the right exit code, no hang,
nothing left behind; alone and on three ranks. Run: ctest --preset dev -R cli.errors
"""
import os
import shutil
import sys
import tempfile

import h5py
import numpy as np

from program import (ANALYSIS, DDPM, MPIEXEC, OVERSUBSCRIBE, SMALL, Case, checkpoints, latest, over, read_h5, run,
                     run_script, settings)
from skipped import main

USAGE, DATA, MISSING, IO, CONFIG = 64, 65, 66, 74, 78
RANKS = (0, 3)  # 0: alone, without mpirun
QUICK = {**SMALL, "training.iterations": 30, "training.validate_every": 0}


class Errors(Case):
    def fails_everywhere(self, code, *arguments, says=()):
        for ranks in RANKS:
            with self.subTest(ranks=ranks):
                self.fails(code, *arguments, says=says, ranks=ranks)
                self.assert_no_leftovers()

    def train_fails(self, code, config, values=(), says=()):
        """Training ends before it makes a run folder."""
        self.fails_everywhere(code, "train", config, *settings({**QUICK, **dict(values)}), "--output", self.path("run"),
                              says=says)
        self.assertFalse(os.path.exists(self.path("run")))

    def rows(self, values, name="rows.h5", columns=None):
        """Settings to train on these rows."""
        return {"data.source": "hdf5", "data.path": self.h5(name, columns, data=values)}

    def in_namespace(self, script):
        """The words before a command, for a script that mounts. Whoever runs them is root there, and Open MPI's folder
        for root in /tmp may be that of the real one: it gets one of its own."""
        folder = tempfile.TemporaryDirectory(prefix="ddpm-mpi-")
        self.addCleanup(folder.cleanup)
        return ["env", f"OMPI_MCA_orte_tmpdir_base={folder.name}", "unshare", "--user", "--map-root-user", "--mount",
                "/bin/sh", "-c", script]


class Configuration(Errors):
    def test_typo_in_a_key(self):
        config = self.write("typo.yaml", "run: {name: x}\ntraining:\n  iterations: 5\n  learning_rat: 0.1\n")
        self.train_fails(CONFIG, config, says=["typo.yaml:4:3", "learning_rat", "learning_rate"])

    def test_former_name_of_a_key(self):
        config = self.write("old.yaml", "training:\n  factors: bfloat16\n")
        self.train_fails(CONFIG, config, says=["old.yaml:2:3", "training.factors is now called training.precision"])

    def test_typo_in_set(self):
        self.train_fails(CONFIG, self.config(), {"training.bacth": 8},
                         says=["training.bacth=8: unknown key", "training.batch"])

    def test_an_option_given_twice(self):
        """Which of the two is meant is not guessed. Keys are set one after the other: the last value of one counts."""
        data = ("data", "two_moons", "--count", 5, "--output", self.path("x.h5"))
        for option, *words in (("count", *data, "--count", 7), ("output", *data, "--output", self.path("y.h5")),
                               ("count", *data, "--cou=5"), ("seed", *data, "--seed", 1, "--seed", 1),
                               ("steps", "sample", "run", *data[2:], "--steps", 5, "--set", "sampling.eta=0", "--steps",
                                7)):
            self.fails(USAGE, *words, says=[f"--{option} is given twice"])
        for option, key in (("--output", "run.output"), ("--start-from", "training.start_from")):
            self.fails(USAGE, "train", self.config(), option, "a", *settings({key: "b"}), says=[option, key])
        resolved = self.ddpm("config", "--set", "training.batch=8", "--set", "training.batch=16").stdout
        self.assertIn("  batch: 16\n", resolved)
        self.assertIn("the last value of a key counts", self.ddpm("config", "--help").stdout)

    def test_wrong_type(self):
        config = self.write("type.yaml", "training:\n  iterations: many\n")
        self.train_fails(CONFIG, config, says=["type.yaml:2:15", "training.iterations", "many", "expected an integer"])

    def test_out_of_range(self):
        self.train_fails(CONFIG, self.config(), {"training.batch": 0}, says=["training.batch", "0"])

    def test_no_yaml(self):
        self.train_fails(CONFIG, self.write("broken.yaml", "run:\n  name: [x\n"), says=["broken.yaml:"])

    def test_missing(self):
        self.train_fails(MISSING, self.path("absent.yaml"), says=["absent.yaml"])

    def test_a_file_that_cannot_be_opened(self):
        """Root may open any file, but not a link in a circle."""
        os.symlink("circle.yaml", self.path("circle.yaml"))
        self.train_fails(IO, self.path("circle.yaml"), says=["circle.yaml", "could not be opened"])

    def test_a_folder_for_a_file(self):
        self.train_fails(MISSING, self.folder, says=[self.folder, "found a folder"])


class Processors(Errors):
    def test_ranks_of_two_kinds(self):
        """Rank 1 has other kernels, as on a node of another type."""
        script = ["/bin/sh", "-c", '[ "$OMPI_COMM_WORLD_RANK" != 1 ] || export DDPM_ISA=baseline; exec "$0" "$@"', DDPM]
        alone = self.ddpm("--version").stdout
        if "baseline" in alone:
            self.skipTest("this processor has the baseline kernels only")
        self.fails(CONFIG, "train", self.config(), "--dry-run", ranks=3, command=script,
                   says=["rank 1 on ", "baseline", "DDPM_ISA"])


class Data(Errors):
    def test_missing_file(self):
        self.train_fails(MISSING, self.config(), {"data.source": "hdf5", "data.path": self.path("absent.h5")},
                         says=["absent.h5"])

    def test_names_that_stand_for_others(self):
        self.rows(np.zeros((50, 2), np.float32))
        for path, says in (("absent.h5", f"from {os.getcwd()}"), ("~/rows.h5", "'~' is not expanded"),
                           ("$SCRATCH/rows.h5", "'$' is not expanded"),
                           (self.path("rows.h5:data"), "data.dataset: data")):
            self.fails(MISSING, "train", self.config(), *settings({"data.path": path}), says=[says])
        table = self.write("table.csv", "a,b\n1,2\n3,4\n")
        script = {"command": [sys.executable, os.path.join(ANALYSIS, "import_table.py")]}
        for output in ("~", "~/out", "~root/out", "~out"):
            for words, more in ((["train", self.config(), *settings(QUICK)], {}), (["schedule", self.config()], {}),
                                (["data", "swiss_roll", "--count", 10], {}), ([table], script)):
                result = run(*words, "--output", output, folder=self.folder, **more)
                self.assertEqual(USAGE, result.code, str(result))
                self.assertIn(f": {output}: '~' is not expanded here; write the folder out, or ./{output} for",
                              result.stderr)
        self.assertEqual(["config.yaml", "rows.h5", "table.csv"], sorted(os.listdir(self.folder)))

    def test_no_path(self):
        self.train_fails(CONFIG, self.config(), {"data.source": "hdf5"}, says=["data.path"])

    def test_dataset_not_there(self):
        values = {**self.rows(np.zeros((50, 2), np.float32)), "data.dataset": "dta"}
        self.train_fails(DATA, self.config(), values, says=["rows.h5", "dta"])

    def test_column_not_there(self):
        values = {**self.rows(np.zeros((50, 2), np.float32), columns=["mass", "charge"]),
                  "data.columns": "[mass, spin]"}
        self.train_fails(DATA, self.config(), values, says=["rows.h5", "no column 'spin'", "2 columns"])
        self.fails(CONFIG, "train", self.config(), *settings({**values, "data.columns": "[mass, 0]"}),
                   says=["'mass' and '0' are the same column"])

    def test_nan(self):
        """In the share of the last rank; the message counts as h5py does."""
        rows = np.ones((300, 3), np.float32)
        rows[271, 2] = np.nan
        self.train_fails(DATA, self.config(), self.rows(rows), says=["rows.h5", "row 271", "column 2", "remove"])

    def test_infinity_in_a_named_column(self):
        rows = np.ones((300, 3))
        for value, says in ((np.inf, ["row 5", "column 1", "'b'"]), (1e300, ["rows.h5", "column 1", "'b'", "1e+300"])):
            rows[5, 1] = value
            values = {**self.rows(rows, columns=["a", "b", "c"]), "data.columns": "[c, b]"}
            self.train_fails(DATA, self.config(), values, says=says)

    def test_names_that_act(self):
        """A name makes no second line, and gives a terminal nothing to do."""
        names = ["a\nddpm: all is lost", "b\x1b[2J"]
        values = {**self.rows(np.ones((300, 2)), columns=names), "data.columns": "[c]"}
        self.train_fails(DATA, self.config(), values, says=["no column 'c'"])
        said = self.fails(MISSING, "info", self.path(names[0] + names[1]), says=["a\\nddpm: all is lostb\\x1b[2J"])
        self.assertNotIn("\x1b", said.stderr)
        rows = np.random.default_rng(1).normal(size=(300, 2))
        self.train(self.config(), self.path("run"), {**QUICK, **self.rows(rows, columns=names)})
        for name in ("rows.h5", "run"):
            text = self.ddpm("info", self.path(name)).stdout
            self.assertNotIn("\x1b", text)
            self.assertIn("a\\nddpm: all is lost", text)
            self.assertIn("b\\x1b[2J", text)

    def test_no_rows(self):
        self.train_fails(DATA, self.config(), self.rows(np.zeros((0, 2), np.float32)), says=["rows.h5", "0 rows"])

    def test_text(self):
        values = {"data.source": "hdf5", "data.path": self.h5("text.h5", data=np.array([b"one", b"two"]))}
        self.train_fails(DATA, self.config(), values, says=["text.h5", "data", "numbers"])

    def test_tables_of_other_kinds(self):
        """The message names what was found, and a command that makes rows of it; the command does."""
        fields = [("x", "f4"), ("n", "i4"), ("word", "S3")]
        with h5py.File(self.path("kinds.h5"), "w") as file:
            file["events"] = np.array([(i / 2, i, b"ab" if i % 2 else b"cd") for i in range(40)], fields)
            file["columns/y"], file["columns/word"] = np.arange(40.0), ["a", "b"] * 20
            file["columns"].create_dataset("kind", data=np.arange(40) % 3, dtype=h5py.enum_dtype(
                {"cat": 0, "dog": 1, "cow": 2}, "i1"))
            file["one"] = 3.5
            file["refs"] = np.array([file["one"].ref] * 40, h5py.ref_dtype)
        with h5py.File(self.path("lzf.h5"), "w") as file:
            file.create_dataset("data", data=np.arange(80.0).reshape(40, 2), compression="lzf")
        with h5py.File(self.path("nested.h5"), "w") as file:
            nested = [("at", [("x", "f4"), ("y", "f4")]), ("pair", "f4", 2)]
            file["data"] = np.array([((i, -i), [i, i / 2]) for i in range(40)], nested)
            file["wave"] = np.exp(1j * np.arange(80)).reshape(40, 2)
        layout = h5py.VirtualLayout((40,), "f8")
        layout[:] = h5py.VirtualSource(self.path("kinds.h5"), "columns/y", (40,))
        with h5py.File(self.path("virtual.h5"), "w") as file:
            file.create_virtual_dataset("data", layout)
        shown = self.ddpm("info", self.path("kinds.h5")).stdout
        self.assertRegex(shown, r"(?m)^  events +40 \(compound of 3 fields\)$")
        self.assertRegex(shown, r"(?m)^  one +\n")
        for path, dataset, found in (
                ("kinds.h5", "data", "events [40] (compound of 3 fields)"),
                ("kinds.h5", "columns/word", "(variable-length text)"),
                ("kinds.h5", "columns/kind", "(enumeration of 3 names)"), ("kinds.h5", "refs", "(references)"),
                ("kinds.h5", "one", "(it is a single number)"), ("lzf.h5", "data", "filter 32000 (lzf)"),
                ("virtual.h5", "data", "lie in other files"), ("nested.h5", "data", "holds compound of 2 fields"),
                ("nested.h5", "wave", "has 2 dimensions, not one")):
            with self.subTest(path=path, dataset=dataset):
                values = {"data.source": "hdf5", "data.path": self.path(path), "data.dataset": dataset}
                failed = self.fails(DATA, "train", self.config(), *settings({**QUICK, **values}), "--dry-run",
                                    says=[found, f"'analysis/import_table.py {self.path(path)}'"])
                self.assertNotIn("set data.dataset to one that does", failed.stderr)
        with h5py.File(self.path("external.h5"), "w") as file:
            file.create_dataset("data", data=np.arange(80.0).reshape(40, 2), external=[(self.path("raw"), 0, 640)])
        self.train_fails(DATA, self.config(), {"data.source": "hdf5", "data.path": self.path("external.h5")},
                         says=["lie in other files", f"'analysis/import_table.py {self.path('external.h5')}'"])
        for path in ("kinds.h5", "lzf.h5", "virtual.h5", "external.h5", "nested.h5"):
            self.assertEqual(0, (result := run_script("import_table.py", self.path(path), "--plain", "--output",
                                                      self.path("made.h5"))).code, str(result))
            self.ddpm("train", self.config(), *settings({**QUICK, "data.source": "hdf5",
                                                         "data.path": self.path("made.h5")}), "--dry-run")

    def test_another_dataset_is_named(self):
        path = self.h5("two.h5", data=np.array([b"a"] * 9), rows=np.ones((9, 2)))
        values = {"data.source": "hdf5", "data.path": path}
        self.train_fails(DATA, self.config(), values, says=["set data.dataset to one that does, as 'rows'"])

    def test_not_hdf5(self):
        values = {"data.source": "hdf5", "data.path": self.write("table.csv", "x,y\n1,2\n" * 100)}
        self.train_fails(DATA, self.config(), values, says=["table.csv", "HDF5",
                                                            f"analysis/import_table.py {self.path('table.csv')}"])
        words = "import_table.py", self.path("table.csv"), "--output", self.path("table.h5")
        self.assertEqual(0, (done := run_script(*words)).code, str(done))
        self.ddpm("train", self.config(), *settings({**QUICK, **values, "data.path": self.path("table.h5")}),
                  "--dry-run")

    def test_truncated(self):
        values = self.rows(np.ones((5000, 2), np.float32))
        os.truncate(values["data.path"], 20_000)
        self.train_fails(DATA, self.config(), values, says=["rows.h5", "copy it again"])

    def test_too_little_memory_to_stream(self):
        values = {**self.rows(np.ones((1000, 1500), np.float32)), "data.memory": 1}
        self.train_fails(CONFIG, self.config(), values, says=["data.memory", "at least"])

    def test_more_ranks_than_rows(self):
        """Works; when ranks are idle, a warning says what to do."""
        values = {**QUICK, **self.rows(np.array([[0, 1], [2, 3]], np.float32)), "training.batch": 32,
                  "parallel.block_rows": 16}
        for ranks in RANKS:
            result = self.ddpm("train", self.config(), *settings(values), "--output", self.path(f"run{ranks}"),
                               ranks=ranks)
            idle = [line for line in result.warnings() if "ranks share" in line]
            self.assertEqual(1 if ranks > 2 else 0, len(idle), str(result))
            self.assertTrue(all("fewer ranks" in line and "training.batch" in line for line in idle))
            self.ddpm("sample", self.path(f"run{ranks}"), "--count", 2, "--output", self.path("two.h5"), ranks=ranks)
            self.assertTrue(np.isfinite(read_h5(self.path("two.h5"))["samples"]).all())
        self.assert_same_bits(latest(self.path("run0")), latest(self.path("run3")))

    def test_other_data_on_resume(self):
        values = self.rows(np.random.default_rng(1).normal(size=(500, 2)).astype(np.float32))
        self.train(self.config(), self.path("run"), {**QUICK, **values, "training.decay": "constant"})
        values = self.rows(np.random.default_rng(2).normal(size=(500, 2)).astype(np.float32), "other.h5")
        self.fails_everywhere(DATA, "train", self.config(),
                              *settings({**QUICK, **values, "training.decay": "constant", "training.iterations": 60}),
                              "--output", self.path("run"), says=["data", "new run folder"])


class Arguments(Errors):
    def test_short_options(self):
        """-h stands alone; there is no other short option."""
        for verb in ("sample", "evaluate", "train", "info"):
            self.fails(USAGE, verb, "run", "-hx", says=["-hx"])

    def test_numbers_behind_a_space(self):
        """strtol would pass over the space, and take -1 for the largest seed."""
        for option, value in (("--seed", " -1"), ("--seed", " 1"), ("--count", " 5"), ("--eta", " 1")):
            self.fails(USAGE, "sample", "run", *over({"--count": 5}, [option, value]), "--output", "o.h5",
                       says=[option, f"found '{value}'"])

    def test_numbers_with_an_exponent(self):
        """As in a configuration."""
        self.ddpm("data", "s_curve", "--count", "1.5e2", "--seed", "1e3", "--output", self.path("d.h5"))
        with h5py.File(self.path("d.h5")) as file:
            self.assertEqual((150, 2), file["data"].shape)
        for text in ("1.55e1", "1e30", "0x10", "1_000"):
            self.fails(USAGE, "data", "s_curve", "--count", text, "--output", self.path("e.h5"), says=[f"'{text}'"])


class Alone(Errors):
    """Without mpirun."""

    def test_no_daemon(self):
        """Open MPI would start one, which is not to be found here."""
        self.ddpm("data", "s_curve", "--count", 5, "--output", self.path("d.h5"),
                  environment={"OPAL_BINDIR": "/nowhere"})

    def test_no_mpi(self):
        """What needs no other ranks does without it, and so works where it does not start."""
        broken = {"OMPI_MCA_pml": "nothing"}
        self.ddpm("data", "s_curve", "--count", 5, "--output", self.path("d.h5"))
        for words in (["config"], ["info", self.path("d.h5")], ["schedule", self.config()], ["--help"], ["--version"],
                      ["train", "--help"]):
            self.ddpm(*words, environment=broken)
        self.fails(USAGE, "trian", says=["no verb 'trian'"], environment=broken)
        self.fails(MISSING, "info", self.path("absent"), says=["absent"], environment=broken)


class Limits(Errors):
    """What the system or the user's shell sets."""

    def test_threads(self):
        self.fails(USAGE, "config", threads=999999, says=["OMP_NUM_THREADS", "999999"])

    def test_size_of_files(self):
        """The signal of a limit that is passed ends no program without a message."""
        self.train(self.config(), self.path("run"), QUICK)
        limited = ["/bin/sh", "-c", 'ulimit -f 100; exec "$0" "$@"', DDPM]
        for words in (["sample", self.path("run"), "--count", 20000],
                      ["schedule", self.config(), "--set", "diffusion.steps=10000"],
                      ["train", self.config(), *settings(QUICK)]):
            self.fails(IO, *words, "--output", self.path("new"), says=["new", "File too large"], command=limited)
        self.assert_no_leftovers()

    def test_small_shared_memory(self):
        """Data larger than /dev/shm, which is 64 MB in many containers, is held once a node all the same."""
        rows = self.rows(np.ones((700_000, 8), np.float32) * np.arange(700_000, dtype=np.float32)[:, None])
        script = 'mount -t tmpfs -o size=16m none /dev/shm && exec "$0" "$@"'
        small = self.in_namespace(script)
        if run(command=[*small, "true"]).code != 0:
            self.skipTest("no mount in a user namespace here")
        result = run("train", self.config(), *settings({**QUICK, **rows}), "--output", self.path("run"),
                     command=[*small, MPIEXEC, "-n", "3", *OVERSUBSCRIBE, DDPM])
        self.assertEqual(0, result.code, str(result))
        self.assertIn("MiB once a node", result.stderr)

    def test_a_reader_that_ends(self):
        """As that of `ddpm config | head -1` does: no message, and an exit code of this program."""
        reader, writer = os.pipe()
        os.close(reader)
        result = run("config", command=["/bin/sh", "-c", f'exec "$0" "$@" >&{writer}', DDPM], inherits=(writer,))
        os.close(writer)
        self.assertEqual((IO, ""), (result.code, result.stderr))


class Evaluated(Errors):
    def test_columns_in_another_order(self):
        """Rows and samples whose columns have the model's names, but not its order, are refused."""
        values = np.random.default_rng(1).normal(size=(200, 2))
        self.train(self.config(), self.path("run"), {**QUICK, **self.rows(values, columns=["a", "b"])})
        other = self.h5("other.h5", ["b", "a"], data=values)
        for option in ("--data", "--samples-file"):
            self.fails(DATA, "evaluate", self.path("run"), "--count", 5, "--samples", 20,
                       *over({"--data": self.path("rows.h5")}, [option, f"{other}:data"]),
                       says=["other.h5", "column 0 is 'b'", "that of the model is 'a'"])


class Output(Errors):
    """Root may write anywhere, but not below a file."""

    def setUp(self):
        super().setUp()
        self.below_a_file = os.path.join(self.write("file", "in the way"), "run")

    def test_run_folder(self):
        self.fails_everywhere(IO, "train", self.config(), *settings(QUICK), "--output", self.below_a_file,
                              says=[self.path("file")])
        self.assertEqual(["config.yaml", "file"], sorted(os.listdir(self.folder)))

    def test_files(self):
        """Of every verb that writes one: below a file, in a folder that is not there, or where a folder is."""
        self.train(self.config(), self.path("run"), QUICK)
        os.mkdir(self.path("folder"))
        writers = {"sample": [self.path("run"), "--count", 10], "forward": [self.config(), "--count", 10],
                   "data": ["s_curve", "--count", 10], "evaluate": [self.path("run"), "--count", 10, "--samples", 0],
                   "schedule": [self.config()]}
        below = {os.path.join(self.below_a_file, "out.h5"): self.below_a_file}
        places = {self.path("absent", "out.h5"): self.path("absent"), self.path("folder"): self.path("folder"), **below}
        for verb, arguments in writers.items():
            for place, named in (places if verb in ("sample", "schedule") else below).items():
                with self.subTest(verb=verb, place=place):
                    self.fails_everywhere(IO, verb, *arguments, "--output", place, says=[named])
        self.assertEqual(["config.yaml", "file", "folder", "run"], sorted(os.listdir(self.folder)))
        self.assertEqual([], os.listdir(self.path("folder")))

    def test_no_room(self):
        """A small file system of this test's own, which is full in the middle of writing."""
        full = self.path("full")
        os.mkdir(full)
        script = ('mount -t tmpfs -o size=400k none "$0" && '
                  '{ "$@"; code=$?; echo left: $(cd "$0" && find . -type f); exit $code; }')
        small = [*self.in_namespace(script), full]
        if run(command=[*small, "true"]).code != 0:
            self.skipTest("no mount in a user namespace here")
        self.train(self.config(), self.path("run"), QUICK)
        self.ddpm("data", "swiss_roll", "--count", 100_000, "--output", self.path("rows.h5"))
        writers = {"sample": [self.path("run"), "--count", 100_000, "--steps", 1],
                   "data": ["s_curve", "--count", 100_000],
                   "forward": [self.config(), "--count", 50_000, "--snapshots", 2, "--set", "diffusion.steps=2"],
                   "evaluate": [self.path("run"), "--data", self.path("rows.h5"), "--count", 100_000, "--samples", 0],
                   "schedule": [self.config(), "--set", "diffusion.steps=10000"],
                   "train": [self.config(), *settings({**QUICK, "network.width": 200})]}
        for launch in ([], [MPIEXEC, "-n", "3", *OVERSUBSCRIBE]):
            for verb, arguments in writers.items():
                with self.subTest(verb=verb, launch=launch):
                    result = self.fails(IO, verb, *arguments, "--output", os.path.join(full, "out"),
                                        says=[f"{full}/out", "No space left on device); make room there"],
                                        command=[*small, *launch, DDPM])
                    self.assertRegex(result.errors()[0],
                                     r"/out(|/checkpoints/step-0*30\.h5): could not .* takes .* MiB")
                    left = ["./out/config.yaml", "./out/metrics.csv", "./out/run.log"] if verb == "train" else []
                    self.assertEqual(left, sorted(result.stdout.rpartition("left:")[2].split()), str(result))


class Checkpoints(Errors):
    def setUp(self):
        super().setUp()
        self.run = self.train(self.config(), self.path("run"), {**QUICK, "checkpoint.every": 10})
        self.newest = os.path.join(self.run, "checkpoints", checkpoints(self.run)[-1])

    def sample_fails(self, code, checkpoint, says):
        self.fails_everywhere(code, "sample", checkpoint, "--count", 10, "--output", self.path("out.h5"), says=says)
        self.assertFalse(os.path.exists(self.path("out.h5")))

    def test_truncated(self):
        os.truncate(self.newest, os.path.getsize(self.newest) // 2)
        self.sample_fails(DATA, self.run, says=["step-000000030.h5", "older checkpoint"])
        self.fails_everywhere(DATA, "info", self.run, says=["step-000000030.h5", "older checkpoint"])

    def test_one_wrong_byte_at_the_start(self):
        """The file is still taken for a checkpoint."""
        with open(self.newest, "r+b") as file:
            file.write(b"x")
        self.fails(DATA, "info", self.newest, says=["step-000000030.h5", "damaged"])
        self.fails(DATA, "sample", self.newest, "--count", 1, "--output", self.path("o.h5"), says=["damaged"])

    def test_one_wrong_byte(self):
        with open(self.newest, "r+b") as file:
            file.seek(os.path.getsize(self.newest) // 2)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))
        self.sample_fails(DATA, self.newest, says=["step-000000030.h5", "damaged"])

    def test_empty(self):
        os.truncate(self.newest, 0)
        self.sample_fails(DATA, self.newest, says=["step-000000030.h5"])

    def test_resume_falls_back(self):
        """To an older checkpoint, with a warning, and ends as if nothing had been."""
        whole = read_h5(self.newest)
        for ranks in RANKS:
            with self.subTest(ranks=ranks):
                os.truncate(self.newest, 3000)
                result = self.ddpm("train", self.config(), *settings({**QUICK, "checkpoint.every": 10}),
                                   "--output", self.run, ranks=ranks)
                self.assertTrue(any("step-000000030.h5" in line for line in result.warnings()), str(result))
                self.assertIn("step-000000020.h5, iteration 20", result.stderr)
                again = read_h5(self.newest)
                self.assertTrue(all(np.array_equal(whole[name], again[name]) for name in whole))

    def test_all_damaged(self):
        """Not a new run, silently."""
        for name in checkpoints(self.run):
            os.truncate(os.path.join(self.run, "checkpoints", name), 3000)
        self.fails_everywhere(DATA, "train", self.config(), *settings({**QUICK, "checkpoint.every": 10}),
                              "--output", self.run, says=["damaged"])

    def test_not_a_checkpoint(self):
        self.sample_fails(DATA, self.h5("data.h5", data=np.ones((5, 2))), says=["data.h5", "not a checkpoint"])
        self.sample_fails(DATA, self.write("notes.txt", "no model here\n" * 100),
                          says=["notes.txt", "not a checkpoint"])

    def test_missing(self):
        self.sample_fails(MISSING, self.path("absent"), says=["absent"])
        os.mkdir(self.path("empty"))
        self.sample_fails(MISSING, self.path("empty"), says=["empty", "no checkpoint"])
        self.fails_everywhere(MISSING, "train", self.config(), *settings(QUICK), "--output", self.path("new"),
                              "--resume", self.path("absent.h5"), says=["absent.h5"])

    def test_newer_format(self):
        """Cannot be read, and is not taken for damage."""
        with h5py.File(self.newest, "r+") as file:
            file.attrs["format"] = 99
        self.sample_fails(DATA, self.newest, says=["step-000000030.h5"])

    def test_data_verbs_on_a_checkpoint(self):
        """Its arrays are data like any other, when asked for by name; nothing crashes."""
        values = {"data.source": "hdf5", "data.path": self.newest, "data.dataset": "absent"}
        shutil.copy(self.config(), self.path("copy.yaml"))
        self.fails_everywhere(DATA, "forward", self.path("copy.yaml"), *settings(values),
                              "--output", self.path("out.h5"), says=["absent"])


if __name__ == "__main__":
    main()
