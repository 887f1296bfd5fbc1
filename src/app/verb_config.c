/* The verb `ddpm config`: check a configuration and print it, or print the reference. */
#include "app/arguments.h"
#include "app/verbs.h"

#include <stdio.h>

/* clang-format off */
static const char help[] =
    "usage: ddpm config [CONFIG] [--set key=value]...\n"
    "\n"
    "With CONFIG or --set, check the configuration and print it with every key and its value. Without\n"
    "either, print the reference: every key with its type, range, default and meaning, in the form of a\n"
    "configuration file.\n"
    "\n"
    "  --set key=value    set a key over the configuration file; may be repeated, the last value of a key counts\n";
/* clang-format on */

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    static const struct option options[] = {{"set", required_argument, NULL, 's'}, {0}};
    ddpm_config_arguments arguments = {0};
    ddpm_config config;
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next(argc, argv, options, &status)) != -1;) {
        DDPM_TRY(status);
        if (found == 's') DDPM_TRY(ddpm_arguments_set(&arguments, optarg));
    }
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 0, 1, "a configuration file"));
    if (optind < argc) arguments.path = argv[optind];
    if (!arguments.path && arguments.set_count == 0) return DDPM_ON_RANK_0(comm, ddpm_config_reference(stdout));
    status = ddpm_arguments_config(comm, &arguments, &config);
    if (status == DDPM_OK) status = DDPM_ON_RANK_0(comm, ddpm_config_dump(&config, stdout));
    ddpm_config_release(&config);
    return status;
}

const ddpm_verb ddpm_verb_config = {
    .name = "config",
    .summary = "check and print a configuration, or the reference: [CONFIG]",
    .help = help,
    .run = run,
    .is_local = 1,
};
