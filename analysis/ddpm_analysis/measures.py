"""What `ddpm evaluate` writes as JSON, as rows of tables: whatever keys there are, with the meaning of those that are
known here."""

MEANINGS = {
    "alpha_precision": "how well samples fill the balls around the mean of training rows, which hold given shares of "
                       "these: 1 is best",
    "beta_recall": "share of training rows that a sample is as near to as another training row is, in balls around "
                   "the samples' mean: 1 is best",
    "bits_per_dim": "in bits per column",
    "bound": "variational bound on the negative log-likelihood of held-out rows",
    "bound_error": "standard error of the bound, in nats",
    "by_column": "share of the samples, by column",
    "closest": "share of samples that are nearer to a training row than to a held-out row: 0.5 is best",
    "columns": "columns of a row",
    "copies": "share that equals a training row in all columns",
    "covariance_error": "root mean square difference of the covariances",
    "draws": "noise draws of each row and step for the bound",
    "energy": "energy distance, which is 0 for equal distributions only",
    "entropy_first": "entropy of q(x_1 | x_0), in nats",
    "entropy_last": "entropy of q(x_T | x_0), in nats",
    "first_step": "L_0 of a row that the network predicts perfectly, in nats",
    "forest": "share of rows of which a random forest, which was not trained on them, says rightly whether they are "
              "samples or data: 0.5 is perfect",
    "gaps": "likeness of the shares of gaps, mean over the columns: 1 is best",
    "iteration": "iteration of the checkpoint that was evaluated",
    "ks": "Kolmogorov-Smirnov distance of each column",
    "ks_max": "Kolmogorov-Smirnov distance of the worst column",
    "ks_mean": "Kolmogorov-Smirnov distance, mean over the columns",
    "likelihood": "negative log-likelihood of held-out rows by the probability flow",
    "likelihood_error": "standard error of the negative log-likelihood, in nats",
    "likelihood_tolerance": "the most that a likelihood is off by through its numerical integration, in nats",
    "log_scale": "what a change from standardised to the data's own units adds to a negative log-likelihood, in nats",
    "membership": "AUC of an attack that takes rows near a sample for training rows: 0.5 is best",
    "memorised": "whether samples tell training rows from others",
    "mean_error": "root mean square difference of the columns' means",
    "middle": "L_1 + ... + L_{T-1} of the bound, in nats",
    "mmd2": "squared maximum mean discrepancy with a Gaussian kernel",
    "mmd_width": "width of that kernel",
    "names": "the names of the columns",
    "nats": "in nats a row, of standardised data",
    "nats_per_column": "in nats per column, of standardised data",
    "no_tolerance": "why the error of the likelihood's integration has no bound",
    "not_finite": "samples that are not finite numbers",
    "oracle_error": "standard error of the oracle's value",
    "outside": "share of rows with a value outside the range of the training rows",
    "own_bits_per_dim": "in bits per column, in the data's own units",
    "own_nats": "in nats a row, in the data's own units",
    "own_nats_per_column": "in nats per column, in the data's own units",
    "pairs": "pairs of sets over which the measures are averaged",
    "prior": "L_T of the bound: how far the end of the forward process is from noise, in nats",
    "probes": "random probes of the divergence for each row; 0: it is exact",
    "program": "version of the program that evaluated",
    "reconstruction": "L_0 of the bound, in nats",
    "rows": "rows that were evaluated",
    "samples_error": "standard error of the samples' value",
    "shape": "likeness of the marginals, mean over the columns: 1 is best",
    "share_data": "share of real rows with exactly this value",
    "share_samples": "share of samples with exactly this value",
    "sliced_w1": "Wasserstein-1 distance along a direction, mean over random directions",
    "sliced_w2": "Wasserstein-2 distance along a direction, root mean square over random directions",
    "sohl_dickstein": "the bound in Sohl-Dickstein's form",
    "spikes": "values that many real rows share exactly, and few samples do",
    "steps": "steps of the process",
    "terms": "the bound's terms L_0 to L_{T-1}, in nats",
    "told_apart": "whether samples can be told from real rows",
    "trend": "likeness of pairs of columns, mean over the pairs: 1 is best",
    "trend_deciles": "the same, with numbers in bins between deciles where one is paired with a category",
    "weights": "parameters that were evaluated: their running mean (ema), or the last ones (raw)",
    "worst_column": "the same from the one column that shows most",
    "worst_pair": "the same from the two columns that show most",
}
SHOWN = 16   # of a list of numbers
COMPARED = ("samples", "oracle", "ratio")
MAPS = ("by_pair", "oracle_by_pair", "oracle_by_column")    # numbers for programs


def text_of(value):
    """A value of JSON as a reader takes it; None is nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        if len(value) > SHOWN:
            return f"{text_of(value[0])} ... {text_of(value[-1])} ({len(value)} values)"
        return ", ".join(map(text_of, value))
    return str(value)


def plain_name(key):
    return key.replace("_", " ")


def is_plain(value):
    return not isinstance(value, dict) and not (isinstance(value, list) and any(isinstance(v, dict) for v in value))


def compares(value):
    """Whether a value holds a measure of samples beside that of real data in their place, the oracle."""
    return isinstance(value, dict) and "samples" in value and "oracle" in value


def comparisons(found, above=""):
    """All measures of samples beside real data, in the file's order: (name, meaning, [texts of COMPARED], notes); notes
    are (name, text, meaning) of what else is said of the measure."""
    rows = []
    for key, value in found.items():
        if compares(value):
            name = f"{above}{plain_name(key)}"
            notes = [(plain_name(other), text_of(item), MEANINGS.get(other, "")) for other, item in value.items()
                     if other not in (*COMPARED, *MAPS) and is_plain(item) and item is not None]
            rows.append((name, MEANINGS.get(key, ""), [text_of(value.get(column)) for column in COMPARED], notes))
            rows += comparisons(value, f"{name}, ")
        elif isinstance(value, dict):
            rows += comparisons(value)
    return rows


def facts(found, above="", meaning_above=""):
    """(name, text, meaning) of everything else."""
    rows = []
    for key, value in found.items():
        name = f"{above}{plain_name(key)}"
        meaning = ", ".join(filter(None, (meaning_above, MEANINGS.get(key))))
        if isinstance(value, list) and not is_plain(value):
            value = {str(index): item for index, item in enumerate(value, 1)}
        if is_plain(value):
            rows.append((name, text_of(value), meaning))
        elif compares(value):
            rows += facts({other: item for other, item in value.items() if not is_plain(item)}, f"{name}, ")
        else:
            rows += facts(value, f"{name}, ", meaning)
    return rows
