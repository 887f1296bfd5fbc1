/** One block of a batch, printed row by row: for `ddpm train --block`, to find the row that makes a loss or a gradient
 * infinite or not a number. */
#ifndef DDPM_TRAIN_INSPECT_H
#define DDPM_TRAIN_INSPECT_H

#include "train/stepper.h"

#include <stdio.h>

/** Local; the rows of the batch are ready (ddpm_dataset_prepare). Print a line of CSV for each row of block `number` of
 * the iteration after `state`: position in the batch, t, the largest absolute values of x_0, x_t and the network's
 * output, and the row's loss.
 *  @return DDPM_ERR_USAGE when the batch has no block of that number. */
DDPM_MUST_CHECK ddpm_status ddpm_inspect_block(const ddpm_stepper *stepper, const ddpm_state *state, int64_t number,
                                               FILE *to);

#endif
