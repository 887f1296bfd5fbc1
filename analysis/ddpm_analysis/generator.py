"""A trained model in a Python program: samples, completions, likelihoods, without a file and without another process.

    from ddpm_analysis import Generator

    model = Generator("runs/swiss_roll")
    model["sampling.steps"] = 20
    rows = model.sample(1000, seed=7)

Arrays go in and out as they are, float32 or float64, in any order and with any strides; nothing is copied. The
library is the shared one that is installed beside the program (include/ddpm/README.md), or what DDPM_LIBRARY names. It
is called without the interpreter's lock, so that threads with a generator each (share()) run at the same time.
"""
import ctypes
import functools
import os

import numpy as np

from .failures import BadData, Failure, Missing

POINTER, WHOLE, SEED, TEXT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint64, ctypes.c_char_p
DATA, MISSING = 2, 4  # of ddpm_status
TYPES = {np.dtype(np.float32): 0, np.dtype(np.float64): 1}  # of ddpm_view_type


class View(ctypes.Structure):
    """ddpm_view."""
    _fields_ = [("data", POINTER), ("type", ctypes.c_int), ("rows", WHOLE), ("columns", WHOLE), ("row_stride", WHOLE),
                ("column_stride", WHOLE)]


VIEW, OUT = ctypes.POINTER(View), ctypes.POINTER(POINTER)
# Name after ddpm_generator_: result, arguments. None: a status.
FUNCTIONS = {
    "open": (None, TEXT, OUT), "open_bytes": (None, TEXT, ctypes.c_size_t, OUT), "share": (None, POINTER, OUT),
    "close": (False, POINTER), "set": (None, POINTER, TEXT, TEXT), "condition": (None, POINTER, TEXT),
    "columns": (WHOLE, POINTER), "conditions": (WHOLE, POINTER), "steps": (WHOLE, POINTER),
    "column_name": (TEXT, POINTER, WHOLE), "condition_name": (TEXT, POINTER, WHOLE),
    "column_value": (None, POINTER, WHOLE, TEXT, ctypes.POINTER(ctypes.c_double)),
    "condition_value": (None, POINTER, WHOLE, TEXT, ctypes.POINTER(ctypes.c_double)),
    "category": (TEXT, POINTER, WHOLE, ctypes.c_double),
    "schedule": (False, POINTER, POINTER, POINTER), "transform": (False, POINTER, POINTER, POINTER),
    "sample": (None, POINTER, SEED, WHOLE, VIEW, VIEW), "complete": (None, POINTER, SEED, WHOLE, WHOLE, VIEW, VIEW),
    "likelihood": (None, POINTER, SEED, WHOLE, WHOLE, VIEW, VIEW, POINTER),
    "bound": (None, POINTER, SEED, WHOLE, VIEW, VIEW, POINTER),
    "predict": (None, POINTER, VIEW, POINTER, VIEW, VIEW),
}


@functools.cache
def library():
    name = os.environ.get("DDPM_LIBRARY", "libddpm.so.0")
    try:
        found = ctypes.CDLL(name)
    except OSError as error:
        raise Missing(f"{error}; install ddpm where the linker finds its library, or name it by DDPM_LIBRARY") from None
    for function, (result, *arguments) in FUNCTIONS.items():
        function = getattr(found, "ddpm_generator_" + function)
        function.argtypes, function.restype = arguments, ctypes.c_int if result is None else result or None
    found.ddpm_error_message.restype = TEXT
    return found


def call(name, *arguments):
    """A function of the library; a failure becomes an exception with its message."""
    result = getattr(library(), "ddpm_generator_" + name)(*arguments)
    if FUNCTIONS[name][0] is not None or result == 0:
        return result
    kind = {DATA: BadData, MISSING: Missing}.get(result, Failure)
    raise kind(library().ddpm_error_message().decode(errors="replace"))


def view(rows):
    """A view of an array of two dimensions."""
    if rows is None:
        return None
    if rows.ndim != 2 or rows.dtype not in TYPES or not rows.dtype.isnative:
        raise BadData(f"expected rows of float32 or float64, found {rows.dtype} of shape {rows.shape}")
    strides = [step // rows.itemsize for step in rows.strides]
    return View(rows.ctypes.data, TYPES[rows.dtype], *rows.shape, *strides)


def numbers(rows):
    """Rows of numbers as an array that a view can be made of: itself where it is one."""
    rows = np.asarray(rows)
    return rows if rows.dtype in TYPES else rows.astype(np.float64)


class Generator:
    """A model as one thread uses it."""

    def __init__(self, checkpoint=None, *, data=None, shared=None):
        """Of a checkpoint or run folder, of the bytes of a checkpoint, or of another generator, by share()."""
        self._handle = POINTER()
        if shared is not None:
            call("share", shared._handle, self._handle)
        elif data is not None:
            call("open_bytes", data, len(data), self._handle)
        else:
            call("open", os.fsencode(checkpoint), self._handle)

    def close(self):
        handle, self._handle = self._handle, POINTER()
        library().ddpm_generator_close(handle)

    def __del__(self):
        if getattr(self, "_handle", None):
            self.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def share(self):
        """Another generator, for another thread, with the same weights in memory."""
        return Generator(shared=self)

    def __setitem__(self, key, value):
        """Set a key of the section `sampling`."""
        call("set", self._handle, key.encode(), str(value).encode())

    def condition(self, **values):
        """Give all rows these conditions, by name, and no others."""
        call("condition", self._handle, None)
        for name, value in values.items():
            call("condition", self._handle, f"{name}={'' if value is None else value}".encode())

    def _names(self, kind, count):
        return [call(f"{kind}_name", self._handle, i).decode(errors="replace") for i in range(count)]

    @property
    def columns(self):
        """The names of the columns, "" for one without."""
        return self._names("column", call("columns", self._handle))

    @property
    def conditions(self):
        return self._names("condition", call("conditions", self._handle))

    def _value(self, kind, names, name, text):
        place = name if isinstance(name, int) else names.index(name)
        found = ctypes.c_double()
        call(f"{kind}_value", self._handle, place, text.encode(), found)
        return found.value

    def column_value(self, column, text):
        """The number that stands for a category, in a column by name or place."""
        return self._value("column", self.columns, column, text)

    def condition_value(self, condition, text):
        """The number that stands for a class, in a condition by name or place."""
        return self._value("condition", self.conditions, condition, text)

    def category(self, column, value):
        place = column if isinstance(column, int) else self.columns.index(column)
        return call("category", self._handle, place, value).decode(errors="replace")

    @property
    def schedule(self):
        """beta and alpha_bar of steps 0 to T."""
        beta, alpha_bar = np.empty((2, call("steps", self._handle) + 1))
        call("schedule", self._handle, beta.ctypes.data, alpha_bar.ctypes.data)
        return beta, alpha_bar

    @property
    def transform(self):
        """mean and scale of each column: the network sees (value - mean) / scale."""
        mean, scale = np.empty((2, call("columns", self._handle)))
        call("transform", self._handle, mean.ctypes.data, scale.ctypes.data)
        return mean, scale

    def sample(self, count=None, *, seed=0, first=0, conditions=None, out=None, dtype=np.float32):
        """Rows first, first + 1, ... of a seed, in an array that is made, or in `out`."""
        conditions = None if conditions is None else numbers(conditions)
        if out is None:
            count = len(conditions) if count is None else count
            out = np.empty((count, call("columns", self._handle)), dtype)
        call("sample", self._handle, seed, first, view(conditions), view(out))
        return out

    def complete(self, rows, *, seed=0, first=0, passes=10, conditions=None):
        """Draw what is NaN in rows, in place."""
        conditions = None if conditions is None else numbers(conditions)
        call("complete", self._handle, seed, first, passes, view(conditions), view(rows))
        return rows

    def log_likelihood(self, rows, *, seed=0, first=0, probes=-1, conditions=None):
        """Of each row, in nats."""
        rows, found = numbers(rows), np.empty(len(rows))
        conditions = None if conditions is None else numbers(conditions)
        call("likelihood", self._handle, seed, first, probes, view(conditions), view(rows), found.ctypes.data)
        return found

    def bound(self, rows, *, seed=0, first=0, conditions=None):
        """The bound of the negative log-likelihood of each row, in nats."""
        rows, found = numbers(rows), np.empty(len(rows))
        conditions = None if conditions is None else numbers(conditions)
        call("bound", self._handle, seed, first, view(conditions), view(rows), found.ctypes.data)
        return found

    def predict(self, xt, t, *, conditions=None, outputs=None):
        """What the network says of standardised rows at steps t; `outputs` columns, those of a row by default."""
        xt, t = numbers(xt), np.ascontiguousarray(np.broadcast_to(t, len(xt)), np.int64)
        conditions = None if conditions is None else numbers(conditions)
        out = np.empty((len(xt), outputs or xt.shape[1]), xt.dtype)
        call("predict", self._handle, view(xt), t.ctypes.data, view(conditions), view(out))
        return out
