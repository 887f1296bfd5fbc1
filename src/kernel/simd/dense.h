/* A dense layer on a block of rows, forward and back to its inputs: packed weights, and the products with them, each
 * fused with what follows it.
 *
 * The inner loop of a product adds one outer product after another to a register tile. An output is one chain of
 * multiply-adds in the order of the inner index, whichever tile it is in, so that its bits do not depend on the tiling.
 */
#ifndef DDPM_KERNEL_SIMD_DENSE_H
#define DDPM_KERNEL_SIMD_DENSE_H

#include "activate.h"
#include "product.h"
#include "tile.h"

/* The panels follow each other, [length_of(k)][PANEL] elements each. In bfloat16, where an element holds two numbers,
 * they fill half of the room that kernel/simd.h asks for. Where other threads have read the lines that are written, it
 * would take longer to take each back from their caches than to read it from memory once: they are streamed. */
INLINE void put(int streams, element *to, elements v)
{
    if (streams)
        stream_elements(to, v);
    else
        store_elements(to, v);
}

static void pack(ddpm_const_matrix w, ddpm_range rows, ddpm_range columns, int is_shared, float *packed)
{
    const int64_t k = w.rows, n = w.columns;
    for (int64_t column = columns.first; column < columns.end; column += PANEL) {
        const int64_t left = n - column;
        element *panel = (element *)(void *)packed + column * length_of(k) + rows.first / TERMS * PANEL;
        for (int64_t i = rows.first; i < rows.end; i += TERMS, panel += PANEL)
            for (int v = 0; v < VECTORS; v++)
                put(is_shared, panel + v * LANES,
                    some_elements_of(w.data + i * w.stride + column + v * LANES, w.stride, k - i,
                                     ddpm_larger(0, left - v * LANES)));
    }
    if (is_shared) finish_streaming();
}

/* One step of the transposition of a square of vectors: the blocks of `size` lanes beside the diagonal change places.
 */
#define SWAP_BLOCKS(size, v)                                                        \
    _Pragma("GCC unroll 16") for (int i = 0; i < LANES; i++) if (!(i & (size)))     \
    {                                                                               \
        const elements a = (v)[i], b = (v)[i + (size)];                             \
        (v)[i] = __builtin_shufflevector(a, b, OF_LANES(UPPER_OF_##size));          \
        (v)[i + (size)] = __builtin_shufflevector(a, b, OF_LANES(LOWER_OF_##size)); \
    }
#define UPPER_OF(l, size) ((l) & (size) ? LANES + (l) - (size) : (l))
#define LOWER_OF(l, size) ((l) & (size) ? LANES + (l) : (l) + (size))
#define UPPER_OF_1(l) UPPER_OF(l, 1)
#define UPPER_OF_2(l) UPPER_OF(l, 2)
#define UPPER_OF_4(l) UPPER_OF(l, 4)
#define UPPER_OF_8(l) UPPER_OF(l, 8)
#define LOWER_OF_1(l) LOWER_OF(l, 1)
#define LOWER_OF_2(l) LOWER_OF(l, 2)
#define LOWER_OF_4(l) LOWER_OF(l, 4)
#define LOWER_OF_8(l) LOWER_OF(l, 8)

INLINE void transpose(elements v[LANES])
{
#if LANE_COUNT >= 16
    SWAP_BLOCKS(8, v)
#endif
#if LANE_COUNT >= 8
    SWAP_BLOCKS(4, v)
#endif
    SWAP_BLOCKS(2, v)
    SWAP_BLOCKS(1, v)
}

/* LANES rows of w, LANES elements of each, become as many rows of a panel. */
INLINE void pack_square(ddpm_const_matrix w, int64_t row, int64_t column, int is_shared, element *to)
{
    elements v[LANES];
    for (int i = 0; i < LANES; i++)
        v[i] = row + i < w.rows ? elements_along(w.data + (row + i) * w.stride + column, w.columns - column)
                                : (elements){0};
    transpose(v);
    const int64_t count = ddpm_smaller(LANES, length_of(w.columns - column));
    for (int64_t i = 0; i < count; i++) put(is_shared, to + i * PANEL, v[i]);
}

static void pack_transposed(ddpm_const_matrix w, ddpm_range rows, ddpm_range columns, int is_shared, float *packed)
{
    const int64_t length = length_of(w.columns);
    for (int64_t row = rows.first; row < rows.end; row += PANEL) {
        element *panel = (element *)(void *)packed + row * length;
        for (int64_t column = columns.first; column < columns.end; column += LANES * TERMS)
            for (int v = 0; v < VECTORS; v++)
                pack_square(w, row + v * LANES, column, is_shared, panel + column / TERMS * PANEL + v * LANES);
    }
    if (is_shared) finish_streaming();
}

/* A block's tiles share the work of fetching the panel after theirs, since no cache near the processor holds it: each
 * step of a product fetches a part of a line, and so many tiles have a whole panel. */
enum {
    LINE = 64 / (int)sizeof(element), /* the elements of a line of the cache */
    STEPS_A_LINE = 8,
    SHARES = STEPS_A_LINE * PANEL / LINE
};

/* What the tile at a row of a block fetches: a share of the panel after the one at this column of so many. After the
 * last panel comes the first, for the next block. Where the product is of a part of the inputs, some of it lies behind
 * the weights, which does no harm. */
INLINE const element *next_of(const element *panels, int64_t column, int64_t columns, int64_t length, int64_t row)
{
    const int64_t next = column + PANEL < columns ? column + PANEL : 0;
    return panels + next * length + row / TILE % SHARES * (length / STEPS_A_LINE * LINE);
}

/* Fetch a tile of `rows` rows into the cache: those of a block's layers are in none. */
INLINE void prefetch_tile(int rows, const float *tile, int64_t stride)
{
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < VECTORS; v++) __builtin_prefetch(tile + i * stride + v * LANES, 1);
}

/* Fetch the part of `rows` rows that lies in one panel. */
INLINE void prefetch_operand(int rows, const element *from, int64_t stride)
{
    for (int i = 0; i < rows; i++)
        for (int64_t at = 0; at < STEPS; at += LINE) __builtin_prefetch(from + i * stride + at);
}

/* sums = rows of a times one panel of weights. `rows` is a constant once inlined. While a's columns of one panel are
 * read, those of the next one are fetched, or the first ones of the rows that follow. The tile that the sums are for,
 * and unless NULL a second one, are fetched only towards the end, since a long panel drives out what came before. */
INLINE void multiply(int rows, operand a, const element *panel, const element *next, const float *tile,
                     const float *second, int64_t stride, vf sums[][VECTORS])
{
    enum { LATE = 96 }; /* elements */
    const int64_t late = ddpm_larger(ddpm_pieces(a.length, STEPS) - LATE / STEPS, 0) * STEPS;
    const element *following = a.data + rows * a.stride;
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < VECTORS; v++) sums[i][v] = splat(0.0f);
#pragma GCC unroll 1
    for (int64_t at = 0; at < a.length; a.data += a.panels - STEPS) {
        const int64_t end = ddpm_smaller(at + STEPS, a.length);
        prefetch_operand(rows, end < a.length ? a.data + a.panels : following, a.stride);
        if (at == late) {
            prefetch_tile(rows, tile, stride);
            if (second && second != tile) prefetch_tile(rows, second, stride);
        }
#pragma GCC unroll 4
        for (; at < end; at++, a.data++, panel += PANEL, next += LINE / STEPS_A_LINE) {
            elements b[VECTORS];
            for (int v = 0; v < VECTORS; v++) b[v] = load_elements(panel + v * LANES);
            __builtin_prefetch(next, 0, 2);
            for (int i = 0; i < rows; i++)
                for (int v = 0; v < VECTORS; v++) sums[i][v] = add_product(sums[i][v], a.data[i * a.stride], b[v]);
        }
    }
}

/* Where a tile of activations is stored: h and, unless NULL, slope. Before, x W + bias stays in the place of h; or of
 * the slope, if there is one and h is kept as operands. Where it stays in the place of such an h, rows are computed in
 * their order, and operands, which take half the room of numbers, do not reach those that are still to be read. */
typedef struct activations {
    float *linear, *h, *slope;
    int64_t stride; /* of numbers */
    int is_kept;
} activations;

INLINE activations activations_at(ddpm_matrix h, float *slope, int64_t row, int64_t column)
{
    const ddpm_const_matrix m = ddpm_matrix_read(h);
    const int64_t stride = number_stride(m), panel = place_of(h.panels, column), at = panel + row * stride;
    return (activations){.linear = (is_kept(m) && slope ? slope : h.data) + at,
                         .h = h.data + panel + row * h.stride,
                         .slope = slope ? slope + at : NULL,
                         .stride = stride,
                         .is_kept = is_kept(m)};
}

/* Activations of `rows` rows of a panel, at most as many as CHAINS vectors have, from row `first` of a tile on. */
INLINE void activate_rows(int rows, ddpm_activation activation, int64_t first, activations to)
{
    const int count = rows * VECTORS;
    const int64_t at = first * to.stride;
    vf z[CHAINS], d[CHAINS];
    EACH z[j] = load_vf(to.linear + at + j / VECTORS * to.stride + j % VECTORS * LANES);
    v_activate(activation, count, z, d);
    if (to.slope) EACH store_vf(to.slope + at + j / VECTORS * to.stride + j % VECTORS * LANES, d[j]);
    if (to.is_kept)
        for (int i = 0; i < rows; i++) keep_row(z + i * VECTORS, to.h + (first + i) * STEPS);
    else
        EACH store_vf(to.h + at + j / VECTORS * to.stride + j % VECTORS * LANES, z[j]);
}

INLINE void activate_strip_with(ddpm_activation activation, int64_t rows, activations to)
{
    enum { TOGETHER = CHAINS / VECTORS };
    int64_t row = 0;
    for (; row + TOGETHER <= rows; row += TOGETHER) activate_rows(TOGETHER, activation, row, to);
    for (; row < rows; row++) activate_rows(1, activation, row, to);
}

/* x W + bias of a few tiles, which is in the nearest cache, becomes its activation. At the end of one tile, with
 * registers left beside its sums for few chains of operations, the processor would mostly wait for these where the
 * inner index is short. */
static __attribute__((noinline)) void activate_strip(ddpm_activation activation, int64_t rows, activations to)
{
    WITH_CONSTANT_ACTIVATION(activate_strip_with, activation, rows, to)
}

enum { STRIP = 4 * TILE };

INLINE void forward_tile(int rows, operand x, const element *panel, const element *next, const float *bias,
                         int64_t bias_stride, activations to)
{
    vf sums[TILE][VECTORS];
    multiply(rows, x, panel, next, to.linear, to.slope, to.stride, sums);
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < VECTORS; v++)
            store_vf(to.linear + i * to.stride + v * LANES, sums[i][v] + load_vf(bias + i * bias_stride + v * LANES));
}

/* A sum waits for its own last multiply-add, so that the two sums of one row and one panel leave most of the units
 * idle: a row that is alone meets several panels at a time. Each sum is added up as in forward_tile. */
enum { ROW_PANELS = 4, ROW_VECTORS = ROW_PANELS * VECTORS };

INLINE void forward_row(operand x, const element *panels, int64_t length, const float *bias, ddpm_matrix h,
                        float *slope, int64_t column)
{
    vf sums[ROW_VECTORS];
    for (int i = 0; i < ROW_VECTORS; i++) sums[i] = splat(0.0f);
    for (int64_t at = 0; at < x.length; at++)
        for (int i = 0; i < ROW_VECTORS; i++)
            sums[i] = add_product(sums[i], x.data[at / STEPS * x.panels + at % STEPS],
                                  load_elements(panels + (i / VECTORS * length + at) * PANEL + i % VECTORS * LANES));
    for (int i = 0; i < ROW_VECTORS; i++)
        store_vf(activations_at(h, slope, 0, column + i / VECTORS * PANEL).linear + i % VECTORS * LANES,
                 sums[i] + load_vf(bias + i * LANES));
}

static void forward_panels(const ddpm_dense *layer, operand x, ddpm_activation activation, ddpm_matrix h, float *slope)
{
    const element *panels = (const element *)(const void *)layer->weight;
    const int64_t length = layer->inputs > 0 ? length_of(layer->inputs) : x.length;
    const int activates = activation != DDPM_ACTIVATION_IDENTITY || slope || is_kept(ddpm_matrix_read(h));
    int64_t first = 0;
    for (; h.rows == 1 && h.columns - first > (ROW_PANELS - 1) * PANEL; first += ROW_PANELS * PANEL)
        forward_row(x, panels + first * length, length, layer->bias + first, h, slope, first);
    for (int64_t column = 0; activates && column < ddpm_smaller(first, h.columns); column += PANEL)
        activate_strip(activation, 1, activations_at(h, slope, 0, column));
    for (int64_t column = first; column < h.columns; column += PANEL)
        for (int64_t row = 0; row < h.rows; row += TILE) {
            const operand left = {x.data + row * x.stride, x.stride, x.length, x.panels};
            WITH_CONSTANT_ROWS(forward_tile, h.rows - row, left, panels + column * length,
                               next_of(panels, column, h.columns, length, row),
                               layer->bias + row * layer->bias_stride + column, layer->bias_stride,
                               activations_at(h, slope, row, column))
            const int64_t strip = row / STRIP * STRIP, end = ddpm_smaller(row + TILE, h.rows);
            if (activates && (end - strip == STRIP || end == h.rows))
                activate_strip(activation, end - strip, activations_at(h, slope, strip, column));
        }
}

/* `columns` outputs of LANES rows, a lane for each row: the rows of x are transposed on their way. Each sum is added up
 * as in forward_tile. */
INLINE void forward_lanes(int columns, operand x, int64_t rows, const element *panel, const float *bias, float *h,
                          int64_t stride)
{
    vf sums[TILE];
    for (int j = 0; j < columns; j++) sums[j] = splat(0.0f);
    for (int64_t first = 0; first < x.length; first += LANES) {
        elements v[LANES];
        for (int i = 0; i < LANES; i++)
            v[i] = i < rows ? load_elements(x.data + i * x.stride + first / STEPS * x.panels + first % STEPS)
                            : (elements){0};
        transpose(v);
        for (int i = 0; i < LANES && first + i < x.length; i++)
            for (int j = 0; j < columns; j++) sums[j] = add_product(sums[j], panel[(first + i) * PANEL + j], v[i]);
    }
    for (int j = 0; j < columns; j++) sums[j] += bias[j];
    for (int64_t i = 0; i < ddpm_smaller(rows, LANES); i++)
        for (int j = 0; j < columns; j++) h[i * stride + j] = sums[j][i];
}

/* A layer of few outputs, such as the last one where rows have few columns, would fill only some lanes of a tile. */
INLINE void forward_thin(const ddpm_dense *layer, operand x, ddpm_matrix h)
{
    const element *panel = (const element *)(const void *)layer->weight;
    for (int64_t row = 0; row < h.rows; row += LANES) {
        const operand left = {x.data + row * x.stride, x.stride, x.length, x.panels};
        WITH_CONSTANT_ROWS(forward_lanes, h.columns, left, h.rows - row, panel, layer->bias, h.data + row * h.stride,
                           h.stride)
    }
}

static void forward(const ddpm_dense *layer, ddpm_const_matrix x, ddpm_activation activation, ddpm_matrix h,
                    float *slope, float *scratch)
{
    const operand left = operand_of(x, scratch);
    if (h.columns <= TILE && h.rows >= LANES && activation == DDPM_ACTIVATION_IDENTITY && !slope &&
        layer->bias_stride == 0) {
        forward_thin(layer, left, h);
        return;
    }
    forward_panels(layer, left, activation, h, slope);
}

/* The sums of a tile, times their slopes unless these are NULL, become a tile of dx. */
INLINE void backward_data_tile(int rows, operand dz, const element *panel, const element *next, const float *slope,
                               float *dx, int64_t stride, int keeps)
{
    vf sums[TILE][VECTORS];
    multiply(rows, dz, panel, next, dx, slope, stride, sums);
    for (int i = 0; i < rows; i++) {
        for (int v = 0; v < VECTORS; v++) {
            const int64_t at = i * stride + v * LANES;
            if (slope) sums[i][v] *= load_vf(slope + at);
            if (!keeps) store_vf(dx + at, sums[i][v]);
        }
        if (keeps) keep_row(sums[i], dx + i * STEPS);
    }
}

static void backward_data(const ddpm_dense *layer, ddpm_const_matrix dz, const float *slope, ddpm_matrix dx,
                          float *scratch)
{
    const operand left = operand_of(dz, scratch);
    const element *panels = (const element *)(const void *)layer->transposed;
    const int64_t length = layer->outputs > 0 ? length_of(layer->outputs) : left.length;
    const int64_t stride = number_stride(ddpm_matrix_read(dx));
    for (int64_t column = 0; column < dx.columns; column += PANEL)
        for (int64_t row = 0; row < dx.rows; row += TILE) {
            const operand rows = {left.data + row * left.stride, left.stride, left.length, left.panels};
            const int64_t at = place_of(dx.panels, column);
            WITH_CONSTANT_ROWS(backward_data_tile, dx.rows - row, rows, panels + column * length,
                               next_of(panels, column, dx.columns, length, row),
                               slope ? slope + at + row * stride : NULL, dx.data + at + row * dx.stride, stride,
                               is_kept(ddpm_matrix_read(dx)))
        }
}

#endif
