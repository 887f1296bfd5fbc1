"""A table whose columns keep their kinds: the group /table with a dataset for each column, whole numbers int64, other
numbers float64, categories as enumerations with their names, dates as whole numbers with the attribute `units`. A gap
is NaN, or the value that the attribute `gap` names."""
from collections import Counter

import h5py
import numpy as np

from ..failures import BadData
from ..hdf5 import put_names
from .columns import GAP_CLASS, finite
from .planner import shown

GROUP = "table"
GAP_NUMBER = np.iinfo(np.int64).min    # of whole numbers
ENUMERATION_BYTES = 48000              # HDF5 keeps the names of an enumeration in 64 KiB
CHUNK_ROWS = 1 << 16                   # of a column in the file, at most
EXACT_VALUES = 256                     # so many distinct numbers, and the program has a token for each
SPIKE_SHARE, SPIKE_ROWS = 0.002, 20    # rows that share a number which comes back exactly
NAME_BYTES = 8                         # beside its letters, of a name in an enumeration


def is_mixed(planner):
    """Whether an array would lose what columns are: categories, gaps, dates, whole numbers beside others."""
    numbers = [plan for plan in planner.plans if plan.role == "number"]
    return any(plan.role in ("classes", "codes") for plan in planner.plans) or \
        any(plan.gaps or plan.is_date or plan.column.own for plan in numbers) or \
        len({bool(plan.numbers.whole) for plan in numbers}) > 1


class TypedColumn:
    """A column that is written: of a plan, the one at `position` of the numbers that it gives."""

    def __init__(self, plan, name, position, order):
        self.plan, self.name, self.position = plan, name.replace("/", "_"), position
        self.is_category = plan.role != "number"
        self.ordered = order is not None
        self.names, self.places, self.gap, self.dtype = None, None, None, np.dtype(np.float64)
        if self.is_category:
            self.choose_names(order)
        elif plan.numbers.whole and max(abs(plan.numbers.low), abs(plan.numbers.high)) < 2**63:
            self.dtype = np.dtype(np.int64)
            self.gap = GAP_NUMBER if plan.gaps else None
        elif plan.numbers.whole and plan.numbers.low >= 0 and plan.numbers.high < 2**64 and not plan.gaps:
            self.dtype = np.dtype(np.uint64)

    def choose_names(self, order):
        classes, plan = self.plan.classes, self.plan
        if order is not None and set(classes) - set(order):
            missing = ", ".join(sorted(set(classes) - set(order))[:5])
            raise BadData(f"--ordered {plan.column.name}: the order lacks {missing}; name every value, the least first")
        self.names = list(order if order is not None else classes)
        self.places = np.array([self.names.index(text) for text in classes] + [len(self.names)], np.int64)
        if sum(len(name.encode()) + NAME_BYTES for name in self.names) > ENUMERATION_BYTES:
            self.dtype = h5py.string_dtype("utf-8", max(len(name.encode()) for name in self.names))
            return
        members = list(self.names)
        if plan.gaps:
            self.gap = GAP_CLASS
            while self.gap in members:
                self.gap += "_"
            members.append(self.gap)
        base = next(kind for kind in (np.int8, np.int16, np.int32) if len(members) <= np.iinfo(kind).max)
        self.dtype = h5py.enum_dtype({name: code for code, name in enumerate(members)}, basetype=base)

    def create(self, group, rows):
        chunk = max(1, min(CHUNK_ROWS, rows))
        dataset = group.create_dataset(self.name, (0,), self.dtype, maxshape=(None,), chunks=(chunk,))
        if self.is_category and self.gap is not None:
            dataset.attrs.create("gap", self.gap.encode(), dtype=h5py.string_dtype("utf-8", len(self.gap.encode())))
        elif self.gap is not None:
            dataset.attrs["gap"] = np.int64(self.gap)
        if self.ordered:
            dataset.attrs["ordered"] = np.int64(1)
        for name, text in (("units", self.plan.unit), ("format", self.plan.format)):
            if text:
                dataset.attrs.create(name, text.encode(), dtype=h5py.string_dtype("utf-8", len(text.encode())))
        return dataset

    def convert(self, numbers, codes):
        """Rows of the file, of what the plan's column holds: a masked array [n][width], or class codes [n]."""
        if not self.is_category:
            values = numbers[:, self.position]
            if self.dtype == np.int64:
                return values.filled(0).astype(np.int64) if self.gap is None else np.where(
                    np.ma.getmaskarray(values), self.gap, values.filled(0).astype(np.int64))
            return values.filled(0).astype(np.uint64) if self.dtype == np.uint64 else \
                values.astype(np.float64).filled(np.nan)
        places = self.places[codes]
        if h5py.check_string_dtype(self.dtype):
            return np.array([*[name.encode() for name in self.names], b""], self.dtype)[places]
        return places.astype(self.dtype)


def typed_columns(planner, orders):
    """[(plan, [TypedColumn])] of the columns that are not left out; BadData when two would have one name."""
    columns = []
    for plan in planner.plans:
        if plan.role == "number":
            names = [plan.column.names()[index] for index in plan.kept]
        elif plan.role in ("classes", "codes"):
            names = [plan.column.name]
        else:
            continue
        order = next((values for name, values in orders if name in (plan.column.name, plan.column.original)),
                     plan.classes if plan.column.ordered else None)
        columns.append((plan, [TypedColumn(plan, name, position, order) for position, name in enumerate(names)]))
    counts = Counter(column.name for _, group in columns for column in group)
    twice = next((name for name, count in counts.items() if count > 1 or name in ("", ".")), None)
    if twice is not None:
        raise BadData(f"{planner.source.path}: two columns would be called {twice!r}; --drop one of them")
    return columns


def write_typed(file, planner, table, columns):
    """Write the group, a chunk of rows at a time; returns it."""
    group = file.create_group(GROUP)
    flat = [column for _, columns_of_plan in columns for column in columns_of_plan]
    datasets = {column.name: column.create(group, planner.rows) for column in flat}
    put_names(group, "columns", [column.name for column in flat])
    for chunk in table.chunks():
        by_plan = dict(zip(map(id, planner.plans), chunk))
        for plan, columns_of_plan in columns:
            values, numbers, codes = by_plan[id(plan)], None, None
            if plan.role == "number":
                numbers = finite(plan.decode(values), plan.column.width)[:, plan.kept]
            else:
                codes = plan.codes(values)[0]
            for column in columns_of_plan:
                dataset = datasets[column.name]
                rows = column.convert(numbers, codes)
                dataset.resize(len(dataset) + len(rows), axis=0)
                dataset[len(dataset) - len(rows):] = rows
    if len(datasets[flat[0].name]) == 0:
        raise BadData(f"{table.source.path}: no rows")
    return group


# ---- the report

def spikes_of(values):
    """How many numbers come back exactly since many rows share them, and the most frequent one."""
    distinct, rows = np.unique(values, return_counts=True)
    if len(distinct) <= EXACT_VALUES:
        return "all"
    spikes = rows >= max(SPIKE_ROWS, SPIKE_SHARE * len(values))
    if not spikes.any():
        return ""
    most = rows.argmax()
    return f"{spikes.sum()}: {shown(distinct[most].item())} in {100 * rows[most] / len(values):.3g} %"


def kind_of(column):
    plan = column.plan
    if column.is_category:
        return "category, ordered" if column.ordered else "category"
    if plan.is_date:
        return plan.kind.rstrip("s")
    words = plan.kind.partition(" ")[0]
    return words if words in ("percent", "amounts") else "whole number" if column.dtype.kind in "iu" else "number"


def done_with(plan):
    """What else is to be said of a column that is written."""
    infinite = plan.numbers.infinite if plan.role == "number" else 0
    said = [plan.unit if plan.unit != plan.column.units else "",
            f"{infinite} infinite values are gaps" if infinite else "", plan.read, plan.column.found,
            plan.column.gaps_are if plan.gaps else "", *[text for text in plan.advice if "for each class" not in text]]
    return "; ".join(filter(None, said))


def typed_report(planner, columns, group):
    """A line for each column: kind, distinct values, gaps, spikes, range, what else there is to say."""
    written = {id(plan): columns_of_plan for plan, columns_of_plan in columns}
    rows = [("column", "kind", "distinct", "gaps", "spikes", "range", "what was done; what could be")]
    for plan in planner.plans:
        if id(plan) not in written:
            said = "; ".join(filter(None, [plan.done, plan.column.found, *plan.advice]))
            rows.append((plan.column.name, "left out", plan.distinct, str(plan.gaps or ""), "", "", said))
        for column in written.get(id(plan), ()):
            rows.append((column.name, kind_of(column), *numbers_of(column, group[column.name]), done_with(plan)))
    return rows


def numbers_of(column, dataset):
    """(distinct, gaps, spikes, range), from what was written."""
    values = dataset[()]
    if column.is_category:
        gaps = int(np.sum(values == (b"" if column.gap is None else len(column.names)))) if column.plan.gaps else 0
        return str(len(column.plan.classes)), str(gaps or ""), "all", ""
    present = values[values != column.gap] if column.dtype == np.int64 and column.gap is not None else \
        values[~np.isnan(values)] if column.dtype == np.float64 else values
    gaps = len(values) - len(present)
    if not len(present):
        return "0", str(gaps), "", ""
    low, high = present.min().item(), present.max().item()
    return (str(len(np.unique(present))), str(gaps or ""), spikes_of(present),
            f"{shown(low)} to {shown(high)}" if low < high else f"{shown(low)} only")
