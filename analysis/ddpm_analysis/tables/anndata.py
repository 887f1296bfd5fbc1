"""AnnData files (.h5ad): a matrix X of observations by variables, dense or sparse, and what is known of each."""
import h5py
import numpy as np

from ..failures import BadData, optional
from ..hdf5 import text_of
from .columns import Column
from .hdf5 import ReaderTable, dataset_columns, texts_of, typed_column


def is_kind(file):
    encoding = file.attrs.get("encoding-type")
    return (encoding is not None and text_of(encoding) == "anndata") or {"X", "obs", "var"} <= set(file)


def matrix(node, path, names):
    """(rows, Column, function) of X."""
    if isinstance(node, h5py.Dataset):
        rows, width = node.shape

        def read(start, stop):
            return np.ma.asarray(node[start:stop])
    else:
        rows, width, read = sparse_matrix(node, path)
    return rows, Column("X", width=width, parts=names if len(names) == width else None), read


def sparse_matrix(node, path):
    """(rows, columns, function that gives rows as a dense array)."""
    kind = text_of(node.attrs.get("encoding-type", node.attrs.get("h5sparse_format", "csr")))[:3]
    rows, width = map(int, node.attrs["shape" if "shape" in node.attrs else "h5sparse_shape"])
    sparse = optional("scipy.sparse")
    data, indices, starts = node["data"], node["indices"], node["indptr"][()]
    if kind not in ("csr", "csc"):
        raise BadData(f"{path}: {node.name} is of the unknown kind {kind!r}; expected a dense array, csr or csc")
    if kind == "csc":  # by columns, so that no part of it holds whole rows
        whole = sparse.csc_matrix((data[()], indices[()], starts), (rows, width)).tocsr()
        data, indices, starts = whole.data, whole.indices, whole.indptr

    def read(start, stop):
        part = slice(int(starts[start]), int(starts[stop]))
        return np.ma.asarray(sparse.csr_matrix((data[part], indices[part], starts[start:stop + 1] - part.start),
                                               (stop - start, width)).toarray())
    return rows, width, read


def categories(name, node):
    """A group of codes and categories."""
    texts = texts_of(node["categories"][()].ravel()) if node["categories"].dtype.kind in "OSU" else \
        [str(value) for value in node["categories"][()].tolist()]
    codes = node["codes"]
    return Column(name, classes=texts, found="categories of the file"), lambda start, stop: np.ma.masked_less(
        codes[start:stop], 0)


def frame_columns(group):
    """[(Column, function)] of a data frame, without its index."""
    if isinstance(group, h5py.Dataset):
        return [(column, read) for column, read in typed_column("", group.dtype, lambda start, stop: group[start:stop])
                if column.name != "index"]
    index = text_of(group.attrs.get("_index", "_index"))
    order = [text_of(item) for item in group.attrs.get("column-order", ())] or list(group)
    pairs = []
    for name in order:
        node = group.get(name)
        if name in (index, "__categories") or node is None:
            continue
        if isinstance(node, h5py.Dataset):
            old = node.attrs.get("categories")
            if isinstance(old, h5py.Reference):
                texts = texts_of(node.file[old][()].ravel())
                pairs.append((Column(name, classes=texts, found="categories of the file"),
                              lambda start, stop, node=node: np.ma.masked_less(node[start:stop], 0)))
            else:
                pairs += dataset_columns(name, node)
        elif {"codes", "categories"} <= set(node):
            pairs.append(categories(name, node))
        elif {"values", "mask"} <= set(node):
            pairs.append((Column(name), lambda start, stop, node=node: np.ma.array(node["values"][start:stop],
                                                                                   mask=node["mask"][start:stop])))
        else:
            pairs.append((Column(name, unreadable="a group of an unknown kind"), None))
    return pairs


def index_of(group):
    if isinstance(group, h5py.Dataset):
        return texts_of(group["index"]) if "index" in (group.dtype.names or ()) else []
    name = text_of(group.attrs.get("_index", "_index"))
    return texts_of(group[name][()]) if name in group else []


def open_table(file, path, wanted):
    layer = wanted.strip("/") if wanted else "X"
    if layer not in file:
        raise BadData(f"{path}: no {layer!r}; a file of AnnData holds X, layers/NAME or obsm/NAME")
    names = index_of(file["var"]) if layer == "X" or layer.startswith("layers") else []
    rows, column, read = matrix(file[layer], path, names)
    pairs = [(column, read), *frame_columns(file["obs"])]
    others = [f"{group}/{name}" for group in ("layers", "obsm") for name in file.get(group, ())]
    notes = [f"table: AnnData, {layer} with {rows} rows, and obs"]
    notes += [f"not taken: {', '.join(others)}; FILE.h5ad:NAME takes one in the place of X"] * bool(others)
    return ReaderTable(path, rows, pairs, notes)
