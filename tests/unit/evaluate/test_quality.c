/* Measures of sample quality against values that are known. */
#include "expect.h"

#include "base/memory.h"
#include "evaluate/quality.h"
#include "kernel/normal.h"

enum { ROWS_MOST = 20000, D_MOST = 3 };

static float first[ROWS_MOST * D_MOST], second[ROWS_MOST * D_MOST], directions[DDPM_QUALITY_DIRECTIONS * D_MOST];

/* scale z + shift in column j */
static void fill(int64_t rows, int64_t columns, int64_t stream, double scale, double shift, float *out)
{
    const ddpm_normal_stream numbers = {11, DDPM_RANDOM_DATA, stream};
    ddpm_normal_rows(ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), numbers, 0, ddpm_matrix_dense(out, rows, columns));
    for (int64_t i = 0; i < rows * columns; i++) out[i] = (float)(scale * (double)out[i] + shift);
}

static ddpm_quality_measures compare(int64_t rows, int64_t columns, double width, double *ks)
{
    const ddpm_quality_plan plan = ddpm_quality_plan_of(rows, columns);
    ddpm_quality_set x, y;
    double *scratch, *numbers;
    expect_ok(ddpm_quality_set_create(rows, columns, first, &x));
    expect_ok(ddpm_quality_set_create(rows, columns, second, &y));
    expect_ok(DDPM_NEW(&scratch, plan.scratch, "scratch"));
    expect_ok(DDPM_NEW(&numbers, plan.pieces * DDPM_QUALITY_NUMBERS, "numbers"));
    ddpm_quality_directions(ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), 7, columns, directions);
    for (int64_t i = 0; i < plan.pieces; i++)
        ddpm_quality_piece(&x, &y, directions, width, i, scratch, numbers + i * DDPM_QUALITY_NUMBERS);
    const ddpm_quality_measures found = ddpm_quality_combine(rows, columns, numbers, ks);
    ddpm_release(numbers);
    ddpm_release(scratch);
    ddpm_quality_set_release(&y);
    ddpm_quality_set_release(&x);
    return found;
}

static void test_equal_sets(void **state)
{
    (void)state;
    fill(500, 3, 0, 1.0, 0.0, first);
    memcpy(second, first, sizeof first);
    const ddpm_quality_measures m = compare(500, 3, 1.0, NULL);
    const ddpm_quality_measures zero = {0};
    expect_bits(&m, &zero, sizeof m, "all measures", 0);
}

/* One column moved by a constant: W1 = W2 = the constant along the one direction there is, exactly. */
static void test_shift(void **state)
{
    double ks;
    (void)state;
    fill(ROWS_MOST / 10, 1, 0, 1.0, 0.0, first);
    for (int64_t i = 0; i < ROWS_MOST / 10; i++) second[i] = first[i] + 0.75f;
    const ddpm_quality_measures m = compare(ROWS_MOST / 10, 1, 1.0, &ks);
    expect_near(m.sliced_w1, 0.75, 1e-6, "W1", 0);
    expect_near(m.sliced_w2, 0.75, 1e-6, "W2", 0);
    expect_near(m.mean_error, 0.75, 1e-6, "mean", 0);
    expect_near(m.covariance_error, 0.0, 1e-6, "variance", 0);
    /* sup |Phi(x) - Phi(x - a)| = 2 Phi(a / 2) - 1; these rows' own distribution functions are near it */
    expect_near(ks, erf(0.375 / sqrt(2.0)), 0.04, "Kolmogorov-Smirnov", 0);
    assert_true(m.ks_mean == ks && m.ks_max == ks);
}

/* Independent Gaussians N(0, 1) and N(a, b^2): W2^2 = a^2 + (1 - b)^2; the rest by their integrals. */
static void test_gaussians(void **state)
{
    enum { N = 6000 };
    const double a = 0.5, b = 1.5, pi = 3.14159265358979, width = 0.8;
    (void)state;
    fill(N, 1, 1, 1.0, 0.0, first);
    fill(N, 1, 2, b, a, second);
    const ddpm_quality_measures m = compare(N, 1, width, NULL);
    expect_near(m.sliced_w2, sqrt(a * a + (1.0 - b) * (1.0 - b)), 0.05, "W2", 0);
    /* E|N(m, s^2)| = s sqrt(2/pi) exp(-m^2 / 2 s^2) + m erf(m / s sqrt 2); W1 is E|a + (b - 1) Z| */
    const double s = b - 1.0, cross = sqrt(1.0 + b * b);
    expect_near(m.sliced_w1, s * sqrt(2.0 / pi) * exp(-a * a / (2.0 * s * s)) + a * erf(a / (s * sqrt(2.0))), 0.05,
                "W1", 0);
    const double between =
        cross * sqrt(2.0 / pi) * exp(-a * a / (2.0 * cross * cross)) + a * erf(a / (cross * sqrt(2.0)));
    expect_near(m.energy, 2.0 * between - 2.0 / sqrt(pi) - 2.0 * b / sqrt(pi), 0.02, "energy distance", 0);
    /* E exp(-G^2 / 2 w^2), G = N(m, v): sqrt(w^2 / (w^2 + v)) exp(-m^2 / 2 (w^2 + v)) */
    const double w = width * width;
    const double mmd2 = sqrt(w / (w + 2.0)) + sqrt(w / (w + 2.0 * b * b)) -
                        2.0 * sqrt(w / (w + 1.0 + b * b)) * exp(-a * a / (2.0 * (w + 1.0 + b * b)));
    expect_near(m.mmd2, mmd2, 0.01, "MMD^2", 0);
    expect_near(m.mean_error, a, 0.08, "mean", 0);
    expect_near(m.covariance_error, b * b - 1.0, 0.15, "variance", 0);
}

/* Sliced: a shift by a vector is seen as |u . shift|, whose mean over the circle is 2 / pi of its length. */
static void test_sliced(void **state)
{
    enum { N = 200 };
    (void)state;
    fill(N, 2, 3, 1.0, 0.0, first);
    for (int64_t i = 0; i < N; i++) {
        second[2 * i] = first[2 * i] + 3.0f;
        second[2 * i + 1] = first[2 * i + 1] - 4.0f;
    }
    const ddpm_quality_measures m = compare(N, 2, 1.0, NULL);
    expect_near(m.sliced_w1, 5.0 * 2.0 / 3.14159265, 0.35, "W1", 0);
    expect_near(m.sliced_w2, 5.0 / sqrt(2.0), 0.35, "W2", 0);
    expect_near(m.mean_error, sqrt((9.0 + 16.0) / 2.0), 1e-5, "mean", 0);
}

/* Small sets by hand, with ties. */
static void test_kolmogorov_smirnov(void **state)
{
    const float a[4] = {1.0f, 2.0f, 2.0f, 5.0f}, b[4] = {2.0f, 2.0f, 3.0f, 4.0f};
    double ks;
    (void)state;
    memcpy(first, a, sizeof a);
    memcpy(second, b, sizeof b);
    compare(4, 1, 1.0, &ks);
    expect_near(ks, 0.25, 0.0, "Kolmogorov-Smirnov", 0);
}

static void test_median(void **state)
{
    static double scratch[DDPM_QUALITY_WIDTH_ROWS * DDPM_QUALITY_WIDTH_ROWS / 2];
    const float rows[6] = {0.0f, 0.0f, 3.0f, 4.0f, 6.0f, 8.0f};
    ddpm_quality_set set;
    (void)state;
    expect_ok(ddpm_quality_set_create(3, 2, rows, &set));
    expect_near(ddpm_quality_median_distance(&set, scratch), 5.0, 1e-12, "median of 5, 5, 10", 3);
    ddpm_quality_set_release(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_equal_sets),         TEST(test_shift),  TEST(test_gaussians), TEST(test_sliced),
        TEST(test_kolmogorov_smirnov), TEST(test_median),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
