/* The learning rate against closed forms: warm-up, each decay, recoveries, and their product. */
#include "expect.h"

#include "model/learning_rate.h"

static const double ROUNDING = 1e-15; /* relative */

static void expect_rate(const ddpm_learning_rate_spec *spec, int64_t iteration, int64_t recoveries, double expected,
                        const char *what)
{
    expect_near(ddpm_learning_rate(spec, iteration, recoveries), expected, ROUNDING * expected, what, iteration);
}

/* Iteration i of a warm-up over w iterations has (i + 1) / w of the peak; the last of them has all of it. */
static void test_warmup(void **state)
{
    const ddpm_learning_rate_spec spec = {
        .peak = 3e-4, .warmup = 200, .decay = DDPM_DECAY_CONSTANT, .iterations = 1000};
    (void)state;
    for (int64_t i = 0; i < 200; i++) expect_rate(&spec, i, 0, 3e-4 * (double)(i + 1) / 200.0, "warm-up");
    assert_true(ddpm_learning_rate(&spec, 199, 0) == 3e-4);
    for (int64_t i = 200; i < 1000; i += 99) assert_true(ddpm_learning_rate(&spec, i, 0) == 3e-4);
}

static void test_no_warmup(void **state)
{
    const ddpm_learning_rate_spec spec = {.peak = 0.1, .decay = DDPM_DECAY_CONSTANT, .iterations = 10};
    (void)state;
    for (int64_t i = 0; i < 10; i++) assert_true(ddpm_learning_rate(&spec, i, 0) == 0.1);
}

/* (1 + cos(pi i / iterations)) / 2 at the eighths of a run: cos(pi / 4) = sqrt(1/2), cos(pi / 8) by half angles. */
static void test_cosine(void **state)
{
    const ddpm_learning_rate_spec spec = {.peak = 2.0, .decay = DDPM_DECAY_COSINE, .iterations = 8000};
    const double quarter = sqrt(0.5), eighth = sqrt(0.5 * (1.0 + quarter));
    (void)state;
    expect_rate(&spec, 0, 0, 2.0, "cosine");
    expect_rate(&spec, 1000, 0, 1.0 + eighth, "cosine");
    expect_rate(&spec, 2000, 0, 1.0 + quarter, "cosine");
    expect_rate(&spec, 4000, 0, 1.0, "cosine");
    expect_near(ddpm_learning_rate(&spec, 6000, 0), 1.0 - quarter, 4.0 * ROUNDING, "cosine", 6000);
    expect_near(ddpm_learning_rate(&spec, 7000, 0), 1.0 - eighth, 4.0 * ROUNDING, "cosine", 7000);
    expect_near(ddpm_learning_rate(&spec, 8000, 0), 0.0, ROUNDING, "cosine", 8000);
    for (int64_t i = 1; i <= 8000; i++)
        assert_true(ddpm_learning_rate(&spec, i, 0) < ddpm_learning_rate(&spec, i - 1, 0));
}

/* A factor 1/4 every 100 iterations: powers of two, so that the rates are exact. */
static void test_step(void **state)
{
    const ddpm_learning_rate_spec spec = {
        .peak = 1.0, .decay = DDPM_DECAY_STEP, .iterations = 1000, .every = 100, .factor = 0.25};
    (void)state;
    for (int64_t i = 0; i < 1000; i++) assert_true(ddpm_learning_rate(&spec, i, 0) == ldexp(1.0, -2 * (int)(i / 100)));
}

static void test_recoveries_halve(void **state)
{
    static const ddpm_decay decays[] = {DDPM_DECAY_CONSTANT, DDPM_DECAY_COSINE, DDPM_DECAY_STEP};
    (void)state;
    for (int d = 0; d < 3; d++) {
        const ddpm_learning_rate_spec spec = {
            .peak = 0.3, .warmup = 7, .decay = decays[d], .iterations = 50, .every = 9, .factor = 0.7};
        for (int64_t i = 0; i < 50; i++)
            for (int n = 0; n < 20; n++)
                assert_true(ldexp(ddpm_learning_rate(&spec, i, n), n) == ddpm_learning_rate(&spec, i, 0));
    }
}

/* The decay runs from the first iteration, also during the warm-up. */
static void test_product(void **state)
{
    const ddpm_learning_rate_spec spec = {.peak = 0.5, .warmup = 400, .decay = DDPM_DECAY_COSINE, .iterations = 800};
    (void)state;
    expect_rate(&spec, 199, 0, 0.5 * 0.5 * 0.5 * (1.0 + cos(M_PI * 199.0 / 800.0)), "half of the warm-up");
    expect_rate(&spec, 400, 0, 0.25, "half of the run");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warmup), cmocka_unit_test(test_no_warmup),        cmocka_unit_test(test_cosine),
        cmocka_unit_test(test_step),   cmocka_unit_test(test_recoveries_halve), cmocka_unit_test(test_product),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
