"""Text files: configurations, tables of numbers, JSON; and files that appear whole or not at all."""
import contextlib
import csv
import errno
import json
import math
import os
import re
import tempfile

import numpy as np
import yaml

from .failures import BadData, BadName, Missing, NotWritten


class ConfigLoader(yaml.SafeLoader):
    """PyYAML follows YAML 1.1, where 1e-05 is a text; the program's files follow YAML 1.2, where it is a number."""


ConfigLoader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
                                   list("-+.0123456789"))


def stem(path):
    """The name of a file without its folder and suffix."""
    return os.path.splitext(os.path.basename(path))[0]


# ---- reading

def read_text(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise Missing(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise BadData(f"{path}: not a text file") from None


def parse_config(text, name="config"):
    """A configuration as nested dictionaries; `name` stands in the messages."""
    try:
        config = yaml.load(text, ConfigLoader)
    except yaml.YAMLError as error:
        raise BadData(f"{name}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(config, dict):
        raise BadData(f"{name}: expected sections of a configuration")
    return config


def read_config(path):
    return parse_config(read_text(path), path)


def read_json(path):
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise BadData(f"{path}: not JSON ({error})") from None


def read_csv(path, growing=False, texts=()):
    """A table as a structured array [rows] with a field for each column.

    The columns named in `texts` hold texts; all others hold numbers (float64), and an empty field is NaN. Units in the
    header, as in "seconds [s]", are cut off. With `growing`, the program may still be writing: a last line without its
    end is left out.
    """
    text = read_text(path)
    if growing:
        text = text[:text.rfind("\n") + 1]
    lines = [line for line in csv.reader(text.splitlines()) if line and not line[0].startswith("#")]
    if not lines:
        raise BadData(f"{path}: empty; expected a header line")
    names = [re.split(r"[\s(\[]", cell.strip())[0] for cell in lines[0]]
    table = np.empty(len(lines) - 1, [(name, "O" if name in texts else "f8") for name in names])
    for row, line in enumerate(lines[1:]):
        try:
            table[row] = tuple(cell if name in texts else float(cell) if cell.strip() else np.nan
                               for name, cell in zip(names, line, strict=True))
        except ValueError:
            raise BadData(f"{path}: row {row + 1}: expected {len(names)} numbers, found {','.join(line)!r}") from None
    return table


def columns_of(table, names, path):
    """The named columns of a structured array; BadData when one of them is missing."""
    for name in names:
        if name not in table.dtype.names:
            raise BadData(f"{path}: no column {name!r}; it has {', '.join(table.dtype.names)}")
    return [table[name] for name in names]


# ---- writing

def check_name(path):
    """Refuse to make what 'rm -r' would not remove by the same name."""
    if path.startswith("~"):
        raise BadName(f"{path}: '~' is not expanded here; write the folder out, or ./{path} for that name")


def make_folder(path):
    """Make a folder and those above it."""
    check_name(path)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise NotWritten(f"{path}: the folder could not be made ({error.strerror})") from None


def not_written(path, what, error):
    """The failure, with what to do where a disk is full."""
    advice = "; make room there, or write to another place" * (error.errno in (errno.ENOSPC, errno.EDQUOT))
    return NotWritten(f"{path}: {what} ({error.strerror or error}){advice}")


@contextlib.contextmanager
def whole_file(path):
    """Give a temporary name beside `path`, with the same suffix. The file replaces `path` when the body has ended well,
    and is removed otherwise. Only a regular file is replaced: no pipe, and not /dev/null either."""
    check_name(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise NotWritten(f"{path}: not replaced: a folder, a pipe or a device is in the way; name another file")
    folder, name = os.path.split(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=folder or ".", prefix=".", suffix="-" + name)
    except OSError as error:
        raise not_written(path, "could not be made", error) from None
    os.close(handle)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp's files can be read by their owner only
        os.replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError) and error.filename in (None, temporary):
            raise not_written(path, "could not be written", error) from None
        raise


def write_csv(path, names, rows):
    """A header and rows of cells; NaN becomes an empty field, as read_csv takes it."""
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(["" if isinstance(cell, float) and math.isnan(cell) else cell for cell in row] for row in rows)


def write_json(path, content):
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, default=str)
        file.write("\n")


def differs_from_json(path, content):
    """Whether a file of JSON is there and holds something else."""
    return os.path.exists(path) and read_json(path) != json.loads(json.dumps(content, default=str))
