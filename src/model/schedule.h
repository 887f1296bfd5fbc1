/** Noise schedules: beta_t for t = 1..T and what follows from it, in double (Ho et al. 2020, equations 4 and 7). */
#ifndef DDPM_MODEL_SCHEDULE_H
#define DDPM_MODEL_SCHEDULE_H

#include "base/status.h"

#include <stdint.h>

typedef enum ddpm_schedule_kind {
    DDPM_SCHEDULE_CONSTANT,  /* one value, or the value that reaches alpha_bar_T = target */
    DDPM_SCHEDULE_LINEAR,    /* start..end evenly (Ho et al. 2020) */
    DDPM_SCHEDULE_QUADRATIC, /* the square root evenly */
    DDPM_SCHEDULE_SIGMOID,   /* start + (end - start) sigmoid(u), u evenly in -limit..limit */
    DDPM_SCHEDULE_TANH,      /* start + (end - start) (1 + tanh(u)) / 2, likewise */
    DDPM_SCHEDULE_COSINE,    /* Nichol and Dhariwal 2021, equation 17 */
    DDPM_SCHEDULE_HARMONIC,  /* 1 / (T - t + 1) (Sohl-Dickstein et al. 2015) */
    DDPM_SCHEDULE_TABLE,     /* the user's own list */
    DDPM_SCHEDULE_COUNT
} ddpm_schedule_kind;

/* What "auto" stands for. */
#define DDPM_SCHEDULE_START 1e-4
#define DDPM_SCHEDULE_END 0.02

/** What a schedule is made from. Unused numbers are ignored; NaN stands for "auto". */
typedef struct ddpm_schedule_spec {
    ddpm_schedule_kind kind;
    int64_t steps;         /* T, 1 or more */
    double start, end;     /* of beta; auto: DDPM_SCHEDULE_START and DDPM_SCHEDULE_END */
    int rescale;           /* linear and quadratic: beta times 1000 / T */
    double target;         /* constant: alpha_bar_T; auto: use start */
    double limit;          /* sigmoid and tanh: u in -limit..limit */
    double offset;         /* cosine: s */
    double cap;            /* cosine and harmonic: the largest beta */
    int zero_terminal_snr; /* Lin et al. 2023, algorithm 1 */
    const double *table;   /* table: [steps] */
    int64_t table_count;
} ddpm_schedule_spec;

/** Tables [T + 1], indexed by t; index 0 is clean data (alpha_bar 1). */
typedef struct ddpm_schedule {
    int64_t steps;
    double *beta;
    double *alpha_bar;
    double *one_minus_alpha_bar; /* without cancellation */
    double *posterior_variance;  /* beta~_t; 0 at t = 1 */
} ddpm_schedule;

/** How far the end of the forward process is from N(0, I). */
typedef struct ddpm_schedule_audit {
    double alpha_bar;  /* at T */
    double snr;        /* alpha_bar / (1 - alpha_bar) at T */
    double prior;      /* L_T for unit-variance data, nats per dimension */
    int reaches_noise; /* prior at most DDPM_SCHEDULE_PRIOR_LIMIT */
} ddpm_schedule_audit;

#define DDPM_SCHEDULE_PRIOR_LIMIT 0.01 /* nats per dimension */

/** Local. Compute the tables. DDPM_ERR_CONFIG when a beta is outside (0, 1), or is 1 before t = T.
 *  @param[out] out   release with ddpm_schedule_release; zero-initialised by this call. */
DDPM_MUST_CHECK ddpm_status ddpm_schedule_create(const ddpm_schedule_spec *spec, ddpm_schedule *out);

/** Local. The schedule whose beta are these (a checkpoint's). @param beta [T + 1], index 0 unused. */
DDPM_MUST_CHECK ddpm_status ddpm_schedule_from_beta(int64_t steps, const double *beta, ddpm_schedule *out);

void ddpm_schedule_release(ddpm_schedule *schedule);

/** Local. */
ddpm_schedule_audit ddpm_schedule_check(const ddpm_schedule *schedule);

/** Local. ln of the posterior variance, with beta~_2 in place of beta~_1 = 0, and beta_1 where T = 1. */
double ddpm_schedule_log_posterior(const ddpm_schedule *schedule, int64_t t);

#endif
