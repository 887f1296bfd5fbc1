/* Conditions as columns: classes one-hot, numbers, and no condition; and which values are refused. */
#include "expect.h"

#include "base/memory.h"
#include "model/condition.h"

enum { VALUES = 3, WIDTH = 4 + 1 + 2 + 1 };

/* One of 4 classes, a number of mean 10 and deviation 2, and one of 2 classes. */
static ddpm_condition make(void)
{
    static const char *const names[VALUES] = {"kind", "energy", "side"};
    ddpm_condition c;
    expect_ok(ddpm_condition_create(VALUES, names, &c));
    for (int v = 0; v < VALUES; v++) assert_string_equal(c.names[v], names[v]);
    c.classes[0] = 4;
    c.classes[2] = 2;
    c.mean[1] = 10.0;
    c.scale[1] = 2.0;
    return c;
}

static void test_expand(void **state)
{
    static const float values[] = {2, 0.5f, 0, /**/ 0, -1.25f, 1, /**/ 3, 0, 1};
    static const float expected[3][WIDTH] = {
        {0, 0, 1, 0, 0.5f, 1, 0, 1}, {1, 0, 0, 0, -1.25f, 0, 1, 1}, {0, 0, 0, 1, 0, 0, 1, 1}};
    static const uint8_t present[] = {1, 0, 1};
    static const float none[WIDTH] = {0};
    float out[3 * WIDTH];
    ddpm_condition c = make();
    (void)state;
    assert_int_equal(ddpm_condition_width(&c), WIDTH);
    memset(out, 0x55, sizeof out);
    ddpm_condition_expand(&c, 3, values, NULL, out);
    expect_bits(out, expected, sizeof out, "columns", 0);
    memset(out, 0x55, sizeof out);
    ddpm_condition_expand(&c, 3, values, present, out);
    expect_bits(out, expected[0], sizeof none, "columns", 0);
    expect_bits(out + WIDTH, none, sizeof none, "a row without",
                1); /* its last column is 0, which is 1 in rows with a condition */
    expect_bits(out + 2 * WIDTH, expected[2], sizeof none, "columns", 2);
    ddpm_condition_release(&c);
}

static void test_none(void **state)
{
    const ddpm_condition none = {0};
    float out = 7.0f;
    (void)state;
    assert_int_equal(ddpm_condition_width(&none), 0);
    ddpm_condition_expand(&none, 5, NULL, NULL, &out);
    assert_true(out == 7.0f);
}

static void test_standardise(void **state)
{
    static const double not_classes[] = {-1.0, 4.0, 0.5, 1e300};
    ddpm_condition c = make();
    float out = 0.0f;
    (void)state;
    for (int k = 0; k < 4; k++) {
        expect_ok(ddpm_condition_standardise(&c, 0, (double)k, &out));
        assert_true(out == (float)k);
        expect_failure(ddpm_condition_standardise(&c, 0, not_classes[k], &out), DDPM_ERR_DATA,
                       "'kind': expected a class from 0 to 3, found ");
    }
    expect_ok(ddpm_condition_standardise(&c, 1, 13.0, &out));
    assert_true(out == 1.5f);
    expect_ok(ddpm_condition_standardise(&c, 1, 10.0, &out));
    assert_true(out == 0.0f);
    c.mean[0] = -1e6; /* a class is an index, which no statistic moves */
    c.scale[0] = 1e-6;
    expect_ok(ddpm_condition_standardise(&c, 0, 3.0, &out));
    assert_true(out == 3.0f);
    for (int v = 0; v < VALUES; v++) {
        expect_failure(ddpm_condition_standardise(&c, v, NAN, &out), DDPM_ERR_DATA, "is not a finite number");
        expect_failure(ddpm_condition_standardise(&c, v, -INFINITY, &out), DDPM_ERR_DATA, c.names[v]);
    }
    ddpm_condition_release(&c);
}

static void test_original_undoes_standardise(void **state)
{
    static const char *const names[] = {"time"};
    const long double value = 0x1p60L + 5.0L;
    double remainder = 1.0;
    ddpm_condition c;
    float standardised;
    (void)state;
    expect_ok(ddpm_condition_create(1, names, &c));
    c.mean[0] = 0x1p60;
    c.scale[0] = 2.0;
    c.remainder = &remainder;
    expect_ok(ddpm_condition_standardise(&c, 0, value, &standardised));
    assert_true(standardised == 2.0f && ddpm_condition_original(&c, 0, standardised) == value);
    c.remainder = NULL;
    ddpm_condition_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_original_undoes_standardise),
        TEST(test_expand),
        TEST(test_none),
        TEST(test_standardise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
