#!/usr/bin/python3
"""Skipped tests are noticed (tests/skipped.py), and those that a machine pauses do not fail (program.py).

Run: ctest --preset dev -R cli.skipped
"""
import contextlib
import io
import os
import signal
import subprocess
import sys
import time

import skipped
from program import Case

SCRIPT = """
import unittest
from skipped import main

class Ranks(unittest.TestCase):
    def test_nothing(self):
        pass

    def test_each_instruction_set_by_itself(self):
        for isa in ("baseline", "avx512"):
            with self.subTest(isa=isa):
                if isa == "avx512":
                    self.skipTest("this processor has no avx512")

    def test_package(self):
        self.skipTest("no such package")

    def test_failure(self):
        self.fail("as it must")

main()
"""


class Skipped(Case):
    def script(self, *names):
        script = self.write("script.py", SCRIPT)
        return subprocess.run([sys.executable, script, *(f"Ranks.{name}" for name in names)], capture_output=True,
                              text=True, check=False)

    def judged(self, output, inside="<skipped/>"):
        """The exit code, and what is printed, of a test with this output."""
        case = f'<testcase name="cli.it">{inside}<system-out>{output}</system-out></testcase>'
        path = self.write("tests.xml", f"<testsuite>{case}</testsuite>")
        with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.redirect_stderr(told):
            return skipped.judge([path]), told.getvalue()

    def test_exit_codes(self):
        nothing, package, failure = "test_nothing", "test_package", "test_failure"
        isa = "test_each_instruction_set_by_itself"
        for names, code in (((nothing,), 0), ((isa,), 77), ((nothing, isa, package), 77), ((failure,), 1),
                            ((isa, failure), 1)):
            self.assertEqual(code, self.script(*names).returncode, names)

    def test_allowed(self):
        code, told = self.judged(self.script("test_each_instruction_set_by_itself").stdout)
        self.assertEqual(0, code, told)
        self.assertIn("cli.it", told)
        self.assertIn("this processor has no avx512", told)

    def test_not_allowed(self):
        for names in (["test_package"], ["test_package", "test_each_instruction_set_by_itself"]):
            code, told = self.judged(self.script(*names).stdout)
            self.assertEqual(1, code, told)
            self.assertIn("no such package", told)

    def test_without_a_reason(self):
        self.assertEqual(1, self.judged("all is well")[0])
        self.assertEqual((0, ""), self.judged("all is well", inside=""))


class Paused(Case):
    WAITS = "from program import finish, start; finish(start(command=['sleep', '{}']), 2)"

    def waiting(self, seconds):
        """A script that gives a program two seconds."""
        folder = os.path.dirname(os.path.abspath(__file__))
        return subprocess.Popen([sys.executable, "-c", self.WAITS.format(seconds)], cwd=folder, text=True,
                                stderr=subprocess.PIPE)

    def test_a_pause(self):
        process = self.waiting(1)
        time.sleep(0.5)
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(("", 0), (process.communicate()[1], process.returncode))

    def test_a_hang(self):
        self.assertIn("still running after 2 s: sleep 60", self.waiting(60).communicate()[1])


if __name__ == "__main__":
    skipped.main()
