/** One iteration of training: the gradient of the global batch, and the update of the parameters. */
#ifndef DDPM_TRAIN_STEP_H
#define DDPM_TRAIN_STEP_H

#include "data/dataset.h"
#include "model/timesteps.h"
#include "store/checkpoint.h"
#include "train/state.h"
#include "train/timing.h"
#include "world/reduce.h"

typedef struct ddpm_stepper ddpm_stepper;

/** Collective. All arguments are borrowed until ddpm_stepper_free, which is Collective too.
 *  @param threads  OpenMP threads of this rank. */
DDPM_MUST_CHECK ddpm_status ddpm_stepper_create(ddpm_comm *comm, const ddpm_model *model, ddpm_dataset *dataset,
                                                int threads, ddpm_stepper **out);
void ddpm_stepper_free(ddpm_stepper *stepper);

/** Local. Add up in `timing` (borrowed) where the time of iterations goes; they then wait for each other once more.
 *  @param timing  NULL: no longer; on all ranks or on none. */
void ddpm_stepper_measure(ddpm_stepper *stepper, ddpm_timing *timing);

/** Local. Rows of a block, and the blocks of a batch, over all ranks. */
int64_t ddpm_stepper_block_rows(const ddpm_stepper *stepper);
int64_t ddpm_stepper_blocks(const ddpm_stepper *stepper);

/** The memory of training on a rank, in bytes, beside the data and the libraries. P parameters, R rows of a block, T
 * steps: */
typedef struct ddpm_memory {
    int64_t parameters;  /* 20 P: parameters, average, two moments, gradient */
    int64_t packed;      /* about 8 P: two copies of the weights, filled up to whole panels */
    int64_t sums;        /* 8 P a thread (float32 reduction: 4 P) */
    int64_t activations; /* about 8 R x width x (depth + 1) a thread */
    int64_t tables;      /* of t: 4 (time_width + 24) T, and importance sampling's 52 T and 12 a row of the batch */
    int64_t checkpoint;  /* 32 P more on rank 0, at most, while it writes one: the file is put together in memory, and
                            HDF5 holds parts of it */
} ddpm_memory;

/** Local. The same before the first step and at any time after it. */
ddpm_memory ddpm_stepper_memory(const ddpm_stepper *stepper);

/** Local. All of it but the checkpoint. */
int64_t ddpm_memory_total(const ddpm_memory *memory);

/** Local. The scales of the fixed point, part of a run's state. */
int32_t *ddpm_stepper_exponents(ddpm_stepper *stepper, int64_t *count);

/** Local. The history that importance sampling of t learns from, part of a run's state; ddpm_timesteps_refresh it after
 * a change. */
ddpm_timesteps *ddpm_stepper_timesteps(ddpm_stepper *stepper);

/** Local. The run's state as a checkpoint, borrowed; without the interval and the configuration's text. */
ddpm_checkpoint ddpm_stepper_checkpoint(ddpm_stepper *stepper, const ddpm_state *state);

/** Collective. Do one iteration: state->iteration grows by one.
 *  @param vote      nonzero: this rank asks to stop.
 *  @param[out] out  loss: the mean over the batch; norm: of the gradient, before clipping; votes.
 *  @return DDPM_ERR_NUMERIC when the loss or a gradient is not finite; the message names the lowest block that makes it
 *  so, and state is unchanged. */
DDPM_MUST_CHECK ddpm_status ddpm_stepper_iterate(ddpm_stepper *stepper, ddpm_state *state, int vote, ddpm_reduced *out);

/** Collective. The loss on held-out rows with fixed t and noise, by the average of the parameters; NaN without held-out
 * rows. The same bits at any number of ranks. */
DDPM_MUST_CHECK ddpm_status ddpm_stepper_validate(ddpm_stepper *stepper, const ddpm_state *state, double *loss);

#endif
