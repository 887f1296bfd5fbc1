/* What a residual network has beside its dense layers: sums and combinations of rows of a table in the place of a
 * product, units that are left out, layer norm, modulation and gate, forward and back.
 *
 * Each row is computed by itself (sums.h), so that its bits depend on no other row.
 */
#ifndef DDPM_KERNEL_SIMD_NORM_H
#define DDPM_KERNEL_SIMD_NORM_H

#include "sums.h"

#include "kernel/simd.h"

#include <math.h>

static void sum_rows(ddpm_const_matrix table, int64_t count, const int32_t *rows, float *out)
{
    enum { SIDE_BY_SIDE = 2 };
    for (int64_t column = 0; column < table.columns; column += SIDE_BY_SIDE * LANES) {
        vf sum[SIDE_BY_SIDE] = {0};
        for (int64_t i = 0; i < count; i++)
            for (int v = 0; v < SIDE_BY_SIDE; v++)
                sum[v] += load_vf(table.data + rows[i] * table.stride + column + v * LANES);
        for (int v = 0; v < SIDE_BY_SIDE; v++) store_vf(out + column + v * LANES, sum[v]);
    }
}

/* Some vectors of a combination. Each is SUMS sums, since one alone would be a chain of additions that wait for each
 * other. */
INLINE void combine_vectors(int vectors, ddpm_const_matrix table, int64_t column, const float *factors, float *out)
{
    enum { SUMS = 4, MOST = 2 };
    vf sum[SUMS][MOST];
    int64_t row = 0;
    for (int s = 0; s < SUMS; s++)
        for (int v = 0; v < vectors; v++) sum[s][v] = splat(0.0f);
    for (; row + SUMS <= table.rows; row += SUMS)
        for (int s = 0; s < SUMS; s++)
            for (int v = 0; v < vectors; v++)
                sum[s][v] += factors[row + s] * load_vf(table.data + (row + s) * table.stride + column + v * LANES);
    for (; row < table.rows; row++)
        for (int v = 0; v < vectors; v++)
            sum[0][v] += factors[row] * load_vf(table.data + row * table.stride + column + v * LANES);
    for (int v = 0; v < vectors; v++) {
        float *to = out + column + v * LANES;
        store_vf(to, load_vf(to) + ((sum[0][v] + sum[1][v]) + (sum[2][v] + sum[3][v])));
    }
}

static void add_combination(ddpm_const_matrix table, const float *factors, float *out)
{
    enum { SIDE_BY_SIDE = 2 };
    for (int64_t column = 0; column < table.columns; column += SIDE_BY_SIDE * LANES)
        combine_vectors(SIDE_BY_SIDE, table, column, factors, out);
}

static void drop(int64_t n, const uint8_t *bytes, int below, float kept, float *h, float *slope)
{
    typedef uint8_t vb __attribute__((vector_size(LANES)));
    for (int64_t i = 0; i < n; i += LANES) {
        const int64_t left = n - i;
        vb some = {0};
        memcpy(&some, bytes + i, (size_t)(left < LANES ? left : LANES));
        const vf factor = pick(__builtin_convertvector(some, vi) < below, splat(0.0f), splat(kept));
        store_first(h + i, load_first(h + i, left) * factor, left);
        if (slope) store_first(slope + i, load_first(slope + i, left) * factor, left);
    }
}

static void norm(ddpm_const_matrix x, ddpm_const_matrix scale, ddpm_const_matrix shift, ddpm_matrix normal,
                 float *inverse, ddpm_matrix y)
{
    const int64_t n = x.columns;
    for (int64_t row = 0; row < x.rows; row++) {
        const float *from = x.data + row * x.stride, *scales = scale.data + row * scale.stride,
                    *shifts = shift.data + row * shift.stride;
        float *units = normal.data + row * normal.stride, *to = y.data + row * y.stride;
        vf sum = {0}, squares = {0};
        for (int64_t j = 0; j < n; j += LANES) sum += keep(load_vf(from + j), n - j);
        const float mean = sum_of(sum) / (float)n;
        for (int64_t j = 0; j < n; j += LANES) {
            const vf d = keep(load_vf(from + j) - mean, n - j);
            squares += d * d;
        }
        const float factor = 1.0f / sqrtf(sum_of(squares) / (float)n + DDPM_NORM_EPSILON);
        inverse[row] = factor;
        for (int64_t j = 0; j < n; j += LANES) {
            const vf unit = (load_vf(from + j) - mean) * factor;
            store_vf(units + j, unit);
            store_vf(to + j, unit * (1.0f + load_vf(scales + j)) + load_vf(shifts + j));
        }
    }
}

/* With g = dy (1 + scale), dx gains inverse (g - mean(g) - normal mean(g normal)). A row of dscale or dshift is
 * followed by the next part of the modulation's gradient, so no lane beyond its end is stored. */
static void norm_backward(ddpm_const_matrix dy, ddpm_const_matrix normal, const float *inverse, ddpm_const_matrix scale,
                          ddpm_matrix dx, ddpm_matrix dscale, ddpm_matrix dshift)
{
    const int64_t n = dy.columns;
    for (int64_t row = 0; row < dy.rows; row++) {
        const float *from = dy.data + row * dy.stride, *normals = normal.data + row * normal.stride,
                    *scales = scale.data + row * scale.stride;
        float *to = dx.data + row * dx.stride, *dscales = dscale.data + row * dscale.stride,
              *dshifts = dshift.data + row * dshift.stride;
        const float factor = inverse[row];
        vf sum = {0}, products = {0};
        for (int64_t j = 0; j < n; j += LANES) {
            const vf d = load_vf(from + j), unit = load_vf(normals + j);
            const vf g = keep(d * (1.0f + load_vf(scales + j)), n - j);
            sum += g;
            products += keep(g * unit, n - j);
            store_first(dscales + j, d * unit, n - j);
            store_first(dshifts + j, d, n - j);
        }
        const float mean = sum_of(sum) / (float)n, mean_product = sum_of(products) / (float)n;
        for (int64_t j = 0; j < n; j += LANES) {
            const vf g = load_vf(from + j) * (1.0f + load_vf(scales + j));
            store_vf(to + j, load_vf(to + j) + factor * (g - mean - load_vf(normals + j) * mean_product));
        }
    }
}

static void gate(ddpm_const_matrix y, ddpm_const_matrix gates, ddpm_matrix x)
{
    for (int64_t row = 0; row < x.rows; row++)
        for (int64_t j = 0; j < x.columns; j += LANES) {
            float *to = x.data + row * x.stride + j;
            store_vf(to,
                     load_vf(to) + load_vf(gates.data + row * gates.stride + j) * load_vf(y.data + row * y.stride + j));
        }
}

static void gate_backward(ddpm_const_matrix dx, ddpm_const_matrix y, ddpm_const_matrix gates, ddpm_matrix dy,
                          ddpm_matrix dgates)
{
    const int64_t n = dx.columns;
    for (int64_t row = 0; row < dx.rows; row++)
        for (int64_t j = 0; j < n; j += LANES) {
            const vf d = load_vf(dx.data + row * dx.stride + j);
            store_first(dgates.data + row * dgates.stride + j, d * load_vf(y.data + row * y.stride + j), n - j);
            store_vf(dy.data + row * dy.stride + j, d * load_vf(gates.data + row * gates.stride + j));
        }
}

#endif
