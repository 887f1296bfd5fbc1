/* Noise schedules: beta of each kind, then the tables that follow from beta. */
#include "model/schedule.h"

#include "base/memory.h"
#include "model/constants.h"
#include "model/normal_distribution.h"

#include <math.h>

/* Number i of n that are spread evenly from a to b; a where n is 1. */
static double evenly(double a, double b, int64_t i, int64_t n)
{
    return n == 1 ? a : a + (b - a) * (double)i / (double)(n - 1);
}

static double cosine_alpha_bar(const ddpm_schedule_spec *spec, int64_t t)
{
    const double half_pi = 0.5 * DDPM_PI;
    const double at = cos(((double)t / (double)spec->steps + spec->offset) / (1.0 + spec->offset) * half_pi);
    const double at_zero = cos(spec->offset / (1.0 + spec->offset) * half_pi);
    return at * at / (at_zero * at_zero);
}

/* sigma at t: the middle of the t-th of T equally probable parts of the distribution of noise levels. Uniform t so
 * draws noise levels from it. */
static double log_normal_sigma(const ddpm_schedule_spec *spec, int64_t t)
{
    if (t == 0) return 0.0;
    return exp(spec->log_mean + spec->log_deviation * ddpm_normal_quantile(((double)t - 0.5) / (double)spec->steps));
}

/* 1 - alpha_bar_t / alpha_bar_{t-1} with alpha_bar = 1 / (1 + sigma^2), without subtracting from 1. */
static double log_normal_beta(const ddpm_schedule_spec *spec, int64_t t)
{
    const double sigma = log_normal_sigma(spec, t), before = log_normal_sigma(spec, t - 1);
    return (sigma - before) * (sigma + before) / (1.0 + sigma * sigma);
}

static double beta_of(const ddpm_schedule_spec *spec, int64_t t)
{
    const int64_t T = spec->steps, i = t - 1;
    const double start = isnan(spec->start) ? DDPM_SCHEDULE_START : spec->start,
                 end = isnan(spec->end) ? DDPM_SCHEDULE_END : spec->end;
    const double rescale = spec->rescale ? 1000.0 / (double)T : 1.0;
    const double u = evenly(-spec->limit, spec->limit, i, T);
    switch (spec->kind) {
    case DDPM_SCHEDULE_CONSTANT:
        return isnan(spec->target) ? start : -expm1(log(spec->target) / (double)T);
    case DDPM_SCHEDULE_LINEAR:
        return rescale * evenly(start, end, i, T);
    case DDPM_SCHEDULE_QUADRATIC: {
        const double root = evenly(sqrt(start), sqrt(end), i, T);
        return rescale * root * root;
    }
    case DDPM_SCHEDULE_SIGMOID:
        return start + (end - start) / (1.0 + exp(-u));
    case DDPM_SCHEDULE_TANH:
        return start + (end - start) * (1.0 + tanh(u)) / 2.0;
    case DDPM_SCHEDULE_COSINE:
        return fmin(1.0 - cosine_alpha_bar(spec, t) / cosine_alpha_bar(spec, t - 1), spec->cap);
    case DDPM_SCHEDULE_HARMONIC:
        return fmin(1.0 / (double)(T - t + 1), spec->cap);
    case DDPM_SCHEDULE_LOG_NORMAL:
        return log_normal_beta(spec, t);
    case DDPM_SCHEDULE_TABLE:
        return t <= spec->table_count ? spec->table[i] : NAN;
    case DDPM_SCHEDULE_COUNT:
        break;
    }
    return NAN;
}

static ddpm_status allocate(int64_t steps, ddpm_schedule *out)
{
    *out = (ddpm_schedule){.steps = steps};
    DDPM_TRY(DDPM_NEW(&out->beta, steps + 1, "schedule"));
    DDPM_TRY(DDPM_NEW(&out->alpha_bar, steps + 1, "schedule"));
    DDPM_TRY(DDPM_NEW(&out->one_minus_alpha_bar, steps + 1, "schedule"));
    return DDPM_NEW(&out->posterior_variance, steps + 1, "schedule");
}

static const double ALPHA_BAR_LEAST = 1e-70; /* the reciprocal of its root is still a float */

/* Compute the tables from beta. beta_T = 1, which leaves no signal, is allowed. */
static ddpm_status derive(ddpm_schedule *s)
{
    double log_alpha_bar = 0.0;
    s->alpha_bar[0] = 1.0;
    for (int64_t t = 1; t <= s->steps; t++) {
        const double beta = s->beta[t];
        if (!(beta > 0.0 && (beta < 1.0 || (beta == 1.0 && t == s->steps))))
            return ddpm_fail(
                DDPM_ERR_CONFIG,
                "diffusion.schedule: expected a beta above 0 and below 1 at step %lld of %lld, found %g; change the "
                "keys of diffusion.schedule",
                (long long)t, (long long)s->steps, beta);
        log_alpha_bar += log1p(-beta);
        s->alpha_bar[t] = exp(log_alpha_bar);
        if (s->alpha_bar[t] < ALPHA_BAR_LEAST && beta < 1.0)
            return ddpm_fail(DDPM_ERR_CONFIG,
                             "diffusion.schedule: expected an alpha_bar of at least %g, found %g at step %lld of %lld, "
                             "where no signal is left; take fewer diffusion.steps, a smaller end, or rescale: true",
                             ALPHA_BAR_LEAST, s->alpha_bar[t], (long long)t, (long long)s->steps);
        s->one_minus_alpha_bar[t] = -expm1(log_alpha_bar);
        s->posterior_variance[t] = beta * s->one_minus_alpha_bar[t - 1] / s->one_minus_alpha_bar[t];
    }
    return DDPM_OK;
}

/* Lin et al. 2023, algorithm 1: sqrt(alpha_bar) is shifted and stretched so that it ends at 0 and keeps its first
 * value. */
static ddpm_status end_without_signal(ddpm_schedule *s)
{
    const int64_t T = s->steps;
    s->beta[T] = 1.0;
    if (T == 1) return derive(s);
    const double first = sqrt(s->alpha_bar[1]), last = sqrt(s->alpha_bar[T]);
    double before = 1.0;
    for (int64_t t = 1; t < T; t++) {
        const double root = (sqrt(s->alpha_bar[t]) - last) * first / (first - last);
        s->beta[t] = 1.0 - root * root / before;
        before = root * root;
    }
    return derive(s);
}

ddpm_status ddpm_schedule_create(const ddpm_schedule_spec *spec, ddpm_schedule *out)
{
    ddpm_status status = allocate(spec->steps, out);
    if (status == DDPM_OK) {
        for (int64_t t = 1; t <= spec->steps; t++) out->beta[t] = beta_of(spec, t);
        status = derive(out);
    }
    if (status == DDPM_OK && spec->zero_terminal_snr)
        status = end_without_signal(out);
    else if (status == DDPM_OK && out->beta[spec->steps] == 1.0) /* to rounding */
        status = ddpm_fail(DDPM_ERR_CONFIG,
                           "diffusion.schedule: expected a beta below 1 at step %lld, found one so near to it that no "
                           "signal is left; change the keys of diffusion.schedule, or set zero_terminal_snr: true",
                           (long long)spec->steps);
    if (status != DDPM_OK) ddpm_schedule_release(out);
    return status;
}

ddpm_status ddpm_schedule_from_beta(int64_t steps, const double *beta, ddpm_schedule *out)
{
    ddpm_status status = allocate(steps, out);
    if (status == DDPM_OK) {
        for (int64_t t = 1; t <= steps; t++) out->beta[t] = beta[t];
        status = derive(out);
    }
    if (status != DDPM_OK) ddpm_schedule_release(out);
    return status;
}

void ddpm_schedule_release(ddpm_schedule *schedule)
{
    ddpm_release(schedule->beta);
    ddpm_release(schedule->alpha_bar);
    ddpm_release(schedule->one_minus_alpha_bar);
    ddpm_release(schedule->posterior_variance);
    *schedule = (ddpm_schedule){0};
}

ddpm_schedule_audit ddpm_schedule_audit_of(const ddpm_schedule *schedule)
{
    const double alpha_bar = schedule->alpha_bar[schedule->steps],
                 rest = schedule->one_minus_alpha_bar[schedule->steps];
    const double prior = -0.5 * log(rest);
    return (ddpm_schedule_audit){.alpha_bar = alpha_bar,
                                 .snr = alpha_bar / rest,
                                 .prior = prior > 0.0 ? prior : 0.0,
                                 .reaches_noise = prior <= DDPM_SCHEDULE_PRIOR_LIMIT};
}

double ddpm_schedule_log_posterior(const ddpm_schedule *schedule, int64_t t)
{
    if (t == 1) return schedule->steps == 1 ? log(schedule->beta[1]) : log(schedule->posterior_variance[2]);
    return log(schedule->posterior_variance[t]);
}
