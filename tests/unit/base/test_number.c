/* Numbers of each type, as the type says at run time: kept, rounded, and held in range. */
#include "expect.h"

#include "base/number.h"

#include <math.h>

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < DDPM_NUMBERS; i++) assert_int_equal(ddpm_number_find(ddpm_number_name((ddpm_number)i)), i);
    assert_int_equal(ddpm_number_find("complex64"), -1);
    assert_string_equal(ddpm_number_name(DDPM_NUMBER_UINT16), "uint16");
    assert_int_equal(ddpm_number_bytes(DDPM_NUMBER_UINT16), 2);
    assert_true(ddpm_number_is_integer(DDPM_NUMBER_INT8) && !ddpm_number_is_integer(DDPM_NUMBER_FLOAT64));
}

static void test_holders(void **state)
{
    static const ddpm_number holders[DDPM_NUMBERS] = {
        [DDPM_NUMBER_FLOAT32] = DDPM_NUMBER_FLOAT32, [DDPM_NUMBER_FLOAT64] = DDPM_NUMBER_FLOAT64,
        [DDPM_NUMBER_INT8] = DDPM_NUMBER_FLOAT32,    [DDPM_NUMBER_INT16] = DDPM_NUMBER_FLOAT32,
        [DDPM_NUMBER_INT32] = DDPM_NUMBER_FLOAT64,   [DDPM_NUMBER_INT64] = DDPM_NUMBER_INT64,
        [DDPM_NUMBER_UINT8] = DDPM_NUMBER_FLOAT32,   [DDPM_NUMBER_UINT16] = DDPM_NUMBER_FLOAT32,
        [DDPM_NUMBER_UINT32] = DDPM_NUMBER_FLOAT64,  [DDPM_NUMBER_UINT64] = DDPM_NUMBER_UINT64};
    (void)state;
    for (int i = 0; i < DDPM_NUMBERS; i++) assert_int_equal(ddpm_number_holder((ddpm_number)i), holders[i]);
}

/* The least and the largest of each integer type, and what is beyond them. */
static void test_range(void **state)
{
    static const long double ends[DDPM_NUMBERS][2] = {
        [DDPM_NUMBER_INT8] = {INT8_MIN, INT8_MAX},    [DDPM_NUMBER_INT16] = {INT16_MIN, INT16_MAX},
        [DDPM_NUMBER_INT32] = {INT32_MIN, INT32_MAX}, [DDPM_NUMBER_INT64] = {INT64_MIN, INT64_MAX},
        [DDPM_NUMBER_UINT8] = {0, UINT8_MAX},         [DDPM_NUMBER_UINT16] = {0, UINT16_MAX},
        [DDPM_NUMBER_UINT32] = {0, UINT32_MAX},       [DDPM_NUMBER_UINT64] = {0, UINT64_MAX}};
    int64_t room[2] = {0};
    (void)state;
    for (int i = DDPM_NUMBER_INT8; i < DDPM_NUMBERS; i++)
        for (int end = 0; end < 2; end++)
            for (int beyond = 0; beyond < 3; beyond++) {
                const long double value = ends[i][end] + (end ? 1 : -1) * (beyond == 2 ? INFINITY : beyond * 1e6L);
                room[0] = 0; /* another type left its number there */
                ddpm_number_set((ddpm_number)i, value, room, 1);
                assert_true(ddpm_number_get((ddpm_number)i, room, 1) == ends[i][end]);
                assert_true(ddpm_number_get((ddpm_number)i, room, 0) == 0.0L);
            }
}

static void test_rounding(void **state)
{
    static const long double values[][2] = {{2.4L, 2}, {2.6L, 3}, {2.5L, 2}, {3.5L, 4}, {-1.2L, -1}};
    int64_t whole;
    float narrow;
    (void)state;
    for (int i = 0; i < 5; i++) {
        ddpm_number_set(DDPM_NUMBER_INT64, values[i][0], &whole, 0);
        assert_true((long double)whole == values[i][1]);
    }
    ddpm_number_set(DDPM_NUMBER_INT64, 0x1p60L + 1.0L, &whole, 0);
    assert_true(whole == (INT64_C(1) << 60) + 1);
    assert_true(ddpm_number_get(DDPM_NUMBER_INT64, &whole, 0) - 0x1p60L == 1.0L);
    ddpm_number_set(DDPM_NUMBER_INT64, (long double)NAN, &whole, 0);
    assert_int_equal(whole, 0);
    ddpm_number_set(DDPM_NUMBER_FLOAT32, 0.1L, &narrow, 0);
    assert_true(narrow == 0.1f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names),
        TEST(test_holders),
        TEST(test_range),
        TEST(test_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
