#!/usr/bin/python3
"""tests/examples: built as a user builds them, from an installed prefix, with CMake and with pkg-config; run on several
ranks and threads, they write the rows of `ddpm sample`.

Run: ctest --preset dev -R cli.examples
"""
import os
import shutil
import sys

import numpy as np

from installed import PREFIX, InstalledCase, output_of
from program import ANALYSIS, SOURCE, SMALL, read_h5, run
from skipped import main

EXAMPLES = os.path.join(SOURCE, "tests", "examples")
ROWS = 203


class Examples(InstalledCase):
    def setUp(self):
        super().setUp()
        self.run_folder = self.train(self.config(), self.path("run"), {**SMALL, "training.iterations": 30})
        self.ddpm("sample", self.run_folder, "--count", ROWS, "--seed", 7, "--steps", 10, "--output",
                  self.path("samples.h5"))
        self.wanted = read_h5(self.path("samples.h5"))["samples"]

    def assert_rows(self, *command, ranks=0, model=None):
        """A program writes the rows, and prints but what is its own."""
        file = self.path("rows.bin")
        result = run(model or self.run_folder, ROWS, file, command=list(command), ranks=ranks,
                     environment={"LD_LIBRARY_PATH": self.library, "PYTHONPATH": ANALYSIS,
                                  "DDPM_LIBRARY": os.path.join(self.library, "libddpm.so")})
        self.assertEqual(0, result.code, str(result))
        rows = np.fromfile(file, np.float32).reshape(-1, 2)
        self.assertTrue(np.array_equal(self.wanted.view(np.uint32), rows.view(np.uint32)), f"{command}, {ranks} ranks")
        os.remove(file)
        return result.stdout

    def assert_all_work(self, folder):
        for program in ("threads", "ranks"):
            program = os.path.join(folder, program)
            if os.path.exists(program):
                said = {self.assert_rows(program, ranks=ranks) for ranks in ((1, 2, 4) if "ranks" in program else (0,))}
                self.assertEqual(1, len(said), said)
        if os.path.exists(os.path.join(folder, "exported")):
            file = self.path("run.safetensors")
            self.ddpm("export", self.run_folder, "--output", file)
            self.assert_rows(os.path.join(folder, "exported"), model=file)
        if os.path.exists(os.path.join(folder, "closure")):
            said = {self.train_in_situ(os.path.join(folder, "closure"), f"{ranks}.h5", ranks) for ranks in (1, 2, 4)}
            self.assertEqual(1, len(said), said)
            self.assertIn("x with the closure", said.pop())
            for ranks in (2, 4):
                self.assert_same_bits(self.path("1.h5"), self.path(f"{ranks}.h5"))
            self.ddpm("sample", self.path("4.h5"), "--count", 9, "--condition", "x=2", "--output", self.path("u.h5"))

    def train_in_situ(self, program, model, ranks):
        result = run(self.path(model), command=[program], ranks=ranks, timeout=100,
                     environment={"LD_LIBRARY_PATH": self.library})
        self.assertEqual(0, result.code, str(result))
        return result.stdout

    def test_with_cmake(self):
        """The static library, too, which needs what it was built with."""
        output_of("cmake", "-S", EXAMPLES, "-B", self.path("build"), "-DCMAKE_PREFIX_PATH=" + self.prefix)
        output_of("cmake", "--build", self.path("build"))
        self.assert_all_work(self.path("build"))
        self.train_in_situ(self.path("build", "insitu"), "model.h5", 2)
        self.ddpm("info", self.path("model.h5"))
        self.assertTrue(os.path.exists(self.path("build", "exported")))
        if shutil.which("gfortran"):
            self.assertTrue(os.path.exists(self.path("build", "ranks")))
            self.assertTrue(os.path.exists(self.path("build", "closure")))

    def test_with_pkg_config(self):
        def build(name, *words):
            command = " ".join(words).format(source=EXAMPLES, name=name)
            output_of("/bin/sh", "-c", "eval " + command, cwd=self.folder, env=self.flags)

        build("threads", "c++ -Wall -Wextra -Werror -pthread '\"{source}\"'/threads.cpp",
              "$(pkg-config --cflags --libs ddpm) -o threads")
        build("insitu", "mpicc -Wall -Wextra -Werror '\"{source}\"'/insitu.c",
              "$(pkg-config --cflags --libs ddpm-train) -lm -o insitu")
        if shutil.which("gfortran"):
            for name, package in (("ranks", "ddpm-fortran"), ("closure", "ddpm-fortran-train")):
                build(name, "mpif90 -std=f2008 -Wall '\"{source}\"'/{name}.f90",
                      f"$(pkg-config --cflags --libs {package}) -o {name}")
        self.assert_all_work(self.folder)
        if PREFIX:      # a package, whose static library needs the development packages of others
            return
        os.makedirs(self.path("static"))
        build("static", "c++ -pthread '\"{source}\"'/threads.cpp $(pkg-config --cflags ddpm)",
              "'\"{library}\"'/libddpm.a".replace("{library}", self.library),
              "$(pkg-config --static --libs ddpm | sed 's/-lddpm//') -o static/threads")
        self.assert_all_work(self.path("static"))

    def test_python(self):
        said = self.assert_rows(sys.executable, os.path.join(EXAMPLES, "rows.py"))
        self.assertIn("100 rows completed", said)


if __name__ == "__main__":
    main()
