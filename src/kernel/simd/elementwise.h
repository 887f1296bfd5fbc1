/* Functions of arrays, element by element: normal numbers, the collecting and merging of sums, optimisers. */
#ifndef DDPM_KERNEL_SIMD_ELEMENTWISE_H
#define DDPM_KERNEL_SIMD_ELEMENTWISE_H

#include "vector.h"

#include "kernel/simd.h"

#include <math.h>

/* sqrt(-2 ln a) cos(2 pi b), and the same with sin, where a and b are the words scaled to (0, 1]; the largest
 * magnitude is 6.8. The two top bits of b give the quadrant of the angle exactly. */
INLINE void normal_vector(vi a, vi b, vf *cosine, vf *sine)
{
    /* The upper and the lower half of a word are converted one by one, since the instruction takes signed integers. */
    const vf top = __builtin_convertvector((a >> 16) & 0xffff, vf) * 0x1p-16f;
    const vf u = top + (__builtin_convertvector(a & 0xffff, vf) * 0x1p-32f + 0x1p-33f);
    const vf square = v_log(u) * -2.0f;
    vf radius = larger(square, splat(0.0f));
    for (int i = 0; i < LANES; i++) radius[i] = __builtin_sqrtf(radius[i]);

    /* x is the angle from the nearest quarter of a turn, at most an eighth of a turn to either side. */
    const vi shifted = (vi)((vu)b + 0x20000000);
    const vi quadrant = (shifted >> 30) & 3;
    const vf x =
        (__builtin_convertvector((shifted & 0x3fffffff) - 0x20000000, vf) + 0.5f) * (0x1p-30f * 1.57079632679489662f);
    const vf z = x * x;
    const vf s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * x + x;
    const vf c =
        ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z - 0.5f * z + 1.0f;
    const vi swap = (quadrant & 1) != 0;
    const vi negative_cosine = (quadrant == 1) | (quadrant == 2), negative_sine = quadrant >= 2;
    const vf cosine_magnitude = pick(swap, s, c), sine_magnitude = pick(swap, c, s);
    *cosine = radius * pick(negative_cosine, -cosine_magnitude, cosine_magnitude);
    *sine = radius * pick(negative_sine, -sine_magnitude, sine_magnitude);
}

static void normal(int64_t n, const uint32_t *a, const uint32_t *b, float *cosine, float *sine)
{
    for (int64_t i = 0; i < n; i += LANES) {
        vf c, s;
        normal_vector(load_first_words(a + i, n - i), load_first_words(b + i, n - i), &c, &s);
        store_first(cosine + i, c, n - i);
        store_first(sine + i, s, n - i);
    }
}

/* The sum of squares, in double precision, and the largest magnitude of what went through measure(), lane by lane. */
typedef struct measured {
    hd squares[2];
    vf largest;
} measured;

INLINE void measure(vf x, measured *m)
{
    hf half[2];
    m->largest = larger(magnitude(x), m->largest);
    memcpy(half, &x, sizeof x);
    for (int h = 0; h < 2; h++) {
        const hd wide = widen(half[h]);
        m->squares[h] += wide * wide;
    }
}

/* The lanes are added in order. */
static void finish_measuring(const measured *m, double *squares, float *largest)
{
    *squares = 0.0;
    *largest = 0.0f;
    for (int h = 0; h < 2; h++)
        for (int i = 0; i < HALF; i++) *squares += m->squares[h][i];
    for (int i = 0; i < LANES; i++) *largest = m->largest[i] > *largest ? m->largest[i] : *largest;
}

/* The next LANES sums as numbers; the sums become 0. */
INLINE vf collect_vector(int64_t *sum, double scale)
{
    hf half[2];
    for (int h = 0; h < 2; h++) {
        half[h] = __builtin_convertvector(doubles(load_hl(sum + h * HALF)) * scale, hf);
        store_hl(sum + h * HALF, (hl){0});
    }
    return join(half[0], half[1]);
}

static void collect_fixed(int64_t n, int64_t *sum, double scale, float *v, double *squares, float *largest)
{
    measured m = {0};
    int64_t i = 0, rest[LANES] = {0};
    for (; i + LANES <= n; i += LANES) {
        const vf x = collect_vector(sum + i, scale);
        store_vf(v + i, x);
        measure(x, &m);
    }
    if (i < n) {
        const size_t bytes = (size_t)(n - i) * sizeof *sum;
        memcpy(rest, sum + i, bytes);
        memset(sum + i, 0, bytes);
        const vf x = collect_vector(rest, scale);
        store_first(v + i, x, n - i);
        measure(x, &m);
    }
    finish_measuring(&m, squares, largest);
}

static void collect_float(int64_t n, const float *sum, float *v, double *squares, float *largest)
{
    measured m = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        const vf x = load_first(sum + i, n - i);
        store_first(v + i, x, n - i);
        measure(x, &m);
    }
    finish_measuring(&m, squares, largest);
}

static void merge_fixed(int64_t n, int64_t *restrict from, int64_t *restrict into)
{
    for (int64_t i = 0; i < n; i++) {
        into[i] = (int64_t)((uint64_t)into[i] + (uint64_t)from[i]);
        from[i] = 0;
    }
}

static void merge_float(int64_t n, float *restrict from, float *restrict into)
{
    for (int64_t i = 0; i < n; i++) {
        into[i] += from[i];
        from[i] = 0.0f;
    }
}

/* Update the moments; the direction is m / (sqrt(v) + epsilon), each moment corrected for its start at 0. */
INLINE float adam_direction(const ddpm_update *u, float gradient, float *moment1, float *moment2)
{
    const float m = u->beta1 * *moment1 + (1.0f - u->beta1) * gradient;
    const float v = u->beta2 * *moment2 + (1.0f - u->beta2) * gradient * gradient;
    *moment1 = m;
    *moment2 = v;
    return m * u->correction1 / (sqrtf(v * u->correction2) + u->epsilon);
}

/* The optimisers copy the settings, since the compiler would otherwise have to expect that a store into an array
 * changes them. */
static void adam(int64_t n, const ddpm_update *u, const float *restrict gradient, float *restrict w,
                 float *restrict moment1, float *restrict moment2, float *restrict ema)
{
    const ddpm_update s = *u;
    for (int64_t i = 0; i < n; i++) {
        const float g = gradient[i] * s.shrink + s.decay * w[i];
        w[i] -= s.learning_rate * adam_direction(&s, g, moment1 + i, moment2 + i);
        ema[i] = w[i] + s.ema * (ema[i] - w[i]);
    }
}

static void adamw(int64_t n, const ddpm_update *u, const float *restrict gradient, float *restrict w,
                  float *restrict moment1, float *restrict moment2, float *restrict ema)
{
    const ddpm_update s = *u;
    for (int64_t i = 0; i < n; i++) {
        const float kept = w[i] - s.learning_rate * s.decay * w[i];
        w[i] = kept - s.learning_rate * adam_direction(&s, gradient[i] * s.shrink, moment1 + i, moment2 + i);
        ema[i] = w[i] + s.ema * (ema[i] - w[i]);
    }
}

static void sgd(int64_t n, const ddpm_update *u, const float *restrict gradient, float *restrict w,
                float *restrict moment1, float *restrict moment2, float *restrict ema)
{
    const ddpm_update s = *u;
    (void)moment2;
    for (int64_t i = 0; i < n; i++) {
        moment1[i] = s.beta1 * moment1[i] + (gradient[i] * s.shrink + s.decay * w[i]);
        w[i] -= s.learning_rate * moment1[i];
        ema[i] = w[i] + s.ema * (ema[i] - w[i]);
    }
}

#endif
