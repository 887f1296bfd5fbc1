/* The error of the best linear prediction, against its closed form and against other slopes. */
#include "expect.h"

#include "base/memory.h"
#include "model/components.h"

enum { D = 5, K = 3, T = 50 };

static const double variances[K + 1] = {3.0, 1.0, 0.25, 0.04};

static ddpm_diffusion make(int prediction)
{
    const ddpm_schedule_spec spec = {
        .kind = DDPM_SCHEDULE_LOG_NORMAL, .steps = T, .log_mean = -1.2, .log_deviation = 1.4};
    ddpm_schedule schedule;
    ddpm_diffusion d;
    expect_ok(ddpm_schedule_create(&spec, &schedule));
    expect_ok(ddpm_diffusion_create(&schedule, (ddpm_prediction)prediction, DDPM_VARIANCE_POSTERIOR, &d));
    return d;
}

static ddpm_components components(void)
{
    ddpm_components c;
    expect_ok(ddpm_components_allocate(D, K, &c));
    memcpy(c.variance, variances, sizeof variances);
    return c;
}

/* E[(a x0 + b noise - slope (s x0 + n noise))^2] over the columns, with the same slope but for a change. */
static double error_of(const ddpm_diffusion *d, int64_t t, double change)
{
    const double s = (double)d->signal[t], n = (double)d->noise[t], a = (double)d->target_data[t],
                 b = (double)d->target_noise[t];
    double sum = 0.0;
    for (int j = 0; j < D; j++) {
        const double v = variances[j < K ? j : K], slope = (a * s * v + b * n) / (s * s * v + n * n) + change;
        sum += pow(a - slope * s, 2.0) * v + pow(b - slope * n, 2.0);
    }
    return sum / D;
}

static void test_closed_form(void **state)
{
    (void)state;
    for (int p = 0; p < DDPM_PREDICT_COUNT; p++) {
        ddpm_diffusion d = make(p);
        ddpm_components c = components();
        for (int64_t t = 1; t <= T; t++) {
            const double error = ddpm_components_error(&c, &d, t), scale = error_of(&d, t, 0.0);
            expect_near(error, scale, 1e-9 * (1.0 + scale), "error", 1000 * p + t);
            for (int side = -1; side <= 1; side += 2) assert_true(error_of(&d, t, 0.1 * side) > error);
        }
        ddpm_components_release(&c);
        ddpm_diffusion_release(&d);
    }
}

/* Of data of unit variance, the noise is predicted with an error of alpha_bar, the data with one of 1 - alpha_bar, and
 * the velocity with one of 1. */
static void test_unit_variance(void **state)
{
    (void)state;
    for (int p = 0; p < DDPM_PREDICT_COUNT; p++) {
        ddpm_diffusion d = make(p);
        ddpm_components c = components();
        for (int k = 0; k <= K; k++) c.variance[k] = 1.0;
        for (int64_t t = 1; t <= T; t++) {
            const double abar = d.schedule.alpha_bar[t], error = ddpm_components_error(&c, &d, t);
            if (p == DDPM_PREDICT_NOISE) expect_near(error, abar, 1e-6, "error of the noise", t);
            if (p == DDPM_PREDICT_DATA) expect_near(error, 1.0 - abar, 1e-6, "error of the data", t);
            if (p == DDPM_PREDICT_VELOCITY) expect_near(error, 1.0, 1e-6, "error of the velocity", t);
        }
        ddpm_components_release(&c);
        ddpm_diffusion_release(&d);
    }
}

static void test_copy(void **state)
{
    ddpm_components c = components(), copy;
    (void)state;
    fill_any(c.direction, K * D, 1);
    expect_ok(ddpm_components_copy(&c, &copy));
    assert_true(copy.count == K && copy.columns == D && copy.variance != c.variance);
    expect_bits(copy.variance, c.variance, sizeof variances, "variances", 0);
    expect_bits(copy.direction, c.direction, K * D * sizeof(float), "directions", 0);
    ddpm_components_release(&c);
    ddpm_components_release(&copy);
    assert_true(copy.count == 0 && copy.variance == NULL && copy.direction == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_closed_form), TEST(test_unit_variance), TEST(test_copy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
