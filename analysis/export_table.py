#!/usr/bin/python3
"""Write samples, or data, as a CSV file: categories by name, whole numbers whole, dates and times of day as such, in
the form in which import_table.py found them, gaps empty."""
import os

from ddpm_analysis import command_line, durations, read_frame
from ddpm_analysis.failures import BadData
from ddpm_analysis.frames import BY_UNITS, CLOCK, clock_texts, clock_times, date_texts
from ddpm_analysis.hdf5 import split_source
from ddpm_analysis.text_files import whole_file


def main():
    parser = command_line.Parser(__doc__, epilog="FILE.h5:NAME takes another dataset or group than /samples, as "
                                 "/draws, whose rows get the columns `draw` and `row`.")
    parser.add_argument("samples", metavar="FILE.h5[:NAME]", help="the file of `ddpm sample`, or of import_table.py")
    parser.add_argument("--output", required=True, metavar="FILE.csv", help="the table to write")
    options = parser.parse_args()
    path, _ = split_source(options.samples)
    if os.path.exists(options.output) and os.path.exists(path) and os.path.samefile(options.output, path):
        raise BadData(f"{options.output}: the file that is read; name another with --output")
    frame = read_frame(options.samples)
    formats = frame.attrs.get("formats", {})
    for name, units in frame.attrs.get("units", {}).items():
        if name in formats and units == durations.UNITS:
            frame[name] = durations.texts_of(frame[name], formats[name])
        elif name in formats:
            frame[name] = date_texts(clock_times(frame[name]) if units == CLOCK else frame[name], formats[name])
        elif units in BY_UNITS and frame[name].dtype == object:
            frame[name] = date_texts(frame[name], BY_UNITS[units])
        elif units == CLOCK:
            frame[name] = clock_texts(frame[name])
    numbered = frame.index.nlevels > 1
    with whole_file(options.output) as temporary:
        frame.to_csv(temporary, index=numbered, compression="gzip" if options.output.endswith(".gz") else None)
    print(f"{options.output}: {len(frame)} rows x {len(frame.columns)} columns")


if __name__ == "__main__":
    command_line.run(main)
