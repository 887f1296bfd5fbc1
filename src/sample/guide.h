/** A classifier that steers samples (Dhariwal and Nichol 2021): the gradient of ln p(c | x_t) by x_t, added to what a
 * denoiser predicts. Local.
 */
#ifndef DDPM_SAMPLE_GUIDE_H
#define DDPM_SAMPLE_GUIDE_H

#include "assembly/loaded.h"

typedef struct ddpm_guide ddpm_guide;

/** DDPM_ERR_USAGE where the second is no classifier, or differs from the model in columns, standardisation or schedule:
 *  what one calls x_t must be the other's. The message names what differs. */
DDPM_MUST_CHECK ddpm_status ddpm_guide_check(const ddpm_loaded *model, const ddpm_loaded *classifier, const char *path);

/** @param model,classifier  checked; borrowed until ddpm_guide_free.  @param threads  calls of different threads may
 *  run at once, each with blocks of up to `rows` rows.  @param[out] out  free with ddpm_guide_free. */
DDPM_MUST_CHECK ddpm_status ddpm_guide_create(const ddpm_loaded *model, const ddpm_loaded *classifier,
                                              ddpm_weights weights, double scale, int threads, int64_t rows,
                                              ddpm_guide **out);
void ddpm_guide_free(ddpm_guide *guide);

/** The class of each sample [rows], or of all where rows is 1. Borrowed. */
void ddpm_guide_set_classes(ddpm_guide *guide, int64_t rows, const float *classes);

/** Steer the predictions [rows][stride] of samples first .. first+rows-1 at step t, given xt [rows][columns]. */
void ddpm_guide_steer(ddpm_guide *guide, int thread, int64_t first, int64_t rows, const float *xt, int32_t t,
                      float *prediction, int64_t stride);

#endif
