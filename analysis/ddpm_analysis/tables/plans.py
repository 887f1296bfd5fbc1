"""What becomes of a column, and its values as they are written."""
import functools
from dataclasses import dataclass, field

import numpy as np

from .columns import GAP_CLASS, Numbers, finite


def text_of_number(value):
    return str(int(value)) if float(value).is_integer() else repr(value)


@dataclass
class Plan:
    """Of one column. `values` gives numbers [n][width] with gaps masked, of what the source gives."""

    column: object
    kind: str = "unreadable"
    role: str = "out"          # "number", "classes" (one column each), "codes" (beside the data), "out"
    distinct: str = ""
    gaps: int = 0
    done: str = ""
    advice: list = field(default_factory=list)
    decode: object = None      # from texts, or what the source gives, to a masked array
    numbers: Numbers = None
    classes: list = None
    beside: str = None         # the dataset of class codes
    lost: str = ""             # a text that is none of the dates or durations
    unit: str = ""             # of dates and times, or what the file says
    format: str = None         # in which strftime writes them as they were
    read: str = ""             # how numbers were written: with decimal commas, beside texts that are gaps
    kept: np.ndarray = None    # positions of a wide column that are not empty
    fill: np.ndarray = None
    offset: int = 0
    marked: np.ndarray = None  # positions that get a column that marks gaps
    marked_by: str = ""        # another column, which has gaps in the same rows
    fits32: bool = True
    whole: bool = True

    def codes(self, values):
        """Class codes [n], and which are gaps. A gap has the code after the last class."""
        if self.column.is_text:
            last = len(self.codes_of)
            codes = np.array([self.codes_of.get(text, last) for text in values], np.int64)
        else:
            values = np.ma.asarray(self.decode(values))
            codes = values.filled(0).astype(np.int64) if self.column.classes is not None else np.array(
                [self.codes_of.get(text_of_number(value), 0) for value in values.filled(0).tolist()], np.int64)
            codes = np.where(np.ma.getmaskarray(values), len(self.codes_of), codes)
        return codes, codes == len(self.codes_of)

    @property
    def is_date(self):
        """Or a time, or a duration: what its numbers count is to be kept."""
        return self.kind in ("dates", "times", "durations")

    @functools.cached_property
    def codes_of(self):
        return {text: code for code, text in enumerate(self.classes)}

    # ---- the columns of /data

    def names(self, mark_gaps):
        if self.role == "number":
            names = [self.column.names()[index] for index in self.kept]
            return names + [f"{name}=gap" for name, marked in zip(names, self.marked) if marked and mark_gaps]
        if self.role == "classes":
            classes = self.shown_classes(mark_gaps)
            return [f"{self.column.name}={text}" for text in (classes[1:] if len(classes) == 2 else classes)]
        return []

    def shown_classes(self, mark_gaps):
        return [*self.classes, GAP_CLASS] if self.gaps and mark_gaps else self.classes

    def convert(self, values, gaps):
        """([n][k] numbers for /data, which rows have a gap); `gaps` is "mark", "rows" or "keep"."""
        if self.role == "classes":
            codes, missing = self.codes(values)
            table = np.eye(len(self.classes) + 1, len(self.shown_classes(gaps == "mark")))[codes]
            if gaps == "keep":
                table[missing] = np.nan
            return (table[:, 1:] if table.shape[1] == 2 else table), missing
        values = finite(self.decode(values), self.column.width)
        if len(self.kept) < self.column.width:
            values = values[:, self.kept]
        missing = np.ma.getmaskarray(values)
        if self.offset:
            values = values - self.offset
        if gaps == "keep" and missing.any():
            return values.astype(np.float64).filled(np.nan), missing.any(axis=1)
        filled = np.where(missing, self.fill.astype(values.dtype, copy=False), values.data) if missing.any() \
            else values.data
        marks = missing[:, self.marked] if gaps == "mark" else missing[:, :0]
        table = np.concatenate([filled, marks.astype(filled.dtype)], axis=1) if marks.shape[1] else filled
        return table, missing.any(axis=1)
