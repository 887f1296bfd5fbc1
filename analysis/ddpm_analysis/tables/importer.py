"""Any table as the HDF5 file that `ddpm train` reads, with a report that has a line for each column: a group whose
columns keep their kinds (typed.py); or numbers alone, /data [N][D] with the attribute `columns`, and class codes beside
it with the attribute `classes`."""
import difflib
import json
import os
import re
import shlex
import unicodedata
from dataclasses import dataclass, field

import h5py
import numpy as np

from ..failures import BadData
from ..hdf5 import put_names, whole_h5
from ..text_files import stem
from .cells import Texts
from .columns import GAP_CLASS, Numbers, plural
from .planner import Planner
from .typed import GROUP, is_mixed, typed_columns, typed_report, write_typed

REPORT = "import"              # the attribute of /data that keeps the report
REPORT_BYTES = 60000
LISTED = 10


@dataclass
class Options:
    """What the user may say; names are those of columns."""

    label: str = None
    drop: list = field(default_factory=list)
    number: list = field(default_factory=list)
    category: list = field(default_factory=list)
    classes: list = field(default_factory=list)
    gap: list = field(default_factory=list)     # (column or None, text)
    gaps: str = None                            # "mark" where it is not said
    ordered: list = field(default_factory=list)  # (column, [values])
    plain: bool = False
    delimiter: str = None
    encoding: str = None
    decimal: str = None
    header: bool = None
    day_first: bool = None
    skip_lines: bool = False
    float64: bool = False
    dataset: str = None


# ---- passes over the rows

def is_gap_text(options, column):
    stand_ins = {text for name, text in options.gap if name in (None, column.name, column.original)}
    return lambda cells: ["" if text in stand_ins else text for text in cells] if stand_ins else cells


class Table:
    """A source, with the user's gaps taken out of its texts."""

    def __init__(self, source, options):
        self.source = source
        self.clean = [is_gap_text(options, column) if column.is_text else (lambda cells: cells)
                      for column in source.columns]

    def chunks(self):
        for chunk in self.source.chunks():
            yield [values if values is None else clean(values) for clean, values in zip(self.clean, chunk)]


def wants_numbers(options):
    """Whether the user asked for what only an array of numbers has."""
    return bool(options.plain or options.label or options.classes or options.gaps or options.float64)


def make_plans(source, options):
    planner = Planner(source, options)
    table = Table(source, options)
    texts = [Texts() if column.is_text and not column.unreadable else None for column in source.columns]
    if any(texts):
        for chunk in table.chunks():
            for text, values in zip(texts, chunk):
                if text is not None:
                    text.add(values)
    planner.choose_decoders(texts)
    numbers = [Numbers(plan.column.width, whole=not plan.column.fraction)
               if plan.role == "number" or (plan.role == "classes" and plan.classes is None) else None
               for plan in planner.plans]
    rows = 0
    for chunk in table.chunks():
        rows += max((len(values) for values in chunk if values is not None), default=0)
        for plan, count, values in zip(planner.plans, numbers, chunk):
            if count is not None:
                count.add(plan.decode(values))
    if not rows:
        types = dict.fromkeys(column.unreadable for column in source.columns)
        raise BadData(f"{source.path}: no rows" if "" in types else
                      f"{source.path}: it holds {' and '.join(types)}, and no numbers or texts; write a dataset of "
                      "numbers, or a compound one, from them")
    planner.rows = rows
    planner.finish(numbers)
    return planner, table


# ---- writing

def append(dataset, rows):
    count = len(dataset)
    dataset.resize(count + len(rows), axis=0)
    dataset[count:] = rows


def write(path, planner, table, report):
    """Write the file, whole or not at all; returns the shape of /data, and how many rows were left out."""
    gaps = planner.options.gaps
    modelled = [plan for plan in planner.plans if plan.role in ("number", "classes")]
    beside = [plan for plan in planner.plans if plan.role == "codes"]
    names = [name for plan in modelled for name in plan.names(gaps == "mark")]
    width, left_out = len(names), 0
    dtype = planner.data_type()
    with whole_h5(path, libver=("v110", "v110")) as file:
        data = file.create_dataset("data", (0, width), dtype, maxshape=(None, width),
                                   chunks=(max(1, (1 << 16) // width), width))
        put_names(data, "columns", names)
        if len(report.encode()) < REPORT_BYTES:
            data.attrs[REPORT] = report
        codes = [file.create_dataset(plan.beside, (0,), np.int32, maxshape=(None,), chunks=(1 << 16,))
                 for plan in beside]
        for plan, dataset in zip(beside, codes):
            put_names(dataset, "classes", [*plan.classes, *[GAP_CLASS] * bool(plan.gaps)])
        for chunk in table.chunks():
            by_column = dict(zip(map(id, planner.plans), chunk))
            parts = [plan.convert(by_column[id(plan)], gaps) for plan in modelled]
            coded = [plan.codes(by_column[id(plan)]) for plan in beside]
            keep = slice(None)
            if gaps == "rows":
                keep = ~np.any([missing for _, missing in parts + coded], axis=0)
                left_out += int((~keep).sum())
            append(data, np.concatenate([values.astype(dtype) for values, _ in parts], axis=1)[keep])
            for dataset, (values, _) in zip(codes, coded):
                append(dataset, values[keep])
        if len(data) == 0:
            raise BadData(f"{table.source.path}: no rows" + (" without gaps; take --gaps mark" if left_out else ""))
        return data.shape, left_out


# ---- the report

def printable(text):
    return "".join(character if character.isprintable() else "?" for character in text)


def report_lines(planner):
    """A line for each column, in aligned parts."""
    rows = [("column", "what it is", "distinct", "gaps", "what was done; what could be")]
    for plan in planner.plans:
        advice = "; ".join(filter(None, [
            plan.done, plan.column.found, plan.column.gaps_are if plan.gaps else "", *plan.advice]))
        name = plan.column.name if plan.column.width == 1 else f"{plan.column.name} ({plan.column.width} columns)"
        rows.append((printable(name), printable(plan.kind), plan.distinct, str(plan.gaps or ""), printable(advice)))
    return aligned(rows)


def cells_of(text):
    """Of a terminal, where a Chinese letter takes two, and an accent that stands by itself none."""
    return sum(0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
               for letter in text)


def aligned(rows):
    """Rows of texts as lines, the last part of which may have any length."""
    widths = [min(40, max(cells_of(row[part]) for row in rows)) for part in range(len(rows[0]) - 1)]
    return ["  ".join([*[text + " " * (width - cells_of(text)) for text, width in zip(row, widths)],
                       row[-1]]).rstrip() for row in rows]


def next_command(path, planner):
    words = ["ddpm", "train", "/dev/null", "--set", "data.source=hdf5", "--set", f"data.path={path}"]
    conditions = [plan.beside for plan in planner.plans if plan.role == "codes"]
    if conditions:
        words += ["--set", "data.condition=[" + ", ".join(
            name if re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) else json.dumps(name, ensure_ascii=False)
            for name in conditions) + "]"]
    return "next: " + " ".join(map(shlex.quote, [*words, *name_of_run(path)]))


def name_of_run(path):
    """A name like the file's, of the characters that run.name may have."""
    return ["--set", "run.name=" + re.sub(r"[^A-Za-z0-9_-]+", "_", stem(path))[:128]]


def import_typed(source, output, planner, table, show):
    """Write a table whose columns keep their kinds; shows the report and returns (rows, columns)."""
    columns = typed_columns(planner, planner.options.ordered)
    width = sum(len(columns_of_plan) for _, columns_of_plan in columns)
    with whole_h5(output, libver=("v110", "v110")) as file:
        group = write_typed(file, planner, table, columns)
        lines = [*source.notes, *aligned([[printable(text) for text in row]
                                         for row in typed_report(planner, columns, group)])]
        report = "\n".join(lines)
        if len(report.encode()) < REPORT_BYTES:
            group.attrs[REPORT] = report
        rows = len(next(iter(group.values())))
    for line in lines:
        show(line)
    show(f"{output}: a table of {rows} rows x {width} columns; --plain makes numbers of them all")
    words = ["ddpm", "train", "configs/table.yaml", "--set", f"data.path={output}", *name_of_run(output)]
    show("next: " + " ".join(map(shlex.quote, words)))
    return rows, width


# ---- all of it

def resolve_names(source, options):
    """Lists "a,b" as names; BadData for a name that no column has."""
    known = [name for column in source.columns for name in (column.name, column.original)]

    def split(texts):
        return [name for text in texts for name in ([text] if text in known else text.split(","))]
    for option in ("drop", "number", "category", "classes"):
        setattr(options, option, split(getattr(options, option)))
    options.category += [name for name, _ in options.ordered]
    wanted = [*options.drop, *options.number, *options.category, *options.classes,
              *[name for name, _ in options.gap if name is not None], *[options.label] * (options.label is not None)]
    unknown = [name for name in dict.fromkeys(wanted) if name not in known]
    if unknown:
        near = [found for name in unknown for found in difflib.get_close_matches(name, known, 1)]
        names = [column.name for column in source.columns]
        raise BadData(f"{source.path}: no column {', '.join(map(repr, unknown))}; it has {', '.join(names[:LISTED])}" +
                      (", ..." if len(names) > LISTED else "") + (f"; did you mean {near[0]!r}?" if near else ""))
    if options.label is not None and sum(options.label in (c.name, c.original) for c in source.columns) > 1 and \
            not any(options.label == c.name != c.original for c in source.columns):
        raise BadData(f"{source.path}: several columns are called {options.label!r}; drop all but one, by the names "
                      "that are printed without --label")


def default_output(path):
    base = os.path.basename(path)
    is_hdf5 = h5py.is_hdf5(path)
    for suffix in (".gz", ".bz2", ".xz", ".csv", ".tsv", ".txt", ".dat", ".tab", ".parquet", ".h5", ".hdf5", ".hdf",
                   ".nc", ".mat", ".h5ad", ".nxs", ".data"):
        base = base[:-len(suffix)] if base.lower().endswith(suffix) and len(base) > len(suffix) else base
    output = base + ("-table.h5" if is_hdf5 else ".h5")
    if os.path.exists(output) and not is_ours(output):
        raise BadData(f"{output} is there already, and is not of this script; name the file to write with --output")
    return output


def is_ours(path):
    """Whether this module wrote that file, which may then be replaced."""
    try:
        with h5py.File(path, "r") as file:
            return any(name in file and REPORT in file[name].attrs for name in ("data", GROUP))
    except OSError:
        return False


def import_table(source, output, options, show=print):
    """Convert a source; shows the report and returns (rows, columns)."""
    if os.path.exists(output) and os.path.exists(source.path) and os.path.samefile(output, source.path):
        raise BadData(f"{output}: the table itself; name another file with --output")
    resolve_names(source, options)
    plain = wants_numbers(options)
    if plain and options.ordered:
        raise BadData(f"{source.path}: --ordered is of a table whose columns keep their kinds; leave out --plain, "
                      "--label, --classes, --gaps and --float64")
    options.gaps = options.gaps or "mark"
    planner, table = make_plans(source, options)
    if not plain and is_mixed(planner):
        return import_typed(source, output, planner, table, show)
    lines = [*source.notes, *report_lines(planner)]
    for line in lines:
        show(line)
    if not any(plan.role in ("number", "classes") and plan.names(True) for plan in planner.plans):
        rest = [plan.column.name for plan in planner.plans
                if plan.role == "codes" or any(advice.startswith("--category") for advice in plan.advice)]
        again = shlex.join(["import_table.py", source.path, "--category", rest[0]]) if rest else ""
        raise BadData(f"{source.path}: no column is left to model" + f"; next: {again}" * bool(rest))
    shape, left_out = write(output, planner, table, "\n".join(lines))
    if left_out:
        show(f"left out: {plural(left_out, 'row')} with gaps")
    show(f"{output}: {shape[0]} rows x {shape[1]} columns of {np.dtype(planner.data_type())}")
    show(next_command(output, planner))
    return shape
