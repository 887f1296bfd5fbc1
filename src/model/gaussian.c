/* The mean and the covariance of x and of what was predicted one step before, which steps that extrapolate use again.
 */
#include "model/gaussian.h"

#include <math.h>

/* x and x0' of the step before: their means, variances and covariance. */
typedef struct moments {
    double x, last, xx, ll, xl;
} moments;

/* The predicted data are slope x + offset, with an error of this variance. */
typedef struct prediction {
    double slope, offset, error;
} prediction;

/* E[x0 | x_t] of N(mean, deviation^2). An error of the output has the factor of the output in x0. */
static prediction predict(const ddpm_diffusion *d, const ddpm_gaussian *data, int64_t t)
{
    const double abar = d->schedule.alpha_bar[t], rest = d->schedule.one_minus_alpha_bar[t];
    const double v = data->deviation * data->deviation, slope = sqrt(abar) * v / (abar * v + rest);
    const double guidance = data->classifier * ddpm_diffusion_guidance(d, t);
    double from_xt, from_output;
    ddpm_diffusion_data_coefficients(d, t, &from_xt, &from_output);
    return (prediction){.slope = slope,
                        .offset = data->mean * (1.0 - slope * sqrt(abar)),
                        .error = pow(from_output * data->error, 2.0) * (1.0 + guidance * guidance)};
}

/* What stands for x0 in a step: the slope of x, or x0 itself. */
static prediction slope_of(const ddpm_sampler_step *step, prediction p)
{
    const double of_x0 = (double)step->slope_x0;
    if (step->slope_x0 == 0.0f) return p;
    return (prediction){
        .slope = of_x0 * p.slope + (double)step->slope_x, .offset = of_x0 * p.offset, .error = of_x0 * of_x0 * p.error};
}

/* The variance of a step's noise. That of x_s where x_t is known is the posterior's and what x0 adds to it. */
static double noise_variance(const ddpm_sampler *sampler, const ddpm_sampler_step *step, const ddpm_gaussian *data)
{
    const ddpm_diffusion *d = sampler->diffusion;
    const double abar = d->schedule.alpha_bar[step->t], rest = d->schedule.one_minus_alpha_bar[step->t];
    const double v = data->deviation * data->deviation, left = v * rest / (abar * v + rest);
    if (!sampler->learned) return pow((double)step->of_noise, 2.0);
    if (step->s == 0) return 0.0;
    const double least = exp(step->transition.log_posterior), most = exp(step->transition.log_beta);
    const double best = least + step->transition.of_x0 * step->transition.of_x0 * left;
    return d->variance == DDPM_VARIANCE_LEARNED_RANGE ? fmin(best, most) : best;
}

/* x becomes gain x + last x0' + offset + noise of a variance. What is predicted becomes x0'; of its error, x gets
 * `share` times the same. */
static void move(moments *m, double gain, double last, double offset, double noise, prediction p, double share)
{
    const moments before = *m;
    m->x = gain * before.x + last * before.last + offset;
    m->xx = gain * gain * before.xx + 2.0 * gain * last * before.xl + last * last * before.ll +
            share * share * p.error + noise;
    m->last = p.slope * before.x + p.offset;
    m->ll = p.slope * p.slope * before.xx + p.error;
    m->xl = p.slope * (gain * before.xx + last * before.xl) + share * p.error;
}

static void take_step(const ddpm_sampler *sampler, const ddpm_sampler_step *step, const ddpm_gaussian *data, moments *m)
{
    const prediction p = slope_of(step, predict(sampler->diffusion, data, step->t));
    const double of_x0 = (double)step->of_x0, of_x = (double)step->of_x, second = (double)step->of_second;
    if (second == 0.0) {
        move(m, of_x0 * p.slope + of_x, (double)step->of_last, of_x0 * p.offset, noise_variance(sampler, step, data), p,
             of_x0);
        return;
    }
    const prediction q = predict(sampler->diffusion, data, step->s);
    const double first_x0 = (double)step->first_x0, first_x = (double)step->first_x;
    const double gain = of_x0 * p.slope + of_x + second * q.slope * (first_x0 * p.slope + first_x);
    const double offset = of_x0 * p.offset + second * (q.slope * first_x0 * p.offset + q.offset);
    move(m, gain, 0.0, offset, second * second * q.error, p, of_x0 + second * q.slope * first_x0);
}

static void correct(const ddpm_sampler *sampler, const ddpm_sampler_step *step, const ddpm_gaussian *data, moments *m)
{
    const prediction p = predict(sampler->diffusion, data, step->s);
    const double of_x0 = (double)step->drift_x0, gain = 1.0 + (double)step->drift_xt + of_x0 * p.slope;
    m->x = gain * m->x + of_x0 * p.offset;
    m->xx = gain * gain * m->xx + of_x0 * of_x0 * p.error + pow((double)step->correction_noise, 2.0);
    m->xl *= gain;
}

void ddpm_sampler_gaussian(const ddpm_sampler *sampler, const ddpm_gaussian *data, double *mean, double *deviation)
{
    moments m = {.xx = 1.0};
    for (int64_t i = 0; i < sampler->step_count; i++) {
        const ddpm_sampler_step *step = &sampler->steps[i];
        take_step(sampler, step, data, &m);
        for (int64_t c = 0; step->s > 0 && c < sampler->corrections; c++) correct(sampler, step, data, &m);
    }
    *mean = m.x;
    *deviation = sqrt(m.xx);
}

static double spread_of(const ddpm_sampler *sampler, double deviation, double error, double classifier)
{
    const ddpm_gaussian data = {.deviation = deviation, .error = error, .classifier = classifier};
    double mean, found;
    ddpm_sampler_gaussian(sampler, &data, &mean, &found);
    return found / deviation;
}

ddpm_sampler_audit ddpm_sampler_audit_of(const ddpm_sampler *sampler, double classifier)
{
    static const double narrow[] = {0.5, 0.3, 0.2, 0.1};
    const ddpm_gaussian aside = {.mean = DDPM_AUDIT_MEAN, .deviation = DDPM_AUDIT_MEAN};
    ddpm_sampler_audit audit = {.wide = spread_of(sampler, 1.0, 0.0, 0.0), .narrow = 1.0};
    double deviation;
    for (int i = 0; i < 4; i++) {
        const double found = spread_of(sampler, narrow[i], 0.0, 0.0);
        if (fabs(found - 1.0) < fabs(audit.narrow - 1.0)) continue;
        audit.narrow = found;
        audit.deviation = narrow[i];
    }
    ddpm_sampler_gaussian(sampler, &aside, &audit.mean, &deviation);
    audit.erring = spread_of(sampler, 1.0, DDPM_AUDIT_ERROR, classifier);
    audit.is_right = fabs(audit.wide - 1.0) <= DDPM_AUDIT_LIMIT && fabs(audit.narrow - 1.0) <= DDPM_AUDIT_LIMIT &&
                     fabs(audit.mean - DDPM_AUDIT_MEAN) <= DDPM_AUDIT_LIMIT &&
                     fabs(audit.erring - audit.wide) <= DDPM_AUDIT_ERROR_LIMIT * audit.wide;
    return audit;
}
