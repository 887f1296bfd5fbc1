/* The operands of products: numbers as they are; or, in the files compiled with DDPM_BFLOAT16, numbers rounded to
 * bfloat16 (a float's upper half), of which two neighbours along the inner index share an element. Sums are float32.
 *
 * TERMS is how many numbers share an element. GATHERED is the number of a layer's columns from which on the operands of
 * its gradient are gathered if their rows lie in one piece (gradient.h); operands in bfloat16 always are, since that is
 * where they are converted.
 */
#ifndef DDPM_KERNEL_SIMD_PRODUCT_H
#define DDPM_KERNEL_SIMD_PRODUCT_H

#include "tile.h"

#include "kernel/simd.h"

#ifdef DDPM_BFLOAT16

#ifdef __AVX512BF16__
enum { AT_FULL_RATE = 1 };
#else
enum { AT_FULL_RATE = 0 };
#endif

enum { TERMS = 2, GATHERED = 0 };
typedef uint32_t element __attribute__((may_alias)); /* the first number is in the lower half */
typedef vu elements;

#else

enum { AT_FULL_RATE = 1, TERMS = 1, GATHERED = 256 };
typedef float element;
typedef vf elements;

#endif

/* The elements of a row in one panel. */
enum { STEPS = PANEL / TERMS };

/* One side of a product: rows of elements that lie `stride` elements apart, and their panels `panels` apart. A sum runs
 * over `length` elements: along a row, or in the gradient of weights from row to row of one panel. */
typedef struct operand {
    const element *data;
    int64_t stride, length, panels;
} operand;

/* Where a column of a matrix begins, in numbers from where its rows do. */
INLINE int64_t place_of(int64_t panels, int64_t column)
{
    return panels ? column / PANEL * panels + column % PANEL : column;
}

/* Whether a matrix is kept as operands (kernel/matrix.h). */
INLINE int is_kept(ddpm_const_matrix m)
{
    return TERMS > 1 && m.panels && m.stride == STEPS;
}

/* From a row of numbers to the next, in a matrix that may be kept and beside it. */
INLINE int64_t number_stride(ddpm_const_matrix m)
{
    return is_kept(m) ? PANEL : m.stride;
}

/* How many elements hold k numbers. */
INLINE int64_t length_of(int64_t k)
{
    return ddpm_pieces(k, TERMS);
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

/* Store past the caches, `to` aligned as a vector is; finish_streaming() before anybody reads it. */
INLINE void stream_elements(element *to, elements v)
{
#if defined __AVX512F__
    _mm512_stream_ps((float *)to, (__m512)v);
#elif defined __AVX2__
    _mm256_stream_ps((float *)to, (__m256)v);
#elif defined __SSE__
    _mm_stream_ps((float *)to, (__m128)v);
#else
    store_elements(to, v);
#endif
}

INLINE void finish_streaming(void)
{
#ifdef __SSE__
    _mm_sfence();
#endif
}

#ifdef DDPM_BFLOAT16

/* Numbers are rounded to the nearest bfloat16, to the even one of two; NaN stays NaN. paired(x, y) are the elements of
 * x[j] and y[j]; neighbours(low, high) are those of two neighbours each in the two vectors that follow each other. */
#ifdef __AVX512BF16__

INLINE vu neighbours(vf low, vf high)
{
    return (vu)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}

INLINE vu paired(vf x, vf y)
{
    typedef uint16_t vs __attribute__((vector_size(LANES * 4)));
#define X_AND_Y(l) (l), (l) + LANES
    const vs both = (vs)neighbours(x, y);
    return (vu)__builtin_shufflevector(both, both, OF_LANES(X_AND_Y));
}

#else

/* In the upper half of the word. */
INLINE vu round_bfloat16(vf x)
{
    const vu bits = (vu)x, rounded = bits + 0x7fff + (bits >> 16 & 1), number = (vu)(x == x);
    return ((number & rounded) | (~number & (bits | 0x400000))) & 0xffff0000;
}

INLINE vu paired(vf x, vf y)
{
    return round_bfloat16(x) >> 16 | round_bfloat16(y);
}

INLINE vu neighbours(vf low, vf high)
{
#define EVEN_LANE(l) (2 * (l))
#define ODD_LANE(l) (2 * (l) + 1)
    return paired(__builtin_shufflevector(low, high, OF_LANES(EVEN_LANE)),
                  __builtin_shufflevector(low, high, OF_LANES(ODD_LANE)));
}

#endif

/* The same for words that are bfloat16 already, those of columns in the first or in the second half of a panel. */
INLINE elements paired_words(elements x, elements y, int second)
{
    typedef uint16_t vs __attribute__((vector_size(LANES * 4)));
#define FIRST_WORDS(l) (l), (l) + 2 * LANES
#define SECOND_WORDS(l) (l) + LANES, (l) + 3 * LANES
    return second ? (elements)__builtin_shufflevector((vs)x, (vs)y, OF_LANES(SECOND_WORDS))
                  : (elements)__builtin_shufflevector((vs)x, (vs)y, OF_LANES(FIRST_WORDS));
}

/* The elements of x[j] and x[stride + j] for the first `count` numbers j, and zeros beyond. Where only one number is
 * left, x[stride + j] is not read, and counts as 0. */
INLINE elements some_elements_of(const float *x, int64_t stride, int64_t left, int64_t count)
{
    return paired(load_first(x, count), left > 1 ? load_first(x + stride, count) : splat(0.0f));
}

/* The elements of the first `count` numbers that follow each other, and zeros beyond. */
INLINE elements elements_along(const float *x, int64_t count)
{
    return neighbours(load_first(x, count), count > LANES ? load_first(x + LANES, count - LANES) : splat(0.0f));
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

/* Two products by 1. */
#define ONES 0x3f803f80u

/* The rows of x, unless they are kept as operands, are converted into scratch. A row is longer by one line of the
 * cache, for the reason that the rows of a workspace are (network/propagate.c). */
INLINE operand operand_of(ddpm_const_matrix x, float *scratch)
{
    const int64_t length = length_of(x.columns), stride = ddpm_round_up(length, LANES) + LANES;
    if (is_kept(x)) return (operand){(const element *)(const void *)x.data, x.stride, length, x.panels};
    for (int64_t row = 0; row < x.rows; row++)
        for (int64_t i = 0; i < length; i += LANES)
            store_elements(
                (element *)(void *)scratch + row * stride + i,
                elements_along(x.data + row * x.stride + place_of(x.panels, i * TERMS), x.columns - i * TERMS));
    return (operand){(const element *)(const void *)scratch, stride, length, STEPS};
}

/* The elements of two rows of a matrix that is kept, which meets zeros behind its last row, and of LANES columns. */
INLINE elements kept_rows(ddpm_const_matrix m, int64_t row, int64_t column)
{
    const element *at = (const element *)(const void *)m.data + row * STEPS + column / PANEL * m.panels;
    return paired_words(load_elements(at), row + 1 < m.rows ? load_elements(at + STEPS) : (elements){0},
                        column % PANEL >= LANES);
}

/* Keep a row of one panel, v [VECTORS], as operands. */
INLINE void keep_row(const vf *v, float *to)
{
    store_elements((element *)(void *)to, neighbours(v[0], v[1]));
}

#else

#define ONES 1.0f

/* Numbers are not kept otherwise. */
INLINE elements kept_rows(ddpm_const_matrix m, int64_t row, int64_t column)
{
    (void)m, (void)row, (void)column;
    return splat(0.0f);
}

INLINE void keep_row(const vf *v, float *to)
{
    (void)v, (void)to;
}

INLINE elements some_elements_of(const float *x, int64_t stride, int64_t left, int64_t count)
{
    (void)stride;
    (void)left;
    return load_first(x, count);
}

INLINE elements elements_along(const float *x, int64_t count)
{
    return load_first(x, count);
}

INLINE vf add_product(vf sum, element a, elements b)
{
    return sum + a * b;
}

/* The rows of x are read where they are. */
INLINE operand operand_of(ddpm_const_matrix x, float *scratch)
{
    (void)scratch;
    return (operand){x.data, x.stride, x.columns, x.panels ? x.panels : PANEL};
}

#endif

#endif
