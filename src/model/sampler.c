/* The coefficients of each method, and the loop that all methods share. */
#include "model/sampler.h"

#include "base/auto.h"
#include "base/memory.h"
#include "base/split.h"
#include "kernel/normal.h"

#include <math.h>
#include <string.h>

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

static void make_step(const ddpm_diffusion *diffusion, const ddpm_sampler_spec *spec, int64_t t, int64_t s,
                      const ddpm_sampler_step *before, ddpm_sampler_step *step)
{
    double data_xt, data_output;
    ddpm_diffusion_data_coefficients(diffusion, t, &data_xt, &data_output);
    *step = (ddpm_sampler_step){.t = t, .s = s, .data_xt = (float)data_xt, .data_output = (float)data_output};
    step->transition = ddpm_diffusion_transition(diffusion, t, s);
    switch (spec->sampling.method) {
    case DDPM_METHOD_ANCESTRAL:
        set_ancestral(diffusion, step);
        break;
    case DDPM_METHOD_DDIM:
        set_ddim(diffusion, spec->sampling.eta, step);
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
    if (spec->sampling.corrections > 0) set_correction(diffusion, spec->sampling.correction_ratio, step);
}

static ddpm_status copy_range(int64_t columns, const double *from, float **to)
{
    DDPM_TRY(DDPM_NEW(to, columns, "range of the data"));
    for (int64_t j = 0; j < columns; j++) (*to)[j] = (float)from[j];
    return DDPM_OK;
}

static ddpm_status build(const ddpm_sampler_spec *spec, ddpm_sampler *out)
{
    const int64_t K = out->step_count;
    int64_t *grid = NULL;
    DDPM_TRY(DDPM_NEW(&out->steps, K, "sampling steps"));
    DDPM_TRY(DDPM_NEW(&grid, K + 1, "sampling steps"));
    ddpm_grid_fill(&out->diffusion->schedule, ddpm_sampling_spacing(&spec->sampling), out->diffusion->schedule.steps, K,
                   grid);
    for (int64_t i = 0; i < K; i++)
        make_step(out->diffusion, spec, grid[i], grid[i + 1], i > 0 ? &out->steps[i - 1] : NULL, &out->steps[i]);
    ddpm_release(grid);
    if (!spec->minimum) return DDPM_OK;
    DDPM_TRY(copy_range(out->columns, spec->minimum, &out->minimum));
    return copy_range(out->columns, spec->maximum, &out->maximum);
}

ddpm_status ddpm_sampler_create(const ddpm_diffusion *diffusion, const ddpm_sampler_spec *spec, ddpm_sampler *out)
{
    *out = (ddpm_sampler){
        .diffusion = diffusion,
        .columns = spec->columns,
        .step_count = spec->sampling.steps,
        .corrections = spec->sampling.corrections,
        .learned = spec->sampling.method == DDPM_METHOD_ANCESTRAL && ddpm_variance_is_learned(diffusion->variance),
    };
    if (spec->sampling.steps < 1 || spec->sampling.steps > diffusion->schedule.steps)
        return ddpm_fail(DDPM_ERR_USAGE, "sampling.steps: expected 1 to %lld, the steps of the model, found %lld",
                         (long long)diffusion->schedule.steps, (long long)spec->sampling.steps);
    const ddpm_status status = build(spec, out);
    if (status != DDPM_OK) ddpm_sampler_release(out);
    return status;
}

void ddpm_sampler_release(ddpm_sampler *sampler)
{
    ddpm_release(sampler->steps);
    ddpm_release(sampler->minimum);
    ddpm_release(sampler->maximum);
    *sampler = (ddpm_sampler){0};
}

/* How many steps are taken before snapshot i. */
static int64_t steps_before(const ddpm_sampler *sampler, int64_t snapshots, int64_t i)
{
    return snapshots == 1 ? sampler->step_count : i * sampler->step_count / (snapshots - 1);
}

int64_t ddpm_sampler_snapshot_step(const ddpm_sampler *sampler, int64_t snapshots, int64_t i)
{
    const int64_t taken = steps_before(sampler, snapshots, i);
    return taken == 0 ? sampler->steps[0].t : sampler->steps[taken - 1].s;
}

int64_t ddpm_sampler_scratch(const ddpm_sampler *sampler, int64_t rows)
{
    return 3 * rows * sampler->columns; /* x0, x0 of the step before, and noise */
}

/* NaN stays NaN, so that the samples of a model that has diverged are not taken for good ones; fmaxf would turn it into
 * the minimum. */
static float clip(float value, float minimum, float maximum)
{
    return value < minimum ? minimum : value > maximum ? maximum : value;
}

/* Compute x0 = data_xt x + data_output output, and clip it where a range is given. */
static void predict_data(const ddpm_sampler *sampler, float data_xt, float data_output, const float *x,
                         ddpm_const_matrix output, float *x0)
{
    for (int64_t row = 0; row < output.rows; row++)
        for (int64_t j = 0; j < sampler->columns; j++) {
            const int64_t at = row * sampler->columns + j;
            const float value = data_xt * x[at] + data_output * output.data[row * output.stride + j];
            x0[at] = sampler->minimum ? clip(value, sampler->minimum[j], sampler->maximum[j]) : value;
        }
}

/* Multiply the noise by the standard deviations that the second head of the output gives. */
static void scale_noise(const ddpm_sampler *sampler, const ddpm_sampler_step *step, ddpm_const_matrix output,
                        float *noise)
{
    for (int64_t row = 0; row < output.rows; row++)
        for (int64_t j = 0; j < sampler->columns; j++) {
            const double o = (double)output.data[row * output.stride + sampler->columns + j];
            noise[row * sampler->columns + j] *=
                (float)exp(0.5 * ddpm_diffusion_log_variance(sampler->diffusion, &step->transition, o, NULL));
        }
}

/* A block of rows on its way; all arrays are [rows][D]. */
typedef struct block {
    const ddpm_sampler *sampler;
    const ddpm_denoising *rows;
    int64_t numbers; /* rows x D */
    float *x;        /* x_t */
    float *x0;       /* the data that the network predicts now, or the slope that follows from them */
    float *last;     /* the same of the step before */
    float *noise;
    int64_t pass; /* how often this step has been taken before, in a completion */
} block;

/* Fill x with noise, which is x_T of each row. */
static block begin(const ddpm_sampler *sampler, const ddpm_denoising *rows, float *scratch, float *x)
{
    const int64_t numbers = rows->rows * sampler->columns;
    const ddpm_normal_stream start = {rows->seed, DDPM_RANDOM_START, 0};
    ddpm_normal_rows(rows->kernels, start, rows->first, ddpm_matrix_dense(x, rows->rows, sampler->columns));
    return (block){.sampler = sampler,
                   .rows = rows,
                   .numbers = numbers,
                   .x = x,
                   .x0 = scratch,
                   .last = scratch + numbers,
                   .noise = scratch + 2 * numbers};
}

/* Draw the normal numbers of this pass that belong to `at`, a number below 2^30. */
static void draw_noise(const block *b, ddpm_purpose purpose, int64_t at)
{
    const ddpm_normal_stream stream = {b->rows->seed, purpose, b->pass << 30 | at};
    ddpm_normal_rows(b->rows->kernels, stream, b->rows->first,
                     ddpm_matrix_dense(b->noise, b->rows->rows, b->sampler->columns));
}

static ddpm_const_matrix predict(const block *b, int64_t t)
{
    const ddpm_denoiser *denoiser = b->rows->denoiser;
    return denoiser->predict(denoiser->self, b->rows->first, b->rows->rows, b->x, (int32_t)t);
}

/* A step of two evaluations, at t and at s. It draws no noise, so that its memory is free for what the whole step has
 * but for x0 at s. */
static void take_step_of_two(block *b, const ddpm_sampler_step *step)
{
    predict_data(b->sampler, step->data_xt, step->data_output, b->x, predict(b, step->t), b->x0);
    for (int64_t i = 0; i < b->numbers; i++) {
        b->noise[i] = step->of_x0 * b->x0[i] + step->of_x * b->x[i];
        b->x[i] = step->first_x0 * b->x0[i] + step->first_x * b->x[i];
    }
    predict_data(b->sampler, step->s_data_xt, step->s_data_output, b->x, predict(b, step->s), b->x0);
    for (int64_t i = 0; i < b->numbers; i++) b->x[i] = b->noise[i] + step->of_second * b->x0[i];
}

static void take_step(block *b, const ddpm_sampler_step *step)
{
    const ddpm_sampler *sampler = b->sampler;
    const int64_t numbers = b->numbers;
    if (step->of_second != 0.0f) {
        take_step_of_two(b, step);
        return;
    }
    const int noisy = step->of_noise > 0.0f || (sampler->learned && step->s > 0);
    const ddpm_const_matrix output = predict(b, step->t);
    predict_data(sampler, step->data_xt, step->data_output, b->x, output, b->x0);
    if (step->slope_x0 != 0.0f)
        for (int64_t i = 0; i < numbers; i++) b->x0[i] = step->slope_x0 * b->x0[i] + step->slope_x * b->x[i];
    for (int64_t i = 0; i < numbers; i++) b->x[i] = step->of_x0 * b->x0[i] + step->of_x * b->x[i];
    if (step->of_last != 0.0f)
        for (int64_t i = 0; i < numbers; i++) b->x[i] += step->of_last * b->last[i];
    if (noisy) {
        const float factor = sampler->learned ? 1.0f : step->of_noise;
        draw_noise(b, DDPM_RANDOM_REVERSE, step->t);
        if (sampler->learned) scale_noise(sampler, step, output, b->noise);
        for (int64_t i = 0; i < numbers; i++) b->x[i] += factor * b->noise[i];
    }
    float *spare = b->last;
    b->last = b->x0;
    b->x0 = spare;
}

/* Take Langevin step number c at s. */
static void correct(block *b, const ddpm_sampler_step *step, int64_t c)
{
    predict_data(b->sampler, step->s_data_xt, step->s_data_output, b->x, predict(b, step->s), b->x0);
    draw_noise(b, DDPM_RANDOM_CORRECTION, step->s * b->sampler->corrections + c);
    for (int64_t i = 0; i < b->numbers; i++)
        b->x[i] += step->drift_xt * b->x[i] + step->drift_x0 * b->x0[i] + step->correction_noise * b->noise[i];
}

void ddpm_sampler_run(const ddpm_sampler *sampler, const ddpm_denoising *rows, float *scratch, float *x,
                      ddpm_snapshots snapshots)
{
    block b = begin(sampler, rows, scratch, x);
    int64_t copied = 0;
    for (int64_t i = 0; i <= sampler->step_count; i++) {
        for (; copied < snapshots.count && steps_before(sampler, snapshots.count, copied) == i; copied++)
            memcpy(snapshots.data + copied * snapshots.stride, x, (size_t)b.numbers * sizeof *x);
        if (i == sampler->step_count) break;
        take_step(&b, &sampler->steps[i]);
        for (int64_t c = 0; sampler->steps[i].s > 0 && c < sampler->corrections; c++)
            correct(&b, &sampler->steps[i], c);
    }
}

/* Replace the known entries of x by a draw of q(x_t | x_0 = known). Within a pass it is always the same draw. */
static void put_known(block *b, int64_t t, const float *known)
{
    const float signal = b->sampler->diffusion->signal[t], noise = b->sampler->diffusion->noise[t];
    draw_noise(b, DDPM_RANDOM_KNOWN, t);
    for (int64_t i = 0; i < b->numbers; i++)
        if (!isnan(known[i])) b->x[i] = signal * known[i] + noise * b->noise[i];
}

/* Go from s back to t: x_s becomes a draw of q(x_t | x_s). */
static void go_back(block *b, const ddpm_sampler_step *step)
{
    const ddpm_schedule *schedule = &b->sampler->diffusion->schedule;
    const double ratio = schedule->alpha_bar[step->t] / schedule->alpha_bar[step->s];
    const float signal = (float)sqrt(ratio), noise = (float)positive_root(1.0 - ratio);
    draw_noise(b, DDPM_RANDOM_BACK, step->t);
    for (int64_t i = 0; i < b->numbers; i++) b->x[i] = signal * b->x[i] + noise * b->noise[i];
}

static void complete_step(block *b, const ddpm_sampler_step *step, const float *known)
{
    take_step(b, step);
    put_known(b, step->s, known);
    for (int64_t c = 0; step->s > 0 && c < b->sampler->corrections; c++) {
        correct(b, step, c);
        put_known(b, step->s, known);
    }
}

void ddpm_sampler_complete(const ddpm_sampler *sampler, const ddpm_denoising *rows, float *scratch, const float *known,
                           int64_t passes, float *x)
{
    block b = begin(sampler, rows, scratch, x);
    put_known(&b, sampler->steps[0].t, known);
    for (int64_t i = 0; i < sampler->step_count; i++) {
        const ddpm_sampler_step *step = &sampler->steps[i];
        b.pass = 0;
        complete_step(&b, step, known);
        while (step->s > 0 && ++b.pass < passes) {
            go_back(&b, step);
            complete_step(&b, step, known);
        }
    }
}
