/** The exact log-likelihood of rows under the model's deterministic flow: Song et al. 2021 (score SDE), section 4.3.
 *
 *  With cos(phi_t) = sqrt(alpha_bar_t), the flow is dx/dphi = v(x, phi), v = cos(phi) epsilon - sin(phi) x0 (Salimans
 * and Ho 2022), and ln p(x0) = ln N(x_E; 0, I) + the integral of the divergence of v from 0 to phi_E. The network
 * exists at whole steps only, so all or some of these are the grid of a variable-step Adams method of order
 * DDPM_LIKELIHOOD_ORDER (predict, evaluate, correct, evaluate), which integrates flow and divergence together.
 *
 *  - Beginning: the network does not exist at t = 0. Since v = -tan(phi) (x + score), v and its divergence are 0 at
 *    phi = 0 for any density that is smooth at the scale of phi_1. How smooth it is, the matrix
 *    P = sin(phi_1)^2 I + sin(phi_1) cos(phi_1) dv/dx says. For normal data of variance s along a direction, P has the
 *    eigenvalue rho = sin^2 / (cos^2 s + sin^2) there, and the divergence lacks -ln(1 - rho) / 2 - rho / 2. The sum of
 *    these is at most that of one direction with the root of the sum of the squares of P.
 *  - End: E is the first step at which alpha_bar is at most DDPM_LIKELIHOOD_SIGNAL, or T. There N(0, I) stands for
 *    q(x_E). The gradient of the logarithm of their ratio is x + score, which v gives.
 *  - Divergence: exact, by one vector-Jacobian product a column; or Hutchinson's estimate, with random signs that stay
 *    the same along a row's path.
 *  - Integration: the result on a grid of half as many steps differs by more than the error of the whole grid's, where
 *    it settles: that is, where a quarter of the steps differs from the half at least twice as much.
 *
 *  All functions are Local.
 */
#ifndef DDPM_MODEL_LIKELIHOOD_H
#define DDPM_MODEL_LIKELIHOOD_H

#include "model/sampler.h"

#define DDPM_LIKELIHOOD_SIGNAL 1e-4 /* alpha_bar at the end of the flow */

enum { DDPM_LIKELIHOOD_ORDER = 4, DDPM_LIKELIHOOD_STEPS = 25, DDPM_LIKELIHOOD_STEPS_ALL = 100 };

/** The shares of the steps that the integration is repeated with, to see how it settles. */
enum { DDPM_LIKELIHOOD_GRIDS = 3 };

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
    double first, last;      /* phi_1 and phi_E */
    const uint8_t *left_out; /* [columns], nonzero: the density is that of the others; NULL at first: none */
} ddpm_likelihood;

/** DDPM_ERR_MEMORY.
 *  @param probes    as above.
 *  @param share     1: the grid has all steps, or of schedules of more than DDPM_LIKELIHOOD_STEPS_ALL steps
 *                   DDPM_LIKELIHOOD_STEPS, evenly in the logarithm of the signal-to-noise ratio; 2: half as many,
 *                   4: a quarter.
 *  @param[out] out  release with ddpm_likelihood_release. */
DDPM_MUST_CHECK ddpm_status ddpm_likelihood_create(const ddpm_diffusion *diffusion, int64_t columns, int64_t probes,
                                                   int64_t share, ddpm_likelihood *out);
void ddpm_likelihood_release(ddpm_likelihood *likelihood);

/** The arrays that a block of rows needs; they belong to one thread. */
typedef struct ddpm_likelihood_memory {
    double *x;                            /* [rows][columns] */
    double *slope[DDPM_LIKELIHOOD_ORDER]; /* [rows][columns], values of v, the latest first */
    double *trace[DDPM_LIKELIHOOD_ORDER]; /* [rows], divergences of v, the latest first */
    double *squares;                      /* [rows], the sum of the squares of P */
    float *xt, *direction, *dxt;          /* [rows][columns] */
} ddpm_likelihood_memory;

/** DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_likelihood_memory_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_likelihood_memory_create(int64_t rows, int64_t columns, ddpm_likelihood_memory *out);
void ddpm_likelihood_memory_release(ddpm_likelihood_memory *memory);

/** Compute ln p(x0) of rows first .. first+rows-1, in nats over all columns of standardised data.
 *  @param seed              of the probes, which are a function of it and of a row's number.
 *  @param x0                [rows][columns].
 *  @param[out] log_density  [rows].
 *  @param[out] ends         [rows], what the beginning and the end of the flow may add to the error of log_density, or
 *                           infinity where that has no bound; or NULL. */
void ddpm_likelihood_rows(const ddpm_likelihood *likelihood, const ddpm_flow *flow, uint64_t seed, int64_t first,
                          int64_t rows, const float *x0, ddpm_likelihood_memory *memory, double *log_density,
                          double *ends);

/** Judge the accuracy of rows.
 *  @param steps       of the whole grid.
 *  @param densities   [DDPM_LIKELIHOOD_GRIDS]: log-densities [rows] by all steps, by half of them, and by a quarter.
 *  @param ends        [rows], of the whole grid.
 *  @param[out] tolerance  in nats over all columns: a bound of the mean absolute error of a row, for a perfect network
 *                         and an exact divergence; or NaN.
 *  @return NULL, or why there is no bound, and what to do. */
const char *ddpm_likelihood_judge(int64_t rows, int64_t columns, int64_t steps, const double *const *densities,
                                  const double *ends, double *tolerance);

#endif
