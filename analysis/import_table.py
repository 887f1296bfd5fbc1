#!/usr/bin/python3
"""Turn a CSV or TSV table, or a data set bundled with scikit-learn, into the HDF5 file that `ddpm train` reads.

The file holds /data [N][D] with the attribute `columns`; if there is a label, also /label [N] with the attribute
`classes`. Rows are converted a chunk at a time, so that a table larger than memory can be imported.
"""
import csv
import itertools
import os
import sys

import h5py
import numpy as np

from ddpm_analysis import BadData, Missing, command_line, write_csv
from ddpm_analysis.failures import optional
from ddpm_analysis.hdf5 import put_names
from ddpm_analysis.text_files import whole_file

CHUNK_CELLS = 1 << 20          # converted at a time
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "."}
CLASSES_MAX = 10000            # more distinct labels are not classes
BUNDLED = ("digits", "wine", "breast_cancer", "diabetes")


# ---- CSV and TSV

def is_number(cell):
    try:
        float(cell)
        return True
    except ValueError:
        return False


def split_header(first):
    """(names, whether the first line is a header): it is one when a cell is a text that does not stand for a missing
    value."""
    if any(not is_number(cell) and cell.strip().lower() not in MISSING for cell in first):
        return [cell.strip() or f"column{index + 1}" for index, cell in enumerate(first)], True
    return [f"x{index + 1}" for index in range(len(first))], False


def choose_delimiter(path, line):
    if path.lower().endswith((".tsv", ".tab")):
        return "\t"
    return max(",;\t", key=line.count)


def find(names, wanted, path):
    if wanted not in names:
        more = ", ..." if len(names) > 10 else ""
        raise BadData(f"{path}: no column {wanted!r}; it has {', '.join(names[:10])}{more}")
    return names.index(wanted)


def to_numbers(cells, names, first, path, dtype):
    """Cells [rows][columns] as numbers; BadData names the row (counted from 1, without the header) and the column."""
    try:
        with np.errstate(over="ignore"):
            values = np.array(cells, np.float64).astype(dtype)
        if np.isfinite(values).all():
            return values
    except ValueError:
        pass
    for row, line in enumerate(cells):
        for cell, name in zip(line, names):
            where = f"{path}: row {first + row}, column {name!r}"
            if cell.strip().lower() in MISSING:
                raise BadData(f"{where}: missing value; remove the row, or the column with --drop")
            if not is_number(cell):
                raise BadData(f"{where}: text {cell!r}; leave the column out with --drop, or make it the label with "
                              "--label")
            if not np.isfinite(float(cell)):
                raise BadData(f"{where}: {cell} is not a finite number")
            if not np.abs(float(cell)) <= np.finfo(dtype).max:
                raise BadData(f"{where}: {cell} is too large for float32; use --float64")


def read_chunks(reader, names, kept, label, path, dtype):
    """Yield (values [n][len(kept)], label texts [n] or None) of a bounded number of rows each."""
    rows = max(1, CHUNK_CELLS // len(names))
    first = 1
    kept_names = [names[index] for index in kept]
    while True:
        lines = list(itertools.islice(reader, rows))
        if not lines:
            return
        for row, line in enumerate(lines):
            if len(line) != len(names):
                raise BadData(f"{path}: row {first + row}: {len(line)} fields, expected {len(names)}")
        cells = lines if len(kept) == len(names) else [[line[index] for index in kept] for line in lines]
        texts = None if label is None else [line[label].strip() for line in lines]
        if texts and "" in texts:
            raise BadData(f"{path}: row {first + texts.index('')}, column {names[label]!r}: missing label")
        yield to_numbers(cells, kept_names, first, path, dtype), texts
        first += len(lines)


def import_csv(path, output, label=None, drop=(), delimiter=None, dtype=np.float32):
    """Convert a CSV or TSV file; returns (rows, columns)."""
    if not os.path.isfile(path):
        raise Missing(f"{path}: no such file")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            line = file.readline()
            file.seek(0)
            lines = (line for line in csv.reader(file, delimiter=delimiter or choose_delimiter(path, line)) if line)
            first = next(lines, None)
            if first is None:
                raise BadData(f"{path}: empty")
            names, has_header = split_header(first)
            label_index = None if label is None else find(names, label, path)
            left_out = {find(names, name, path) for name in drop} | ({label_index} - {None})
            kept = [index for index in range(len(names)) if index not in left_out]
            if not kept:
                raise BadData(f"{path}: no column left to import")
            rows = lines if has_header else itertools.chain([first], lines)
            chunks = read_chunks(rows, names, kept, label_index, path, dtype)
            return write(output, [names[index] for index in kept], chunks, dtype, path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadData(f"{path}: not a text table ({error})") from None


# ---- HDF5

def class_order(texts):
    """Classes in the order of their codes: by value when all are numbers, else by name."""
    return sorted(texts, key=float) if all(map(is_number, texts)) else sorted(texts)


def append(dataset, rows):
    count = len(dataset)
    dataset.resize(count + len(rows), axis=0)
    dataset[count:] = rows


def write(output, names, chunks, dtype, origin):
    """Write chunks of (values, label texts or None) to `output`, whole or not at all; returns the shape of /data."""
    with whole_file(output) as temporary, h5py.File(temporary, "w", libver=("v110", "v110")) as file:
        width = len(names)
        data = file.create_dataset("data", (0, width), dtype, maxshape=(None, width),
                                   chunks=(max(1, (1 << 16) // width), width))
        put_names(data, "columns", names)
        codes, label = {}, None
        for values, texts in chunks:
            append(data, values)
            if texts is None:
                continue
            if label is None:
                label = file.create_dataset("label", (0,), np.int32, maxshape=(None,), chunks=(1 << 16,))
            append(label, [codes.setdefault(text, len(codes)) for text in texts])
            if len(codes) > CLASSES_MAX:
                raise BadData(f"{origin}: more than {CLASSES_MAX} distinct labels: not a column of classes")
        if len(data) == 0:
            raise BadData(f"{origin}: no rows")
        if label is not None:
            classes = class_order(codes)
            new_code = np.array([classes.index(text) for text in codes], np.int32)
            for start in range(0, len(label), CHUNK_CELLS):
                label[start:start + CHUNK_CELLS] = new_code[label[start:start + CHUNK_CELLS]]
            put_names(label, "classes", classes)
        return data.shape


# ---- scikit-learn

def load_bundled(name):
    """(column names, values, label texts or None) of a set that comes with scikit-learn."""
    bunch = getattr(optional("sklearn.datasets"), f"load_{name}")()
    names = [str(column) for column in bunch.feature_names]
    if name == "diabetes":  # its target is a measurement, not a class
        return [*names, "progression"], np.column_stack([bunch.data, bunch.target]), None
    return names, bunch.data, [str(bunch.target_names[code]) for code in bunch.target]


def write_bundled(path, names, values, texts):
    """As CSV, with the class of each row in a last column `label`."""
    if texts:
        write_csv(path, [*names, "label"], [[*row, text] for row, text in zip(values.tolist(), texts)])
    else:
        write_csv(path, names, values.tolist())


def main():
    parser = command_line.Parser(__doc__.split("\n")[0],
                                 epilog="A bundled set written with --to-csv has its classes in the column `label`.")
    parser.add_argument("table", nargs="?", help="CSV or TSV file; a header line is recognised by its texts")
    parser.add_argument("--sklearn", choices=BUNDLED, metavar="NAME",
                        help=f"a bundled set instead of a table: {', '.join(BUNDLED)}")
    parser.add_argument("--output", metavar="FILE.h5", help="HDF5 file to write")
    parser.add_argument("--to-csv", metavar="FILE.csv", help="write the bundled set as CSV")
    parser.add_argument("--label", metavar="COLUMN",
                        help="column that becomes the integer /label; its values become the `classes`")
    parser.add_argument("--drop", action="append", default=[], metavar="COLUMN",
                        help="column to leave out; may be repeated")
    parser.add_argument("--delimiter", help="character between fields (default: comma, semicolon or tab, whichever the "
                        "first line has most of)")
    parser.add_argument("--float64", action="store_true", help="keep double precision")
    options = parser.parse_args()
    if (options.table is None) == (options.sklearn is None):
        parser.error("give a table, or --sklearn NAME")
    if options.output is None and (options.to_csv is None or options.table):
        parser.error("give --output FILE.h5" + ("" if options.table else " or --to-csv FILE.csv"))
    if options.table and options.to_csv:
        parser.error("--to-csv goes with --sklearn")
    if options.sklearn and (options.label or options.drop):
        parser.error("--label and --drop go with a table")
    if options.delimiter is not None and len(options.delimiter) != 1:
        parser.error("--delimiter is one character")
    dtype = np.float64 if options.float64 else np.float32
    if options.table:
        shape = import_csv(options.table, options.output, options.label, options.drop, options.delimiter, dtype)
    else:
        names, values, texts = load_bundled(options.sklearn)
        shape = values.shape
        if options.to_csv:
            write_bundled(options.to_csv, names, values, texts)
        if options.output:
            write(options.output, names, [(values.astype(dtype), texts)], dtype, options.sklearn)
    print(f"{options.output or options.to_csv}: {shape[0]} rows x {shape[1]} columns", file=sys.stderr)


if __name__ == "__main__":
    command_line.run(main)
