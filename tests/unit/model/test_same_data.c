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

/* A table's columns: the first that differs is named, and how. */
static void test_tokens(void **state)
{
    double reds[] = {0, 2, 3}, others[] = {0, 1, 4}, numbers[] = {1, 3, 1}, spikes[] = {0, 1}, mean[2] = {0, 0};
    ddpm_column_vocabulary found[2] = {
        {.layout = {.kind = DDPM_COLUMN_CATEGORY, .count = 2, .names = (char *[]){"red", "blue"}, .gap = -1},
         .spikes = 2,
         .spike = spikes,
         .rows = reds},
        {.layout = {.gap = -1}, .spikes = 2, .spike = spikes, .rows = numbers}};
    ddpm_column_vocabulary expected[2] = {found[0], found[1]};
    ddpm_vocabulary ours = {.columns = 2, .column = found}, theirs = {.columns = 2, .column = expected};
    const ddpm_transform a = {.columns = 2, .mean = mean, .scale = mean, .vocabulary = &ours};
    const ddpm_transform b = {.columns = 2, .mean = mean, .scale = mean, .vocabulary = &theirs};
    const ddpm_transform plain = {.columns = 2, .mean = mean, .scale = mean};
    (void)state;
    expect_ok(ddpm_same_transform(&a, &b, names, 0));
    expect_failure(ddpm_same_transform(&a, &plain, names, 0), DDPM_ERR_DATA, "they are tokens, not numbers");
    expected[0].rows = others;
    expect_failure(ddpm_same_transform(&a, &b, names, 0), DDPM_ERR_DATA,
                   "column 0 (from 0) 'energy' has other numbers of rows with each value");
    expected[0].layout.names = (char *[]){"red", "green"};
    expect_failure(ddpm_same_transform(&a, &b, names, 0), DDPM_ERR_DATA, "'energy' has other names (2, not 2)");
    expected[0] = found[0];
    expected[1].spike = reds;
    expect_failure(ddpm_same_transform(&a, &b, names, 0), DDPM_ERR_DATA, "column 1 (from 0) 'time' has other values");
    expected[1] = found[1];
    expected[1].layout.units = (char[]){"days"};
    expect_failure(ddpm_same_transform(&a, &b, names, 0), DDPM_ERR_DATA, "'time' has the units '', not 'days'");
    expected[1] = found[0];
    expect_failure(ddpm_same_transform(&a, &b, names, 0), DDPM_ERR_DATA, "'time' holds numbers, not categories");
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
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
