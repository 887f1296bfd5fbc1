/** One iteration of training. */
#ifndef DDPM_TRAIN_STEP_H
#define DDPM_TRAIN_STEP_H

#include "train/stepper.h"

/** Collective. Compute the gradient of the iteration's batch and update the state: state->iteration grows by one.
 *  @param vote      nonzero: this rank asks to stop.
 *  @param[out] out  loss: the mean over the batch; norm: of the gradient, before clipping; votes: the ranks that ask to
 *                   stop.
 *  @return DDPM_ERR_NUMERIC when the loss or a gradient is not finite; the message names the lowest block that makes it
 *  so by itself, if there is one. The state is unchanged; the reducer's scales may have become coarser. */
DDPM_MUST_CHECK ddpm_status ddpm_stepper_iterate(ddpm_stepper *stepper, ddpm_state *state, int vote, ddpm_reduced *out);

#endif
