/** A mixture of isotropic Gaussians and its optimal noise prediction in closed form, with derivatives: what a network
 * would be at the end of perfect training. */
#ifndef DDPM_TESTS_MIXTURE_H
#define DDPM_TESTS_MIXTURE_H

#include "expect.h"

#include "kernel/normal.h"
#include "model/likelihood.h"

enum { MIXTURE_PARTS = 3, MIXTURE_ROWS = 64, MIXTURE_COLUMNS = 24 };

typedef struct mixture {
    const ddpm_schedule *schedule;
    int64_t columns;
    double share[MIXTURE_PARTS], deviation[MIXTURE_PARTS], mean[MIXTURE_PARTS][MIXTURE_COLUMNS];
    float xt[MIXTURE_ROWS * MIXTURE_COLUMNS], output[MIXTURE_ROWS * MIXTURE_COLUMNS];
} mixture;

/** Near mean 0 and variance 1 in its first columns, as standardised data are. */
static inline mixture mixture_make(const ddpm_schedule *schedule, int64_t columns)
{
    mixture m = {.schedule = schedule, .columns = columns, .share = {0.5, 0.3, 0.2}, .deviation = {0.3, 0.2, 0.5}};
    const double place[MIXTURE_PARTS][2] = {{-0.9, 0.4}, {1.1, 0.8}, {0.6, -1.9}};
    for (int k = 0; k < MIXTURE_PARTS; k++)
        for (int64_t j = 0; j < columns; j++) m.mean[k][j] = place[k][j % 2] * (j % 4 < 2 ? 1.0 : -1.0);
    return m;
}

/* Of q(x_t): log density; each part's share of it at x, its variance. */
static inline double mixture_parts(const mixture *m, int64_t t, const float *x, double *posterior, double *variance)
{
    const double abar = m->schedule->alpha_bar[t], rest = m->schedule->one_minus_alpha_bar[t];
    double logs[MIXTURE_PARTS], largest = -INFINITY, sum = 0.0;
    for (int k = 0; k < MIXTURE_PARTS; k++) {
        double squares = 0.0;
        variance[k] = abar * m->deviation[k] * m->deviation[k] + rest;
        for (int64_t j = 0; j < m->columns; j++) squares += pow((double)x[j] - sqrt(abar) * m->mean[k][j], 2.0);
        logs[k] = log(m->share[k]) -
                  0.5 * (squares / variance[k] + (double)m->columns * log(6.283185307179586 * variance[k]));
        largest = fmax(largest, logs[k]);
    }
    for (int k = 0; k < MIXTURE_PARTS; k++) sum += posterior[k] = exp(logs[k] - largest);
    for (int k = 0; k < MIXTURE_PARTS; k++) posterior[k] /= sum;
    return largest + log(sum);
}

static inline double mixture_log_density(const mixture *m, const float *x)
{
    double posterior[MIXTURE_PARTS], variance[MIXTURE_PARTS];
    return mixture_parts(m, 0, x, posterior, variance);
}

/* Score of part k at t, one column. */
static inline double mixture_pull(const mixture *m, int64_t t, int k, double variance, const float *x, int64_t j)
{
    return -((double)x[j] - sqrt(m->schedule->alpha_bar[t]) * m->mean[k][j]) / variance;
}

static inline ddpm_const_matrix mixture_predict(void *self, int64_t first, int64_t rows, const float *xt, int32_t t)
{
    mixture *m = self;
    double posterior[MIXTURE_PARTS], variance[MIXTURE_PARTS];
    (void)first;
    for (int64_t row = 0; row < rows; row++) {
        const float *x = xt + row * m->columns;
        mixture_parts(m, t, x, posterior, variance);
        for (int64_t j = 0; j < m->columns; j++) {
            double score = 0.0;
            for (int k = 0; k < MIXTURE_PARTS; k++) score += posterior[k] * mixture_pull(m, t, k, variance[k], x, j);
            m->output[row * m->columns + j] = (float)(-sqrt(m->schedule->one_minus_alpha_bar[t]) * score);
        }
    }
    memcpy(m->xt, xt, (size_t)(rows * m->columns) * sizeof *xt);
    return (ddpm_const_matrix){m->output, rows, m->columns, m->columns, 0};
}

/* The Jacobian is symmetric: sum_k p_k (g_k g_k' - I / v_k) - g g', times -sqrt(1 - alpha_bar). */
static inline void mixture_pull_back(void *self, int64_t rows, const float *direction, int32_t t, float *dxt)
{
    const mixture *m = self;
    double posterior[MIXTURE_PARTS], variance[MIXTURE_PARTS];
    for (int64_t row = 0; row < rows; row++) {
        const float *x = m->xt + row * m->columns, *u = direction + row * m->columns;
        double along[MIXTURE_PARTS] = {0.0}, total = 0.0;
        mixture_parts(m, t, x, posterior, variance);
        for (int k = 0; k < MIXTURE_PARTS; k++) {
            for (int64_t j = 0; j < m->columns; j++)
                along[k] += mixture_pull(m, t, k, variance[k], x, j) * (double)u[j];
            total += posterior[k] * along[k];
        }
        for (int64_t j = 0; j < m->columns; j++) {
            double sum = 0.0;
            for (int k = 0; k < MIXTURE_PARTS; k++)
                sum += posterior[k] *
                       ((along[k] - total) * mixture_pull(m, t, k, variance[k], x, j) - (double)u[j] / variance[k]);
            dxt[row * m->columns + j] = (float)(-sqrt(m->schedule->one_minus_alpha_bar[t]) * sum);
        }
    }
}

static inline ddpm_flow mixture_flow(mixture *m)
{
    return (ddpm_flow){.denoiser = {mixture_predict, m}, .pull_back = mixture_pull_back};
}

/* Rows first .. first+rows-1 of draws. */
static inline void mixture_draw(const mixture *m, int64_t first, int64_t rows, float *out)
{
    const ddpm_normal_stream stream = {3, DDPM_RANDOM_DATA, 0};
    ddpm_normal_rows(ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), stream, first,
                     ddpm_matrix_dense(out, rows, m->columns));
    for (int64_t i = 0; i < rows; i++) {
        const double u = ddpm_random_uniform(ddpm_random_words(3, DDPM_RANDOM_DATA, 1, first + i, 0).v[0]);
        const int k = u < m->share[0] ? 0 : u < m->share[0] + m->share[1] ? 1 : 2;
        for (int64_t j = 0; j < m->columns; j++) {
            float *x = &out[i * m->columns + j];
            *x = (float)(m->mean[k][j] + m->deviation[k] * (double)*x);
        }
    }
}

/* A diffusion that predicts noise. */
static inline ddpm_diffusion mixture_diffusion(ddpm_schedule_kind kind, int64_t steps, ddpm_variance variance)
{
    const ddpm_schedule_spec spec = {.kind = kind,
                                     .steps = steps,
                                     .start = NAN,
                                     .end = NAN,
                                     .offset = 0.008,
                                     .cap = 0.999,
                                     .rescale = 1,
                                     .target = 1e-4,
                                     .limit = 6.0,
                                     .log_mean = -1.2,
                                     .log_deviation = 1.4};
    ddpm_schedule schedule;
    ddpm_diffusion d;
    expect_ok(ddpm_schedule_create(&spec, &schedule));
    expect_ok(ddpm_diffusion_create(&schedule, DDPM_PREDICT_NOISE, variance, &d));
    return d;
}

#endif
