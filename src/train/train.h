/** `ddpm train`: the loop from data to checkpoints. */
#ifndef DDPM_TRAIN_TRAIN_H
#define DDPM_TRAIN_TRAIN_H

#include "config/config.h"
#include "world/comm.h"

typedef enum ddpm_resume {
    DDPM_RESUME_AUTO,  /* go on from the newest checkpoint of the run folder, if there is one */
    DDPM_RESUME_NEVER, /* refuse a folder that has checkpoints */
    DDPM_RESUME_FILE   /* go on from this file */
} ddpm_resume;

typedef struct ddpm_train_options {
    ddpm_resume resume;
    const char *resume_file;
    int dry_run;   /* say what would be done and what memory it takes */
    int timings;   /* write timings.csv, into the run folder */
    int inspects;  /* print a block of the next iteration, and write nothing */
    int64_t block; /* that one */
} ddpm_train_options;

/** Collective. One run at a time uses a folder: it is locked meanwhile (store/lock.h). Train until training.iterations,
 * or a request to stop (DDPM_STOPPED, after a checkpoint).
 *  @param config  checked, the same on all ranks. */
DDPM_MUST_CHECK ddpm_status ddpm_train(ddpm_comm *comm, const ddpm_config *config, const ddpm_train_options *options);

#endif
