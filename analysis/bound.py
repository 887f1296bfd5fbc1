#!/usr/bin/python3
"""The variational bound term by term, from files of `ddpm evaluate --output`: what each step costs, and how the bound
adds up."""
import numpy as np

from ddpm_analysis import BadData, command_line, drawing, style
from ddpm_analysis.hdf5 import attributes_of, check_finite, open_h5
from ddpm_analysis.text_files import stem


def read(path):
    """Steps 1..T, the terms L_{t-1} of these steps in nats per column, and the bound's L_T."""
    with open_h5(path) as file:
        if "bound/term" not in file or "bound/step" not in file:
            raise BadData(f"{path}: no /bound/term; write it with `ddpm evaluate CHECKPOINT --output FILE.h5`")
        columns = attributes_of(file)["columns"]
        terms, steps = file["bound/term"][:] / columns, file["bound/step"][:]
        prior = attributes_of(file["bound"])["prior"] / columns
    check_finite(terms, f"{path}: /bound/term")
    return steps, terms, prior


def draw(evaluations):
    """evaluations: list of (name, (steps, terms, prior))."""
    figure = style.new_figure(style.TWO_COLUMNS, 2.6)
    each, total = figure.subplots(1, 2, sharex=True)
    label, divisors = drawing.step_axis([len(steps) for _, (steps, _, _) in evaluations])
    for index, ((name, (steps, terms, prior)), divisor) in enumerate(zip(evaluations, divisors)):
        x = steps / divisor
        each.plot(x[1:], np.where(terms[1:] > 0, terms[1:], np.nan), label=name, **style.line(index))
        bound = prior + np.cumsum(terms[::-1])[::-1]  # the sum over the steps from T down to t
        total.plot(x, bound, label=f"{name}: {bound[0]:.3f}", **style.line(index))
    each.set(xlabel=label, title="$L_{t-1}$, nats per column", yscale="log", xlim=(0, None))
    total.set(xlabel=label, title=r"$L_T + L_{T-1} + \ldots + L_{t-1}$, nats per column")
    if len(evaluations) > 1:
        each.legend()
    total.legend(title="bound")
    return figure


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("evaluations", nargs="+",
                        help="files of `ddpm evaluate --output`, named in the legend without their suffix")
    parser.add_picture()
    options = parser.parse_args()
    style.save(draw([(stem(path), read(path)) for path in options.evaluations]), options.output)


if __name__ == "__main__":
    command_line.run(main)
