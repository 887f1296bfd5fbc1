/** A classifier that steers samples to a class c (Dhariwal and Nichol 2021): the gradient of ln p(c | x_t) by x_t is
 * added to the prediction of a denoiser. Local.
 */
#ifndef DDPM_SAMPLE_GUIDE_H
#define DDPM_SAMPLE_GUIDE_H

#include "assembly/loaded.h"

typedef struct ddpm_guide ddpm_guide;

/** Check that a classifier can steer a model: x_t must mean the same to both, so that columns, standardisation and
 *  schedule must agree. DDPM_ERR_USAGE names what differs, or says that the second is no classifier. */
DDPM_MUST_CHECK ddpm_status ddpm_guide_check(const ddpm_loaded *model, const ddpm_loaded *classifier, const char *path);

/** @param model,classifier  checked; borrowed until ddpm_guide_free.
 *  @param weights           the classifier's parameters to take.
 *  @param scale             of the gradient.
 *  @param threads           calls of different threads may run at once, each with blocks of up to `rows` rows.
 *  @param[out] out          free with ddpm_guide_free. */
DDPM_MUST_CHECK ddpm_status ddpm_guide_create(const ddpm_loaded *model, const ddpm_loaded *classifier,
                                              ddpm_weights weights, double scale, int threads, int64_t rows,
                                              ddpm_guide **out);
void ddpm_guide_free(ddpm_guide *guide);

/** Set the class to steer to, of each sample [rows], or of all samples where rows is 1. Borrowed. */
void ddpm_guide_set_classes(ddpm_guide *guide, int64_t rows, const float *classes);

/** Steer the predictions, a row for each of the samples first, first + 1, ... at step t; xt is [rows][D]. */
void ddpm_guide_steer(ddpm_guide *guide, int thread, int64_t first, const float *xt, int32_t t, ddpm_matrix prediction);

#endif
