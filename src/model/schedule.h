/** Noise schedules: beta_t for t = 1..T and what follows from it, in double precision (Ho et al. 2020, equations 4 and
 * 7). All functions are Local. */
#ifndef DDPM_MODEL_SCHEDULE_H
#define DDPM_MODEL_SCHEDULE_H

#include "base/status.h"

#include <stdint.h>

typedef enum ddpm_schedule_kind {
    DDPM_SCHEDULE_CONSTANT,   /* one value: start, or the one that leads to alpha_bar_T = target */
    DDPM_SCHEDULE_LINEAR,     /* evenly from start to end (Ho et al. 2020) */
    DDPM_SCHEDULE_QUADRATIC,  /* its square root evenly from that of start to that of end */
    DDPM_SCHEDULE_SIGMOID,    /* start + (end - start) sigmoid(u), where u runs evenly from -limit to limit */
    DDPM_SCHEDULE_TANH,       /* start + (end - start) (1 + tanh(u)) / 2, where u runs evenly from -limit to limit */
    DDPM_SCHEDULE_COSINE,     /* Nichol and Dhariwal 2021, equation 17 */
    DDPM_SCHEDULE_HARMONIC,   /* 1 / (T - t + 1) (Sohl-Dickstein et al. 2015) */
    DDPM_SCHEDULE_TABLE,      /* a list of the user's */
    DDPM_SCHEDULE_LOG_NORMAL, /* noise levels are the quantiles of a log-normal distribution (Karras et al. 2022) */
    DDPM_SCHEDULE_COUNT
} ddpm_schedule_kind;

/** Where beta begins and ends when "auto" is given. */
#define DDPM_SCHEDULE_START 1e-4
#define DDPM_SCHEDULE_END 0.02

/** What a schedule is made from. A number that the kind does not use is ignored; NaN stands for "auto". */
typedef struct ddpm_schedule_spec {
    ddpm_schedule_kind kind;
    int64_t steps;         /* T, 1 or more */
    double start, end;     /* of beta; auto: DDPM_SCHEDULE_START and DDPM_SCHEDULE_END */
    int rescale;           /* linear and quadratic: beta is multiplied by 1000 / T */
    double target;         /* constant: alpha_bar_T; auto: start is used */
    double limit;          /* sigmoid and tanh: u runs from -limit to limit */
    double offset;         /* cosine: s */
    double cap;            /* cosine and harmonic: the largest beta */
    int zero_terminal_snr; /* whether no signal is left at T (Lin et al. 2023, algorithm 1) */
    double log_mean;       /* log_normal: of ln sigma, where sigma^2 = (1 - alpha_bar) / alpha_bar */
    double log_deviation;  /* log_normal: the standard deviation of ln sigma */
    const double *table;   /* table: [steps] */
    int64_t table_count;
} ddpm_schedule_spec;

/** Tables of [T + 1] numbers, one for each t; index 0 stands for the data, where alpha_bar is 1. */
typedef struct ddpm_schedule {
    int64_t steps;
    double *beta;
    double *alpha_bar;
    double *one_minus_alpha_bar; /* computed without a subtraction, so that it is precise where alpha_bar is near 1 */
    double *posterior_variance;  /* beta~_t; 0 at t = 1 */
} ddpm_schedule;

/** How far the end of the forward process is from N(0, I). */
typedef struct ddpm_schedule_audit {
    double alpha_bar;  /* at T */
    double snr;        /* alpha_bar / (1 - alpha_bar) at T */
    double prior;      /* L_T of data of unit variance, in nats per dimension */
    int reaches_noise; /* whether prior is at most DDPM_SCHEDULE_PRIOR_LIMIT */
} ddpm_schedule_audit;

#define DDPM_SCHEDULE_PRIOR_LIMIT 0.01 /* nats per dimension */

/** Compute the tables. DDPM_ERR_CONFIG when a beta is outside (0, 1), or is 1 before t = T.
 *  @param[out] out   release with ddpm_schedule_release; zero-initialised by this call. */
DDPM_MUST_CHECK ddpm_status ddpm_schedule_create(const ddpm_schedule_spec *spec, ddpm_schedule *out);

/** Compute the tables from given beta, those of a checkpoint.
 *  @param beta  [T + 1], index 0 unused. */
DDPM_MUST_CHECK ddpm_status ddpm_schedule_from_beta(int64_t steps, const double *beta, ddpm_schedule *out);

/** Free the tables; a schedule of zeros is allowed. */
void ddpm_schedule_release(ddpm_schedule *schedule);

/** Measure how far the end is from N(0, I). */
ddpm_schedule_audit ddpm_schedule_audit_of(const ddpm_schedule *schedule);

/** ln of the posterior variance beta~_t, with beta~_2 in place of beta~_1 = 0; where T is 1, with beta_1. */
double ddpm_schedule_log_posterior(const ddpm_schedule *schedule, int64_t t);

#endif
