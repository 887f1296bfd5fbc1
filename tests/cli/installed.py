"""What the tests of the installed library share: a prefix, and commands that must succeed.

The prefix is $DDPM_PREFIX, for what a package has installed; by default each test installs the build folder.
"""
import os
import subprocess
import unittest

from program import DDPM, Case

PREFIX = os.environ.get("DDPM_PREFIX")
BUILD = os.environ.get("DDPM_BUILD", os.path.dirname(DDPM))


def output_of(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def need_build():
    if not PREFIX and not os.path.exists(os.path.join(BUILD, "CMakeCache.txt")):
        raise unittest.SkipTest(f"{BUILD} is not a build folder: set DDPM_BUILD")


class InstalledCase(Case):
    """self.prefix, and self.library, its folder of libraries."""

    @classmethod
    def setUpClass(cls):
        need_build()

    def setUp(self):
        super().setUp()
        self.prefix = PREFIX or self.path("usr")
        if not PREFIX:
            output_of("cmake", "--install", BUILD, "--prefix", self.prefix)
        pointers = [folder for folder, _, names in os.walk(self.prefix) if "ddpm.pc" in names]
        self.assertEqual(1, len(pointers))
        self.library = os.path.dirname(pointers[0])
        self.flags = {**os.environ, "PKG_CONFIG_PATH": pointers[0]}
