"""Tables in HDF5 files of any kind: those of `ddpm`, compound datasets, groups of datasets of one length, netCDF4,
NeXus; and the door to those kinds that have a layout of their own."""
import dataclasses

import h5py
import numpy as np

from ..failures import BadData
from ..hdf5 import get_names, open_h5, text_of
from .columns import GAP_CLASS, Column, Source
from .conventions import conventions_of

WIDTH_MAX = 1 << 16            # of one dataset
SPLIT_MAX = 1000               # columns that a dataset of names, texts or categories becomes
LISTED = 8
PLUGINS = "hdf5-filter-plugin-blosc-serial (Blosc) and hdf5-filter-plugin (bitshuffle, LZ4, bzip2)"


class ReaderTable(Source):
    """Columns with a function each that reads rows [start, stop)."""

    def __init__(self, path, rows, readers, notes=()):
        """`readers`: (Column, function) of each."""
        self.path, self.rows, self.readers = path, rows, [read for _, read in readers]
        if not readers:
            raise BadData(f"{path}: no table: neither a compound dataset nor datasets of one length were found")
        super().__init__([column for column, _ in readers], notes)

    def chunks(self):
        step = self.rows_at_once()
        for start in range(0, self.rows, step):
            stop = min(self.rows, start + step)
            try:
                yield [None if column.unreadable else read(start, stop)
                       for column, read in zip(self.columns, self.readers)]
            except OSError as error:
                raise BadData(f"{self.path}: cannot be read ({error}); if a compression filter is missing, Debian has "
                              f"{PLUGINS}") from None


# ---- types

def type_name(dtype):
    """How a message names a type that cannot be imported."""
    if dtype.names:
        return f"compound of {len(dtype.names)} fields"
    if h5py.check_ref_dtype(dtype):
        return "references"
    if h5py.check_string_dtype(dtype):
        return "texts of more than one dimension"
    if h5py.check_vlen_dtype(dtype):
        return "arrays of variable length"
    return {"V": "opaque bytes", "O": "objects"}.get(dtype.kind, str(dtype))


def texts_of(values):
    """Stripped texts of byte strings or Python's; zero bytes fill them up."""
    def text(item):
        if isinstance(item, bytes):
            try:
                item = item.decode("utf-8")
            except UnicodeDecodeError:
                item = item.decode("latin-1")
        return str(item).strip("\0").strip()
    return [text(item) for item in values]


def typed_column(name, dtype, read, shape=()):
    """[(Column, function)] for values of one type; a compound gives several. `read` gives an array [n] + shape."""
    width = int(np.prod(shape, dtype=np.int64))
    enumeration = h5py.check_enum_dtype(dtype)
    if dtype.subdtype is not None:
        return typed_column(name, dtype.subdtype[0], read, (*shape, *dtype.subdtype[1]))
    if dtype.names:
        return [pair for field in dtype.names for pair in
                typed_column(f"{name}.{field}" if name else field, dtype[field],
                             lambda start, stop, field=field: read(start, stop)[field], shape)]
    is_text = h5py.check_string_dtype(dtype) or dtype.kind in "SU"
    if 1 < width <= SPLIT_MAX and (enumeration and dtype.kind != "b" or is_text and dtype.itemsize > 1):
        return [pair for index in range(width) for pair in
                typed_column(f"{name}[{index}]", dtype, lambda start, stop, index=index:
                             read(start, stop).reshape(stop - start, -1)[:, index])]
    if enumeration and width == 1 and dtype.kind != "b":
        return [enumerated(name, enumeration, read)]
    if is_text:
        if dtype.kind == "S" and dtype.itemsize == 1 and len(shape) == 1:  # netCDF's characters
            return [(Column(name, is_text=True), lambda start, stop: texts_of(
                np.ascontiguousarray(read(start, stop)).view(f"S{width}").ravel()))]
        if width == 1:
            return [(Column(name, is_text=True), lambda start, stop: texts_of(read(start, stop).ravel()))]
    if dtype.kind == "c":
        return [(Column(f"{name}.{part}", width=width), lambda start, stop, part=part: getattr(read(start, stop), part))
                for part in ("real", "imag")]
    if dtype.kind in "biuf" and 0 < width <= WIDTH_MAX:
        return [(Column(name, width=width), lambda start, stop: np.ma.asarray(read(start, stop)))]
    what = f"{width} values a row" if dtype.kind in "biuf" else type_name(dtype)
    return [(Column(name, unreadable=what), None)]


def enumerated(name, members, read, found="enumeration"):
    """A column of an enumeration: its codes become positions in the list of names; an unknown code is a gap."""
    by_code = {code: text for text, code in members.items()}
    codes = np.array(sorted(by_code))
    if not by_code:
        return Column(name, unreadable="gaps only"), None

    def positions(start, stop):
        values = np.ma.asarray(read(start, stop)).ravel()
        at = np.minimum(np.searchsorted(codes, values.data), len(codes) - 1)
        return np.ma.array(at, mask=np.ma.getmaskarray(values) | (codes[at] != values.data))
    return Column(name, classes=[by_code[code] for code in codes.tolist()], found=found), positions


def flags_of(dataset):
    """The members of netCDF's flag_values and flag_meanings, or None."""
    if "flag_values" not in dataset.attrs or "flag_meanings" not in dataset.attrs:
        return None
    names = text_of(dataset.attrs["flag_meanings"]).split()
    values = np.atleast_1d(dataset.attrs["flag_values"]).tolist()
    return dict(zip(names, values)) if len(names) == len(values) == len(set(names)) else None


def members_of(dataset, own):
    """({name: code} without the one that is a gap, where they stand) of a column of categories, or (None, "")."""
    flags, classes = flags_of(dataset), get_names("classes", dataset)
    if h5py.check_enum_dtype(dataset.dtype):
        members, found = h5py.check_enum_dtype(dataset.dtype), "enumeration" * (not own)
    elif own and dataset.dtype.kind == "b":
        members, found = {"FALSE": 0, "TRUE": 1}, ""
    elif flags:
        members, found = flags, "flag_meanings of the file"
    elif classes and dataset.dtype.kind in "iu" and len(set(classes)) == len(classes):
        members, found = {name: code for code, name in enumerate(classes) if name != GAP_CLASS}, "classes of the file"
    else:
        return None, ""
    gap = dataset.attrs.get("gap")
    return {name: code for name, code in members.items() if gap is None or name != text_of(gap)}, found


def text_attribute(dataset, name):
    return text_of(dataset.attrs[name]) if name in dataset.attrs and np.ndim(dataset.attrs[name]) == 0 else ""


def dataset_columns(name, dataset, own=False):
    """[(Column, function)] of a dataset whose first dimension is that of the rows; of `ddpm`'s own tables, every entry
    is a row's, since they may have several draws of each."""
    rules = conventions_of(dataset, own)
    members, found = members_of(dataset, own) if own or dataset.ndim == 1 else (None, "")
    draw = int(np.prod(dataset.shape[1:], dtype=np.int64)) if own else 1

    def read(start, stop):
        first = start // draw
        raw = dataset[first:-(-stop // draw)]
        raw = raw.ravel()[start - first * draw:stop - first * draw] if own else raw
        if len(raw) < stop - start:    # of a netCDF dimension that has grown since
            lacking = np.zeros((stop - start - len(raw), *dataset.shape[1:]), dataset.dtype)
            values = rules.values(raw) if raw.dtype.kind in "biuf" else raw
            return np.ma.concatenate([values, np.ma.masked_all_like(lacking) if raw.dtype.kind in "biuf" else lacking])
        return rules.values(raw) if raw.dtype.kind in "biuf" else raw
    pairs = [enumerated(name, members, read, found)] if members is not None else \
        typed_column(name, dataset.dtype, read, () if own else dataset.shape[1:])
    for column, _ in pairs:
        column.own, column.fraction = own, own and dataset.dtype.kind == "f"
        column.ordered = bool(dataset.attrs.get("ordered", 0)) and members is not None
        column.units, column.format = (text_attribute(dataset, name) for name in ("units", "format"))
        column.found = "; ".join(filter(None, [column.found, f"in {column.units}" * bool(column.units),
                                               ("obeyed: " + ", ".join(rules.found)) * bool(rules.found)]))
        if rules.own_fill:
            column.gaps_are = f"gaps are HDF5's fill value {rules.fills[0]:g}"
        names = get_names("columns", dataset) if dataset.ndim > 1 else None
        if names and len(names) == column.width and len(pairs) == 1:
            column.parts = names
    if dataset.ndim > 1 and len(pairs) == 1 and pairs[0][0].parts:  # as `ddpm` writes: each column under its own name
        return split_matrix(pairs[0])
    return pairs


def split_matrix(pair):
    """A wide column whose columns have names, as a column each."""
    wide, read = pair
    if wide.width > SPLIT_MAX:
        return [pair]
    return [(dataclasses.replace(wide, name=name, width=1, parts=None), lambda start, stop, index=index:
             read(start, stop).reshape(stop - start, -1)[:, index]) for index, name in enumerate(wide.parts)]


# ---- which datasets make the table

def rows_of(dataset):
    """The length of its first dimension; netCDF keeps that of a growing one in the dimension's own dataset."""
    scales = dataset.dims[0].values() if "DIMENSION_LIST" in dataset.attrs else []
    return max([dataset.shape[0], *[scale.shape[0] for scale in scales if scale.ndim == 1]])


def tables_of(file):
    """{(group, rows): [dataset names]} of all datasets with rows; a compound dataset is a table of its own."""
    tables = {}

    def visit(name, node):
        if isinstance(node, h5py.Dataset) and node.ndim > 0 and node.shape[0] > 0:
            group = name.rpartition("/")[0]
            key = ("/" + name, node.shape[0]) if node.dtype.names else ("/" + group, rows_of(node))
            tables.setdefault(key, []).append(name)
    file.visititems(visit)
    return tables


def own_columns(group, names):
    """The datasets in the order in which a group as `ddpm` writes it lists its columns; None of another group."""
    listed = get_names("columns", group) if isinstance(group, h5py.Group) else None
    ordered = [f"{group.name}/{name}".strip("/") for name in listed or ()]
    shapes = {group.file[name].shape for name in names}
    return ordered if sorted(ordered) == sorted(names) and len(shapes) == 1 and len(*shapes) < 3 else None


def cells_of(file, names):
    def width(dataset):
        wide = int(np.prod(dataset.shape[1:], dtype=np.int64))
        usable = dataset.dtype.kind in "biufcSU" or dataset.dtype.names or h5py.check_string_dtype(dataset.dtype)
        return (wide if wide <= WIDTH_MAX else 0) * (len(dataset.dtype.names or ".") if usable else 0)
    return sum(file[name].shape[0] * width(file[name]) for name in names)


def default_group(file):
    """Where NeXus' attributes `default` lead, or None."""
    node = file
    while isinstance(node, h5py.Group) and "default" in node.attrs:
        node = node.get(text_of(node.attrs["default"]))
    return node.name if isinstance(node, h5py.Group) and node.name != "/" else None


def choose(file, path, wanted):
    """(group, rows) of the table to take."""
    tables = tables_of(file)
    if wanted is not None:
        name = "/" + wanted.strip("/")
        chosen = {key: names for key, names in tables.items() if key[0] == name or "/" + names[0] == name}
        single = [key for key, names in tables.items() if name.strip("/") in names]
        if single and not any(key[0] == name for key in chosen):
            return single[0], [name.strip("/")], tables
        if not chosen:
            raise BadData(f"{path}: no table {wanted!r}; it has {', '.join(list_tables(tables)) or 'none'}")
        tables_in = chosen
    else:
        default = default_group(file)
        tables_in = {key: names for key, names in tables.items() if key[0] == default} or tables
    if not tables_in:
        raise BadData(f"{path}: it holds no dataset with rows")
    key = max(tables_in, key=lambda key: (cells_of(file, tables_in[key]), len(tables_in[key])))
    return key, tables_in[key], tables


def list_tables(tables):
    def title(group, names):
        members = [name.rpartition("/")[2] for name in names[:3]] + ["..."] * (len(names) > 3)
        return "/" + names[0] if len(names) == 1 else f"{group} ({', '.join(members)})"
    return [f"{title(key[0], names)} of {key[1]} rows" for key, names in list(tables.items())[:LISTED]] + \
        ["..."] * (len(tables) > LISTED)


def named_beside(file, rows, names, options):
    """Datasets of as many rows that the user names as classes, beside the one that is taken."""
    if options.dataset is None or len(names) > 1:
        return []
    return [name for name in filter(None, [options.label, *options.classes])
            if name.strip("/") not in names and isinstance(file.get(name), h5py.Dataset) and
            file[name].shape[:1] == (rows,)]


def open_generic(file, path, options):
    key, names, tables = choose(file, path, options.dataset)
    notes = [f"table: {key[0]}, {key[1]} rows"]
    others = {other: names for other, names in tables.items() if other != key}
    if others:
        notes.append(f"not taken: {', '.join(list_tables(others))}; FILE.h5:NAME takes another")
    own = own_columns(file[key[0]], names)
    readers = []
    for name in own or names:
        dataset = file[name]
        short = "" if dataset.dtype.names and len(names) == 1 else name.rpartition("/")[2]
        readers += dataset_columns(short, dataset, bool(own))
    for name in named_beside(file, key[1], names, options):
        readers += dataset_columns(name, file[name])
    return ReaderTable(path, file[own[0]].size if own else key[1], readers, notes)


def open_hdf5(path, options):
    from . import anndata, matlab, pandas_files
    file = open_h5(path)
    for kind in (matlab, anndata, pandas_files):
        if kind.is_kind(file):
            return kind.open_table(file, path, options.dataset)
    return open_generic(file, path, options)
