/** The forward process, what the network is trained to predict, and the reverse step's mean and variance: Ho et al.
 * 2020, Salimans and Ho 2022.
 *
 *  The target of every kind of prediction is linear in (x0, noise), and x0 is linear in (x_t, prediction): the tables
 * below hold these coefficients. Rows are of standardised data, without padding, and t begins at 1. All functions are
 * Local.
 */
#ifndef DDPM_MODEL_DIFFUSION_H
#define DDPM_MODEL_DIFFUSION_H

#include "kernel/simd.h"
#include "model/schedule.h"

#include <stdint.h>

/** What the network's first head is trained to give. */
typedef enum ddpm_prediction {
    DDPM_PREDICT_NOISE,    /* epsilon */
    DDPM_PREDICT_DATA,     /* x0 */
    DDPM_PREDICT_MEAN,     /* o, where sqrt(1 - beta) x_t + sqrt(beta) o is the mean of q(x_{t-1} | x_t, x0): its
                            * distance from sqrt(1 - beta) x_t in standard deviations of the step's noise
                            * (Sohl-Dickstein et al. 2015) */
    DDPM_PREDICT_VELOCITY, /* sqrt(alpha_bar) epsilon - sqrt(1 - alpha_bar) x0 */
    DDPM_PREDICT_FLOW, /* epsilon - x0, the direction of the straight path from data to noise (Lipman et al. 2023) */
    DDPM_PREDICT_COUNT,
    DDPM_PREDICT_CLASS = DDPM_PREDICT_COUNT /* the class of x0, by a classifier: model/classifier.h */
} ddpm_prediction;

/** The variance of the reverse step. */
typedef enum ddpm_variance {
    DDPM_VARIANCE_BETA,      /* beta_t */
    DDPM_VARIANCE_POSTERIOR, /* beta~_t */
    DDPM_VARIANCE_LEARNED,   /* sigmoid(o / sqrt(T) + logit(beta_t)) of a second head o (Sohl-Dickstein et al. 2015) */
    DDPM_VARIANCE_LEARNED_RANGE, /* between beta~_t and beta_t in the logarithm (Nichol and Dhariwal 2021, equation 15)
                                  */
    DDPM_VARIANCE_COUNT
} ddpm_variance;

/** What is known of two steps s < t: the mean of the posterior q(x_s | x_t, x0), and the logarithms from which the
 * variance of a reverse step is made. */
typedef struct ddpm_transition {
    double of_x0, of_xt;  /* the mean is of_x0 x0 + of_xt x_t: Ho et al. 2020, equation 7, for any two steps */
    double log_beta;      /* ln of beta, the variance of the noise added from s to t */
    double log_posterior; /* ln of beta~, the variance of the posterior; finite also where beta~ is 0, see
                           * ddpm_schedule_log_posterior */
    double logit_beta;    /* ln(beta / (1 - beta)), with an upper limit where beta is 1 */
} ddpm_transition;

typedef struct ddpm_diffusion {
    ddpm_schedule schedule; /* owned */
    ddpm_prediction predict;
    ddpm_variance variance;
    float *signal, *noise;             /* [T + 1]: x_t = signal x0 + noise epsilon */
    float *target_data, *target_noise; /* [T + 1]: target = target_data x0 + target_noise epsilon */
} ddpm_diffusion;

/** Make the tables. The schedule's own tables now belong to `out`, also on failure. DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_diffusion_release. */
DDPM_MUST_CHECK ddpm_status ddpm_diffusion_create(ddpm_schedule *schedule, ddpm_prediction predict,
                                                  ddpm_variance variance, ddpm_diffusion *out);
void ddpm_diffusion_release(ddpm_diffusion *diffusion);

/** Set the coefficients of x0 = *from_xt x_t + *from_output prediction at step t. They are infinite where alpha_bar_t =
 * 0 and the noise is predicted. Not for DDPM_PREDICT_CLASS. */
void ddpm_diffusion_data_coefficients(const ddpm_diffusion *diffusion, int64_t t, double *from_xt, double *from_output);

/** The factor of classifier guidance: a prediction at step t, plus this times the gradient of ln p(c | x_t) by x_t, is
 * the prediction for rows of class c. For the noise it is -sqrt(1 - alpha_bar) (Dhariwal and Nichol 2021, algorithm 2),
 * from which those of the other predictions follow for a given x_t. It is 0 where alpha_bar_t = 0, since x_t does not
 * depend on the class there. Not for DDPM_PREDICT_CLASS. */
double ddpm_diffusion_guidance(const ddpm_diffusion *diffusion, int64_t t);

/** The transition between t and s < t; s = 0 stands for the data. */
ddpm_transition ddpm_diffusion_transition(const ddpm_diffusion *diffusion, int64_t t, int64_t s);

/** Whether the variance is learned, for which the network has a second head. */
int ddpm_variance_is_learned(ddpm_variance variance);

/** ln of the variance of the reverse step from t to s.
 *  @param o  the output of the second head, where there is one.
 *  @param[out] slope  its derivative by o, or NULL. */
double ddpm_diffusion_log_variance(const ddpm_diffusion *diffusion, const ddpm_transition *transition, double o,
                                   double *slope);

/** Draw xt from q(x_t | x_0) with the given noise, and set the target of the prediction. All are [rows][columns], t
 * [rows].
 */
void ddpm_diffusion_noise_rows(const ddpm_diffusion *diffusion, int64_t rows, int64_t columns, const float *x0,
                               const float *noise, const int32_t *t, float *xt, float *target);

/** Take one step of the forward process: x becomes a draw of q(x_t | x_{t-1} = x). x and noise are [rows][columns]. */
void ddpm_diffusion_step_rows(const ddpm_diffusion *diffusion, int64_t rows, int64_t columns, int64_t t,
                              const float *noise, float *x);

#endif
