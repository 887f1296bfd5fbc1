/* Fixed-point sums: exact, in any order, and never beyond the range of their integer. */
#include "kernel/fixed_sum.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { BITS = 28, COUNT = 1000 };

static void test_rounds_to_the_nearest(void **state)
{
    int64_t sum = 0, refused = 0;
    (void)state;
    ddpm_fixed_add(0.5, BITS, COUNT, &sum, &refused);
    ddpm_fixed_add(-0.25, BITS, COUNT, &sum, &refused);
    ddpm_fixed_add(0x1.8p-29, BITS, COUNT, &sum, &refused);  /* rounds up to 2^-28 */
    ddpm_fixed_add(-0x1.0p-30, BITS, COUNT, &sum, &refused); /* rounds to 0 */
    assert_int_equal(refused, 0);
    assert_int_equal(sum, (INT64_C(1) << 26) + 1);
    assert_true(ddpm_fixed_value(sum, BITS) == 0.25 + 0x1p-28);
}

/* Numbers whose float sum depends on the order. */
static void test_any_order_and_any_parts(void **state)
{
    int64_t forward = 0, backward = 0, parts[3] = {0}, refused = 0;
    double exact = 0.0;
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        const ddpm_random4 words = ddpm_random_words(1, DDPM_RANDOM_DATA, 0, i, 0);
        const double x = ldexp(ddpm_random_uniform(words.v[0]) - 0.5, (int)(words.v[1] % 20));
        exact += x;
        ddpm_fixed_add(x, BITS, COUNT, &forward, &refused);
        ddpm_fixed_add(x, BITS, COUNT, &parts[words.v[2] % 3], &refused);
    }
    for (int i = COUNT - 1; i >= 0; i--) {
        const ddpm_random4 words = ddpm_random_words(1, DDPM_RANDOM_DATA, 0, i, 0);
        const double x = ldexp(ddpm_random_uniform(words.v[0]) - 0.5, (int)(words.v[1] % 20));
        ddpm_fixed_add(x, BITS, COUNT, &backward, &refused);
    }
    assert_int_equal(refused, 0);
    assert_int_equal(forward, backward);
    assert_int_equal(forward, parts[0] + parts[1] + parts[2]);
    assert_true(fabs(ddpm_fixed_value(forward, BITS) - exact) <= COUNT * 0x1p-29);
}

/* The largest number that is added, as often as was said, on either side: the sum stays below 2^62 in size. */
static void test_headroom(void **state)
{
    static const int64_t contributions[] = {1, 2, 3, 1000, 8192};
    (void)state;
    for (size_t i = 0; i < sizeof contributions / sizeof *contributions; i++) {
        const int64_t n = contributions[i];
        const double limit = ldexp(0x1p62 / (double)n, -BITS), largest = nextafter(limit, 0.0);
        for (int sign = -1; sign <= 1; sign += 2) {
            int64_t sum = 0, refused = 0;
            for (int64_t k = 0; k < n; k++) ddpm_fixed_add(sign * largest, BITS, n, &sum, &refused);
            assert_int_equal(refused, 0);
            assert_true(sign * sum > INT64_C(1) << 61 && sign * sum < (INT64_C(1) << 62) + (INT64_C(1) << 52));
            ddpm_fixed_add(sign * limit, BITS, n, &sum, &refused);
            assert_int_equal(refused, 1);
        }
    }
}

static void test_what_is_not_finite_is_refused(void **state)
{
    int64_t sum = 5, refused = 0;
    (void)state;
    ddpm_fixed_add((double)NAN, BITS, COUNT, &sum, &refused);
    ddpm_fixed_add((double)INFINITY, BITS, COUNT, &sum, &refused);
    ddpm_fixed_add(-(double)INFINITY, BITS, COUNT, &sum, &refused);
    ddpm_fixed_add(1e300, BITS, COUNT, &sum, &refused);
    assert_int_equal(refused, 4);
    assert_int_equal(sum, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds_to_the_nearest),
        cmocka_unit_test(test_any_order_and_any_parts),
        cmocka_unit_test(test_headroom),
        cmocka_unit_test(test_what_is_not_finite_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
