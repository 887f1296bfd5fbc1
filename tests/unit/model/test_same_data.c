/* What tells two sets of rows apart, and the words for it. */
#include "expect.h"

#include "model/same_data.h"

static const char *const names[2] = {"energy", "time"};

static void test_columns(void **state)
{
    double mean[2] = {1.5, -2.0}, scale[2] = {1.0, 3.0}, other_mean[2] = {1.5, -2.0}, other_scale[2] = {1.0, 3.0};
    const ddpm_transform found = {.columns = 2, .mean = mean, .scale = scale};
    ddpm_transform expected = {.columns = 2, .mean = other_mean, .scale = other_scale};
    (void)state;
    expect_ok(ddpm_same_transform(&found, &expected, names, 0));
    other_mean[1] = -2.5;
    expect_failure(ddpm_same_transform(&found, &expected, NULL, 0), DDPM_ERR_DATA,
                   "column 1 (from 0) has mean -2 and deviation 3, not -2.5 and 3");
    expect_failure(ddpm_same_transform(&found, &expected, names, 0), DDPM_ERR_DATA,
                   "column 1 (from 0) 'time' has mean");
    other_mean[1] = -2.0;
    other_scale[0] = nextafter(1.0, 2.0); /* the last bit counts, and is shown */
    expect_failure(ddpm_same_transform(&found, &expected, names, 0), DDPM_ERR_DATA, "not 1.5 and 1.0000000000000002");
    expect_ok(ddpm_same_transform(&found, &expected, names, 1)); /* unless the data were narrowed */
    other_mean[1] = -2.00001;
    expect_failure(ddpm_same_transform(&found, &expected, names, 1), DDPM_ERR_DATA, "not -2.00001");
    other_mean[1] = -2.0;
    expected.columns = 1;
    expect_failure(ddpm_same_transform(&found, &expected, names, 0), DDPM_ERR_DATA, "there are 2 columns, not 1");
}

static void test_conditions(void **state)
{
    int64_t classes[2] = {3, 0}, other_classes[2] = {3, 0};
    double mean[2] = {0.0, 1.5}, other_mean[2] = {0.0, 1.5}, scale[2] = {1.0, 2.0};
    const ddpm_condition found = {.count = 2,
                                  .classes = classes,
                                  .mean = mean,
                                  .scale = scale,
                                  .names = (char **)names},
                         none = {0};
    const ddpm_condition expected = {.count = 2,
                                     .classes = other_classes,
                                     .mean = other_mean,
                                     .scale = scale,
                                     .names = (char **)names,
                                     .minimum = mean};
    (void)state;
    expect_ok(ddpm_same_condition(&found, &expected));
    expect_ok(ddpm_same_condition(&none, &none));
    expect_failure(ddpm_same_condition(&none, &expected), DDPM_ERR_DATA, "there are 0 conditions, not 2");
    other_classes[0] = 4;
    expect_failure(ddpm_same_condition(&found, &expected), DDPM_ERR_DATA, "condition 'energy' has 3 classes, not 4");
    other_classes[0] = 3;
    other_mean[1] = 1.0;
    expect_failure(ddpm_same_condition(&found, &expected), DDPM_ERR_DATA,
                   "condition 'time' has mean 1.5 and deviation 2, not 1 and 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
