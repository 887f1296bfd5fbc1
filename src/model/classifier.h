/** A noisy classifier: ln p(c | x_t) from the logits of a network that reads x_t and t (Dhariwal and Nichol 2021,
 * section 4). Local, any thread.
 */
#ifndef DDPM_MODEL_CLASSIFIER_H
#define DDPM_MODEL_CLASSIFIER_H

#include "kernel/matrix.h"

/** A block's share of the cross-entropy, in nats: share times the sum over its rows of importance * (-ln p(label)).
 *  @param logits      [rows][classes].
 *  @param labels      [rows], whole numbers from 0.
 *  @param importance  [rows]; NULL stands for ones.
 *  @param[out] dlogits   [rows][classes], the gradient of the result; not computed when its data is NULL.
 *  @param[out] row_loss  [rows], -ln p(label) of each row, or NULL. */
double ddpm_classifier_rows(ddpm_const_matrix logits, const float *labels, const float *importance, double share,
                            ddpm_matrix dlogits, float *row_loss);

#endif
