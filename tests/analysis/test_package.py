#!/usr/bin/python3
"""The package can be installed by setuptools as Debian has it, without a network.
Run: ctest --preset dev -R analysis.package"""
import importlib.util
import os
import re
import shutil
import subprocess
import sys

from case import ANALYSIS, SOURCE, Case
from skipped import SKIPPED, main

if not importlib.util.find_spec("setuptools"):
    print("skipped: all: setuptools is not installed (Debian: python3-setuptools)")
    sys.exit(SKIPPED)

SETUP = [sys.executable, "-c", "import setuptools; setuptools.setup()"]


class Package(Case):
    def output_of(self, *words, **environment):
        done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False, cwd=self.path("analysis"),
                              env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def setUp(self):
        super().setUp()
        shutil.copytree(ANALYSIS, self.path("analysis"))

    def test_build(self):
        self.output_of(*SETUP, "build", "--build-lib", self.path("library"))
        self.assertEqual(os.listdir(self.path("library")), ["ddpm_analysis"])
        self.output_of(sys.executable, "-P", "-c",
                       "from ddpm_analysis import drawing, open_run, pages, program, sweeps; "
                       f"pages.write({self.path('page.html')!r}, 'page.html', title='a', warnings=[], lacking=[])",
                       PYTHONPATH=self.path("library"))

    def test_version(self):
        with open(os.path.join(SOURCE, "CMakeLists.txt"), encoding="utf-8") as file:
            version = re.search(r"^project\(ddpm VERSION (\S+)", file.read(), re.MULTILINE).group(1)
        self.assertEqual(self.output_of(*SETUP, "--version").split()[-1], version)


if __name__ == "__main__":
    main()
