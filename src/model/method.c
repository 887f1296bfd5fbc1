/* The coefficients of each method's steps. */
#include "model/method.h"

#include "base/auto.h"
#include "base/split.h"

#include <math.h>
#include <stddef.h>

int64_t ddpm_sampling_steps(const ddpm_sampling *sampling, int64_t T)
{
    if (sampling->steps == 0) return T;
    if (sampling->steps != DDPM_AUTO) return sampling->steps;
    if (sampling->method != DDPM_METHOD_ANCESTRAL && sampling->method != DDPM_METHOD_DDIM)
        return ddpm_smaller(DDPM_SAMPLING_STEPS_AUTO, T);
    return T;
}

int ddpm_method_extrapolates(ddpm_method method)
{
    return method == DDPM_METHOD_DPM_SOLVER || method == DDPM_METHOD_ADAMS;
}

ddpm_spacing ddpm_sampling_spacing(const ddpm_sampling *sampling)
{
    if (sampling->spacing != DDPM_SPACING_AUTO) return sampling->spacing;
    return sampling->method == DDPM_METHOD_ADAMS ? DDPM_SPACING_ANGLE : DDPM_SPACING_LOG_SNR;
}

static double positive_root(double x)
{
    return x > 0.0 ? sqrt(x) : 0.0;
}

static void set_ancestral(const ddpm_diffusion *diffusion, ddpm_sampler_step *step)
{
    const ddpm_transition *transition = &step->transition;
    step->of_x0 = (float)transition->of_x0;
    step->of_x = (float)transition->of_xt;
    if (step->s == 0 || ddpm_variance_is_learned(diffusion->variance)) return;
    step->of_noise = (float)exp(0.5 * ddpm_diffusion_log_variance(diffusion, transition, 0.0, NULL));
}

/* x_s = sqrt(abar_s) x0 + sqrt(1 - abar_s - sigma^2) epsilon + sigma z,
 * where epsilon = (x - sqrt(abar_t) x0) / sqrt(1 - abar_t). */
static void set_ddim(const ddpm_diffusion *diffusion, double eta, ddpm_sampler_step *step)
{
    const ddpm_schedule *schedule = &diffusion->schedule;
    const double abar_t = schedule->alpha_bar[step->t], rest_t = schedule->one_minus_alpha_bar[step->t];
    const double abar_s = schedule->alpha_bar[step->s], rest_s = schedule->one_minus_alpha_bar[step->s];
    const double sigma = eta * positive_root(rest_s / rest_t) * positive_root(1.0 - abar_t / abar_s);
    const double of_x = positive_root(rest_s - sigma * sigma) / sqrt(rest_t);
    step->of_x0 = (float)(sqrt(abar_s) - of_x * sqrt(abar_t));
    step->of_x = (float)of_x;
    step->of_noise = (float)sigma;
}

/* Half the logarithm of the signal-to-noise ratio. It is infinite at t = 0, and at T where no signal is left. */
static double lambda_of(const ddpm_schedule *schedule, int64_t t)
{
    return 0.5 * (log(schedule->alpha_bar[t]) - log(schedule->one_minus_alpha_bar[t]));
}

/* x_s = (sigma_s / sigma_t) x - alpha_s (exp(-h) - 1) D with D = (1 + 1/(2r)) x0 - 1/(2r) x0', where h is the step in
 * lambda and r its ratio to the step before it, `before`. The first step, which has none (NULL), and the last one are
 * of first order: there D = x0. */
static void set_dpm_solver(const ddpm_diffusion *diffusion, const ddpm_sampler_step *before, ddpm_sampler_step *step)
{
    const ddpm_schedule *schedule = &diffusion->schedule;
    const double h = lambda_of(schedule, step->s) - lambda_of(schedule, step->t);
    const double gain = -sqrt(schedule->alpha_bar[step->s]) * expm1(-h);
    double extra = 0.0; /* 1 / (2 r) */
    if (before && step->s > 0) {
        const double h_before = lambda_of(schedule, before->s) - lambda_of(schedule, before->t);
        extra = isfinite(h_before) ? h / (2.0 * h_before) : 0.0;
    }
    step->of_x0 = (float)(gain * (1.0 + extra));
    step->of_last = (float)(-gain * extra);
    step->of_x = (float)sqrt(schedule->one_minus_alpha_bar[step->s] / schedule->one_minus_alpha_bar[step->t]);
}

/* A Langevin step at s is x + delta score + sqrt(2 delta) z (Welling and Teh 2011), where the score is
 * -epsilon / sqrt(1 - abar) = (sqrt(abar) x0 - x) / (1 - abar). The step size delta = 2 r^2 (1 - abar) is that of Song
 * et al. 2021, but with the mean of the noise's norm in place of the norm itself, so that rows do not depend on each
 * other.
 */
static void set_correction(const ddpm_diffusion *diffusion, double ratio, ddpm_sampler_step *step)
{
    const double rest = diffusion->schedule.one_minus_alpha_bar[step->s], strength = 2.0 * ratio * ratio;
    if (step->s == 0) return;
    step->drift_xt = (float)-strength;
    step->drift_x0 = (float)(strength * sqrt(diffusion->schedule.alpha_bar[step->s]));
    step->correction_noise = (float)sqrt(2.0 * strength * rest);
}

/* The angle of cosine sqrt(abar) and sine sqrt(1 - abar). */
static double angle_of(const ddpm_schedule *schedule, int64_t t)
{
    return atan2(sqrt(schedule->one_minus_alpha_bar[t]), sqrt(schedule->alpha_bar[t]));
}

/* With the angle phi of cosine sqrt(abar) and sine sqrt(1 - abar), the flow is dx/dphi = v = cot(phi) x - x0 /
 * sin(phi). In this variable v is 0 for standard normal data, so that every step is exact there, and finite where no
 * signal is left. The first half of a step is Euler's, x' = x + h v, and the whole step takes the mean of the slopes at
 * t and, from x', at s. The last step, which ends at the data, goes to x0. */
static void set_heun(const ddpm_diffusion *diffusion, ddpm_sampler_step *step)
{
    const ddpm_schedule *schedule = &diffusion->schedule;
    const double cos_t = sqrt(schedule->alpha_bar[step->t]), sin_t = sqrt(schedule->one_minus_alpha_bar[step->t]);
    const double cos_s = sqrt(schedule->alpha_bar[step->s]), sin_s = sqrt(schedule->one_minus_alpha_bar[step->s]);
    const double h = angle_of(schedule, step->s) - angle_of(schedule, step->t);
    if (step->s == 0) {
        step->of_x0 = 1.0f;
        return;
    }
    const double first_x = 1.0 + h * cos_t / sin_t, first_x0 = -h / sin_t;
    step->first_x = (float)first_x;
    step->first_x0 = (float)first_x0;
    step->of_x = (float)(1.0 + 0.5 * h * (cos_t / sin_t + cos_s / sin_s * first_x));
    step->of_x0 = (float)(0.5 * h * (cos_s / sin_s * first_x0 - 1.0 / sin_t));
    step->of_second = (float)(-0.5 * h / sin_s);
}

/* The same flow, whose slope is v = slope_x0 x0 + slope_x x: x_s = x + h ((1 + r) v - r v'), where v' is the slope one
 * step before, and r is half the ratio of this step to that one. The first step has none and is Euler's. */
static void set_adams(const ddpm_diffusion *diffusion, const ddpm_sampler_step *before, ddpm_sampler_step *step)
{
    const ddpm_schedule *schedule = &diffusion->schedule;
    const double at = angle_of(schedule, step->t), h = angle_of(schedule, step->s) - at;
    const double r = before ? 0.5 * h / (at - angle_of(schedule, before->t)) : 0.0;
    if (step->s == 0) {
        step->of_x0 = 1.0f;
        return;
    }
    step->slope_x0 = (float)(-1.0 / sin(at));
    step->slope_x = (float)(1.0 / tan(at));
    step->of_x = 1.0f;
    step->of_x0 = (float)(h * (1.0 + r));
    step->of_last = (float)(-h * r);
}

/* The coefficients of x0 at s, where a corrector or the second half of a step evaluates the network. */
static void set_data_at_end(const ddpm_diffusion *diffusion, ddpm_sampler_step *step)
{
    double data_xt, data_output;
    if (step->s == 0) return;
    ddpm_diffusion_data_coefficients(diffusion, step->s, &data_xt, &data_output);
    step->s_data_xt = (float)data_xt;
    step->s_data_output = (float)data_output;
}

void ddpm_method_step(const ddpm_diffusion *diffusion, const ddpm_sampling *sampling, int64_t t, int64_t s,
                      const ddpm_sampler_step *before, ddpm_sampler_step *step)
{
    double data_xt, data_output;
    ddpm_diffusion_data_coefficients(diffusion, t, &data_xt, &data_output);
    *step = (ddpm_sampler_step){.t = t, .s = s, .data_xt = (float)data_xt, .data_output = (float)data_output};
    step->transition = ddpm_diffusion_transition(diffusion, t, s);
    switch (sampling->method) {
    case DDPM_METHOD_ANCESTRAL:
        set_ancestral(diffusion, step);
        break;
    case DDPM_METHOD_DDIM:
        set_ddim(diffusion, sampling->eta, step);
        break;
    case DDPM_METHOD_DPM_SOLVER:
        set_dpm_solver(diffusion, before, step);
        break;
    case DDPM_METHOD_HEUN:
        set_heun(diffusion, step);
        break;
    case DDPM_METHOD_ADAMS:
        set_adams(diffusion, before, step);
        break;
    case DDPM_METHOD_COUNT:
        break;
    }
    set_data_at_end(diffusion, step);
    if (sampling->corrections > 0) set_correction(diffusion, sampling->correction_ratio, step);
}
