/* Distances between names: the rules of a metric, and known distances. */
#include "expect.h"

#include "base/edit_distance.h"

#include <string.h>

static void test_steps(void **state)
{
    (void)state;
    assert_int_equal(ddpm_edit_distance("", ""), 0);
    assert_int_equal(ddpm_edit_distance("batch", "batch"), 0);
    assert_int_equal(ddpm_edit_distance("", "beta"), 4);
    assert_int_equal(ddpm_edit_distance("batch", "bath"), 1);
    assert_int_equal(ddpm_edit_distance("batch", "bqatch"), 1);
    assert_int_equal(ddpm_edit_distance("batch", "catch"), 1);
    assert_int_equal(ddpm_edit_distance("batch", "abtch"), 1);
    assert_int_equal(ddpm_edit_distance("kitten", "sitting"), 3);
}

static void test_symmetric(void **state)
{
    static const char *const names[] = {"", "a", "beta", "batch", "training.batch", "trianing.bacth"};
    (void)state;
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            assert_int_equal(ddpm_edit_distance(names[i], names[j]), ddpm_edit_distance(names[j], names[i]));
}

static void test_long_names_are_cut(void **state)
{
    char a[1000], b[1000];
    (void)state;
    memset(a, 'x', sizeof a);
    memset(b, 'x', sizeof b);
    a[999] = b[999] = '\0';
    b[500] = 'y';
    assert_int_equal(ddpm_edit_distance(a, b), 0);
    assert_int_equal(ddpm_edit_distance(a, ""), DDPM_EDIT_DISTANCE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_symmetric),
        cmocka_unit_test(test_long_names_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
