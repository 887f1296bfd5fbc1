/* The terms of the variational bound. */
#include "model/bound.h"

#include "base/memory.h"
#include "kernel/normal.h"
#include "model/constants.h"

#include <math.h>

ddpm_status ddpm_bound_memory_create(int64_t rows, int64_t columns, ddpm_bound_memory *out)
{
    *out = (ddpm_bound_memory){.columns = columns};
    DDPM_TRY(DDPM_NEW(&out->noise, rows * columns, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&out->xt, rows * columns, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&out->target, rows * columns, "a block of rows"));
    return DDPM_NEW(&out->t, rows, "a block of rows");
}

void ddpm_bound_memory_release(ddpm_bound_memory *memory)
{
    ddpm_release(memory->noise);
    ddpm_release(memory->xt);
    ddpm_release(memory->target);
    ddpm_release(memory->t);
    *memory = (ddpm_bound_memory){0};
}

void ddpm_bound_terms(const ddpm_objective *objective, const ddpm_denoising *rows, const float *x0, int32_t t,
                      ddpm_bound_memory *memory, double *terms)
{
    const int64_t count = rows->rows, columns = memory->columns;
    const ddpm_denoiser *denoiser = rows->denoiser;
    const ddpm_normal_stream stream = {rows->seed, DDPM_RANDOM_BOUND, t};
    for (int64_t i = 0; i < count; i++) memory->t[i] = t;
    ddpm_normal_rows(rows->kernels, stream, rows->first, ddpm_matrix_dense(memory->noise, count, columns));
    ddpm_diffusion_noise_rows(objective->diffusion, count, columns, x0, memory->noise, memory->t, memory->xt,
                              memory->target);
    const ddpm_const_matrix output = denoiser->predict(denoiser->self, rows->first, count, memory->xt, t);
    for (int64_t i = 0; i < count; i++)
        terms[i] = ddpm_objective_term(objective, columns, memory->left_out, output.data + i * output.stride,
                                       memory->target + i * columns, t);
}

static double squares_of(int64_t columns, const float *x0)
{
    double sum = 0.0;
    for (int64_t j = 0; j < columns; j++) sum += (double)x0[j] * (double)x0[j];
    return sum;
}

double ddpm_bound_prior(const ddpm_schedule *schedule, int64_t columns, const float *x0)
{
    const double abar = schedule->alpha_bar[schedule->steps], rest = schedule->one_minus_alpha_bar[schedule->steps];
    return 0.5 * (abar * (squares_of(columns, x0) - (double)columns) - (double)columns * log(rest));
}

double ddpm_bound_first_entropy(const ddpm_schedule *schedule, int64_t columns)
{
    return 0.5 * (double)columns * (1.0 + DDPM_LN_2PI + log(schedule->beta[1]));
}

double ddpm_bound_last_entropy(const ddpm_schedule *schedule, int64_t columns)
{
    return 0.5 * (double)columns * (1.0 + DDPM_LN_2PI + log(schedule->one_minus_alpha_bar[schedule->steps]));
}

double ddpm_bound_first_step(const ddpm_schedule *schedule, int64_t columns, const float *x0)
{
    return ddpm_bound_first_entropy(schedule, columns) +
           0.5 * schedule->beta[1] * (squares_of(columns, x0) - (double)columns);
}
