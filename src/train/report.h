/** How training goes: the rows of metrics.csv, and lines for people. */
#ifndef DDPM_TRAIN_REPORT_H
#define DDPM_TRAIN_REPORT_H

#include "train/trainer.h"
#include "world/progress.h"

/** Local: rank 0. Report the interval that ends with this iteration: a row of metrics.csv, and a line when one is due.
 *  @param norm        of the iteration's gradient.
 *  @param validation  the loss on held-out rows; NaN: it was not measured.
 *  @param seconds     of training so far, those of earlier submissions included. */
DDPM_MUST_CHECK ddpm_status ddpm_report_interval(const ddpm_trainer *t, ddpm_progress *progress, double norm,
                                                 double validation, double seconds);

#endif
