/* The keyed permutation: a bijection with its inverse, and an order without visible structure. */
#include "expect.h"

#include "base/permutation.h"

#include <stdlib.h>

static ddpm_permutation make(int64_t step, int64_t n)
{
    return ddpm_permutation_make(42, DDPM_RANDOM_ORDER, step, n);
}

static void test_bijection(void **state)
{
    static const int64_t sizes[] = {1, 2, 3, 5, 10, 64, 1000, 65537};
    char *seen = malloc(65537);
    int64_t *places = malloc(65537 * sizeof *places);
    (void)state;
    assert_non_null(seen);
    assert_non_null(places);
    for (int s = 0; s < 8; s++)
        for (int64_t step = 0; step < 20; step++) {
            const int64_t n = sizes[s];
            const ddpm_permutation p = make(step, n);
            memset(seen, 0, (size_t)n);
            for (int64_t i = 0; i < n; i++) places[i] = i;
            ddpm_permutation_map(&p, n, places);
            for (int64_t i = 0; i < n; i++) {
                const int64_t at = ddpm_permutation_at(&p, i);
                assert_int_equal(places[i], at);
                if (at < 0 || at >= n || seen[at])
                    fail_msg("n %lld: %lld twice or outside", (long long)n, (long long)at);
                seen[at] = 1;
                assert_int_equal(ddpm_permutation_position(&p, at), i);
            }
        }
    free(seen);
    free(places);
}

/* The inverse, also at sizes too large to visit all elements. */
static void test_large(void **state)
{
    static const int64_t sizes[] = {(INT64_C(1) << 32) + 1, (INT64_C(1) << 40) - 1, (INT64_C(1) << 48) - 1};
    (void)state;
    for (int s = 0; s < 3; s++) {
        const ddpm_permutation p = make(s, sizes[s]);
        for (int64_t i = 0; i < 1000; i++) {
            const int64_t position = i < 500 ? i : sizes[s] - 1 - i, at = ddpm_permutation_at(&p, position);
            assert_in_range(at, 0, sizes[s] - 1);
            assert_int_equal(ddpm_permutation_position(&p, at), position);
        }
    }
}

static void test_keys_differ(void **state)
{
    enum { N = 1000 };
    const ddpm_permutation epoch0 = make(0, N), epoch1 = make(1, N),
                           seed = ddpm_permutation_make(43, DDPM_RANDOM_ORDER, 0, N),
                           split = ddpm_permutation_make(42, DDPM_RANDOM_SPLIT, 0, N);
    const ddpm_permutation *others[] = {&epoch1, &seed, &split};
    (void)state;
    for (int k = 0; k < 3; k++) {
        int64_t same = 0;
        for (int64_t i = 0; i < N; i++) same += ddpm_permutation_at(&epoch0, i) == ddpm_permutation_at(others[k], i);
        assert_in_range(same, 0, 10); /* two random orders agree in 1 place on average */
    }
}

/* Chi-square of where each element lands, summed over the elements: n - 1 degrees of freedom each. */
static void test_uniform(void **state)
{
    static const int64_t sizes[] = {2, 3, 5, 8, 10, 64, 100};
    enum { STEPS = 20000, LARGEST = 100 };
    static int64_t count[LARGEST][LARGEST];
    (void)state;
    for (int s = 0; s < 7; s++) {
        const int64_t n = sizes[s];
        const double expected = (double)STEPS / (double)n, freedom = (double)((n - 1) * (n - 1));
        double chi = 0.0;
        memset(count, 0, sizeof count);
        for (int64_t step = 0; step < STEPS; step++) {
            const ddpm_permutation p = make(step, n);
            for (int64_t i = 0; i < n; i++) count[i][ddpm_permutation_at(&p, i)]++;
        }
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++)
                chi += ((double)count[i][j] - expected) * ((double)count[i][j] - expected) / expected;
        /* the table has (n - 1)^2 degrees of freedom and a chi-square sum of twice that as its variance, times
         * n / (n - 1) for the fixed margins */
        chi *= (double)(n - 1) / (double)n;
        expect_near(chi, freedom, 6.0 * sqrt(2.0 * freedom), "chi-square of n", n);
    }
}

/* Mean absolute displacement of a random order is (n^2 - 1) / (3 n), and between neighbours' images (n + 1) / 3. */
static void test_displacement(void **state)
{
    static const int64_t sizes[] = {8, 64, 1000, 65536, 100003};
    (void)state;
    for (int s = 0; s < 5; s++) {
        const int64_t n = sizes[s], steps = 2000000 / n + 20;
        double moved = 0.0, apart = 0.0, rising = 0.0;
        for (int64_t step = 0; step < steps; step++) {
            const ddpm_permutation p = make(step, n);
            int64_t before = 0;
            for (int64_t i = 0; i < n; i++) {
                const int64_t at = ddpm_permutation_at(&p, i);
                moved += (double)llabs(at - i);
                if (i > 0) apart += (double)llabs(at - before);
                if (i > 0) rising += at > before;
                before = at;
            }
        }
        const double size = (double)n, rows = (double)(steps * n), pairs = (double)(steps * (n - 1));
        expect_near(moved / rows / size, (size * size - 1.0) / (3.0 * size * size), 3.0 / sqrt(rows) + 0.004,
                    "moved, n", n);
        expect_near(apart / pairs / size, (size + 1.0) / (3.0 * size), 3.0 / sqrt(rows) + 0.004, "apart, n", n);
        expect_near(rising / pairs, 0.5, 3.0 / sqrt(rows) + 0.004, "rising, n", n);
    }
}

/* 8 elements have 40320 orders: most of them occur among many keys, and none of them often. */
static void test_small_has_no_structure(void **state)
{
    enum { STEPS = 400000, ORDERS = 40320 };
    static int count[ORDERS];
    int met = 0, most = 0;
    (void)state;
    for (int64_t step = 0; step < STEPS; step++) {
        const ddpm_permutation p = make(step, 8);
        int index = 0; /* Lehmer code */
        int64_t at[8];
        for (int64_t i = 0; i < 8; i++) at[i] = ddpm_permutation_at(&p, i);
        for (int i = 0; i < 8; i++) {
            int smaller = 0;
            for (int j = i + 1; j < 8; j++) smaller += at[j] < at[i];
            index = index * (8 - i) + smaller;
        }
        met += count[index]++ == 0;
        if (count[index] > most) most = count[index];
    }
    if (met < ORDERS / 2 || most > 150) /* each should occur about 10 times */
        fail_msg("%d of %d orders met, one of them %d times", met, ORDERS, most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bijection),    cmocka_unit_test(test_large),
        cmocka_unit_test(test_keys_differ),  cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_displacement), cmocka_unit_test(test_small_has_no_structure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
