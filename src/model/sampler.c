/* The loop that all methods share. */
#include "model/sampler.h"

#include "base/memory.h"
#include "kernel/normal.h"

#include <math.h>
#include <string.h>

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
        ddpm_method_step(out->diffusion, &spec->sampling, grid[i], grid[i + 1], i > 0 ? &out->steps[i - 1] : NULL,
                         &out->steps[i]);
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
    const float signal = (float)sqrt(ratio), noise = (float)sqrt(fmax(0.0, 1.0 - ratio));
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
