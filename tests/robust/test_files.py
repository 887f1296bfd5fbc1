#!/usr/bin/python3
"""Files that are damaged, cut short, in the way, locked or on a full disk: named, passed over where an older one will do, and never
damaged further. Run: DDPM=build/dev/ddpm /usr/bin/python3 tests/robust/test_files.py

DDPM_POSITIONS and DDPM_LENGTHS: how many bytes of a checkpoint are flipped, and at how many lengths it is cut. DDPM_KIB: the step
between sizes of a full disk, in KiB.
"""
import ctypes
import fcntl
import os
import shutil
import subprocess
import unittest

from robust import (DATA, IO, LONG, Robust, STOPPED, USAGE, finish, number, read_bytes, seeded, start, train_words, until)

LIBRARY = os.path.join(os.path.dirname(os.environ.get("DDPM", "ddpm")), "libddpm.so")
ERR_DATA = 2  # of ddpm_status


class Damage(Robust):
    """The newest checkpoint of a finished run is damaged; `ddpm train` of more iterations must notice and take the one before."""

    def setUp(self):
        super().setUp()
        self.train()
        self.folder_of = self.path("work", "run", "checkpoints")
        self.newest = os.path.join(self.folder_of, "step-000000040.h5")
        self.good = read_bytes(self.newest)
        self.library = ctypes.CDLL(LIBRARY)

    def refused(self, content):
        """Whether libddpm, in this process, refuses a file with this content."""
        with open(self.path("damaged.h5"), "wb") as file:
            file.write(content)
        generator = ctypes.c_void_p()
        status = self.library.ddpm_generator_open(os.fsencode(self.path("damaged.h5")), None, ctypes.byref(generator))
        self.library.ddpm_generator_close(generator)
        return status == ERR_DATA

    def test_flips(self):
        """One bit of each of so many bytes, evenly over the file with all of its first kilobyte; many: of every byte."""
        count, chance = number("DDPM_POSITIONS", 4000), seeded()
        self.assertFalse(self.refused(self.good))
        positions = sorted({*range(1024), *range(0, len(self.good), max(1, len(self.good) // count))})
        missed = []
        for at in positions:
            damaged = bytearray(self.good)
            damaged[at] ^= 1 << chance.randrange(8)
            if not self.refused(bytes(damaged)):
                missed.append(at)
        self.assertEqual([], missed)
        print(f"{len(positions)} bytes of {len(self.good)} flipped", flush=True)

    def test_cut(self):
        count = number("DDPM_LENGTHS", 1000)
        lengths = range(0, len(self.good), max(1, len(self.good) // count))
        self.assertEqual([], [length for length in lengths if not self.refused(self.good[:length])])
        self.assertTrue(self.refused(self.good[:-1]))
        self.assertTrue(self.refused(self.good + b"x"))
        print(f"cut at {len(lengths)} lengths", flush=True)

    def test_the_program_names_it(self):
        path = self.path("damaged.h5")
        for content in (self.good[:-1], self.good[:9000] + b"?" + self.good[9001:], b"", self.good[512:]):
            with open(path, "wb") as file:
                file.write(content)
            self.fails(DATA, "sample", path, "--count", 1, "--output", self.path("out.h5"), says=[path], timeout=LONG)

    def test_the_one_before_is_taken(self):
        for ranks, content in ((0, self.good[:-1]), (3, self.good[:600] + b"?" + self.good[601:]), (0, b"")):
            shutil.copytree(self.path("work"), self.path("again"), symlinks=True)
            newest = self.path("again", "run", "checkpoints", "step-000000040.h5")
            with open(newest, "wb") as file:
                file.write(content)
            result = self.train("again", ranks=ranks)
            self.assertTrue(any("step-000000040.h5" in line for line in result.warnings()), str(result))
            self.assertIn("step-000000035.h5, iteration 35", result.stderr)
            self.assertEqual(self.good, read_bytes(newest))
            shutil.rmtree(self.path("again"))


@unittest.skipUnless(os.geteuid() == 0, "only root mounts a small file system")
class FullDisk(Robust):
    """A run on a tmpfs of so many pages: whatever write meets its end, what was there is not damaged, and more room is all it takes."""

    def mount(self, kib):
        path = self.workspace("disk")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", path], check=False, capture_output=True).returncode:
            self.skipTest("mount is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", path], check=False, capture_output=True)
        return path

    def test_at_every_size(self):
        self.train("reference")
        expected, codes = self.final("reference"), {}
        for kib in range(4, 124, number("DDPM_KIB", 16)):
            path = self.mount(kib)
            result = self.train("disk", code=None)
            codes[kib] = result.code
            with self.subTest(kib=kib):
                self.assertIn(result.code, (0, IO), str(result))
                if result.code:
                    self.assertIn("No space left", result.errors()[0])
                    folder = os.path.join(path, "run", "checkpoints")
                    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
                        self.ddpm("info", os.path.join(folder, name), timeout=LONG)
                    subprocess.run(["mount", "-o", "remount,size=4m", path], check=True)
                    self.train("disk")
                self.assertEqual(expected, self.final("disk"))
                self.assert_clean("disk")
            subprocess.run(["umount", "-l", path], check=True)
        print(f"disks of {len(codes)} sizes, exit codes {codes}", flush=True)
        self.assertEqual({0, IO}, set(codes.values()))

    def test_samples(self):
        self.train()
        path = self.mount(64)
        output = os.path.join(path, "samples.h5")
        for ranks in (0, 3):
            with open(output, "wb") as file:
                file.write(b"what was there")
            self.fails(IO, "sample", self.path("work", "run"), "--count", 20000, "--output", output, says=["No space left"], ranks=ranks, timeout=LONG)
            self.assertEqual(b"what was there", read_bytes(output))
            self.assertEqual(["samples.h5"], os.listdir(path))


class Lock(Robust):
    ENDLESS = {"training.iterations": 10 ** 7, "checkpoint.every": 10 ** 6, "run.report_every": 1000}

    def begin(self, ranks=0):
        process = start(*train_words(self.ENDLESS), ranks=ranks, folder=self.workspace("work"))
        metrics = self.path("work", "run", "metrics.csv")
        until(lambda: os.path.exists(metrics) and len(read_bytes(metrics).splitlines()) > 1, LONG)
        return process

    def test_a_second_run_is_refused(self):
        first = self.begin()
        try:
            for ranks in (0, 3):
                result = self.train("work", self.ENDLESS, code=USAGE, ranks=ranks)
                self.assertIn(f"process {first.pid} on {os.uname().nodename}", result.errors()[0])
        finally:
            first.terminate()
        self.assertEqual(STOPPED, finish(first, LONG).code)
        self.assert_clean("work")

    def test_a_dead_run_holds_nothing(self):
        first = self.begin()
        first.kill()
        first.communicate()
        self.assertTrue(os.path.exists(self.path("work", "run", "lock")))
        self.train("work")
        self.assert_clean("work")

    def test_somebody_else_holds_it(self):
        os.makedirs(self.path("work", "run"))
        with open(self.path("work", "run", "lock"), "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            result = self.train(code=USAGE)
        self.assertIn("its lock is held", result.errors()[0])

    def test_leftovers_go(self):
        os.makedirs(self.path("work", "run", "checkpoints"))
        names = [".config.yaml.partial", ".metrics.csv.partial", "checkpoints/.step-000000005.h5.partial", "checkpoints/.latest.h5.partial",
                 ".old.h5.partial"]
        for name in [*names, ".fresh.h5.partial"]:
            with open(self.path("work", "run", name), "wb"):
                pass
        os.utime(self.path("work", "run", ".old.h5.partial"), (0, 0))
        self.train(values={"training.iterations": 10})
        left = [name for _, _, files in os.walk(self.path("work")) for name in files if name.endswith(".partial")]
        self.assertEqual([".fresh.h5.partial"], left)  # may be in the making

    def test_nothing_stays_of_a_run_that_did_not_begin(self):
        self.train("work", {}, "--resume", "absent.h5", code=66)
        self.assertEqual([], os.listdir(self.path("work")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
