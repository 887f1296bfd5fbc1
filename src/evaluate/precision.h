/** alpha-precision and beta-recall (Alaa et al. 2022, arXiv:2102.08921), as integrals, 1 is best: "naive" of synthcity,
 * which the papers report.
 *
 *  Precision: of samples, the share within the ball around the mean of the real rows that holds a share alpha of
 * these, should be alpha. Recall: of real rows, the share whose nearest sample is no farther than the nearest other
 * real row, and lies in the ball around the samples' mean that holds a share beta of these nearest samples, should be
 * beta. Each is 1 - mean |share - alpha| / mean alpha over 30 values of alpha from 0 to 1. Distances are L2.
 *  Where other programs differ: TabSyn's loader drops the last one-hot column, and versions of synthcity before 0.2.2
 * take 1 - 2 sum |share - alpha| / 29.
 */
#ifndef DDPM_EVALUATE_PRECISION_H
#define DDPM_EVALUATE_PRECISION_H

#include "evaluate/neighbours.h"

/** Collective.
 *  @param real, other  equally many points, two or more.
 *  @param to_itself    [rows]: the squared distance of each real row to the nearest other real row.
 *  @param[out] precision, recall  NaN for recall when it cannot be had. */
DDPM_MUST_CHECK ddpm_status ddpm_precision(ddpm_comm *comm, int threads, const ddpm_points_part *real,
                                           const double *to_itself, const ddpm_points_part *other, double *precision,
                                           double *recall);

#endif
