/* The verb `ddpm forward`: its command line. */
#include "app/arguments.h"
#include "app/verbs.h"
#include "base/random.h"
#include "sample/forward.h"

/* clang-format off */
static const char help[] =
    "usage: ddpm forward CONFIG --output FILE.h5 [--count N] [--snapshots M] [--set key=value]...\n"
    "\n"
    "Diffuse rows of the data step by step, from t = 0 (the data) to T (noise), and write snapshots:\n"
    "/trajectory [M][N][D] float32 in the data's units, and their steps /trajectory_step [M].\n"
    "\n"
    "  --output FILE.h5   the file to write; it gets this name only when it is complete\n"
    "  --count N          how many rows, the first ones in the order of the first epoch; default: 5000\n"
    "  --snapshots M      how many snapshots; default: 10\n"
    "  --set key=value    set a key over the configuration file; may be repeated, the last value of a key counts\n";
/* clang-format on */

static ddpm_status parse(int argc, char **argv, ddpm_config_arguments *config, ddpm_forward_options *o)
{
    static const struct option options[] = {{"set", required_argument, NULL, 's'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"count", required_argument, NULL, 'c'},
                                            {"snapshots", required_argument, NULL, 'm'},
                                            {0}};
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next(argc, argv, options, &status)) != -1;) {
        DDPM_TRY(status);
        if (found == 's') DDPM_TRY(ddpm_arguments_set(config, optarg));
        if (found == 'o') o->output = optarg;
        if (found == 'c') DDPM_TRY(ddpm_arguments_integer("--count", optarg, 1, DDPM_ROWS_MAX, &o->count));
        if (found == 'm') DDPM_TRY(ddpm_arguments_integer("--snapshots", optarg, 1, 100000, &o->snapshots));
    }
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 1, 1, "a configuration file"));
    config->path = argv[optind];
    return o->output ? DDPM_OK : ddpm_fail(DDPM_ERR_USAGE, "'ddpm forward' needs --output FILE.h5");
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    ddpm_config_arguments arguments = {0};
    ddpm_forward_options options = {.count = 5000, .snapshots = 10};
    ddpm_config config;
    DDPM_TRY(parse(argc, argv, &arguments, &options));
    ddpm_status status = ddpm_arguments_config(comm, &arguments, &config);
    if (status == DDPM_OK) status = ddpm_forward(comm, &config, &options);
    ddpm_config_release(&config);
    return status;
}

const ddpm_verb ddpm_verb_forward = {
    .name = "forward",
    .summary = "diffuse data step by step: CONFIG --output FILE.h5",
    .help = help,
    .run = run,
};
