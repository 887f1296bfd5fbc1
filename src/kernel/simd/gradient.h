/* The gradient of a dense layer's weights, x^T dz, added to sums in 64-bit fixed point or in float32; and the sums of
 * arrays and of columns that go with it.
 *
 * A function with the argument `exact`, a constant once it is inlined, is written once for both kinds of sums.
 */
#ifndef DDPM_KERNEL_SIMD_GRADIENT_H
#define DDPM_KERNEL_SIMD_GRADIENT_H

#include "product.h"
#include "tile.h"

#include "kernel/simd.h"

/* Sums and the rule for what is added to them. */
typedef struct destination {
    int64_t *fixed; /* used if exact */
    float *real;    /* used otherwise */
    int64_t stride; /* of the rows of a product */
    double scale;   /* of fixed point */
    float exponent; /* of the scale, which is a power of two */
    int32_t limit;  /* the largest contribution, as magnitude_bits_of gives it */
    vi *largest;    /* of the contributions, lane by lane, likewise: NaN counts as larger than infinity */
} destination;

/* When 1.5 * 2^52 is added to a double whose magnitude is below 2^51, the low bits of the sum are the nearest integer.
 */
#define ROUNDING_MAGIC 0x1.8p52

/* Add `count` vectors, `apart` numbers apart, to the sums of one; each is rounded by itself. */
INLINE void add_fixed_vectors(int count, const float *v, int64_t apart, destination to, int64_t *sum)
{
#ifdef __AVX512DQ__
    /* Fewer instructions for the same: a product by a power of two is exact, or so small that it is rounded to 0. */
    hl low = load_hl(sum), high = load_hl(sum + HALF);
    for (int c = 0; c < count; c++) {
        const __m512 scaled = _mm512_scalef_ps((__m512)load_vf(v + c * apart), (__m512)splat(to.exponent));
        low += (hl)_mm512_cvtps_epi64(_mm512_castps512_ps256(scaled));
        high += (hl)_mm512_cvtps_epi64(_mm512_extractf32x8_ps(scaled, 1));
    }
    store_hl(sum, low);
    store_hl(sum + HALF, high);
#else
    const hd magic = ROUNDING_MAGIC - (hd){0};
    for (int i = 0; i < 2; i++) {
        hl all = load_hl(sum + i * HALF) - (hl)magic * (uint64_t)count;
        for (int c = 0; c < count; c++) {
            hf half;
            memcpy(&half, v + c * apart + i * HALF, sizeof half);
            all += (hl)(widen(half) * to.scale + magic);
        }
        store_hl(sum + i * HALF, all);
    }
#endif
}

INLINE void add_fixed_number(float v, double scale, int64_t *sum)
{
    const double rounded = (double)v * scale + ROUNDING_MAGIC, magic = ROUNDING_MAGIC;
    uint64_t a, b;
    memcpy(&a, &rounded, sizeof a);
    memcpy(&b, &magic, sizeof b);
    *sum = (int64_t)((uint64_t)*sum + (a - b));
}

/* The magnitudes of floats as integers, which are in the same order; NaN comes after infinity. */
INLINE vi magnitude_bits(vf v)
{
    return (vi)v & 0x7fffffff;
}

INLINE int32_t magnitude_bits_of(float v)
{
    int32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits & 0x7fffffff;
}

INLINE vi larger_bits(vi a, vi b)
{
#if defined __AVX512F__
    return (vi)_mm512_max_epi32((__m512i)a, (__m512i)b);
#elif defined __AVX2__
    return (vi)_mm256_max_epi32((__m256i)a, (__m256i)b);
#else
    const vi mask = a > b;
    return (mask & a) | (~mask & b);
#endif
}

/* Whether a contribution was larger than the limit, or not a number. */
INLINE int is_over(destination to)
{
    int over = 0;
    for (int i = 0; i < LANES; i++) over |= (*to.largest)[i] > to.limit;
    return over;
}

/* The same for the sums from element `at` on. */
INLINE destination moved_by(int exact, destination all, int64_t at)
{
    if (exact)
        all.fixed += at;
    else
        all.real += at;
    return all;
}

/* Add `count` vectors, `apart` numbers apart, to the sums of one from element `at` on. */
INLINE void add_vectors(int exact, int count, const float *v, int64_t apart, destination to, int64_t at)
{
    for (int c = 0; c < count; c++) *to.largest = larger_bits(magnitude_bits(load_vf(v + c * apart)), *to.largest);
    if (exact) {
        add_fixed_vectors(count, v, apart, to, to.fixed + at);
        return;
    }
    vf sum = load_vf(to.real + at);
    for (int c = 0; c < count; c++) sum += load_vf(v + c * apart);
    store_vf(to.real + at, sum);
}

INLINE void add_number(int exact, destination to, int64_t at, float v)
{
    if (magnitude_bits_of(v) > to.limit) (*to.largest)[0] = magnitude_bits_of(v);
    if (exact)
        add_fixed_number(v, to.scale, to.fixed + at);
    else
        to.real[at] += v;
}

/* The rows of an operand lie in different pages: each is fetched before it is copied. Behind the last one there may be
 * nothing, which does no harm. */
INLINE void prefetch_rows(const float *row, int64_t stride)
{
    enum { AHEAD = 16 };
    for (int i = 0; i < TERMS; i++) __builtin_prefetch(row + (AHEAD + i) * stride);
}

/* The elements of the rows that share one, of the first `count` columns from one on. */
INLINE elements rows_from(ddpm_const_matrix m, int64_t row, int64_t column, int64_t count)
{
    if (is_kept(m)) return kept_rows(m, row, column);
    const float *from = m.data + row * m.stride + place_of(m.panels, column);
    prefetch_rows(from, m.stride);
    return some_elements_of(from, m.stride, m.rows - row, count);
}

/* Copy x [rows][k] into tiles of TILE columns, [ceil(k / TILE)][length][TILE], of which each begins `apart` elements
 * after the one before. The products run over rows: where two numbers share an element, they are of two rows. Tiles
 * that fill a vector together are copied together. */
INLINE void gather_tiles(ddpm_const_matrix x, int64_t apart, element *tiles)
{
    enum { TOGETHER = LANES % TILE == 0 ? LANES / TILE : 1 };
    for (int64_t i = 0; i < x.columns; i += TOGETHER * TILE, tiles += TOGETHER * apart)
        for (int64_t row = 0; row < x.rows; row += TERMS) {
            const elements some = rows_from(x, row, i, x.columns - i);
            for (int64_t t = 0; t < TOGETHER && i + t * TILE < x.columns; t++)
                memcpy(tiles + t * apart + row / TERMS * TILE, (const element *)&some + t * TILE, TILE * sizeof *tiles);
        }
}

/* Copy the panel of dz that begins at a column, [length][PANEL]. */
INLINE void gather_panel(ddpm_const_matrix dz, int64_t column, element *panel)
{
    for (int64_t row = 0; row < dz.rows; row += TERMS, panel += PANEL)
        for (int v = 0; v < VECTORS; v++)
            store_elements(panel + v * LANES, rows_from(dz, row, column + v * LANES, LANES));
}

/* a^T b over the rows of one block: `rows` columns of a by a panel of b, into `product` [rows][PANEL]. */
INLINE void multiply_columns(int rows, operand a, operand b, float *product)
{
    vf sums[TILE][VECTORS];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < VECTORS; v++) sums[i][v] = splat(0.0f);
#pragma GCC unroll 4
    for (int64_t at = 0; at < a.length; at++) {
        elements right[VECTORS];
        for (int v = 0; v < VECTORS; v++) right[v] = load_elements(b.data + at * b.stride + v * LANES);
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < VECTORS; v++) sums[i][v] = add_product(sums[i][v], a.data[at * a.stride + i], right[v]);
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < VECTORS; v++) store_vf(product + i * PANEL + v * LANES, sums[i][v]);
}

/* A tile of x^T dz. The sums are prefetched in the meantime if it will be added to them next, since those of a wide
 * layer are in no cache. */
INLINE void weights_tile(int rows, int exact, int is_next, operand x, operand dz, destination to, float *product)
{
    for (int i = 0; is_next && i < rows; i++)
        for (int v = 0; v < VECTORS; v++) {
            const int64_t at = i * to.stride + v * LANES;
            __builtin_prefetch(exact ? (const void *)(to.fixed + at) : (const void *)(to.real + at), 1);
            if (exact) __builtin_prefetch(to.fixed + at + HALF, 1);
        }
    multiply_columns(rows, x, dz, product);
}

/* The products of so many blocks are added to the sums at a time: each sum is then loaded and stored once for all. */
enum { PRODUCTS = 4 };

/* Add `count` tiles of products [TILE][PANEL], of which `rows` rows and `columns` columns count. */
INLINE void add_products(int exact, int count, const float *products, int64_t rows, int64_t columns, destination to)
{
#pragma GCC unroll 2
    for (int64_t i = 0; i < rows; i++)
        if (columns < PANEL)
            for (int c = 0; c < count; c++)
                for (int64_t j = 0; j < columns; j++)
                    add_number(exact, to, i * to.stride + j, products[(c * TILE + i) * PANEL + j]);
        else
            for (int v = 0; v < VECTORS; v++)
                add_vectors(exact, count, products + i * PANEL + v * LANES, TILE * PANEL, to,
                            i * to.stride + v * LANES);
}

/* The same with `count` a constant. */
INLINE void add_some_products(int exact, int count, const float *products, int64_t rows, int64_t columns,
                              destination to)
{
    switch (count) {
    case 1:
        add_products(exact, 1, products, rows, columns, to);
        break;
    case 2:
        add_products(exact, 2, products, rows, columns, to);
        break;
    case 3:
        add_products(exact, 3, products, rows, columns, to);
        break;
    default:
        add_products(exact, PRODUCTS, products, rows, columns, to);
        break;
    }
}

/* A tile of x^T dz of few columns, `rows`: the product of these with a panel of x, `columns` of it, fills whole
 * vectors, and its transpose is what is added. */
INLINE void thin_tile(int rows, int exact, operand dz, operand x, destination to, int64_t columns)
{
    float product[TILE * PANEL] __attribute__((aligned(sizeof(vf))));
    multiply_columns(rows, dz, x, product);
    for (int i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) add_number(exact, to, j * to.stride + i, product[i * PANEL + j]);
}

/* Rows of a block as they lie, or converted where operands are. */
INLINE operand panel_of(ddpm_const_matrix x, int64_t column, element *scratch)
{
    if (TERMS == 1)
        return (operand){(const element *)(const void *)(x.data + place_of(x.panels, column)), x.stride, x.rows, 0};
    gather_panel(x, column, scratch);
    return (operand){scratch, PANEL, length_of(x.rows), 0};
}

INLINE void backward_thin_weights(int exact, ddpm_const_matrix x, ddpm_const_matrix dz, destination to,
                                  element *scratch)
{
    const operand left = panel_of(dz, 0, scratch);
    for (int64_t i = 0; i < x.columns; i += PANEL) {
        const operand right = panel_of(x, i, scratch + left.length * PANEL);
        WITH_CONSTANT_ROWS(thin_tile, dz.columns, exact, left, right, moved_by(exact, to, i * to.stride),
                           ddpm_smaller(x.columns - i, PANEL))
    }
}

/* Whether an operand of the gradient of a layer of n columns is copied, so that what belongs to a tile lies in one
 * piece: in place, each row of a wide matrix would lie in another page of memory, and the processor holds the addresses
 * of only so many pages. In panels, the rows of a tile are as near to each other as in a copy. */
INLINE int is_gathered(ddpm_const_matrix m, int64_t n)
{
    return n >= GATHERED && (TERMS > 1 || !m.panels);
}

/* Columns of a matrix as they lie. */
INLINE operand columns_of(ddpm_const_matrix m, int64_t row, int64_t column, int64_t length)
{
    const float *from = m.data + row * m.stride + place_of(m.panels, column);
    return (operand){(const element *)(const void *)from, m.stride, length, 0};
}

/* The tiles of all blocks that go to the same sums follow each other. Where they are gathered, scratch holds x of all
 * blocks, [padded_k / TILE][length][TILE], and behind it a panel of dz, [length][PANEL]. */
INLINE int backward_weights(int exact, ddpm_const_matrix x, ddpm_const_matrix dz, int64_t block, destination to,
                            float *scratch)
{
    const int64_t k = x.columns, n = dz.columns, blocks = ddpm_pieces(x.rows, block);
    const int64_t padded_k = ddpm_round_up(k, TILE), block_length = length_of(block),
                  all = (blocks - 1) * block_length + length_of(x.rows - (blocks - 1) * block);
    const int gathers_x = is_gathered(x, n), gathers_dz = is_gathered(dz, n);
    element *tiles = (element *)(void *)scratch, *panel = tiles + all * padded_k;
    float products[PRODUCTS * TILE * PANEL] __attribute__((aligned(sizeof(vf))));
    vi largest = {0};
    to.largest = &largest;
    if (n <= TILE && k > n) {
        for (int64_t at = 0; at < x.rows; at += block) {
            const int64_t rows = ddpm_smaller(block, x.rows - at);
            backward_thin_weights(exact, ddpm_const_matrix_part(x, at, rows), ddpm_const_matrix_part(dz, at, rows), to,
                                  tiles);
        }
        return is_over(to);
    }
    for (int64_t b = 0; gathers_x && b < blocks; b++)
        gather_tiles(ddpm_const_matrix_part(x, b * block, ddpm_smaller(block, x.rows - b * block)), all * TILE,
                     tiles + b * block_length * TILE);
    for (int64_t column = 0; column < n; column += PANEL) {
        for (int64_t b = 0; gathers_dz && b < blocks; b++)
            gather_panel(ddpm_const_matrix_part(dz, b * block, ddpm_smaller(block, x.rows - b * block)), column,
                         panel + b * block_length * PANEL);
        for (int64_t i = 0; i < k; i += TILE)
            for (int64_t b = 0; b < blocks; b++) {
                const int64_t length = length_of(ddpm_smaller(block, x.rows - b * block));
                const destination there = moved_by(exact, to, i * to.stride + column);
                const operand left = gathers_x ? (operand){tiles + i * all + b * block_length * TILE, TILE, length, 0}
                                               : columns_of(x, b * block, i, length),
                              right = gathers_dz ? (operand){panel + b * block_length * PANEL, PANEL, length, 0}
                                                 : columns_of(dz, b * block, column, length);
                const int is_last = b % PRODUCTS == PRODUCTS - 1 || b == blocks - 1;
                WITH_CONSTANT_ROWS(weights_tile, k - i, exact, is_last, left, right, there,
                                   products + b % PRODUCTS * (TILE * PANEL))
                if (is_last)
                    add_some_products(exact, (int)(b % PRODUCTS) + 1, products, ddpm_smaller(TILE, k - i), n - column,
                                      there);
            }
    }
    return is_over(to);
}

INLINE float exponent_of(double power_of_two)
{
    uint64_t bits;
    memcpy(&bits, &power_of_two, sizeof bits);
    return (float)((int)(bits >> 52) - 1023);
}

static int backward_weights_fixed(ddpm_const_matrix x, ddpm_const_matrix dz, int64_t block, ddpm_fixed_sums to,
                                  float *scratch)
{
    const destination fixed = {.fixed = to.sum,
                               .stride = to.stride ? to.stride : dz.columns,
                               .scale = to.scale,
                               .exponent = exponent_of(to.scale),
                               .limit = magnitude_bits_of(to.limit)};
    return backward_weights(1, x, dz, block, fixed, scratch);
}

static int backward_weights_float(ddpm_const_matrix x, ddpm_const_matrix dz, int64_t block, ddpm_float_sums to,
                                  float *scratch)
{
    const destination real = {
        .real = to.sum, .stride = to.stride ? to.stride : dz.columns, .limit = magnitude_bits_of(to.limit)};
    return backward_weights(0, x, dz, block, real, scratch);
}

INLINE int add_array(int exact, int64_t n, const float *v, destination to)
{
    vi largest = {0};
    int64_t i = 0;
    to.largest = &largest;
    for (; i + LANES <= n; i += LANES) add_vectors(exact, 1, v + i, 0, to, i);
    for (; i < n; i++) add_number(exact, to, i, v[i]);
    return is_over(to);
}

static int add_fixed(int64_t n, const float *v, ddpm_fixed_sums to)
{
    const destination fixed = {
        .fixed = to.sum, .scale = to.scale, .exponent = exponent_of(to.scale), .limit = magnitude_bits_of(to.limit)};
    return add_array(1, n, v, fixed);
}

static int add_float(int64_t n, const float *v, ddpm_float_sums to)
{
    return add_array(0, n, v, (destination){.real = to.sum, .limit = magnitude_bits_of(to.limit)});
}

/* Sum the columns of `vectors` vectors side by side, since each sum is a chain of additions that wait for each other.
 */
INLINE void sum_vectors(int vectors, ddpm_const_matrix z, int64_t column, float *out)
{
    vf sum[CHAINS];
    for (int v = 0; v < vectors; v++) sum[v] = splat(0.0f);
    for (int64_t row = 0; row < z.rows; row += TERMS)
        for (int v = 0; v < vectors; v++)
            sum[v] = add_product(sum[v], ONES, rows_from(z, row, column + v * LANES, LANES));
    for (int v = 0; v < vectors; v++) store_first(out + column + v * LANES, sum[v], z.columns - column - v * LANES);
}

static void column_sums(ddpm_const_matrix z, float *out)
{
    enum { SIDE_BY_SIDE = 8 };
    int64_t column = 0;
    for (; column + SIDE_BY_SIDE * LANES <= z.columns; column += SIDE_BY_SIDE * LANES)
        sum_vectors(SIDE_BY_SIDE, z, column, out);
    for (; column < z.columns; column += LANES) sum_vectors(1, z, column, out);
}

#endif
