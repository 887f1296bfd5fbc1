/** Samples of a normal density, and of any other whose exact denoiser stands in place of a network. */
#ifndef DDPM_TESTS_EXACT_SAMPLING_H
#define DDPM_TESTS_EXACT_SAMPLING_H

#include "cosine_diffusion.h"

#include "model/sampler.h"

enum { T = 100, BLOCK = 64, MOST = 20000 };

static const double mean = 0.7, deviation = 0.4; /* of the one-dimensional normal density */

static inline ddpm_sampler create_corrected(const ddpm_diffusion *d, int method, int64_t columns, int64_t steps,
                                            int64_t corrections)
{
    const ddpm_sampler_spec spec = {.sampling.method = (ddpm_method)method,
                                    .columns = columns,
                                    .sampling.steps = steps,
                                    .sampling.corrections = corrections,
                                    .sampling.correction_ratio = 0.16};
    ddpm_sampler sampler;
    expect_ok(ddpm_sampler_create(d, &spec, &sampler));
    return sampler;
}

/* E[x0 | x_t] of N(mean, deviation^2). */
static double normal_x0(const ddpm_schedule *schedule, int64_t t, double x)
{
    const double abar = schedule->alpha_bar[t], v = deviation * deviation;
    return mean + sqrt(abar) * v / (abar * v + 1.0 - abar) * (x - sqrt(abar) * mean);
}

typedef struct normal {
    const ddpm_diffusion *diffusion;
    float head; /* the output of the second head */
    float out[2 * BLOCK];
} normal;

static inline ddpm_const_matrix predict(void *self, int64_t first, int64_t rows, const float *xt, int32_t t)
{
    normal *n = self;
    const ddpm_schedule *schedule = &n->diffusion->schedule;
    (void)first;
    for (int64_t i = 0; i < rows; i++) {
        const double x0 = normal_x0(schedule, t, (double)xt[i]), abar = schedule->alpha_bar[t];
        const double noise = ((double)xt[i] - sqrt(abar) * x0) / sqrt(1.0 - abar);
        n->out[2 * i] = (float)(n->diffusion->predict == DDPM_PREDICT_DATA ? x0 : noise);
        n->out[2 * i + 1] = n->head;
    }
    return (ddpm_const_matrix){n->out, rows, 2, 2, 0};
}

static inline void draw(const ddpm_sampler *sampler, const ddpm_denoiser *denoiser, int64_t count, float *x)
{
    float scratch[3 * BLOCK * 2];
    for (int64_t first = 0; first < count; first += BLOCK) {
        const int64_t rows = count - first < BLOCK ? count - first : BLOCK;
        ddpm_sampler_run(sampler,
                         &(ddpm_denoising){denoiser, ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), 8, first, rows},
                         scratch, x + first * sampler->columns, (ddpm_snapshots){0});
    }
}

static inline void draw_normal(const ddpm_sampler *sampler, float head, int64_t count, float *x)
{
    normal n = {.diffusion = sampler->diffusion, .head = head};
    draw(sampler, &(ddpm_denoiser){predict, &n}, count, x);
}

#endif
