/* ddpm evaluate */
#include "app/sampling_arguments.h"
#include "app/verbs.h"
#include "evaluate/evaluate.h"

static const char help[] =
    "usage: ddpm evaluate CHECKPOINT [options]\n\n"
    "How well a model fits data it has not seen: the variational bound, term by term, the exact log-likelihood, and "
    "the "
    "quality of\n"
    "its samples beside that of real data in their place. CHECKPOINT is a file, or a run folder (its latest). The same "
    "bits at any\n"
    "number of ranks and threads.\n\n"
    "  --data FILE.h5[:dataset]   rows to evaluate on; default: those that training held out (data.validation), and "
    "for "
    "the quality\n"
    "                             of a generator's data fresh rows of another seed\n"
    "  --count N          rows of the bound and the likelihood, at most; default 1000, 0: neither\n"
    "  --draws K          noise draws a row and step of the bound; default 1\n"
    "  --likelihood       also the exact log-likelihood, by the probability flow\n"
    "  --probes P         random probes of its trace instead of the exact one; default: exact up to 16 columns, else "
    "1; "
    "0: exact\n"
    "  --samples N        rows of a set whose quality is measured, at most; default 5000 (1000 above 64 columns), 0: "
    "none\n"
    "  --samples-file FILE.h5[:dataset]   measure these samples instead of making some\n"
    "  --output FILE.h5   /bound/term [T] (of t = 1..T, nats), /bound/row [N] and /log_likelihood [N] (nats, data's "
    "own "
    "units),\n"
    "                     /quality/* [samples, real data, ratio]; how the samples were made: attributes of /quality\n"
    "  --json FILE        everything for programs\n"
    "  --seed S           of noise, probes, samples and directions; default: the configuration's "
    "run.seed\n" DDPM_SAMPLING_HELP "\n"
    "The last seven say how the samples are made whose quality is measured; --weights is the bound's and the "
    "likelihood's too.\n\n"
    "With data.condition, bound and likelihood are of p(row | its own condition), and samples are made under the "
    "conditions of the\n"
    "real rows they are compared with; a file of --data must hold the conditions where the training data had them.\n";

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
        return ddpm_arguments_integer("--probes", value, 0, 100000, &o->probes);
    case 'n':
        return ddpm_arguments_integer("--samples", value, 0, 10000000, &o->samples);
    default:
        return ddpm_sampling_arguments_parse(found, value, &o->sampling);
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
                                            DDPM_SAMPLING_OPTIONS,
                                            {0}};
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next(argc, argv, options, &status)) != -1;) {
        DDPM_TRY(status);
        DDPM_TRY(parse_option(found, optarg, o));
    }
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 1, 1, "a checkpoint or run folder"));
    o->checkpoint = argv[optind];
    if (o->likelihood && o->count == 0) return ddpm_fail(DDPM_ERR_USAGE, "--likelihood needs rows: --count is 0");
    return DDPM_OK;
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    ddpm_evaluate_options options = {.count = 1000, .draws = 1, .samples = -1, .probes = -1};
    DDPM_TRY(parse(argc, argv, &options));
    return ddpm_evaluate(comm, &options);
}

const ddpm_verb ddpm_verb_evaluate = {"evaluate", "bound, likelihood and quality of samples: CHECKPOINT", help, run};
