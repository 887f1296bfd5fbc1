/** What a training run is made of, and how it becomes a checkpoint and comes from one. For train.c alone.
 */
#ifndef DDPM_TRAIN_TRAINER_H
#define DDPM_TRAIN_TRAINER_H

#include "file/lock.h"
#include "train/run_folder.h"
#include "train/step.h"
#include "train/stop.h"

typedef struct ddpm_trainer {
    ddpm_comm *comm;
    ddpm_model model;
    ddpm_dataset *dataset;
    ddpm_stepper *stepper;
    ddpm_state state;
    ddpm_interval interval;   /* since the last row of metrics.csv */
    int64_t marked_iteration; /* the same moment in this submission, for the rate */
    double marked_seconds;
    ddpm_timing *timing; /* NULL: not asked for */
    ddpm_stop stop;
    ddpm_lock *lock;         /* of the folder: rank 0, else NULL */
    ddpm_run_folder *folder; /* likewise, while the loop runs */
    int64_t saved;           /* iteration of the newest checkpoint, -1: none */
    int64_t returned;        /* iteration that the last recovery went back to, -1: none */
} ddpm_trainer;

/** Local. */
const ddpm_config *ddpm_trainer_config(const ddpm_trainer *t);

/** Local. Whether this rank keeps the run folder. */
int ddpm_trainer_writes(const ddpm_trainer *t);

/** Collective. Everything but the data, which are there: model, memory, a new state. Also after a failure:
 * ddpm_trainer_release. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_build(ddpm_trainer *t, const ddpm_config *config);

/** Collective. Back to the state that a new run starts from. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_begin(ddpm_trainer *t);

/** Collective. Go on from this checkpoint: DDPM_ERR_CONFIG or DDPM_ERR_DATA when its run was another one. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_load(ddpm_trainer *t, const char *path);

/** Collective. Go on from the newest checkpoint of a run folder whose iteration is a multiple of `every` and at most
 * `most`; a damaged one is passed over with a warning. The state stays as it is when there is none. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_load_newest(ddpm_trainer *t, const char *folder, int64_t every, int64_t most);

/** Local: the rank that writes. A checkpoint in the run folder; or RUN/failed.h5, and its path. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_save(ddpm_trainer *t);
DDPM_MUST_CHECK ddpm_status ddpm_trainer_save_failed(ddpm_trainer *t, char path[DDPM_PATH_BYTES]);

/** Collective. Whatever there is of it. */
void ddpm_trainer_release(ddpm_trainer *t);

#endif
