/** `ddpm train`: the loop from data to checkpoints. */
#ifndef DDPM_TRAIN_TRAIN_H
#define DDPM_TRAIN_TRAIN_H

#include "config/config.h"
#include "world/comm.h"

typedef enum ddpm_resume {
    DDPM_RESUME_AUTO,  /* go on from the newest checkpoint of the run folder, if there is one */
    DDPM_RESUME_NEVER, /* refuse a folder that has checkpoints */
    DDPM_RESUME_FILE   /* go on from the file that is named */
} ddpm_resume;

typedef struct ddpm_train_options {
    ddpm_resume resume;
    const char *resume_file; /* of DDPM_RESUME_FILE */
    int dry_run;             /* print what would be done and what memory it takes, and write nothing */
    int timings;             /* write timings.csv into the run folder */
    int inspects;            /* print a block of the next iteration, and write nothing */
    int64_t block;           /* the number of that block */
} ddpm_train_options;

/** Collective. Train until training.iterations, or until training.patience ends the run, or until a request to stop
 * (DDPM_STOPPED, after a checkpoint). A run locks its folder (file/lock.h), so that only one at a time uses it.
 *  @param config  checked, the same on all ranks.
 *  @return DDPM_ERR_USAGE: the folder has checkpoints (DDPM_RESUME_NEVER), is in use by another run, or a batch has no
 *  such block. DDPM_ERR_CONFIG or DDPM_ERR_DATA: the checkpoint is of another configuration or other data.
 *  DDPM_ERR_NUMERIC: the loss or gradient is not finite; RUN/failed.h5 then has the state before it. */
DDPM_MUST_CHECK ddpm_status ddpm_train(ddpm_comm *comm, const ddpm_config *config, const ddpm_train_options *options);

#endif
