/* Which values become tokens of their own and which fall into quantile bins, and the way back. */
#include "expect.h"

#include "model/vocabulary.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A column of these values, which are sorted. */
static ddpm_vocabulary choose_layout(ddpm_column_layout layout, int64_t count, double *values, int64_t gaps)
{
    ddpm_vocabulary v;
    if (count > 0) qsort(values, (size_t)count, sizeof *values, ascending);
    expect_ok(ddpm_vocabulary_allocate(1, &v));
    v.column[0].layout = layout;
    expect_ok(ddpm_vocabulary_choose(&v.column[0], count, values, gaps));
    return v;
}

static ddpm_vocabulary choose(ddpm_column_kind kind, int64_t count, double *values, int64_t gaps)
{
    return choose_layout((ddpm_column_layout){.kind = kind, .number = DDPM_NUMBER_FLOAT64, .gap = -1}, count, values,
                         gaps);
}

static ddpm_vocabulary choose_type(ddpm_number number, int64_t count, double *values)
{
    return choose_layout((ddpm_column_layout){.number = number, .gap = -1}, count, values, 0);
}

static void expect_back(const ddpm_column_vocabulary *c, double value, double tolerance)
{
    const float number = ddpm_vocabulary_encode(c, value);
    assert_true(number >= 1.0f && number < (float)ddpm_column_tokens(c));
    expect_near(ddpm_vocabulary_decode(c, number), value, tolerance, "value", (int64_t)number);
}

static void test_few_values(void **state)
{
    double values[] = {2.5, -1.0, 2.5, 7.0, 7.0, 7.0};
    ddpm_vocabulary v = choose(DDPM_COLUMN_NUMBER, 6, values, 2);
    const ddpm_column_vocabulary *c = v.column;
    static const double rows[] = {2, 1, 2, 3};
    (void)state;
    assert_int_equal(ddpm_column_tokens(c), 4);
    expect_bits(c->rows, rows, sizeof rows, "rows of tokens", 0);
    expect_back(c, -1.0, 0.0);
    expect_back(c, 7.0, 0.0);
    assert_true(ddpm_vocabulary_encode(c, NAN) == 0.0f && isnan(ddpm_vocabulary_decode(c, 0.0f)));
    assert_true(ddpm_vocabulary_encode(c, 3.0) == 2.0f);   /* the nearest */
    assert_true(ddpm_vocabulary_encode(c, 1e300) == 3.0f); /* likewise */
    ddpm_vocabulary_release(&v);
}

static void test_category(void **state)
{
    double values[] = {0, 3, 3, 5};
    ddpm_vocabulary v = choose(DDPM_COLUMN_CATEGORY, 4, values, 0);
    (void)state;
    assert_int_equal(ddpm_column_tokens(v.column), 4);
    expect_back(v.column, 3.0, 0.0);
    assert_true(ddpm_vocabulary_encode(v.column, 4.0) == -1.0f); /* no training row has it */
    assert_true(ddpm_vocabulary_encode(v.column, NAN) == -1.0f); /* and none has a gap */
    ddpm_vocabulary_release(&v);
}

/* Far from zero, with a spike that a tenth of the rows have. */
static void test_bins(void **state)
{
    enum { ROWS = 20000 };
    static double values[ROWS], back[ROWS];
    (void)state;
    for (int64_t i = 0; i < ROWS; i++) values[i] = i % 10 == 0 ? 0.0 : 1e9 + exp(3.0 * any_number(i));
    ddpm_vocabulary v = choose(DDPM_COLUMN_NUMBER, ROWS, values, 5);
    const ddpm_column_vocabulary *c = v.column;
    assert_int_equal(c->spikes, 1);
    assert_int_equal(c->bins, DDPM_VOCABULARY_BINS);
    assert_int_equal(c->decimals, -1);
    expect_near(c->rows[1], ROWS / 10.0, 0.0, "rows of the spike", 0);
    for (int64_t b = 0; b < c->bins; b++)
        expect_near(c->rows[2 + b], 0.9 * ROWS / (double)c->bins, 1.01, "rows of a bin", b);
    float last = 0.0f;
    for (int64_t i = 0; i < ROWS; i++) {
        const float number = ddpm_vocabulary_encode(c, values[i]);
        assert_true(number >= last); /* the order of values is that of tokens and places */
        last = number;
        back[i] = ddpm_vocabulary_decode(c, number);
        if (values[i] > 0.0) expect_near(back[i], values[i], 2e-6 * (values[i] - 1e9) + 1e-5, "value", i);
    }
    assert_true(ddpm_vocabulary_decode(c, ddpm_vocabulary_encode(c, 2e9)) <= values[ROWS - 1]);
    assert_true(ddpm_vocabulary_decode(c, ddpm_vocabulary_encode(c, 1.0)) >= 1e9);
    ddpm_vocabulary_release(&v);
}

/* Numbers of a type and of a fixed number of decimals stay so, wherever in a bin they are drawn. */
static void expect_decimals(ddpm_number number, int decimals, double size)
{
    enum { ROWS = 5000 };
    static double values[ROWS];
    const double power = pow(10.0, decimals);
    for (int64_t i = 0; i < ROWS; i++) {
        values[i] = round(size * power * (1.0 + any_number(i))) / power;
        if (number == DDPM_NUMBER_FLOAT32) values[i] = (double)(float)values[i];
    }
    ddpm_vocabulary v = choose_type(number, ROWS, values);
    const ddpm_column_vocabulary *c = v.column;
    assert_int_equal(c->decimals, decimals);
    for (int64_t token = 1; token < ddpm_column_tokens(c); token++) {
        const double value = ddpm_vocabulary_decode(c, ddpm_vocabulary_number(c, token, 0.37));
        assert_true(round(value * power) / power == value);
        assert_true((int64_t)ddpm_vocabulary_number(c, token, 1.0) == token);
    }
    ddpm_vocabulary_release(&v);
}

static void test_decimals(void **state)
{
    (void)state;
    expect_decimals(DDPM_NUMBER_FLOAT64, 2, 1e3);
    expect_decimals(DDPM_NUMBER_FLOAT64, 0, 1e9);
    expect_decimals(DDPM_NUMBER_FLOAT64, 8, 1e3);
    expect_decimals(DDPM_NUMBER_FLOAT64, 15, 0.7);
    expect_decimals(DDPM_NUMBER_FLOAT32, 2, 1e3);
    expect_decimals(DDPM_NUMBER_FLOAT32, 0, 1e6);
    expect_decimals(DDPM_NUMBER_FLOAT32, 6, 1.0);
}

/* Values that are whole steps apart stay so, wherever in a bin they are drawn, and one that is not ends this. */
static void expect_steps(ddpm_number number, int decimals, int64_t step, int64_t offset, int64_t others)
{
    enum { ROWS = 5000 };
    static double values[ROWS];
    const double power = pow(10.0, decimals), unit = (double)step;
    for (int64_t i = 0; i < ROWS; i++)
        values[i] = (unit * round(1e5 / unit * any_number(i)) + (double)(i < others ? offset + 1 : offset)) / power;
    ddpm_vocabulary v = choose_type(number, ROWS, values);
    const ddpm_column_vocabulary *c = v.column;
    assert_int_equal(c->step, others ? 1 : step);
    for (int64_t i = 0; i < ROWS && !others; i++) {
        const float drawn = ddpm_vocabulary_number(c, c->spikes + 1 + i % c->bins, fabs(any_number(i)));
        const double value = ddpm_vocabulary_decode(c, drawn) * power - (double)offset;
        expect_near(value / unit, round(value / unit), 1e-9, "steps", i);
        assert_true(ddpm_vocabulary_round(c, values[i] + 0.4 * unit / power) == values[i]); /* of a sum, say */
    }
    ddpm_vocabulary_release(&v);
}

static void test_steps(void **state)
{
    (void)state;
    expect_steps(DDPM_NUMBER_INT64, 0, 60, 7, 0); /* seconds of whole minutes */
    expect_steps(DDPM_NUMBER_INT64, 0, 60, 7, 1);
    expect_steps(DDPM_NUMBER_FLOAT64, 2, 25, 0, 0); /* quarters */
    expect_steps(DDPM_NUMBER_FLOAT64, 3, 12, 5, 0);
}

/* Small numbers of four decimals beside large whole ones, and one number of more digits: each has as many decimals as
 * its neighbours. */
static void test_mixed_decimals(void **state)
{
    enum { ROWS = 6400 };
    static double values[ROWS];
    (void)state;
    for (int64_t i = 0; i < ROWS; i++)
        values[i] = i % 2 ? round(1e4 * any_number(i)) / 1e4 : round(1e6 * (2.0 + any_number(i)));
    values[0] = 1e6 + 1.0 / 3.0;
    ddpm_vocabulary v = choose_type(DDPM_NUMBER_FLOAT64, ROWS, values);
    const ddpm_column_vocabulary *c = v.column;
    int64_t four = 0, more = 0;
    assert_int_equal(c->decimals, DDPM_VOCABULARY_MIXED);
    for (int64_t i = 0; i < ROWS; i++) {
        const double place = (double)(i / 128) / 50.0,
                     value = ddpm_vocabulary_decode(c, ddpm_vocabulary_number(c, c->spikes + 1 + i % c->bins, place));
        more += round(value * 1e4) / 1e4 != value;
        if (value > 9e5) more += round(value) != value;
        four += value < 10.0 && round(value * 1e3) / 1e3 != value;
    }
    assert_true(more <= 2);
    assert_true(four > ROWS / 3);
    ddpm_vocabulary_release(&v);
}

/* Many values that are no spikes, but repeat: each comes back as itself. */
static void test_repeated(void **state)
{
    enum { ROWS = 10000, DISTINCT = 1000 };
    static double values[ROWS];
    (void)state;
    for (int64_t i = 0; i < ROWS; i++) values[i] = 0.3 * (double)(i % DISTINCT) * (double)(i % DISTINCT);
    ddpm_vocabulary v = choose(DDPM_COLUMN_NUMBER, ROWS, values, 0);
    assert_int_equal(v.column->spikes, 0);
    assert_true(v.column->repeats);
    for (int64_t i = 0; i < DISTINCT; i++) expect_back(v.column, 0.3 * (double)i * (double)i, 0.0);
    for (int64_t i = 0; i < ROWS; i++) { /* and nothing between them */
        const float number = ddpm_vocabulary_number(v.column, 1 + i % DDPM_VOCABULARY_BINS, fabs(any_number(i)));
        const double root = sqrt(ddpm_vocabulary_decode(v.column, number) / 0.3);
        expect_near(root, round(root), 1e-9, "value", i);
    }
    ddpm_vocabulary_release(&v);
}

static void test_all_gaps(void **state)
{
    ddpm_vocabulary v = choose(DDPM_COLUMN_NUMBER, 0, NULL, 7);
    (void)state;
    assert_int_equal(ddpm_column_tokens(v.column), 1);
    assert_true(ddpm_vocabulary_encode(v.column, NAN) == 0.0f);
    assert_true(ddpm_vocabulary_encode(v.column, 1.0) == -1.0f);
    ddpm_vocabulary_release(&v);
}

/* Two heaps at both ends of what a double holds: no difference of them does. Each value is that of two rows, so that
 * knots are values, and none lies between the heaps. */
static void test_far_apart(void **state)
{
    enum { ROWS = 1200 };
    static double values[ROWS];
    (void)state;
    for (int64_t i = 0; i < ROWS; i++) values[i] = (i % 4 < 2 ? 1.7e308 : -1.7e308) * (1.0 - 1e-6 * (double)(i / 2));
    ddpm_vocabulary v = choose(DDPM_COLUMN_NUMBER, ROWS, values, 0);
    for (int64_t i = 0; i < ROWS; i++) expect_back(v.column, values[i], 1e304);
    const float low = ddpm_vocabulary_encode(v.column, -1.6e308), middle = ddpm_vocabulary_encode(v.column, 0.0),
                high = ddpm_vocabulary_encode(v.column, 1.6e308);
    assert_true(1.0f <= low && low < middle && middle < high && high < (float)ddpm_column_tokens(v.column));
    ddpm_vocabulary_release(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_few_values), TEST(test_category),       TEST(test_bins),
                                       TEST(test_decimals),   TEST(test_mixed_decimals), TEST(test_repeated),
                                       TEST(test_steps),      TEST(test_all_gaps),       TEST(test_far_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
