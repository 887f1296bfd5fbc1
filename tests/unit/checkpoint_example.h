/** A checkpoint in which every field has a value, and its way to a file and back. */
#ifndef DDPM_TESTS_CHECKPOINT_EXAMPLE_H
#define DDPM_TESTS_CHECKPOINT_EXAMPLE_H

#include "scratch.h"

#include "file/h5.h"
#include "store/checkpoint_table.h"
#include "world/reduce.h"

enum { D = 3, T = 4, TENSORS = 2, PARAMETERS = 14 };

static const ddpm_tensor tensors[TENSORS] = {
    {.name = "hidden0/weight", .rows = 3, .cols = 4, .offset = 0},
    {.name = "hidden0/bias", .rows = 1, .cols = 2, .offset = 12},
};

static double transform[4][D] = {{1, 2, 3}, {0.1, 0.2, 0.3}, {-1, -2, -3}, {4, 5, 6e300}};
static double beta[T + 1] = {0, 1e-4, 0.1, 0.2, 0.999};
static int32_t exponent[TENSORS + 1] = {-20, 7, DDPM_EXPONENT_LEAST};
static float flat[DDPM_CHECKPOINT_ARRAYS][PARAMETERS];
static char *column_names[D] = {"energy", "", "θ"};
static char config[] = "run:\n  name: test\n";
static float history[T][DDPM_TIMESTEPS_HISTORY];
static int32_t seen[T] = {0, 9, 10, DDPM_TIMESTEPS_SEEN - 1};
static int64_t classes[2] = {3, 0};
static double condition_mean[2] = {0, 1.5}, condition_scale[2] = {1, 2.5};
static double variances[3] = {2.5, 0.5, 0};
static float directions[2][D] = {{0.6f, 0.8f, 0.0f}, {-0.8f, 0.6f, 0.0f}};
static double mixture_weight[2] = {0.25, 0.75}, mixture_mean[2 * D] = {1, -2, 3}, mixture_variance[2 * D];
static float mixture_direction[2 * D * D] = {1, 0, -1};
static char *condition_names[2] = {"kind", "temperature"};

static inline ddpm_checkpoint example(void)
{
    for (int a = 0; a < DDPM_CHECKPOINT_ARRAYS; a++)
        for (int i = 0; i < PARAMETERS; i++) flat[a][i] = (float)(i + 1) / (float)(a + 3);
    for (int i = 0; i < 2 * D; i++) mixture_variance[i] = (double)(i + 1);
    for (int t = 0; t < T; t++)
        for (int i = 0; i < DDPM_TIMESTEPS_HISTORY; i++) history[t][i] = (float)(t + 1) / (float)(i + 1);
    return (ddpm_checkpoint){
        .iteration = 123456789012,
        .config = config,
        .columns = D,
        .column_names = column_names,
        .mean = transform[0],
        .scale = transform[1],
        .minimum = transform[2],
        .maximum = transform[3],
        .steps = T,
        .beta = beta,
        .exponent_count = TENSORS + 1,
        .exponent = exponent,
        .history = history[0],
        .seen = seen,
        .condition = {2, classes, condition_mean, condition_scale, condition_names},
        .components = {2, D, variances, directions[0]},
        .mixture = {2, D, 2 * D, mixture_weight, mixture_mean, mixture_variance, mixture_direction},
        .parameter_count = PARAMETERS,
        .parameters = flat[0],
        .ema = flat[1],
        .best = flat[2],
        .best_loss = 0.25,
        .best_iteration = 7,
        .moment1 = flat[3],
        .moment2 = flat[4],
        .velocity = flat[5],
    };
}

static inline ddpm_status read_header(const char *path, ddpm_checkpoint *out)
{
    ddpm_h5 *file;
    *out = (ddpm_checkpoint){0};
    DDPM_TRY(ddpm_checkpoint_open(path, &file));
    return ddpm_h5_finish(&file, ddpm_checkpoint_read_header(file, path, out));
}

static inline ddpm_status read_arrays(const char *path, ddpm_checkpoint *out, const ddpm_tensor *of, int with_moments)
{
    ddpm_h5 *file;
    DDPM_TRY(ddpm_checkpoint_open(path, &file));
    return ddpm_h5_finish(&file, ddpm_checkpoint_read_arrays(file, path, out, TENSORS, of, PARAMETERS, with_moments));
}

static inline void write_example(const char *path)
{
    const ddpm_checkpoint c = example();
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
}

#endif
