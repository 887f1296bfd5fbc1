#!/usr/bin/python3
"""Noise schedules side by side: what is left of the data, signal to noise, and beta, from `ddpm schedule --output` files."""
import os

import numpy as np

import command
import ddpm_io
import style

PANELS = (("alpha_bar", r"$\bar\alpha_t$", "linear"), ("snr", r"SNR $\bar\alpha_t/(1-\bar\alpha_t)$", "log"), ("beta", r"$\beta_t$", "log"))

LEGEND_ACROSS = 4


def draw(schedules):
    """schedules: list of (name, table). The axis is t, or t / T when the numbers of steps differ."""
    lengths = {len(table) for _, table in schedules}
    names = [column for column, _, _ in PANELS]
    figure = style.plt.figure(figsize=(style.TWO_COLUMNS, 2.5 + 0.2 * -(-len(schedules) // LEGEND_ACROSS)))
    grid = figure.subplot_mosaic([names, ["legend"] * len(names)], height_ratios=[1, 0.01])
    for column, label, scale in PANELS:
        axes = grid[column]
        for index, (name, table) in enumerate(schedules):
            x = table["step"] / (1 if len(lengths) == 1 else len(table))
            y = np.where(table[column] > 0, table[column], np.nan) if scale == "log" else table[column]
            axes.plot(x, y, label=f"{name}, $T$ = {len(table)}", **style.line(index))
        axes.set(xlabel="step $t$" if len(lengths) == 1 else "$t/T$", title=label, yscale=scale)
        axes.set_xlim(0, x.max())
    grid["alpha_bar"].set_ylim(-0.03, 1.03)
    grid["legend"].axis("off")
    grid["legend"].legend(*grid["alpha_bar"].get_legend_handles_labels(), loc="upper center", ncol=min(LEGEND_ACROSS, len(schedules)))
    return figure


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("schedules", nargs="+", help="CSV files of `ddpm schedule --output`, named in the legend without their suffix")
    parser.add_picture()
    options = parser.parse_args()
    schedules = []
    for path in options.schedules:
        table = ddpm_io.read_csv(path)
        ddpm_io.columns_of(table, ["step"] + [column for column, _, _ in PANELS], path)
        if len(table) == 0:
            raise ddpm_io.BadData(f"{path}: no steps")
        schedules.append((os.path.splitext(os.path.basename(path))[0], table))
    style.save(draw(schedules), options.output)


if __name__ == "__main__":
    command.run(main)
