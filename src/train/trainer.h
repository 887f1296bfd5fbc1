/** What a training run is made of, and how it becomes a checkpoint and comes from one. */
#ifndef DDPM_TRAIN_TRAINER_H
#define DDPM_TRAIN_TRAINER_H

#include "assembly/loaded.h"
#include "config/config.h"
#include "data/known.h"
#include "file/lock.h"
#include "train/round.h"
#include "train/run_folder.h"
#include "train/state.h"
#include "train/stepper.h"

typedef struct ddpm_trainer_spec {
    ddpm_data_spec data;
    ddpm_stepper_spec step;
    ddpm_local_spec local;
    int64_t iterations;
    int64_t report_every;     /* iterations between rows of metrics.csv */
    int64_t validate_every;   /* iterations between validations; 0: there are none. Set with the data */
    int64_t checkpoint_every; /* iterations between checkpoints */
    int64_t checkpoint_keep;  /* checkpoints that stay; 0: all */
    int keep_best;            /* whether the average with the least validation loss is kept */
    int64_t patience;         /* validations without a new least loss after which the run ends; 0: any number */
    int64_t recover;          /* how often the run may go back to a checkpoint */
    double time_limit;        /* seconds; 0: none */
    double stop_margin;       /* seconds before the end of a SLURM job */
} ddpm_trainer_spec;

typedef struct ddpm_trainer {
    ddpm_comm *comm;
    ddpm_trainer_spec spec;
    const ddpm_config *config; /* borrowed: what a checkpoint's configuration is compared with */
    char *config_text;         /* the configuration as checkpoints and config.yaml hold it; from malloc */
    ddpm_loaded origin;        /* with training.start_from: what says how rows are mapped, without its weights */
    ddpm_known known;          /* the same, as the data set takes it */
    ddpm_model model;
    ddpm_mixture mixture;       /* of the training rows, on all ranks, that the network adds; count 0: it adds none */
    double mixture_seconds;     /* that the fit took */
    ddpm_components components; /* of the training rows, on all ranks; count 0: they are not known */
    ddpm_dataset *dataset;
    ddpm_round *round; /* of local steps; NULL: every step is one of all ranks */
    ddpm_stepper *stepper;
    ddpm_state state;
    ddpm_interval interval; /* what has been added up since the last row of metrics.csv */
    struct {
        double loss, validation; /* NaN: not measured */
    } last;                      /* of the last rows of metrics.csv that this submission wrote */
    int64_t rate_iteration;      /* where, in this submission, the interval of rows_per_second began */
    double rate_seconds;         /* the training time then */
    ddpm_timing *timing;         /* NULL: nothing is measured */
    ddpm_stop stop;
    ddpm_lock *lock;         /* of the folder, on rank 0; NULL on the others */
    ddpm_run_folder *folder; /* on rank 0 while the loop runs; else NULL */
    int64_t saved;           /* the iteration at which this run last saved or resumed; -1: neither */
    int replaces;            /* the next checkpoint takes the place of those of a longer run */
} ddpm_trainer;

/** Collective. Make the model, the memory and the state of a new run. The communicator, the spec, the configuration and
 * the data are set. ddpm_trainer_release must follow, also after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_build(ddpm_trainer *t);

/** Local, on every rank. Let the run be one of so many iterations, of which the warm-up is a part. */
void ddpm_trainer_shorten(ddpm_trainer *t, int64_t horizon);

/** Collective. Go back to the state that a new run starts from. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_begin(ddpm_trainer *t);

/** Collective. Go on from this checkpoint: DDPM_ERR_CONFIG or DDPM_ERR_DATA when it is of another run. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_load(ddpm_trainer *t, const char *path);

/** Collective. Go on from the newest checkpoint of a run folder whose iteration is a multiple of `every` and at most
 * `most`; a damaged one is passed over with a warning. The state stays as it is when there is none; DDPM_ERR_DATA when
 * every one is damaged. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_load_newest(ddpm_trainer *t, const char *folder, int64_t every, int64_t most);

/** Collective. An iteration of training, or a round of local steps; see train/step.h and train/round.h.
 *  @param stop  asked whether this rank wants to stop; NULL: it does not. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_advance(ddpm_trainer *t, ddpm_stop *stop, ddpm_reduced *out);

/** Local: rank 0. Write a checkpoint in the run folder. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_save(const ddpm_trainer *t);

/** Local. What a checkpoint of the state holds, borrowed. DDPM_ERR_NUMERIC: a number has left its range. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_checkpoint(const ddpm_trainer *t, ddpm_checkpoint *out);

/** Local: rank 0. Write RUN/failed.h5. @param[out] path  of that file. */
DDPM_MUST_CHECK ddpm_status ddpm_trainer_save_failed(const ddpm_trainer *t, char path[DDPM_PATH_BYTES]);

/** Collective. Release whatever there is of it. */
void ddpm_trainer_release(ddpm_trainer *t);

#endif
