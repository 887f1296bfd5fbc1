/** The search for the block of a batch that makes its loss or gradient infinite or not a number. */
#ifndef DDPM_TRAIN_BAD_BLOCK_H
#define DDPM_TRAIN_BAD_BLOCK_H

#include "train/stepper.h"

/** Collective. Fail with DDPM_ERR_NUMERIC: the message is the present error's, with the number and the rows of the
 * lowest block that causes it by itself. The same at any number of ranks and threads. */
DDPM_MUST_CHECK ddpm_status ddpm_bad_block_fail(ddpm_stepper *stepper, int64_t iteration);

#endif
