/** A run that starts from the weights of another one (training.start_from), and what a finished run is told that is
 * asked for more iterations. */
#ifndef DDPM_TRAIN_START_H
#define DDPM_TRAIN_START_H

#include "train/train.h"
#include "train/trainer.h"

/** Collective. Before the data are read: find out how the rows are mapped, which follows from the model that the
 * weights come from. A run that has checkpoints of its own takes it from these, so that the other model may be gone or
 * have moved on. Nothing is done without training.start_from.
 *  @param options, folder  how the run is resumed, and its folder.
 *  @return DDPM_ERR_CONFIG: weights of that model mean something else in this configuration; the errors of
 *  ddpm_load_everywhere. */
DDPM_MUST_CHECK ddpm_status ddpm_start_prepare(ddpm_trainer *t, const ddpm_train_options *options, const char *folder);

/** Local. Before the parameters are set: take over the linear part or the mixture. */
DDPM_MUST_CHECK ddpm_status ddpm_start_take_parts(ddpm_trainer *t);

/** Collective. Unless the state came from a checkpoint: set the parameters, and their average, to those that are
 * sampled with of the model of training.start_from. Nothing is done without it. */
DDPM_MUST_CHECK ddpm_status ddpm_start_begin(ddpm_trainer *t);

/** Local. DDPM_ERR_CONFIG where a run whose learning rate has a fixed end is asked for more iterations: the message
 * names the command that goes on from its weights. DDPM_OK where that is not what the configurations differ in.
 *  @param then  of the run's checkpoint. */
DDPM_MUST_CHECK ddpm_status ddpm_start_check_longer(const ddpm_config *then, const ddpm_config *now);

/** Local: rank 0. Say of a finished run how it is trained further. */
void ddpm_start_tell_finished(const ddpm_trainer *t, const char *folder);

#endif
