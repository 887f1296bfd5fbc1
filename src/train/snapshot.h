/** The state of a run as a checkpoint, and back. Local. */
#ifndef DDPM_TRAIN_SNAPSHOT_H
#define DDPM_TRAIN_SNAPSHOT_H

#include "store/checkpoint.h"
#include "train/stepper.h"

/** What a checkpoint holds of the stepper and the state, borrowed from them; the caller adds the interval and the
 * configuration's text. An array that is in parts (train/state.h) is NULL: no part of one is taken for the whole. */
ddpm_checkpoint ddpm_snapshot_take(ddpm_stepper *stepper, const ddpm_state *state);

/** Set the stepper and the state from a checkpoint of the same configuration and data. DDPM_ERR_DATA when its arrays do
 * not fit them; nothing is changed then.
 *  @param checkpoint  read with its moments. */
DDPM_MUST_CHECK ddpm_status ddpm_snapshot_restore(const ddpm_checkpoint *checkpoint, ddpm_stepper *stepper,
                                                  ddpm_state *state);

#endif
