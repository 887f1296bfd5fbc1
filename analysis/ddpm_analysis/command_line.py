"""What the scripts share: options, failures of one line on standard error, and exit codes."""
import argparse
import os
import signal
import sys

from .failures import Failure

USAGE, IO, INTERRUPTED = 64, 74, 130
PICTURES = (".png", ".pdf", ".svg")


class Help(argparse.HelpFormatter):
    """Adds its default to the help of an option that does not mention one."""

    def _get_help_string(self, action):
        hidden = action.default in (None, False, [], argparse.SUPPRESS) or not action.option_strings
        return action.help if hidden or "default" in action.help else f"{action.help} (default: %(default)s)"


class Once(argparse._StoreAction):
    """An option with one value: which of two is meant is not guessed."""

    def __call__(self, parser, namespace, values, option_string=None):
        if option_string and self in parser.given:
            raise argparse.ArgumentError(self, "given twice; keep one of the two")
        parser.given.add(self)
        super().__call__(parser, namespace, values, option_string)


class Parser(argparse.ArgumentParser):
    """argparse with the project's exit code for a wrong command line, and one line that says what is wrong."""

    def __init__(self, description, **more):
        super().__init__(**{"description": description, "formatter_class": Help, "allow_abbrev": False, **more})
        self.given = set()
        self.register("action", None, Once)
        self.register("action", "store", Once)

    def error(self, message):
        self.exit(USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def add_columns(self):
        self.add_argument("--columns", type=column_pair, metavar="I,J",
                          help="the two columns to draw, counted from 0 (default: 0,1; of three columns 0,2)")

    def add_data(self):
        self.add_argument("--data", required=True, metavar="FILE.h5[:dataset]|RUN",
                          help="data file, or a run folder: the data it was trained on, made afresh if a toy set")

    def add_image_shape(self):
        self.add_argument("--shape", type=image_shape, metavar="HxW",
                          help="height and width of an image in pixels (default: a square)")

    def add_points(self, default):
        self.add_argument("--points", type=positive, default=default, metavar="N", help="draw at most so many points")

    def add_program(self):
        self.add_argument("--ddpm", metavar="PATH", help="the program (default: $DDPM, or ddpm on the PATH, or "
                          "build/release/ddpm)")

    def add_picture(self, required=True):
        self.add_argument("--output", required=required, type=picture, metavar="FILE",
                          help="the picture to write: .png, .pdf or .svg")


def run(main):
    """Call main and exit with its status; a failure is one line on standard error."""
    program = os.path.basename(sys.argv[0])
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # which would leave a half-written file
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        sys.exit(main())
    except Failure as failure:
        message, code = str(failure), failure.code
    except OSError as error:
        message, code = f"{error.filename or 'output'}: {error.strerror or error}", IO
    except KeyboardInterrupt:
        message, code = "interrupted", INTERRUPTED
    print(f"{program}: {message}", file=sys.stderr)
    sys.exit(code)


# ---- types of arguments

def picture(path):
    if os.path.splitext(path)[1].lower() not in PICTURES:
        raise argparse.ArgumentTypeError(f"{path}: the name of a picture ends in {', '.join(PICTURES)}")
    return path


def positive(text):
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected an integer of at least 1")
    return value


def positives(text):
    """"A,B,...": integers of at least 1."""
    return [positive(part) for part in text.split(",")]


def share(text):
    """A number between 0 and 1, both excluded."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number between 0 and 1")
    return value


def column_pair(text):
    """"I,J": two columns, counted from 0."""
    parts = text.split(",")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r}: expected two column numbers I,J counted from 0")
    return int(parts[0]), int(parts[1])


def image_shape(text):
    """"HEIGHTxWIDTH" in pixels."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r}: expected HEIGHTxWIDTH, as in 8x8")
    return int(parts[0]), int(parts[1])
