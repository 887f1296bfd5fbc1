#!/usr/bin/python3
"""The walls of the source: who may include what, headers that say who may call, files of a size that can be read, no paths of one machine.

Reads the source only. Run: /usr/bin/python3 tests/cli/test_floors.py
"""
import fnmatch
import os
import re
import unittest

SOURCE = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
FLOORS = ("base", "kernel", "model", "world", "store", "run", "app")  # each uses those before it
LIBRARIES = {  # header: the files that may include it
    "mpi.h": r"src/world/.*|src/store/h5.*|include/ddpm/world/comm_mpi\.h|include/ddpm/store/h5_handle\.h",
    "hdf5.h": r"src/store/h5.*|include/ddpm/store/h5_handle\.h",
    "yaml.h": r"src/store/config_parse\.c",
    "omp.h": r"src/run/.*|src/app/.*",
    # the two headers that carry a library's header in
    "ddpm/world/comm_mpi.h": r"src/world/.*|src/store/h5.*",
    "ddpm/store/h5_handle.h": r"src/store/h5.*",
}
LINES_MAX = 500
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
FUNCTION = re.compile(r"\b(ddpm_\w+)\s*\(")
CALLERS = re.compile(r"\b(local|collective)\b", re.IGNORECASE)


def files_of(*folders, suffixes):
    for folder in folders:
        for place, _, names in sorted(os.walk(os.path.join(SOURCE, folder))):
            for name in sorted(names):
                if name.endswith(suffixes):
                    yield os.path.relpath(os.path.join(place, name), SOURCE)


def all_files():
    """Every file of the project: what .gitignore names is left out. Its lines are a name or a pattern for names, and a path where they begin with a
    slash."""
    rules = [rule.rstrip("/") for rule in read(".gitignore").split()] + ["/.git"]

    def is_kept(path):
        return not any(fnmatch.fnmatchcase("/" + path if rule.startswith("/") else os.path.basename(path), rule) for rule in rules)

    for place, folders, names in os.walk(SOURCE):
        below = os.path.relpath(place, SOURCE)
        folders[:] = [name for name in folders if is_kept(os.path.normpath(os.path.join(below, name)))]
        paths = [os.path.normpath(os.path.join(below, name)) for name in names]
        yield from (path for path in paths if is_kept(path) and os.path.isfile(os.path.join(SOURCE, path)))


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def floor_of(path):
    """Of a file of src/ or include/ddpm/, or of an included "ddpm/..." header; None for main headers such as ddpm/ddpm.h."""
    for name in re.sub(r"^(src|include/ddpm|ddpm)/", "", path).split("/")[:-1]:
        return FLOORS.index(name)
    return None


def is_from_elsewhere(path):
    return not path.startswith("ddpm/")


def undocumented(text):
    """Names of functions declared in a header of which nothing says who may call them. A comment speaks for what follows it up to the
    next comment; the one that opens the file, for all."""
    first = COMMENT.search(text)
    if first and CALLERS.search(first.group()):
        return []
    missing, says = [], False
    position = 0
    for comment in [*COMMENT.finditer(text), None]:
        code = text[position:comment.start() if comment else len(text)]
        code = "".join(line for line in code.splitlines(True) if not line.startswith("#"))
        if not says:
            missing += [found.group(1) for found in FUNCTION.finditer(code)]
        if comment:
            position = comment.end()
            if not text[text.rfind("\n", 0, comment.start()) + 1:comment.start()].strip():  # else a remark behind a declaration
                says = bool(CALLERS.search(comment.group()))
    return missing


class Floors(unittest.TestCase):
    sources = list(files_of("src", "include", suffixes=(".c", ".h")))

    def test_there_is_something_to_check(self):
        self.assertGreater(len(self.sources), 50)
        self.assertEqual(set(range(len(FLOORS))), {floor_of(path) for path in self.sources if path.startswith("src/")} - {None})

    def test_who_includes_the_libraries(self):
        for path in self.sources:
            for header in INCLUDE.findall(read(path)):
                if header in LIBRARIES:
                    self.assertRegex(path, f"^({LIBRARIES[header]})$", f"{path} includes {header}")

    def test_no_include_upwards(self):
        for path in self.sources:
            own = floor_of(path)
            for header in INCLUDE.findall(read(path)):
                if header.startswith("ddpm/") and own is not None and floor_of(header) is not None:
                    self.assertLessEqual(floor_of(header), own, f"{path} includes {header}, of a higher floor")

    def test_the_public_header_needs_no_library(self):
        """ddpm.h and what it includes."""
        seen, waiting = set(), ["ddpm/ddpm.h"]
        while waiting:
            header = waiting.pop()
            seen.add(header)
            for included in INCLUDE.findall(read(os.path.join("include", header))):
                self.assertTrue(not is_from_elsewhere(included) or included in ("stdint.h", "stddef.h"), f"{header} includes {included}")
                if not is_from_elsewhere(included) and included not in seen:
                    waiting.append(included)
        self.assertEqual({"ddpm/ddpm.h", "ddpm/base/status.h"}, seen)

    def test_headers_say_who_may_call(self):
        for path in files_of("include", suffixes=(".h",)):
            self.assertTrue(read(path).lstrip().startswith("/*"), f"{path} does not open with what it is for")
            self.assertEqual([], undocumented(read(path)), f"{path}: neither Local nor Collective")

    def test_files_open_with_what_they_are_for(self):
        for path in files_of("src", suffixes=(".c", ".h")):
            self.assertTrue(read(path).startswith("/*"), path)

    def test_size(self):
        for path in [*self.sources, *files_of("analysis", "tests/cli", suffixes=(".py",))]:
            self.assertLessEqual(read(path).count("\n"), LINES_MAX, f"{path} is too long")

    def test_no_paths_of_one_machine(self):
        pattern = re.compile(rb"(?<![\w.$}])/(" + b"|".join([b"home", b"work", b"root"]) + rb")/\w")
        paths = list(all_files())
        self.assertIn("tests/cli/test_floors.py", paths)
        self.assertFalse([path for path in paths if path.startswith("build/")])
        for path in paths:
            with open(os.path.join(SOURCE, path), "rb") as file:
                for number, line in enumerate(file, 1):
                    if b"H5" not in line:  # a path within a file
                        self.assertNotRegex(line, pattern, f"{path}:{number}")


class Itself(unittest.TestCase):
    """The checks find what they look for."""

    def test_undocumented(self):
        self.assertEqual([], undocumented("/** A. Local. */\nint ddpm_a(void);\n"))
        self.assertEqual(["ddpm_a"], undocumented("/** A. */\nint ddpm_a(void);\n"))
        self.assertEqual(["ddpm_b"], undocumented("/** A. */\n/** Collective. */\nint ddpm_a(void);\n/** B. */\nint ddpm_b(void);\n"))
        self.assertEqual([], undocumented("/** A. */\n/** Local. */\nint ddpm_a(int n); /* all */\nint ddpm_b(void);\n"))
        self.assertEqual(["ddpm_a"], undocumented("#define X(a) ddpm_x(a)\nint ddpm_a(void);\n"))

    def test_floor_of(self):
        self.assertEqual([0, 4, 4, None, None], [floor_of(path) for path in (
            "ddpm/base/status.h", "src/store/h5.c", "include/ddpm/store/h5.h", "include/ddpm/ddpm.h", "ddpm/ddpm.h")])


if __name__ == "__main__":
    unittest.main()
