"""Columns of a table, whatever it was read from: what was found in each, over all of its rows."""
import hashlib
from dataclasses import dataclass, field

import numpy as np

from .cells import DISTINCT_MAX

GAP_CLASS = "(gap)"
CHUNK_CELLS = 1 << 20          # cells read at a time
EXACT = 2**53                  # beyond it, float64 skips whole numbers
FLOAT32_DIGITS = 6             # every decimal number of so many digits comes back from float32
SENTINELS = np.array([-9.0, -99, -999, -9999, -99999, -999999, -200, -99.9, -999.9, -9.99, -99.99, -999.99, 99, 999,
                      9999, 99999, 999999, 99.9, 999.9, 99.99, 999.99, 1e20, -1e20, 1e30, -1e30, 1e36])
SORTED = np.sort(SENTINELS)


@dataclass
class Column:
    """A column, or `width` columns of numbers that one dataset holds."""

    name: str
    is_text: bool = False
    width: int = 1
    parts: list = None         # the names of the columns of a wide one
    classes: list = None       # the values are positions in this list of texts; masked: a gap
    found: str = ""            # what to say of how it was read: conventions that were obeyed
    gaps_are: str = ""         # what to say of its gaps, if it has any
    unreadable: str = ""       # the type of what cannot be imported
    units: str = ""            # of its numbers, as the file names them
    format: str = ""           # in which strftime writes its dates
    ordered: bool = False      # its classes ascend
    own: bool = False          # of a table as `ddpm` writes it: it is what the file says, and stays in the table
    fraction: bool = False     # its numbers need not be whole where those of this file are
    original: str = None       # the name in the file; others may have it too

    def names(self):
        if self.width == 1 and not self.parts:
            return [self.name]
        return self.parts or [f"{self.name}[{index}]" for index in range(self.width)]


def plural(count, noun):
    return f"{count} {noun}" + "s" * (count != 1)


def number_names(columns):
    """Columns without a name get one, and of columns with one name each but the first gets a number."""
    taken = {column.name for column in columns}
    seen = set()
    for index, column in enumerate(columns):
        column.original = column.name
        name = column.name or f"column{index + 1}"
        if name in seen or (not column.name and name in taken):
            number = 2
            while f"{name}.{number}" in taken:
                number += 1
            name = f"{name}.{number}"
            column.found = column.found or (f"the name {column.original!r} stands for several columns"
                                            if column.original else "")
        taken.add(name)
        seen.add(name)
        column.name = name


class Source:
    """Columns and their rows, which can be gone through several times."""

    preferred_decimal = "."

    def __init__(self, columns, notes=()):
        number_names(columns)
        self.columns, self.notes = columns, list(notes)

    def rows_at_once(self):
        return max(1, CHUNK_CELLS // sum(column.width for column in self.columns))

    def chunks(self):
        """For each bounded number of rows a list with, for each column, a list of stripped texts, or a masked array [n]
        or [n][width]; None for one that is unreadable."""
        raise NotImplementedError


# ---- numbers

def fits_float32(values):
    """Whether float32 keeps every digit of these numbers: exactly, or as decimal numbers of FLOAT32_DIGITS digits."""
    with np.errstate(all="ignore"):
        odd = values[values.astype(np.float32).astype(values.dtype) != values].astype(np.float64)
        if not odd.size:
            return True
        size = np.abs(odd)
        if size.min() < np.finfo(np.float32).tiny or size.max() > np.finfo(np.float32).max:
            return False
        scaled = odd * 10.0 ** (FLOAT32_DIGITS - 1 - np.floor(np.log10(size)))
        return bool((np.abs(scaled - np.rint(scaled)) < 1e-7).all())


@dataclass
class Numbers:
    """Counts over the values of one column of numbers."""

    width: int = 1
    rows: int = 0
    gaps: np.ndarray = None                            # [width]
    sums: np.ndarray = None                            # [width] over the values that are there
    low: float = np.inf
    high: float = -np.inf
    infinite: int = 0
    whole: bool = True
    fits32: bool = True
    gap_rows: object = field(default_factory=hashlib.blake2b)  # tells columns apart whose gaps are not in the same rows
    counts_rows: bool = True                           # each value is one more than that of the row before
    start: float = None
    distinct: set = field(default_factory=set)
    many: bool = False
    sentinels: np.ndarray = None                       # how often each of SENTINELS was found
    inner: list = field(default_factory=lambda: [np.inf, -np.inf])  # range of the other values

    def add(self, values):
        """A masked array [n] or [n][width]; returns it as [n][width] with what is not finite masked."""
        values = finite(values, self.width)
        if self.gaps is None:
            self.gaps, self.sums = np.zeros(self.width, np.int64), np.zeros(self.width)
            self.sentinels = np.zeros(len(SENTINELS), np.int64)
        mask = np.ma.getmaskarray(values)
        self.gaps += mask.sum(axis=0)
        self.infinite += int(np.isinf(values.data).sum()) if values.dtype.kind == "f" else 0
        self.sums += np.where(mask, 0, values.data).sum(axis=0, dtype=np.float64)
        self.add_present(values.data[~mask])
        if self.width == 1:
            self.gap_rows.update(np.packbits(mask))
            self.add_order(values)
        self.rows += len(values)
        return values

    def add_present(self, present):
        if not present.size:
            return
        self.low, self.high = min(self.low, present.min().item()), max(self.high, present.max().item())
        if self.whole and present.dtype.kind == "f":
            self.whole = bool((present == np.rint(present)).all())
        self.fits32 = self.fits32 and fits_float32(present)
        if self.width > 1:
            return
        if not self.many:
            self.distinct.update((np.unique(present) if present.size > DISTINCT_MAX else present).tolist())
            self.many = len(self.distinct) > DISTINCT_MAX
        is_sentinel = SORTED[np.searchsorted(SORTED, present) % len(SORTED)] == present
        if is_sentinel.any():
            self.sentinels += (present[is_sentinel, None] == SENTINELS).sum(axis=0)
        rest = present[~is_sentinel]
        if rest.size:
            self.inner = [min(self.inner[0], rest.min()), max(self.inner[1], rest.max())]

    def add_order(self, values):
        if not self.counts_rows or not len(values) or np.ma.getmaskarray(values).any():
            self.counts_rows = self.counts_rows and not len(values)
            return
        if self.start is None:
            self.start = values.data[0, 0].item()
        self.counts_rows = self.start in (0, 1) and bool(
            (values.data[:, 0] == self.start + self.rows + np.arange(len(values))).all())

    @property
    def means(self):
        with np.errstate(all="ignore"):
            means = self.sums / (self.rows - self.gaps)
        return np.rint(means) if self.whole else means

    def stand_ins(self):
        """Values that stand for gaps, by their looks: usual numbers for that, beyond all others, more than once."""
        low, high = self.inner
        if not low <= high:
            return []
        found = [(value, int(count)) for value, count in zip(SENTINELS.tolist(), self.sentinels) if count > 1]
        return [(value, count) for value, count in found
                if (value < 0 <= low) or value < low - 2 * (high - low) or value > high + 2 * (high - low) or
                abs(value) >= 1e20]


def finite(values, width):
    """[n][width], with what is not finite masked."""
    shape = len(values), width
    data, mask = np.ma.getdata(values).reshape(shape), np.ma.getmaskarray(values).reshape(shape)
    if data.dtype.kind == "b":
        data = data.astype(np.uint8)
    if data.dtype.kind == "f":
        mask = mask | ~np.isfinite(data)
    return np.ma.array(data, mask=mask)
