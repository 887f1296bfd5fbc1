/* The matrix products of a dense layer against double precision, over awkward shapes; and that the bits of a row do not
 * depend on where in a block it is. With operands in bfloat16, numbers that are bfloat16 already must give what float32
 * gives. */
#include "isa.h"

#include "base/memory.h"

enum {
    MOST_ROWS = 70,
    WIDEST = 261,
    ROOM = 320 /* the stride: room for the widest matrix in whole panels, and for something after it */
};

static const int64_t widths[] = {1, 2, 3, 15, 16, 17, 31, 33, 64, 66, 100};
static const int64_t heights[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 24, 70};
enum { WIDTHS = sizeof widths / sizeof widths[0], HEIGHTS = sizeof heights / sizeof heights[0] };

/* The matrices of a layer of one shape. Before a kernel runs, what lies outside a matrix is NaN in those that it reads
 * and MARK in those that it writes. */
static struct {
    _Alignas(DDPM_ALIGNMENT) float packed[ROOM * WIDEST];
    _Alignas(DDPM_ALIGNMENT) float transposed[ROOM * WIDEST];
    float w[WIDEST * WIDEST], bias[ROOM];
    float x[(MOST_ROWS + 1) * ROOM], dz[(MOST_ROWS + 1) * ROOM], slope[(MOST_ROWS + 1) * ROOM];
    float out[(MOST_ROWS + 1) * ROOM], out_slope[(MOST_ROWS + 1) * ROOM], alone[ROOM], sum[WIDEST * WIDEST];
    float sum_of_blocks[WIDEST * WIDEST], scratch[MOST_ROWS * 2 * ROOM + 1];
    int64_t fixed[WIDEST * WIDEST], fixed_of_blocks[WIDEST * WIDEST];
} m;

static const float MARK = 12345.0f;
static const ddpm_dense layer = {.weight = m.packed, .bias = m.bias, .transposed = m.transposed};

/* Rows first .. first+rows-1 of one of the arrays above. */
static ddpm_const_matrix from(const float *block, int64_t first, int64_t rows, int64_t columns)
{
    return (ddpm_const_matrix){block + first * ROOM, rows, columns, ROOM};
}

static ddpm_matrix to(float *block, int64_t rows, int64_t columns)
{
    return (ddpm_matrix){block, rows, columns, ROOM};
}

static int is_bfloat16(void)
{
    return strcmp(kernels->precision, "bfloat16") == 0;
}

/* Operands of the precision under test: for bfloat16, only the upper half of each float is kept. */
static void fill_operands(float *out, int64_t n, int64_t series)
{
    fill_any(out, n, series);
    for (int64_t i = 0; is_bfloat16() && i < n; i++) {
        uint32_t bits;
        memcpy(&bits, out + i, sizeof bits);
        bits &= 0xffff0000;
        memcpy(out + i, &bits, sizeof bits);
    }
}

static void fill_block(float *block, int64_t columns, int64_t series)
{
    fill_operands(block, (MOST_ROWS + 1) * ROOM, series);
    for (int64_t row = 0; row <= MOST_ROWS; row++)
        for (int64_t j = columns; j < ROOM; j++) block[row * ROOM + j] = NAN;
}

static void mark_block(float *block)
{
    for (int64_t i = 0; i < (MOST_ROWS + 1) * ROOM; i++) block[i] = MARK;
}

static void make(int64_t k, int64_t n)
{
    const int64_t panel = kernels->panel;
    const ddpm_const_matrix w = {m.w, k, n, n};
    fill_operands(m.w, k * n, 1);
    fill_any(m.bias, n, 2);
    memset(m.bias + n, 0, (size_t)(ROOM - n) * sizeof(float));
    fill_block(m.x, k, 3);
    fill_block(m.dz, n, 4);
    fill_block(m.slope, k, 5);
    for (int64_t i = 0; i < ROOM * WIDEST; i++) m.packed[i] = m.transposed[i] = NAN;
    for (int64_t row = 0; row < k; row += panel) /* the work is shared in parts */
        for (int64_t column = 0; column < n; column += panel) {
            const ddpm_range rows = {row, ddpm_smaller(row + panel, k)},
                             columns = {column, ddpm_smaller(column + panel, n)};
            kernels->pack(w, rows, columns, n % 2 == 1, m.packed);
            kernels->pack_transposed(w, rows, columns, k % 2 == 1, m.transposed);
        }
}

/* The rounding errors of a chain of `terms` float operations add up to at most terms x 2^-24 of the sum of sizes. */
static void expect_sum(float value, double expected, double sizes, int64_t terms, const char *what, int64_t where)
{
    expect_near((double)value, expected, (double)(terms + 1) * 0x1p-24 * sizes, what, where);
}

/* Expect x W + bias in m.out. */
static void expect_layer(int64_t rows, int64_t k, int64_t n, int64_t terms, const char *what)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t j = 0; j < n; j++) {
            double sum = (double)m.bias[j], sizes = fabs(sum);
            for (int64_t i = 0; i < k; i++) {
                const double term = (double)m.x[row * ROOM + i] * (double)m.w[i * n + j];
                sum += term;
                sizes += fabs(term);
            }
            expect_sum(m.out[row * ROOM + j], sum, sizes, terms, what, (rows * 1000 + k) * 1000 + n);
        }
}

static void check_forward(int64_t rows, int64_t k, int64_t n)
{
    mark_block(m.out);
    kernels->forward(&layer, from(m.x, 0, rows, k), DDPM_ACTIVATION_IDENTITY, to(m.out, rows, n), NULL, m.scratch);
    expect_layer(rows, k, n, k + 1, "forward");
    for (int64_t j = 0; j < ROOM; j++) assert_true(m.out[rows * ROOM + j] == MARK); /* the row after the last one */
    for (int64_t j = ddpm_round_up(n, kernels->panel); j < ROOM; j++) assert_true(m.out[j] == MARK);
}

/* A layer in two parts: the rows of W from `first` on, and with what they give as the bias of each row, those before.
 */
static void check_parts(int64_t rows, int64_t k, int64_t n, int64_t first)
{
    ddpm_dense part = layer;
    if (kernels->per_element > 1) return;
    part.inputs = k;
    part.weight = m.packed + first * kernels->panel;
    kernels->forward(&part, from(m.x + first, 0, rows, k - first), DDPM_ACTIVATION_IDENTITY, to(m.out, rows, n), NULL,
                     m.scratch);
    memcpy(m.out_slope, m.out, sizeof m.out);
    part.weight = m.packed;
    part.bias = m.out_slope;
    part.bias_stride = ROOM;
    kernels->forward(&part, from(m.x, 0, rows, first), DDPM_ACTIVATION_IDENTITY, to(m.out, rows, n), NULL, m.scratch);
    expect_layer(rows, k, n, k + 2, "parts");
}

static void check_backward_data(int64_t rows, int64_t k, int64_t n, int with_slope)
{
    mark_block(m.out);
    kernels->backward_data(&layer, from(m.dz, 0, rows, n), with_slope ? m.slope : NULL, to(m.out, rows, k), m.scratch);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < k; i++) {
            const double factor = with_slope ? (double)m.slope[row * ROOM + i] : 1.0;
            double sum = 0.0, sizes = 0.0;
            for (int64_t j = 0; j < n; j++) {
                const double term = (double)m.dz[row * ROOM + j] * (double)m.w[i * n + j] * factor;
                sum += term;
                sizes += fabs(term);
            }
            expect_sum(m.out[row * ROOM + i], sum, sizes, n + 1, "backward", (rows * 1000 + k) * 1000 + n);
        }
    for (int64_t j = 0; j < ROOM; j++) assert_true(m.out[rows * ROOM + j] == MARK);
}

/* Add x^T dz of rows first .. first+rows-1. */
static int add_float(int64_t first, int64_t rows, int64_t block, int64_t k, int64_t n, float *sum)
{
    return kernels->backward_weights_float(from(m.x, first, rows, k), from(m.dz, first, rows, n), block,
                                           (ddpm_float_sums){.sum = sum, .limit = 1024.0f}, m.scratch);
}

static int add_fixed(int64_t first, int64_t rows, int64_t block, int64_t k, int64_t n, double scale, int64_t *sum)
{
    return kernels->backward_weights_fixed(from(m.x, first, rows, k), from(m.dz, first, rows, n), block,
                                           (ddpm_fixed_sums){.sum = sum, .scale = scale, .limit = 1024.0f}, m.scratch);
}

static void check_backward_weights(int64_t rows, int64_t k, int64_t n)
{
    const double scale = 0x1p40;
    for (int64_t i = 0; i < k * n; i++) {
        m.sum[i] = 0.0f;
        m.fixed[i] = i;
    }
    assert_true(ddpm_product_scratch(kernels, rows, k, n) <= (int64_t)(sizeof m.scratch / sizeof *m.scratch));
    assert_int_equal(add_float(0, rows, rows, k, n, m.sum), 0);
    assert_int_equal(add_fixed(0, rows, rows, k, n, scale, m.fixed), 0);
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0.0, sizes = 0.0;
            for (int64_t row = 0; row < rows; row++) {
                const double term = (double)m.x[row * ROOM + i] * (double)m.dz[row * ROOM + j];
                sum += term;
                sizes += fabs(term);
            }
            const int64_t at = i * n + j;
            expect_sum(m.sum[at], sum, sizes, rows, "weights", (rows * 1000 + k) * 1000 + n);
            assert_int_equal(m.fixed[at], at + llrint((double)m.sum[at] * scale));
        }
    kernels->column_sums(from(m.dz, 0, rows, n), m.alone);
    for (int64_t j = 0; j < n; j++) {
        double sum = 0.0, sizes = 0.0;
        for (int64_t row = 0; row < rows; row++) {
            sum += (double)m.dz[row * ROOM + j];
            sizes += fabs((double)m.dz[row * ROOM + j]);
        }
        expect_sum(m.alone[j], sum, sizes, rows, "column", j);
    }
}

/* From the panel of column `first` on, the layer gives the gradients of these outputs alone, and their sums lie in rows
 * of all outputs. */
static void check_part(int64_t rows, int64_t k, int64_t n)
{
    const int64_t first = n / 2 / kernels->panel * kernels->panel, terms = kernels->per_element;
    const ddpm_dense part = {.transposed = m.transposed + first / terms * kernels->panel, .outputs = n};
    if (first == 0) return;
    kernels->backward_data(&part, from(m.dz + first, 0, rows, n - first), NULL, to(m.out, rows, k), m.scratch);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < k; i++) {
            double sum = 0.0, sizes = 0.0;
            for (int64_t j = first; j < n; j++) {
                const double term = (double)m.dz[row * ROOM + j] * (double)m.w[i * n + j];
                sum += term;
                sizes += fabs(term);
            }
            expect_sum(m.out[row * ROOM + i], sum, sizes, n + 1, "part", i);
        }
    memset(m.sum_of_blocks, 0, (size_t)(k * n) * sizeof *m.sum_of_blocks);
    memset(m.fixed_of_blocks, 0, (size_t)(k * n) * sizeof *m.fixed_of_blocks);
    assert_int_equal(kernels->backward_weights_float(from(m.x, 0, rows, k), from(m.dz + first, 0, rows, n - first),
                                                     rows, (ddpm_float_sums){m.sum_of_blocks + first, 1024.0f, n},
                                                     m.scratch),
                     0);
    assert_int_equal(
        kernels->backward_weights_fixed(from(m.x, 0, rows, k), from(m.dz + first, 0, rows, n - first), rows,
                                        (ddpm_fixed_sums){m.fixed_of_blocks + first, 0x1p40, 1024.0f, n}, m.scratch),
        0);
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < n; j++) {
            assert_true(m.sum_of_blocks[i * n + j] == (j < first ? 0.0f : m.sum[i * n + j]));
            assert_int_equal(m.fixed_of_blocks[i * n + j], j < first ? 0 : m.fixed[i * n + j] - (i * n + j));
        }
}

static void check_all(int64_t rows, int64_t k, int64_t n)
{
    check_forward(rows, k, n);
    for (int64_t first = 1; first < k; first += 31) check_parts(rows, k, n, first);
    check_backward_data(rows, k, n, 0);
    check_backward_data(rows, k, n, 1);
    check_backward_weights(rows, k, n);
    if ((rows + k + n) % 4 == 0) check_part(rows, k, n);
}

/* Each width of the inputs meets each of the outputs, and both meet each height. */
static void test_products(void **state)
{
    (void)state;
    for (int a = 0; a < WIDTHS; a++)
        for (int b = 0; b < WIDTHS; b++) {
            make(widths[a], widths[b]);
            for (int h = (a + b) % 2; h < HEIGHTS; h += 2) check_all(heights[h], widths[a], widths[b]);
        }
}

static void test_every_height(void **state)
{
    (void)state;
    make(33, 17);
    for (int64_t rows = 1; rows <= MOST_ROWS; rows++) check_all(rows, 33, 17);
}

/* A layer is wide enough for its operands to be gathered. */
static void test_wide(void **state)
{
    (void)state;
    make(17, WIDEST);
    for (int h = 0; h < HEIGHTS; h++) check_all(heights[h], 17, WIDEST);
    make(WIDEST, WIDEST);
    check_all(13, WIDEST, WIDEST);
}

/* Blocks that are passed together give the same sums as blocks that are passed one after the other. */
static void test_blocks_together(void **state)
{
    (void)state;
    for (int a = 0; a < WIDTHS; a++)
        for (int64_t block = 1; block <= 40; block += 13) {
            const int64_t k = widths[WIDTHS - 1 - a], n = a == 1 ? WIDEST : widths[a], rows = 53;
            const int64_t room = ddpm_product_scratch(kernels, rows, k, n);
            make(k, n);
            m.scratch[room] = MARK;
            memset(m.sum, 0, sizeof m.sum);
            memset(m.fixed, 0, sizeof m.fixed);
            memset(m.sum_of_blocks, 0, sizeof m.sum_of_blocks);
            memset(m.fixed_of_blocks, 0, sizeof m.fixed_of_blocks);
            assert_int_equal(add_float(0, rows, block, k, n, m.sum), 0);
            assert_int_equal(add_fixed(0, rows, block, k, n, 0x1p20, m.fixed), 0);
            assert_true(m.scratch[room] == MARK);
            for (int64_t at = 0; at < rows; at += block) {
                const int64_t here = rows - at < block ? rows - at : block;
                assert_int_equal(add_float(at, here, here, k, n, m.sum_of_blocks), 0);
                assert_int_equal(add_fixed(at, here, here, k, n, 0x1p20, m.fixed_of_blocks), 0);
            }
            expect_bits(m.sum, m.sum_of_blocks, sizeof m.sum, "float sums", n);
            assert_memory_equal(m.fixed, m.fixed_of_blocks, sizeof m.fixed);
        }
}

/* Wherever a block is cut, every row has the bits that it has in the whole block. */
static void test_row_stands_alone(void **state)
{
    static float whole[(MOST_ROWS + 1) * ROOM], whole_slope[(MOST_ROWS + 1) * ROOM], whole_back[(MOST_ROWS + 1) * ROOM];
    (void)state;
    for (int a = 0; a < WIDTHS; a++) {
        const int64_t k = widths[a], n = widths[WIDTHS - 1 - a];
        make(k, n);
        kernels->forward(&layer, from(m.x, 0, MOST_ROWS, k), DDPM_ACTIVATION_SILU, to(whole, MOST_ROWS, n), whole_slope,
                         m.scratch);
        kernels->backward_data(&layer, from(m.dz, 0, MOST_ROWS, n), m.slope, to(whole_back, MOST_ROWS, k), m.scratch);
        for (int64_t first = 0; first < MOST_ROWS; first++) {
            const int64_t rows = 1 + (first * 7) % 20 < MOST_ROWS - first ? 1 + (first * 7) % 20 : MOST_ROWS - first;
            kernels->forward(&layer, from(m.x, first, rows, k), DDPM_ACTIVATION_SILU, to(m.out, rows, n), m.out_slope,
                             m.scratch);
            for (int64_t row = 0; row < rows; row++) {
                const int64_t at = (first + row) * ROOM;
                expect_bits(m.out + row * ROOM, whole + at, (size_t)n * sizeof(float), "forward", first);
                expect_bits(m.out_slope + row * ROOM, whole_slope + at, (size_t)n * sizeof(float), "slope", first);
            }
            kernels->backward_data(&layer, from(m.dz, first, rows, n), m.slope + first * ROOM, to(m.out, rows, k),
                                   m.scratch);
            for (int64_t row = 0; row < rows; row++)
                expect_bits(m.out + row * ROOM, whole_back + (first + row) * ROOM, (size_t)k * sizeof(float),
                            "backward", first);
        }
    }
}

/* A copy of one of the arrays of rows, in panels. Where `block` is NULL, the matrix is filled with MARK. */
static ddpm_matrix in_panels(const float *block, int64_t rows, int64_t columns, float *copy)
{
    const int64_t panel = kernels->panel;
    const ddpm_matrix to = {copy, rows, columns, panel, MOST_ROWS * panel + 16};
    for (int64_t i = 0; i < (MOST_ROWS + 1) * ROOM; i++) copy[i] = MARK;
    for (int64_t row = 0; block && row < rows; row++)
        for (int64_t j = 0; j < columns; j++)
            copy[j / panel * to.panels + row * panel + j % panel] = block[row * ROOM + j];
    return to;
}

static void expect_panels(ddpm_matrix panels, const float *block, const char *what)
{
    for (int64_t row = 0; row < panels.rows; row++)
        for (int64_t j = 0; j < panels.columns; j++)
            expect_bits(panels.data + j / panels.stride * panels.panels + row * panels.stride + j % panels.stride,
                        block + row * ROOM + j, sizeof *block, what, row);
}

/* Matrices in panels give the bits of matrices whose rows lie in one piece; and the gradient by the inputs may take the
 * place of the slopes. */
static void check_panels(int64_t rows, int64_t k, int64_t n)
{
    static float copy[4][(MOST_ROWS + 1) * ROOM];
    make(k, n);
    const ddpm_matrix x = in_panels(m.x, rows, k, copy[0]), dz = in_panels(m.dz, rows, n, copy[1]),
                      h = in_panels(NULL, rows, n, copy[2]), slope = in_panels(m.slope, rows, k, copy[3]);
    kernels->forward(&layer, from(m.x, 0, rows, k), DDPM_ACTIVATION_SILU, to(m.out, rows, n), NULL, m.scratch);
    kernels->forward(&layer, ddpm_matrix_read(x), DDPM_ACTIVATION_SILU, h, NULL, m.scratch);
    expect_panels(h, m.out, "forward");
    kernels->backward_data(&layer, from(m.dz, 0, rows, n), m.slope, to(m.out, rows, k), m.scratch);
    kernels->backward_data(&layer, ddpm_matrix_read(dz), slope.data, slope, m.scratch);
    expect_panels(slope, m.out, "backward");
    memset(m.fixed, 0, sizeof m.fixed);
    memset(m.fixed_of_blocks, 0, sizeof m.fixed_of_blocks);
    const int64_t block = rows / 2 + 1;
    assert_int_equal(add_fixed(0, rows, block, k, n, 0x1p20, m.fixed), 0);
    assert_int_equal(kernels->backward_weights_fixed(ddpm_matrix_read(x), ddpm_matrix_read(dz), block,
                                                     (ddpm_fixed_sums){m.fixed_of_blocks, 0x1p20, 1024.0f, n},
                                                     m.scratch),
                     0);
    assert_memory_equal(m.fixed, m.fixed_of_blocks, sizeof m.fixed);
    kernels->column_sums(from(m.dz, 0, rows, n), m.sum);
    kernels->column_sums(ddpm_matrix_read(dz), m.alone);
    expect_bits(m.alone, m.sum, (size_t)n * sizeof(float), "sums of columns", n);
}

static void test_panels(void **state)
{
    (void)state;
    if (kernels->panel % kernels->tile != 0) return;
    for (int h = 0; h < HEIGHTS; h++)
        for (int a = 0; a < WIDTHS; a++) check_panels(heights[h], widths[WIDTHS - 1 - a], widths[a]);
    check_panels(70, WIDEST, WIDEST);
    check_panels(1, WIDEST, WIDEST);
}

/* The activation that is fused with a product has the bits of the kernel that is an activation alone. */
static void test_fused_activation(void **state)
{
    (void)state;
    make(33, 66);
    for (int activation = 0; activation < DDPM_ACTIVATION_COUNT; activation++) {
        static float z[ROOM], h[ROOM], slope[ROOM];
        for (int64_t row = 0; row < 9; row++) {
            kernels->forward(&layer, from(m.x, row, 1, 33), DDPM_ACTIVATION_IDENTITY, to(z, 1, 66), NULL, m.scratch);
            kernels->activate(66, (ddpm_activation)activation, z, h, slope);
            kernels->forward(&layer, from(m.x, 0, 9, 33), (ddpm_activation)activation, to(m.out, 9, 66), m.out_slope,
                             m.scratch);
            expect_bits(m.out + row * ROOM, h, 66 * sizeof(float), "value", activation);
            expect_bits(m.out_slope + row * ROOM, slope, 66 * sizeof(float), "slope", activation);
            kernels->forward(&layer, from(m.x, 0, 9, 33), (ddpm_activation)activation, to(m.out, 9, 66), NULL,
                             m.scratch);
            expect_bits(m.out + row * ROOM, h, 66 * sizeof(float), "value without slope", activation);
        }
    }
}

/* One element that is too large or not a number is reported, wherever it is. */
static void test_refusal(void **state)
{
    static const float wrong[] = {NAN, INFINITY, -INFINITY, 1e9f, -1e9f};
    (void)state;
    for (int a = 0; a < WIDTHS; a++) {
        const int64_t n = widths[a];
        for (int w = 0; w < 5; w++)
            for (int64_t j = 0; j < n; j++) {
                make(3, n);
                m.dz[4 * ROOM + j] = wrong[w];
                assert_int_not_equal(add_fixed(0, 7, 7, 3, n, 0x1p40, m.fixed), 0);
                assert_int_not_equal(add_float(0, 7, 7, 3, n, m.sum), 0);
            }
    }
}

/* Numbers are rounded to the nearest bfloat16, to the even one of two; infinities and NaN stay what they are. */
static void test_rounding(void **state)
{
    static const float numbers[] = {1.0f,       0x1.01p0f, 0x1.010002p0f,   0x1.03p0f, -0x1.05p0f, 0x1.fffffep10f,
                                    0x1.ffp10f, INFINITY,  0x1.fffffep127f, -INFINITY, NAN,        0x1.3p-100f};
    static const float rounded[] = {1.0f,    1.0f,     0x1.02p0f, 0x1.04p0f, -0x1.04p0f, 0x1p11f,
                                    0x1p11f, INFINITY, INFINITY,  -INFINITY, NAN,        0x1.3p-100f};
    enum { NUMBERS = sizeof numbers / sizeof *numbers };
    const float one = 1.0f;
    (void)state;
    if (!is_bfloat16()) return;
    make(1, 1);
    kernels->pack((ddpm_const_matrix){&one, 1, 1, 1}, (ddpm_range){0, 1}, (ddpm_range){0, 1}, 0, m.packed);
    m.bias[0] = -0.0f;
    for (int i = 0; i < NUMBERS; i++) m.x[i * ROOM] = numbers[i];
    kernels->forward(&layer, from(m.x, 0, NUMBERS, 1), DDPM_ACTIVATION_IDENTITY, to(m.out, NUMBERS, 1), NULL,
                     m.scratch);
    for (int i = 0; i < NUMBERS; i++) {
        if (isnan(rounded[i]))
            assert_true(isnan(m.out[i * ROOM]));
        else
            assert_true(m.out[i * ROOM] == rounded[i]);
    }
}

static void test_unknown_isa(void **state)
{
    const ddpm_precision precision = is_bfloat16() ? DDPM_PRECISION_BFLOAT16 : DDPM_PRECISION_FLOAT32;
    (void)state;
    setenv("DDPM_ISA", "mmx", 1);
    assert_null(ddpm_kernels_choose(precision));
    setenv("DDPM_ISA", "", 1);
    assert_non_null(ddpm_kernels_choose(precision));
    setenv("DDPM_ISA", kernels->name, 1);
    assert_ptr_equal(ddpm_kernels_choose(precision), kernels);
}

/* The measurement of the rate does compute, since the sums change by rounding; and they stay near where they began,
 * however long it takes. */
static void test_multiply_add(void **state)
{
    float numbers[DDPM_LIMIT_NUMBERS], sums[DDPM_LIMIT_NUMBERS], before[DDPM_LIMIT_NUMBERS];
    (void)state;
    fill_any(numbers, DDPM_LIMIT_NUMBERS, 70);
    fill_any(before, DDPM_LIMIT_NUMBERS, 71);
    memcpy(sums, before, sizeof sums);
    const double operations = kernels->multiply_add(10000, numbers, sums);
    for (int i = 0; i < DDPM_LIMIT_NUMBERS; i++) expect_near((double)sums[i], (double)before[i], 1e-2, "a sum", i);
    assert_memory_not_equal(sums, before, sizeof sums);
    assert_true(operations >= 10000.0 * 2.0 * (double)kernels->panel);
    expect_near(kernels->multiply_add(30000, numbers, sums), 3.0 * operations, 0.0, "operations", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_every_height),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_blocks_together),
        cmocka_unit_test(test_row_stands_alone),
        cmocka_unit_test(test_panels),
        cmocka_unit_test(test_fused_activation),
        cmocka_unit_test(test_refusal),
        cmocka_unit_test(test_unknown_isa),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_multiply_add),
    };
    return kernels_exit(COUNT_ON_EVERY_ISA(DDPM_PRECISION_FLOAT32, tests) +
                        COUNT_ON_EVERY_ISA(DDPM_PRECISION_BFLOAT16, tests));
}
