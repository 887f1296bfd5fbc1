#!/usr/bin/python3
"""The score field of a model of two columns: arrows of the gradient of log q(x_t) over the plane, at a few steps.

The score is what the network predicts, put another way: -noise / sqrt(1 - alpha_bar). The network runs in PyTorch.
"""
import numpy as np

from ddpm_analysis import BadData, command_line, drawing, open_run, style
from ddpm_analysis.failures import optional
from ddpm_analysis.hdf5 import axis_name

CELLS = 22              # arrows along the longer side
LONGEST = 1.3           # cells that the longest arrow covers
POINTS = 1500


def noise_of(predict, output, x, beta, alpha_bar, t):
    """The predicted noise, from what the network gives at x_t (Ho et al. 2020; Salimans and Ho 2022)."""
    kept, rest = alpha_bar[t], 1 - alpha_bar[t]
    if predict == "noise":
        return output
    if predict == "data":
        return (x - kept ** 0.5 * output) / rest ** 0.5
    if predict == "velocity":
        return rest ** 0.5 * x + kept ** 0.5 * output
    if predict == "flow":
        return (x + kept ** 0.5 * output) / (kept ** 0.5 + rest ** 0.5)
    if predict == "mean":
        mean = (1 - beta[t]) ** 0.5 * x + beta[t] ** 0.5 * output
        return (x - (1 - beta[t]) ** 0.5 * mean) * rest ** 0.5 / beta[t]
    raise BadData(f"diffusion.predict: {predict!r} is not known here")


def network_of(checkpoint):
    """A function of standardised rows x_t [n][2] and t that gives the prediction [n][2] of the averaged weights."""
    torch = optional("torch")
    from ddpm_analysis import pytorch
    network = pytorch.of_checkpoint(checkpoint)

    def predict(x, t):
        with torch.no_grad():
            output = network(torch.tensor(x, dtype=torch.float32), torch.full((len(x),), int(t)))
        return output[:, :2].numpy().astype(np.float64)
    return predict


def score(checkpoint, network, x, t):
    """d log q(x_t) / d x at rows in the data's own units, in these units."""
    standard = (x - checkpoint.mean) / checkpoint.scale
    noise = noise_of(checkpoint.config["diffusion"]["predict"], network(standard, t), standard, checkpoint.beta,
                     checkpoint.alpha_bar, t)
    return -noise / (1 - checkpoint.alpha_bar[t]) ** 0.5 / checkpoint.scale


def diffused(checkpoint, data, t, seed=1):
    """Rows of x_t in the data's own units."""
    noise = np.random.default_rng(seed).normal(size=data.shape) * checkpoint.scale
    kept = checkpoint.alpha_bar[t]
    return checkpoint.mean + kept ** 0.5 * (data - checkpoint.mean) + (1 - kept) ** 0.5 * noise


def draw_field(axes, checkpoint, network, cloud, grid, cell, t):
    """The points of x_t, and arrows on the grid; an arrow that is longer than 95 % of those at the points is cut."""
    longest = np.percentile(np.hypot(*score(checkpoint, network, cloud, t).T), 95)
    arrows = score(checkpoint, network, grid, t)
    arrows *= np.minimum(1, longest / np.hypot(*arrows.T))[:, None]
    drawing.points(axes, cloud[:, 0], cloud[:, 1], style.COLOURS[3], size=1.5)
    axes.quiver(grid[:, 0], grid[:, 1], arrows[:, 0], arrows[:, 1], angles="xy", scale_units="xy",
                scale=longest / (LONGEST * cell), color=style.DATA, width=0.005, headwidth=3.5, headlength=4,
                headaxislength=3.5)
    axes.set_title(f"$t$ = {t}, longest {longest:.2g}", pad=4)


def draw(checkpoint, data, steps):
    network = network_of(checkpoint)
    clouds = [diffused(checkpoint, data, t) for t in steps]
    box = drawing.box_of(*np.concatenate(clouds).T)
    cell = max(box[1] - box[0], box[3] - box[2]) / CELLS
    across, up = np.meshgrid(np.arange(box[0] + cell / 2, box[1], cell), np.arange(box[2] + cell / 2, box[3], cell))
    grid = np.column_stack([across.ravel(), up.ravel()])
    figure, row = drawing.panels(len(steps), box, style.TWO_COLUMNS, across=len(steps))
    for axes, t, cloud in zip(row, steps, clouds):
        draw_field(axes, checkpoint, network, cloud, grid, cell, t)
        axes.set_xlabel(axis_name(checkpoint.columns, 0))
        drawing.equal_axes(axes, box, bins=4)
    figure.suptitle("arrows: score of $x_t$, in 1 / unit of data, cut where it is longer than 95 % of those at the "
                    "points; points: $x_t$", fontsize=8)
    row[0].set_ylabel(axis_name(checkpoint.columns, 1))
    return figure


def main():
    parser = command_line.Parser(__doc__.split("\n")[0])
    parser.add_argument("run", help="run folder of a model of two columns without conditions")
    parser.add_picture()
    parser.add_argument("--steps", type=command_line.positives, metavar="T,T,...",
                        help="steps to show (default: four, from near the data to noise)")
    parser.add_program()
    options = parser.parse_args()
    run = open_run(options.run)
    checkpoint = run.checkpoint()
    if len(checkpoint.mean) != 2 or run.config["data"].get("condition"):
        raise BadData(f"{options.run}: a score field needs a model of two columns without conditions")
    last = len(checkpoint.beta) - 1
    steps = options.steps or sorted({max(1, round(last * part)) for part in (0.05, 0.2, 0.5, 0.9)})
    if max(steps) > last:
        raise BadData(f"{options.run}: --steps {max(steps)}: it has {last} steps")
    style.save(draw(checkpoint, run.data(POINTS, program=options.ddpm).values, steps), options.output)


if __name__ == "__main__":
    command_line.run(main)
