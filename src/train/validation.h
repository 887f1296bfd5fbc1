/** The loss on held-out rows. */
#ifndef DDPM_TRAIN_VALIDATION_H
#define DDPM_TRAIN_VALIDATION_H

#include "train/stepper.h"

/** Collective. The loss on held-out rows at t and with noise that are the same every time, by the average of the
 * parameters, which is kept as the best one if its loss is the least (ddpm_state_consider_best); NaN without held-out
 * rows, infinite where it is too large or not a number. The same bits at any number of ranks and threads. The average
 * is whole afterwards, and the stepper's packed weights are it. */
DDPM_MUST_CHECK ddpm_status ddpm_validation_loss(ddpm_stepper *stepper, ddpm_state *state, double *loss);

#endif
