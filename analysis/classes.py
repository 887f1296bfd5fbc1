#!/usr/bin/python3
"""Samples of each class: a grid with a row for each, and how many of them a classifier of the real rows recognises.

The classes are those of the integer dataset that the model (or --classifier) was conditioned on, beside the data in its file.
"""
import os
import tempfile

import h5py
import numpy as np

import command
import ddpm_io
import style
from images import image_shape, square, tile
from imputation import program


def read_labels(path, name, count):
    with ddpm_io.open_h5(path) as file:
        if name not in file or file[name].shape != (count,) or file[name].dtype.kind not in "iu":
            raise ddpm_io.BadData(f"{path}: expected whole numbers {name!r} [{count}], a class for each row")
        return file[name][:]


def sample(run, classes, options):
    """Rows of the given classes, made by the program."""
    ddpm = options.ddpm or os.environ.get("DDPM") or "ddpm"
    more = ["--classifier", options.classifier, "--scale", options.scale] if options.classifier else []
    for name in ("guidance", "seed", "steps", "sampler"):
        if getattr(options, name) is not None:
            more += [f"--{name}", getattr(options, name)]
    with tempfile.TemporaryDirectory() as folder:
        conditions, output = os.path.join(folder, "conditions.h5"), os.path.join(folder, "samples.h5")
        with h5py.File(conditions, "w") as file:
            file["data"] = classes.astype(np.float32)
        program(ddpm, "sample", run, "--conditions", conditions, "--output", output, *more)
        return ddpm_io.read_samples(output).values


def recogniser(rows, labels):
    """A support vector machine with a Gaussian kernel, and the part of a third of the rows that it recognises when trained on the others."""
    try:
        from sklearn.model_selection import train_test_split
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer
        from sklearn.svm import SVC
    except ImportError:
        raise ddpm_io.Missing("scikit-learn is not installed (Debian: python3-sklearn)")
    scale = rows.std()
    machine = make_pipeline(FunctionTransformer(lambda x: x / scale), SVC())
    train, test, train_labels, test_labels = train_test_split(rows, labels, test_size=1 / 3, random_state=0, stratify=labels)
    unseen = machine.fit(train, train_labels).score(test, test_labels)
    return machine.fit(rows, labels), unseen


def draw(rows, classes, shape, across, span):
    kinds = np.unique(classes)
    picture = tile(np.concatenate([rows[classes == kind][:across] for kind in kinds]), shape, across)
    figure, axes = style.plt.subplots(figsize=(style.TWO_COLUMNS * 0.75, style.TWO_COLUMNS * 0.75 * len(picture) / picture.shape[1]))
    axes.imshow(picture, cmap=style.plt.get_cmap("gray_r").with_extremes(bad="#dbe9f4"), vmin=span[0], vmax=span[1], interpolation="nearest")
    axes.set(yticks=shape[0] / 2 - 0.5 + np.arange(len(kinds)) * (shape[0] + 1), yticklabels=kinds, xticks=[], ylabel="class asked for")
    axes.grid(False)
    return figure


def main():
    parser = command.Parser(__doc__.split("\n")[0])
    parser.add_argument("run", help="run folder or checkpoint of the model")
    parser.add_argument("--data", required=True, metavar="FILE.h5[:dataset]", help="real rows, with their classes beside them")
    parser.add_argument("--label", default="label", metavar="NAME", help="dataset of the classes")
    parser.add_argument("--classifier", metavar="RUN", help="run folder of a classifier that steers")
    parser.add_argument("--scale", type=float, default=1.0, help="of the classifier's gradient")
    parser.add_argument("--guidance", type=float, help="of a model that knows the classes itself (default: as configured)")
    parser.add_argument("--sampler", help="of `ddpm sample`")
    parser.add_argument("--steps", type=command.positive, metavar="K", help="of `ddpm sample`")
    parser.add_argument("--seed", type=int, help="of `ddpm sample`")
    parser.add_argument("--count", type=command.positive, default=100, metavar="N", help="samples of each class")
    parser.add_argument("--across", type=command.positive, default=16, metavar="N", help="of them in the picture")
    parser.add_argument("--shape", type=image_shape, metavar="HxW", help="of an image (default: square)")
    parser.add_argument("--ddpm", metavar="PATH", help="the program (default: $DDPM, or ddpm on the PATH)")
    parser.add_argument("--output", type=command.picture, metavar="FILE", help="picture: .png, .pdf or .svg")
    parser.add_argument("--at-least", type=float, metavar="P", help="exit 1 when a smaller part is recognised")
    options = parser.parse_args()

    path, _ = ddpm_io.split_source(options.data)
    real = ddpm_io.read_table(options.data).values.astype(np.float64)
    labels = read_labels(path, options.label, len(real))
    machine, unseen = recogniser(real, labels)
    classes = np.repeat(np.unique(labels), options.count)
    rows = sample(options.run, classes, options).astype(np.float64)
    if rows.shape[1] != real.shape[1]:
        raise ddpm_io.BadData(f"{options.run}: makes {rows.shape[1]} columns, {options.data} has {real.shape[1]}")
    right = machine.predict(rows) == classes
    print(f"recognised: {right.mean():.1%} of {len(rows)} samples; of real rows that the recogniser has not seen, {unseen:.1%}")
    print("by class:   " + "  ".join(f"{kind}: {right[classes == kind].mean():.0%}" for kind in np.unique(labels)))
    spread = [np.mean([values[of == kind].std(axis=0).mean() for kind in np.unique(of)]) for values, of in ((rows, classes), (real, labels))]
    print(f"deviation within a class: {spread[0]:.3f} of samples, {spread[1]:.3f} of real rows")
    if options.output:
        shape = options.shape or square(rows.shape[1], options.run)
        style.save(draw(rows, classes, shape, options.across, (real.min(), real.max())), options.output)
    return int(options.at_least is not None and right.mean() < options.at_least)


if __name__ == "__main__":
    command.run(main)
