/** The exact log-likelihood of rows under the model's deterministic flow: Song et al. 2021 (score SDE), section 4.3.
 *
 *  With cos(phi_t) = sqrt(alpha_bar_t), the flow is dx/dphi = v(x, phi), v = cos(phi) epsilon - sin(phi) x0 (Salimans
 * and Ho 2022), and ln p(x0) = ln N(x_E; 0, I) + the integral of the divergence of v from 0 to phi_E. The network
 * exists at whole steps only, so all or some of these are the grid of a variable-step Adams method of order
 * DDPM_LIKELIHOOD_ORDER (predict, evaluate, correct, evaluate), which integrates flow and divergence together.
 *
 *  - Beginning: the network does not exist at t = 0, and is not needed there. Since v = -tan(phi) (x + score), v and
 * its divergence are 0 at phi = 0 for any density that is smooth at the scale of phi_1.
 *  - End: E is the first step at which alpha_bar is at most DDPM_LIKELIHOOD_SIGNAL, or T. Ending there costs less than
 *    1e-6 nats for data of unit variance. An integration up to T would divide by cos(phi), which is tiny there for a
 *    schedule whose beta is capped.
 *  - Divergence: exact, by one vector-Jacobian product a column; or Hutchinson's estimate, with random signs that stay
 *    the same along a row's path.
 *  - Error: the result on a grid of half as many steps differs by more than the error of the whole grid's.
 *
 *  All functions are Local.
 */
#ifndef DDPM_MODEL_LIKELIHOOD_H
#define DDPM_MODEL_LIKELIHOOD_H

#include "model/sampler.h"

#define DDPM_LIKELIHOOD_SIGNAL 1e-3 /* alpha_bar at the end of the flow */

enum { DDPM_LIKELIHOOD_ORDER = 4, DDPM_LIKELIHOOD_STEPS = 25, DDPM_LIKELIHOOD_STEPS_ALL = 100 };

/** A denoiser with its derivative. */
typedef struct ddpm_flow {
    ddpm_denoiser denoiser;
    /** The vector-Jacobian product of the prediction that was made last, at the same t.
     *  @param direction  [rows][D].
     *  @param[out] dxt  [rows][D], the gradient by x_t of the sum of direction * prediction. */
    void (*pull_back)(void *self, int64_t rows, const float *direction, int32_t t, float *dxt);
} ddpm_flow;

/** A step of the grid that ends at t. */
typedef struct ddpm_likelihood_step {
    int64_t t;
    double of_x, of_output;                    /* v = of_x x + of_output prediction at t */
    double predict[DDPM_LIKELIHOOD_ORDER - 1]; /* weights of the earlier values of v, the latest first */
    double correct[DDPM_LIKELIHOOD_ORDER];     /* weights of v at t, then of the earlier ones */
} ddpm_likelihood_step;

typedef struct ddpm_likelihood {
    int64_t columns;
    int64_t probes; /* of Hutchinson's estimate; 0: the divergence is exact */
    int64_t step_count;
    ddpm_likelihood_step *steps;
    const uint8_t *left_out; /* [columns], nonzero: the density is that of the others; NULL at first: none */
} ddpm_likelihood;

/** DDPM_ERR_MEMORY.
 *  @param probes    as above.
 *  @param share     1: the grid has all steps, or of schedules of more than DDPM_LIKELIHOOD_STEPS_ALL steps
 *                   DDPM_LIKELIHOOD_STEPS, evenly in the logarithm of the signal-to-noise ratio; 2: half as many.
 *  @param[out] out  release with ddpm_likelihood_release. */
DDPM_MUST_CHECK ddpm_status ddpm_likelihood_create(const ddpm_diffusion *diffusion, int64_t columns, int64_t probes,
                                                   int64_t share, ddpm_likelihood *out);
void ddpm_likelihood_release(ddpm_likelihood *likelihood);

/** The arrays that a block of rows needs; they belong to one thread. */
typedef struct ddpm_likelihood_memory {
    double *x;                            /* [rows][columns] */
    double *slope[DDPM_LIKELIHOOD_ORDER]; /* [rows][columns], values of v, the latest first */
    double *trace[DDPM_LIKELIHOOD_ORDER]; /* [rows], divergences of v, the latest first */
    float *xt, *direction, *dxt;          /* [rows][columns] */
} ddpm_likelihood_memory;

/** DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_likelihood_memory_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_likelihood_memory_create(int64_t rows, int64_t columns, ddpm_likelihood_memory *out);
void ddpm_likelihood_memory_release(ddpm_likelihood_memory *memory);

/** Compute ln p(x0) of rows first .. first+rows-1, in nats over all columns of standardised data.
 *  @param seed              of the probes, which are a function of it and of a row's number.
 *  @param x0                [rows][columns].
 *  @param[out] log_density  [rows]. */
void ddpm_likelihood_rows(const ddpm_likelihood *likelihood, const ddpm_flow *flow, uint64_t seed, int64_t first,
                          int64_t rows, const float *x0, ddpm_likelihood_memory *memory, double *log_density);

#endif
