/* The probabilities of classes from their logits. */
#ifndef DDPM_KERNEL_SIMD_SOFTMAX_H
#define DDPM_KERNEL_SIMD_SOFTMAX_H

#include "sums.h"

#include <math.h>

INLINE float largest_of(int64_t n, const float *z)
{
    vf most = splat(z[0]);
    int64_t k = 0;
    for (; k + LANES <= n; k += LANES) most = larger(load_vf(z + k), most);
    float largest = z[0];
    for (int i = 0; i < LANES; i++) largest = most[i] > largest ? most[i] : largest;
    for (; k < n; k++) largest = z[k] > largest ? z[k] : largest;
    return largest;
}

/* The powers of `vectors` vectors of logits, of which `left` lanes count. NaN and infinity, which v_exp would clamp,
 * pass through. */
INLINE vf add_powers(int vectors, const float *z, int64_t left, float largest, vf sum, float *p)
{
    vf logit[4], power[4];
    for (int v = 0; v < vectors; v++) {
        logit[v] = load_first(z + v * LANES, left - v * LANES);
        power[v] = logit[v] - largest;
    }
    v_exp(vectors, power);
    for (int v = 0; v < vectors; v++) {
        power[v] = keep(power[v] + logit[v] * 0.0f, left - v * LANES);
        sum += power[v];
        store_first(p + v * LANES, power[v], left - v * LANES);
    }
    return sum;
}

static double softmax(int64_t n, const float *z, float *p)
{
    enum { TOGETHER = 4 };
    const float largest = largest_of(n, z);
    vf sum = {0};
    int64_t k = 0;
    for (; k + TOGETHER * LANES <= n; k += TOGETHER * LANES)
        sum = add_powers(TOGETHER, z + k, TOGETHER * LANES, largest, sum, p + k);
    for (; k < n; k += LANES) sum = add_powers(1, z + k, n - k, largest, sum, p + k);
    const float all = sum_of(sum), inverse = 1.0f / all;
    for (k = 0; k < n; k++) p[k] *= inverse;
    return (double)largest + log((double)all);
}

#endif
