#!/usr/bin/python3
"""The variational bound term by term, from `ddpm evaluate --output` files: which steps cost how much, and how the bound adds up."""
import os

import numpy as np

import command
import ddpm_io
import style


def read(path):
    """Steps, terms in nats per column (L_{t-1} at t = 1 .. T), and the bound's L_T."""
    with ddpm_io.open_h5(path) as file:
        if "bound/term" not in file or "bound/step" not in file:
            raise ddpm_io.BadData(f"{path}: no /bound/term; write it with `ddpm evaluate CHECKPOINT --output FILE.h5`")
        columns = ddpm_io.attributes_of(file)["columns"]
        terms, steps = file["bound/term"][:] / columns, file["bound/step"][:]
        prior = ddpm_io.attributes_of(file["bound"])["prior"] / columns
    ddpm_io.check_finite(terms, f"{path}: /bound/term")
    return steps, terms, prior


def draw(evaluations):
    """evaluations: list of (name, (steps, terms, prior)). The axis is t, or t / T when the numbers of steps differ."""
    same = len({len(steps) for _, (steps, _, _) in evaluations}) == 1
    figure, (each, total) = style.plt.subplots(1, 2, figsize=(style.TWO_COLUMNS, 2.6), sharex=True)
    for index, (name, (steps, terms, prior)) in enumerate(evaluations):
        x = steps / (1 if same else len(steps))
        each.plot(x[1:], np.where(terms[1:] > 0, terms[1:], np.nan), label=name, **style.line(index))
        bound = prior + np.cumsum(terms[::-1])[::-1]  # what has been paid on the way from T down to t
        total.plot(x, bound, label=f"{name}: {bound[0]:.3f}", **style.line(index))
    label = "step $t$" if same else "$t/T$"
    each.set(xlabel=label, title="$L_{t-1}$, nats per column", yscale="log", xlim=(0, None))
    total.set(xlabel=label, title=r"$L_T + L_{T-1} + \ldots + L_{t-1}$, nats per column")
    if len(evaluations) > 1:
        each.legend()
    total.legend(title="bound")
    return figure


def main():
    parser = command.Parser(__doc__)
    parser.add_argument("evaluations", nargs="+", help="files of `ddpm evaluate --output`, named in the legend without their suffix")
    parser.add_picture()
    options = parser.parse_args()
    evaluations = [(os.path.splitext(os.path.basename(path))[0], read(path)) for path in options.evaluations]
    style.save(draw(evaluations), options.output)


if __name__ == "__main__":
    command.run(main)
