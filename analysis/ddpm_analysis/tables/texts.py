"""CSV, TSV and other tables of text as columns of texts; pandas reads the rows."""
import contextlib
import io
import re
import shlex
import warnings

import numpy as np

from ..failures import BadData, optional
from . import cells
from . import layout as layouts
from .columns import Column, Source, plural


TAIL_CHARACTERS = 1 << 16          # at the end of a file, which are looked at
NOTES_MAX = 30                     # lines below the table
SAMPLE_ROWS = 200                  # that show which columns are of numbers
COMMENT = re.compile(r"(#|%|//|@)(?!\d)").match               # within a table; #5 is a number's name


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


def find_comments(rows):
    """Which rows, lists of cells that are "" where a row lacks them, are comments: they begin as comments do, most
    others do not, and they lack the last cell or have a text where the table has numbers."""
    begins = [index for index, row in enumerate(rows) if COMMENT(row[0]) and row[0].lower() not in cells.GAPS]
    if not begins or len(begins) > len(rows) / 2:
        return []
    others = [row for row in rows[:2 * SAMPLE_ROWS] if not COMMENT(row[0])]
    shapes = [[cells.shape_of(cell)[0] for cell in column] for column in zip(*others)]
    numeric = [column.count("text") < 0.1 * (len(column) - column.count("gap")) for column in shapes]
    return [index for index in begins if not rows[index][-1] or any(
        is_numeric and cells.shape_of(cell)[0] == "text" for cell, is_numeric in zip(rows[index], numeric))]


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
        self.comments = []     # within the table; by the first pass
        self.kept = None       # the columns of a table that is one chunk

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
            gone = set(find_comments([[*row, *[""] * (len(columns) - len(row))] for row in rows]))
            rows = [row for index, row in enumerate(rows) if index not in gone]
            self.below = count_notes(rows, len(columns)) if rows else 0
            if self.below and [row[0] for row in rows[-self.below:]] != columns[0][-self.below:]:
                self.below = 0      # cells of several lines
            if self.below:
                first = " ".join(rows[-self.below]).strip()[:40]
                self.notes.append(f"left out: {plural(self.below, 'line')} below the table ('{first}...')")
        return [column[:len(column) - self.below] for column in columns]

    def without_comments(self, columns):
        """Columns of texts, without comments."""
        if any(map(COMMENT, columns[0])):
            rows = list(zip(*columns))
            gone = set(find_comments(rows))
            if not self.checked:
                self.comments += [" ".join(filter(None, rows[index]))[:40] for index in sorted(gone)]
            columns = [[text for index, text in enumerate(column) if index not in gone] for column in columns]
        return columns

    def refuse_short(self, columns, is_last):
        """Where spaces part the cells, nobody knows which ones a row lacks, unless the table ends with it."""
        if self.layout.delimiter == " " and "" in columns[-1][:-1 if is_last else None]:
            row = next(row for row in zip(*columns) if not row[-1])
            present = list(filter(None, row))
            raise BadData(f"{self.path}: the row {' '.join(present)[:40]!r} has {len(present)} of {len(row)} cells; "
                          f"{self.by_position()}")

    def by_position(self):
        """What helps with a table whose columns are told apart by their positions in the lines."""
        code = f"import pandas; pandas.read_fwf({self.path!r}).to_csv('columns.csv', index=False)"
        return f"if columns stand at fixed places, write them with commas: {shlex.join(['python3', '-c', code])}"

    def chunks(self):
        if self.kept is not None:
            yield self.kept
            return
        pandas = optional("pandas")
        said, blank, count = io.StringIO(), 0, 0
        try:
            with contextlib.redirect_stderr(said):
                for frame, is_last, end in self.read_all():
                    columns = [[text.strip() if isinstance(text, str) else "" for text in column]
                               for column in frame.to_numpy(object).T.tolist()]
                    if "" in columns[0]:
                        empty = [not any(row) for row in zip(*columns)]
                        blank += sum(empty)
                        columns = [[text for text, gone in zip(column, empty) if not gone] for column in columns]
                    count += 1
                    columns = self.without_comments(columns)
                    if is_last:
                        columns = self.without_notes(columns, end)
                    self.refuse_short(columns, is_last)
                    self.kept = columns if count == 1 and is_last else None
                    yield columns
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
            if self.comments:
                self.notes.append(f"left out: {plural(len(self.comments), 'comment line')} within the table "
                                  f"({self.comments[0]!r})")
            self.notes += [f"left out: {plural(bad, 'line')} with too many cells"] * bool(bad)
            self.notes += [f"left out: {plural(blank, 'row')} without any cell filled"] * bool(blank)

    def explain(self, message):
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
        if found:
            helps = self.by_position() if self.layout.delimiter == " " else "name another --delimiter"
            return (f"line {int(found[2]) + self.layout.skipped} has {found[3]} cells, and the lines above it have "
                    f"{found[1]}; leave such lines out with --skip-lines, or {helps}")
        if "Length of header or names" in message:
            return (f"the first row has more cells than the header's {len(self.columns)} names; name another "
                    "--delimiter, or --no-header")
        return f"not a text table that can be read ({' '.join(message.split())})"
