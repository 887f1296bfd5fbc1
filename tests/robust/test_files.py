#!/usr/bin/python3
"""Files that are damaged, cut short, in the way, locked or on a full disk: named, passed over where an older one will
do, and never damaged further. Run: ctest --preset dev -R robust.files

DDPM_POSITIONS and DDPM_LENGTHS: how many bytes of a checkpoint are flipped, and at how many lengths it is cut.
DDPM_SIZES: how many sizes of a full disk; DDPM_LONG=1: every byte, every length, every page.
"""
import ctypes
import fcntl
import os
import shutil
import subprocess
import unittest

from program import finish, number, start, until
from robust import DATA, IO, PATIENCE, STOPPED, USAGE, Robust, read_bytes, seeded, train_words, write_bytes
from skipped import main

LIBRARY = os.path.join(os.path.dirname(os.environ.get("DDPM", "ddpm")), "libddpm.so")
ERR_DATA = 2  # of ddpm_status


class Damage(Robust):
    """The newest checkpoint of a finished run is damaged; `ddpm train` of more iterations must notice and take the one
    before."""

    def setUp(self):
        super().setUp()
        self.train_in("work")
        self.folder_of = self.path("work", "run", "checkpoints")
        self.newest = os.path.join(self.folder_of, "step-000000040.h5")
        self.good = read_bytes(self.newest)
        self.library = ctypes.CDLL(LIBRARY)

    def refused(self, content):
        """Whether libddpm, in this process, refuses a file with this content."""
        write_bytes(self.path("damaged.h5"), content)
        generator = ctypes.c_void_p()
        status = self.library.ddpm_generator_open(os.fsencode(self.path("damaged.h5")), ctypes.byref(generator))
        self.library.ddpm_generator_close(generator)
        return status == ERR_DATA

    def test_flips(self):
        """One bit of each of so many bytes: all of the first kilobyte, with the digest and HDF5's superblock, and a
        choice of the rest."""
        chance, length = seeded(), len(self.good)
        count = min(number("DDPM_POSITIONS", 1000, length), length)
        self.assertFalse(self.refused(self.good))
        positions = sorted({*range(1024), *chance.sample(range(length), count)})
        missed = []
        for at in positions:
            damaged = bytearray(self.good)
            damaged[at] ^= 1 << chance.randrange(8)
            if not self.refused(bytes(damaged)):
                missed.append(at)
        self.assertEqual([], missed)
        print(f"{len(positions)} bytes of {length} flipped", flush=True)

    def test_cut(self):
        length = len(self.good)
        lengths = seeded().sample(range(length), min(number("DDPM_LENGTHS", 500, length), length))
        self.assertEqual([], [cut for cut in [0, length - 1, *lengths] if not self.refused(self.good[:cut])])
        self.assertTrue(self.refused(self.good + b"x"))
        print(f"cut at {len(lengths)} lengths", flush=True)

    def test_the_program_names_it(self):
        path = self.path("damaged.h5")
        for content in (self.good[:-1], self.good[:9000] + b"?" + self.good[9001:], b"", self.good[512:]):
            write_bytes(path, content)
            self.fails(DATA, "sample", path, "--count", 1, "--output", self.path("out.h5"), says=[path],
                       timeout=PATIENCE)

    def test_the_one_before_is_taken(self):
        for ranks, content in ((0, self.good[:-1]), (3, self.good[:600] + b"?" + self.good[601:]), (0, b"")):
            shutil.copytree(self.path("work"), self.path("again"), symlinks=True)
            newest = self.path("again", "run", "checkpoints", "step-000000040.h5")
            write_bytes(newest, content)
            result = self.train_in("again", ranks=ranks)
            self.assertTrue(any("step-000000040.h5" in line for line in result.warnings()), str(result))
            self.assertIn("step-000000035.h5, iteration 35", result.stderr)
            self.assertEqual(self.good, read_bytes(newest))
            shutil.rmtree(self.path("again"))


@unittest.skipUnless(os.geteuid() == 0, "only root mounts a small file system")
class FullDisk(Robust):
    """A run on a tmpfs of so many pages: whatever write meets its end, what was there is not damaged, and more room is
    all it takes."""

    LEAST = 480  # KiB

    def mount(self, kib):
        path = self.workspace("disk")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", path], check=False,
                          capture_output=True).returncode:
            self.skipTest("mount is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", path], check=False, capture_output=True)
        return path

    def one_size(self, kib, expected):
        path = self.mount(kib)
        result = self.train_in("disk", code=None)
        with self.subTest(kib=kib):
            self.assertIn(result.code, (0, IO), str(result))
            if result.code:
                self.assertIn("No space left", result.errors()[0])
                folder = os.path.join(path, "run", "checkpoints")
                for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
                    self.ddpm("info", os.path.join(folder, name), timeout=PATIENCE)
                subprocess.run(["mount", "-o", "remount,size=4m", path], check=True)
                self.train_in("disk")
            self.assertEqual(expected, self.final("disk"))
            self.assert_clean("disk")
        subprocess.run(["umount", "-l", path], check=True)
        return result.code

    def test_at_every_size(self):
        """Sizes are whole pages; from LEAST on everything fits."""
        self.train_in("reference")
        chance, expected, pages = seeded(), self.final("reference"), range(4, self.LEAST, 4)
        sizes = sorted(chance.sample(pages, min(number("DDPM_SIZES", 4, len(pages)), len(pages))))
        codes = {kib: self.one_size(kib, expected) for kib in [*sizes, self.LEAST]}
        print(f"disks of {len(codes)} sizes, exit codes {codes}", flush=True)
        self.assertEqual(IO, codes[sizes[0]])
        self.assertEqual(0, codes[self.LEAST])

    def test_samples(self):
        self.train_in("work")
        path = self.mount(64)
        output = os.path.join(path, "samples.h5")
        for ranks in (0, 3):
            write_bytes(output, b"")
            self.fails(IO, "sample", self.path("work", "run"), "--count", 20000, "--output", output,
                       says=["No space left"], ranks=ranks, timeout=PATIENCE)
            self.assertEqual(b"", read_bytes(output))
            self.assertEqual(["samples.h5"], os.listdir(path))


class Lock(Robust):
    ENDLESS = {"training.iterations": 10 ** 7, "checkpoint.every": 10 ** 6, "run.report_every": 1000}

    def begin(self, ranks=0):
        process = start(*train_words(self.ENDLESS), ranks=ranks, folder=self.workspace("work"))
        metrics = self.path("work", "run", "metrics.csv")
        until(lambda: os.path.exists(metrics) and len(read_bytes(metrics).splitlines()) > 1, PATIENCE)
        return process

    def test_a_second_run_is_refused(self):
        first = self.begin()
        try:
            for ranks in (0, 3):
                result = self.train_in("work", self.ENDLESS, code=USAGE, ranks=ranks)
                self.assertIn(f"process {first.pid} on {os.uname().nodename}", result.errors()[0])
        finally:
            first.terminate()
        self.assertEqual(STOPPED, finish(first, PATIENCE).code)
        self.assert_clean("work")

    def test_a_dead_run_holds_nothing(self):
        first = self.begin()
        first.kill()
        first.communicate()
        self.assertTrue(os.path.exists(self.path("work", "run", "lock")))
        self.train_in("work")
        self.assert_clean("work")

    def test_somebody_else_holds_it(self):
        os.makedirs(self.path("work", "run"))
        with open(self.path("work", "run", "lock"), "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            result = self.train_in("work", code=USAGE)
        self.assertIn("its lock is held", result.errors()[0])

    def test_leftovers_go(self):
        os.makedirs(self.path("work", "run", "checkpoints"))
        names = [".config.yaml.partial", ".metrics.csv.partial", "checkpoints/.step-000000005.h5.partial",
                 "checkpoints/.latest.h5.partial", ".old.h5.partial"]
        for name in [*names, ".fresh.h5.partial"]:
            write_bytes(self.path("work", "run", name), b"")
        os.utime(self.path("work", "run", ".old.h5.partial"), (0, 0))
        self.train_in("work", {"training.iterations": 10})
        left = [name for _, _, files in os.walk(self.path("work")) for name in files if name.endswith(".partial")]
        self.assertEqual([".fresh.h5.partial"], left)  # may be in the making

    def test_nothing_stays_of_a_run_that_did_not_begin(self):
        self.train_in("work", {}, "--resume", "absent.h5", code=66)
        self.assertEqual([], os.listdir(self.path("work")))


if __name__ == "__main__":
    main(verbosity=2)
