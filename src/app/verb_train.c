/* The verb `ddpm train`: its command line. */
#include "app/arguments.h"
#include "app/verbs.h"
#include "train/train.h"

#include <string.h>

/* clang-format off */
static const char help[] =
    "usage: ddpm train CONFIG [--set key=value]... [--output DIR] [--start-from CHECKPOINT|RUN]\n"
    "                  [--resume auto|never|FILE] [--block B] [--timings] [--dry-run]\n"
    "\n"
    "Train the model that CONFIG describes. The run folder (run.output, or runs/<run.name> where that is empty) holds\n"
    "config.yaml, metrics.csv, checkpoints/, and run.log: what each start said of itself, and every warning. When a run was\n"
    "stopped or killed, the same command goes on from its newest checkpoint.\n"
    "\n"
    "  --set key=value   use this value in place of the file's, for example --set training.batch=512; may be repeated,\n"
    "                    the last value of a key counts\n"
    "  --output DIR      use this run folder\n"
    "  --start-from X    a new run that starts from the weights of another one, a checkpoint or a run folder: those that\n"
    "                    'ddpm sample' takes of it. What they mean stays: the network, the schedule, the map of the data\n"
    "                    and of conditions, the linear part or the mixture are those of X; rows that do not fit are\n"
    "                    refused. Learning rate, iterations, batches and rows may be others; it begins at iteration 0\n"
    "  --resume auto     go on from the newest checkpoint in the run folder, if there is one; this is the default\n"
    "           never    start a new run; a folder that has checkpoints is refused\n"
    "           FILE     go on from this checkpoint\n"
    "  --block B         print block B of the next iteration row by row (t, sizes, loss), and write nothing: to be used\n"
    "                    after a loss or a gradient was not finite, with --resume RUN/failed.h5 and the block that the\n"
    "                    message names\n"
    "  --timings         write RUN/timings.csv when the run ends: the seconds that each rank spent on input, computation,\n"
    "                    waiting for others, reduction, update and output, without the first iterations, in which memory\n"
    "                    and caches fill\n"
    "  --dry-run         read the data, print what would be done, and the memory and time that it takes, and write nothing\n"
    "\n"
    "SIGTERM, SIGINT, SIGUSR1, SIGHUP (a closed terminal; not under nohup), run.time_limit, the end of a SLURM job\n"
    "(run.stop_margin), or a file named 'stop' in the run folder end the run with a checkpoint and exit code 75.\n";
/* clang-format on */

static ddpm_status parse(int argc, char **argv, ddpm_config_arguments *config, ddpm_train_options *train)
{
    static const struct option options[] = {
        {"set", required_argument, NULL, 's'},        {"output", required_argument, NULL, 'o'},
        {"start-from", required_argument, NULL, 'f'}, {"resume", required_argument, NULL, 'r'},
        {"block", required_argument, NULL, 'b'},      {"dry-run", no_argument, NULL, 'd'},
        {"timings", no_argument, NULL, 't'},          {0}};
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next(argc, argv, options, &status)) != -1;) {
        DDPM_TRY(status);
        if (found == 's') DDPM_TRY(ddpm_arguments_set(config, optarg));
        if (found == 'o') config->output = optarg;
        if (found == 'f') config->start_from = optarg;
        if (found == 'd') train->dry_run = 1;
        if (found == 't') train->timings = 1;
        if (found == 'b') {
            train->inspects = 1;
            DDPM_TRY(ddpm_arguments_integer("--block", optarg, 0, INT64_MAX, &train->block));
        }
        if (found == 'r') {
            train->resume_file = optarg;
            train->resume = strcmp(optarg, "auto") == 0    ? DDPM_RESUME_AUTO
                            : strcmp(optarg, "never") == 0 ? DDPM_RESUME_NEVER
                                                           : DDPM_RESUME_FILE;
        }
    }
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 1, 1, "a configuration file"));
    config->path = argv[optind];
    return DDPM_OK;
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    ddpm_config_arguments arguments = {0};
    ddpm_train_options options = {.resume = DDPM_RESUME_AUTO};
    ddpm_config config;
    DDPM_TRY(parse(argc, argv, &arguments, &options));
    ddpm_status status = ddpm_arguments_config(comm, &arguments, &config);
    if (status == DDPM_OK) status = ddpm_train(comm, &config, &options);
    ddpm_config_release(&config);
    return status;
}

const ddpm_verb ddpm_verb_train = {
    .name = "train",
    .summary = "train a model: CONFIG [--set key=value]... [--output DIR]",
    .help = help,
    .run = run,
};
