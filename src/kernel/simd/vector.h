/* Vectors of one instruction set, and elementary functions on them.
 *
 * The functions are polynomials after Cephes (S. L. Moshier); tests/unit/kernel/test_activation.c and test_normal.c
 * measure their errors.
 */
#ifndef DDPM_KERNEL_SIMD_VECTOR_H
#define DDPM_KERNEL_SIMD_VECTOR_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE__
#include <immintrin.h>
#endif

/* OF_LANES(f) is f(0), f(1), ... of each lane. */
#if defined __AVX512F__
#define LANE_COUNT 16
#define OF_LANES(f) f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)
#elif defined __AVX2__
#define LANE_COUNT 8
#define OF_LANES(f) f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)
#else
#define LANE_COUNT 4
#define OF_LANES(f) f(0), f(1), f(2), f(3)
#endif
enum { LANES = LANE_COUNT };

/* Whole vectors of floats, of signed and of unsigned integers. */
typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));
typedef uint32_t vu __attribute__((vector_size(LANES * 4)));
/* Vectors of half as many lanes, of floats, doubles and 64-bit integers. Integers of the type hl are unsigned, since
 * the sums of an iteration that is refused may wrap around. */
typedef float hf __attribute__((vector_size(LANES * 2)));
typedef double hd __attribute__((vector_size(LANES * 4)));
typedef uint64_t hl __attribute__((vector_size(LANES * 4)));
typedef int64_t hs __attribute__((vector_size(LANES * 4)));
enum { HALF = LANES / 2 };

#define INLINE static inline __attribute__((always_inline))

/* Loads and stores through memcpy work at any alignment, and become one instruction each. */
INLINE vf load_vf(const float *from)
{
    vf v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE void store_vf(float *to, vf v)
{
    memcpy(to, &v, sizeof v);
}

INLINE vi load_words(const uint32_t *from)
{
    vi v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE hl load_hl(const int64_t *from)
{
    hl v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE void store_hl(int64_t *to, hl v)
{
    memcpy(to, &v, sizeof v);
}

/* Load the first `left` lanes, with zeros in those above; where there are enough, this is one load of a whole vector.
 */
INLINE vf load_first(const float *from, int64_t left)
{
    vf v = {0};
    if (left >= LANES) return load_vf(from);
    memcpy(&v, from, (size_t)left * sizeof *from);
    return v;
}

INLINE vi load_first_words(const uint32_t *from, int64_t left)
{
    vi v = {0};
    if (left >= LANES) return load_words(from);
    memcpy(&v, from, (size_t)left * sizeof *from);
    return v;
}

INLINE void store_first(float *to, vf v, int64_t left)
{
    if (left >= LANES)
        store_vf(to, v);
    else
        memcpy(to, &v, (size_t)left * sizeof *to);
}

/* GCC makes one instruction of this loop, and four of __builtin_convertvector(). */
INLINE hd widen(hf x)
{
    hd wide = {0};
    for (int i = 0; i < HALF; i++) wide[i] = x[i];
    return wide;
}

/* The halves are joined in registers. Through memory it would be slower: a load of a whole vector waits until the
 * stores of its halves have reached the cache. */
INLINE vf join(hf low, hf high)
{
#define SAME_LANE(l) l
    return __builtin_shufflevector(low, high, OF_LANES(SAME_LANE));
}

/* x in every lane. It is x - 0, since x + 0 would turn -0 into 0. */
INLINE vf splat(float x)
{
    return x - (vf){0};
}

INLINE vf pick(vi mask, vf yes, vf no)
{
    return (vf)((mask & (vi)yes) | (~mask & (vi)no));
}

INLINE vf magnitude(vf x)
{
    return (vf)((vi)x & 0x7fffffff);
}

/* a < b ? a : b, which is b where one of them is NaN. GCC would make four instructions of pick(). */
INLINE vf smaller(vf a, vf b)
{
#if defined __AVX512F__
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined __AVX2__
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#elif defined __SSE__
    return (vf)_mm_min_ps((__m128)a, (__m128)b);
#else
    return pick(a < b, a, b);
#endif
}

/* a > b ? a : b, likewise. */
INLINE vf larger(vf a, vf b)
{
#if defined __AVX512F__
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined __AVX2__
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined __SSE__
    return (vf)_mm_max_ps((__m128)a, (__m128)b);
#else
    return pick(a > b, a, b);
#endif
}

/* Convert the integers, taken as signed, to doubles; each is rounded once. */
INLINE hd doubles(hl x)
{
#if defined __AVX512DQ__ || defined __aarch64__
    return __builtin_convertvector((hs)x, hd);
#else
    /* There is no instruction for it: the halves become the low bits of 2^52 and of 2^84 + 2^63. */
    const hl low = (x & 0xffffffffu) | 0x4330000000000000u, high = (x >> 32) ^ 0x4530000080000000u;
    return ((hd)high - (0x1p84 + 0x1p63 + 0x1p52)) + (hd)low;
#endif
}

/* 2^n for integers n in -126..127. */
INLINE vf power_of_two(vi n)
{
    return (vf)((n + 127) << 23);
}

/* An elementary function is a long chain of operations of which each waits for the one before, and a processor looks
 * ahead only so far for others to do in the meantime. So the functions take `count` vectors at once, at most CHAINS,
 * and do each step for all of them before the next one. `count` is a constant once a function is inlined. */
#if defined __AVX2__ && !defined __AVX512F__
enum { CHAINS = 10 };
#else
enum { CHAINS = 8 };
#endif
#define EACH for (int j = 0; j < count; j++)

/* exp(x), finite for every finite argument: those below -87.3 give about 1.2e-38, those above 88 about 1.7e38.
 * NaN counts as 88: a caller lets it through by a factor or sum with x itself. */
INLINE void v_exp(int count, vf *x)
{
    const vf magic = splat(0x1.8p23f); /* adding it rounds to an integer */
    vf n[CHAINS], p[CHAINS], power[CHAINS];
    EACH x[j] = smaller(x[j], splat(88.0f));
    EACH x[j] = larger(x[j], splat(-87.3f));
    EACH n[j] = x[j] * 1.44269504088896341f + magic;
    EACH power[j] = power_of_two((vi)n[j] - (vi)magic);
    EACH n[j] = n[j] - magic;
    EACH x[j] = x[j] - n[j] * 0.693359375f;
    EACH x[j] = x[j] - n[j] * -2.12194440e-4f;
    EACH p[j] = x[j] * 1.9875691500e-4f + 1.3981999507e-3f;
    EACH p[j] = p[j] * x[j] + 8.3334519073e-3f;
    EACH p[j] = p[j] * x[j] + 4.1665795894e-2f;
    EACH p[j] = p[j] * x[j] + 1.6666665459e-1f;
    EACH p[j] = p[j] * x[j] + 5.0000001201e-1f;
    EACH n[j] = x[j] * x[j];
    EACH p[j] = p[j] * n[j] + x[j];
    EACH x[j] = (p[j] + 1.0f) * power[j];
}

/* ln x of finite x > 0 that are not subnormal. */
INLINE vf v_log(vf x)
{
    vi exponent = ((vi)x >> 23) - 126;
    vf m = (vf)(((vi)x & 0x007fffff) | 0x3f000000); /* the mantissa, 0.5 to 1 */
    const vi low = m < 0.70710678118654752f;
    exponent += low;
    m = m + pick(low, m, splat(0.0f)) - 1.0f;
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

/* ln(1 + u) for u in 0..1, precise relative to its own magnitude however small u is. */
INLINE vf v_log1p(vf u)
{
    const vf w = u + 1.0f;
    const vi tiny = w == 1.0f;
    const vf denominator = pick(tiny, splat(1.0f), w - 1.0f);
    return pick(tiny, u, v_log(w) * u / denominator);
}

INLINE void v_sigmoid(int count, vf *x)
{
    EACH x[j] = -x[j];
    v_exp(count, x);
    EACH x[j] = 1.0f / (1.0f + x[j]);
}

INLINE void v_tanh(int count, vf *x)
{
    vf square[CHAINS], small[CHAINS], big[CHAINS];
    EACH square[j] = x[j] * x[j];
    EACH small[j] = square[j] * -5.70498872745e-3f + 2.06390887954e-2f;
    EACH small[j] = small[j] * square[j] - 5.37397155531e-2f;
    EACH small[j] = small[j] * square[j] + 1.33314422036e-1f;
    EACH small[j] = small[j] * square[j] - 3.33332819422e-1f;
    EACH small[j] = small[j] * square[j] * x[j] + x[j];
    EACH big[j] = magnitude(x[j]) + magnitude(x[j]);
    v_exp(count, big);
    EACH big[j] = 1.0f - 2.0f / (big[j] + 1.0f);
    EACH big[j] = (vf)((vi)big[j] | ((vi)x[j] & (int32_t)0x80000000)); /* with the sign of x */
    EACH x[j] = pick(magnitude(x[j]) >= 0.625f, big[j], small[j]);     /* NaN takes the small form and stays NaN */
}

/* The normal distribution function, by erfc(a) = t exp(-a^2 + p(t)) with t = 1 / (1 + a / 2), a formula whose relative
 * error is 1.2e-7 (Press et al., Numerical Recipes, section 6.2). */
INLINE void v_normal_distribution(int count, vf *x)
{
    vf a[CHAINS], t[CHAINS], p[CHAINS];
    EACH a[j] = magnitude(x[j]) * 0.70710678118654752f;
    EACH t[j] = 1.0f / (1.0f + 0.5f * a[j]);
    EACH p[j] = t[j] * 0.17087277f - 0.82215223f;
    EACH p[j] = p[j] * t[j] + 1.48851587f;
    EACH p[j] = p[j] * t[j] - 1.13520398f;
    EACH p[j] = p[j] * t[j] + 0.27886807f;
    EACH p[j] = p[j] * t[j] - 0.18628806f;
    EACH p[j] = p[j] * t[j] + 0.09678418f;
    EACH p[j] = p[j] * t[j] + 0.37409196f;
    EACH p[j] = p[j] * t[j] + 1.00002368f;
    EACH p[j] = p[j] * t[j] - 1.26551223f;
    EACH p[j] = p[j] - a[j] * a[j];
    v_exp(count, p);
    EACH t[j] = 0.5f * t[j] * p[j];
    EACH x[j] = pick(x[j] < 0.0f, t[j], 1.0f - t[j]);
}

#endif
