/** The variational bound of held-out rows, term by term: the form of Ho et al. 2020, equation 5, and what is different
 * in the form of Sohl-Dickstein et al. 2015, equation 14.
 *
 *  -ln p(x0) <= L_T + L_{T-1} + ... + L_1 + L_0, in nats over all columns of standardised data. The functions take the
 * sampler's denoiser, so that tests can put a closed form in place of the network. All functions are Local.
 */
#ifndef DDPM_MODEL_BOUND_H
#define DDPM_MODEL_BOUND_H

#include "model/objective.h"
#include "model/sampler.h"

/** The arrays that a block of rows needs; they belong to one thread. */
typedef struct ddpm_bound_memory {
    int64_t columns;            /* D */
    float *noise, *xt, *target; /* [rows][columns] */
    int32_t *t;                 /* [rows] */
    const uint8_t *left_out;    /* [columns], nonzero: not counted in the terms; NULL at first: all are counted */
} ddpm_bound_memory;

/** DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_bound_memory_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_bound_memory_create(int64_t rows, int64_t columns, ddpm_bound_memory *out);
void ddpm_bound_memory_release(ddpm_bound_memory *memory);

/** The term at t of each row, with one draw of x_t that is a function of (seed, t, number of the row):
 *  L_{t-1} = KL(q(x_{t-1} | x_t, x0) || p(x_{t-1} | x_t)), or at t = 1 L_0 = -ln p(x0 | x_1), a Gaussian density.
 *  @param x0          [rows][D].
 *  @param[out] terms  [rows]. */
void ddpm_bound_terms(const ddpm_objective *objective, const ddpm_denoising *rows, const float *x0, int32_t t,
                      ddpm_bound_memory *memory, double *terms);

/** L_T = KL(q(x_T | x0) || N(0, I)) of a row. */
double ddpm_bound_prior(const ddpm_schedule *schedule, int64_t columns, const float *x0);

/** The entropies of q(x_1 | x0) and of q(x_T | x0), which are the same for all rows. */
double ddpm_bound_first_entropy(const ddpm_schedule *schedule, int64_t columns);
double ddpm_bound_last_entropy(const ddpm_schedule *schedule, int64_t columns);

/** The term of a row that the form of Sohl-Dickstein et al. has in place of L_0. There the first step is not learned:
 * it is p(x0 | x_1) = q(x_1 | x0) pi(x0) / pi(x_1) with pi = N(0, I). The term is the entropy of q(x_1 | x0) plus
 *  beta_1 (|x0|^2 - columns) / 2, whose mean over standardised rows is 0. The other terms are the same in both forms:
 *  the cross-entropy of x_T with pi less the entropy of q(x_T | x0), with which the form of Sohl-Dickstein et al. ends,
 * is L_T. */
double ddpm_bound_first_step(const ddpm_schedule *schedule, int64_t columns, const float *x0);

#endif
