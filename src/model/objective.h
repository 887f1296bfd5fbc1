/** What training minimises: the simplified loss, the variational bound, or both (Ho et al. 2020; Nichol and Dhariwal
 * 2021).
 *
 *  The term of the bound at t >= 2 is KL(q(x_{t-1} | x_t, x0) || p(x_{t-1} | x_t)); at t = 1 it is -ln p(x0 | x_1), a
 * Gaussian density. Both are the terms of Sohl-Dickstein et al. up to entropies that do not depend on the parameters.
 * The means of the two densities differ by a multiple of (target - output), and it is computed from these, without
 * subtracting two means that are nearly equal. All functions are Local.
 */
#ifndef DDPM_MODEL_OBJECTIVE_H
#define DDPM_MODEL_OBJECTIVE_H

#include "model/diffusion.h"

typedef enum ddpm_loss {
    DDPM_LOSS_SIMPLE, /* the weighted squared error of the prediction, a mean over rows and columns */
    DDPM_LOSS_VLB,    /* the bound without L_T: T times the mean of its terms, in nats per column */
    DDPM_LOSS_HYBRID, /* simple + lambda vlb, where the gradient of the bound reaches only the variance head */
    DDPM_LOSS_COUNT
} ddpm_loss;

/** How the squared error is weighted, a weight for each t. */
typedef enum ddpm_weighting {
    DDPM_WEIGHTING_NONE,    /* 1 */
    DDPM_WEIGHTING_NOISE,   /* so that the loss of every kind of prediction is that of the noise: by 1 (noise), SNR
                               (data), SNR / (SNR + 1) (velocity) ... */
    DDPM_WEIGHTING_MIN_SNR, /* the same times min(SNR, gamma) / SNR (Hang et al. 2023) */
    DDPM_WEIGHTING_COUNT
} ddpm_weighting;

typedef struct ddpm_objective {
    const ddpm_diffusion *diffusion; /* borrowed */
    ddpm_loss loss;
    double lambda;
    float *weight;               /* [T + 1], of the squared error */
    float *mean_slope;           /* [T + 1], the derivative of the mean of the reverse step by the prediction */
    ddpm_transition *transition; /* [T + 1], from t to t - 1 */
} ddpm_objective;

/** DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_objective_release. */
DDPM_MUST_CHECK ddpm_status ddpm_objective_create(const ddpm_diffusion *diffusion, ddpm_loss loss, double lambda,
                                                  ddpm_weighting weighting, double gamma, ddpm_objective *out);
void ddpm_objective_release(ddpm_objective *objective);

/** A block's share of the loss: share times the sum over its rows of importance * (loss per column).
 *  @param output      [rows][heads x D]: the prediction, then the variance head where there is one.
 *  @param target      [rows][D].
 *  @param t           [rows].
 *  @param importance  [rows]; NULL stands for ones.
 *  @param share       1 / the rows of the batch.
 *  @param[out] doutput   the gradient of the result by the output, in its shape; not computed when its data is NULL.
 *  @param[out] row_loss  [rows], the loss of each row before importance and share, or NULL. */
double ddpm_objective_rows(const ddpm_objective *objective, ddpm_const_matrix output, ddpm_const_matrix target,
                           const int32_t *t, const float *importance, double share, ddpm_matrix doutput,
                           float *row_loss);

/** The bound's term at t of one row, in nats over all columns.
 *  @param left_out        [columns], nonzero: a column is not counted; NULL: all are.
 *  @param output, target  a row of each, as in ddpm_objective_rows. */
double ddpm_objective_term(const ddpm_objective *objective, int64_t columns, const uint8_t *left_out,
                           const float *output, const float *target, int64_t t);

#endif
