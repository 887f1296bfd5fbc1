/* Activation functions and their slopes on a vector. */
#ifndef DDPM_SIMD_ACTIVATE_H
#define DDPM_SIMD_ACTIVATE_H

#include "vector.h"

#include "ddpm/kernel/activation.h"

/* act(z), and act'(z) in *slope; what is not used is not computed once inlined. act(NaN) is NaN: a comparison with it
 * is false, which decides the order of each select. */
INLINE vf v_activate(ddpm_activation activation, vf z, vf *slope)
{
    const vf one = splat(1.0f), zero = splat(0.0f);
    switch (activation) {
    case DDPM_ACTIVATION_RELU:
        *slope = select(z > 0.0f, one, zero);
        return select(z < 0.0f, zero, z);
    case DDPM_ACTIVATION_LEAKY_RELU:
        *slope = select(z > 0.0f, one, splat(0.01f));
        return z * *slope;
    case DDPM_ACTIVATION_SILU: {
        const vf s = v_sigmoid(z), h = z * s;
        *slope = s + h * (1.0f - s);
        return h;
    }
    case DDPM_ACTIVATION_GELU: {
        const vf p = v_normal_distribution(z);
        *slope = p + z * 0.39894228040143268f * v_exp(z * z * -0.5f);
        return z * p;
    }
    case DDPM_ACTIVATION_TANH: {
        const vf h = v_tanh(z);
        *slope = 1.0f - h * h;
        return h;
    }
    case DDPM_ACTIVATION_SOFTPLUS: {
        const vf u = v_exp(-magnitude(z));
        *slope = select(z > 0.0f, one, u) / (1.0f + u);
        return select(z < 0.0f, zero, z) + v_log1p(u);
    }
    case DDPM_ACTIVATION_IDENTITY:
    case DDPM_ACTIVATION_COUNT:
        break;
    }
    *slope = one;
    return z;
}

static void activate(int64_t n, ddpm_activation activation, const float *z, float *h, float *slope)
{
    for (int64_t i = 0; i < n; i += LANES) {
        const int64_t left = n - i < LANES ? n - i : LANES;
        vf in = {0}, d;
        memcpy(&in, z + i, (size_t)left * sizeof(float));
        const vf out = v_activate(activation, in, &d);
        memcpy(h + i, &out, (size_t)left * sizeof(float));
        if (slope) memcpy(slope + i, &d, (size_t)left * sizeof(float));
    }
}

#endif
