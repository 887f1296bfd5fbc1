/* What a residual block has beside its dense layers: layer norm, modulation and gate, forward and back, row by row.
 *
 * Sums over a row run over its vectors in order, and over the lanes at the end: a row's bits depend on that row alone.
 */
#ifndef DDPM_KERNEL_SIMD_NORM_H
#define DDPM_KERNEL_SIMD_NORM_H

#include "vector.h"

#include "kernel/simd.h"

#include <math.h>

/* v with zeros from lane `left` on. */
INLINE vf keep(vf v, int64_t left)
{
    if (left >= LANES) return v;
    for (int64_t i = left; i < LANES; i++) v[i] = 0.0f;
    return v;
}

/* Lanes by halves. */
INLINE float sum_of(vf v)
{
    float lane[LANES];
    store_vf(lane, v);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lane[i] += lane[i + width];
    return lane[0];
}

INLINE void norm_row(int64_t n, const float *x, const float *scale, const float *shift, float *normal, float *inverse,
                     float *y)
{
    vf sum = {0}, squares = {0};
    for (int64_t j = 0; j < n; j += LANES) sum += keep(load_vf(x + j), n - j);
    const float mean = sum_of(sum) / (float)n;
    for (int64_t j = 0; j < n; j += LANES) {
        const vf d = keep(load_vf(x + j) - mean, n - j);
        squares += d * d;
    }
    *inverse = 1.0f / sqrtf(sum_of(squares) / (float)n + DDPM_NORM_EPSILON);
    for (int64_t j = 0; j < n; j += LANES) {
        const vf unit = (load_vf(x + j) - mean) * *inverse;
        store_vf(normal + j, unit);
        store_vf(y + j, unit * (1.0f + load_vf(scale + j)) + load_vf(shift + j));
    }
}

static void norm(int64_t rows, int64_t n, const float *x, int64_t ldx, const float *scale, const float *shift,
                 int64_t ldm, float *normal, float *inverse, float *y, int64_t ldy)
{
    for (int64_t row = 0; row < rows; row++)
        norm_row(n, x + row * ldx, scale + row * ldm, shift + row * ldm, normal + row * ldy, inverse + row,
                 y + row * ldy);
}

/* What follows a row's part of a modulation is another part, so only its own lanes are stored.
 * With g = dy (1 + scale): dx = inverse (g - mean(g) - normal mean(g normal)). */
INLINE void norm_backward_row(int64_t n, const float *dy, const float *normal, float inverse, const float *scale,
                              float *dx, float *dscale, float *dshift)
{
    vf sum = {0}, along = {0};
    for (int64_t j = 0; j < n; j += LANES) {
        const vf d = load_vf(dy + j), unit = load_vf(normal + j), g = keep(d * (1.0f + load_vf(scale + j)), n - j);
        sum += g;
        along += keep(g * unit, n - j);
        store_first(dscale + j, d * unit, n - j);
        store_first(dshift + j, d, n - j);
    }
    const float mean = sum_of(sum) / (float)n, slope = sum_of(along) / (float)n;
    for (int64_t j = 0; j < n; j += LANES) {
        const vf g = load_vf(dy + j) * (1.0f + load_vf(scale + j));
        store_vf(dx + j, load_vf(dx + j) + inverse * (g - mean - load_vf(normal + j) * slope));
    }
}

static void norm_backward(int64_t rows, int64_t n, const float *dy, const float *normal, int64_t ldy,
                          const float *inverse, const float *scale, int64_t ldm, float *dx, int64_t ldx, float *dscale,
                          float *dshift, int64_t lddm)
{
    for (int64_t row = 0; row < rows; row++)
        norm_backward_row(n, dy + row * ldy, normal + row * ldy, inverse[row], scale + row * ldm, dx + row * ldx,
                          dscale + row * lddm, dshift + row * lddm);
}

static void gate(int64_t rows, int64_t n, const float *y, int64_t ldy, const float *gates, int64_t ldm, float *x,
                 int64_t ldx)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t j = 0; j < n; j += LANES) {
            float *to = x + row * ldx + j;
            store_vf(to, load_vf(to) + load_vf(gates + row * ldm + j) * load_vf(y + row * ldy + j));
        }
}

static void gate_backward(int64_t rows, int64_t n, const float *dx, int64_t ldx, const float *y, int64_t ldy,
                          const float *gates, int64_t ldm, float *dy, float *dgates, int64_t lddm)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t j = 0; j < n; j += LANES) {
            const vf d = load_vf(dx + row * ldx + j);
            store_first(dgates + row * lddm + j, d * load_vf(y + row * ldy + j), n - j);
            store_vf(dy + row * ldy + j, d * load_vf(gates + row * ldm + j));
        }
}

#endif
