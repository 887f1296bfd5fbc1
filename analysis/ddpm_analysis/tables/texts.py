"""CSV, TSV and other tables of text as columns of texts; pandas reads the rows."""
import contextlib
import io
import re
import warnings

from ..failures import BadData, optional
from . import layout as layouts
from .columns import Column, Source, plural


class TextTable(Source):
    """A text file. Its layout is found out once; the rows are read anew for each pass."""

    def __init__(self, path, options):
        self.path, self.options = path, options
        self.layout = layouts.find_layout(path, options.encoding, options.delimiter, options.header)
        super().__init__([Column(name, is_text=True) for name in self.layout.names], list(self.layout.notes))
        self.preferred_decimal = options.decimal or ("," if self.layout.delimiter == ";" else ".")
        self.checked = False   # notes about rows are written by the first pass only

    def read_all(self):
        """Data frames of a bounded number of rows."""
        pandas = optional("pandas")
        width = len(self.columns)
        how = {"delim_whitespace": True} if self.layout.delimiter == " " else {"sep": self.layout.delimiter}
        with layouts.open_text(self.path, self.layout) as file, warnings.catch_warnings():
            for _ in range(self.layout.skipped):
                file.readline()
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            with pandas.read_csv(file, header=None, names=range(width), index_col=False, dtype=str, na_filter=False,
                                 chunksize=self.rows_at_once(), skipinitialspace=True,
                                 on_bad_lines="warn" if self.options.skip_lines else "error", **how) as reader:
                yield from reader

    def chunks(self):
        pandas = optional("pandas")
        said, blank, rows = io.StringIO(), 0, 0
        try:
            with contextlib.redirect_stderr(said):
                for frame in self.read_all():
                    columns = [[text.strip() for text in frame[name].fillna("")] for name in frame]
                    empty = [not any(row) for row in zip(*columns)] if "" in columns[0] else ()
                    if any(empty):
                        blank += sum(empty)
                        columns = [[text for text, gone in zip(column, empty) if not gone] for column in columns]
                    rows += len(frame)
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
