/* Vectors of one instruction set, and elementary functions on them.
 *
 * The functions are polynomials after Cephes (S. L. Moshier); their errors are measured in tests/unit/test_activation.c
 * and test_normal.c.
 */
#ifndef DDPM_SIMD_VECTOR_H
#define DDPM_SIMD_VECTOR_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#if defined __AVX512F__
enum { LANES = 16 };
#elif defined __AVX2__
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));
typedef uint32_t vu __attribute__((vector_size(LANES * 4)));
/* half as many lanes: float, double and 64-bit integers of the same lane count; these are unsigned because the sums of
 * a step that is refused wrap around */
typedef float hf __attribute__((vector_size(LANES * 2)));
typedef double hd __attribute__((vector_size(LANES * 4)));
typedef uint64_t hl __attribute__((vector_size(LANES * 4)));
enum { HALF = LANES / 2 };

#define INLINE static inline __attribute__((always_inline))

/* Loads and stores through memcpy: any alignment, one instruction. */
#define DEFINE_ACCESS(type, element, name)        \
    INLINE type load_##name(const element *from)  \
    {                                             \
        type v;                                   \
        memcpy(&v, from, sizeof v);               \
        return v;                                 \
    }                                             \
    INLINE void store_##name(element *to, type v) \
    {                                             \
        memcpy(to, &v, sizeof v);                 \
    }
DEFINE_ACCESS(vf, float, vf)
DEFINE_ACCESS(vi, uint32_t, words)
DEFINE_ACCESS(hf, float, hf)
DEFINE_ACCESS(hd, double, hd)
DEFINE_ACCESS(hl, int64_t, hl)

INLINE vf splat(float x)
{
    return x - (vf){0};
}

INLINE vf select(vi mask, vf yes, vf no)
{
    return (vf)((mask & (vi)yes) | (~mask & (vi)no));
}

INLINE vf magnitude(vf x)
{
    return (vf)((vi)x & 0x7fffffff);
}

INLINE vf smaller(vf a, vf b)
{
    return select(a < b, a, b);
}

INLINE vf larger(vf a, vf b)
{
    return select(a > b, a, b);
}

/* 2^n for integers n in -126..127. */
INLINE vf power_of_two(vi n)
{
    return (vf)((n + 127) << 23);
}

/* Arguments below -87.3 give about 1.2e-38, above 88 about 1.7e38: finite for every finite argument. */
INLINE vf v_exp(vf x)
{
    const vf magic = splat(0x1.8p23f); /* adding it rounds to an integer */
    x = larger(smaller(x, splat(88.0f)), splat(-87.3f));
    const vf rounded = x * 1.44269504088896341f + magic;
    const vf n = rounded - magic;
    const vf r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    vf p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return (p * (r * r) + r + 1.0f) * power_of_two((vi)rounded - (vi)magic);
}

/* For finite x > 0 that is not subnormal. */
INLINE vf v_log(vf x)
{
    vi exponent = ((vi)x >> 23) - 126;
    vf m = (vf)(((vi)x & 0x007fffff) | 0x3f000000); /* 0.5 .. 1 */
    const vi low = m < 0.70710678118654752f;
    exponent += low;
    m = m + select(low, m, splat(0.0f)) - 1.0f;
    const vf e = __builtin_convertvector(exponent, vf);
    const vf z = m * m;
    vf p = splat(7.0376836292e-2f);
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    vf y = p * m * z + e * -2.12194440e-4f - z * 0.5f;
    return m + y + e * 0.693359375f;
}

/* ln(1 + u) for u in 0..1, to full relative precision. */
INLINE vf v_log1p(vf u)
{
    const vf w = u + 1.0f;
    const vi tiny = w == 1.0f;
    const vf denominator = select(tiny, splat(1.0f), w - 1.0f);
    return select(tiny, u, v_log(w) * u / denominator);
}

INLINE vf v_sigmoid(vf x)
{
    return 1.0f / (1.0f + v_exp(-x));
}

INLINE vf v_tanh(vf x)
{
    const vf a = magnitude(x), z = x * x;
    vf p = splat(-5.70498872745e-3f);
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    const vf small = p * z * x + x;
    const vf big = 1.0f - 2.0f / (v_exp(a + a) + 1.0f);
    const vf signed_big = (vf)((vi)big | ((vi)x & (int32_t)0x80000000));
    return select(a >= 0.625f, signed_big, small); /* NaN stays NaN */
}

/* The normal distribution function, from erfc in W. J. Cody's spirit: erfc(a) = t exp(-a^2 + p(t)), t = 1 / (1 + a /
 * 2), relative error of the formula 1.2e-7 (Press et al., Numerical Recipes, section 6.2). */
INLINE vf v_normal_distribution(vf x)
{
    const vf a = magnitude(x) * 0.70710678118654752f;
    const vf t = 1.0f / (1.0f + 0.5f * a);
    vf p = splat(0.17087277f);
    p = p * t - 0.82215223f;
    p = p * t + 1.48851587f;
    p = p * t - 1.13520398f;
    p = p * t + 0.27886807f;
    p = p * t - 0.18628806f;
    p = p * t + 0.09678418f;
    p = p * t + 0.37409196f;
    p = p * t + 1.00002368f;
    p = p * t - 1.26551223f;
    const vf tail = 0.5f * t * v_exp(p - a * a);
    return select(x < 0.0f, tail, 1.0f - tail);
}

#endif
