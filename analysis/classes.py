#!/usr/bin/python3
"""Samples of each class: how many of them a classifier of the real rows recognises, and a picture with a row for each
class.

The classes are those of the integer dataset that the model (or --classifier) was conditioned on, beside the data in its
file.
"""
import os
import tempfile

import numpy as np

from ddpm_analysis import (
    BadData,
    command_line,
    drawing,
    read_samples,
    read_table,
    style,
)
from ddpm_analysis.failures import optional
from ddpm_analysis.hdf5 import open_h5, split_source, write_rows
from ddpm_analysis.program import run_program


def read_labels(source, name, count):
    path, _ = split_source(source)
    with open_h5(path) as file:
        if name not in file or file[name].shape != (count,) or file[name].dtype.kind not in "iu":
            raise BadData(f"{path}: expected whole numbers {name!r} [{count}], a class for each row")
        return file[name][:]


def sample(options, classes):
    """Rows of the given classes, made by the program."""
    more = ["--classifier", options.classifier, "--scale", options.scale] if options.classifier else []
    for name in ("guidance", "seed", "steps", "sampler"):
        if getattr(options, name) is not None:
            more += [f"--{name}", getattr(options, name)]
    with tempfile.TemporaryDirectory() as folder:
        conditions, output = os.path.join(folder, "conditions.h5"), os.path.join(folder, "samples.h5")
        write_rows(conditions, classes.astype(np.float32))
        run_program("sample", options.run, "--conditions", conditions, "--output", output, *more, program=options.ddpm)
        return read_samples(output).values.astype(np.float64)


def recogniser(rows, labels):
    """A support vector machine with a Gaussian kernel, and the part of a third of the rows that it recognises when it
    is trained on the others."""
    split = optional("sklearn.model_selection").train_test_split
    scale = rows.std()
    to_unit_scale = optional("sklearn.preprocessing").FunctionTransformer(lambda x: x / scale)
    machine = optional("sklearn.pipeline").make_pipeline(to_unit_scale, optional("sklearn.svm").SVC())
    train, test, train_labels, test_labels = split(rows, labels, test_size=1 / 3, random_state=0, stratify=labels)
    unseen = machine.fit(train, train_labels).score(test, test_labels)
    return machine.fit(rows, labels), unseen


def deviation_within(rows, classes):
    """The mean over classes of the columns' standard deviation within the class."""
    return np.mean([rows[classes == kind].std(axis=0).mean() for kind in np.unique(classes)])


def draw(rows, classes, shape, across, span):
    kinds = np.unique(classes)
    picture = drawing.tile(np.concatenate([rows[classes == kind][:across] for kind in kinds]), shape, across)
    width = style.TWO_COLUMNS * 0.75
    figure = style.new_figure(width, width * len(picture) / picture.shape[1])
    axes = figure.subplots()
    drawing.show_picture(axes, picture, span)
    axes.set(yticks=shape[0] / 2 - 0.5 + np.arange(len(kinds)) * (shape[0] + 1), yticklabels=kinds, xticks=[],
             ylabel="class asked for")
    axes.grid(False)
    return figure


def parse():
    parser = command_line.Parser(__doc__.split("\n\n")[0])
    parser.add_argument("run", help="run folder or checkpoint of the model")
    parser.add_argument("--data", required=True, metavar="FILE.h5[:dataset]",
                        help="real rows, with their classes beside them")
    parser.add_argument("--label", default="label", metavar="NAME", help="dataset of the classes")
    parser.add_argument("--classifier", metavar="RUN", help="run folder of a classifier that steers")
    parser.add_argument("--scale", type=float, default=1.0, help="scale of the classifier's gradient")
    parser.add_argument("--guidance", type=float,
                        help="guidance of a model that knows the classes itself (default: as configured)")
    parser.add_argument("--sampler", help="option of `ddpm sample`")
    parser.add_argument("--steps", type=command_line.positive, metavar="K", help="option of `ddpm sample`")
    parser.add_argument("--seed", type=int, help="option of `ddpm sample`")
    parser.add_argument("--count", type=command_line.positive, default=100, metavar="N", help="samples of each class")
    parser.add_argument("--across", type=command_line.positive, default=16, metavar="N",
                        help="samples of each class in the picture")
    parser.add_image_shape()
    parser.add_program()
    parser.add_picture(required=False)
    parser.add_argument("--at-least", type=float, metavar="P", help="exit 1 when a smaller part is recognised")
    return parser.parse_args()


def main():
    options = parse()
    real = read_table(options.data).values.astype(np.float64)
    labels = read_labels(options.data, options.label, len(real))
    machine, unseen = recogniser(real, labels)
    classes = np.repeat(np.unique(labels), options.count)
    rows = sample(options, classes)
    if rows.shape[1] != real.shape[1]:
        raise BadData(f"{options.run}: makes {rows.shape[1]} columns, {options.data} has {real.shape[1]}")
    right = machine.predict(rows) == classes
    by_class = "  ".join(f"{kind}: {right[classes == kind].mean():.0%}" for kind in np.unique(labels))
    print(f"recognised: {right.mean():.1%} of {len(rows)} samples; "
          f"of real rows that the recogniser has not seen, {unseen:.1%}")
    print(f"by class:   {by_class}")
    print(f"deviation within a class: {deviation_within(rows, classes):.3f} of samples, "
          f"{deviation_within(real, labels):.3f} of real rows")
    if options.output:
        shape = drawing.image_shape(options.shape, rows.shape[1], options.run)
        style.save(draw(rows, classes, shape, options.across, (real.min(), real.max())), options.output)
    return int(options.at_least is not None and right.mean() < options.at_least)


if __name__ == "__main__":
    command_line.run(main)
