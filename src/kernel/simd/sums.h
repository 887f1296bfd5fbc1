/* Sums over the numbers of a row: they go through its vectors in order, and add up the lanes at the end. */
#ifndef DDPM_KERNEL_SIMD_SUMS_H
#define DDPM_KERNEL_SIMD_SUMS_H

#include "vector.h"

/* Keep the first `left` lanes; the others become zero. */
INLINE vf keep(vf v, int64_t left)
{
    if (left >= LANES) return v;
    for (int64_t i = left; i < LANES; i++) v[i] = 0.0f;
    return v;
}

/* The lanes are added in pairs that lie half a vector apart, then a quarter, and so on. */
INLINE float sum_of(vf v)
{
    float lane[LANES];
    store_vf(lane, v);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lane[i] += lane[i + width];
    return lane[0];
}

#endif
