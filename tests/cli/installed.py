"""What the tests of the installed library share: a build folder, a prefix, and commands that must succeed."""
import os
import subprocess
import unittest

from program import DDPM, Case

BUILD = os.environ.get("DDPM_BUILD", os.path.dirname(DDPM))


def output_of(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def need_build():
    if not os.path.exists(os.path.join(BUILD, "CMakeCache.txt")):
        raise unittest.SkipTest(f"{BUILD} is not a build folder: set DDPM_BUILD")


class InstalledCase(Case):
    """self.path("usr") is the prefix, self.library its folder of libraries."""

    @classmethod
    def setUpClass(cls):
        need_build()

    def setUp(self):
        super().setUp()
        output_of("cmake", "--install", BUILD, "--prefix", self.path("usr"))
        pointers = [os.path.join(folder, "pkgconfig") for folder, names, _ in os.walk(self.path("usr"))
                    if "pkgconfig" in names]
        self.assertEqual(1, len(pointers))
        self.library = os.path.dirname(pointers[0])
        self.flags = {**os.environ, "PKG_CONFIG_PATH": pointers[0]}
