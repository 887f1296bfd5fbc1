/* The forward process, the targets, the simple loss. */
#include "ddpm/model/diffusion.h"

#include "ddpm/base/memory.h"
#include "ddpm/base/random.h"

#include <math.h>

/* target = *data x0 + *noise epsilon */
static void target_coefficients(const ddpm_diffusion *d, int64_t t, double *data, double *noise)
{
    const double signal = sqrt(d->schedule.alpha_bar[t]), rest = sqrt(d->schedule.one_minus_alpha_bar[t]);
    double of_x0, of_xt, variance;
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
    case DDPM_PREDICT_MEAN:
    default:
        ddpm_diffusion_posterior(d, t, t - 1, &of_x0, &of_xt, &variance);
        *data = of_x0 + of_xt * signal;
        *noise = of_xt * rest;
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
                 rest = sqrt(diffusion->schedule.one_minus_alpha_bar[t]);
    double of_x0, of_xt, variance;
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
    case DDPM_PREDICT_MEAN:
    default:
        ddpm_diffusion_posterior(diffusion, t, t - 1, &of_x0, &of_xt, &variance);
        *from_xt = -of_xt / of_x0;
        *from_output = 1.0 / of_x0;
        break;
    }
}

void ddpm_diffusion_posterior(const ddpm_diffusion *diffusion, int64_t t, int64_t s, double *of_x0, double *of_xt,
                              double *variance)
{
    const ddpm_schedule *schedule = &diffusion->schedule;
    const double rest_t = schedule->one_minus_alpha_bar[t], rest_s = schedule->one_minus_alpha_bar[s];
    const double alpha = s == t - 1 ? 1.0 - schedule->beta[t] : schedule->alpha_bar[t] / schedule->alpha_bar[s];
    const double beta = s == t - 1 ? schedule->beta[t] : 1.0 - alpha;
    *of_x0 = sqrt(schedule->alpha_bar[s]) * beta / rest_t;
    *of_xt = sqrt(alpha) * rest_s / rest_t;
    *variance = 0.0;
    if (s == 0) return;
    *variance = diffusion->variance == DDPM_VARIANCE_BETA ? beta : beta * rest_s / rest_t;
}

void ddpm_diffusion_draw_steps(const ddpm_diffusion *diffusion, uint64_t seed, int64_t iteration, int64_t first,
                               int64_t rows, int32_t *t)
{
    for (int64_t i = 0; i < rows; i++) {
        const ddpm_random4 words = ddpm_random_words(seed, DDPM_RANDOM_TIMESTEP, iteration, first + i, 0);
        t[i] = (int32_t)(1 + ddpm_random_below(words.v[0], diffusion->schedule.steps));
    }
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

double ddpm_loss_simple(int64_t rows, int64_t columns, const float *output, int64_t stride, const float *target,
                        double weight, float *doutput)
{
    const float slope = (float)(2.0 * weight);
    double sum = 0.0;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t j = 0; j < columns; j++) {
            const float error = output[row * stride + j] - target[row * columns + j];
            sum += (double)error * (double)error;
            if (doutput) doutput[row * stride + j] = slope * error;
        }
    return weight * sum;
}
