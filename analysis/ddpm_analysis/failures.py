"""Failures that a user can put right, and modules that not every machine has."""
import importlib

OPTIONAL = {"jinja2": ("Jinja", "python3-jinja2"), "scipy": ("SciPy", "python3-scipy"),
            "pandas": ("pandas", "python3-pandas"),
            "sklearn": ("scikit-learn", "python3-sklearn"), "torch": ("PyTorch", "python3-torch")}


class Failure(Exception):
    """The message is for the user; `code` is the exit code of the script that fails."""

    code = 70


class BadName(Failure):
    """A name that cannot be meant."""

    code = 64


class BadData(Failure):
    """A file is there, but does not hold what it should."""

    code = 65


class Missing(Failure):
    """A file, a program or a module is not there."""

    code = 66


class NotWritten(Failure):
    """A file cannot be written where it should be."""

    code = 74


def optional(name):
    """Import a module of one of the OPTIONAL packages; Missing says which Debian package has it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        title, package = OPTIONAL[name.partition(".")[0]]
        raise Missing(f"{title} is not installed (Debian: {package})") from None
