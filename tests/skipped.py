#!/usr/bin/python3
"""Tests that skip: how a test script says so to CTest, and what may be skipped where all packages are installed.

    /usr/bin/python3 tests/skipped.py build/dev/tests.xml...

reads what `ctest --output-junit FILE` wrote, lists what was skipped with the reasons, and exits with 1 if ALLOWED does
not name it or the test gave no reason. A test that was skipped in part exits with SKIPPED, after a line "skipped: WHAT:
REASON" for each part; one that fails in part has failed.
"""
import re
import sys
import unittest
import xml.etree.ElementTree

SKIPPED = 77  # SKIP_RETURN_CODE of every test in tests/CMakeLists.txt

# What may be skipped, and what it depends on: the processor, the rights of the user, or a library that Debian 12 lacks.
# A package, a build option or a tool does not belong here: jobs/packages.sh and the preset dev provide them.
ALLOWED = (
    (r"kernels (avx2|avx512)( with bfloat16 operands)?", "the processor's instruction sets"),
    (r"Ranks\.test_each_instruction_set_by_itself", "the processor's instruction sets"),
    (r"Processors\.test_ranks_of_two_kinds", "the processor's instruction sets"),
    (r"Output\.test_no_room", "the right to mount in a user namespace"),
    (r"FullDisk\.\w+", "the right to mount, which is root's"),
    (r"Kinds\.test_parquet", "a library that is no package of Debian 12"),
    (r"Exchange\.test_onnx", "a library that is no package of Debian 12"),
    (r"Measures\.test_sdmetrics", "a library that is no package of Debian 12"),
)
SUBTEST = r"( \(.*\))?"  # its parameters, behind the name of the test


def main(verbosity=1):
    """unittest.main() of a test script: the same, and says to CTest what was skipped."""
    result = unittest.main(verbosity=verbosity, exit=False).result
    for test, reason in result.skipped:
        name = re.sub(r"^setUpClass \((.*)\)$", r"\1", test.id())
        print(f"skipped: {name.removeprefix('__main__.')}: {reason}", flush=True)
    if not result.wasSuccessful() or result.testsRun + len(result.skipped) == 0:
        sys.exit(1)
    sys.exit(SKIPPED if result.skipped else 0)


def skipped_in(path):
    """(test, part, reason) of all that were skipped; part and reason are None where a test gave none."""
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        if case.find("skipped") is not None:
            lines = re.findall(r"^skipped: (.+?): (.+)$", case.findtext("system-out", ""), re.MULTILINE)
            for part, reason in dict(lines).items() or [(None, None)]:
                yield case.get("name"), part, reason


def judge(paths):
    """The exit code, after a line for each part that was skipped."""
    code = 0
    for test, part, reason in (found for path in paths for found in skipped_in(path)):
        needs = next((needs for pattern, needs in ALLOWED if part and re.fullmatch(pattern + SUBTEST, part)), None)
        if needs:
            print(f"skipped: {test}, {part}: {reason} (it depends on {needs})")
        else:
            print(f"skipped, and must not be: {test}, {part or 'without a reason'}: {reason or 'see its output'}",
                  file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(judge(sys.argv[1:]))
