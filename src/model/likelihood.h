/** The exact log-likelihood of rows under the model's deterministic flow: Song et al. 2021 (score SDE), section 4.3.
 *
 *  With cos(phi_t) = sqrt(alpha_bar_t), the flow is dx/dphi = v(x, phi), v = cos(phi) epsilon - sin(phi) x0 (Salimans
 * and Ho 2022), and ln p(x0) = ln N(x_E; 0, I) + the integral of the divergence of v from 0 to phi_E. The network is
 * asked at whole steps only: the steps of the schedule are the grid of a variable-step Adams method of order 4
 * (predict, evaluate, correct, evaluate), which integrates flow and divergence together.
 *
 *  - Beginning: there is no network at t = 0, and none is needed. v = -tan(phi) (x + score), so that v and its
 *    divergence are 0 at phi = 0 for any density that is smooth at the scale of phi_1.
 *  - End: E is the first step at which alpha_bar is at most DDPM_LIKELIHOOD_SIGNAL, or T. What is left of unit-variance
 *    data there costs below 1e-6 nats; going on to T would divide by cos(phi), which a capped schedule makes tiny.
 *  - Divergence: exact, by one vector-Jacobian product a column, or Hutchinson's estimate with random signs that stay
 *    the same along a row's path.
 *  - Tolerance: the same with every other step of the grid left out differs by more than the error of the whole grid.
 *
 *  All functions are Local.
 */
#ifndef DDPM_MODEL_LIKELIHOOD_H
#define DDPM_MODEL_LIKELIHOOD_H

#include "model/sampler.h"

#define DDPM_LIKELIHOOD_SIGNAL 1e-3 /* alpha_bar at the end of the flow */

enum { DDPM_LIKELIHOOD_ORDER = 4 };

/** A denoiser that can be differentiated. */
typedef struct ddpm_flow {
    ddpm_denoiser denoiser;
    /** Vector-Jacobian product of the prediction that was made last.  @param direction [rows][columns];
     *  @param[out] dxt [rows][columns] gradient of the sum of direction * prediction by x_t. */
    void (*pull_back)(void *self, int64_t rows, const float *direction, int32_t t, float *dxt);
} ddpm_flow;

/** A step of the grid, ending at t. */
typedef struct ddpm_likelihood_step {
    int64_t t;
    double of_x, of_output;                    /* v = of_x x + of_output prediction at t */
    double predict[DDPM_LIKELIHOOD_ORDER - 1]; /* weights of the earlier slopes, the latest first */
    double correct[DDPM_LIKELIHOOD_ORDER];     /* of the slope at t, then of the earlier ones */
} ddpm_likelihood_step;

typedef struct ddpm_likelihood {
    int64_t columns;
    int64_t probes; /* 0: exact */
    int64_t step_count;
    ddpm_likelihood_step *steps;
} ddpm_likelihood;

/** @param every   1: all steps of the schedule; 2: every other.
 *  @param[out] out  release with ddpm_likelihood_release. */
DDPM_MUST_CHECK ddpm_status ddpm_likelihood_create(const ddpm_diffusion *diffusion, int64_t columns, int64_t probes,
                                                   int64_t every, ddpm_likelihood *out);
void ddpm_likelihood_release(ddpm_likelihood *likelihood);

/** What a block of rows needs on its way; belongs to one thread. */
typedef struct ddpm_likelihood_memory {
    double *x;                            /* [rows][columns] */
    double *slope[DDPM_LIKELIHOOD_ORDER]; /* [rows][columns], the latest first */
    double *trace[DDPM_LIKELIHOOD_ORDER]; /* [rows], likewise */
    float *xt, *direction, *dxt;          /* [rows][columns] */
} ddpm_likelihood_memory;

/** @param[out] out  release with ddpm_likelihood_memory_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_likelihood_memory_create(int64_t rows, int64_t columns, ddpm_likelihood_memory *out);
void ddpm_likelihood_memory_release(ddpm_likelihood_memory *memory);

/** ln p(x0) of rows first .. first+rows-1, in nats over all columns of standardised data.
 *  @param x0                [rows][columns].
 *  @param seed              of the probes; first numbers them.
 *  @param[out] log_density  [rows]. */
void ddpm_likelihood_rows(const ddpm_likelihood *likelihood, const ddpm_flow *flow, uint64_t seed, int64_t first,
                          int64_t rows, const float *x0, ddpm_likelihood_memory *memory, double *log_density);

#endif
