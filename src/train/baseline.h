/** What a run is measured by: the loss of a prediction that needs no network. Local. */
#ifndef DDPM_TRAIN_BASELINE_H
#define DDPM_TRAIN_BASELINE_H

#include "train/trainer.h"

/** The expected loss of the best linear prediction of the training rows; of the masked process, of columns that are
 * drawn independently. A network whose loss is no lower has learned
 * nothing of what is not Gaussian in them. NaN where there is none: a run that starts from
 * another's weights, a classifier, a bound as the loss, or too many
 * columns for their components. */
double ddpm_baseline_loss(const ddpm_trainer *t);

/** Rank 0: log it, where there is one. */
void ddpm_baseline_describe(const ddpm_trainer *t);

/** Rank 0, after a validation: once a tenth of the run is done, warn when the held-out loss has not come below the
 * baseline. */
void ddpm_baseline_watch(const ddpm_trainer *t, double validation);

/** Rank 0: the last line of a run that is finished. */
void ddpm_baseline_finish(const ddpm_trainer *t, const char *folder);

#endif
