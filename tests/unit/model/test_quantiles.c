/* Scores of columns whose distribution is known, and the way back. */
#include "expect.h"

#include "model/normal_distribution.h"
#include "model/quantiles.h"

#include <stdlib.h>

enum { ROWS = 20000 };

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The map of a column of these values, which are sorted. */
static ddpm_quantiles choose(double *values, int64_t count, double knots[DDPM_QUANTILES])
{
    ddpm_vocabulary v;
    qsort(values, (size_t)count, sizeof *values, ascending);
    expect_ok(ddpm_vocabulary_allocate(1, &v));
    v.column[0].layout = (ddpm_column_layout){.number = DDPM_NUMBER_FLOAT64, .gap = -1};
    expect_ok(ddpm_vocabulary_choose(&v.column[0], count, values, 0));
    expect_ok(ddpm_quantiles_choose(&v.column[0], knots));
    const int decimals = v.column[0].decimals;
    const int64_t step = v.column[0].step;
    ddpm_vocabulary_release(&v);
    return (ddpm_quantiles){knots, decimals, step};
}

static double uniform(int64_t i)
{
    return ((double)i + 0.5) / ROWS;
}

/* Heavy tails, far from zero: the score is the normal quantile of the distribution function. */
static void test_continuous(void **state)
{
    static double values[ROWS], knots[DDPM_QUANTILES];
    (void)state;
    for (int64_t i = 0; i < ROWS; i++) values[i] = 1e6 + tan(3.14159265358979 * (uniform(i) - 0.5));
    const ddpm_quantiles q = choose(values, ROWS, knots);
    for (int64_t i = 0; i < ROWS; i++) {
        const double score = ddpm_quantiles_score(&q, values[i]), width = 0.1 + 1e-2 * fabs(values[i] - 1e6);
        const int is_far = i < 10 || i >= ROWS - 10;
        expect_near(score, ddpm_normal_quantile(uniform(i)), is_far ? 1.5 : 0.05, "score", i);
        expect_near(ddpm_quantiles_value(&q, score), values[i], is_far ? 2e4 : width, "value", i);
    }
    assert_true(ddpm_quantiles_value(&q, 40.0) == values[ROWS - 1] && ddpm_quantiles_value(&q, -40.0) == values[0]);
    expect_near(ddpm_quantiles_score(&q, 1e300), DDPM_QUANTILES_REACH + 0.01, 1e-12, "score of a value outside", 0);
    assert_true(ddpm_quantiles_value(&q, ddpm_quantiles_score(&q, -1e300)) == values[0]);
    /* of a Cauchy distribution, d value / d score = pi (1 + x^2) times the normal density */
    for (double z = -1.5; z < 1.6; z += 0.25) {
        const double x = tan(3.14159265358979 * (ddpm_normal_share(z) - 0.5));
        const double expected = log(3.14159265358979 * (1.0 + x * x)) - 0.5 * z * z - 0.5 * log(2.0 * 3.14159265358979);
        expect_near(ddpm_quantiles_log_slope(&q, z), expected, 0.12, "log slope", 0);
    }
}

/* In closed form, of normal and of even numbers, of two lumps far from each other, beside a code, and of one value. */
static void test_width(void **state)
{
    static double values[ROWS], knots[DDPM_QUANTILES];
    (void)state;
    for (int64_t i = 0; i < ROWS; i++) values[i] = -7.0 + 3.0 * ddpm_normal_quantile(uniform(i));
    choose(values, ROWS, knots);
    expect_near(ddpm_quantiles_width(knots, 0.8), 6.0 * ddpm_normal_quantile(0.9), 0.05, "normal", 0);
    for (int64_t i = 0; i < ROWS; i++) values[i] = 1e-20 * uniform(i);
    choose(values, ROWS, knots);
    expect_near(1e20 * ddpm_quantiles_width(knots, 0.8), 0.8, 0.01, "even", 0);
    for (int64_t i = 0; i < ROWS; i++)
        values[i] = (i % 2 ? 1.0 : -1.0) + 1e-3 * ddpm_normal_quantile(uniform(i - i % 2));
    choose(values, ROWS, knots);
    expect_near(ddpm_quantiles_width(knots, 0.8), 2.0, 0.01, "lumps", 0);
    expect_near(ddpm_quantiles_width(knots, 0.4), 2e-3 * ddpm_normal_quantile(0.9), 1e-4, "a lump", 0);
    for (int64_t i = 0; i < ROWS; i++) values[i] = i % 20 == 0 ? -9999.0 : ddpm_normal_quantile(uniform(i));
    choose(values, ROWS, knots);
    expect_near(ddpm_quantiles_width(knots, 0.76), 2.0 * ddpm_normal_quantile(0.9), 0.05, "beside a code", 0);
    for (int64_t i = 0; i < ROWS; i++) values[i] = 3.0;
    choose(values, ROWS, knots);
    assert_true(ddpm_quantiles_width(knots, 0.8) == 0.0);
}

/* Shares of values of equally spaced scores, as samples of a standard normal column would have them. */
static double share_of(const ddpm_quantiles *q, double value)
{
    enum { SCORES = 100000 };
    int64_t count = 0;
    for (int64_t i = 0; i < SCORES; i++)
        count += ddpm_quantiles_value(q, ddpm_normal_quantile(((double)i + 0.5) / SCORES)) == value;
    return (double)count / SCORES;
}

/* 40 % zeros, whole numbers to 9, and a continuous rest: the shared values come back exactly, as often. */
static void test_shared_values(void **state)
{
    static double values[ROWS], knots[DDPM_QUANTILES];
    (void)state;
    for (int64_t i = 0; i < ROWS; i++)
        values[i] = i % 5 < 2 ? 0.0 : i % 5 == 2 ? (double)(i % 9 + 1) : 1.0 / 3.0 + 9.0 * fabs(any_number(i));
    const ddpm_quantiles q = choose(values, ROWS, knots);
    expect_near(share_of(&q, 0.0), 0.4, 0.002, "share of zeros", 0);
    for (int k = 1; k <= 9; k++) {
        const double score = ddpm_quantiles_score(&q, k);
        assert_true(ddpm_quantiles_value(&q, score) == k);
        assert_true(ddpm_quantiles_log_slope(&q, score) == -INFINITY);
        expect_near(share_of(&q, k), 0.2 / 9.0, 0.002, "share of a whole number", k);
    }
    expect_near(ddpm_quantiles_score(&q, 0.0), ddpm_normal_quantile(0.2), 0.01, "score of zeros", 0);
    assert_true(ddpm_quantiles_log_slope(&q, ddpm_quantiles_score(&q, 0.0)) == -INFINITY);
    assert_true(ddpm_quantiles_log_slope(&q, ddpm_quantiles_score(&q, -1e-9)) == INFINITY);
    double share[DDPM_QUANTILES], sum = 0.0, squares = 0.0;
    ddpm_quantiles_shares(share);
    for (int64_t i = 0; i < ROWS; i++) {
        const double place = 0.5 + 0.5 * any_number(3 * i),
                     z = ddpm_quantiles_spread(knots, share, ddpm_quantiles_score(&q, values[i]), place);
        expect_near(ddpm_quantiles_value(&q, z), values[i], 0.01, "value of a score at a place", i);
        sum += z;
        squares += z * z;
    }
    expect_near(sum / ROWS, 0.0, 0.02, "mean of scores", 0);
    expect_near(squares / ROWS, 1.0, 0.02, "mean square of scores", 0);
}

/* Whole numbers, and prices of two decimals: nothing comes between them. */
static void test_decimals(void **state)
{
    static double values[ROWS], knots[DDPM_QUANTILES];
    (void)state;
    for (int decimals = 0; decimals <= 2; decimals += 2) {
        const double unit = pow(10.0, decimals);
        for (int64_t i = 0; i < ROWS; i++) values[i] = floor(1e5 * exp(2.0 * any_number(i))) / unit;
        const ddpm_quantiles q = choose(values, ROWS, knots);
        for (double z = -5.0; z < 5.0; z += 0.01) {
            const double value = ddpm_quantiles_value(&q, z);
            assert_true(value >= values[0] && value <= values[ROWS - 1]);
            expect_near(value, round(value * unit) / unit, 0.0, "a value with its decimals", decimals);
        }
    }
}

/* Numbers that end in 7, and quarters: those between two that rows have do, too. */
static void test_steps(void **state)
{
    static double values[ROWS], knots[DDPM_QUANTILES];
    (void)state;
    for (int quarters = 0; quarters <= 1; quarters++) {
        const double step = quarters ? 0.25 : 10.0, first = quarters ? 0.0 : 7.0;
        for (int64_t i = 0; i < ROWS; i++) values[i] = first + step * floor(1e3 * exp(2.0 * any_number(i)));
        const ddpm_quantiles q = choose(values, ROWS, knots);
        for (double z = -5.0; z < 5.0; z += 0.01) {
            const double steps = (ddpm_quantiles_value(&q, z) - first) / step;
            expect_near(steps, round(steps), 1e-9, "steps", quarters);
        }
    }
}

/* Few rows with a value each: samples are not theirs. */
static void test_few_rows(void **state)
{
    enum { FEW = 100 };
    static double values[FEW], knots[DDPM_QUANTILES];
    (void)state;
    for (int64_t i = 0; i < FEW; i++) values[i] = any_number(i);
    const ddpm_quantiles q = choose(values, FEW, knots);
    assert_true(share_of(&q, values[50]) < 0.002);
    for (int64_t i = 1; i < FEW; i++)
        assert_true(ddpm_quantiles_score(&q, values[i]) > ddpm_quantiles_score(&q, values[i - 1]));
    expect_near(ddpm_quantiles_score(&q, values[FEW / 2]), 0.0, 0.1, "score of the median", 0);
}

/* The deviation of a column with heavy tails, and the ends of an even one, are not left to its extremes. */
static void test_tails(void **state)
{
    static double values[ROWS], knots[DDPM_QUANTILES];
    (void)state;
    for (int64_t i = 0; i < ROWS; i++) values[i] = uniform(i);
    ddpm_quantiles q = choose(values, ROWS, knots);
    for (double z = -3.9; z < 4.0; z += 0.1)
        expect_near(ddpm_quantiles_value(&q, z), ddpm_normal_share(z), 5e-5, "a value of an even column", 0);
    for (int64_t i = 0; i < ROWS; i++) /* both tails are powers, whose third moment is infinite */
        values[i] =
            uniform(i) < 0.5 ? 1.0 - pow(2.0 * uniform(i), -1.0 / 3.0) : pow(2.0 - 2.0 * uniform(i), -1.0 / 3.0) - 1.0;
    double squares = 0.0, mapped = 0.0;
    for (int64_t i = 0; i < ROWS; i++) squares += values[i] * values[i];
    q = choose(values, ROWS, knots);
    for (int64_t i = 0; i < ROWS; i++) mapped += pow(ddpm_quantiles_value(&q, ddpm_normal_quantile(uniform(i))), 2.0);
    expect_near(mapped / squares, 1.0, 0.03, "mean square", 0);
}

/* Two values, and one. */
static void test_few_values(void **state)
{
    static double values[10] = {3, 3, 3, 3, 8, 8, 8, 8, 8, 8}, one[3] = {2, 2, 2}, knots[DDPM_QUANTILES];
    (void)state;
    const ddpm_quantiles q = choose(values, 10, knots);
    expect_near(share_of(&q, 3.0), 0.4, 0.06, "share", 3);
    expect_near(share_of(&q, 3.0) + share_of(&q, 8.0), 1.0, 0.0, "shares of both", 0);
    choose(one, 3, knots);
    assert_true(!ddpm_quantiles_map(knots));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_continuous), TEST(test_width),     TEST(test_shared_values),
                                       TEST(test_decimals),   TEST(test_steps),     TEST(test_few_rows),
                                       TEST(test_tails),      TEST(test_few_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
