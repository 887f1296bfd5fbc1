#!/usr/bin/python3
"""Every script of analysis/ and jobs/ starts by itself, and a failure is one line.
Run: ctest --preset dev -R analysis.scripts"""
import errno
import glob
import os
import signal
import stat
import subprocess
import sys
import unittest.mock

import numpy as np

from case import ANALYSIS, DATA, IO, MISSING, SOURCE, USAGE, Case, ring, scripts
from ddpm_analysis import program
from skipped import main

SCRIPTS = [path for folder in ("analysis", "jobs") for path in sorted(glob.glob(os.path.join(SOURCE, folder, "*.py")))]
HALF_A_FILE = """
import sys, time
from ddpm_analysis import command_line
from ddpm_analysis.text_files import whole_file

def main():
    with whole_file(sys.argv[1]):
        print("at work", flush=True)
        time.sleep(60)

command_line.run(main)
"""

SIGNAL_WHEN_CLOSED = """
import os, signal, sys
from ddpm_analysis import command_line, hdf5

def main():
    lost = hdf5.Medium.lost
    with hdf5.whole_h5(sys.argv[1]) as file:
        file["x"] = range(9)
        hdf5.Medium.lost = lambda self, action, *given: lost(self, lambda: (os.kill(os.getpid(), signal.SIGTERM),
                                                                           action(*given)))

command_line.run(main)
"""


class Scripts(Case):
    def test_each_starts_by_itself(self):
        """In any folder, and without PYTHONPATH."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        for path in SCRIPTS:
            with self.subTest(path=path):
                done = subprocess.run([sys.executable, path, "--help"], capture_output=True, encoding="utf-8",
                                      cwd=self.folder, env=environment, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn(f"usage: {os.path.basename(path)}", done.stdout)

    def test_each_can_be_executed(self):
        for path in SCRIPTS:
            self.assertTrue(os.access(path, os.X_OK), path)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.readline(), "#!/usr/bin/python3\n", path)

    def test_the_program_that_they_run(self):
        with unittest.mock.patch.dict(os.environ), unittest.mock.patch.object(program, "BUILT", self.path("built")):
            os.environ.pop("DDPM", None)
            os.environ["PATH"] = self.folder
            self.assertEqual("ddpm", program.program_path())
            for name, path in (("built", self.path("built")), ("ddpm", self.path("ddpm"))):
                os.chmod(self.write(name, ""), 0o755)
                self.assertEqual(path, program.program_path())
            os.environ["DDPM"] = "named"
            self.assertEqual("named", program.program_path())
            self.assertEqual("given", program.program_path("given"))

    def test_usage(self):
        for script in scripts():
            self.assert_fails(USAGE, [script, "--help"], script)
        self.assert_fails(USAGE, ["figure.bmp", ".png, .pdf, .svg"], "panels.py", "a.h5", "--output", "figure.bmp")

    def test_missing_and_wrong_files(self):
        out = ("--output", self.path("a.png"))
        text = self.write("text.h5", "not HDF5")
        plain = self.h5("plain.h5", data=ring(5, 1))
        short = self.write("short.csv", "step,beta\n1,0.1\n")
        bad = self.write("bad.csv", "step,beta\n1,0.1\n0.2,oops\n")
        self.assert_fails(MISSING, ["no such file", "gone.h5"], "panels.py", self.path("gone.h5"), *out)
        self.assert_fails(DATA, ["not an HDF5 file"], "panels.py", text, *out)
        self.assert_fails(DATA, ["/trajectory", "--trajectory M"], "panels.py", plain, *out)
        self.assert_fails(DATA, ["--columns 0,5", "2 columns"], "panels.py", self.trajectory(), "--columns", "0,5",
                          *out)
        self.assert_fails(DATA, ["'nothing'", "data"], "scatter.py", plain, "--data", plain + ":nothing", *out)
        self.assert_fails(MISSING, ["not a run folder"], "loss.py", self.folder, *out)
        self.assert_fails(USAGE, ["--output", "given twice"], "loss.py", self.folder, *out, *out)
        self.assert_fails(DATA, ["alpha_bar"], "schedule.py", short, *out)
        self.assert_fails(DATA, ["row 2", "0.2,oops"], "schedule.py", bad, *out)
        self.assert_fails(DATA, ["jobs/scaling.py"], "scaling.py", short, *out)
        self.assert_fails(DATA, ["jobs/sweep.py gather"], "sweep.py", plain, *out)
        self.assert_fails(DATA, ["/bound/term"], "bound.py", plain, *out)
        self.assert_fails(IO, [os.strerror(errno.ENOENT), self.path("gone/a.png")], "panels.py", self.trajectory(),
                          "--output", self.path("gone/a.png"))
        self.assert_fails(MISSING, ["a folder"], "panels.py", self.folder, *out)
        table = self.h5("table.h5", **{"samples/x": np.zeros(3), "samples/y": np.zeros(3)})
        self.assert_fails(DATA, ["a table", "report.py"], "quality.py", table, "--source", "swiss_roll")
        self.write("runs/toy/config.yaml", "data: {source: swiss_roll}\n")
        self.write("runs/toy/metrics.csv", "iteration,loss\n1,1\n")
        self.assert_fails(DATA, ["data.source: swiss_roll"], "judge_table.py", table, "--run", self.path("runs/toy"))

    def test_only_regular_files_are_replaced(self):
        data = self.h5("data.h5", data=ring(5, 1))
        table = self.write("table.csv", "x,y\n1,2\n3,4\n")
        os.mkfifo(self.path("pipe.png"))
        os.symlink("pipe.png", self.path("link.png"))
        for name, script, given in (("pipe.png", "panels.py", self.trajectory()),
                                    ("link.png", "import_table.py", table), ("pipe.png", "export_table.py", data)):
            self.assert_fails(IO, [name, "a pipe or a device"], script, given, "--output", self.path(name))
        self.assertTrue(stat.S_ISFIFO(os.lstat(self.path("pipe.png")).st_mode))
        self.assertEqual("pipe.png", os.readlink(self.path("link.png")))

    def test_a_full_disk(self):
        """Here a limit on the size of files: one line that names the output, whose old content stays, and no crash of
        HDF5. At limits of all kinds: what is written first, the rows, the end."""
        rng = np.random.default_rng(1)
        rows = "".join(f"2020-01-{day},{kind},{x:.3f}\n" for day, kind, x in zip(
            rng.integers(10, 29, 9000), rng.choice(["cat", "dog"], 9000), rng.normal(size=9000)))
        table, data = self.write("table.csv", "day,kind,x\n" + rows), self.h5("data.h5", ["x", "y"], data=ring(9000, 1))
        for name, script, given, limits in (("a.h5", "import_table.py", (table,), (0, 1, 60)),
                                            ("b.h5", "import_table.py", (table, "--plain"), (16,)),
                                            ("c.csv", "export_table.py", (data,), (16,)),
                                            ("d.png", "scatter.py", (data, "--data", data), (4,))):
            for limit in limits:
                with self.subTest(script=script, given=given, limit=limit):
                    self.write(name, "old")
                    done = subprocess.run(["bash", "-c", f'ulimit -f {limit} && exec "$@"', "bash", sys.executable,
                                           os.path.join(ANALYSIS, script), *given, "--output", self.path(name)],
                                          capture_output=True, encoding="utf-8", check=False)
                    self.assertEqual((IO, f"{script}: {self.path(name)}: could not be written "
                                      f"({os.strerror(errno.EFBIG)})\n"), (done.returncode, done.stderr))
                    with open(self.path(name), encoding="utf-8") as file:
                        self.assertEqual("old", file.read())
                    self.assertEqual([], [one for one in os.listdir(self.folder) if one.startswith(".")])

    def started(self, code, *arguments):
        """A Python program that has said that it is at work."""
        process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, encoding="utf-8",
                                   stderr=subprocess.PIPE)
        self.assertEqual("at work\n", process.stdout.readline())
        return process

    def test_signals_leave_no_temporary_file(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                process = self.started(HALF_A_FILE, self.path("half.csv"))
                self.assertEqual(1, len(os.listdir(self.folder)))
                process.send_signal(number)
                process.communicate(timeout=60)
                self.assertEqual(128 + number, process.returncode)
                self.assertEqual([], os.listdir(self.folder))

    def test_a_signal_while_hdf5_closes_a_file(self):
        done = subprocess.run([sys.executable, "-c", SIGNAL_WHEN_CLOSED, self.path("half.h5")], capture_output=True,
                              encoding="utf-8", check=False)
        self.assertEqual((128 + signal.SIGTERM, ""), (done.returncode, done.stderr))
        self.assertEqual([], os.listdir(self.folder))

    def test_signals_reach_the_program_that_runs(self):
        os.chmod(self.write("program", "#!/bin/sh\ntrap 'exit 75' USR1\necho at work\nwhile :; do sleep 0.1; done\n"),
                 0o755)
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                process = self.started("import sys; from ddpm_analysis.program import Runner; "
                                       "sys.exit(Runner(sys.argv[1]).run())", self.path("program"))
                process.send_signal(number)
                self.assertEqual(("", "", 75), (*process.communicate(timeout=60), process.returncode))


if __name__ == "__main__":
    main()
