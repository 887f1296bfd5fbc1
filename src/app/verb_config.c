/* ddpm config */
#include "app/arguments.h"
#include "app/verbs.h"

#include <stdio.h>

static const char help[] = "usage: ddpm config [CONFIG] [--set key=value]...\n\n"
                           "With CONFIG or --set: check it and print the resolved configuration, every key with its "
                           "value. Without: print the reference, every\n"
                           "key with its type, range, default and meaning, as a configuration file.\n";

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    static const struct option options[] = {{"set", required_argument, NULL, 's'}, {0}};
    const int prints = ddpm_comm_rank(comm) == 0;
    ddpm_config_arguments arguments = {0};
    ddpm_config config;
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next(argc, argv, options, &status)) != -1;) {
        DDPM_TRY(status);
        if (found == 's') DDPM_TRY(ddpm_arguments_set(&arguments, optarg));
    }
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 0, 1, "a configuration file"));
    if (optind < argc) arguments.path = argv[optind];
    if (!arguments.path && arguments.set_count == 0)
        return ddpm_agree(comm, prints ? ddpm_config_reference(stdout) : DDPM_OK);
    status = ddpm_arguments_config(comm, &arguments, &config);
    if (status == DDPM_OK) status = ddpm_agree(comm, prints ? ddpm_config_dump(&config, stdout) : DDPM_OK);
    ddpm_config_release(&config);
    return status;
}

const ddpm_verb ddpm_verb_config = {"config", "check and print a configuration, or the reference: [CONFIG]", help, run};
