"""What attributes of a dataset say of its values, in netCDF's and HDF5's conventions: which stand for nothing, and how
the others are scaled. All of it is obeyed, or the dataset is refused."""
from dataclasses import dataclass, field

import h5py
import numpy as np

from ..failures import BadData

OBEYED = ("_FillValue", "missing_value", "valid_range", "valid_min", "valid_max", "scale_factor", "add_offset",
          "_Unsigned")


@dataclass
class Conventions:
    """Of one dataset; `values` applies them."""

    unsigned: np.dtype = None
    fills: list = field(default_factory=list)
    low: float = None
    high: float = None
    unpacked_range: bool = False           # the valid range is one of scaled values
    scale: float = 1.0
    offset: float = 0.0
    own_fill: bool = False                 # HDF5's fill value; of bytes, every value may be data
    found: list = field(default_factory=list)

    def values(self, raw):
        """A masked array of the values that are meant."""
        if self.unsigned is not None:
            raw = raw.view(self.unsigned) if raw.flags.c_contiguous else np.ascontiguousarray(raw).view(self.unsigned)
        mask = np.zeros(raw.shape, bool)
        for fill in self.fills:
            mask |= np.isnan(raw) if fill != fill else raw == fill
        if not self.unpacked_range:
            mask |= self.outside(raw)
        values = raw
        if self.scale != 1 or self.offset != 0:
            values = raw.astype(np.float64) * self.scale + self.offset
        if self.unpacked_range:
            mask |= self.outside(values)
        return np.ma.array(values, mask=mask)

    def outside(self, values):
        mask = np.zeros(values.shape, bool)
        if self.low is not None:
            mask |= values < self.low
        if self.high is not None:
            mask |= values > self.high
        return mask


def attribute(dataset, name, count=None):
    """An attribute as a list of numbers, or None."""
    if name not in dataset.attrs:
        return None
    value = np.atleast_1d(dataset.attrs[name])
    if value.dtype.kind not in "biuf" or (count is not None and value.size != count):
        raise BadData(f"{dataset.file.filename}: {dataset.name}: attribute {name!r} is {value.tolist()}, and "
                      f"{count or 'some'} numbers are expected; mend or remove it, or leave the column out with --drop")
    return value.ravel()


def conventions_of(dataset, is_own=False):
    """Read them; `found` says which there are. `gap` is one of `ddpm`'s own tables alone."""
    rules = Conventions()
    if dataset.dtype.kind not in "biuf":
        return rules
    unsigned = dataset.attrs.get("_Unsigned")
    if unsigned is not None and dataset.dtype.kind == "i" and \
            (unsigned.decode() if isinstance(unsigned, bytes) else str(unsigned)).lower() == "true":
        rules.unsigned = np.dtype(dataset.dtype.str.replace("i", "u"))
    packed = rules.unsigned or dataset.dtype

    def in_file(values):
        """Numbers of the dataset's own type, whose bits _Unsigned reads anew."""
        with np.errstate(all="ignore"):
            return values.astype(dataset.dtype).view(rules.unsigned) if rules.unsigned is not None and \
                values.dtype.kind == "i" else values.astype(packed) if packed.kind in "iu" else values
    for name in ("_FillValue", "missing_value"):
        value = attribute(dataset, name)
        if value is not None:
            rules.fills += in_file(value).tolist()
    own = getattr(dataset, "fillvalue", None)
    if own is not None and np.ndim(own) == 0 and own != 0 and not rules.fills and dataset.dtype.itemsize > 1:
        rules.fills, rules.own_fill = in_file(np.atleast_1d(np.asarray(own))).tolist(), True
    scale, offset = attribute(dataset, "scale_factor", 1), attribute(dataset, "add_offset", 1)
    rules.scale = 1.0 if scale is None else float(scale[0])
    rules.offset = 0.0 if offset is None else float(offset[0])
    limits = [attribute(dataset, "valid_min", 1), attribute(dataset, "valid_max", 1)]
    both = attribute(dataset, "valid_range", 2)
    if both is not None:
        limits = [both[:1], both[1:]]
    given = [limit for limit in limits if limit is not None]
    # the conventions of netCDF: a range of a type that is wider than the packed one is one of unpacked values
    rules.unpacked_range = (scale is not None or offset is not None) and dataset.dtype.kind in "iu" and any(
        limit.dtype.kind == "f" for limit in given)
    rules.low, rules.high = (None if limit is None else (limit if rules.unpacked_range else in_file(limit))[0].item()
                             for limit in limits)
    gap = attribute(dataset, "gap", 1) if is_own and not h5py.check_enum_dtype(dataset.dtype) else None
    if gap is not None:
        rules.fills.append(gap[0].item())
    rules.fills = list(dict.fromkeys(rules.fills))
    rules.found = [name for name in OBEYED if name in dataset.attrs]
    return rules
