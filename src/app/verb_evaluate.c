/* The verb `ddpm evaluate`: its command line. */
#include "app/arguments.h"
#include "app/verbs.h"
#include "evaluate/evaluate.h"
#include "sample/density.h"

/* clang-format off */
static const char help[] =
    "usage: ddpm evaluate CHECKPOINT [options]\n"
    "\n"
    "Measure how well a model fits data that it was not trained on: the quality of the model's samples\n"
    "beside that of real rows in their place, the variational bound, term by term, and the exact\n"
    "log-likelihood. CHECKPOINT is a file, or a run folder, whose latest checkpoint is taken. The result\n"
    "has the same bits at any number of ranks and threads.\n"
    "\n"
    "  --data FILE.h5[:dataset]   the rows to evaluate on; default: those that training held out\n"
    "                             (data.validation), and for the quality of a model of generated rows,\n"
    "                             rows generated anew with another seed\n"
    "  --count N          most rows for the bound and the likelihood; default: 1000, 0: leave both out\n"
    "  --draws K          noise draws of each row and step for the bound; default: 1\n"
    "  --likelihood       compute the exact log-likelihood too, by the probability flow\n"
    "  --probes P         estimate the trace in the likelihood by P random probes, 0: compute it exactly;\n"
    "                     default: exact up to 16 columns, else 1 probe\n"
    "  --samples N        most rows of a set whose quality is measured, 0: leave the quality out;\n"
    "                     default: 10000, of which the distances use 5000, or 1000 above 64 columns\n"
    "  --samples-file FILE.h5[:dataset]   measure these samples instead of making some\n"
    "  --output FILE.h5   write /bound/term [T] (of t = 1..T, nats), /bound/row [N] and\n"
    "                     /log_likelihood [N] (nats, in the data's own units), and\n"
    "                     /quality/* [samples, real data, ratio]; the columns to blame are attributes\n"
    "  --json FILE        write all results as JSON; \"likelihood\" is the negative log-likelihood, as\n"
    "                     \"bound\" is\n"
    "  --seed S           seed of noise, probes, samples and directions;\n"
    "                     default: run.seed of the model's configuration\n"
    "\n"
    "The quality begins with a classifier two-sample test: a random forest (200 trees, at least 20 rows in\n"
    "a leaf) learns to tell samples from real rows, and its accuracy on rows that it was not trained on (5\n"
    "folds) is printed beside its accuracy on other real rows in the samples' place. 0.5 is perfect.\n"
    "Samples are called told apart when a sample is not finite, or when the accuracy exceeds both 0.5 and\n"
    "that on real rows by more than 3 of its standard errors, or the accuracy by the worst column or pair\n"
    "of columns alone does by more than 5, since these are the largest of many. The worst are found by\n"
    "forests on one column and on two, with leaves of at least 20 rows or of a fiftieth of the rows, among\n"
    "the 32 columns and the 28 pairs by which the forest gains most. Sets of fewer than 40 rows are not\n"
    "tested.\n"
    "\n"
    "Then come the measures of the papers on tables, for which samples are compared with training rows (of\n"
    "--data: with half of its rows), beside as many held-out rows (the other half) in their place; 1 is best.\n"
    "Shape is the mean over columns of 1 - Kolmogorov-Smirnov for numbers without their gaps, and of 1 -\n"
    "total variation for categories, of which a gap is one. Trend is the mean over pairs of columns of 1 -\n"
    "|difference of correlations| / 2 for two numbers, else of 1 - total variation of the contingency tables,\n"
    "with numbers in ten equally wide bins, or in bins between deciles. alpha-precision and beta-recall are\n"
    "synthcity's. Privacy says what samples tell of the training rows: the AUC of an attack that takes rows\n"
    "near a sample for training rows, the share of samples nearer to a training row than to a held-out row,\n"
    "and which samples are copies of which training rows. The model has memorised when the AUC is above 0.5\n"
    "by more than 0.05 and 3 standard errors, or samples are copies more often than held-out rows are, by\n"
    "more than 0.02 and 3 standard errors. Searches for near rows take at most 5000 rows of a set, and fewer\n"
    "above 40 columns; the lines say how many.\n"
    "\n"
    "Then come the share of samples with a value outside the range of the training rows, and values that\n"
    "more than 2 % of the real rows share exactly and less than half as many samples do. The distances that\n"
    "follow say how far away samples are on the whole; they hardly see smoothed modes, rounded numbers and\n"
    "soft edges.\n"
    "\n"
    "With data.condition, bound and likelihood are those of p(row | its own condition), and samples are\n"
    "made under the conditions of the real rows that they are compared with; a file of --data must hold\n"
    "the conditions where the training data had them. --weights also decides which parameters the bound\n"
    "and the likelihood use.\n";
/* clang-format on */

static ddpm_status parse_option(int found, const char *value, ddpm_evaluate_options *o)
{
    switch (found) {
    case 'd':
        o->data = value;
        return DDPM_OK;
    case 'f':
        o->samples_file = value;
        return DDPM_OK;
    case 'o':
        o->output = value;
        return DDPM_OK;
    case 'j':
        o->json = value;
        return DDPM_OK;
    case 'l':
        o->likelihood = 1;
        return DDPM_OK;
    case 's':
        o->has_seed = 1;
        return ddpm_arguments_seed("--seed", value, &o->seed);
    case 'c':
        return ddpm_arguments_integer("--count", value, 0, 100000000, &o->count);
    case 'r':
        return ddpm_arguments_integer("--draws", value, 1, 100000, &o->draws);
    case 'p':
        return ddpm_arguments_integer("--probes", value, 0, DDPM_DENSITY_PROBES_MAX, &o->probes);
    default: /* 'n' */
        return ddpm_arguments_integer("--samples", value, 0, 10000000, &o->samples);
    }
}

static ddpm_status parse(int argc, char **argv, ddpm_evaluate_options *o)
{
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"count", required_argument, NULL, 'c'},
                                            {"draws", required_argument, NULL, 'r'},
                                            {"likelihood", no_argument, NULL, 'l'},
                                            {"probes", required_argument, NULL, 'p'},
                                            {"samples", required_argument, NULL, 'n'},
                                            {"samples-file", required_argument, NULL, 'f'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"json", required_argument, NULL, 'j'},
                                            {"seed", required_argument, NULL, 's'},
                                            {0}};
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next_own(argc, argv, options, &o->settings, &status)) != -1;) {
        DDPM_TRY(status);
        DDPM_TRY(parse_option(found, optarg, o));
    }
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 1, 1, "a checkpoint or run folder"));
    o->checkpoint = argv[optind];
    if (o->samples == 0 || o->samples_file) DDPM_TRY(ddpm_sampling_settings_need_samples(&o->settings));
    if (o->probes >= 0 && !o->likelihood) return ddpm_fail(DDPM_ERR_USAGE, "--probes is for --likelihood");
    if (o->draws > 1 && o->count == 0) return ddpm_fail(DDPM_ERR_USAGE, "--draws needs rows, but --count is 0");
    if (o->likelihood && o->count == 0) return ddpm_fail(DDPM_ERR_USAGE, "--likelihood needs rows, but --count is 0");
    return DDPM_OK;
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    ddpm_evaluate_options options = {.count = 1000, .draws = 1, .samples = -1, .probes = -1};
    DDPM_TRY(parse(argc, argv, &options));
    return ddpm_evaluate(comm, &options);
}

const ddpm_verb ddpm_verb_evaluate = {
    .name = "evaluate",
    .summary = "quality of samples, bound and likelihood: CHECKPOINT",
    .help = help,
    .run = run,
    .takes_sampling = 1,
};
