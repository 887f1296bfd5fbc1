"""How a text table is written: compression, encoding, delimiter, lines before the table, and whether its first line is
a header. Each finding has a sentence for the user, since it is a guess."""
import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import shlex
from collections import Counter
from dataclasses import dataclass, field

from ..failures import BadData
from . import cells
from .dates import date_format

PIECE = 1 << 20
SAMPLE_LINES, SAMPLE_BYTES = 300, 1 << 20
COMPRESSED = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open))
PRINTERS = {open: "cat", gzip.open: "zcat", bz2.open: "bzcat", lzma.open: "xzcat"}
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
DELIMITERS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", " ": "spaces"}
COMMENT = re.compile(r"\s*(#|%|//|@)").match
NAMED_DELIMITER = re.compile(r'"?sep=(.)"?\s*').fullmatch     # as spreadsheets write it above a table
C_COMMENT = re.compile(r"\s*/\*").match


@dataclass
class Layout:
    """What is known of a text table before its rows are read."""

    opener: object             # gzip.open, ..., or open
    encoding: str
    delimiter: str = ","       # " ": any number of spaces
    skipped: int = 0           # lines before the first row
    names: list = field(default_factory=list)
    notes: list = field(default_factory=list)


def open_text(path, layout):
    return io.TextIOWrapper(layout.opener(path, "rb"), layout.encoding, newline="")


# ---- bytes

def find_encoding(path, opener):
    """UTF-8 where it can be, else what a byte order mark or zero bytes say, else Windows' Latin-1."""
    with opener(path, "rb") as file:
        first = file.read(PIECE)
        for mark, name in MARKS:
            if first.startswith(mark):
                return name
        head = first[:2000]
        if head.count(0) > len(head) // 5:
            return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
        if 0 in head and not re.fullmatch(rb"[^\x01-\x08\x0e-\x1f]*\n[^\x01-\x08\x0e-\x1f]*", head):
            raise BadData(f"{path}: not a text table, and of no other kind that is known (CSV, TSV, HDF5, Parquet)")
        for name in ("utf-8", "cp1252"):
            decoder = codecs.getincrementaldecoder(name)()
            file.seek(0)
            try:
                while piece := file.read(PIECE):
                    if 0 in piece:
                        raise BadData(f"{path}: byte {file.tell() - len(piece) + piece.index(0)} (from 0) is zero, as "
                                      f"in no text; remove such bytes: {PRINTERS[opener]} {shlex.quote(path)} | "
                                      "tr -d '\\000' > mended.csv")
                    decoder.decode(piece)
                decoder.decode(b"", final=True)
                return name
            except UnicodeDecodeError:
                pass
    return "latin-1"


def sample_of(path, layout):
    """The first lines of the file; the last one may lack its end, and is left out of a long file."""
    with open_text(path, layout) as file:
        text = file.read(SAMPLE_BYTES)
    lines = io.StringIO(text, newline="").readlines()
    return lines[:-1] if len(text) == SAMPLE_BYTES and len(lines) > 1 else lines


# ---- lines

def split(lines, delimiter):
    """Lines as lists of stripped cells; empty lines are left out."""
    if delimiter == " ":
        lines = [re.sub(r"[ \t]+", " ", line.strip()) for line in lines]
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        rows = [line.rstrip("\r\n").split(delimiter) for line in lines]
    rows = [[cell.strip() for cell in row] for row in rows]
    return [row for row in rows if any(row)]


def lines_of(row):
    """Of how many lines a row was made: quoted cells may have several."""
    return 1 + sum(cell.count("\n") for cell in row)


def usual_width(rows):
    """(the number of cells that most rows have, the share of rows that have it)."""
    if not rows:
        return 0, 0.0
    width, count = Counter(map(len, rows)).most_common(1)[0]
    return width, count / len(rows)


def find_delimiter(lines):
    found = [(delimiter, *usual_width(split(lines, delimiter))) for delimiter in DELIMITERS]
    several = [(share, delimiter) for delimiter, width, share in found if width > 1]
    steady = [delimiter for share, delimiter in several if share >= 0.9]
    if steady:
        return steady[0]
    share, delimiter = max(several, default=(0, ","), key=lambda pair: pair[0])
    return delimiter if share > 0.5 or delimiter != " " else ","


def cut_preamble(lines, delimiter):
    """(lines before the table, their number, the usual width). A title, or a line of a few counts, is narrower."""
    rows = [next(iter(split([line], delimiter)), []) for line in lines]
    width, _ = usual_width([row for row in rows[1:] if row] or rows[:1])
    start = 0
    while start < len(rows) - 1 and start < 50:
        filled = sum(map(bool, rows[start]))
        below = [cell for cell in rows[start + 1] if cell]
        titles = len(below) > width / 2 and not any(map(cells.is_number, below))
        narrow = len(rows[start]) not in (width, width - 1) or titles
        if not rows[start] or (width > 1 and 2 * filled < width and narrow) or \
                (width > 2 and filled == 1 and len(rows[start]) == 1):
            start += 1
        else:
            break
    return start, width


# ---- the header

NAME, VALUE, AGAIN = "name", "value", "again"


def is_name_above(name, column):
    """What the first cell of a column says: NAME, VALUE (it is like those below it), AGAIN (a text that is found below,
    which says less), or None."""
    below = [cells.shape_of(cell)[0] for cell in column]
    texts = below.count("text")
    numeric = 0 < len(below) - below.count("gap") and texts <= 0.1 * (len(below) - below.count("gap"))
    shape = cells.shape_of(name)[0]
    if shape == "gap":
        return None
    if numeric:
        return NAME if shape == "text" else VALUE
    dates = date_format([cell for cell, kind in zip(column, below) if kind == "text"][:50]) if texts else None
    if dates:
        return VALUE if date_format([name]) else NAME
    return AGAIN if name in column else None


def are_steps(row, columns):
    """Numbers that rise evenly across the columns and lie outside what is below them: wavelengths, years, ages."""
    pairs = [(float(name), column) for name, column in zip(row, columns)
             if cells.shape_of(name)[0] == "plain"]
    steps = [b[0] - a[0] for a, b in zip(pairs, pairs[1:])]
    if len(pairs) < 3 or not (min(steps) > 0 or max(steps) < 0):
        return False
    if max(map(abs, steps)) > 20 * min(map(abs, steps)):
        return False
    outside = 0
    for value, column in pairs:
        numbers = [float(cell) for cell in column if cells.shape_of(cell)[0] == "plain"]
        low, high = min(numbers, default=0), max(numbers, default=0)
        outside += not low - (high - low) <= value <= high + (high - low)
    return outside > 0.9 * len(pairs)


YEARS = 1500, 2200


def are_years(row, below):
    """Years that rise across the columns, of which no row below has as many: those of a wide table, beside other
    names."""
    def years_of(cells_of_row):
        years = [int(cells_of_row[index]) for index in places if index < len(cells_of_row) and
                 re.fullmatch(r"\d{4}", cells_of_row[index])]
        rise = len(years) == len(places) and all(a < b for a, b in zip(years, years[1:]))
        return rise and YEARS[0] <= years[0] and years[-1] <= YEARS[1]
    places = [index for index, cell in enumerate(row) if cells.is_number(cell)]
    return 2 <= len(places) < len(row) and years_of(row) and not any(map(years_of, below))


def find_header(rows):
    """(whether the first row is a header, why)."""
    first, below = rows[0], rows[1:200]
    columns = [[row[index] for row in below if index < len(row)] for index in range(len(first))]
    if not below:
        return not any(map(cells.is_number, first)), "it is the only line"
    votes = [is_name_above(name, column) for name, column in zip(first, columns)]
    names, values = votes.count(NAME), votes.count(VALUE)
    if not first[0] and len(first) > 1 and all(first[1:]) and "" not in columns[0]:
        return True, "only its first cell is empty, as above names of rows"
    if values and are_steps(first, columns):
        return True, "its numbers rise evenly and lie outside those below"
    if names and are_years(first, below):
        return True, "years rise across its columns, and in no line below"
    if names > values:
        return True, f"a text stands above numbers in {names} of {len(first)} columns"
    if values or AGAIN in votes:
        return False, f"in {values + votes.count(AGAIN)} of {len(first)} columns it is of the kind of the lines below"
    filled = [cell for cell in first if cell]
    if filled and len(set(filled)) == len(filled) and not any(map(cells.is_number, filled)):
        return True, "its texts differ and are not found below"
    return False, "it has no texts that could be names"


# ---- all of it

def comment_names(comments, width):
    """Names in comments above the rows: numpy's savetxt, or @attribute lines of ARFF and KEEL files."""
    attributes = [re.match(r"\s*@attribute\s+('[^']*'|\"[^\"]*\"|[^\s{]+)", line, re.IGNORECASE) for line in comments]
    names = [found.group(1).strip("'\"") for found in attributes if found]
    if len(names) == width:
        return names
    for line in reversed(comments):
        text = re.sub(r"^\s*(#|%|//)+\s*", "", line).strip()
        for delimiter in DELIMITERS:
            row = next(iter(split([text], delimiter)), [])
            if len(row) == width and not all(map(cells.is_number, row)):
                return row
    return None


def find_opener(path):
    with open(path, "rb") as file:
        first = file.read(8)
    return next((opener for mark, opener in COMPRESSED if first.startswith(mark)), open)


def choose_header(layout, rows, width, comments, wanted):
    """Set the names and count the header's lines; `rows` are those of the sample."""
    named = comment_names(comments, width) if comments else None
    has_header, why = find_header(rows) if wanted is None else (wanted, "as told")
    if has_header and named and wanted is None and "above numbers" not in why:
        has_header = False
    if has_header:
        layout.names, layout.skipped = rows[0], layout.skipped + lines_of(rows[0])
        layout.notes.append(f"header: the first line, since {why}; --no-header makes it a row" if wanted is None else
                            "header: the first line, as told")
    elif named:
        layout.names = named
        layout.notes.append("header: the comment above the rows")
    else:
        layout.names = [f"x{index + 1}" for index in range(width)]
        layout.notes.append(f"header: none; the first line is a row, since {why}; --header makes it the header"
                            if wanted is None else "header: none, as told")
    if len(layout.names) == width - 1:
        layout.names = ["", *layout.names]
        layout.notes.append("header: it has a name less than the rows have cells, so the first column is of row names")
    layout.names += [""] * (width - len(layout.names))
    if has_header and wanted is None and len(rows) > 3 and not any(map(cells.is_number, rows[1])):
        below, why = find_header(rows[1:])
        if below and "above numbers" in why:
            layout.skipped += lines_of(rows[1])
            layout.notes.append(f"units: the second line ({', '.join(rows[1][:5])}...) is left out, since {why}")


def find_layout(path, encoding=None, delimiter=None, header=None):
    """Look at the first lines; `header` is True, False, or None to decide."""
    opener = find_opener(path)
    layout = Layout(opener, encoding or find_encoding(path, opener))
    try:
        lines = sample_of(path, layout)
    except (UnicodeDecodeError, LookupError) as error:
        raise BadData(f"{path}: cannot be read as {layout.encoding} ({error}); --encoding names another") from None
    if layout.encoding not in ("utf-8", "utf-8-sig"):
        layout.notes.append(f"encoding: {layout.encoding}; --encoding says otherwise")
    named = NAMED_DELIMITER(lines[0]) if lines else None
    if named:
        layout.skipped, delimiter = 1, delimiter or named[1]
        layout.notes.append(f"left out: the line {lines[0].strip()!r}, which names the delimiter")
    if lines and C_COMMENT(lines[0]):
        layout.skipped = next((index + 1 for index, line in enumerate(lines) if "*/" in line), 0)
    while layout.skipped < len(lines) and (not lines[layout.skipped].strip() or COMMENT(lines[layout.skipped])):
        layout.skipped += 1
    comments, lines = lines[:layout.skipped], lines[layout.skipped:layout.skipped + SAMPLE_LINES]
    if not lines and comments:
        layout.skipped -= 1    # a header that begins with a hash, and nothing below it
    if not lines:
        raise BadData(f"{path}: no rows" if comments else f"{path}: empty")
    layout.delimiter = delimiter or find_delimiter(lines)
    layout.notes.append(f"delimiter: {DELIMITERS.get(layout.delimiter, repr(layout.delimiter))}")
    preamble, _ = cut_preamble(lines, layout.delimiter)
    if preamble:
        layout.skipped += preamble
        shown = lines[0].strip()[:40]
        layout.notes.append(f"left out: {preamble} line{'s' * (preamble > 1)} before the table ('{shown}...')")
    rows = split(lines[preamble:], layout.delimiter)
    width, _ = usual_width(rows[1:] or rows)
    width = max(width, len(rows[0]) if header is not False else 0)
    choose_header(layout, rows, width, comments, header)
    return layout
