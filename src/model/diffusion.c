/* The forward process, the targets of the prediction, and transitions between steps. */
#include "model/diffusion.h"

#include "base/memory.h"

#include <math.h>

/* Set the coefficients of target = *data x0 + *noise epsilon at step t. */
static void target_coefficients(const ddpm_diffusion *d, int64_t t, double *data, double *noise)
{
    const double signal = sqrt(d->schedule.alpha_bar[t]), rest = sqrt(d->schedule.one_minus_alpha_bar[t]);
    const double beta = d->schedule.beta[t];
    const ddpm_transition step = ddpm_diffusion_transition(d, t, t - 1);
    const double beyond = step.of_xt - sqrt(1.0 - beta); /* what x_t adds to the mean beyond sqrt(1 - beta) x_t */
    switch (d->predict) {
    case DDPM_PREDICT_NOISE:
        *data = 0.0;
        *noise = 1.0;
        break;
    case DDPM_PREDICT_DATA:
        *data = 1.0;
        *noise = 0.0;
        break;
    case DDPM_PREDICT_VELOCITY:
        *data = -rest;
        *noise = signal;
        break;
    case DDPM_PREDICT_FLOW:
        *data = -1.0;
        *noise = 1.0;
        break;
    case DDPM_PREDICT_CLASS:
        *data = *noise = 0.0;
        break;
    case DDPM_PREDICT_MEAN:
    default:
        *data = (step.of_x0 + beyond * signal) / sqrt(beta);
        *noise = beyond * rest / sqrt(beta);
        break;
    }
}

static ddpm_status build(ddpm_diffusion *d)
{
    const int64_t T = d->schedule.steps;
    DDPM_TRY(DDPM_NEW(&d->signal, T + 1, "diffusion tables"));
    DDPM_TRY(DDPM_NEW(&d->noise, T + 1, "diffusion tables"));
    DDPM_TRY(DDPM_NEW(&d->target_data, T + 1, "diffusion tables"));
    DDPM_TRY(DDPM_NEW(&d->target_noise, T + 1, "diffusion tables"));
    d->signal[0] = 1.0f;
    for (int64_t t = 1; t <= T; t++) {
        double data, noise;
        target_coefficients(d, t, &data, &noise);
        d->signal[t] = (float)sqrt(d->schedule.alpha_bar[t]);
        d->noise[t] = (float)sqrt(d->schedule.one_minus_alpha_bar[t]);
        d->target_data[t] = (float)data;
        d->target_noise[t] = (float)noise;
    }
    return DDPM_OK;
}

ddpm_status ddpm_diffusion_create(ddpm_schedule *schedule, ddpm_prediction predict, ddpm_variance variance,
                                  ddpm_diffusion *out)
{
    *out = (ddpm_diffusion){.schedule = *schedule, .predict = predict, .variance = variance};
    *schedule = (ddpm_schedule){0};
    const ddpm_status status = build(out);
    if (status != DDPM_OK) ddpm_diffusion_release(out);
    return status;
}

void ddpm_diffusion_release(ddpm_diffusion *diffusion)
{
    ddpm_schedule_release(&diffusion->schedule);
    ddpm_release(diffusion->signal);
    ddpm_release(diffusion->noise);
    ddpm_release(diffusion->target_data);
    ddpm_release(diffusion->target_noise);
    *diffusion = (ddpm_diffusion){0};
}

void ddpm_diffusion_data_coefficients(const ddpm_diffusion *diffusion, int64_t t, double *from_xt, double *from_output)
{
    const double signal = sqrt(diffusion->schedule.alpha_bar[t]),
                 rest = sqrt(diffusion->schedule.one_minus_alpha_bar[t]), beta = diffusion->schedule.beta[t];
    const ddpm_transition step = ddpm_diffusion_transition(diffusion, t, t - 1);
    switch (diffusion->predict) {
    case DDPM_PREDICT_NOISE:
        *from_xt = 1.0 / signal;
        *from_output = -rest / signal;
        break;
    case DDPM_PREDICT_DATA:
        *from_xt = 0.0;
        *from_output = 1.0;
        break;
    case DDPM_PREDICT_VELOCITY:
        *from_xt = signal;
        *from_output = -rest;
        break;
    case DDPM_PREDICT_FLOW:
        *from_xt = 1.0 / (signal + rest);
        *from_output = -rest / (signal + rest);
        break;
    case DDPM_PREDICT_CLASS:
        *from_xt = *from_output = 0.0;
        break;
    case DDPM_PREDICT_MEAN:
    default:
        *from_xt = (sqrt(1.0 - beta) - step.of_xt) / step.of_x0;
        *from_output = sqrt(beta) / step.of_x0;
        break;
    }
}

/* Guidance adds (1 - alpha_bar) / sqrt(alpha_bar) times the gradient to x0, and x0 is linear in the prediction. */
double ddpm_diffusion_guidance(const ddpm_diffusion *diffusion, int64_t t)
{
    const double abar = diffusion->schedule.alpha_bar[t], rest = diffusion->schedule.one_minus_alpha_bar[t];
    double from_xt, from_output;
    if (abar <= 0.0) return 0.0;
    ddpm_diffusion_data_coefficients(diffusion, t, &from_xt, &from_output);
    return rest / sqrt(abar) / from_output;
}

ddpm_transition ddpm_diffusion_transition(const ddpm_diffusion *diffusion, int64_t t, int64_t s)
{
    const double largest_logit = 30.0; /* stands for the infinite one of beta = 1, where no signal is left at T */
    const ddpm_schedule *schedule = &diffusion->schedule;
    const double rest_t = schedule->one_minus_alpha_bar[t], rest_s = schedule->one_minus_alpha_bar[s];
    const double alpha = s == t - 1 ? 1.0 - schedule->beta[t] : schedule->alpha_bar[t] / schedule->alpha_bar[s];
    const double beta = s == t - 1 ? schedule->beta[t] : 1.0 - alpha;
    return (ddpm_transition){
        .of_x0 = sqrt(schedule->alpha_bar[s]) * beta / rest_t,
        .of_xt = sqrt(alpha) * rest_s / rest_t,
        .log_beta = log(beta),
        .log_posterior = s > 0 ? log(beta * rest_s / rest_t) : ddpm_schedule_log_posterior(schedule, 1),
        .logit_beta = fmin(log(beta) - log1p(-beta), largest_logit),
    };
}

int ddpm_variance_is_learned(ddpm_variance variance)
{
    return variance == DDPM_VARIANCE_LEARNED || variance == DDPM_VARIANCE_LEARNED_RANGE;
}

double ddpm_diffusion_log_variance(const ddpm_diffusion *diffusion, const ddpm_transition *transition, double o,
                                   double *slope)
{
    const double range = transition->log_beta - transition->log_posterior,
                 root = 1.0 / sqrt((double)diffusion->schedule.steps);
    double value = transition->log_beta, by_o = 0.0;
    switch (diffusion->variance) {
    case DDPM_VARIANCE_POSTERIOR:
        value = transition->log_posterior;
        break;
    case DDPM_VARIANCE_LEARNED: {
        const double u = o * root + transition->logit_beta;
        value = u > 0.0 ? -log1p(exp(-u)) : u - log1p(exp(u)); /* ln sigmoid(u) */
        by_o = root * -expm1(value);
        break;
    }
    case DDPM_VARIANCE_LEARNED_RANGE:
        value = transition->log_posterior + 0.5 * (o + 1.0) * range;
        by_o = 0.5 * range;
        break;
    case DDPM_VARIANCE_BETA:
    case DDPM_VARIANCE_COUNT:
        break;
    }
    if (slope) *slope = by_o;
    return value;
}

void ddpm_diffusion_noise_rows(const ddpm_diffusion *diffusion, int64_t rows, int64_t columns, const float *x0,
                               const float *noise, const int32_t *t, float *xt, float *target)
{
    for (int64_t row = 0; row < rows; row++) {
        const float signal = diffusion->signal[t[row]], rest = diffusion->noise[t[row]];
        const float data = diffusion->target_data[t[row]], epsilon = diffusion->target_noise[t[row]];
        for (int64_t j = row * columns; j < (row + 1) * columns; j++) {
            xt[j] = signal * x0[j] + rest * noise[j];
            target[j] = data * x0[j] + epsilon * noise[j];
        }
    }
}

void ddpm_diffusion_step_rows(const ddpm_diffusion *diffusion, int64_t rows, int64_t columns, int64_t t,
                              const float *noise, float *x)
{
    const float keep = (float)sqrt(1.0 - diffusion->schedule.beta[t]), add = (float)sqrt(diffusion->schedule.beta[t]);
    for (int64_t i = 0; i < rows * columns; i++) x[i] = keep * x[i] + add * noise[i];
}
