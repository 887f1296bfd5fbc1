#!/usr/bin/python3
"""Noise schedules side by side: what is left of the data, the signal-to-noise ratio, and beta, from files of
`ddpm schedule --output`."""
from ddpm_analysis import BadData, command_line, drawing, read_csv, style
from ddpm_analysis.text_files import columns_of, stem

PANELS = (("alpha_bar", r"$\bar\alpha_t$", False), ("snr", r"SNR $\bar\alpha_t/(1-\bar\alpha_t)$", True),
          ("beta", r"$\beta_t$", True))
LEGEND_ACROSS = 4


def draw(schedules):
    """schedules: list of (name, table)."""
    names = [column for column, _, _ in PANELS]
    figure = style.new_figure(style.TWO_COLUMNS, 2.5 + 0.2 * -(-len(schedules) // LEGEND_ACROSS))
    grid = figure.subplot_mosaic([names, ["legend"] * len(names)], height_ratios=[1, 0.01])
    labels = [f"{name}, $T$ = {len(table)}" for name, table in schedules]
    for column, label, logarithmic in PANELS:
        drawing.schedule_curve(grid[column], [table for _, table in schedules], column, logarithmic, labels)
        grid[column].set_title(label)
    grid["alpha_bar"].set_ylim(-0.03, 1.03)
    grid["legend"].axis("off")
    grid["legend"].legend(*grid["alpha_bar"].get_legend_handles_labels(), loc="upper center",
                          ncol=min(LEGEND_ACROSS, len(schedules)))
    return figure


def read(path):
    table = read_csv(path)
    columns_of(table, ["step"] + [column for column, _, _ in PANELS], path)
    if len(table) == 0:
        raise BadData(f"{path}: no steps")
    return stem(path), table


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("schedules", nargs="+",
                        help="CSV files of `ddpm schedule --output`, named in the legend without their suffix")
    parser.add_picture()
    options = parser.parse_args()
    style.save(draw([read(path) for path in options.schedules]), options.output)


if __name__ == "__main__":
    command_line.run(main)
