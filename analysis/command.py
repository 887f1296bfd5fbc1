"""What every script here shares: usage errors, one-line failures, exit codes, and output files that appear whole or not at all."""
import argparse
import contextlib
import os
import sys
import tempfile

import ddpm_io

USAGE, IO = 64, 74
PICTURES = (".png", ".pdf", ".svg")


class Help(argparse.HelpFormatter):
    """Adds the default of an option that has one and does not tell it."""

    def _get_help_string(self, action):
        tells = action.default in (None, False, argparse.SUPPRESS, []) or not action.option_strings or "default" in action.help
        return action.help if tells else action.help + " (default: %(default)s)"


class Parser(argparse.ArgumentParser):
    """argparse, with the project's exit code for a usage error and a single line."""

    def __init__(self, description, **more):
        super().__init__(description=description, formatter_class=Help, allow_abbrev=False, **more)

    def error(self, message):
        self.exit(USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def add_program(self):
        self.add_argument("--ddpm", metavar="PATH", help="the program (default: $DDPM, or ddpm on the PATH)")

    def add_picture(self):
        self.add_argument("--output", required=True, type=picture, metavar="FILE", help="picture to write: .png, .pdf or .svg")


def picture(path):
    if os.path.splitext(path)[1].lower() not in PICTURES:
        raise argparse.ArgumentTypeError(f"{path}: the name of a picture ends in {', '.join(PICTURES)}")
    return path


def animation(path):
    if os.path.splitext(path)[1].lower() != ".gif":
        raise argparse.ArgumentTypeError(f"{path}: the name of an animation ends in .gif")
    return path


def positive(text):
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected an integer of at least 1")
    return value


def positives(text):
    """"A,B,...": integers of at least 1."""
    return [positive(part) for part in text.split(",")]


def column_pair(text):
    """"I,J": two columns, counted from 0."""
    parts = text.split(",")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r}: expected two column numbers I,J counted from 0")
    return int(parts[0]), int(parts[1])


@contextlib.contextmanager
def whole_file(path):
    """A temporary name beside `path`, with its suffix, that replaces it when all went well and is removed otherwise."""
    folder, name = os.path.split(path)
    handle, temporary = tempfile.mkstemp(dir=folder or ".", prefix=".", suffix="-" + name)
    os.close(handle)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp's files are private
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def run(main):
    """Call main and exit with its status; a failure is one line on stderr."""
    program = os.path.basename(sys.argv[0])
    try:
        sys.exit(main())
    except ddpm_io.Failure as failure:
        message, code = str(failure), failure.code
    except OSError as error:
        message, code = f"{error.filename or 'output'}: {error.strerror or error}", IO
    except KeyboardInterrupt:
        message, code = "interrupted", 130
    print(f"{program}: {message}", file=sys.stderr)
    sys.exit(code)
