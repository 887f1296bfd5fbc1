/* The probabilities of classes from their logits. */
#ifndef DDPM_KERNEL_SIMD_SOFTMAX_H
#define DDPM_KERNEL_SIMD_SOFTMAX_H

#include "sums.h"

#include <math.h>

static double softmax(int64_t n, const float *z, float *p)
{
    float largest = z[0];
    vf sum = {0};
    for (int64_t k = 1; k < n; k++) largest = z[k] > largest ? z[k] : largest;
    for (int64_t k = 0; k < n; k += LANES) {
        const vf logit = load_first(z + k, n - k);
        vf power[1] = {logit - largest};
        v_exp(1, power);
        power[0] = keep(power[0] + logit * 0.0f, n - k); /* NaN and infinity, which v_exp would clamp, pass through */
        sum += power[0];
        store_first(p + k, power[0], n - k);
    }
    const float all = sum_of(sum), inverse = 1.0f / all;
    for (int64_t k = 0; k < n; k++) p[k] *= inverse;
    return (double)largest + log((double)all);
}

#endif
