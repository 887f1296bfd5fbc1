#!/usr/bin/python3
"""A page of HTML about a run, or about a sweep: what was trained, how it went, what its samples are like, and every
warning. The page is one file that needs no network."""
import os
import re
import tempfile
from dataclasses import dataclass, field

import h5py
import numpy as np

from ddpm_analysis import (
    BadData,
    Failure,
    command_line,
    drawing,
    measures,
    open_run,
    pages,
    read_csv,
    read_frame,
    read_json,
    read_samples,
    read_sweep,
    style,
    sweeps,
    table_figures,
)
from ddpm_analysis.hdf5 import open_h5, split_source
from ddpm_analysis.program import read_defaults, run_program
from ddpm_analysis.runs import iterations_in_all, warnings_in
from ddpm_analysis.text_files import read_text
from schedule import PANELS
from sweep import curves

MOST_COLUMNS = 12      # whose marginals are drawn
MOST_PAIRS = 6         # of columns, that are drawn
MOST_CURVES = 60       # points of a sweep whose losses are drawn
SMOOTH = 0.05          # share of the rows of metrics.csv, of the running mean
NO_MEASURES = ("index", "T", "iterations")  # columns of a sweep's table


def without_numbers(text):
    return re.sub(r"\d[\d.]*(e[-+]?\d+)?", "0", text)


@dataclass
class Page:
    """What is common to both pages: figures, warnings and where they come from, and parts that could not be made."""

    of_many: bool = False                           # runs, not one
    figures: pages.Figures = field(default_factory=pages.Figures)
    warnings: dict = field(default_factory=dict)    # text -> [sources]
    heard: set = field(default_factory=set)         # (text, source) of all of them
    lacking: list = field(default_factory=list)     # (part, reason)

    def warn(self, texts, source):
        """What several runs are told with other numbers is one warning, that of the first of them."""
        for text in texts:
            if (text, source) in self.heard:
                continue
            self.heard.add((text, source))
            alike = [other for other, sources in self.warnings.items()
                     if other == text or (self.of_many and source not in sources
                                          and without_numbers(other) == without_numbers(text))]
            self.warnings.setdefault(alike[0] if alike else text, []).append(source)

    def attempt(self, part, make, *arguments):
        """The part, or None where it cannot be made: the page says why."""
        try:
            return make(*arguments)
        except Failure as failure:
            self.lacking.append((part, str(failure)))
            return None

    def ask(self, verb, *arguments, program=None):
        """Run the program, and keep its warnings."""
        done = run_program(verb, *arguments, program=program)
        self.warn(warnings_in(done.stderr), f"ddpm {verb}")
        return done


# ---- parts of the page of a run

def flat(config, above=""):
    """{"diffusion.steps": 100, ...} of a nested configuration."""
    found = {}
    for key, value in config.items():
        found.update(flat(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value})
    return found


def as_yaml(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(as_yaml, value))}]"
    return '""' if value == "" else str(value)


def changed_settings(config, program):
    """(key, value, default, meaning) of what differs from the program's defaults."""
    defaults, meanings = read_defaults(program)
    defaults = flat(defaults)
    return [(key, as_yaml(value), as_yaml(defaults.get(key, "")), meanings.get(key, ""))
            for key, value in flat(config).items() if value != defaults.get(key)]


def duration(seconds):
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{seconds:.1f} s" if seconds < 60 else f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def name_of_baseline(run):
    """What has the loss that the run calls its baseline, in the words of its log."""
    try:
        said = run.starts[-1].described.get("baseline", "")
    except (Failure, IndexError):
        said = ""
    found = re.match("the loss of (.+?) is ", said)
    return found.group(1) if found else "the best linear prediction"


def losses(page, run):
    """The figure, and (name, value) of what it ends at."""
    metrics, baseline, its_name = run.metrics, run.baseline, name_of_baseline(run)
    if len(metrics) == 0:
        raise BadData(f"{run.folder}/metrics.csv: no rows yet")

    def draw(axes):
        measured = drawing.loss_curve(axes, metrics["iteration"], metrics, SMOOTH, 0, "training")
        if measured:
            axes.plot([], [], "o", color=style.COLOURS[0], markerfacecolor="white", markersize=4, label="held out")
        if baseline is not None:
            axes.axhline(baseline, color="0.4", linewidth=0.9, linestyle=":", label=its_name.removeprefix("the "))
        drawing.loss_scale(axes)
        axes.set(xlabel="iteration", ylabel="loss")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    held_out = metrics["validation_loss"][np.isfinite(metrics["validation_loss"])]
    last = [("training loss, last row", float(metrics["loss"][-1]))]
    if len(held_out):
        last += [("held-out loss, last", float(held_out[-1])), ("held-out loss, lowest", float(held_out.min())),
                 ("held out less training", float(held_out[-1] - metrics["loss"][-1]))]
    if baseline is not None:
        last.append((f"loss of {its_name}", baseline))
    return {"figure": page.figures.axes(draw, "Training and held-out loss by iteration", height=3.0),
            "values": [(name, f"{value:.5g}") for name, value in last]}


def table_of(run):
    """FILE.h5:NAME of the data of a run that was trained on a table of several kinds of columns, else None."""
    if run.config["data"]["source"] != "hdf5":
        return None
    path, name = split_source(run.source)
    with open_h5(path) as file:
        name = name if name and name in file else "table"
        return f"{path}:{name}" if isinstance(file.get(name), h5py.Group) else None


def schedule(page, run, config, program):
    """None for the masked process, which adds no noise."""
    process, config_path = config["diffusion"].get("process"), os.path.join(run.folder, "config.yaml")
    if process == "masked" or process == "auto" and table_of(run):
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "schedule.csv")
        done = page.ask("schedule", config_path, "--output", path, program=program)
        table = read_csv(path)
    audit = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("warning: ")]
    figures = []
    for column, title, logarithmic in PANELS:
        def draw(axes):
            drawing.schedule_curve(axes, [table], column, logarithmic, [None])
            axes.set_title(title)
        figures.append(page.figures.axes(draw, f"{column} of each step", 3.2, 2.3))
    return {"figures": figures, "audit": audit}


def distance(data, samples):
    """The Kolmogorov-Smirnov distance of two columns."""
    both = np.concatenate([data, samples])
    return np.abs(np.searchsorted(np.sort(data), both, "right") / len(data)
                  - np.searchsorted(np.sort(samples), both, "right") / len(samples)).max()


def ranks_correlation(values):
    """The correlations of the columns' ranks, 0 for a constant column."""
    ranks = np.argsort(np.argsort(values, axis=0), axis=0).astype(float)
    ranks[:, values.max(axis=0) == values.min(axis=0)] = np.nan
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.corrcoef(ranks, rowvar=False))


def worst(values, count):
    """The indices of the `count` largest, in their own order."""
    return np.sort(np.argsort(-np.asarray(values), kind="stable")[:count]).tolist()


def draw_pair(page, data, samples, edges, first, second, name):
    figure = style.new_figure(4.6, 2.4)
    for axes, table, colour, title in zip(figure.subplots(1, 2, sharex=True, sharey=True), (data, samples),
                                          (style.DATA, style.SAMPLES), ("data", "samples")):
        drawing.points(axes, table.values[:, first], table.values[:, second], colour, size=2)
        axes.set(title=title, xlim=edges[first][[0, -1]], ylim=edges[second][[0, -1]])
        axes.set_xlabel(data.axis_name(first, 24))
        axes.locator_params(nbins=4)
    figure.axes[0].set_ylabel(data.axis_name(second, 28))
    return page.figures.add(figure, f"{name(first)} and {name(second)}, data and samples")


def compare_table(page, run, table, options, measured):
    """The same of a table: marginals with categories and gaps, and a map of its pairs by `ddpm evaluate`."""
    data = read_frame(table).reset_index(drop=True)
    names = [name for name in run.checkpoint().columns if name in data]
    data = data.iloc[np.random.default_rng(0).permutation(len(data))[:options.points]]
    with tempfile.TemporaryDirectory() as folder:
        path = options.samples or os.path.join(folder, "samples.h5")
        if not options.samples:
            page.ask("sample", run.folder, "--count", len(data), "--output", path, program=options.ddpm)
        samples = read_frame(path).reset_index(drop=True)
    quality = measured.get("quality", {})
    shown = names[:MOST_COLUMNS]
    if "shape" in quality:
        shapes = [-np.inf if value is None else 1 - value for value in quality["shape"]["by_column"]]
        shown = [names[c] for c in worst(shapes, MOST_COLUMNS)]
    trend = quality.get("trend_deciles", {})
    pairs = [table_figures.draw_pairs(page, names, trend)] if trend.get("by_pair") else []
    return {"rows": (len(data), len(samples)), "clouds": [], "pairs": pairs, "all_pairs": len(pairs),
            "marginals": [table_figures.draw_marginal(page, data[name], samples[name], name) for name in shown],
            "left_out": [name for name in names if name not in shown], "columns": len(names),
            "named": {name: table_figures.least_alike(quality[name]) for name in ("shape", "trend_deciles")
                      if name in quality}}


def compare(page, run, options, measured):
    """Figures of samples beside data: clouds of two columns, the marginals of each, and pairs of more."""
    if table := table_of(run):
        return compare_table(page, run, table, options, measured)
    data = run.data(options.points, program=options.ddpm)
    columns = run.checkpoint().columns
    if columns and data.columns:
        data = data.select(columns)    # those that are conditions are not modelled
    if options.samples:
        samples = read_samples(options.samples, options.points, like=data)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "samples.h5")
            page.ask("sample", run.folder, "--count", len(data.values), "--output", path, program=options.ddpm)
            samples = read_samples(path, like=data)
    x, y, count = data.values.astype(float), samples.values.astype(float), data.values.shape[1]
    distances = [distance(x[:, c], y[:, c]) for c in range(count)]
    shown = worst(distances, MOST_COLUMNS)
    edges = {c: drawing.bin_edges(x[:, c], y[:, c]) for c in range(count)}

    def name(column):
        return data.columns[column] if data.columns else f"column {column + 1}"

    def marginal(column):
        def draw(axes):
            drawing.marginal(axes, x[:, column], y[:, column], edges[column])
            axes.set_xlabel(data.axis_name(column, 36))
            axes.locator_params(axis="x", nbins=5)
        return page.figures.axes(draw, f"Distribution of {name(column)}, data and samples", 3.2, 1.7)
    found = {"rows": (len(x), len(y)), "clouds": [], "pairs": [], "marginals": [marginal(c) for c in shown],
             "named": {}, "left_out": [name(c) for c in range(count) if c not in shown], "columns": count}
    if count == 2:
        box = sum(map(drawing.limits_near, np.concatenate([x, y]).T), ())
        for table, colour, title in ((data, style.DATA, "data"), (samples, style.SAMPLES, "samples")):
            figure = drawing.scatter_panel(table, (0, 1), box, colour, 4.2)
            figure.axes[0].set_title(drawing.title_of_cloud(title, table.values, (0, 1), box))
            found["clouds"].append(page.figures.add(figure, f"Scatter plot of the {title}"))
    elif count > 2:
        differ = np.abs(ranks_correlation(x) - ranks_correlation(y))
        pairs = [(i, j) for at, i in enumerate(shown) for j in shown[at + 1:]]
        for index in worst([differ[pair] for pair in pairs], MOST_PAIRS):
            found["pairs"].append(draw_pair(page, data, samples, edges, *pairs[index], name))
        found["all_pairs"] = len(pairs)
    return found


def evaluation(page, run, options):
    """`ddpm evaluate`'s JSON: the file that was named, or the run folder's if it is of the newest checkpoint, or what
    the program says now."""
    if options.evaluation:
        found = read_json(options.evaluation)
    else:
        kept = os.path.join(run.folder, "evaluation.json")
        found = read_json(kept) if os.path.exists(kept) else {}
        if not isinstance(found, dict) or found.get("iteration") != run.checkpoint().iteration:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "evaluation.json")
                page.ask("evaluate", run.folder, "--json", path, program=options.ddpm)
                found = read_json(path)
    if not isinstance(found, dict):
        raise BadData(f"{options.evaluation}: not a file of `ddpm evaluate --json`")
    return {"found": found, "columns": measures.COMPARED, "rows": measures.comparisons(found),
            "facts": measures.facts(found)}


def log_warnings(page, run, source):
    """Those of run.log, and of what jobs/sweep.py kept of the program's output."""
    for name in ("run.log", "log.txt"):
        path = os.path.join(run.folder, name)
        if os.path.exists(path):
            page.warn(warnings_in(read_text(path)), source)


def summary(run, config, checkpoint, starts):
    """(name, text): how far the run came, where, and with what."""
    wanted, metrics = iterations_in_all(config, checkpoint.attributes if checkpoint else {}), run.metrics
    done = checkpoint.iteration if checkpoint else 0
    rows = [("iterations", f"{done:,}" + (" (finished)" if done >= wanted else f" of {wanted:,}"))]
    if done < wanted and starts and starts[-1].error:
        rows.append(("ended by", starts[-1].error))
    if len(metrics):
        rows.append(("training time", duration(metrics["seconds"][-1])))
        rows.append(("rows a second, median", f"{np.median(metrics['rows_per_second']):,.0f}"))
    if starts:
        rows.append(("last start", starts[-1].heading))
        rows += [item for item in starts[-1].described.items() if item[0] not in ("resume", "schedule", "finished")]
    elif checkpoint:
        rows.append(("program", checkpoint.attributes.get("program", "")))
    return rows


def run_page(run, options):
    page = Page()
    checkpoint = page.attempt("checkpoint", run.checkpoint)
    config = checkpoint.config if checkpoint else run.config
    if "training" not in config:
        raise BadData(f"{run.folder}/config.yaml: not the configuration of a run (no section 'training')")
    log_warnings(page, run, "ddpm train")
    starts = page.attempt("log", lambda: run.starts) or []
    evaluated = page.attempt("evaluation", evaluation, page, run, options) if checkpoint else None
    values = {
        "title": run.name,
        "summary": summary(run, config, checkpoint, starts),
        "settings": page.attempt("settings", changed_settings, config, options.ddpm),
        "losses": page.attempt("loss", losses, page, run),
        "schedule": page.attempt("schedule", schedule, page, run, config, options.ddpm),
        "samples": page.attempt("samples", compare, page, run, options, (evaluated or {}).get("found", {}))
        if checkpoint else None,
        "evaluation": evaluated,
        "starts": starts, "warnings": page.warnings, "lacking": page.lacking,
    }
    pages.write(options.output or os.path.join(run.folder, "report.html"), "run.html", **values)
    return page


# ---- parts of the page of a sweep

def cell(value):
    """(what is shown, what is sorted by, whether it is a number) of a value of the table."""
    if isinstance(value, str):
        return value, value, False
    return ("", "", True) if np.isnan(value) else (f"{value:.5g}", repr(float(value)), True)


def label_of(table, row):
    return ", ".join(f"{sweeps.title_of(axis)} {sweeps.text_of(table.columns[axis][row])}" for axis in table.axes)


def loss_panels(page, table):
    """(row, figure) of the first points, in axes of equal height."""
    found = []
    for row in range(min(len(table.columns["index"]), MOST_CURVES)):
        run = table.run(row)
        if len(run.metrics):
            found.append((row, run.metrics))
    low = min((np.nanmin([*metrics["loss"], *metrics["validation_loss"]]) for _, metrics in found), default=0)
    high = max((np.quantile(metrics["loss"], 0.99) for _, metrics in found), default=1)
    panels = []
    for row, metrics in found:
        def draw(axes):
            drawing.loss_curve(axes, metrics["iteration"], metrics, SMOOTH, 0)
            axes.set_ylim(*drawing.limits(np.array([low, high])))
            axes.locator_params(nbins=4)
            axes.set_title(label_of(table, row))
        panels.append((row, page.figures.axes(draw, f"Loss of {label_of(table, row)}", 3.2, 2.0)))
    return panels


def is_measure(table, name):
    """Whether a column of a sweep's table is worth a figure: a number that is measured and differs from point to point.
    A ratio to fresh data stands for the measure itself."""
    values = table.columns[name]
    return (values.dtype.kind != "O" and name not in (*table.axes, *NO_MEASURES) and not name.endswith("_error")
            and f"{name}_ratio" not in table.columns and len(np.unique(values[np.isfinite(values)])) > 1)


def measure_panels(page, table):
    """Each measure over the longest axis, a curve for each value of another axis."""
    axes_by_length = sorted(table.axes, key=lambda axis: -len(sweeps.distinct(table.columns[axis])))
    x, by = axes_by_length[0], axes_by_length[1] if len(table.axes) > 1 else None
    panels = []
    for measure in filter(lambda name: is_measure(table, name), table.columns):
        def draw(axes):
            curves(axes, table, x, by, measure)
            axes.set(ylabel="", title=axes.get_ylabel())
            if by:
                axes.legend()
        panels.append(page.figures.axes(draw, f"{sweeps.title_of(measure)} by {sweeps.title_of(x)}", 3.6, 2.6))
    return panels


def sweep_page(table, options):
    page = Page(of_many=True)
    names = [name for name, values in table.columns.items()
             if name != "index" and (values.dtype.kind == "O" or np.isfinite(values).any())]
    names.sort(key=lambda name: (name not in table.axes, name == "folder"))
    for row in range(len(table.columns["index"])):
        log_warnings(page, table.run(row), table.columns["folder"][row])
    values = {
        "title": os.path.basename(os.path.abspath(table.folder)), "axes": table.axes, "points": table.points,
        "names": [(name, sweeps.title_of(name).replace("$", ""), table.columns[name].dtype.kind != "O")
                  for name in names],
        "rows": [[cell(table.columns[name][row]) for name in names] for row in range(len(table.columns["index"]))],
        "measures": measure_panels(page, table), "losses": page.attempt("loss", loss_panels, page, table),
        "warnings": page.warnings, "lacking": page.lacking,
    }
    pages.write(options.output or os.path.join(table.folder, "report.html"), "sweep.html", **values)
    return page


def main():
    parser = command_line.Parser(__doc__)
    parser.add_argument("folder", metavar="RUN", help="run folder, or the folder of a sweep (jobs/sweep.py gather)")
    parser.add_argument("--output", metavar="FILE", help="the page (default: report.html in that folder)")
    parser.add_argument("--samples", metavar="FILE.h5", help="samples to show (default: some are made)")
    parser.add_argument("--evaluation", metavar="FILE.json",
                        help="of `ddpm evaluate --json` (default: evaluation.json of the run folder, or it is made)")
    parser.add_points(drawing.POINTS)
    parser.add_program()
    options = parser.parse_args()
    gathered = os.path.join(options.folder, "table.h5")
    if os.path.isfile(gathered):
        page = sweep_page(read_sweep(gathered), options)
    else:
        page = run_page(open_run(options.folder), options)
    for part, reason in page.lacking:
        print(f"without {part}: {reason}")


if __name__ == "__main__":
    command_line.run(main)
