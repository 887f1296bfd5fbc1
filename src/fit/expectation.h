/** Mixtures of Gaussians that are fitted to rows by expectation maximisation (Dempster et al. 1977). Local. The results
 * have the same bits at any number of threads.
 */
#ifndef DDPM_FIT_EXPECTATION_H
#define DDPM_FIT_EXPECTATION_H

#include "base/status.h"
#include "kernel/matrix.h"

#include <stdint.h>

/** No variance of a part is below this, which is about the square of the least noise of the usual schedules. */
#define DDPM_EXPECTATION_FLOOR 1e-5

/** A mixture while it is fitted. */
typedef struct ddpm_expectation {
    int64_t count, columns; /* C, D */
    double *weight;         /* [C] */
    double *mean;           /* [C][D] */
    double *covariance;     /* [C][D][D] */
} ddpm_expectation;

void ddpm_expectation_release(ddpm_expectation *mixture);

/** Begin with a part for each of the groups that the rows fall into (fit/groups.h). Those with too few rows are left
 * out. DDPM_ERR_MEMORY.
 *  @param x         [rows][D].
 *  @param[out] out  release with ddpm_expectation_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_expectation_begin(ddpm_const_matrix x, int64_t count, uint64_t seed,
                                                   ddpm_expectation *out);

/** Improve the mixture until the likelihood of the rows no longer rises, in at most so many rounds. Parts that come to
 * have too few rows are left out. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_expectation_improve(ddpm_const_matrix x, int rounds, int threads,
                                                     ddpm_expectation *mixture);

/** Of each row the logarithm of its density, in nats, score [rows], and its squared distance from the mean of its most
 * probable part in that part's deviations, distance [rows], after noise of this variance is added to the mixture.
 * DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_expectation_score(ddpm_const_matrix x, double noise, int threads,
                                                   const ddpm_expectation *mixture, double *score, double *distance);

#endif
