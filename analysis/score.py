#!/usr/bin/python3
"""The score field of a model of two columns: arrows of the gradient of log q(x_t) over the plane, at a few steps.

The score is what the network predicts, put another way: -noise / sqrt(1 - alpha_bar). The network runs in PyTorch (twin.py).
"""
import numpy as np

import command
import ddpm_io
import panels
import style
import twin

CELLS = 22              # arrows along the longer side
SHOWN = 1.3             # cells: the longest arrow
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
    if predict == "mean":
        mean = (1 - beta[t]) ** 0.5 * x + beta[t] ** 0.5 * output
        return (x - (1 - beta[t]) ** 0.5 * mean) * rest ** 0.5 / beta[t]
    raise ddpm_io.BadData(f"diffusion.predict: {predict!r} is not known here")


def network_of(checkpoint):
    """x_t [n][2], standardised, and t -> the prediction [n][2]: by the averaged weights."""
    diffusion = checkpoint.config["diffusion"]
    heads = 2 if str(diffusion.get("variance")).startswith("learned") else 1
    network = twin.load(twin.build(checkpoint.config["network"], 2, len(checkpoint.beta) - 1, heads), checkpoint.ema or checkpoint.parameters)

    def predict(x, t):
        with twin.torch.no_grad():
            rows = twin.torch.tensor(x, dtype=twin.torch.float32)
            return network(rows, twin.torch.full((len(x),), int(t)))[:, :2].numpy().astype(np.float64)
    return predict


def score(checkpoint, x, t):
    """d log q(x_t) / d x at rows of the data's own units, in those units."""
    standard = (x - checkpoint.mean) / checkpoint.scale
    output = network_of(checkpoint)(standard, t)
    noise = noise_of(checkpoint.config["diffusion"]["predict"], output, standard, checkpoint.beta, checkpoint.alpha_bar, t)
    return -noise / (1 - checkpoint.alpha_bar[t]) ** 0.5 / checkpoint.scale


def diffused(checkpoint, data, t, seed=1):
    """Rows of x_t, in the data's own units."""
    noise = np.random.default_rng(seed).normal(size=data.shape) * checkpoint.scale
    kept = checkpoint.alpha_bar[t]
    return checkpoint.mean + kept ** 0.5 * (data - checkpoint.mean) + (1 - kept) ** 0.5 * noise


def draw(checkpoint, data, steps):
    clouds = [diffused(checkpoint, data, t) for t in steps]
    box = panels.limits(np.concatenate([cloud[:, 0] for cloud in clouds])) + panels.limits(np.concatenate([cloud[:, 1] for cloud in clouds]))
    cell = max(box[1] - box[0], box[3] - box[2]) / CELLS
    across, up = np.meshgrid(np.arange(box[0] + cell / 2, box[1], cell), np.arange(box[2] + cell / 2, box[3], cell))
    grid = np.column_stack([across.ravel(), up.ravel()])
    width = style.TWO_COLUMNS
    figure, row = style.plt.subplots(1, len(steps), sharex=True, sharey=True, squeeze=False,
                                     figsize=(width, 0.75 + panels.ratio(box) * (width - 0.6) / len(steps)))
    for axes, t, cloud in zip(row.flat, steps, clouds):
        unit = np.percentile(np.hypot(*score(checkpoint, cloud, t).T), 95)
        arrows = score(checkpoint, grid, t)
        arrows *= np.minimum(1, unit / np.hypot(*arrows.T))[:, None]
        style.scatter(axes, cloud[:, 0], cloud[:, 1], style.COLOURS[3], size=1.5)
        axes.quiver(grid[:, 0], grid[:, 1], arrows[:, 0], arrows[:, 1], angles="xy", scale_units="xy", scale=unit / (SHOWN * cell),
                    color=style.DATA, width=0.005, headwidth=3.5, headlength=4, headaxislength=3.5)
        axes.set_title(f"$t$ = {t}, longest {unit:.2g}", pad=4)
        axes.set_xlabel(ddpm_io.axis_name(checkpoint.columns, 0))
        style.equal_axes(axes, box, bins=4)
    figure.suptitle("arrows: score of $x_t$, in 1 / unit of data, cut where it is longer than 95 % of those at the points; points: $x_t$", fontsize=8)
    row.flat[0].set_ylabel(ddpm_io.axis_name(checkpoint.columns, 1))
    return figure


def main():
    parser = command.Parser(__doc__.split("\n")[0])
    parser.add_argument("run", help="run folder of a model of two columns without conditions")
    parser.add_picture()
    parser.add_argument("--steps", type=command.positives, metavar="T,T,...", help="steps to show (default: four, from near the data to noise)")
    parser.add_program()
    options = parser.parse_args()
    if twin.torch is None:
        raise ddpm_io.Missing("PyTorch is not installed (Debian: python3-torch)")
    run = ddpm_io.open_run(options.run)
    checkpoint = run.checkpoint()
    if len(checkpoint.mean) != 2 or run.config["data"].get("condition"):
        raise ddpm_io.BadData(f"{options.run}: a score field needs a model of two columns without conditions")
    last = len(checkpoint.beta) - 1
    steps = options.steps or sorted({max(1, round(last * share)) for share in (0.05, 0.2, 0.5, 0.9)})
    if max(steps) > last:
        raise ddpm_io.BadData(f"{options.run}: --steps {max(steps)}: it has {last} steps")
    style.save(draw(checkpoint, run.data(POINTS, program=options.ddpm).values, steps), options.output)


if __name__ == "__main__":
    command.run(main)
