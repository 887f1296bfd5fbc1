/** The verbs of the program. Each is Collective: all ranks have the same command line, and return the same status. */
#ifndef DDPM_APP_VERBS_H
#define DDPM_APP_VERBS_H

#include "world/comm.h"

typedef struct ddpm_verb {
    const char *name;
    const char *summary; /* its line in the program's help */
    const char *help;
    /** @param argv  [argc], the verb itself first. */
    ddpm_status (*run)(ddpm_comm *comm, int argc, char **argv);
    int is_local;       /* nonzero: rank 0 does it without the other ranks; alone it starts no MPI */
    int takes_sampling; /* nonzero: it takes the settings of sampling as options, and its help ends with them */
} ddpm_verb;

extern const ddpm_verb ddpm_verb_train, ddpm_verb_sample, ddpm_verb_forward, ddpm_verb_evaluate, ddpm_verb_schedule,
    ddpm_verb_data, ddpm_verb_info, ddpm_verb_config, ddpm_verb_bench, ddpm_verb_export, ddpm_verb_import;

#endif
