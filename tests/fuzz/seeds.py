#!/usr/bin/python3
"""Write the seeds of the fuzzers' corpus anew: DDPM=build/dev/ddpm tests/fuzz/seeds.py. Findings are kept beside them
by hand."""
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
USER_BLOCK = 512  # of a checkpoint: the digest, which the fuzzer writes

CONFIGS = {
    "small": "training: {batch: 8, iterations: 5}\ndata:\n  source: hdf5\n  path: a.h5\n  columns: [a, 'b c', 3]\n",
    "schedule": "diffusion:\n  steps: 2\n  schedule: {kind: table, values: [0.1, 2e-1]}\n",
    "nested": "run: {{{{[[[[[[[[{a: [b, {c: d}]}]]]]]]]]}}}}\n",
    "alias": "run: &a {name: x}\ndata: *a\n<<: *a\n",
    "twice": "run: {name: x}\nrun: {name: y}\n",
    "bytes": b"run: {name: \"\\xff\\u0000\xc3\x28\"}\n",
    "block": "run:\n  name: |\n    a\n    b\n  seed: 0x10\n",
    "documents": "%YAML 1.1\n--- !!map\nrun: {seed: 1}\n...\n---\nrun: {seed: 2}\n",
    "set": "=training.learning_rate=1e-3",
    "set_list": "=data.columns=[a, 1]",
}


def write(kind, name, content):
    os.makedirs(os.path.join(CORPUS, kind), exist_ok=True)
    with open(os.path.join(CORPUS, kind, name), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def data(name, fill, **options):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.h5")
        with h5py.File(path, "w", **options) as file:
            fill(file)
        with open(path, "rb") as file:
            write("data", name, file.read())


def plain(file):
    file["data"] = np.arange(12, dtype=np.float32).reshape(6, 2)
    file["data"].attrs["columns"] = ["x", "y"]


def fixed_names(file):
    file["data"] = np.arange(12, dtype=np.int16).reshape(6, 2)
    file["data"].attrs["columns"] = np.array([b"x", b"y"])


def chunked(file):
    file.create_dataset("data", data=np.arange(60, dtype=np.float64).reshape(20, 3), chunks=(4, 3), compression="gzip",
                        shuffle=True, fletcher32=True)


def links(file):
    file["data"] = h5py.ExternalLink("/etc/passwd", "/x")
    file["a"] = h5py.SoftLink("/b")
    file["b"] = h5py.SoftLink("/a")
    file.create_group("g")["up"] = file["/"]


def odd_types(file):
    file["data"] = np.zeros(3, dtype=[("x", "f4"), ("y", "i8")])
    file.create_dataset("refs", data=np.array([file["data"].ref], dtype=h5py.ref_dtype))
    file.create_dataset("text", data=["a", "bc"], dtype=h5py.string_dtype())
    file.create_dataset("null", data=h5py.Empty("f4"))


def virtual(file):
    layout = h5py.VirtualLayout(shape=(4, 2), dtype="f4")
    layout[:2] = h5py.VirtualSource("/etc/passwd", "x", shape=(2, 2))
    file.create_virtual_dataset("data", layout)
    file.create_dataset("far", (4,), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def vast(file):
    file.create_dataset("data", (1 << 40, 2), "f4", chunks=(1024, 2))


def table(file, name="data", rows=20):
    group = file.create_group(name, track_order=True)
    group.create_dataset("kind", data=np.arange(rows) % 3,
                         dtype=h5py.enum_dtype({"a": 0, "b": 1, "gap": 2}, basetype="i1"))
    group["kind"].attrs["gap"] = "gap"
    group.create_dataset("text", data=[("x", "yz", "")[i % 3] for i in range(rows)], dtype=h5py.string_dtype())
    group.create_dataset("fixed", data=np.array([b"p", b"", b"qr", b"s"] * (rows // 4)))
    group["real"] = np.where(np.arange(rows) % 4 == 0, np.nan, np.linspace(0, 1, rows) ** 2)
    group["day"] = (np.arange(rows) - 1).astype("i2")
    group["day"].attrs.update(gap=-1, units="days since 1970-01-01")


def records(file):
    kind = h5py.enum_dtype({"a": 0, "b": 1}, basetype="i1")
    rows = np.zeros(6, dtype=[("kind", kind), ("text", "S3"), ("real", "f4"), ("count", "u8")])
    rows["text"] = [b"x", b"yz", b"", b"x", b"x", b"abc"]
    file["data"] = rows


def checkpoint(name, *more):
    values = ["network.width=2", "network.depth=1", "training.batch=8", "training.iterations=1",
              "parallel.block_rows=8", "training.validate_every=0", *more]
    with tempfile.TemporaryDirectory() as folder:
        words = [word for value in values for word in ("--set", value)]
        with h5py.File(os.path.join(folder, "table.h5"), "w") as file:
            table(file)
        subprocess.run([os.environ["DDPM"], "train", "/dev/null", *words, "--output", "run"], cwd=folder, check=True,
                       stderr=subprocess.DEVNULL)
        with open(os.path.join(folder, "run/checkpoints/latest.h5"), "rb") as file:
            write("checkpoint", name, file.read()[USER_BLOCK:])


def exchange(name, *more):
    values = ["network.width=2", "network.depth=1", "training.batch=8", "training.iterations=1",
              "training.validate_every=0", *more]
    with tempfile.TemporaryDirectory() as folder:
        words = [word for value in values for word in ("--set", value)]
        with h5py.File(os.path.join(folder, "table.h5"), "w") as file:
            table(file)
        for verb in (["train", "/dev/null", *words, "--output", "run"], ["export", "run", "--output", "file"]):
            subprocess.run([os.environ["DDPM"], *verb], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        with open(os.path.join(folder, "file"), "rb") as file:
            write("exchange", name, file.read())


def main():
    for name, text in CONFIGS.items():
        write("config", name + ".yaml", text)
    for fill in (plain, fixed_names, chunked, links, odd_types, virtual, vast, table, records):
        data(f"{fill.__name__}.h5", fill)
    for fill in (plain, chunked):
        data(f"{fill.__name__}_latest.h5", fill, libver="latest")
    noise = ("network.time_width=2", "diffusion.steps=2", "data.count=20")
    checkpoint("small.h5", *noise)
    checkpoint("conditions.h5", *noise, "data.source=two_moons", "data.condition=[label]")
    checkpoint("masked.h5", "data.source=hdf5", "data.path=table.h5", "data.validation=0")
    checkpoint("everything.h5", *noise, "data.source=two_moons", "data.condition=['number:label']",
               "diffusion.timesteps=importance", "diffusion.variance=learned", "diffusion.loss=vlb")
    few = ("diffusion.steps=2", "data.count=20")
    exchange("small.safetensors", *few, "network.features=0", "network.time_width=2")
    exchange("masked.safetensors", "data.source=hdf5", "data.path=table.h5", "data.validation=0")
    exchange("conditions.safetensors", *few, "data.source=two_moons", "data.condition=[label]", "network.kind=mlp",
             "network.time=gain_table", "network.features=1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
