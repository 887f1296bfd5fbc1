/* Matrices that are kept as operands: they hold the nearest bfloat16, and every product with them has the bits of the
 * product with the numbers that they were rounded from. */
#include "isa.h"

#include "base/memory.h"

enum { MOST_ROWS = 70, WIDEST = 130, ROOM = 176, PANELS = MOST_ROWS * 32 + 16, CELLS = 18 * PANELS };

static const int64_t widths[] = {1, 2, 15, 16, 33, 64, 129, 130};
static const int64_t heights[] = {1, 2, 3, 7, 8, 9, 33, 69, 70};
enum { WIDTHS = sizeof widths / sizeof widths[0], HEIGHTS = sizeof heights / sizeof heights[0] };

static struct {
    _Alignas(DDPM_ALIGNMENT) float packed[ROOM * ROOM];
    _Alignas(DDPM_ALIGNMENT) float transposed[ROOM * ROOM];
    float w[WIDEST * WIDEST], bias[ROOM], scratch[MOST_ROWS * 2 * ROOM];
    float x[MOST_ROWS * ROOM], dz[MOST_ROWS * ROOM];
    /* The same once as numbers in rows, and once kept beside slopes in panels. */
    float h[MOST_ROWS * ROOM], slope[MOST_ROWS * ROOM], dx[MOST_ROWS * ROOM], out[MOST_ROWS * ROOM];
    float kept_h[CELLS], kept_slope[CELLS], kept_out[MOST_ROWS * ROOM];
    float sums[ROOM], kept_sums[ROOM];
    int64_t fixed[WIDEST * WIDEST], kept_fixed[WIDEST * WIDEST];
} m;

static const ddpm_dense layer = {.weight = m.packed, .bias = m.bias, .transposed = m.transposed};

static ddpm_matrix numbers(float *data, int64_t rows, int64_t columns)
{
    return (ddpm_matrix){data, rows, columns, ROOM, 0};
}

static ddpm_matrix kept(float *data, int64_t rows, int64_t columns)
{
    return (ddpm_matrix){data, rows, columns, kernels->panel / kernels->per_element, PANELS};
}

static int are_kept(void)
{
    return kernels->per_element > 1 && kernels->panel % kernels->tile == 0;
}

/* A layer from n units to as many. */
static void make(int64_t n)
{
    memset(&m, 0xff, sizeof m); /* NaN */
    fill_any(m.w, n * n, 1);
    for (int64_t i = 0; i < n * n; i++) m.w[i] /= 8.0f;
    fill_any(m.bias, n, 2);
    memset(m.bias + n, 0, (size_t)(ROOM - n) * sizeof *m.bias);
    fill_any(m.x, MOST_ROWS * ROOM, 3);
    fill_any(m.dz, MOST_ROWS * ROOM, 4);
    const ddpm_range all = {0, n};
    kernels->pack((ddpm_const_matrix){m.w, n, n, n, 0}, all, all, 0, m.packed);
    kernels->pack_transposed((ddpm_const_matrix){m.w, n, n, n, 0}, all, all, 0, m.transposed);
}

static void expect_rows(const float *found, const float *expected, int64_t rows, int64_t n, const char *what)
{
    for (int64_t row = 0; row < rows; row++)
        expect_bits(found + row * ROOM, expected + row * ROOM, (size_t)n * sizeof *found, what, row);
}

/* Forward in blocks, so that one of them begins at an odd row. */
static void forward(ddpm_const_matrix x, ddpm_activation activation, ddpm_matrix h, float *slope, int64_t slope_stride)
{
    enum { BLOCK = 35 };
    for (int64_t at = 0; at < x.rows; at += BLOCK) {
        const int64_t rows = ddpm_smaller(BLOCK, x.rows - at);
        kernels->forward(&layer, ddpm_const_matrix_part(x, at, rows), activation, ddpm_matrix_part(h, at, rows),
                         slope ? slope + at * slope_stride : NULL, m.scratch);
    }
}

static void expect_gradients(ddpm_const_matrix x, ddpm_const_matrix dz, ddpm_const_matrix kept_x,
                             ddpm_const_matrix kept_dz)
{
    const int64_t block = x.rows / 2 + 1;
    const ddpm_fixed_sums to = {m.fixed, 0x1p20, 0x1p30f, 0}, kept_to = {m.kept_fixed, 0x1p20, 0x1p30f, 0};
    memset(m.fixed, 0, sizeof m.fixed);
    memset(m.kept_fixed, 0, sizeof m.kept_fixed);
    assert_int_equal(kernels->backward_weights_fixed(x, dz, block, to, m.scratch), 0);
    assert_int_equal(kernels->backward_weights_fixed(kept_x, kept_dz, block, kept_to, m.scratch), 0);
    assert_memory_equal(m.fixed, m.kept_fixed, sizeof m.fixed);
}

static void check(int64_t rows, int64_t n, ddpm_activation activation)
{
    const ddpm_matrix h = numbers(m.h, rows, n), dx = numbers(m.dx, rows, n), out = numbers(m.out, rows, n),
                      kept_h = kept(m.kept_h, rows, n), kept_dx = kept(m.kept_slope, rows, n),
                      kept_out = numbers(m.kept_out, rows, n);
    const ddpm_const_matrix x = ddpm_matrix_read(numbers(m.x, rows, n)), dz = ddpm_matrix_read(numbers(m.dz, rows, n));
    make(n);
    forward(x, activation, h, m.slope, ROOM);
    forward(ddpm_matrix_read(h), DDPM_ACTIVATION_IDENTITY, out, NULL, 0);
    for (int has_slope = 0; has_slope < 2; has_slope++) {
        forward(x, activation, kept_h, has_slope ? m.kept_slope : NULL, kernels->panel);
        forward(ddpm_matrix_read(kept_h), DDPM_ACTIVATION_IDENTITY, kept_out, NULL, 0);
        expect_rows(m.kept_out, m.out, rows, n, "forward");
    }
    /* The gradient takes the place of the slopes. */
    kernels->backward_data(&layer, dz, m.slope, dx, m.scratch);
    kernels->backward_data(&layer, dz, m.kept_slope, kept_dx, m.scratch);
    expect_gradients(ddpm_matrix_read(h), ddpm_matrix_read(dx), ddpm_matrix_read(kept_h), ddpm_matrix_read(kept_dx));
    const int64_t few = ddpm_smaller(n, 3);
    const ddpm_const_matrix thin = {m.dz, rows, few, ROOM, 0};
    expect_gradients(ddpm_matrix_read(h), thin, ddpm_matrix_read(kept_h), thin);
    kernels->column_sums(ddpm_matrix_read(dx), m.sums);
    kernels->column_sums(ddpm_matrix_read(kept_dx), m.kept_sums);
    expect_bits(m.kept_sums, m.sums, (size_t)n * sizeof *m.sums, "sums of columns", n);
    kernels->backward_data(&layer, ddpm_matrix_read(dx), NULL, out, m.scratch);
    kernels->backward_data(&layer, ddpm_matrix_read(kept_dx), NULL, kept_out, m.scratch);
    expect_rows(m.kept_out, m.out, rows, n, "backward");
}

static void test_products(void **state)
{
    (void)state;
    for (int h = 0; are_kept() && h < HEIGHTS; h++)
        for (int w = 0; w < WIDTHS; w++)
            check(heights[h], widths[w], (h + w) % 2 ? DDPM_ACTIVATION_SILU : DDPM_ACTIVATION_TANH);
}

/* The upper half of a float's bits, rounded to the nearest, of two to the even one. */
static uint32_t rounded(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static void test_rounding(void **state)
{
    enum { N = 33, ROWS = 9 };
    const int64_t panel = kernels->panel;
    (void)state;
    if (!are_kept()) return;
    make(N);
    const ddpm_const_matrix x = ddpm_matrix_read(numbers(m.x, ROWS, N));
    forward(x, DDPM_ACTIVATION_SILU, numbers(m.h, ROWS, N), NULL, 0);
    forward(x, DDPM_ACTIVATION_SILU, kept(m.kept_h, ROWS, N), NULL, 0);
    for (int64_t row = 0; row < ROWS; row++)
        for (int64_t j = 0; j < N; j++) {
            uint32_t element;
            memcpy(&element, m.kept_h + j / panel * PANELS + row * (panel / 2) + j % panel / 2, sizeof element);
            assert_int_equal(j % 2 ? element >> 16 : element & 0xffff, rounded(m.h[row * ROOM + j]));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_rounding),
    };
    return kernels_exit(COUNT_ON_EVERY_ISA(DDPM_PRECISION_BFLOAT16, tests));
}
