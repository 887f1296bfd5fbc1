"""MATLAB's files of version 7.3, which are HDF5: arrays lie transposed, and texts are arrays of characters."""
import h5py
import numpy as np

from ..failures import BadData
from ..hdf5 import text_of
from .columns import Column
from .hdf5 import LISTED, ReaderTable, typed_column


def class_of(node):
    return text_of(node.attrs["MATLAB_class"]) if "MATLAB_class" in node.attrs else ""


def is_kind(file):
    return any(class_of(node) for name, node in file.items() if name != "#refs#")


def shape_of(dataset):
    """As MATLAB shows it."""
    return dataset.shape[::-1]


def text_in(file, reference):
    """The text of one cell; None for one that holds no text."""
    node = file[reference]
    if class_of(node) != "char" or "MATLAB_empty" in node.attrs:
        return "" if "MATLAB_empty" in node.attrs else None
    return "".join(map(chr, node[()].T.ravel())).strip()


def variables(group, prefix=""):
    """(name, dataset) of all arrays, those in structures too."""
    for name, node in group.items():
        if name.startswith("#"):
            continue
        if isinstance(node, h5py.Group):
            yield from variables(node, f"{prefix}{name}.")
        elif "MATLAB_empty" not in node.attrs:
            yield prefix + name, node


def is_readable(dataset):
    kind = class_of(dataset)
    return kind in ("double", "single", "logical", "char", "cell") or kind.lstrip("u").startswith("int")


def columns_of(file, name, dataset, rows):
    """[(Column, function)] of a variable with that many rows; a row vector stands for a column."""
    kind = class_of(dataset)
    shape = shape_of(dataset)
    flat = len(shape) == 2 and shape[0] == 1 != rows
    if kind == "cell":
        texts = [text_in(file, reference) for reference in dataset[()].T.ravel()]
        if len(texts) == rows and None not in texts:
            return [(Column(name, is_text=True), lambda start, stop: texts[start:stop])]
        return [(Column(name, unreadable="cells that are no texts"), None)]
    if kind == "char":
        width = int(np.prod(shape[1:], dtype=np.int64))
        return [(Column(name, is_text=True), lambda start, stop: [
            "".join(map(chr, row)).strip() for row in dataset[..., start:stop].T.reshape(-1, width)])]
    if not is_readable(dataset):
        return [(Column(name, unreadable=f"MATLAB's class {kind or 'unknown'}"), None)]
    if flat:
        return typed_column(name, dataset.dtype, lambda start, stop: dataset[start:stop, 0])
    return typed_column(name, dataset.dtype, lambda start, stop: dataset[..., start:stop].T, shape[1:])


def rows_of(dataset):
    shape = shape_of(dataset)
    return shape[1] if len(shape) == 2 and shape[0] == 1 else shape[0]


def open_table(file, path, wanted):
    found = [(name, dataset) for name, dataset in variables(file) if class_of(dataset)]
    if wanted is not None:
        name = wanted.strip("/").replace("/", ".")
        found = [pair for pair in found if pair[0] == name or pair[0].startswith(name + ".")]
    sizes = {}
    for name, dataset in found:
        if is_readable(dataset) and (class_of(dataset) != "char" or shape_of(dataset)[0] > 1):
            sizes[rows_of(dataset)] = sizes.get(rows_of(dataset), 0) + dataset.size
    if not sizes:
        where = f" under {wanted!r}" if wanted else ""
        raise BadData(f"{path}: no arrays of numbers or texts{where}; write a table of MATLAB's as CSV with: "
                      "writetable(T, 'table.csv')")
    rows = max(sizes, key=sizes.get)
    taken = [(name, dataset) for name, dataset in found if rows_of(dataset) == rows]
    left = [name for name, _ in found if name not in dict(taken)]
    notes = [f"table: MATLAB's arrays of {rows} rows (they lie transposed in the file)"]
    notes += [f"not taken: {', '.join(left[:LISTED])}, of other sizes; FILE.mat:NAME takes one"] * bool(left)
    short = len({name.rpartition(".")[0] for name, _ in taken}) == 1
    return ReaderTable(path, rows, [pair for name, dataset in taken for pair in columns_of(
        file, name.rpartition(".")[2] if short else name, dataset, rows)], notes)
