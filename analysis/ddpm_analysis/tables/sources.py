"""What kind of file a table is, by its first bytes."""
import os
import shlex

import h5py
import numpy as np

from ..failures import BadData, Missing
from .columns import Column, Source
from .hdf5 import open_hdf5
from .texts import TextTable

OTHERS = ((b"CDF", "a netCDF file of the classic format; convert it with: nccopy -k netCDF-4 {word} new.nc"),
          (b"PK\x03\x04", "a zip archive or a spreadsheet; unpack it, or save the sheet as CSV"),
          (b"\xd0\xcf\x11\xe0", "an old spreadsheet; save it as CSV"),
          (b"\x93NUMPY", "a NumPy array; write it with h5py: h5py.File('new.h5', 'w')['data'] = numpy.load({path!r})"),
          (b"MATLAB 5.0", "a MATLAB file older than 7.3; save it with: save('new.mat', '-v7.3')"),
          (b"RDX", "a file of R; write the table with: write.csv(table, 'table.csv', row.names = FALSE)"),
          (b"%PDF", "a PDF document"))


class FrameTable(Source):
    """A data frame of pandas in memory."""

    def __init__(self, path, frame, notes=()):
        self.path, self.frame = path, frame
        super().__init__([self.column(str(name), frame.iloc[:, index]) for index, name in enumerate(frame.columns)],
                         notes)

    @staticmethod
    def column(name, values):
        if values.dtype.name == "category":
            return Column(name, classes=[str(item) for item in values.cat.categories], ordered=values.cat.ordered)
        numeric = values.dtype.name.lower().startswith(("int", "uint", "float", "bool"))
        return Column(name, is_text=not numeric)

    def chunks(self):
        rows = self.rows_at_once()
        for start in range(0, len(self.frame), rows):
            part = self.frame.iloc[start:start + rows]
            yield [self.values(column, part.iloc[:, index]) for index, column in enumerate(self.columns)]

    @staticmethod
    def values(column, values):
        gaps = values.isna().to_numpy()
        if column.classes is not None:
            return np.ma.array(values.cat.codes.to_numpy(), mask=gaps)
        if column.is_text:
            return ["" if gap else str(item).strip() for item, gap in zip(values, gaps)]
        if values.dtype.kind in "biuf":
            return np.ma.array(values.to_numpy(), mask=gaps)
        kind = np.float64 if values.dtype.name.lower().startswith("float") else np.int64
        return np.ma.array(values.fillna(0).to_numpy(kind), mask=gaps)


def open_parquet(path):
    """pandas reads Parquet with one of two modules, none of which is a package of Debian 12."""
    try:
        import pandas
        return FrameTable(path, pandas.read_parquet(path).reset_index(drop=True))
    except ImportError:
        raise Missing(
            f"{path}: a Parquet file, which pandas reads with pyarrow or fastparquet, and this Python has neither; "
            f"convert it where one is: python3 -c \"import pandas; pandas.read_parquet({path!r}).to_csv('table.csv', "
            "index=False)\"; pip install pandas pyarrow, in a virtual environment, makes one") from None
    except (OSError, ValueError) as error:
        raise BadData(f"{path}: a Parquet file that cannot be read ({error})") from None


def open_source(path, options):
    if not os.path.isfile(path):
        raise Missing(f"{path}: no such file")
    with open(path, "rb") as file:
        first = file.read(600)
    if not first:
        raise BadData(f"{path}: empty")
    if first.startswith(b"PAR1"):
        return open_parquet(path)
    if h5py.is_hdf5(path):
        return open_hdf5(path, options)
    for mark, what in OTHERS:
        if first.startswith(mark):
            raise BadData(f"{path}: {what.format(path=path, word=shlex.quote(path))}")
    return TextTable(path, options)
