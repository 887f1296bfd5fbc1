#!/usr/bin/python3
"""What the shared library does beyond samples (cli.embed), through the Python binding: conditions, completions,
likelihood and bound, predictions, in views of any kind, each with the bits of the verb; what has no meaning is refused.

Run: ctest --preset dev -R cli.library
"""
import contextlib
import ctypes
import locale
import os
import sys
import tempfile
import threading
import unittest.mock

import h5py
import numpy as np

from installed import BUILD, need_build
from program import ANALYSIS, SMALL, Case, bits, comma_locale, latest, read_h5, run, settings
from skipped import main

os.environ["DDPM_LIBRARY"] = os.path.join(BUILD, "libddpm.so")
sys.path.insert(0, ANALYSIS)
from ddpm_analysis import BadData, Failure, Generator  # noqa: E402  pylint: disable=wrong-import-position
from ddpm_analysis.generator import library, view  # noqa: E402  pylint: disable=wrong-import-position

ROWS, KINDS, COLOURS = 1500, ("cat", "dog"), ("blue", "red")


def train(folder, name, **values):
    path = os.path.join(folder, name)
    done = run("train", "/dev/null", *settings({**SMALL, "training.iterations": 40, **values}), "--output", path)
    assert done.code == 0, str(done)
    return path


class Library(Case):
    """All cases share three small models."""

    @classmethod
    def setUpClass(cls):
        need_build()
        folder = tempfile.TemporaryDirectory(prefix="ddpm library ")
        cls.addClassCleanup(folder.cleanup)
        rng = np.random.default_rng(1)
        kind = rng.integers(0, 2, ROWS)
        cls.rows = (rng.normal(size=(ROWS, 3)) + kind[:, None]).astype(np.float32) * np.float32([1, 20, 300])
        cls.rows[:, 2] = np.round(cls.rows[:, 2])
        path = os.path.join(folder.name, "rows.h5")
        with h5py.File(path, "w") as file:
            file["data"] = cls.rows
            file["data"].attrs["columns"] = ["a", "b", "c"]
            file["label"] = np.int32([7, -2])[kind]
            file["mass"] = rng.normal(size=ROWS)
            group = file.create_group("table", track_order=True)
            group.create_dataset("kind", data=[KINDS[i] for i in kind], dtype=h5py.string_dtype())
            group["amount"] = np.where(rng.random(ROWS) < 0.2, np.nan, rng.normal(size=ROWS) + kind)
            group["count"] = rng.integers(-3, 4, ROWS).astype("i2")
        cls.data = path
        from_file = {"data.source": "hdf5", "data.path": path}
        cls.model = train(folder.name, "model", **from_file,
                          **{"data.condition": "[class:label, mass]", "sampling.guidance": 0.5})
        cls.table = train(folder.name, "table", **from_file, **{"data.dataset": "table"})
        cls.whole = train(folder.name, "whole", **{"data.source": "two_moons", "data.condition": "[]"})

    def sample(self, checkpoint, *arguments, count=200):
        self.ddpm("sample", checkpoint, "--seed", 9, "--output", self.path("made.h5"), *arguments,
                  *(["--count", count] if count else []), ranks=2)
        return read_h5(self.path("made.h5"))

    def assert_bits(self, wanted, found):
        self.assertEqual((wanted.shape, wanted.dtype), (found.shape, found.dtype))
        self.assertTrue(np.array_equal(bits(wanted), bits(found)), f"{wanted}\n{found}")

    def conditions(self, count):
        """Of each row, with the file that says the same to `ddpm sample`."""
        rows = np.column_stack([np.where(np.arange(count) % 3, 7.0, -2.0), np.linspace(-1, 1, count)])
        return rows, self.h5("conditions.h5", data=rows)

    def test_views_and_blocks(self):
        wanted = self.sample(self.whole, "--sampler", "ddim", "--eta", 0.5, "--steps", 10, count=300)["samples"]
        with Generator(self.whole) as g:
            g["sampling.eta"] = 0.5  # without effect before the next line
            g["sampling.method"] = "ddim"
            g["sampling.steps"] = 10
            self.assert_bits(wanted, g.sample(300, seed=9))
            self.assert_bits(wanted.astype(np.float64), g.sample(300, seed=9, dtype=np.float64))
            whole = np.full((300, 4), -1, np.float32, order="F")
            g.sample(seed=9, out=whole[::-1, 1::2])
            self.assert_bits(wanted, np.ascontiguousarray(whole[::-1, 1::2]))
            self.assertTrue((whole[:, ::2] == -1).all())
            self.assert_bits(wanted[[299]], g.sample(1, seed=9, first=299))
            self.assert_bits(wanted[:0], g.sample(0, seed=9))

    def test_bytes_and_threads(self):
        wanted = self.sample(self.whole)["samples"]
        with open(latest(self.whole), "rb") as file:
            content = file.read()
        first = Generator(data=content)
        generators = [first.share() for _ in range(8)]
        first.close()
        found = [None] * 8
        threads = [threading.Thread(target=lambda i=i, g=g: found.__setitem__(i, g.sample(200, seed=9)))
                   for i, g in enumerate(generators)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for rows in found:
            self.assert_bits(wanted, rows)
        with self.assertRaisesRegex(BadData, "damaged"):
            Generator(data=content[:-1])
        with self.assertRaisesRegex(BadData, "not a checkpoint"):
            Generator(data=b"rows" * 999)

    def test_nothing_else_runs(self):
        """No thread and no handler of signals are made."""
        def state():
            with open("/proc/self/status", encoding="ascii") as file:
                return [line for line in file if line.startswith(("Threads", "SigCgt", "SigIgn", "SigBlk"))]
        before = state()
        with Generator(self.whole) as g:
            g.sample(300)
            g.log_likelihood(g.sample(10))
            self.assertEqual(before, state())
        self.assertEqual(before, state())

    def test_conditions(self):
        rows, file = self.conditions(200)
        with Generator(self.model) as g:
            self.assertEqual((["a", "b", "c"], ["label", "mass"]), (g.columns, g.conditions))
            self.assert_bits(self.sample(self.model)["samples"], g.sample(200, seed=9))
            self.assert_bits(self.sample(self.model, "--conditions", file, count=0)["samples"],
                             g.sample(conditions=rows, seed=9))
            one = self.sample(self.model, "--condition", "label=-2", "--condition", "mass=0.5")["samples"]
            self.assert_bits(one, g.sample(200, conditions=[[-2, 0.5]], seed=9))
            self.assertEqual(-2, g.condition_value("label", "-2"))
            g.condition(label=-2)
            with self.assertRaisesRegex(Failure, "mass"):
                g.sample(1)
            g.condition(label=-2, mass=0.5)
            self.assert_bits(one, g.sample(200, seed=9))
            self.assert_bits(one[150:], g.sample(50, seed=9, first=150))
            for wrong, kind, says in (([[3, 0]], BadData, "7"), ([[7, np.nan]], BadData, "finite"),
                                      ([[7]], Failure, "columns"), (rows[:3], Failure, "one row")):
                with self.assertRaisesRegex(kind, says):
                    g.sample(7, conditions=wrong)

    def test_a_comma_for_a_point(self):
        """In a program that has set the user's locale."""
        wanted = self.sample(self.model, "--condition", "label=-2", "--condition", "mass=0.5")["samples"]
        with unittest.mock.patch.dict(os.environ, comma_locale(self.folder)):
            self.addCleanup(locale.setlocale, locale.LC_ALL, locale.setlocale(locale.LC_ALL))
            locale.setlocale(locale.LC_ALL, "comma")
            with Generator(self.model) as g:
                g["sampling.guidance"] = 0.5
                g.condition(label=-2, mass=0.5)
                self.assert_bits(wanted, g.sample(200, seed=9))
            with Generator(self.table) as g:
                self.assertEqual(0.5, g.column_value("amount", "0.5"))

    def test_completion(self):
        rows, file = self.conditions(300)
        given = self.rows[:300].copy()
        given[np.random.default_rng(2).random(given.shape) < 0.4] = np.nan
        wanted = self.sample(self.model, "--given", self.h5("given.h5", data=given), "--steps", 5, "--resample", 2,
                             count=0)["samples"]
        wide = self.sample(self.model, "--given", self.h5("given.h5", data=given), "--steps", 5, "--conditions", file,
                           count=0)["samples"]
        with Generator(self.model) as g:
            g["sampling.steps"] = 5
            self.assert_bits(wanted, g.complete(given.copy(), passes=2, seed=9))
            fortran = np.asfortranarray(given, np.float64)
            self.assert_bits(wide.astype(np.float64), np.ascontiguousarray(
                g.complete(fortran, seed=9, conditions=rows)))
            with self.assertRaisesRegex(Failure, "passes"):
                g.complete(given.copy(), passes=0)
            with self.assertRaisesRegex(BadData, "row 1, column 2"):
                g.complete(np.array([[0, 0, 0], [0, 0, np.inf]]))

    def test_likelihood_and_bound(self):
        """The verb takes the conditions of the rows from their file."""
        with h5py.File(self.data) as file:
            rows, label, mass = (file[name][:150] for name in ("data", "label", "mass"))
        some = self.h5("some.h5", columns=["a", "b", "c"], data=rows, label=label, mass=mass)
        conditions = np.column_stack([label, mass])
        self.ddpm("evaluate", self.model, "--data", some, "--count", 150, "--samples", 0, "--likelihood", "--seed",
                  3, "--weights", "raw", "--output", self.path("e.h5"), ranks=2)
        wanted = read_h5(self.path("e.h5"))
        with Generator(self.model) as g:
            g["sampling.weights"] = "raw"
            self.assert_bits(wanted["bound/row"], g.bound(rows, seed=3, conditions=conditions))
            self.assert_bits(wanted["log_likelihood"], g.log_likelihood(rows, seed=3, conditions=conditions))
            for probes in (-2, 10**6):
                with self.assertRaisesRegex(Failure, "probes"):
                    g.log_likelihood(rows, conditions=conditions, probes=probes)
            self.assert_bits(wanted["bound/row"][70:], g.bound(rows[70:], seed=3, first=70, conditions=conditions[70:]))
            with self.assertRaisesRegex(BadData, "row 0, column 1"):
                g.bound(np.array([[0, np.nan, 0]]))

    def test_predictions(self):
        """The network is that of one step to the data: with the transform and the schedule it gives the sample."""
        with Generator(self.whole) as g:
            g["sampling.method"] = "ddim"
            g["sampling.steps"] = 1
            (_, alpha_bar), (mean, scale) = g.schedule, g.transform
            last = len(alpha_bar) - 1
            self.assertEqual((1, 50), (alpha_bar[0], last))
            rng = np.random.default_rng(3)
            xt = rng.normal(size=(200, 2))
            noise = g.predict(xt, last)
            self.assert_bits(noise[[5]], g.predict(xt[[5]], last))
            x0 = (xt - np.sqrt(1 - alpha_bar[-1]) * noise) / np.sqrt(alpha_bar[-1])
            self.assertTrue(np.isfinite(x0 * scale + mean).all())
            for t in (0, 51):
                with self.assertRaisesRegex(Failure, "1 to 50"):
                    g.predict(xt, t)

    def test_table(self):
        made = self.sample(self.table)
        kinds = [name.decode() for name in made["samples/kind"]]
        wanted = np.column_stack([[KINDS.index(name) for name in kinds], made["samples/amount"],
                                  made["samples/count"]]).astype(np.float64)
        with Generator(self.table) as g:
            place = np.array([g.column_value("kind", name) for name in KINDS])
            wanted[:, 0] = place[wanted[:, 0].astype(int)]
            self.assertEqual(("cat", "dog"), tuple(g.category("kind", value) for value in place))
            found = g.sample(200, seed=9, dtype=np.float64)
            self.assertTrue(np.array_equal(wanted, found, equal_nan=True))
            g.condition(kind="dog", amount=None)
            fixed = self.sample(self.table, "--condition", "kind=dog", "--condition", "amount=")
            rows = g.sample(200, seed=9, dtype=np.float64)
            self.assertTrue(np.array_equal(fixed["samples/count"], rows[:, 2]))
            self.assertTrue((rows[:, 0] == place[1]).all() and np.isnan(rows[:, 1]).all())
            with self.assertRaisesRegex(Failure, "did you mean"):
                g.condition(kind="dgo")
            g.condition()
            given = found.copy()
            given[:, 2] = np.nan
            given = given[~np.isnan(given).all(1) & ~np.isnan(given[:, 1])]
            done = g.complete(given.copy(), seed=1)
            self.assertFalse(np.isnan(done).any())
            self.assertTrue(np.array_equal(done[:, :2], given[:, :2]))
            self.ddpm("evaluate", self.table, "--data", self.path("made.h5") + ":samples", "--samples", 0, "--seed", 3,
                      "--output", self.path("e.h5"))
            made = read_h5(self.path("made.h5"))
            rows = np.column_stack([[place[KINDS.index(name.decode())] for name in made["samples/kind"]],
                                    made["samples/amount"], made["samples/count"]]).astype(np.float64)
            self.assert_bits(read_h5(self.path("e.h5"))["bound/row"], g.bound(rows, seed=3))
            for call in (g.log_likelihood, lambda rows: g.predict(rows, 1)):
                with self.assertRaisesRegex(Failure, "masked"):
                    call(rows)

    @contextlib.contextmanager
    def refused(self, says):
        """With a message that speaks of no option of a command line."""
        with self.assertRaisesRegex(Failure, says) as caught:
            yield
        self.assertNotRegex(str(caught.exception), "(^|[^-`'])--[a-z]")

    def test_refused_conditions(self):
        with Generator(self.model) as g, Generator(self.table) as table:
            for one, given, says in ((g, {"label": 8}, "'label'.* have are -2, 7"),
                                     (g, {"labels": 7}, "give NAME=VALUE"),
                                     (g, {"mass": "heavy"}, "expected a number"),
                                     (table, {"colour": "cat"}, "no column 'colour'"),
                                     (table, {"kind": "cow"}, "condition kind=cow: the column has no")):
                with self.subTest(given), self.refused(says):
                    one.condition(**given)
            g.condition(label=7)
            with self.refused("conditions: the model's conditions are label, mass; give NAME=VALUE for each"):
                g.sample(1)

    def test_refusals(self):
        with Generator(self.whole) as g:
            for key, value, says in (("sampling.steps", "-3", "steps"), ("training.batch", "9", "sampling"),
                                     ("sampling.nothing", "1", "nothing")):
                with self.refused(says):
                    g[key] = value
            with self.refused("data.condition"):
                g.condition(label=1)
            with self.assertRaisesRegex(Failure, "columns"):
                g.sample(out=np.empty((3, 5)))
            with self.assertRaisesRegex(Failure, "from -1"):
                g.sample(3, first=-1)
            g["sampling.guidance"] = 2
            with self.assertRaises(Failure):
                g.sample(1)
            g["sampling.guidance"] = 0
            g["sampling.precision"] = "bfloat16"
            with self.assertRaisesRegex(Failure, "share its weights"):
                g.sample(1)
            g["sampling.precision"] = "float32"
            g["sampling.steps"] = 51
            with self.assertRaisesRegex(Failure, "1 to 50"):
                g.sample(1)
            g["sampling.steps"] = 50
            self.assertEqual((2, 2), g.sample(2).shape)

    def test_a_generator_that_is_not_open_is_refused(self):
        """What follows an opening whose status nobody looked at, or a close, ends no program."""
        rows = np.zeros((2, 2))
        g = Generator(self.whole)
        g.close()
        for call in (lambda: g.sample(out=rows), lambda: g.complete(rows), lambda: g.bound(rows), g.share,
                     lambda: g.log_likelihood(rows), lambda: g.predict(rows, 1), lambda: g.condition(label=1),
                     lambda: g.__setitem__("sampling.steps", 5)):
            with self.assertRaisesRegex(Failure, "no generator is open"):
                call()
        opened = ctypes.c_void_p()
        for call in (lambda: library().ddpm_generator_open(None, ctypes.byref(opened)),
                     lambda: library().ddpm_generator_open_bytes(None, 3, ctypes.byref(opened))):
            self.assertEqual((call(), opened.value), (1, None))
            self.assertIn(b"found NULL", library().ddpm_error_message())

    def test_null_is_refused(self):
        """In place of a text, an array or a result; of two arrays that may be left out, one can be."""
        g, number = Generator(self.whole), ctypes.c_double()
        rows = np.zeros((1, 3))
        handle, one = g._handle, ctypes.byref(view(rows))  # pylint: disable=protected-access
        for name, arguments, says in (
                ("open", (self.whole.encode(), None), b"out"),
                ("open", (b"", ctypes.byref(ctypes.c_void_p())), b"empty"),
                ("open_bytes", (b"a", 1, None), b"out"), ("share", (handle, None), b"out"),
                ("condition_value", (handle, 0, b"7", None), b"out"),
                ("condition_value", (handle, 0, None, ctypes.byref(number)), b"text"),
                ("likelihood", (handle, 0, 0, 0, None, one, None), b"out"),
                ("bound", (handle, 0, 0, None, one, None), b"out"),
                ("predict", (handle, one, None, None, one), b"t: ")):
            with self.subTest(name=name, says=says):
                self.assertEqual(1, getattr(library(), "ddpm_generator_" + name)(*arguments))
                self.assertIn(says, library().ddpm_error_message())
        only = np.zeros(library().ddpm_generator_steps(handle) + 1)
        library().ddpm_generator_schedule(handle, None, only.ctypes.data)
        library().ddpm_generator_transform(handle, None, None)
        self.assertEqual(1, only[0])


if __name__ == "__main__":
    main()
