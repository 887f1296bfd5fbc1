/* The losses of a block and their gradients. */
#include "model/objective.h"

#include "base/memory.h"
#include "model/constants.h"

#include <math.h>

/* The weight that turns the squared error of the prediction into that of the noise, whose error is that of x0 times
 * sqrt(SNR). */
static double noise_weight(const ddpm_diffusion *diffusion, int64_t t)
{
    const ddpm_schedule *s = &diffusion->schedule;
    const double snr = s->alpha_bar[t] / s->one_minus_alpha_bar[t];
    double from_xt, from_output;
    if (diffusion->predict == DDPM_PREDICT_NOISE) return 1.0;
    ddpm_diffusion_data_coefficients(diffusion, t, &from_xt, &from_output);
    return snr * from_output * from_output;
}

static double weight_of(const ddpm_diffusion *diffusion, ddpm_weighting weighting, double gamma, int64_t t)
{
    const ddpm_schedule *s = &diffusion->schedule;
    const double snr = s->alpha_bar[t] / s->one_minus_alpha_bar[t];
    switch (weighting) {
    case DDPM_WEIGHTING_NOISE:
        return noise_weight(diffusion, t);
    case DDPM_WEIGHTING_MIN_SNR:
        return snr > gamma ? noise_weight(diffusion, t) * gamma / snr : noise_weight(diffusion, t);
    case DDPM_WEIGHTING_NONE:
    case DDPM_WEIGHTING_COUNT:
        break;
    }
    return 1.0;
}

static ddpm_status build(ddpm_objective *o, ddpm_weighting weighting, double gamma)
{
    const int64_t T = o->diffusion->schedule.steps;
    DDPM_TRY(DDPM_NEW(&o->weight, T + 1, "weights of the loss"));
    DDPM_TRY(DDPM_NEW(&o->mean_slope, T + 1, "weights of the loss"));
    DDPM_TRY(DDPM_NEW(&o->transition, T + 1, "transitions"));
    for (int64_t t = 1; t <= T; t++) {
        double from_xt, from_output;
        ddpm_diffusion_data_coefficients(o->diffusion, t, &from_xt, &from_output);
        o->weight[t] = (float)weight_of(o->diffusion, weighting, gamma, t);
        o->transition[t] = ddpm_diffusion_transition(o->diffusion, t, t - 1);
        o->mean_slope[t] = (float)(o->transition[t].of_x0 * from_output);
    }
    return DDPM_OK;
}

ddpm_status ddpm_objective_create(const ddpm_diffusion *diffusion, ddpm_loss loss, double lambda,
                                  ddpm_weighting weighting, double gamma, ddpm_objective *out)
{
    *out = (ddpm_objective){.diffusion = diffusion, .loss = loss, .lambda = lambda};
    const ddpm_status status = build(out, weighting, gamma);
    if (status != DDPM_OK) ddpm_objective_release(out);
    return status;
}

void ddpm_objective_release(ddpm_objective *objective)
{
    ddpm_release(objective->weight);
    ddpm_release(objective->mean_slope);
    ddpm_release(objective->transition);
    *objective = (ddpm_objective){0};
}

/* The share of one column in the bound's term at t, and its derivatives by the prediction and by the variance head. */
static double term(const ddpm_objective *o, int64_t t, double error, double head, double *by_prediction,
                   double *by_head)
{
    const ddpm_transition *transition = &o->transition[t];
    const double slope = (double)o->mean_slope[t], gap = slope * error;
    double variance_slope;
    const double log_variance = ddpm_diffusion_log_variance(o->diffusion, transition, head, &variance_slope);
    const double precision = exp(-log_variance), scaled = gap * gap * precision;
    *by_prediction = slope * gap * precision;
    if (t == 1) { /* -ln N(x0; mean, variance) */
        *by_head = 0.5 * (1.0 - scaled) * variance_slope;
        return 0.5 * (DDPM_LN_2PI + log_variance + scaled);
    }
    const double ratio = exp(transition->log_posterior - log_variance);
    *by_head = 0.5 * (1.0 - ratio - scaled) * variance_slope;
    return 0.5 * (log_variance - transition->log_posterior - 1.0 + ratio + scaled);
}

double ddpm_objective_term(const ddpm_objective *objective, int64_t columns, const uint8_t *left_out,
                           const float *output, const float *target, int64_t t)
{
    const int learned = ddpm_variance_is_learned(objective->diffusion->variance);
    double sum = 0.0, by_prediction, by_head;
    for (int64_t j = 0; j < columns; j++)
        if (!left_out || !left_out[j])
            sum += term(objective, t, (double)output[j] - (double)target[j],
                        learned ? (double)output[columns + j] : 0.0, &by_prediction, &by_head);
    return sum;
}

/* The loss of a row per column, and unless doutput is NULL the gradients of `scale` times it. */
static double row_of(const ddpm_objective *o, int64_t columns, const float *output, const float *target, int64_t t,
                     double scale, float *doutput)
{
    const int learned = ddpm_variance_is_learned(o->diffusion->variance);
    const double squares = o->loss == DDPM_LOSS_VLB ? 0.0 : (double)o->weight[t] / (double)columns;
    const double T = (double)o->diffusion->schedule.steps;
    const double bound = (o->loss == DDPM_LOSS_SIMPLE ? 0.0
                          : o->loss == DDPM_LOSS_VLB  ? T
                                                      : o->lambda * T) /
                         (double)columns;
    double sum = 0.0;
    for (int64_t j = 0; j < columns; j++) {
        const double error = (double)output[j] - (double)target[j];
        double by_prediction = 2.0 * squares * error, by_head = 0.0;
        sum += squares * error * error;
        if (bound > 0.0) {
            double p, h;
            sum += bound * term(o, t, error, learned ? (double)output[columns + j] : 0.0, &p, &h);
            if (o->loss == DDPM_LOSS_VLB)
                by_prediction += bound * p; /* in the hybrid loss the mean is detached from it */
            by_head = bound * h;
        }
        if (!doutput) continue;
        doutput[j] = (float)(scale * by_prediction);
        if (learned) doutput[columns + j] = (float)(scale * by_head);
    }
    return sum;
}

/* The same for the simplified loss without a learned variance, the common case: in float32 like the rest of an
 * iteration. */
static double simple_row(int64_t columns, const float *output, const float *target, double weight, double scale,
                         float *doutput)
{
    const float slope = (float)(2.0 * weight * scale / (double)columns);
    double sum = 0.0;
    for (int64_t j = 0; j < columns; j++) {
        const float error = output[j] - target[j];
        sum += (double)error * (double)error;
        if (doutput) doutput[j] = slope * error;
    }
    return weight * sum / (double)columns;
}

double ddpm_objective_rows(const ddpm_objective *objective, ddpm_const_matrix output, ddpm_const_matrix target,
                           const int32_t *t, const float *importance, double share, ddpm_matrix doutput,
                           float *row_loss)
{
    const int simple = objective->loss == DDPM_LOSS_SIMPLE && !ddpm_variance_is_learned(objective->diffusion->variance);
    double sum = 0.0;
    for (int64_t row = 0; row < output.rows; row++) {
        const double scale = share * (importance ? (double)importance[row] : 1.0);
        const float *out = output.data + row * output.stride, *wanted = target.data + row * target.stride;
        float *d = doutput.data ? doutput.data + row * doutput.stride : NULL;
        const double loss = simple
                                ? simple_row(target.columns, out, wanted, (double)objective->weight[t[row]], scale, d)
                                : row_of(objective, target.columns, out, wanted, t[row], scale, d);
        if (row_loss) row_loss[row] = (float)loss;
        sum += scale * loss;
    }
    return sum;
}
