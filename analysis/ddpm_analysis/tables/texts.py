"""CSV, TSV and other tables of text as columns of texts; pandas reads the rows."""
import contextlib
import io
import re
import warnings

import numpy as np

from ..failures import BadData, optional
from . import cells
from . import layout as layouts
from .columns import Column, Source, plural


TAIL_CHARACTERS = 1 << 16          # at the end of a file, which are looked at
NOTES_MAX = 30                     # lines below the table


def count_notes(rows, width):
    """How many of the last rows, lists of cells, are notes below the table: from the first one that has texts where the
    table has numbers, or that lacks most of its cells and has no number; those after it lack some. None are, where such
    rows stand among the others too."""
    missing = np.array([max(0, width - len(row)) for row in rows])
    shapes = np.array([[cells.shape_of(cell)[0] for cell in row[:width]] + ["gap"] * lack
                       for row, lack in zip(rows, missing)]).reshape(len(rows), width)
    is_text = shapes == "text"
    is_number = ~is_text & (shapes != "gap")
    numeric = is_number.sum(axis=0) > is_text.sum(axis=0)
    numbers, texts = is_number[:, numeric].sum(axis=1), is_text[:, numeric].sum(axis=1)
    is_note = (texts > numbers) | ((numbers == 0) & (missing > width / 2))
    others, notes = np.flatnonzero(~is_note & (missing == 0)), np.flatnonzero(is_note)
    if numeric.sum() < 2 or not notes.size or not others.size or notes[0] < others[-1]:
        return 0
    count = len(rows) - int(notes[0])
    return count if count <= NOTES_MAX else 0


class Remembering:
    """A file of text that keeps the end of what was read."""

    def __init__(self, file):
        self.file, self.end = file, ""

    def read(self, size=-1):
        text = self.file.read(size)
        self.end = (self.end + text)[-TAIL_CHARACTERS:]
        return text

    def __iter__(self):     # without it, pandas does not take this for a file
        return iter(self.file)


class TextTable(Source):
    """A text file. Its layout is found out once; the rows are read anew for each pass."""

    def __init__(self, path, options):
        self.path, self.options = path, options
        self.layout = layouts.find_layout(path, options.encoding, options.delimiter, options.header)
        super().__init__([Column(name, is_text=True) for name in self.layout.names], list(self.layout.notes))
        self.preferred_decimal = options.decimal or ("," if self.layout.delimiter == ";" else ".")
        self.checked = False   # what is said about rows is written by the first pass only
        self.below = 0         # lines below the table; counted by the first pass

    def read_all(self):
        """(data frame, whether it is the last one, the end of the text) for each bounded number of rows."""
        pandas = optional("pandas")
        width = len(self.columns)
        how = {"delim_whitespace": True} if self.layout.delimiter == " " else {"sep": self.layout.delimiter}
        with layouts.open_text(self.path, self.layout) as file, warnings.catch_warnings():
            for _ in range(self.layout.skipped):
                file.readline()
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            text = Remembering(file)
            with pandas.read_csv(text, header=None, names=range(width), index_col=False, dtype=str, na_filter=False,
                                 chunksize=self.rows_at_once(), skipinitialspace=True,
                                 on_bad_lines="warn" if self.options.skip_lines else "error", **how) as reader:
                held = None
                for frame in reader:
                    if held is not None:
                        yield held, False, ""
                    held = frame
                if held is not None:
                    yield held, True, text.end

    def without_notes(self, columns, end):
        """The last columns of texts without notes below the table."""
        if not self.checked:
            lines = end.splitlines(keepends=True)
            rows = layouts.split(lines[1:] if len(end) == TAIL_CHARACTERS else lines, self.layout.delimiter)
            self.below = count_notes(rows, len(columns)) if rows else 0
            if self.below and [row[0] for row in rows[-self.below:]] != columns[0][-self.below:]:
                self.below = 0      # cells of several lines
            if self.below:
                first = " ".join(rows[-self.below]).strip()[:40]
                self.notes.append(f"left out: {plural(self.below, 'line')} below the table ('{first}...')")
        return [column[:len(column) - self.below] for column in columns]

    def chunks(self):
        pandas = optional("pandas")
        said, blank, rows = io.StringIO(), 0, 0
        try:
            with contextlib.redirect_stderr(said):
                for frame, is_last, end in self.read_all():
                    columns = [[text.strip() for text in frame[name].fillna("")] for name in frame]
                    empty = [not any(row) for row in zip(*columns)] if "" in columns[0] else ()
                    if any(empty):
                        blank += sum(empty)
                        columns = [[text for text, gone in zip(column, empty) if not gone] for column in columns]
                    rows += len(frame)
                    yield self.without_notes(columns, end) if is_last else columns
        except pandas.errors.EmptyDataError:
            pass
        except UnicodeError as error:
            raise BadData(f"{self.path}: cannot be read as {self.layout.encoding} ({error}); --encoding names "
                          "another") from None
        except (pandas.errors.ParserError, pandas.errors.ParserWarning) as error:
            raise BadData(f"{self.path}: {self.explain(str(error))}") from None
        if not self.checked:
            self.checked = True
            bad = said.getvalue().count("Skipping line")
            self.notes += [f"left out: {plural(bad, 'line')} with too many cells"] * bool(bad)
            self.notes += [f"left out: {plural(blank, 'row')} without any cell filled"] * bool(blank)

    def explain(self, message):
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
        if found:
            return (f"line {int(found[2]) + self.layout.skipped} has {found[3]} cells, and the lines above it have "
                    f"{found[1]}; leave such lines out with --skip-lines, or name another --delimiter")
        if "Length of header or names" in message:
            return (f"the first row has more cells than the header's {len(self.columns)} names; name another "
                    "--delimiter, or --no-header")
        return f"not a text table that can be read ({' '.join(message.split())})"
