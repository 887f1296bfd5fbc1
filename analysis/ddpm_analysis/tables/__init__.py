"""Tables as people have them (text, HDF5 of many kinds, Parquet) as the HDF5 file that `ddpm train` reads.

`open_source` finds out what a file is; `layout` and `texts` read text, `hdf5`, `matlab`, `pandas_files` and `anndata`
the kinds of HDF5; `cells` knows what a text may stand for; `columns` counts over columns; `planner` decides what
becomes of each, `plans`; `importer` does it all.
"""
from . import bundled
from .importer import Options, default_output, import_table, is_ours
from .sources import open_source

__all__ = ["Options", "bundled", "default_output", "import_table", "is_ours", "open_source"]
