"""HDF5 files: tables of rows (data and samples), trajectories, and the helpers that read and write them."""
import contextlib
import io
import os
from dataclasses import dataclass, field

import h5py
import numpy as np

from .failures import BadData, Missing
from .text_files import whole_file


TEXT_BYTES = 4096  # of a text, at most
TEXT_ROWS = 64     # that are read at once


def open_h5(path):
    if not os.path.isfile(path):
        raise Missing(f"{path}: " + ("a folder; expected an HDF5 file" if os.path.isdir(path) else "no such file"))
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise BadData(f"{path}: not an HDF5 file, or damaged ({error})") from None


def text_of(value):
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        raise BadData(f"a text that is not UTF-8: {value[:40]!r}") from None


def read_texts(dataset):
    """All texts of a dataset. Rows of variable length can all name the same bytes of a file, and a small file can hold
    large rows compressed: texts are read some rows at a time, and none that is longer than the program takes."""
    def check(size, row):
        if size > TEXT_BYTES:
            raise BadData(f"{dataset.file.filename}: {dataset.name}: the text of row {row} (from 0) has more than "
                          f"{TEXT_BYTES} bytes")
    check(h5py.check_string_dtype(dataset.dtype).length or 0, 0)
    texts = []
    for first in range(0, len(dataset), TEXT_ROWS):
        values = dataset[first:first + TEXT_ROWS].ravel().tolist()
        check(max(map(len, values)), first)
        texts += map(text_of, values)
    return texts


def attributes_of(node):
    """The attributes of a file, group or dataset as plain Python values: texts, numbers, lists."""
    def plain(value):
        if isinstance(value, bytes):
            return value.decode("utf-8")
        if isinstance(value, np.ndarray):
            return [plain(item) for item in value.tolist()]
        return value.item() if isinstance(value, np.generic) else value
    return {name: plain(value) for name, value in node.attrs.items()}


def get_names(attribute, *nodes):
    """The list of texts in an attribute of the first node that has it, or None."""
    for node in nodes:
        if attribute in node.attrs:
            return [text_of(item) for item in np.atleast_1d(node.attrs[attribute])]
    return None


def put_names(node, attribute, names):
    """Write a list of texts as an attribute of fixed-length UTF-8 strings, which the program reads."""
    texts = [name.encode("utf-8") for name in names]
    length = max(1, *map(len, texts))
    node.attrs.create(attribute, np.array(texts, f"S{length}"), dtype=h5py.string_dtype("utf-8", length))


def datasets_of(file):
    """The names of the datasets of numbers that have at least one dimension."""
    names = []

    def visit(name, node):
        if isinstance(node, h5py.Dataset) and node.ndim > 0 and node.dtype.kind in "fiu":
            names.append(name)
    file.visititems(visit)
    return names


def find_dataset(file, path, name, defaults):
    """The named dataset; without a name the first of `defaults` that is there, or the only dataset."""
    present = datasets_of(file)
    if name is None:
        only = present[0] if len(present) == 1 else None
        name = next((default for default in defaults if default in present), only)
    if name is None or name.strip("/") not in present:
        wanted = name or " or ".join(defaults)
        tables = [one for one in ([name] if name else defaults) if isinstance(file.get(one), h5py.Group)]
        if tables:
            raise BadData(f"{path}: {tables[0]!r} is a table whose columns keep their kinds, not an array of numbers; "
                          "report.py and judge_table.py compare such samples with data, export_table.py writes CSV")
        raise BadData(f"{path}: no dataset of numbers {wanted!r}; it has {', '.join(present[:10]) or 'none'}")
    return file[name]


def row_slices(count, limit, seed=0, block=50):
    """Slices that hold at most `limit` of `count` rows. They are random blocks of rows: a file that is sorted, or that
    alternates, still gives a fair choice, and a large file is not read as a whole."""
    if limit is None or count <= limit:
        return [slice(0, count)]
    block = min(block, limit)
    chosen = np.random.default_rng(seed).choice(count // block, limit // block, replace=False)
    return [slice(start, start + block) for start in np.sort(chosen) * block]


def check_finite(values, what):
    """BadData names the first place that does not hold a finite number."""
    if not np.isfinite(values).all():
        place = tuple((np.argwhere(~np.isfinite(values))[0] + 1).tolist())
        raise BadData(f"{what}: not a finite number at {place} (counted from 1)")


# ---- tables

@dataclass
class Table:
    """Rows of numbers: data or samples."""

    values: np.ndarray                 # [N][D]
    columns: list = None               # [D] names
    label: np.ndarray = None           # [N] integers
    classes: list = None               # the names of the labels
    settings: dict = field(default_factory=dict)

    def axis_name(self, column, most=None):
        return axis_name(self.columns, column, *[most] * bool(most))

    def expect_columns_of(self, data, source):
        """BadData unless the data has as many columns; `source` names this table."""
        if self.values.shape[1] != data.values.shape[1]:
            raise BadData(f"{source}: {self.values.shape[1]} columns, but the data has {data.values.shape[1]}")

    def select(self, wanted):
        """The wanted columns in that order, by their names or by numbers from 0; all of them when none is named."""
        if not wanted:
            return self
        names = self.columns or []
        numbers = [str(index) for index in range(self.values.shape[1])]
        indices = []
        for item in map(str, wanted):
            if item not in names and item not in numbers:
                raise BadData(f"no column {item!r} among {', '.join(names) or self.values.shape[1]}")
            indices.append(names.index(item) if item in names else int(item))
        chosen = [names[index] for index in indices] if names else None
        return Table(self.values[:, indices], chosen, self.label, self.classes, self.settings)


LONGEST = 32          # characters beside an axis


def short(name, most=LONGEST):
    return name if len(name) <= most else name[:most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def axis_name(columns, column, most=LONGEST):
    """What stands beside an axis: the column's name, or x with the column's number counted from 1. A dollar of a name
    does not begin a formula."""
    return short(columns[column], most).replace("$", r"\$") if columns else f"$x_{{{column + 1}}}$"


def split_source(source):
    """FILE.h5[:dataset] as ("FILE.h5", "dataset" or None); a file whose own name holds a colon is still found."""
    if ":" not in source or os.path.exists(source):
        return source, None
    path, _, name = source.rpartition(":")
    return path, name


def read_table(source, limit=None, seed=0, defaults=("data", "samples")):
    """Read FILE.h5[:dataset] with its labels, names and settings.

    Without a dataset's name it takes the first of `defaults`, or the only dataset. Further dimensions are flattened to
    rows. At most `limit` rows are read, those that `row_slices` chooses.
    """
    path, name = split_source(source)
    with open_h5(path) as file:
        data = find_dataset(file, path, name, defaults)
        if data.shape[0] == 0:
            raise BadData(f"{path}: {data.name} has no rows")
        slices = row_slices(data.shape[0], limit, seed)
        values = np.concatenate([data[part] for part in slices])
        values = values.reshape(len(values), -1)
        check_finite(values, f"{path}: {data.name}")
        table = Table(values, get_names("columns", data, file), settings=attributes_of(file))
        if data.name == "/data" and "label" in file and file["label"].shape[:1] == data.shape[:1]:
            table.label = np.concatenate([file["label"][part] for part in slices])
            table.classes = get_names("classes", file["label"])
    if table.columns and len(table.columns) != values.shape[1]:
        raise BadData(f"{path}: {len(table.columns)} names for {values.shape[1]} columns")
    return table


def read_samples(source, limit=None, seed=0, like=None):
    """Read a file of samples; `like` is a table of data that must have as many columns."""
    table = read_table(source, limit, seed, defaults=("samples", "data"))
    if like is not None:
        table.expect_columns_of(like, source)
    return table


# ---- writing

class Medium(io.FileIO):
    """What HDF5 writes to. It crashes where a file cannot be written to the end: so it is told that all went well, and
    `failure` is what did not."""

    failure = None

    def lost(self, action, *arguments):
        """Whether an action failed, or one before it."""
        try:
            if self.failure is None:
                action(*arguments)
        except BaseException as error:  # a signal's, too
            self.failure = error
        return self.failure is not None

    def write(self, data):
        left = memoryview(data).cast("B")

        def write_some():
            nonlocal left
            left = left[super(Medium, self).write(left):]
        while left and not self.lost(write_some):
            pass
        return len(data)

    def truncate(self, size=None):
        self.lost(super().truncate, size)
        return size

    def readinto(self, buffer):
        """What was never written, or lost, is zeros."""
        view = memoryview(buffer).cast("B")
        got, more = 0, True
        while got < len(view) and more:
            more = super().readinto(view[got:])
            got += more
        view[got:] = bytes(len(view) - got)
        return len(view)


@contextlib.contextmanager
def whole_h5(path, **options):
    """Give a new HDF5 file, which replaces `path` when the body has ended well, as that of whole_file does."""
    with whole_file(path) as temporary, Medium(temporary, "r+") as medium:
        try:
            with h5py.File(medium, "w", **options) as file:
                yield file
        finally:
            if medium.failure:
                raise medium.failure


def write_rows(path, values, columns=None):
    """Write rows as /data of a file that the program reads."""
    with whole_h5(path) as file:
        file["data"] = values
        if columns:
            put_names(file["data"], "columns", columns)


# ---- trajectories

@dataclass
class Trajectory:
    """The same rows at M steps of a forward or reverse process."""

    x: np.ndarray                      # [M][N][D]
    step: np.ndarray                   # [M] the step t of each snapshot: 0 is data, T is noise
    columns: list = None
    settings: dict = field(default_factory=dict)


def read_trajectory(path, limit=None, seed=0):
    """Read the trajectory in a file of samples or of `ddpm forward`; at most `limit` of its rows."""
    with open_h5(path) as file:
        if "trajectory" not in file:
            raise BadData(f"{path}: no /trajectory; write it with `ddpm sample --trajectory M` or "
                          "`ddpm forward --snapshots M`")
        data, step = file["trajectory"], file.get("trajectory_step")
        if step is None or data.ndim != 3 or step.shape != data.shape[:1] or 0 in data.shape:
            raise BadData(f"{path}: expected /trajectory [M][N][D] with /trajectory_step [M], found shape {data.shape}")
        x = np.concatenate([data[:, part] for part in row_slices(data.shape[1], limit, seed)], axis=1)
        check_finite(x, f"{path}: /trajectory")
        nodes = [data, file, *([file["samples"]] if "samples" in file else [])]
        return Trajectory(x, step[:], get_names("columns", *nodes), attributes_of(file))
