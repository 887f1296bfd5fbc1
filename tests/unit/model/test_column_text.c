/* What people read about a column: its kind, its values with their shares, its gaps. */
#include "expect.h"

#include "model/column_text.h"

#include <string.h>

static void expect_text(const ddpm_column_vocabulary *column, const char *expected)
{
    char text[DDPM_COLUMN_TEXT];
    assert_string_equal(ddpm_column_describe(column, sizeof text, text), expected);
}

static void test_texts(void **state)
{
    double spike[] = {0, 1, 2, 3, 4}, rows[] = {0, 10, 30, 20, 25, 15}, gaps[] = {50, 20, 30};
    double knot[DDPM_VOCABULARY_KNOTS + 1] = {-1.5, [DDPM_VOCABULARY_KNOTS] = 7.25}, with_bin[] = {0, 60, 40};
    char *names[] = {"a", "b\n", "c", "d", "e", "f"};
    char few[12];
    ddpm_column_vocabulary column = {
        .layout = {.kind = DDPM_COLUMN_CATEGORY, .count = 6, .names = names, .gap = -1}, .spikes = 5, .spike = spike};
    (void)state;
    expect_text(&column, "category (enumeration): 6 names");
    column.rows = rows;
    expect_text(&column, "category (enumeration): 6 names, 5 of which occur: b\\n 30 %, d 25 %, c 20 %, e 15 %, ...; "
                         "no gaps");
    ddpm_column_describe(&column, sizeof few, few);
    assert_string_equal(few, "category (e");
    column = (ddpm_column_vocabulary){
        .layout = {.number = DDPM_NUMBER_INT32, .gap = -1}, .spikes = 2, .spike = spike + 3, .rows = gaps};
    expect_text(&column, "number (int32): 2 values from 3 to 4; 50 % gaps");
    column = (ddpm_column_vocabulary){.layout = {.number = DDPM_NUMBER_FLOAT64, .gap = -1, .units = "days"},
                                      .spikes = 1,
                                      .spike = spike,
                                      .bins = 1,
                                      .knot = knot,
                                      .rows = with_bin};
    expect_text(&column,
                "number (float64) of days: 1 bin from -1.5 to 7.25, and 1 value of many rows: 0 60 %; no gaps");
    column.decimals = 2;
    column.step = 25;
    expect_text(&column,
                "number (float64) of days: 1 bin from -1.5 to 7.25 in steps of 0.25, and 1 value of many rows: 0 "
                "60 %; no gaps");
}

/* All of a text fits, and no letter of a long name is cut. */
static void test_long_names(void **state)
{
    double spike[] = {0, 1, 2, 3, 4}, rows[] = {100007, 123457, 123456, 123455, 123454, 1};
    char name[] = "aéééééééééééééééééééééééééééééééééé", expected[DDPM_COLUMN_TEXT];
    char *names[] = {name, name, name, name, name, name};
    ddpm_column_vocabulary column = {
        .layout = {.kind = DDPM_COLUMN_CATEGORY, .count = 2000000, .names = names, .gap = -1},
        .spikes = 5,
        .spike = spike,
        .rows = rows};
    (void)state;
    strcpy(expected, "category (enumeration): 2000000 names, 5 of which occur");
    for (int i = 0; i < 4; i++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%.59s 20.8 %%", i ? ", " : ": ",
                 name);
    strcat(expected, ", ...; 16.8 % gaps");
    expect_text(&column, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_long_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
