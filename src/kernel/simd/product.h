/* What the products multiply: numbers as they are; or, in the files compiled with DDPM_BFLOAT16, numbers rounded to
 * bfloat16 (a float's upper half), of which two neighbours along the inner index share an element. Sums are float32.
 * TERMS: numbers an element. GATHERED: columns of a layer from which on a gradient's factors are gathered (dense.h); as
 * bfloat16 they always are.
 */
#ifndef DDPM_KERNEL_SIMD_PRODUCT_H
#define DDPM_KERNEL_SIMD_PRODUCT_H

#include "vector.h"

#ifdef DDPM_BFLOAT16

#ifdef __AVX512BF16__
#include <immintrin.h>
enum { AT_FULL_RATE = 1 };
#else
enum { AT_FULL_RATE = 0 };
#endif

enum { TERMS = 2, GATHERED = 0 };
typedef uint32_t element __attribute__((may_alias)); /* the first term in the lower half */
typedef vu elements;

/* To the nearest, ties to even, in the upper half; NaN stays NaN. */
INLINE uint32_t round_bfloat16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
    return (x == x ? rounded : bits | 0x400000) & 0xffff0000;
}

INLINE vu round_bfloat16_vector(vf x)
{
    const vu bits = (vu)x, rounded = bits + 0x7fff + (bits >> 16 & 1), number = (vu)(x == x);
    return ((number & rounded) | (~number & (bits | 0x400000))) & 0xffff0000;
}

/* Of x[0] and x[stride], when as many are left; nothing is read beyond. */
INLINE element element_of(const float *x, int64_t stride, int64_t left)
{
    return round_bfloat16(x[0]) >> 16 | (left > 1 ? round_bfloat16(x[stride]) : 0);
}

INLINE elements elements_of(const float *x, int64_t stride, int64_t left)
{
    const vu first = round_bfloat16_vector(load_vf(x)) >> 16;
    return left > 1 ? first | round_bfloat16_vector(load_vf(x + stride)) : first;
}

INLINE vf add_product(vf sum, element a, elements b)
{
    const vu both = a - (vu){0};
#ifdef __AVX512BF16__
    return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)both, (__m512bh)b);
#else
    sum += (vf)(both << 16) * (vf)(b << 16);
    return sum + (vf)(both & 0xffff0000) * (vf)(b & 0xffff0000);
#endif
}

/* Rows as elements, in scratch. */
INLINE const element *rows_of(int64_t rows, int64_t k, const float *x, int64_t ldx, float *scratch, int64_t *stride)
{
    element *to = (element *)(void *)scratch;
    *stride = (k + 1) / 2;
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t i = 0; i + 2 <= k; i += 2) to[row * *stride + i / 2] = element_of(x + row * ldx + i, 1, 2);
        if (k % 2) to[row * *stride + k / 2] = element_of(x + row * ldx + k - 1, 1, 1);
    }
    return to;
}

#else

enum { AT_FULL_RATE = 1, TERMS = 1, GATHERED = 256 };
typedef float element;
typedef vf elements;

INLINE element element_of(const float *x, int64_t stride, int64_t left)
{
    (void)stride;
    (void)left;
    return *x;
}

INLINE elements elements_of(const float *x, int64_t stride, int64_t left)
{
    (void)stride;
    (void)left;
    return load_vf(x);
}

INLINE vf add_product(vf sum, element a, elements b)
{
    return sum + a * b;
}

/* The rows themselves. */
INLINE const element *rows_of(int64_t rows, int64_t k, const float *x, int64_t ldx, float *scratch, int64_t *stride)
{
    (void)rows;
    (void)k;
    (void)scratch;
    *stride = ldx;
    return x;
}

#endif

/* Elements of a sum over k terms. */
INLINE int64_t steps_of(int64_t k)
{
    return (k + TERMS - 1) / TERMS;
}

INLINE elements load_elements(const element *from)
{
    elements v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE void store_elements(element *to, elements v)
{
    memcpy(to, &v, sizeof v);
}

#endif
