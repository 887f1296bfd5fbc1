/* The three matrix products of a dense layer on a block of rows, fused with what follows each.
 *
 * A tile of TILE rows by one panel of packed columns is held in registers; the inner loop adds one outer product a
 * step. An output is one chain of multiply-adds in the order of the inner index, whatever the tile, so the tiling shows
 * in no bit.
 */
#ifndef DDPM_KERNEL_SIMD_DENSE_H
#define DDPM_KERNEL_SIMD_DENSE_H

#include "activate.h"
#include "product.h"

#if defined __AVX512F__
enum { TILE = 8, VECTORS = 2 };
#elif defined __AVX2__
enum { TILE = 5, VECTORS = 2 };
#else
enum { TILE = 4, VECTORS = 2 };
#endif
enum { PANEL = LANES * VECTORS };

/* Panels are [steps][PANEL] elements; room for k x PANEL numbers is given. */
static void pack(const float *w, int64_t k, int64_t n, int64_t first, int64_t last, float *packed)
{
    for (int64_t p = first; p < last; p++) {
        const int64_t column = p * PANEL, columns = n - column < PANEL ? n - column : PANEL;
        element *panel = (element *)(void *)packed + column * steps_of(k);
        for (int64_t i = 0; i < k; i += TERMS, panel += PANEL) {
            for (int64_t j = 0; j < columns; j++) panel[j] = element_of(w + i * n + column + j, n, k - i);
            for (int64_t j = columns; j < PANEL; j++) panel[j] = 0;
        }
    }
}

static void pack_transposed(const float *w, int64_t k, int64_t n, int64_t first, int64_t last, float *packed)
{
    for (int64_t p = first; p < last; p++) {
        const int64_t row = p * PANEL, rows = k - row < PANEL ? k - row : PANEL;
        element *panel = (element *)(void *)packed + row * steps_of(n);
        for (int64_t j = 0; j < PANEL; j++)
            for (int64_t i = 0; i < n; i += TERMS)
                panel[i / TERMS * PANEL + j] = j < rows ? element_of(w + (row + j) * n + i, 1, n - i) : 0;
    }
}

/* acc = a [rows][steps] times one panel [steps][PANEL]. `rows` is a constant once inlined. */
INLINE void multiply(int rows, int64_t steps, const element *a, int64_t lda, const element *panel, vf acc[][VECTORS])
{
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < VECTORS; v++) acc[i][v] = splat(0.0f);
    for (int64_t step = 0; step < steps; step++) {
        elements b[VECTORS];
        for (int v = 0; v < VECTORS; v++) b[v] = load_elements(panel + step * PANEL + v * LANES);
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < VECTORS; v++) acc[i][v] = add_product(acc[i][v], a[i * lda + step], b[v]);
    }
}

/* Call tile(rows, ...) with `rows` a constant: the whole tile, or what is left of the block. */
#define WITH_CONSTANT_ROWS(tile, rows, ...)      \
    switch (rows) {                              \
    case 1:                                      \
        tile(1, __VA_ARGS__);                    \
        break;                                   \
    case 2:                                      \
        tile(2, __VA_ARGS__);                    \
        break;                                   \
    case 3:                                      \
        tile(3, __VA_ARGS__);                    \
        break;                                   \
    case 4:                                      \
        tile(4, __VA_ARGS__);                    \
        break;                                   \
    case 5:                                      \
        tile(5 <= TILE ? 5 : TILE, __VA_ARGS__); \
        break;                                   \
    case 6:                                      \
        tile(6 <= TILE ? 6 : TILE, __VA_ARGS__); \
        break;                                   \
    case 7:                                      \
        tile(7 <= TILE ? 7 : TILE, __VA_ARGS__); \
        break;                                   \
    default:                                     \
        tile(TILE, __VA_ARGS__);                 \
        break;                                   \
    }

INLINE void forward_tile(int rows, int64_t steps, const element *x, int64_t ldx, const element *panel,
                         const float *bias, ddpm_activation activation, float *h, float *slope, int64_t ldh)
{
    vf acc[TILE][VECTORS];
    multiply(rows, steps, x, ldx, panel, acc);
    for (int i = 0; i < rows; i += CHAINS / VECTORS) {
        const int count = (rows - i < CHAINS / VECTORS ? rows - i : CHAINS / VECTORS) * VECTORS;
        vf z[CHAINS], d[CHAINS];
        EACH z[j] = acc[i + j / VECTORS][j % VECTORS] + load_vf(bias + j % VECTORS * LANES);
        v_activate(activation, count, z, d);
        EACH
        {
            const int64_t at = (i + j / VECTORS) * ldh + j % VECTORS * LANES;
            store_vf(h + at, z[j]);
            if (slope) store_vf(slope + at, d[j]);
        }
    }
}

INLINE void forward_with(ddpm_activation activation, int64_t rows, int64_t k, int64_t n, const float *x, int64_t ldx,
                         const float *packed, const float *bias, float *h, float *slope, int64_t ldh, float *scratch)
{
    int64_t lda;
    const element *a = rows_of(rows, k, x, ldx, scratch, &lda), *panels = (const element *)(const void *)packed;
    for (int64_t column = 0; column < n; column += PANEL)
        for (int64_t row = 0; row < rows; row += TILE) {
            float *d = slope ? slope + row * ldh + column : NULL;
            WITH_CONSTANT_ROWS(forward_tile, rows - row, steps_of(k), a + row * lda, lda, panels + column * steps_of(k),
                               bias + column, activation, h + row * ldh + column, d, ldh)
        }
}

static void forward(int64_t rows, int64_t k, int64_t n, const float *x, int64_t ldx, const float *packed,
                    const float *bias, ddpm_activation activation, float *h, float *slope, int64_t ldh, float *scratch){
    WITH_CONSTANT_ACTIVATION(forward_with, activation, rows, k, n, x, ldx, packed, bias, h, slope, ldh, scratch)}

INLINE void backward_data_tile(int rows, int64_t steps, const element *dz, int64_t ldz, const element *panel,
                               const float *slope, float *dx, int64_t ldx)
{
    vf acc[TILE][VECTORS];
    multiply(rows, steps, dz, ldz, panel, acc);
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < VECTORS; v++) {
            const int64_t at = i * ldx + v * LANES;
            store_vf(dx + at, slope ? acc[i][v] * load_vf(slope + at) : acc[i][v]);
        }
}

static void backward_data(int64_t rows, int64_t k, int64_t n, const float *dz, int64_t ldz,
                          const float *packed_transposed, const float *slope, float *dx, int64_t ldx, float *scratch)
{
    int64_t lda;
    const element *a = rows_of(rows, n, dz, ldz, scratch, &lda),
                  *panels = (const element *)(const void *)packed_transposed;
    for (int64_t column = 0; column < k; column += PANEL)
        for (int64_t row = 0; row < rows; row += TILE) {
            const float *factor = slope ? slope + row * ldx + column : NULL;
            WITH_CONSTANT_ROWS(backward_data_tile, rows - row, steps_of(n), a + row * lda, lda,
                               panels + column * steps_of(n), factor, dx + row * ldx + column, ldx)
        }
}

/* Fixed point: adding 1.5 * 2^52 to a double below 2^51 leaves its nearest integer in the low bits. */
#define ROUNDING_MAGIC 0x1.8p52

INLINE void add_fixed_vector(vf v, double scale, int64_t *sum)
{
    hf half[2];
    memcpy(half, &v, sizeof v);
    const hd magic = ROUNDING_MAGIC - (hd){0};
    for (int i = 0; i < 2; i++) {
        const hd rounded = widen(half[i]) * scale + magic;
        store_hl(sum + i * HALF, load_hl(sum + i * HALF) + ((hl)rounded - (hl)magic));
    }
}

INLINE void add_fixed_scalar(float v, double scale, int64_t *sum)
{
    const double rounded = (double)v * scale + ROUNDING_MAGIC, magic = ROUNDING_MAGIC;
    uint64_t a, b;
    memcpy(&a, &rounded, sizeof a);
    memcpy(&b, &magic, sizeof b);
    *sum = (int64_t)((uint64_t)*sum + (a - b));
}

/* `scale` is not used: the two forms share their tile. */
INLINE void add_float_vector(vf v, double scale, float *sum)
{
    (void)scale;
    store_vf(sum, load_vf(sum) + v);
}

INLINE void add_float_scalar(float v, double scale, float *sum)
{
    (void)scale;
    *sum += v;
}

/* The sums of a gradient run over rows: an element is of one column.
 * x [rows][k] in tiles of TILE columns, [ceil(k / TILE)][steps][TILE], so that a tile lies in one piece. */
INLINE void gather_tiles(int64_t rows, int64_t k, const float *x, int64_t ldx, element *tiles)
{
    for (int64_t i = 0; i < k; i += TILE)
        for (int64_t row = 0; row < rows; row += TERMS, tiles += TILE)
            for (int64_t c = 0; c < TILE && i + c < k; c++)
                tiles[c] = element_of(x + row * ldx + i + c, ldx, rows - row);
}

INLINE void gather_panel(int64_t rows, const float *dz, int64_t ldz, element *panel)
{
    for (int64_t row = 0; row < rows; row += TERMS, panel += PANEL)
        for (int v = 0; v < VECTORS; v++)
            store_elements(panel + v * LANES, elements_of(dz + row * ldz + v * LANES, ldz, rows - row));
}

/* The sizes of numbers as integers: in the same order, with what is not a number above all others. */
INLINE vi size_bits(vf v)
{
    return (vi)v & 0x7fffffff;
}

INLINE int32_t size_bits_of(float v)
{
    int32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits & 0x7fffffff;
}

INLINE int64_t smaller_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

INLINE int any(vi mask)
{
    int32_t bits = 0;
    for (int i = 0; i < LANES; i++) bits |= mask[i];
    return bits != 0;
}

/* A tile of x^T dz: TILE columns of x by one panel of columns of dz, over the rows of one block, added to sum, which is
 * fetched in the meantime: the sums of a wide layer are in no cache.
 *
 * A layer's product is made of such tiles. Those of all blocks follow each other while their sums are at hand. The
 * factors of a layer of GATHERED columns on are gathered first: in a wide one as it is, a tile touches a page a row.
 */
#define DEFINE_SUMS(name, number)                                                                                     \
    /* The first `wide` columns of a panel. */                                                                        \
    static __attribute__((noinline)) void add_##name##_lanes(const vf *v, int64_t wide, double scale, int32_t limit,  \
                                                             number *sum, vi *over)                                   \
    {                                                                                                                 \
        for (int64_t i = 0; i < wide; i++) {                                                                          \
            const float x = v[i / LANES][i % LANES];                                                                  \
            if (size_bits_of(x) > limit) (*over)[i % LANES] = -1;                                                     \
            add_##name##_scalar(x, scale, sum + i);                                                                   \
        }                                                                                                             \
    }                                                                                                                 \
                                                                                                                      \
    INLINE void weights_tile_##name(int columns, int64_t steps, int64_t n, int64_t wide, const element *x,            \
                                    int64_t ldx, const element *dz, int64_t ldz, double scale, int32_t limit,         \
                                    number *sum, vi *over)                                                            \
    {                                                                                                                 \
        vf acc[TILE][VECTORS];                                                                                        \
        for (int i = 0; i < columns; i++)                                                                             \
            for (int v = 0; v < VECTORS; v++) {                                                                       \
                acc[i][v] = splat(0.0f);                                                                              \
                __builtin_prefetch(sum + i * n + v * LANES, 1);                                                       \
            }                                                                                                         \
        for (int64_t step = 0; step < steps; step++) {                                                                \
            elements b[VECTORS];                                                                                      \
            for (int v = 0; v < VECTORS; v++) b[v] = load_elements(dz + step * ldz + v * LANES);                      \
            for (int i = 0; i < columns; i++)                                                                         \
                for (int v = 0; v < VECTORS; v++) acc[i][v] = add_product(acc[i][v], x[step * ldx + i], b[v]);        \
        }                                                                                                             \
        if (wide < PANEL) {                                                                                           \
            for (int i = 0; i < columns; i++) add_##name##_lanes(acc[i], wide, scale, limit, sum + i * n, over);      \
            return;                                                                                                   \
        }                                                                                                             \
        _Pragma("GCC unroll 8") for (int i = 0; i < columns; i++)                                                     \
            _Pragma("GCC unroll 2") for (int v = 0; v < VECTORS; v++)                                                 \
        {                                                                                                             \
            *over |= size_bits(acc[i][v]) > limit;                                                                    \
            add_##name##_vector(acc[i][v], scale, sum + i * n + v * LANES);                                           \
        }                                                                                                             \
    }                                                                                                                 \
                                                                                                                      \
    INLINE int weights_##name(int64_t rows, int64_t block, int64_t k, int64_t n, const float *x, int64_t ldx,         \
                              const float *dz, int64_t ldz, double scale, float largest, number *sum, float *scratch) \
    {                                                                                                                 \
        const int gathered = n >= GATHERED;                                                                           \
        const int64_t wide = (k + TILE - 1) / TILE * TILE, most = steps_of(block),                                    \
                      blocks = (rows + block - 1) / block, last = steps_of(rows - (blocks - 1) * block);              \
        element *tiles = (element *)(void *)scratch, *panel = tiles + ((blocks - 1) * most + last) * wide;            \
        const int32_t limit = size_bits_of(largest);                                                                  \
        vi over = {0};                                                                                                \
        for (int64_t b = 0; gathered && b < blocks; b++)                                                              \
            gather_tiles(smaller_of(block, rows - b * block), k, x + b * block * ldx, ldx, tiles + b * most * wide);  \
        for (int64_t column = 0; column < n; column += PANEL) {                                                       \
            for (int64_t b = 0; gathered && b < blocks; b++)                                                          \
                gather_panel(smaller_of(block, rows - b * block), dz + b * block * ldz + column, ldz,                 \
                             panel + b * most * PANEL);                                                               \
            for (int64_t i = 0; i < k; i += TILE)                                                                     \
                for (int64_t b = 0; b < blocks; b++) {                                                                \
                    const int64_t steps = steps_of(smaller_of(block, rows - b * block));                              \
                    const element *left = tiles + b * most * wide + i * steps, *right = panel + b * most * PANEL;     \
                    if (!gathered) {                                                                                  \
                        left = (const element *)(const void *)(x + b * block * ldx + i);                              \
                        right = (const element *)(const void *)(dz + b * block * ldz + column);                       \
                    }                                                                                                 \
                    WITH_CONSTANT_ROWS(weights_tile_##name, k - i, steps, n, n - column, left, gathered ? TILE : ldx, \
                                       right, gathered ? PANEL : ldz, scale, limit, sum + i * n + column, &over)      \
                }                                                                                                     \
        }                                                                                                             \
        return any(over);                                                                                             \
    }                                                                                                                 \
                                                                                                                      \
    INLINE int add_array_##name(int64_t n, const float *v, double scale, float largest, number *sum)                  \
    {                                                                                                                 \
        const int32_t limit = size_bits_of(largest);                                                                  \
        vi over = {0};                                                                                                \
        int64_t i = 0;                                                                                                \
        for (; i + LANES <= n; i += LANES) {                                                                          \
            const vf x = load_vf(v + i);                                                                              \
            over |= size_bits(x) > limit;                                                                             \
            add_##name##_vector(x, scale, sum + i);                                                                   \
        }                                                                                                             \
        for (; i < n; i++) {                                                                                          \
            if (size_bits_of(v[i]) > limit) over[0] = -1;                                                             \
            add_##name##_scalar(v[i], scale, sum + i);                                                                \
        }                                                                                                             \
        return any(over);                                                                                             \
    }

DEFINE_SUMS(fixed, int64_t)
DEFINE_SUMS(float, float)

static int backward_weights_fixed(int64_t rows, int64_t block, int64_t k, int64_t n, const float *x, int64_t ldx,
                                  const float *dz, int64_t ldz, double scale, float limit, int64_t *sum, float *scratch)
{
    return weights_fixed(rows, block, k, n, x, ldx, dz, ldz, scale, limit, sum, scratch);
}

static int backward_weights_float(int64_t rows, int64_t block, int64_t k, int64_t n, const float *x, int64_t ldx,
                                  const float *dz, int64_t ldz, float limit, float *sum, float *scratch)
{
    return weights_float(rows, block, k, n, x, ldx, dz, ldz, 1.0, limit, sum, scratch);
}

static int add_fixed(int64_t n, const float *v, double scale, float limit, int64_t *sum)
{
    return add_array_fixed(n, v, scale, limit, sum);
}

static int add_float(int64_t n, const float *v, float limit, float *sum)
{
    return add_array_float(n, v, 1.0, limit, sum);
}

/* Of `vectors` vectors side by side, for each is a chain of additions. */
INLINE void sum_columns(int vectors, int64_t rows, int64_t n, const float *z, int64_t ldz, float *out)
{
    vf sum[CHAINS];
    for (int v = 0; v < vectors; v++) sum[v] = splat(0.0f);
    for (int64_t row = 0; row < rows; row++)
        for (int v = 0; v < vectors; v++) sum[v] += load_vf(z + row * ldz + v * LANES);
    for (int v = 0; v < vectors; v++) store_first(out + v * LANES, sum[v], n - v * LANES);
}

static void column_sums(int64_t rows, int64_t n, const float *z, int64_t ldz, float *out)
{
    enum { SIDE_BY_SIDE = 8 };
    int64_t column = 0;
    for (; column + SIDE_BY_SIDE * LANES <= n; column += SIDE_BY_SIDE * LANES)
        sum_columns(SIDE_BY_SIDE, rows, n - column, z + column, ldz, out + column);
    for (; column < n; column += LANES) sum_columns(1, rows, n - column, z + column, ldz, out + column);
}

#endif
