/** Membership inference: can somebody who has the samples alone tell which rows the model was trained on?
 *
 *  The attack takes a row for a training row the more, the nearer its nearest sample is (L1, scaled by range, one-hot;
 * "DCR" of Houssiau et al. 2022, TAPAS, arXiv:2211.06550; GAN-leaks of Chen et al. 2020, arXiv:1909.03935). Its AUC is
 * the share of pairs of a training row and a held-out row in which the training row is nearer, ties counting half. One
 * half is best. Its standard error is that of Hanley and McNeil 1982.
 */
#ifndef DDPM_EVALUATE_MEMBERSHIP_H
#define DDPM_EVALUATE_MEMBERSHIP_H

#include "evaluate/neighbours.h"

/** Collective. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_membership(ddpm_comm *comm, int threads, const ddpm_points_part *samples,
                                            const ddpm_points_part *training, const ddpm_points_part *held_out,
                                            double *auc, double *error);

#endif
