#!/usr/bin/python3
"""The masked process on a table whose distribution is known: the bound comes down to the entropy, samples have the
right shares, given columns are conditions, and bits do not depend on ranks. Run: ctest --preset dev -R cli.masked
"""
import json
import os
import tempfile
import unittest

import h5py
import numpy as np

from program import SMALL, Case, checkpoints, latest, read_h5, read_metrics, run, settings
from skipped import main

USAGE, DATA, CONFIG = 64, 65, 78
ROWS, SAMPLES = 20000, 20000
SETTINGS = {**SMALL, "data.source": "hdf5", "data.dataset": "table", "network.width": 64, "network.dropout": 0.05,
            "training.iterations": 500, "training.batch": 256, "training.keep_best": "true", "sampling.weights": "best"}

# kind decides colour, whether the amount is there, and where it lies; a tenth of the amounts is exactly 7.
KINDS, COLOURS = ("cat", "dog", "élan"), ("blue", "red")
KIND_SHARES = np.array([0.6, 0.3, 0.1])
BLUE = np.array([0.9, 0.2, 0.5])      # share of blue, by kind
GAP = np.array([0.0, 0.5, 0.1])       # share of rows without amount, by kind
MIDDLE = np.array([0.0, 1000.0, -50.0])
SPIKE, SPIKE_SHARE = 7.0, 0.1


def entropy(shares):
    shares = np.asarray(shares)
    return -(shares[shares > 0] * np.log(shares[shares > 0])).sum()


def draw(rows, rng):
    """(kind, colour, amount, count), each [rows]; count is a whole number of its own."""
    kind = rng.choice(3, rows, p=KIND_SHARES)
    colour = (rng.random(rows) > BLUE[kind]).astype(np.int8)
    amount = np.where(rng.random(rows) < SPIKE_SHARE, SPIKE, MIDDLE[kind] + rng.normal(size=rows))
    return kind, colour, np.where(rng.random(rows) < GAP[kind], np.nan, amount), rng.integers(-3, 4, rows)


def write_table(path, kind, colour, amount, count, names=KINDS):
    with h5py.File(path, "w") as file:
        group = file.create_group("table", track_order=True)
        codes = {name: i * 5 - 3 for i, name in enumerate(names)}
        group.create_dataset("kind", data=kind, dtype=h5py.enum_dtype(codes))
        group["kind"][:] = np.asarray(kind) * 5 - 3
        group.create_dataset("colour", data=[COLOURS[i] for i in colour], dtype=h5py.string_dtype())
        group["amount"] = amount
        group["amount"].attrs["units"] = "days since 1970-01-01"
        group["count"] = np.asarray(count, dtype="i2")


def read_samples(path, group="samples"):
    """{column: values}, categories by name, gaps as NaN or None."""
    found = {}
    with h5py.File(path) as file:
        for name, column in file[group].items():
            names = h5py.check_enum_dtype(column.dtype)
            values = column[()]
            if names:
                by_code = {code: text for text, code in names.items()}
                values = np.array([by_code[code] for code in values])
            elif h5py.check_string_dtype(column.dtype):
                values = np.char.decode(values.astype("S"), "utf-8")
            found[name] = values
    return found


def setUpModule():
    temporary = tempfile.TemporaryDirectory(prefix="ddpm masked ")
    unittest.addModuleCleanup(temporary.cleanup)
    Masked.made = temporary.name
    write_table(Masked.at("table.h5"), *draw(ROWS, np.random.default_rng(0)))
    for result in (Masked.learn("run"), run("sample", Masked.at("run"), "--count", SAMPLES, "--seed", 3, "--output",
                                            Masked.at("s.h5"))):
        assert result.code == 0, str(result)


class Masked(Case):
    made = ""

    @classmethod
    def at(cls, name):
        return os.path.join(cls.made, name)

    @classmethod
    def command(cls, name, values=()):
        return ("train", "/dev/null", *settings({**SETTINGS, "data.path": cls.at("table.h5"), **dict(values)}),
                "--output", cls.at(name))

    @classmethod
    def learn(cls, name, values=(), **more):
        return run(*cls.command(name, values), **more)

    def share(self, values, wanted, tolerance=0.03):
        self.assertAlmostEqual(np.mean(values), wanted, delta=tolerance)

    def test_bound(self):
        """Of the categories and the spike it is exact; an amount is in one of 128 bins of its own."""
        path = self.path("e.json")
        self.ddpm("evaluate", self.at("run"), "--samples", 0, "--json", path)
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        kind = entropy(KIND_SHARES)
        colour = sum(p * entropy([b, 1 - b]) for p, b in zip(KIND_SHARES, BLUE))
        there = sum(p * entropy([g, 1 - g]) for p, g in zip(KIND_SHARES, GAP))
        spike = (KIND_SHARES * (1 - GAP)).sum() * entropy([SPIKE_SHARE, 1 - SPIKE_SHARE])
        # bins have equal shares of all amounts that are no spikes, so a kind's amounts fill its share of them evenly
        shares = KIND_SHARES * (1 - GAP)
        bins = (1 - SPIKE_SHARE) * (shares * np.log(128 * shares / shares.sum())).sum()
        exact = kind + colour + there + spike + bins + np.log(7)
        self.assertGreater(found["bound"]["nats"], exact - 4 * found["bound_error"])
        self.assertLess(found["bound"]["nats"], exact + 0.12 + 4 * found["bound_error"])
        self.assertGreater(found["independent"], exact + 0.5)

    def test_samples(self):
        s = read_samples(self.at("s.h5"))
        gap, spike = np.isnan(s["amount"]), s["amount"] == SPIKE
        for k, name in enumerate(KINDS):
            mine = s["kind"] == name
            self.share(mine, KIND_SHARES[k])
            self.share(s["colour"][mine] == "blue", BLUE[k], 0.04)
            self.share(gap[mine], GAP[k], 0.04)
            self.share(spike[mine & ~gap], SPIKE_SHARE, 0.03)
            rest = s["amount"][mine & ~gap & ~spike]
            self.assertAlmostEqual(np.median(rest), MIDDLE[k], delta=0.15)
            spread = np.diff(np.quantile(rest, [0.15, 0.85]))[0] / 2.073  # of the middle, without other kinds' amounts
            self.assertAlmostEqual(spread, 1.0, delta=0.15)
        self.assertEqual(s["count"].dtype, np.dtype("i2"))
        self.assertEqual(set(s["count"]), set(range(-3, 4)))

    def test_given_columns(self):
        out = self.path("c.h5")
        self.ddpm("sample", self.at("run"), "--count", 4000, "--condition", "kind=dog", "--condition", "amount=",
                  "--output", out)
        s = read_samples(out)
        self.assertTrue((s["kind"] == "dog").all() and np.isnan(s["amount"]).all())
        self.share(s["colour"] == "blue", BLUE[1], 0.04)
        self.ddpm("sample", self.at("run"), "--count", 4000, "--condition", "colour=red", "--condition",
                  "amount=999.25", "--output", out)
        s = read_samples(out)
        self.assertTrue((s["amount"] == 999.25).all())
        self.share(s["kind"] == "dog", 1.0, 0.02)
        for text, says in (("kind=cow", "did you mean"), ("knd=cat", "did you mean 'kind'"),
                           ("amount=x", "a number of days since 1970-01-01"),
                           ("colour=", "no training row has this gap")):
            self.fails(USAGE, "sample", self.at("run"), "--count", 1, "--condition", text, "--output", out, says=[says])
        self.fails(USAGE, "sample", self.at("run"), "--count", 1, "--condition", "kind=cat", "--condition", "kind=dog",
                   "--output", out, says=["kind=dog", "a value already"])
        warned = self.ddpm("sample", self.at("run"), "--count", 1, "--condition", "amount=1e6", "--output", out)
        self.assertIn("beyond the training rows", warned.stderr)

    def test_completion(self):
        """Rows of a file whose names stand in another order; NaN is what is not known."""
        rng = np.random.default_rng(5)
        kind, colour, _, count = draw(3000, rng)
        given, out = self.path("given.h5"), self.path("completed.h5")
        order = [2, 0, 1]
        write_table(given, [order.index(k) for k in kind], colour, np.full(3000, np.nan), count,
                    names=[KINDS[k] for k in order])
        self.ddpm("sample", self.at("run"), "--given", given, "--output", out)
        s = read_samples(out)
        self.assertEqual([KINDS[k] for k in kind], list(s["kind"]))
        self.assertEqual(list(count), list(s["count"]))
        for k in range(3):
            self.share(np.isnan(s["amount"][kind == k]), GAP[k], 0.06)
        write_table(given, kind, colour, np.full(3000, np.nan), count, names=["cat", "cow", "élan"])
        self.fails(DATA, "sample", self.at("run"), "--given", given, "--output", out, says=["no training row has"])

    def test_same_bits(self):
        short = {"training.iterations": 24, "training.validate_every": 12}
        runs = [("one", 0, 1, short), ("threads", 0, 3, short), ("ranks", 3, 1, short)]
        for name, ranks, threads, values in runs:
            self.assertEqual(self.learn(name, values, ranks=ranks, threads=threads).code, 0)
        for name, *_ in runs[1:]:
            self.assert_same_bits(latest(self.at("one")), latest(self.at(name)))
        self.ddpm("sample", self.at("one"), "--count", 300, "--output", self.path("1.h5"))
        self.ddpm("sample", self.at("ranks"), "--count", 300, "--output", self.path("3.h5"), ranks=3)
        self.assert_same_bits(self.path("1.h5"), self.path("3.h5"))

    def test_resume(self):
        self.assertEqual(self.learn("whole", {"training.iterations": 20, "training.validate_every": 5}).code, 0)
        values = {"training.iterations": 20, "training.validate_every": 5, "checkpoint.every": 7, "checkpoint.keep": 0}
        self.assertEqual(self.learn("parts", values).code, 0)
        for iteration in (14, 20):
            os.remove(os.path.join(self.at("parts"), "checkpoints", f"step-{iteration:09}.h5"))
        self.assertEqual(self.learn("parts", values, ranks=2).code, 0)
        self.assert_same_bits(latest(self.at("whole")), latest(self.at("parts")))
        losses = [(float(row["validation_loss"]), int(row["iteration"])) for row in read_metrics(self.at("whole"))
                  if row["validation_loss"]]
        with h5py.File(latest(self.at("whole"))) as file:
            self.assertAlmostEqual(min(losses)[0], file.attrs["best_loss"], places=5)
            self.assertEqual(min(losses)[1], file.attrs["best_iteration"])

    def test_few_rows(self):
        """Are not learned by heart: the run ends when the held-out loss rises, and has kept the average before."""
        write_table(self.at("few.h5"), *draw(150, np.random.default_rng(5)))
        values = {"data.path": self.at("few.h5"), "training.iterations": 100000, "training.validate_every": "auto",
                  "training.patience": 3, "network.width": 32, "network.dropout": 0}
        said = self.learn("few", values)
        self.assertIn("training.patience", said.stderr, said)
        losses = {int(row["iteration"]): float(row["validation_loss"]) for row in read_metrics(self.at("few"))
                  if row["validation_loss"]}
        best, last = min(losses, key=losses.get), max(losses)
        self.assertEqual(sorted(losses), list(range(5, last + 1, 5)))     # ten passes over 135 rows
        self.assertEqual(last, best + 3 * 5)
        self.assertIn(f"least at iteration {best} ", said.stderr)
        again = self.learn("few", values).stderr
        self.assertIn(f"ended at iteration {last}, since its held-out loss no longer fell", again)

    def test_shortened(self):
        """A run that has stalled begins again, and its learning rate comes to its end soon after the best iteration; so
        does a finished one that is asked to, at any number of ranks."""
        write_table(self.at("little.h5"), *draw(150, np.random.default_rng(5)))
        values = {"data.path": self.at("little.h5"), "training.iterations": 5000, "training.validate_every": 5,
                  "training.patience": 3, "training.decay": "cosine", "training.warmup": 20, "network.width": 32,
                  "network.dropout": 0, "run.report_every": 5, "checkpoint.every": 7, "checkpoint.keep": 0}
        self.learn("stalled", values)
        losses = {int(row["iteration"]): float(row["validation_loss"]) for row in read_metrics(self.at("stalled"))}
        best = min(losses, key=losses.get)
        wanted = best + (best + 1) // 2
        values["training.shorten"] = "true"
        for name, ranks in (("short", 1), ("stalled", 2)):
            said = self.learn(name, values, ranks=ranks).stderr
            self.assertIn(f"at iteration {best}; the run begins again, for {wanted} iterations", said)
        last = read_metrics(self.at("short"))[-1]
        self.assertEqual(int(last["iteration"]), wanted)
        self.assertLess(float(last["learning_rate"]), 1e-2 * max(float(row["learning_rate"])
                                                                 for row in read_metrics(self.at("short"))))
        self.assert_same_bits(latest(self.at("short")), latest(self.at("stalled")))
        self.assertEqual(checkpoints(self.at("stalled")),                           # none of the longer run is left
                         [f"step-{i:09}.h5" for i in (*range(7, wanted, 7), wanted)])
        os.remove(os.path.join(self.at("stalled"), "checkpoints", f"step-{wanted:09}.h5"))
        self.assertIn(f"iteration {(wanted - 1) // 7 * 7}", self.learn("stalled", values).stderr)
        self.assert_same_bits(latest(self.at("short")), latest(self.at("stalled")))
        self.assertIn(f"has all {wanted} iterations already", self.learn("short", values).stderr)
        said = self.ddpm("info", latest(self.at("short"))).stdout
        self.assertIn(f"iteration {wanted} of {wanted}\n", said)

    def test_arrays(self):
        """An array of numbers may ask for it, and gets an array back. Numbers keep their decimals, and a sum that is
        its only part in most rows is so in as many samples, whichever is given; two that are near stay so."""
        rng = np.random.default_rng(1)
        numbers = rng.normal(size=(3000, 4))
        numbers[:, 3] = numbers[:, 1] + 2e-3 * rng.exponential(size=3000)
        numbers[:, 2] = numbers[:, 0] + np.where(rng.random(3000) < 0.7, 0, rng.exponential(size=3000))
        data = self.h5("numbers.h5", data=np.round(numbers, 4).astype("f4"))
        values = {**SETTINGS, "data.path": data, "data.dataset": "data", "training.iterations": 30}
        values.pop("diffusion.steps")
        self.ddpm("train", "/dev/null", *settings({**values, "diffusion.process": "masked"}), "--output",
                  self.path("array"))
        self.ddpm("sample", self.path("array"), "--count", 2000, "--output", self.path("a.h5"))
        samples = read_h5(self.path("a.h5"))["samples"]
        self.assertEqual((samples.shape, samples.dtype), ((2000, 4), np.dtype("f4")))
        with h5py.File(data) as file:
            rows = file["data"][()]
        self.assertTrue((samples >= rows.min(axis=0)).all() and (samples <= rows.max(axis=0)).all())
        self.assertAlmostEqual(samples[:, 1].std(), 1, delta=0.06)
        self.assertTrue((np.round(samples.astype("f8"), 4).astype("f4") == samples).all())
        self.share(samples[:, 0] == samples[:, 2], np.mean(rows[:, 0] == rows[:, 2]), 0.05)
        near, wanted = (np.quantile(x[:, 3].astype("f8") - x[:, 1], [0.02, 0.5, 0.95]) for x in (samples, rows))
        self.assertTrue(np.allclose(near, wanted, rtol=0.2, atol=1.1e-4), (near, wanted))
        for column in (0, 2):
            given = np.full((2000, 4), np.nan, "f4")
            given[:, column] = rows[:2000, column]
            self.ddpm("sample", self.path("array"), "--given", self.h5("given.h5", data=given), "--output",
                      self.path("b.h5"))
            made = read_h5(self.path("b.h5"))["samples"]
            self.assertTrue((made[:, column] == given[:, column]).all())
            self.share(made[:, 0] == made[:, 2], np.mean(rows[:, 0] == rows[:, 2]), 0.05)
        self.ddpm("sample", self.path("array"), "--count", 2000, "--output", self.path("3.h5"), ranks=3)
        self.assert_same_bits(self.path("a.h5"), self.path("3.h5"))
        self.ddpm("export", self.path("array"), "--output", self.path("m.safetensors"))
        self.ddpm("import", self.path("m.safetensors"), "--output", self.path("m.h5"))
        self.ddpm("sample", self.path("m.h5"), "--count", 2000, "--output", self.path("m.out.h5"))
        self.assertTrue((read_h5(self.path("m.out.h5"))["samples"] == samples).all())
        for exact, code in (("false", CONFIG), ("true", 0)):
            again = self.ddpm("train", "/dev/null",
                              *settings({**values, "diffusion.process": "masked", "data.exact": exact}),
                              "--output", self.path("array"), code=code)
            self.assertEqual("data.exact was true when this run began and is false now; restore it" in again.stderr,
                             code == CONFIG)

    def test_exported(self):
        """With its vocabulary: what is imported again makes the same rows; one that does not fit is refused."""
        file, model = self.path("m.safetensors"), self.path("m.h5")
        self.ddpm("export", self.at("run"), "--output", file)
        self.ddpm("import", file, "--output", model)
        self.ddpm("sample", self.at("run"), "--count", 300, "--output", self.path("a.h5"))
        self.ddpm("sample", model, "--count", 300, "--output", self.path("b.h5"))
        self.assert_same_bits(self.path("a.h5"), self.path("b.h5"))
        self.fails(USAGE, "export", self.at("run"), "--format", "onnx", "--output", self.path("m.onnx"),
                   says=["its rows are tokens", "safetensors"])
        with open(file, "rb") as opened:
            data = opened.read()
        end = 8 + int.from_bytes(data[:8], "little")

        def refused(change, says):
            header, numbers = json.loads(data[8:end]), bytearray(data[end:])
            change(header, numbers)
            text = json.dumps(header).encode()
            with open(self.path("x.safetensors"), "wb") as changed:
                changed.write(len(text).to_bytes(8, "little") + text + numbers)
            self.fails(DATA, "import", changed.name, "--output", self.path("x.h5"), says=["x.safetensors", *says])

        def set_number(name, place, value):
            def change(header, numbers):
                at = header[name]["data_offsets"][0] + 8 * place
                numbers[at:at + 8] = value.to_bytes(8, "little")
            return change
        refused(lambda header, _: header["vocabulary.spike"].update(shape=[1, *header["vocabulary.spike"]["shape"]]),
                ["'vocabulary.spike' has another shape"])
        refused(lambda header, _: header["vocabulary.gap"].update(dtype="F64"), ["vocabulary.gap", "I64", "F64"])
        refused(lambda header, _: header.update({"vocabulary.gaps": header.pop("vocabulary.gap")}),
                ["'vocabulary.gap' is missing"])
        refused(lambda header, _: header["__metadata__"].update(vocabulary_name='["cat"]'),
                ["vocabulary_name", "a list of 5 texts"])
        refused(set_number("vocabulary.bins", 2, 127), ["'vocabulary.knot' has another shape"])
        refused(set_number("vocabulary.categories", 0, 1 << 40), ["vocabulary/categories", "element 0"])

    def test_refused(self):
        for values, says in (({"diffusion.process": "gaussian"}, "diffusion.process"),
                             ({"data.condition": "[kind]"}, "can be given when sampling")):
            self.fails(CONFIG, *self.command("refused", values), says=[says])
        self.fails(USAGE, "sample", self.at("run"), "--count", 1, "--trajectory", 2, "--output", self.path("t.h5"),
                   says=["--trajectory"])
        self.fails(USAGE, "evaluate", self.at("run"), "--likelihood", says=["--likelihood"])
        self.fails(USAGE, "sample", self.at("run"), "--count", 1, "--sampler", "ddim", "--output", self.path("t.h5"),
                   says=["has no effect", "masked"])
        for verb in (("forward", "--count", 9, "--output", self.path("f.h5")),
                     ("schedule", "--set", "diffusion.process=masked")):
            self.fails(CONFIG, verb[0], "/dev/null", "--set", "data.source=hdf5", "--set",
                       f"data.path={self.at('table.h5')}", *verb[1:], says=["diffusion.process: masked"])
        self.fails(CONFIG, *self.command("refused", {"diffusion.process": "masked"}),
                   says=["diffusion.steps", "has no effect"])


if __name__ == "__main__":
    main()
