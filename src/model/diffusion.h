/** The forward process, what the network is trained to predict, and the reverse step's mean and variance: Ho et al.
 * 2020, Salimans and Ho 2022.
 *
 *  Every prediction is linear in (x0, noise), and x0 is linear in (x_t, prediction): the tables below are these
 * coefficients. All functions are Local and work on rows of standardised data, row-major and dense. t is 1-based.
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
    DDPM_PREDICT_MEAN,     /* o in sqrt(1 - beta) x_t + sqrt(beta) o, the mean of q(x_{t-1} | x_t, x0): what is new in
                            * it, to the scale of the step's noise (Sohl-Dickstein et al. 2015) */
    DDPM_PREDICT_VELOCITY, /* sqrt(alpha_bar) epsilon - sqrt(1 - alpha_bar) x0 */
    DDPM_PREDICT_COUNT,
    DDPM_PREDICT_CLASS = DDPM_PREDICT_COUNT /* no prediction of the above, but of the class of x0: model/classifier.h */
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

/** Between two steps s < t: the posterior q(x_s | x_t, x0) and the logarithms that a reverse variance is made from. */
typedef struct ddpm_transition {
    double of_x0, of_xt;  /* its mean is of_x0 x0 + of_xt x_t (Ho et al. 2020, equation 7, between any two steps) */
    double log_beta;      /* ln beta between the steps */
    double log_posterior; /* ln beta~, never of 0: see ddpm_schedule_log_posterior */
    double logit_beta;    /* capped where beta is 1 */
} ddpm_transition;

typedef struct ddpm_diffusion {
    ddpm_schedule schedule; /* owned */
    ddpm_prediction predict;
    ddpm_variance variance;
    float *signal, *noise;             /* [T + 1] x_t = signal x0 + noise epsilon */
    float *target_data, *target_noise; /* [T + 1] target = target_data x0 + target_noise epsilon */
} ddpm_diffusion;

/** Takes over the schedule's tables, also on failure. @param[out] out  release with ddpm_diffusion_release. */
DDPM_MUST_CHECK ddpm_status ddpm_diffusion_create(ddpm_schedule *schedule, ddpm_prediction predict,
                                                  ddpm_variance variance, ddpm_diffusion *out);
void ddpm_diffusion_release(ddpm_diffusion *diffusion);

/** x0 = *from_xt x_t + *from_output prediction at step t; infinite where alpha_bar_t = 0 and noise is predicted. */
void ddpm_diffusion_data_coefficients(const ddpm_diffusion *diffusion, int64_t t, double *from_xt, double *from_output);

/** What is to be added to a prediction at step t for each unit of the gradient of ln p(c | x_t) by x_t, so that it is
 * that of rows of class c: -sqrt(1 - alpha_bar) of the noise's (Dhariwal and Nichol 2021, algorithm 2), and of others
 * what follows for a given x_t. 0 where alpha_bar_t = 0: there x_t says nothing of the class. */
double ddpm_diffusion_guidance(const ddpm_diffusion *diffusion, int64_t t);

/** From t to s < t, s = 0 for the data. */
ddpm_transition ddpm_diffusion_transition(const ddpm_diffusion *diffusion, int64_t t, int64_t s);

/** Whether the network has a second head. */
int ddpm_variance_is_learned(ddpm_variance variance);

/** ln of the reverse variance of a transition, o the second head's output where there is one.
 *  @param[out] slope  its derivative by o; NULL allowed. */
double ddpm_diffusion_log_variance(const ddpm_diffusion *diffusion, const ddpm_transition *transition, double o,
                                   double *slope);

/** q(x_t | x_0) with the given noise, and the target of the prediction. All [rows][columns]. */
void ddpm_diffusion_noise_rows(const ddpm_diffusion *diffusion, int64_t rows, int64_t columns, const float *x0,
                               const float *noise, const int32_t *t, float *xt, float *target);

/** One step of the chain: x becomes a draw of q(x_t | x_{t-1} = x). All [rows][columns]. */
void ddpm_diffusion_step_rows(const ddpm_diffusion *diffusion, int64_t rows, int64_t columns, int64_t t,
                              const float *noise, float *x);

#endif
