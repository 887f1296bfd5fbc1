"""What pandas' to_hdf writes, fixed and as tables, read without PyTables: that would run whatever code a file holds in
the place of names, which are pickled."""
import io
import pickle

import h5py
import numpy as np

from .. import durations
from ..failures import BadData
from ..frames import SECONDS
from ..hdf5 import text_of
from .columns import Column
from .hdf5 import ReaderTable, texts_of

SAFE = {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
        ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "_reconstruct")}


class Unpickler(pickle.Unpickler):
    """Lists, texts and arrays only: nothing in the file can call anything."""

    def find_class(self, module, name):
        if (module, name) not in SAFE:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a list of names")
        return super().find_class(module.replace("numpy._core", "numpy.core"), name)


def unpickled(value, what):
    try:
        return Unpickler(io.BytesIO(bytes(value))).load()
    except Exception as error:
        raise BadData(f"{what}: not a list of names or texts ({error})") from None


def kind_of(node):
    return text_of(node.attrs["pandas_type"]) if isinstance(node, h5py.Group) and "pandas_type" in node.attrs else ""


def frames_of(file):
    found = []
    file.visititems(lambda name, node: found.append(name) if kind_of(node) and "/meta/" not in f"/{name}/" else None)
    return found


def is_kind(file):
    return bool(frames_of(file))


def column_of(name, values, value_type=""):
    """(Column, function) of values in memory."""
    if value_type.startswith(("datetime", "timedelta")):
        is_date = value_type.startswith("datetime")
        units, form = (SECONDS, "") if is_date else (durations.UNITS, "D days HH:MM:SS")
        gaps = values == np.iinfo(np.int64).min
        whole = not (values[~gaps] % 10**9).any()
        seconds = np.ma.array(values // 10**9 if whole else values / 1e9, mask=gaps)
        return Column(name, found=f"in {units}", units=units, format=form), lambda start, stop: seconds[start:stop]
    if values.dtype.kind in "OSU":
        gaps = [item is None or item != item for item in values]
        texts = ["" if gap else text for text, gap in zip(texts_of(values), gaps)]
        return Column(name, is_text=True), lambda start, stop: texts[start:stop]
    return Column(name), lambda start, stop: np.ma.asarray(values[start:stop])


# ---- fixed

def values_in(dataset):
    """A block's values; objects are pickled."""
    if h5py.check_vlen_dtype(dataset.dtype):
        return np.asarray(unpickled(dataset[0], dataset.name), object)
    values = dataset[()]
    if "shape" in dataset.attrs and values.size <= 1 and np.prod(dataset.attrs["shape"]) == 0:
        return np.zeros(dataset.attrs["shape"])
    return values


def names_in(dataset):
    values = values_in(dataset)
    return texts_of(values) if values.dtype.kind in "OSU" else [str(value) for value in values.tolist()]


def fixed_columns(group):
    if kind_of(group) == "series":
        return [column_of("values", values_in(group["values"]), text_of(group["values"].attrs.get("value_type", "")))]
    order = names_in(group["axis0"])
    found = {}
    for block in range(int(group.attrs["nblocks"])):
        dataset = group[f"block{block}_values"]
        values = values_in(dataset)
        kind = text_of(dataset.attrs.get("value_type", ""))
        for index, name in enumerate(names_in(group[f"block{block}_items"])):
            found.setdefault(name, []).append(column_of(name, values[:, index], kind))
    return [found[name].pop(0) for name in order if found.get(name)]


# ---- tables

def categories_of(group, field):
    """The texts of a column of categories, or None."""
    node = group.get(f"meta/{field}/meta/table")
    if node is None:
        return None
    values = node["values"] if "values" in node.dtype.names else node["values_block_0"][:, 0]
    return texts_of(values) if values.dtype.kind in "OSU" else [str(value) for value in values.tolist()]


def table_columns(group):
    table, pairs = group["table"], []

    def attribute(name):
        return table.attrs[name] if name in table.attrs else b""
    index_fields = {"index"} | {text_of(item) for item in np.atleast_1d(group.attrs.get("levels", ())) if
                                isinstance(item, (bytes, str))}
    for name in table.dtype.names:
        if name in index_fields:
            continue
        pickled = attribute(f"{name}_kind")
        names = unpickled(pickled, f"{table.file.filename}: {group.name}: names of {name}") if pickled else [name]
        names = [str(item) for item in (names if isinstance(names, list) else [names])]
        value_type, categories = text_of(attribute(f"{name}_dtype")), categories_of(group, name)
        values = table[name].reshape(len(table), -1)
        for index, title in enumerate(names):
            if categories is not None:
                codes = np.ma.masked_less(values[:, index], 0)
                pairs.append((Column(title, classes=categories, found="categories of the file"),
                              lambda start, stop, codes=codes: codes[start:stop]))
                continue
            column, read = column_of(title, values[:, index], value_type)
            if column.is_text:  # to_hdf's nan_rep
                pairs.append((column, lambda start, stop, read=read: ["" if text == "nan" else text
                                                                      for text in read(start, stop)]))
            else:
                pairs.append((column, read))
    return pairs


def open_table(file, path, wanted):
    names = frames_of(file)
    name = wanted.strip("/") if wanted else names[0]
    if name not in names:
        raise BadData(f"{path}: no data frame {wanted!r}; it has {', '.join(names)}")
    group, kind = file[name], kind_of(file[name])
    if kind not in ("frame", "frame_table", "series", "series_table"):
        raise BadData(f"{path}: {name}: pandas' type {kind!r} is not known; write it with to_csv")
    pairs = table_columns(group) if kind.endswith("_table") else fixed_columns(group)
    rows = len(group["table"]) if kind.endswith("_table") else len(group["axis1" if kind == "frame" else "index"])
    notes = [f"table: /{name}, a data frame of pandas ({'table' if kind.endswith('_table') else 'fixed'}) with {rows} "
             "rows; its index is left out"]
    notes += [f"not taken: {', '.join(names[1:])}; FILE.h5:NAME takes another"] * (len(names) > 1 and wanted is None)
    return ReaderTable(path, rows, pairs, notes)
