#!/usr/bin/python3
"""Turn a table (CSV, TSV, Parquet, HDF5 of any kind), or a set of scikit-learn, into the file that `ddpm train` reads.

It prints a line for each column: what it is, how many distinct values and gaps it has, its spikes and its range, and
what else could be done. A table with categories, gaps, dates, or whole numbers beside others becomes the group /table,
with a dataset for each column in its own kind, which configs/table.yaml trains on. One of numbers of one kind becomes
/data [N][D] with the attribute `columns`, and so does any table with --plain, --label, --classes, --gaps or --float64;
class codes of the label are then in /label [N] with the attribute `classes`. Rows are converted a chunk at a time, so
that a table larger than memory can be imported.
"""
from ddpm_analysis import command_line, write_csv
from ddpm_analysis.hdf5 import split_source
from ddpm_analysis.tables import Options, bundled, default_output, import_table, open_source

EPILOG = """\
Columns are named as in the first line of a table, or as they are printed; COLUMN may be a list A,B,C. Of several
columns with one name, that name means all of them. What becomes of a column: numbers are kept, whole ones whole;
dates become days or seconds; texts become categories with their names; gaps stay gaps; names that are different in
most rows, and empty columns, are left out. With --plain, all becomes numbers: texts of few values a column of zeros and
ones for each value, of many values class codes beside the data (for data.condition); gaps are filled with the mean and
marked in a column of their own."""


def gap_of(text):
    """"VALUE" or "COLUMN=VALUE"."""
    name, equals, value = text.rpartition("=")
    return (name if equals else None, value)


def order_of(text):
    """"COLUMN=A,B,C"."""
    name, _, values = text.partition("=")
    if not values:
        raise ValueError
    return name, values.split(",")


def make_parser():
    parser = command_line.Parser(__doc__.split("\n")[0], epilog=EPILOG)
    parser.add_argument("table", nargs="?", metavar="FILE", help="the table; FILE.h5:NAME takes a dataset or group, "
                        "and of a dataset those beside it that --label and --classes name")
    parser.add_argument("--output", metavar="FILE.h5", help="HDF5 file to write (default: the table's name with .h5)")
    columns = parser.add_argument_group("columns")
    columns.add_argument("--label", metavar="COLUMN", help="becomes the class codes /label, its values the `classes`")
    for name, what in (("drop", "leave out"), ("number", "take for numbers; other texts are gaps"),
                       ("category", "take for categories"),
                       ("classes", "write as class codes beside the data, for data.condition")):
        columns.add_argument("--" + name, action="append", default=[], metavar="COLUMN", help=what)
    columns.add_argument("--ordered", action="append", default=[], type=order_of, metavar="COLUMN=A,B,C",
                         help="take for categories in this order")
    columns.add_argument("--gap", action="append", default=[], type=gap_of, metavar="[COLUMN=]VALUE",
                         help="a value that stands for a gap, as -999")
    columns.add_argument("--gaps", choices=("mark", "rows", "keep"),
                         help="of an array of numbers: mark (default): fill them with the mean, and mark them in a "
                         "column of their own; rows: leave out their rows; keep: write NaN, for `ddpm sample --given`")
    columns.add_argument("--day-first", action="store_true", default=None, help="1/2/2020 is the first of February")
    columns.add_argument("--plain", action="store_true", help="write an array of numbers, whatever the columns are")
    columns.add_argument("--float64", action="store_true",
                         help="double precision even where single precision keeps every digit")
    text = parser.add_argument_group("tables of text")
    header = text.add_mutually_exclusive_group()
    header.add_argument("--header", action="store_true", default=None, help="the first line holds names")
    header.add_argument("--no-header", dest="header", action="store_false", default=None,
                        help="the first line is a row")
    text.add_argument("--delimiter", help="character between cells, a space for any number of them (default: what "
                      "splits the lines evenly)")
    text.add_argument("--decimal", choices=(".", ","), help="decimal sign (default: what the numbers show)")
    text.add_argument("--encoding", help="as utf-8, latin-1, utf-16 (default: what the bytes show)")
    text.add_argument("--skip-lines", action="store_true", help="leave out lines with too many cells")
    sets = parser.add_argument_group("sets of scikit-learn, instead of a table")
    sets.add_argument("--sklearn", choices=bundled.NAMES, metavar="NAME", help=", ".join(bundled.NAMES))
    sets.add_argument("--to-csv", metavar="FILE.csv", help="write the set as CSV, its classes in the column `label`")
    return parser


def main():
    parser = make_parser()
    options = parser.parse_args()
    if (options.table is None) == (options.sklearn is None):
        parser.error("give a table, or --sklearn NAME")
    if options.table and options.to_csv:
        parser.error("--to-csv goes with --sklearn")
    if options.sklearn and options.output is None and options.to_csv is None:
        parser.error("give --output FILE.h5 or --to-csv FILE.csv")
    if options.delimiter == "\\t":
        options.delimiter = "\t"
    if options.delimiter is not None and len(options.delimiter) != 1:
        parser.error("--delimiter is one character")
    chosen = Options(**{name: value for name, value in vars(options).items() if name in vars(Options())})
    if options.sklearn:
        source = bundled.Bundled(options.sklearn)
        chosen.label = bundled.LABEL if source.texts else None
        if options.to_csv:
            write_csv(options.to_csv, *source.csv())
            print(f"{options.to_csv}: {len(source.values)} rows x {len(source.columns)} columns")
        if options.output:
            import_table(source, options.output, chosen)
        return
    path, chosen.dataset = split_source(options.table)
    source = open_source(path, chosen)
    import_table(source, options.output or default_output(path), chosen)


if __name__ == "__main__":
    command_line.run(main)
