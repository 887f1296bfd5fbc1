/** One iteration of training: the gradient of the global batch, and the update of the parameters. */
#ifndef DDPM_RUN_STEP_H
#define DDPM_RUN_STEP_H

#include "ddpm/model/timesteps.h"
#include "ddpm/run/model.h"
#include "ddpm/run/timing.h"
#include "ddpm/store/dataset.h"
#include "ddpm/world/reduce.h"

/** What training changes, [parameters] each. */
typedef struct ddpm_state {
    int64_t iteration;  /* finished ones */
    int64_t recoveries; /* each has halved the learning rate */
    float *parameters, *ema, *moment1, *moment2;
} ddpm_state;

typedef struct ddpm_stepper ddpm_stepper;

/** Local. All arguments are borrowed until ddpm_stepper_free.
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

/** Local. Bytes that the stepper holds on this rank. */
int64_t ddpm_stepper_bytes(const ddpm_stepper *stepper);

/** Local. The scales of the fixed point, part of a run's state. */
int32_t *ddpm_stepper_exponents(ddpm_stepper *stepper, int64_t *count);

/** Local. The history that importance sampling of t learns from, part of a run's state; ddpm_timesteps_refresh it after
 * a change. */
ddpm_timesteps *ddpm_stepper_timesteps(ddpm_stepper *stepper);

/** Collective. Do one iteration: state->iteration grows by one.
 *  @param vote      nonzero: this rank asks to stop.
 *  @param[out] out  loss: the mean over the batch; norm: of the gradient, before clipping; votes.
 *  @return DDPM_ERR_NUMERIC when the loss or a gradient is not finite; the message names the lowest block that makes it
 *  so, and state is unchanged. */
DDPM_MUST_CHECK ddpm_status ddpm_stepper_iterate(ddpm_stepper *stepper, ddpm_state *state, int vote, ddpm_reduced *out);

/** Collective. The loss on held-out rows with fixed t and noise, by the average of the parameters; NaN without held-out
 * rows. The same bits at any number of ranks. */
DDPM_MUST_CHECK ddpm_status ddpm_stepper_validate(ddpm_stepper *stepper, const ddpm_state *state, double *loss);

/** Local. The learning rate of an iteration (from 0): warm-up times decay, halved by each recovery. */
double ddpm_learning_rate(const ddpm_config *config, int64_t iteration, int64_t recoveries);

#endif
