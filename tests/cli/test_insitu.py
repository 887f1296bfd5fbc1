#!/usr/bin/python3
"""Training inside another MPI program (include/ddpm/trainer.h). Run: ctest --preset dev -R cli.insitu"""
import os
import re
import shutil

import numpy as np

from program import SOURCE, Case, comma_locale, latest, run
from skipped import main

BUILD = os.path.join(os.environ.get("DDPM_BUILD", os.path.join(SOURCE, "build", "dev")), "tests")
CONFIG = """data: {source: hdf5, path: "%s", condition: %s}
diffusion: {steps: 50}
network: {width: 32, depth: 2, time_width: 16}
training: {iterations: 30, batch: 96}
parallel: {block_rows: 16}
"""
USAGE = 64


class InSitu(Case):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(1)
        self.rows = (rng.normal(size=(1000, 3)) * [1, 20, 1] + [3, -7, 0]).astype(np.float32)
        self.rows[:, 2] = np.arange(1000) % 3
        self.rows[0, 1] = -0.0
        self.rows.tofile(self.path("rows"))
        self.h5("rows.h5", data=self.rows)

    def push(self, output, condition="[]", most=0, window=0, parts=1, code=0, columns=3, program="push_rows", **more):
        config = self.write("c.yaml", CONFIG % (self.path("rows.h5"), condition))
        result = run(config, self.path("rows"), columns, most, window, parts, self.path(output),
                     command=[os.path.join(BUILD, program)], **more)
        self.assertEqual(code, result.code, str(result))
        return result

    def test_same_as_from_a_file(self):
        """At any number of ranks; and the generator's rows are those of ddpm sample."""
        for condition in ("[]", "['class:2']"):
            told = [self.push(f"{ranks}.h5", condition, ranks=ranks).stdout for ranks in (1, 2, 3)]
            self.ddpm("train", self.path("c.yaml"), "--set", "data.transform=standard", "--output",
                      self.path("run" + condition[:2]))
            for ranks in (1, 2, 3):
                self.assert_same_bits(latest(self.path("run" + condition[:2])), self.path(f"{ranks}.h5"))
            lines = sum((text.split("\n")[:-1] for text in told), [])
            self.assertEqual((6, 1), (len(lines), len(set(lines))))

    def test_rows_that_come_later(self):
        """What is kept depends on the numbers of rows, not on ranks."""
        for kind, most, window in (("all", 0, 0), ("sample", 300, 0), ("window", 300, 1)):
            for ranks in (1, 3):
                self.push(f"{kind}{ranks}.h5", most=most, window=window, parts=3, ranks=ranks)
            self.assert_same_bits(self.path(f"{kind}1.h5"), self.path(f"{kind}3.h5"))

    def test_a_comma_for_a_point(self):
        """In a program that has set the user's locale: the same file, of settings with points."""
        wanted = self.push("point.h5").stdout
        self.assertEqual(wanted, self.push("comma.h5", environment=comma_locale(self.folder)).stdout.replace(",", "."))
        with open(self.path("point.h5"), "rb") as point, open(self.path("comma.h5"), "rb") as comma:
            self.assertEqual(point.read(), comma.read())

    def test_fortran(self):
        if not shutil.which("gfortran"):
            return
        wanted = self.push("c.h5", most=300, window=1, parts=2).stdout
        fortran = {"program": "push_rows_fortran", "ranks": 2}
        found = self.push("f.h5", most=300, window=1, parts=2, **fortran).stdout
        self.assert_same_bits(self.path("c.h5"), self.path("f.h5"))
        self.assertEqual(2 * [[float.fromhex(text) for text in wanted.split()]],
                         [[float(np.float32(text)) for text in line.split()] for line in found.splitlines()])
        self.assertIn("3 columns, found 2", self.push("none.h5", columns=-3, code=USAGE, **fortran).stdout)

    def test_refusals(self):
        """Which all ranks have, so that none waits for another."""
        for parts, says in ((-1, "iterations: expected the same on all ranks"), (-2, "row 0 was given twice")):
            self.assertIn(says, self.push("none.h5", parts=parts, code=USAGE, ranks=2).stderr)
            self.assertFalse(os.path.exists(self.path("none.h5")))

    def test_example(self):
        for ranks in (1, 2, 3):
            told = run(self.path(f"e{ranks}.h5"), command=[os.path.join(BUILD, "examples", "insitu")], ranks=ranks,
                       timeout=100)
            self.assertEqual(0, told.code, str(told))
            self.assertTrue(re.search(r"^loss 0\.\d+ after 150 iterations$", told.stdout, re.MULTILINE), told.stdout)
            self.assert_same_bits(self.path("e1.h5"), self.path(f"e{ranks}.h5"))
        self.ddpm("sample", self.path("e3.h5"), "--count", 5, "--output", self.path("s.h5"))


if __name__ == "__main__":
    main()
