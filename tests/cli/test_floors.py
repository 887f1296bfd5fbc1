#!/usr/bin/python3
"""The walls of the source: who may use whom, no circles, headers that say who may call, files of a size that can be
read, no paths of one machine.

Reads the source, and the symbols of the objects in DDPM_BUILD. Run: ctest --preset dev -R cli.floors
"""
import fnmatch
import glob
import os
import re
import subprocess
import unittest

from skipped import main

SOURCE = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("DDPM_BUILD", os.path.join(SOURCE, "build", "dev"))
# Each room uses those of the floors before its own; rooms of one floor do not use each other.
FLOORS = (("base",), ("kernel",), ("network",), ("model", "world"), ("file",), ("store",), ("data",), ("fit",),
          ("config",), ("assembly",), ("exchange", "train", "sample"), ("evaluate", "bench", "library"),
          ("insitu", "sampler", "app"))
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
LIBRARIES = {  # header: the files that may include it
    "mpi.h": r"src/world/.*|src/file/h5.*|src/insitu/training\.c|include/ddpm/trainer\.h",
    "hdf5.h": r"src/file/h5.*",
    "yaml.h": r"src/config/parse\.c",
    "jansson.h": r"src/exchange/safetensors\.c",
    "omp.h": r"src/(store|data|fit|train|sample|evaluate|bench|app)/.*",
    # the two headers that carry a library's header in
    "world/comm_mpi.h": r"src/world/.*|src/file/h5.*|src/insitu/training\.c",
    "file/h5_handle.h": r"src/file/h5.*",
}
LARGEST_SHARE = 1 / 7  # of the lines of src/, for a room
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
    """Every file of the project: what .gitignore names is left out. Its lines are a name or a pattern for names, and a
    path where they begin with a slash."""
    rules = [rule.rstrip("/") for rule in read(".gitignore").split()] + ["/.git"]

    def is_kept(path):
        return not any(fnmatch.fnmatchcase("/" + path if rule.startswith("/") else os.path.basename(path), rule)
                       for rule in rules)

    for place, folders, names in os.walk(SOURCE):
        below = os.path.relpath(place, SOURCE)
        folders[:] = [name for name in folders if is_kept(os.path.normpath(os.path.join(below, name)))]
        paths = [os.path.normpath(os.path.join(below, name)) for name in names]
        yield from (path for path in paths if is_kept(path) and os.path.isfile(os.path.join(SOURCE, path)))


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def room_of(path):
    """Of a file of src/, or of an included "ROOM/..." header; None for what belongs to no room."""
    first = re.sub(r"^src/", "", path).split("/")[0]
    return first if first in FLOOR else None


def may_use(user, used):
    return user == used or FLOOR[used] < FLOOR[user]


def circle(arrows):
    """Nodes of a circle in {node: nodes it points to}, in order; empty without one."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):]
        if node in done:
            return []
        path.append(node)
        found = next(filter(None, map(visit, sorted(arrows.get(node, ())))), [])
        path.pop()
        done.add(node)
        return found

    return next(filter(None, map(visit, sorted(arrows))), [])


def calls_between(objects):
    """{object: objects whose symbols it uses}, of object files named by path."""
    defined, needed = {}, {}
    for name in objects:
        listed = subprocess.run(["nm", "-g", name], capture_output=True, text=True, check=True).stdout
        symbols = [line.split()[-2:] for line in listed.splitlines() if line.strip()]
        defined.update({symbol: name for kind, symbol in symbols if kind in "TDBRC"})
        needed[name] = {symbol for kind, symbol in symbols if kind == "U"}
    return {name: {defined[symbol] for symbol in symbols if symbol in defined} - {name}
            for name, symbols in needed.items()}


def undocumented(text):
    """Names of functions declared in a header of which nothing says who may call them. A comment speaks for what
    follows it up to the next comment; the one that opens the file, for all."""
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
            before = text[text.rfind("\n", 0, comment.start()) + 1:comment.start()]
            if not before.strip():  # else a remark behind a declaration
                says = bool(CALLERS.search(comment.group()))
    return missing


class Floors(unittest.TestCase):
    sources = list(files_of("src", "include", suffixes=(".c", ".h")))

    def test_every_room_is_known(self):
        self.assertEqual(set(FLOOR), {path.split("/")[1] for path in self.sources if path.startswith("src/")})

    def test_who_includes_the_libraries(self):
        for path in self.sources:
            for header in INCLUDE.findall(read(path)):
                if header in LIBRARIES:
                    self.assertRegex(path, f"^({LIBRARIES[header]})$", f"{path} includes {header}")

    def test_no_include_upwards(self):
        for path in self.sources:
            for header in INCLUDE.findall(read(path)):
                if room_of(path) and room_of(header):
                    self.assertTrue(may_use(room_of(path), room_of(header)), f"{path} includes {header}")

    def test_no_circle_of_includes(self):
        arrows = {path: {"src/" + header for header in INCLUDE.findall(read(path)) if room_of(header)}
                  for path in self.sources}
        self.assertEqual([], circle(arrows))

    def test_no_circle_of_calls(self):
        """Between the files of a room; between rooms there is none, since no include goes upwards."""
        for room in FLOOR:
            place = os.path.join(BUILD, "CMakeFiles", f"ddpm_{room}.dir")
            objects = [name for name in glob.glob(os.path.join(place, "**", "*.o"), recursive=True)
                       if os.path.exists(os.path.join(SOURCE, os.path.relpath(name, place)[:-len(".o")]))]
            self.assertTrue(objects, f"no objects of {room} in {BUILD}: build first, or set DDPM_BUILD")
            self.assertEqual([], circle(calls_between(objects)), room)

    def test_no_room_holds_too_much(self):
        lines = {room: sum(read(path).count("\n") for path in files_of(f"src/{room}", suffixes=(".c", ".h")))
                 for room in FLOOR}
        for room, count in lines.items():
            self.assertLessEqual(count, LARGEST_SHARE * sum(lines.values()), f"src/{room}")

    def test_what_is_installed_needs_no_library(self):
        """include/ddpm/ includes nothing but itself and two headers of C, and where it trains MPI's."""
        for path in files_of("include", suffixes=(".h",)):
            for header in INCLUDE.findall(read(path)):
                self.assertTrue(header in ("stdint.h", "stddef.h", *["mpi.h"] * path.endswith("trainer.h"))
                                or os.path.exists(os.path.join(SOURCE, "include", header)), f"{path} includes {header}")

    def test_headers_say_who_may_call(self):
        for path in self.sources:
            if path.endswith(".h") and not path.startswith("src/kernel/simd/"):
                self.assertTrue(read(path).lstrip().startswith("/*"), f"{path} does not open with what it is for")
                self.assertEqual([], undocumented(read(path)), f"{path}: neither Local nor Collective")

    def test_headers_lie_beside_their_source(self):
        """A header is used by another file than the one source beside it, and is included by its room's name."""
        users = {}
        for path in [*self.sources, *files_of("tests", suffixes=(".c", ".h"))]:
            for header in INCLUDE.findall(read(path)):
                users.setdefault(header, set()).add(path)
        for path in self.sources:
            if path.endswith(".h") and path.startswith("src/") and not path.startswith("src/kernel/simd/"):
                self.assertGreater(len(users.get(path[len("src/"):], ())), 1, f"{path} has fewer than two users")

    def test_files_open_with_what_they_are_for(self):
        for path in self.sources:
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
        two = "/** A. */\n/** Collective. */\nint ddpm_a(void);\n/** B. */\nint ddpm_b(void);\n"
        self.assertEqual(["ddpm_b"], undocumented(two))
        remark = "/** A. */\n/** Local. */\nint ddpm_a(int n); /* all */\nint ddpm_b(void);\n"
        self.assertEqual([], undocumented(remark))
        self.assertEqual(["ddpm_a"], undocumented("#define X(a) ddpm_x(a)\nint ddpm_a(void);\n"))

    def test_room_of(self):
        self.assertEqual(["base", "store", None, None], [room_of(path) for path in (
            "base/status.h", "src/store/metrics.c", "include/ddpm/ddpm.h", "ddpm/ddpm.h")])

    def test_may_use(self):
        self.assertEqual([True, True, False, False],
                         [may_use("app", "base"), may_use("store", "store"), may_use("base", "app"),
                          may_use("train", "sample")])

    def test_circle(self):
        self.assertEqual([], circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}))
        self.assertEqual(["b", "c"], circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}))


if __name__ == "__main__":
    main()
