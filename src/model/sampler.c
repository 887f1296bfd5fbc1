/* Ancestral sampling on a grid of steps. */
#include "ddpm/model/sampler.h"

#include "ddpm/base/memory.h"
#include "ddpm/kernel/normal.h"

#include <math.h>
#include <string.h>

/* Grid point i of `steps`: 0 for i = 0, T for i = steps, strictly rising in between since T / steps is at least 1. */
static int64_t grid_point(int64_t T, int64_t steps, int64_t i)
{
    return (2 * i * T + steps) / (2 * steps);
}

static ddpm_sampler_step make_step(const ddpm_diffusion *diffusion, int64_t t, int64_t s)
{
    double data_xt, data_output, of_x0, of_xt, variance;
    ddpm_diffusion_data_coefficients(diffusion, t, &data_xt, &data_output);
    ddpm_diffusion_posterior(diffusion, t, s, &of_x0, &of_xt, &variance);
    return (ddpm_sampler_step){
        .t = t,
        .s = s,
        .data_xt = (float)data_xt,
        .data_output = (float)data_output,
        .mean_x0 = (float)of_x0,
        .mean_xt = (float)of_xt,
        .deviation = (float)sqrt(variance),
        .x_xt = (float)(of_x0 * data_xt + of_xt),
        .x_output = (float)(of_x0 * data_output),
    };
}

static ddpm_status copy_range(int64_t columns, const double *from, float **to)
{
    DDPM_TRY(DDPM_NEW(to, columns, "range of the data"));
    for (int64_t j = 0; j < columns; j++) (*to)[j] = (float)from[j];
    return DDPM_OK;
}

static ddpm_status build(const ddpm_diffusion *diffusion, const double *minimum, const double *maximum,
                         ddpm_sampler *out)
{
    const int64_t T = diffusion->schedule.steps, K = out->step_count;
    DDPM_TRY(DDPM_NEW(&out->steps, K, "sampling steps"));
    for (int64_t i = 0; i < K; i++)
        out->steps[i] = make_step(diffusion, grid_point(T, K, K - i), grid_point(T, K, K - i - 1));
    if (!minimum) return DDPM_OK;
    DDPM_TRY(copy_range(out->columns, minimum, &out->minimum));
    return copy_range(out->columns, maximum, &out->maximum);
}

ddpm_status ddpm_sampler_create(const ddpm_diffusion *diffusion, int64_t columns, int64_t steps, const double *minimum,
                                const double *maximum, ddpm_sampler *out)
{
    *out = (ddpm_sampler){.columns = columns, .step_count = steps};
    if (steps < 1 || steps > diffusion->schedule.steps)
        return ddpm_fail(DDPM_ERR_USAGE, "%lld sampling steps asked for; the model has 1 to %lld", (long long)steps,
                         (long long)diffusion->schedule.steps);
    const ddpm_status status = build(diffusion, minimum, maximum, out);
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

/* Steps taken before snapshot i. */
static int64_t steps_before(const ddpm_sampler *sampler, int64_t snapshots, int64_t i)
{
    return snapshots == 1 ? sampler->step_count : i * sampler->step_count / (snapshots - 1);
}

int64_t ddpm_sampler_snapshot_step(const ddpm_sampler *sampler, int64_t snapshots, int64_t i)
{
    const int64_t taken = steps_before(sampler, snapshots, i);
    return taken == 0 ? sampler->steps[0].t : sampler->steps[taken - 1].s;
}

static void take_step(const ddpm_sampler_step *step, int64_t rows, int64_t columns, const float *output, int64_t stride,
                      const float *noise, float *x)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t j = 0; j < columns; j++) {
            const int64_t at = row * columns + j;
            x[at] = step->x_xt * x[at] + step->x_output * output[row * stride + j];
            if (step->deviation > 0.0f) x[at] += step->deviation * noise[at];
        }
}

static void take_clipped_step(const ddpm_sampler *sampler, const ddpm_sampler_step *step, int64_t rows,
                              const float *output, int64_t stride, const float *noise, float *x)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t j = 0; j < sampler->columns; j++) {
            const int64_t at = row * sampler->columns + j;
            const float x0 = step->data_xt * x[at] + step->data_output * output[row * stride + j];
            const float clipped = fminf(fmaxf(x0, sampler->minimum[j]), sampler->maximum[j]);
            x[at] = step->mean_x0 * clipped + step->mean_xt * x[at];
            if (step->deviation > 0.0f) x[at] += step->deviation * noise[at];
        }
}

void ddpm_sampler_run(const ddpm_sampler *sampler, const ddpm_kernels *kernels, const ddpm_denoiser *denoiser,
                      uint64_t seed, int64_t first, int64_t rows, float *scratch, float *x, int64_t snapshots,
                      float *trajectory, int64_t snapshot_stride)
{
    const int64_t columns = sampler->columns;
    int64_t shown = 0;
    ddpm_normal_rows(kernels, seed, DDPM_RANDOM_START, 0, first, rows, columns, x);
    for (int64_t i = 0; i <= sampler->step_count; i++) {
        for (; shown < snapshots && steps_before(sampler, snapshots, shown) == i; shown++)
            memcpy(trajectory + shown * snapshot_stride, x, (size_t)(rows * columns) * sizeof *x);
        if (i == sampler->step_count) break;

        const ddpm_sampler_step *step = &sampler->steps[i];
        int64_t stride;
        const float *output = denoiser->predict(denoiser->self, rows, x, (int32_t)step->t, &stride);
        if (step->deviation > 0.0f)
            ddpm_normal_rows(kernels, seed, DDPM_RANDOM_REVERSE, step->t, first, rows, columns, scratch);
        if (sampler->minimum)
            take_clipped_step(sampler, step, rows, output, stride, scratch, x);
        else
            take_step(step, rows, columns, output, stride, scratch, x);
    }
}
