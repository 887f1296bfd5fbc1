/* The mean of workers' numbers against sums in double precision; the outer step against Nesterov's by hand. */
#include "expect.h"

#include "kernel/outer.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { N = 1000, WORKERS = 5 };

static float x[WORKERS][N], before[N], made[N], mean[N];
static int32_t sums[N];

static int32_t largest_of(ddpm_outer_kind kind)
{
    int32_t largest = 0;
    for (int w = 0; w < WORKERS; w++) {
        ddpm_outer_prepare(kind, N, x[w], before, made);
        const int32_t found = ddpm_outer_largest(N, made);
        largest = found > largest ? found : largest;
    }
    return largest;
}

static void add_all(ddpm_outer_kind kind, int backwards)
{
    const int exponent = ddpm_outer_exponent(largest_of(kind), WORKERS);
    memset(sums, 0, sizeof sums);
    for (int i = 0; i < WORKERS; i++) {
        ddpm_outer_prepare(kind, N, x[backwards ? WORKERS - 1 - i : i], before, made);
        ddpm_outer_add(kind, N, made, exponent, sums);
    }
    ddpm_outer_mean(kind, N, sums, exponent, WORKERS, mean);
}

static void test_mean(void **state)
{
    float forwards[N];
    (void)state;
    fill_any(before, N, 99);
    for (int w = 0; w < WORKERS; w++) fill_any(x[w], N, w);
    for (int kind = 0; kind < DDPM_OUTER_KINDS; kind++) {
        for (int w = 0; kind == DDPM_OUTER_MOMENT2 && w < WORKERS; w++)
            for (int i = 0; i < N; i++) x[w][i] *= x[w][i];
        add_all((ddpm_outer_kind)kind, 1);
        memcpy(forwards, mean, sizeof mean);
        add_all((ddpm_outer_kind)kind, 0);
        assert_memory_equal(mean, forwards, sizeof mean);
        for (int i = 0; i < N; i++) {
            double expected = 0.0;
            for (int w = 0; w < WORKERS; w++) {
                const double value = (double)x[w][i];
                expected += (kind == DDPM_OUTER_CHANGE    ? value - (double)before[i]
                             : kind == DDPM_OUTER_MOMENT2 ? sqrt(value)
                                                          : value) /
                            WORKERS;
            }
            if (kind == DDPM_OUTER_MOMENT2) expected *= expected;
            expect_near((double)mean[i], expected, 3e-7 * fmax(1.0, fabs(expected)), "mean", i);
        }
    }
}

/* Where all are as large as can be the sum is still in range; what is small beside the largest is not lost below 0. */
static void test_range(void **state)
{
    static const float largest[] = {FLT_MAX, 1.0f, 0x1.fffffep-20f, FLT_MIN, 0x1p-149f};
    (void)state;
    for (size_t c = 0; c < sizeof largest / sizeof *largest; c++) {
        for (int w = 0; w < WORKERS; w++)
            for (int i = 0; i < N; i++) x[w][i] = i % 2 ? -largest[c] : largest[c];
        add_all(DDPM_OUTER_MOMENT1, 0);
        for (int i = 0; i < N && largest[c] >= 0x1p-90f; i++)
            expect_near((double)(mean[i] / x[0][i]), 1.0, 1e-6, "mean of equal numbers", i);
    }
    for (int w = 0; w < WORKERS; w++)
        for (int i = 0; i < N; i++) x[w][i] = i == 0 ? 1.0f : 1e-30f;
    add_all(DDPM_OUTER_MOMENT2, 0);
    assert_true(mean[1] > 0.0f);
    memset(x, 0, sizeof x);
    add_all(DDPM_OUTER_MOMENT2, 0);
    assert_true(mean[0] == 0.0f && mean[1] == 0.0f);
}

static void test_not_finite(void **state)
{
    const float most = FLT_MAX, wild[] = {INFINITY, -INFINITY, NAN};
    int32_t finite;
    (void)state;
    memcpy(&finite, &most, sizeof finite);
    memset(made, 0, sizeof made);
    made[3] = -FLT_MAX;
    assert_int_equal(ddpm_outer_largest(N, made), finite);
    for (int i = 0; i < 3; i++) {
        made[7] = wild[i];
        assert_true(ddpm_outer_largest(N, made) > finite);
    }
}

static void test_step(void **state)
{
    const ddpm_outer_settings settings = {.rate = 0.5f, .momentum = 0.75f, .ema = 0.25f};
    float velocity = 0.0f, parameter = 1.0f, ema = 1.0f;
    const float change = 2.0f;
    (void)state;
    ddpm_outer_step(1, &settings, &change, &velocity, &parameter, &ema);
    assert_true(velocity == 2.0f);                                 /* .75 0 + 2 */
    assert_true(parameter == 1.0f + 0.5f * (2.0f + 0.75f * 2.0f)); /* 2.75 */
    assert_true(ema == 2.75f + 0.25f * (1.0f - 2.75f));
    ddpm_outer_step(1, &settings, &change, &velocity, &parameter, &ema);
    assert_true(velocity == 3.5f);
    assert_true(parameter == 2.75f + 0.5f * (2.0f + 0.75f * 3.5f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mean), cmocka_unit_test(test_range),
                                       cmocka_unit_test(test_not_finite), cmocka_unit_test(test_step)};
    return cmocka_run_group_tests(tests, NULL, teardown);
}
