/* Values in order, counted and range by range, against a sort of all of them. */
#include "expect.h"

#include "base/memory.h"
#include "base/order.h"
#include "data/ordered.h"

#include <math.h>
#include <string.h>

enum { COUNT = 150000, PIECE = 4099 };

typedef struct source {
    const double *values;
    int64_t count, readings;
} source;

static ddpm_status read_all(void *context, void (*take)(void *to, int64_t count, const double *values), void *to)
{
    source *s = context;
    s->readings++;
    for (int64_t at = 0; at < s->count; at += PIECE)
        take(to, at + PIECE < s->count ? PIECE : s->count - at, s->values + at);
    return DDPM_OK;
}

/* What is expected next. */
typedef struct expected {
    const double *sorted;
    int64_t at, count;
} expected;

static void check_run(void *to, double value, int64_t times)
{
    expected *e = to;
    assert_true(e->at + times <= e->count);
    for (int64_t i = 0; i < times; i++) assert_true(e->sorted[e->at + i] == value);
    e->at += times;
    assert_true(e->at == e->count || e->sorted[e->at] > value);
}

/* @return  how often the values were read. */
static int64_t check(int64_t count, const double *values, int64_t most)
{
    source s = {values, count, 0};
    ddpm_ordered *ordered = NULL;
    double *sorted = NULL;
    expect_ok(DDPM_NEW(&sorted, count, "a test"));
    if (count > 0) memcpy(sorted, values, (size_t)count * sizeof *sorted);
    ddpm_sort_doubles(count, sorted);
    expect_ok(ddpm_ordered_create(&(ddpm_values){&s, read_all}, most, &ordered));
    assert_int_equal(ddpm_ordered_count(ordered), count);
    const ddpm_runs runs = ddpm_ordered_runs(ordered);
    for (int pass = 0; pass < 2; pass++) {
        expected e = {sorted, 0, count};
        expect_ok(runs.visit(runs.context, check_run, &e));
        assert_int_equal(e.at, count);
    }
    ddpm_ordered_free(ordered);
    ddpm_release(sorted);
    return s.readings;
}

static void test_order(void **state)
{
    static double values[COUNT];
    (void)state;
    check(0, values, 10);
    /* few values: read once */
    for (int64_t i = 0; i < COUNT; i++) values[i] = floor(900.0 * any_number(i));
    assert_int_equal(check(COUNT, values, 10), 1);
    /* many, on both sides of zero: once more where memory holds all */
    for (int64_t i = 0; i < COUNT; i++) values[i] = sinh(20.0 * any_number(i));
    values[7] = HUGE_VAL;
    values[8] = -HUGE_VAL;
    assert_int_equal(check(COUNT, values, COUNT), 2);
    check(COUNT, values, 20000);
    /* all alike but for their last bits, beside a value that more rows share than memory holds */
    for (int64_t i = 0; i < COUNT; i++) values[i] = i % 3 == 0 ? 1e9 : 1e9 + 1e-6 * (double)(i * 7919 % COUNT);
    check(COUNT, values, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
