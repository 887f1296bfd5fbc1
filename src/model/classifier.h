/** A noisy classifier: ln p(c | x_t) from the logits of a network that is told t (Dhariwal and Nichol 2021, section 4).
 * All functions are Local.
 */
#ifndef DDPM_MODEL_CLASSIFIER_H
#define DDPM_MODEL_CLASSIFIER_H

#include <stdint.h>

/** A block's share of the cross-entropy, in nats: share times the sum over its rows of importance x -ln p(label).
 *  @param logits      [rows][stride], `classes` of each row.
 *  @param labels      [rows], whole numbers from 0.
 *  @param importance  [rows], or NULL for 1.
 *  @param[out] dlogits   [rows][stride] gradient of the result, or NULL.
 *  @param[out] row_loss  [rows] -ln p(label) of each row, or NULL. */
double ddpm_classifier_rows(int64_t rows, int64_t classes, const float *logits, int64_t stride, const float *labels,
                            const float *importance, double share, float *dlogits, float *row_loss);

#endif
