/* The counter-based random numbers: the published vectors, and that no two streams are the same. */
#include "expect.h"

/* kat_vectors of Random123, philox4x32 with 10 rounds; the counter is taken apart into purpose, step, row and lane. */
static void test_known_answers(void **state)
{
    static const struct {
        uint64_t seed;
        int purpose;
        int64_t step, row;
        uint32_t lane, expected[4];
    } known[] = {
        {0, 0, 0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, 0xff, 0xffffffffff, 0xffffffffffff, UINT32_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822,
         0x44,
         0x7313198a2e,
         0x037085a308d3,
         0x243f6a88,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    (void)state;
    for (int i = 0; i < 3; i++) {
        const ddpm_random4 words = ddpm_random_words(known[i].seed, (ddpm_purpose)known[i].purpose, known[i].step,
                                                     known[i].row, known[i].lane);
        expect_bits(words.v, known[i].expected, sizeof words.v, "words", i);
    }
}

/* Every bit of every argument matters: calls that differ in one bit of one argument give different numbers. */
static void test_every_bit_counts(void **state)
{
    const ddpm_random4 plain = ddpm_random_words(0, DDPM_RANDOM_DATA, 0, 0, 0);
    (void)state;
    for (int bit = 0; bit < 64; bit++) {
        const ddpm_random4 other[] = {
            ddpm_random_words(UINT64_C(1) << bit, DDPM_RANDOM_DATA, 0, 0, 0),
            ddpm_random_words(0, DDPM_RANDOM_DATA, INT64_C(1) << bit % 40, 0, 0),
            ddpm_random_words(0, DDPM_RANDOM_DATA, 0, INT64_C(1) << bit % 48, 0),
            ddpm_random_words(0, DDPM_RANDOM_DATA, 0, 0, UINT32_C(1) << bit % 32),
        };
        for (int i = 0; i < 4; i++) assert_memory_not_equal(other[i].v, plain.v, sizeof plain.v);
    }
    for (int a = DDPM_RANDOM_INITIAL; a <= DDPM_RANDOM_DIRECTION; a++)
        for (int b = a + 1; b <= DDPM_RANDOM_DIRECTION; b++) {
            const ddpm_random4 x = ddpm_random_words(7, (ddpm_purpose)a, 3, 5, 0),
                               y = ddpm_random_words(7, (ddpm_purpose)b, 3, 5, 0);
            assert_memory_not_equal(x.v, y.v, sizeof x.v);
        }
}

/* The purpose and the high bits of row and step share a word of the counter, and must not overlap in it. */
static void test_fields_do_not_overlap(void **state)
{
    const ddpm_random4 row = ddpm_random_words(0, DDPM_RANDOM_DATA, 0, INT64_C(1) << 32, 0),
                       step = ddpm_random_words(0, DDPM_RANDOM_DATA, INT64_C(1) << 32, 0, 0),
                       swapped = ddpm_random_words(0, DDPM_RANDOM_DATA, 1, 0, 0),
                       plain = ddpm_random_words(0, DDPM_RANDOM_DATA, 0, 1, 0);
    (void)state;
    assert_memory_not_equal(row.v, step.v, sizeof row.v);
    assert_memory_not_equal(swapped.v, plain.v, sizeof plain.v);
}

static void test_uniform(void **state)
{
    enum { N = 100000 };
    double sum = 0.0, squares = 0.0;
    (void)state;
    assert_true(ddpm_random_uniform(0) > 0.0);
    assert_true(ddpm_random_uniform(UINT32_MAX) < 1.0);
    for (int64_t i = 0; i < N; i++) {
        const double u = ddpm_random_uniform(ddpm_random_words(1, DDPM_RANDOM_NOISE, 0, i, 0).v[0]);
        sum += u;
        squares += u * u;
    }
    expect_near(sum / N, 0.5, 5.0 * sqrt(1.0 / 12.0 / N), "mean", 0);
    expect_near(squares / N, 1.0 / 3.0, 5.0 * sqrt(4.0 / 45.0 / N), "mean square", 0);
}

static void test_below(void **state)
{
    static const int64_t sizes[] = {1, 2, 3, 7, 1000, INT64_C(4294967295)};
    (void)state;
    for (int s = 0; s < 6; s++) {
        const int64_t n = sizes[s];
        assert_int_equal(ddpm_random_below(0, n), 0);
        assert_int_equal(ddpm_random_below(UINT32_MAX, n), n - 1);
    }
    int64_t count[7] = {0};
    for (int64_t i = 0; i < 70000; i++)
        count[ddpm_random_below(ddpm_random_words(1, DDPM_RANDOM_NOISE, 1, i, 0).v[2], 7)]++;
    for (int k = 0; k < 7; k++) expect_near((double)count[k], 10000.0, 5.0 * sqrt(10000.0), "share of", k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_fields_do_not_overlap),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
