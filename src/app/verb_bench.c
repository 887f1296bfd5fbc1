/* ddpm bench */
#include "app/arguments.h"
#include "app/verbs.h"
#include "bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: ddpm bench [CONFIG] [--set key=value]... [options]\n\n"
    "What this machine can do, and how near the program comes: multiply-adds and memory, sums over ranks, the kernels, "
    "a training step\n"
    "(exact and float32 reduction in turn), a sampling step, a checkpoint, the start; and what a step of the "
    "configuration will take on more\n"
    "ranks. With CONFIG or --set: of that network, batch and data; without: of a few shapes. Run it as you would "
    "train: "
    "under mpirun, with\n"
    "the same OMP_NUM_THREADS. The share is of the multiply-adds that registers alone allow; a training step counts 6 "
    "operations a row and\n"
    "weight, a sampling step 2.\n\n"
    "  --seconds S        time for all measurements; default 20. Each is done at least three times, however long it "
    "takes\n"
    "  --only PART,...    start, limits, allreduce, kernels, training, sampling, checkpoint, prediction; default: all\n"
    "  --json FILE        everything for programs (analysis/bench.py draws it)\n"
    "  --ranks R          most ranks of the prediction's table; default 1024 (the JSON has up to 131072)\n"
    "  --latency S        predict with this time of a message between ranks, in seconds, instead of the measured one\n"
    "  --rate B           likewise the bytes per second of a large message\n"
    "  --folder DIR       where a checkpoint is written and removed; default: the current folder\n";

static ddpm_status parse_parts(const char *text, unsigned *parts)
{
    char copy[256];
    if (strlen(text) >= sizeof copy) return ddpm_fail(DDPM_ERR_USAGE, "--only: a list of parts is expected");
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
        return ddpm_arguments_integer("--ranks", value, 1, INT64_C(1) << 17, &o->ranks);
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

const ddpm_verb ddpm_verb_bench = {"bench", "what this machine allows, and how near the program comes: [CONFIG]", help,
                                   run};
