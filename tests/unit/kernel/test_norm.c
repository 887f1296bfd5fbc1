/* Modulated layer norm and gate, over awkward widths: forward against the formulas in double precision, backward
 * against central differences of them; that the bits of a row do not depend on the other rows; and that of a longer row
 * nothing is written but the part that is asked for. */
#include "isa.h"

#include "base/memory.h"

enum { ROWS = 6, WIDEST = 140, STRIDE = 192, PARTS = 3, M_STRIDE = PARTS * WIDEST + 64 };

static const int64_t widths[] = {1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 64, 100, 140};
enum { WIDTHS = sizeof widths / sizeof widths[0] };
static const float MARK = 12345.0f;

/* Before a kernel runs, what lies outside a matrix is NaN in those that it reads and MARK in those that it writes. */
static struct {
    float x[ROWS * STRIDE], dy[ROWS * STRIDE], modulation[ROWS * M_STRIDE]; /* a row: scale | shift | gate */
    float normal[ROWS * STRIDE], y[ROWS * STRIDE], inverse[ROWS];
    float dx[ROWS * STRIDE], dmodulation[ROWS * M_STRIDE];
} m;

static void fill_block(float *block, int64_t rows, int64_t stride, int64_t columns, int64_t series)
{
    for (int64_t i = 0; i < rows * stride; i++) block[i] = NAN;
    for (int64_t row = 0; row < rows; row++) fill_any(block + row * stride, columns, series + row);
}

static void mark(float *block, int64_t n)
{
    for (int64_t i = 0; i < n; i++) block[i] = MARK;
}

static void make(int64_t n)
{
    fill_block(m.x, ROWS, STRIDE, n, 10);
    fill_block(m.dy, ROWS, STRIDE, n, 20);
    fill_block(m.modulation, ROWS, M_STRIDE, PARTS * n, 30);
    for (int64_t j = 0; j < n; j++) m.x[j] += 300.0f; /* one row is far from zero, another one is constant */
    for (int64_t j = 0; j < n; j++) m.x[STRIDE + j] = 2.5f;
    mark(m.normal, ROWS * STRIDE);
    mark(m.y, ROWS * STRIDE);
    mark(m.dmodulation, ROWS * M_STRIDE);
}

/* Rows first .. first+rows-1 of an array of stride STRIDE. */
static ddpm_matrix rows_of(float *block, int64_t first, int64_t rows, int64_t n)
{
    return (ddpm_matrix){block + first * STRIDE, rows, n, STRIDE, 0};
}

static ddpm_const_matrix read_rows(const float *block, int64_t first, int64_t rows, int64_t n)
{
    return (ddpm_const_matrix){block + first * STRIDE, rows, n, STRIDE, 0};
}

/* Part `part` of the rows of the modulation, or of its gradient. */
static ddpm_const_matrix modulation_of(int64_t first, int64_t rows, int64_t n, int part, int64_t stride)
{
    return (ddpm_const_matrix){m.modulation + first * stride + part * n, rows, n, stride, 0};
}

static ddpm_matrix dmodulation_of(int64_t first, int64_t rows, int64_t n, int part)
{
    return (ddpm_matrix){m.dmodulation + first * M_STRIDE + part * n, rows, n, M_STRIDE, 0};
}

static void norm(int64_t first, int64_t rows, int64_t n, int64_t stride)
{
    kernels->norm(read_rows(m.x, first, rows, n), modulation_of(first, rows, n, 0, stride),
                  modulation_of(first, rows, n, 1, stride), rows_of(m.normal, first, rows, n), m.inverse + first,
                  rows_of(m.y, first, rows, n));
}

static void norm_backward(int64_t first, int64_t rows, int64_t n)
{
    kernels->norm_backward(read_rows(m.dy, first, rows, n), read_rows(m.normal, first, rows, n), m.inverse + first,
                           modulation_of(first, rows, n, 0, M_STRIDE), rows_of(m.dx, first, rows, n),
                           dmodulation_of(first, rows, n, 0), dmodulation_of(first, rows, n, 1));
}

/* Compute y of one row in double precision. */
static void reference_norm(int64_t n, const double *x, const double *scale, const double *shift, double *y)
{
    double mean = 0.0, variance = 0.0;
    for (int64_t j = 0; j < n; j++) mean += x[j] / (double)n;
    for (int64_t j = 0; j < n; j++) variance += (x[j] - mean) * (x[j] - mean) / (double)n;
    for (int64_t j = 0; j < n; j++) y[j] = (x[j] - mean) / sqrt(variance + 1e-5) * (1.0 + scale[j]) + shift[j];
}

static void widen(int64_t n, const float *from, double *to)
{
    for (int64_t j = 0; j < n; j++) to[j] = (double)from[j];
}

/* Of each row, the parts `from` to `to` - 1 were written and nothing else. */
static void expect_marks(int64_t n, int64_t from, int64_t to)
{
    for (int64_t row = 0; row < ROWS; row++)
        for (int64_t j = 0; j < M_STRIDE; j++)
            assert_true((m.dmodulation[row * M_STRIDE + j] == MARK) == (j < from * n || j >= to * n));
}

static void test_norm(void **state)
{
    double x[WIDEST], modulation[PARTS * WIDEST], y[WIDEST];
    (void)state;
    for (int w = 0; w < WIDTHS; w++) {
        const int64_t n = widths[w];
        make(n);
        norm(0, ROWS, n, M_STRIDE);
        for (int64_t row = 0; row < ROWS; row++) {
            widen(n, m.x + row * STRIDE, x);
            widen(PARTS * n, m.modulation + row * M_STRIDE, modulation);
            reference_norm(n, x, modulation, modulation + n, y);
            /* The row at 300 has a large tolerance: its numbers and their mean are rounded to 2^-15, and the norm
             * subtracts them. */
            for (int64_t j = 0; j < n; j++)
                expect_near((double)m.y[row * STRIDE + j], y[j], row == 0 ? 1e-3 : 5e-6, "norm", n * 100 + row);
        }
        for (int64_t j = ddpm_round_up(n, kernels->panel); j < STRIDE; j++) assert_true(m.y[j] == MARK);
    }
}

/* The central difference of sum(dy y) by element `at` of x (by = 0), scale (1) or shift (2). */
static double difference(int64_t n, const double *x, const double *modulation, const double *dy, int by, int64_t at)
{
    double sum = 0.0, moved[WIDEST], around[PARTS * WIDEST], y[WIDEST];
    const double h = 1e-5;
    for (int sign = -1; sign <= 1; sign += 2) {
        memcpy(moved, x, (size_t)n * sizeof *x);
        memcpy(around, modulation, (size_t)(PARTS * n) * sizeof *around);
        if (by == 0)
            moved[at] += sign * h;
        else
            around[(by - 1) * n + at] += sign * h;
        reference_norm(n, moved, around, around + n, y);
        for (int64_t j = 0; j < n; j++) sum += sign * dy[j] * y[j];
    }
    return sum / (2.0 * h);
}

static void test_norm_backward(void **state)
{
    double x[WIDEST], modulation[PARTS * WIDEST], dy[WIDEST];
    (void)state;
    for (int w = 0; w < WIDTHS; w++) {
        const int64_t n = widths[w];
        make(n);
        norm(0, ROWS, n, M_STRIDE);
        for (int64_t i = 0; i < ROWS * STRIDE; i++) m.dx[i] = 0.5f; /* the kernel adds to it */
        norm_backward(0, ROWS, n);
        expect_marks(n, 0, 2);
        for (int64_t row = 2; row < ROWS; row++) {
            const float *dm = m.dmodulation + row * M_STRIDE;
            widen(n, m.x + row * STRIDE, x);
            widen(PARTS * n, m.modulation + row * M_STRIDE, modulation);
            widen(n, m.dy + row * STRIDE, dy);
            for (int64_t j = 0; j < n; j++) {
                const int64_t where = n * 1000 + j;
                const double dx = difference(n, x, modulation, dy, 0, j);
                const double tolerance =
                    2e-5 * (1.0 + (double)m.inverse[row]); /* inverse is large where a row has nearly equal values */
                expect_near((double)m.dx[row * STRIDE + j] - 0.5, dx, tolerance, "dx", where);
                expect_near((double)dm[j], difference(n, x, modulation, dy, 1, j), 2e-5, "dscale", where);
                expect_near((double)dm[n + j], difference(n, x, modulation, dy, 2, j), 2e-5, "dshift", where);
            }
        }
    }
}

/* x + gate y and its derivatives are products of two floats, which are rounded once or twice. */
static void test_gate(void **state)
{
    static float x[ROWS * STRIDE], dy[ROWS * STRIDE];
    (void)state;
    for (int w = 0; w < WIDTHS; w++) {
        const int64_t n = widths[w];
        make(n);
        memcpy(x, m.x, sizeof x);
        const ddpm_const_matrix gates = modulation_of(0, ROWS, n, 2, M_STRIDE);
        kernels->gate(read_rows(m.dy, 0, ROWS, n), gates, rows_of(x, 0, ROWS, n));
        mark(dy, ROWS * STRIDE);
        kernels->gate_backward(read_rows(m.x, 0, ROWS, n), read_rows(m.dy, 0, ROWS, n), gates, rows_of(dy, 0, ROWS, n),
                               dmodulation_of(0, ROWS, n, 2));
        expect_marks(n, 2, 3);
        for (int64_t row = 0; row < ROWS; row++)
            for (int64_t j = 0; j < n; j++) {
                const int64_t at = row * STRIDE + j;
                const double gate = (double)m.modulation[row * M_STRIDE + 2 * n + j], before = (double)m.x[at],
                             y = (double)m.dy[at];
                expect_near((double)x[at], before + gate * y, 1e-6 + 1e-7 * fabs(before), "gate", n * 1000 + j);
                expect_near((double)dy[at], before * gate, 1e-7 * fabs(before), "dy", n * 1000 + j);
                expect_near((double)m.dmodulation[row * M_STRIDE + 2 * n + j], before * y, 1e-7 * fabs(before), "dgate",
                            n * 1000 + j);
            }
    }
}

/* A row has the same bits when it is computed alone, among others, or with a modulation that all rows share. */
static void test_rows_stand_alone(void **state)
{
    static float y[ROWS * STRIDE], dx[ROWS * STRIDE], dmodulation[ROWS * M_STRIDE];
    (void)state;
    for (int w = 0; w < WIDTHS; w++) {
        const int64_t n = widths[w];
        const size_t bytes = (size_t)n * sizeof(float);
        make(n);
        memset(m.dx, 0, sizeof m.dx);
        norm(0, ROWS, n, M_STRIDE);
        norm_backward(0, ROWS, n);
        memcpy(y, m.y, sizeof y);
        memcpy(dx, m.dx, sizeof dx);
        memcpy(dmodulation, m.dmodulation, sizeof dmodulation);
        memset(m.dx, 0, sizeof m.dx);
        for (int64_t row = ROWS - 1; row >= 0; row--) {
            norm(row, 1, n, M_STRIDE);
            norm_backward(row, 1, n);
            expect_bits(m.y + row * STRIDE, y + row * STRIDE, bytes, "norm", row);
            expect_bits(m.dx + row * STRIDE, dx + row * STRIDE, bytes, "dx", row);
            expect_bits(m.dmodulation + row * M_STRIDE, dmodulation + row * M_STRIDE, 2 * bytes, "dmodulation", row);
        }
        for (int64_t row = 1; row < ROWS; row++)
            memcpy(m.modulation + row * M_STRIDE, m.modulation, (size_t)PARTS * bytes);
        norm(0, ROWS, n, M_STRIDE);
        memcpy(y, m.y, sizeof y);
        norm(0, ROWS, n, 0);
        for (int64_t row = 0; row < ROWS; row++)
            expect_bits(m.y + row * STRIDE, y + row * STRIDE, bytes, "shared", row);
    }
}

/* Rows of a table, one of them twice; nothing beyond the panel of the last column is written. */
static void test_sum_of_rows(void **state)
{
    static const int32_t rows[] = {4, 0, 2, 4};
    float out[STRIDE];
    (void)state;
    for (int w = 0; w < WIDTHS; w++) {
        const int64_t n = widths[w];
        fill_block(m.x, ROWS, STRIDE, n, 40);
        mark(out, STRIDE);
        kernels->sum_rows(read_rows(m.x, 0, ROWS, n), 4, rows, out);
        for (int64_t j = 0; j < n; j++) {
            double sum = 0.0;
            for (int i = 0; i < 4; i++) sum += (double)m.x[rows[i] * STRIDE + j];
            expect_near((double)out[j], sum, 1e-6, "sum of rows", j);
        }
        for (int64_t j = ddpm_round_up(n, kernels->panel); j < STRIDE; j++) assert_true(out[j] == MARK);
    }
}

/* A combination of rows is added, of few and of many; nothing beyond the panel of the last column is written. */
static void test_combination(void **state)
{
    float out[STRIDE], factors[ROWS];
    (void)state;
    fill_any(factors, ROWS, 41);
    for (int w = 0; w < WIDTHS; w++)
        for (int64_t rows = 0; rows <= ROWS; rows++) {
            const int64_t n = widths[w];
            fill_block(m.x, ROWS, STRIDE, n, 40);
            mark(out, STRIDE);
            for (int64_t j = 0; j < n; j++) out[j] = 2.0f;
            kernels->add_combination(read_rows(m.x, 0, rows, n), factors, out);
            for (int64_t j = 0; j < n; j++) {
                double sum = 2.0;
                for (int64_t i = 0; i < rows; i++) sum += (double)factors[i] * (double)m.x[i * STRIDE + j];
                expect_near((double)out[j], sum, 2e-6, "combination", j);
            }
            for (int64_t j = ddpm_round_up(n, kernels->panel); j < STRIDE; j++) assert_true(out[j] == MARK);
        }
}

static void test_drop(void **state)
{
    enum { N = 37 };
    float h[N + 1], slope[N + 1];
    uint8_t bytes[N];
    (void)state;
    for (int64_t n = 0; n <= N; n++) {
        for (int64_t i = 0; i <= N; i++) h[i] = slope[i] = (float)(1 + i);
        for (int64_t i = 0; i < N; i++) bytes[i] = (uint8_t)(97 * i);
        kernels->drop(n, bytes, 100, 1.5f, h, n % 2 ? slope : NULL);
        for (int64_t i = 0; i <= N; i++) {
            const float factor = i >= n ? 1.0f : bytes[i] < 100 ? 0.0f : 1.5f;
            assert_true(h[i] == factor * (float)(1 + i));
            assert_true(slope[i] == (n % 2 ? factor : 1.0f) * (float)(1 + i));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sum_of_rows), TEST(test_combination),      TEST(test_drop), TEST(test_norm), TEST(test_norm_backward),
        TEST(test_gate),        TEST(test_rows_stand_alone),
    };
    return RUN_ON_EVERY_ISA(tests);
}
