/* The verb `ddpm bench`: its command line. */
#include "app/arguments.h"
#include "app/verbs.h"
#include "bench/bench.h"
#include "bench/scaling.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const char help[] =
    "usage: ddpm bench [CONFIG] [--set key=value]... [options]\n"
    "\n"
    "Measure how fast this machine can be, and how close to that the program comes: multiply-adds and memory, sums over\n"
    "ranks, the kernels, a training step (with exact and with float32 reduction in turn), a sampling step, a checkpoint and\n"
    "the start. Then predict the time of a training step of the configuration on more ranks.\n"
    "\n"
    "With CONFIG or --set, the network, batch and data of that configuration are measured; without them, a few shapes are.\n"
    "Run it as you would train: under mpirun, with the same OMP_NUM_THREADS. The column 'of the limit' compares with the\n"
    "rate of multiply-adds whose operands are in registers; a training step counts as 6 operations for each row and weight,\n"
    "and a sampling step, one evaluation of the network, as 2: where the layers of t alone are computed once for all rows,\n"
    "as in sampling with a residual network, this may be more than is computed.\n"
    "\n"
    "  --seconds S        the time of all measurements together; default 20. Each measurement is repeated at least three\n"
    "                     times, however long that takes\n"
    "  --only PART,...    measure these parts: start, limits, allreduce, kernels, training, sampling, checkpoint,\n"
    "                     prediction; default: all of them\n"
    "  --json FILE        write everything to a file for programs; analysis/bench.py draws it\n"
    "  --ranks R          the largest number of ranks in the table of the prediction; default 1024; the JSON file\n"
    "                     always has every line up to 131072\n"
    "  --latency S        predict with a latency of S seconds for a message between nodes, in place of the measured one\n"
    "  --rate B           predict with B bytes per second for a large message, in place of the measured rate\n"
    "  --folder DIR       write the checkpoint that is measured in this folder, and remove it; default: the current folder\n";
/* clang-format on */

static ddpm_status parse_parts(const char *text, unsigned *parts)
{
    char copy[256];
    if (strlen(text) >= sizeof copy)
        return ddpm_fail(DDPM_ERR_USAGE, "--only: expected a list of parts, found '%.40s...'", text);
    memcpy(copy, text, strlen(text) + 1);
    *parts = 0;
    for (char *rest = copy, *word; (word = strsep(&rest, ",")) != NULL;) {
        int part;
        DDPM_TRY(ddpm_arguments_choice("--only", word, DDPM_BENCH_PARTS, ddpm_bench_parts, &part));
        *parts |= 1U << part;
    }
    return DDPM_OK;
}

static ddpm_status parse_option(int found, const char *value, ddpm_config_arguments *config, ddpm_bench_options *o)
{
    switch (found) {
    case 's':
        return ddpm_arguments_set(config, value);
    case 't':
        return ddpm_arguments_real("--seconds", value, 1e-3, 1e6, &o->seconds);
    case 'o':
        return parse_parts(value, &o->parts);
    case 'j':
        o->json = value;
        return DDPM_OK;
    case 'r':
        return ddpm_arguments_integer("--ranks", value, 1, DDPM_SCALING_RANKS_MAX, &o->ranks);
    case 'l':
        return ddpm_arguments_real("--latency", value, 0.0, 1e3, &o->latency);
    case 'b':
        return ddpm_arguments_real("--rate", value, 1.0, 1e15, &o->rate);
    default:
        o->folder = value;
        return DDPM_OK;
    }
}

static ddpm_status parse(int argc, char **argv, ddpm_config_arguments *config, ddpm_bench_options *o)
{
    static const struct option options[] = {{"set", required_argument, NULL, 's'},
                                            {"seconds", required_argument, NULL, 't'},
                                            {"only", required_argument, NULL, 'o'},
                                            {"json", required_argument, NULL, 'j'},
                                            {"ranks", required_argument, NULL, 'r'},
                                            {"latency", required_argument, NULL, 'l'},
                                            {"rate", required_argument, NULL, 'b'},
                                            {"folder", required_argument, NULL, 'f'},
                                            {0}};
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next(argc, argv, options, &status)) != -1;) {
        DDPM_TRY(status);
        DDPM_TRY(parse_option(found, optarg, config, o));
    }
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 0, 1, "at most one configuration file"));
    if (optind < argc) config->path = argv[optind];
    o->has_config = config->path || config->set_count > 0;
    return DDPM_OK;
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    ddpm_config_arguments arguments = {0};
    ddpm_bench_options options = {
        .parts = (1U << DDPM_BENCH_PARTS) - 1,
        .seconds = 20.0,
        .latency = NAN,
        .rate = NAN,
        .ranks = 1024,
        .folder = ".",
    };
    ddpm_config config;
    DDPM_TRY(parse(argc, argv, &arguments, &options));
    ddpm_status status = ddpm_arguments_config(comm, &arguments, &config);
    if (status == DDPM_OK) status = ddpm_bench(comm, &config, &options);
    ddpm_config_release(&config);
    return status;
}

const ddpm_verb ddpm_verb_bench = {
    .name = "bench",
    .summary = "measure how close the program comes to the limits of this machine: [CONFIG]",
    .help = help,
    .run = run,
};
