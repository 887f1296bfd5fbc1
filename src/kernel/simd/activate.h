/* Activation functions and their slopes: on vectors, and on an array. */
#ifndef DDPM_KERNEL_SIMD_ACTIVATE_H
#define DDPM_KERNEL_SIMD_ACTIVATE_H

#include "vector.h"

#include "kernel/activation.h"

/* z becomes act(z), and slope becomes act'(z). If the caller does not use the slope, the compiler leaves its
 * computation out. act(NaN) is NaN: a comparison with NaN is false, so each pick() takes z itself in that case. */
INLINE void v_activate(ddpm_activation activation, int count, vf *z, vf *slope)
{
    const vf one = splat(1.0f), zero = splat(0.0f);
    vf a[CHAINS], b[CHAINS];
    switch (activation) {
    case DDPM_ACTIVATION_IDENTITY:
    case DDPM_ACTIVATION_COUNT:
        EACH slope[j] = one;
        break;
    case DDPM_ACTIVATION_RELU:
        EACH slope[j] = pick(z[j] > 0.0f, one, zero);
        EACH z[j] = pick(z[j] < 0.0f, zero, z[j]);
        break;
    case DDPM_ACTIVATION_LEAKY_RELU:
        EACH slope[j] = pick(z[j] > 0.0f, one, splat(0.01f));
        EACH z[j] = z[j] * slope[j];
        break;
    case DDPM_ACTIVATION_SILU:
        EACH a[j] = z[j];
        v_sigmoid(count, a);
        EACH z[j] = z[j] * a[j];
        EACH slope[j] = a[j] + z[j] * (1.0f - a[j]);
        break;
    case DDPM_ACTIVATION_GELU:
        EACH a[j] = z[j];
        EACH b[j] = z[j] * z[j] * -0.5f;
        v_normal_distribution(count, a);
        v_exp(count, b);
        EACH slope[j] = a[j] + z[j] * 0.39894228040143268f * b[j];
        EACH z[j] = z[j] * a[j];
        break;
    case DDPM_ACTIVATION_TANH:
        v_tanh(count, z);
        EACH slope[j] = 1.0f - z[j] * z[j];
        break;
    case DDPM_ACTIVATION_SOFTPLUS:
        EACH a[j] = -magnitude(z[j]);
        v_exp(count, a);
        EACH slope[j] = pick(z[j] > 0.0f, one, a[j]) / (1.0f + a[j]);
        EACH z[j] = pick(z[j] < 0.0f, zero, z[j]) + v_log1p(a[j]);
        break;
    }
}

/* The first `count` vectors of an array of `left` numbers. */
INLINE void activate_some(int count, ddpm_activation activation, int64_t left, const float *z, float *h, float *slope)
{
    vf v[CHAINS], d[CHAINS];
    EACH v[j] = load_first(z + j * LANES, left - j * LANES);
    v_activate(activation, count, v, d);
    EACH store_first(h + j * LANES, v[j], left - j * LANES);
    if (slope) EACH store_first(slope + j * LANES, d[j], left - j * LANES);
}

INLINE void activate_with(ddpm_activation activation, int64_t n, const float *z, float *h, float *slope)
{
    int64_t i = 0;
    for (; i + CHAINS * LANES <= n; i += CHAINS * LANES)
        activate_some(CHAINS, activation, CHAINS * LANES, z + i, h + i, slope ? slope + i : NULL);
    for (; i < n; i += LANES) activate_some(1, activation, n - i, z + i, h + i, slope ? slope + i : NULL);
}

/* Call `with`(activation, ...) with `activation` a constant, so that each activation has a loop of its own. */
#define WITH_CONSTANT_ACTIVATION(with, activation, ...) \
    switch (activation) {                               \
    case DDPM_ACTIVATION_RELU:                          \
        with(DDPM_ACTIVATION_RELU, __VA_ARGS__);        \
        break;                                          \
    case DDPM_ACTIVATION_LEAKY_RELU:                    \
        with(DDPM_ACTIVATION_LEAKY_RELU, __VA_ARGS__);  \
        break;                                          \
    case DDPM_ACTIVATION_SILU:                          \
        with(DDPM_ACTIVATION_SILU, __VA_ARGS__);        \
        break;                                          \
    case DDPM_ACTIVATION_GELU:                          \
        with(DDPM_ACTIVATION_GELU, __VA_ARGS__);        \
        break;                                          \
    case DDPM_ACTIVATION_TANH:                          \
        with(DDPM_ACTIVATION_TANH, __VA_ARGS__);        \
        break;                                          \
    case DDPM_ACTIVATION_SOFTPLUS:                      \
        with(DDPM_ACTIVATION_SOFTPLUS, __VA_ARGS__);    \
        break;                                          \
    case DDPM_ACTIVATION_IDENTITY:                      \
    case DDPM_ACTIVATION_COUNT:                         \
        with(DDPM_ACTIVATION_IDENTITY, __VA_ARGS__);    \
        break;                                          \
    }

static void activate(int64_t n, ddpm_activation activation, const float *z, float *h, float *slope)
{
    WITH_CONSTANT_ACTIVATION(activate_with, activation, n, z, h, slope)
}

#endif
