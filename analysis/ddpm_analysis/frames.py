"""Tables with columns of several kinds, data and samples of them alike, as data frames of pandas."""
import datetime
import re

import h5py
import numpy as np

from . import durations
from .failures import BadData, optional
from .hdf5 import get_names, open_h5, read_texts, split_source, text_of

DEFAULTS = ("samples", "draws", "table", "data")
DAYS, SECONDS, CLOCK = "days since 1970-01-01", "seconds since 1970-01-01", "seconds since midnight"
UNITS = {DAYS: "D", SECONDS: "s"}
BY_UNITS = {DAYS: "%Y-%m-%d", SECONDS: "%Y-%m-%d %H:%M:%S"}    # how dates are written that have no form of their own
EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)
PANDAS = -9223372036854775, 9223372036854775                  # microseconds since 1970 that pandas' dates may have


def read_frame(source, dataset=None):
    """Read FILE.h5[:dataset]: a group with a dataset for each column, or an array of numbers.

    Numbers are numbers, whole ones stay whole beside gaps (Int64), dates are dates (Python's, as objects, of a column
    with some that pandas cannot hold: before 1677-09-21), members of enumerations are categories by their names, and
    gaps are missing values. Times of day and durations are the numbers of the file;
    attrs["units"] has the units of each column that names them, attrs["formats"] the form in which they were written.
    The rows of /draws are numbered by draw and row.
    """
    pandas = optional("pandas")
    path, named = split_source(source)
    with open_h5(path) as file:
        name = dataset or named or next((name for name in DEFAULTS if name in file), DEFAULTS[0])
        if name not in file:
            raise BadData(f"{path}: no dataset or group {name!r}; it has {', '.join(file) or 'none'}")
        node = file[name]
        if isinstance(node, h5py.Dataset):
            return array_frame(pandas, node, path)
        names = get_names("columns", node) or [name for name in node if isinstance(node[name], h5py.Dataset)]
        missing = [name for name in names if not isinstance(node.get(name), h5py.Dataset)]
        if missing or not names:
            raise BadData(f"{path}: {node.name} has no column {missing[0]!r}" if missing else
                          f"{path}: {node.name} has no columns")
        shapes = {node[name].shape for name in names}
        if len(shapes) > 1 or len(next(iter(shapes))) not in (1, 2):
            raise BadData(f"{path}: the columns of {node.name} have the shapes {sorted(shapes)}; expected one, [rows] "
                          "or [draws][rows]")
        frame = pandas.DataFrame({name: column_series(pandas, node[name]) for name in names})
        frame.attrs["units"], formats = ({name: text_of(node[name].attrs[key]) for name in names
                                          if key in node[name].attrs} for key in ("units", "format"))
        frame.attrs["formats"] = {name: form for name, form in formats.items()
                                  if is_form_of(frame.attrs["units"].get(name), form)}
        return number_draws(pandas, frame, *shapes)


def is_form_of(units, form):
    """Whether a form writes dates, times or durations of these units."""
    return units == durations.UNITS and durations.is_form(form) or units in (*UNITS, CLOCK) and "%" in form


def array_frame(pandas, node, path):
    if node.dtype.kind not in "biuf" or node.ndim == 0:
        raise BadData(f"{path}: {node.name} is neither an array of numbers nor a group of columns")
    columns = get_names("columns", node, node.file)
    width = node.shape[-1] if node.ndim > 1 else 1
    frame = pandas.DataFrame(node[()].reshape(-1, width))
    if columns and len(columns) == width:
        frame.columns = columns
    return number_draws(pandas, frame, node.shape[:-1] if node.ndim == 3 else ())


def number_draws(pandas, frame, shape):
    if len(shape) == 2:
        frame.index = pandas.MultiIndex.from_product([range(size) for size in shape], names=["draw", "row"])
    return frame


def column_series(pandas, dataset):
    """One column, of one dimension."""
    if h5py.check_string_dtype(dataset.dtype):
        return pandas.Series([text if text else None for text in read_texts(dataset)], dtype=object)
    values = dataset[()].ravel()
    members = h5py.check_enum_dtype(dataset.dtype)
    gap = dataset.attrs.get("gap")
    if members is None and dataset.dtype == bool:
        members, values = {"FALSE": 0, "TRUE": 1}, values.astype(np.int8)
    if members is not None:
        return pandas.Series(categories(pandas, values, members, None if gap is None else text_of(gap),
                                        bool(dataset.attrs.get("ordered", 0))))
    if dataset.dtype.kind not in "iuf":
        raise BadData(f"{dataset.file.filename}: {dataset.name} is of a type that no column has ({dataset.dtype})")
    unit = UNITS.get(text_of(dataset.attrs.get("units", "")))
    gaps = values == gap if dataset.dtype.kind in "iu" and gap is not None else np.zeros(len(values), bool)
    if unit:
        return dates(pandas, values, gaps, unit)
    if gaps.any():
        return pandas.Series(pandas.arrays.IntegerArray(values.astype(np.int64), gaps))
    return pandas.Series(values)


def categories(pandas, values, members, gap, ordered):
    """Of codes: in the order of the codes, without the member that stands for a gap."""
    names = [name for name, _ in sorted(members.items(), key=lambda member: member[1]) if name != gap]
    place = {int(members[name]): index for index, name in enumerate(names)}
    distinct, inverse = np.unique(values, return_inverse=True)
    places = np.array([place.get(int(code), -1) for code in distinct], np.int64)
    return pandas.Categorical.from_codes(places[inverse] if len(values) else [], names, ordered=ordered)


def dates(pandas, values, gaps, unit):
    micro = {"D": 86400 * 10**6, "s": 10**6}[unit]
    gaps = gaps | (~np.isfinite(values) if values.dtype.kind == "f" else False)
    values = np.where(gaps, 0, values)
    # a double holds microseconds of our time, and no more
    whole = np.rint(values * micro).astype(np.int64) if values.dtype.kind == "f" else values.astype(np.int64) * micro
    return times_of(pandas, whole, gaps)


def times_of(pandas, micro, gaps):
    """Dates of microseconds since 1970: pandas' own, or Python's where one is beyond those."""
    times = np.where(gaps, np.datetime64("NaT"), micro.astype("datetime64[us]"))
    if PANDAS[0] < micro.min(initial=0) and micro.max(initial=0) < PANDAS[1]:
        return pandas.Series(times.astype("datetime64[ns]"))
    return pandas.Series(times.astype(object), dtype=object)


def is_dates(column):
    types, first = optional("pandas").api.types, column.first_valid_index()
    return types.is_datetime64_any_dtype(column) or isinstance(column.get(first), datetime.datetime)


def date_numbers(column):
    """Seconds since 1970 of dates, NaN for gaps."""
    times = column.to_numpy() if column.dtype == object else column.to_numpy("datetime64[us]")
    return np.where(column.isna(), np.nan, times.astype("datetime64[us]").astype(np.int64) / 1e6)


UTC_FORM = "%Y-%m-%dT%H:%M:%SZ"
ZONE = re.compile(r"([+-])(\d\d):?(\d\d)$").search
MONTH_NAMES = re.compile(r"%\{((?:[^,{}%]+,){11}[^,{}%]+)\}").sub


def date_text(time, form):
    """One as strftime writes it, with %q for the quarter, %L for milliseconds and %{a,b,...} for names of months."""
    form = form.replace("%q", str((time.month + 2) // 3)).replace("%L", f"{time.microsecond // 1000:03}")
    form = MONTH_NAMES(lambda names: names[1].split(",")[time.month - 1], form.replace("%Y", f"{time.year:04}"))
    if form.isascii():
        return time.strftime(form)
    # the locale could refuse the other characters
    return re.sub("%[-^]?[A-Za-z]", lambda directive: time.strftime(directive[0]), form)


def local_times(times, form):
    """Times of UTC as a clock shows them in the zone in which a format ends, as +02:00."""
    zone = ZONE(form)
    minutes = int(zone[1] + "1") * (60 * int(zone[2]) + int(zone[3])) if zone else 0
    shift = datetime.timedelta(minutes=minutes)
    return times.map(lambda time: time + shift, na_action="ignore") if times.dtype == object else times + shift


def date_texts(times, form):
    """Dates and times as strftime writes them. Gaps stay."""
    times = local_times(times, form)
    if times.dtype != object:
        times = times.dt.round("ms" if "%L" in form else "us")
    texts = [None if is_gap else date_text(time, form) for time, is_gap in zip(times, times.isna())]
    return optional("pandas").Series(texts, index=times.index, dtype=object)


def clock_times(seconds):
    """Times of day, on any day."""
    pandas = optional("pandas")
    return pandas.to_datetime(seconds.astype(float), unit="s").dt.round("us")


def clock_texts(seconds):
    """Times of day as HH:MM, or HH:MM:SS where some need it, with decimals where some have them. Gaps stay."""
    pandas = optional("pandas")
    known = seconds.dropna()
    texts = pandas.Series(pandas.NA, index=seconds.index, dtype=object)
    times = clock_times(known)
    whole, minutes = (known % 1 == 0).all(), (known % 60 == 0).all()
    texts[known.index] = times.dt.strftime("%H:%M" if minutes else "%H:%M:%S" if whole else "%H:%M:%S.%f")
    return texts
