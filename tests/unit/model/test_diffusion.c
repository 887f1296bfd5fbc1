/* The forward process, the targets of the prediction and the posterior, against their formulas. */
#include "cosine_diffusion.h"

#include "base/memory.h"
#include "kernel/normal.h"
#include "model/diffusion.h"

/* Steps of the chain one after the other give x_t the mean and variance of the closed form, on the way and at the end.
 */
static void test_chain(void **state)
{
    enum { N = 100000, T = 40 };
    static float x[2 * N], noise[2 * N];
    const double start[2] = {1.5, -0.5};
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    ddpm_diffusion d = cosine_diffusion(T, DDPM_PREDICT_NOISE, DDPM_VARIANCE_BETA, 0);
    (void)state;
    for (int64_t i = 0; i < 2 * N; i++) x[i] = (float)start[i % 2];
    for (int64_t t = 1; t <= T; t++) {
        ddpm_normal_rows(kernels, (ddpm_normal_stream){1, DDPM_RANDOM_FORWARD, t}, 0, ddpm_matrix_dense(noise, N, 2));
        ddpm_diffusion_step_rows(&d, N, 2, t, noise, x);
        const double signal = sqrt(d.schedule.alpha_bar[t]), rest = d.schedule.one_minus_alpha_bar[t];
        for (int64_t j = 0; j < 2; j++) {
            double sum = 0.0, squares = 0.0;
            for (int64_t i = 0; i < N; i++) {
                const double deviation = (double)x[2 * i + j] - signal * start[j];
                sum += deviation;
                squares += deviation * deviation;
            }
            expect_near(sum / N, 0.0, 4.5 * sqrt(rest / N) + 1e-6, "mean at step", t);
            expect_near(squares / N, rest, 4.5 * rest * sqrt(2.0 / N) + 1e-6, "variance at step", t);
        }
    }
    ddpm_diffusion_release(&d);
}

/* q(x_s | x_0), followed by the transition from s to t with sqrt(abar_t / abar_s) and 1 - abar_t / abar_s, is q(x_t |
 * x_0).
 */
static void test_composition(void **state)
{
    ddpm_diffusion d = cosine_diffusion(30, DDPM_PREDICT_NOISE, DDPM_VARIANCE_BETA, 0);
    (void)state;
    for (int64_t s = 0; s < 30; s++) {
        double keep = 1.0, variance = 0.0;
        for (int64_t t = s + 1; t <= 30; t++) {
            keep *= sqrt(1.0 - d.schedule.beta[t]);
            variance = variance * (1.0 - d.schedule.beta[t]) + d.schedule.beta[t];
            const double ratio = d.schedule.alpha_bar[t] / d.schedule.alpha_bar[s];
            expect_near(keep, sqrt(ratio), 1e-13, "factor", t);
            expect_near(variance, 1.0 - ratio, 1e-13, "variance", t);
        }
    }
    ddpm_diffusion_release(&d);
}

/* Between any two steps the posterior is, by Bayes, the normalised product of q(x_s | x_0) and q(x_t | x_s). */
static void test_posterior(void **state)
{
    enum { T = 30 };
    (void)state;
    for (int variance = 0; variance <= DDPM_VARIANCE_POSTERIOR; variance++) {
        ddpm_diffusion d = cosine_diffusion(T, DDPM_PREDICT_NOISE, variance, 0);
        for (int64_t t = 1; t <= T; t++)
            for (int64_t s = 0; s < t; s++) {
                const double *abar = d.schedule.alpha_bar;
                const ddpm_transition step_back = ddpm_diffusion_transition(&d, t, s);
                const double of_x0 = step_back.of_x0, of_xt = step_back.of_xt;
                if (s == 0) {
                    expect_near(of_x0, 1.0, 1e-12, "x0 at the last step from", t);
                    assert_true(of_xt == 0.0);
                    assert_true(isfinite(step_back.log_posterior)); /* at s = 0, where the posterior variance is 0 */
                    continue;
                }
                const double v = exp(ddpm_diffusion_log_variance(&d, &step_back, 0.0, NULL));
                const double prior = 1.0 - abar[s], keep = sqrt(abar[t] / abar[s]), step = 1.0 - abar[t] / abar[s];
                const double precision = 1.0 / prior + keep * keep / step;
                expect_near(of_x0, sqrt(abar[s]) / prior / precision, 1e-10, "weight of x0", t * 100 + s);
                expect_near(of_xt, keep / step / precision, 1e-10, "weight of x_t", t * 100 + s);
                expect_near(v, variance == DDPM_VARIANCE_BETA ? step : 1.0 / precision, 1e-10, "variance", t * 100 + s);
            }
        ddpm_diffusion_release(&d);
    }
}

/* From the exact target x0 is found again, for every kind of prediction at every step. */
static void test_targets(void **state)
{
    enum { T = 50, D = 3 };
    (void)state;
    for (int predict = 0; predict < DDPM_PREDICT_COUNT; predict++) {
        ddpm_diffusion d = cosine_diffusion(T, predict, DDPM_VARIANCE_BETA, 0);
        float x0[T * D], noise[T * D], xt[T * D], target[T * D];
        int32_t t[T];
        fill_any(x0, T * D, 1);
        fill_any(noise, T * D, 2);
        for (int i = 0; i < T; i++) t[i] = T - i;
        ddpm_diffusion_noise_rows(&d, T, D, x0, noise, t, xt, target);
        for (int64_t i = 0; i < T * D; i++) {
            const int32_t at = t[i / D];
            const double abar = d.schedule.alpha_bar[at], x = (double)x0[i], e = (double)noise[i];
            double from_xt, from_output;
            ddpm_diffusion_data_coefficients(&d, at, &from_xt, &from_output);
            const double back = from_xt * (double)xt[i] + from_output * (double)target[i];
            /* the rounding of x_t and of the target to floats */
            const double steep = 2e-7 * (fabs(from_xt) + fabs(from_output)) + 1e-6;
            expect_near((double)xt[i], sqrt(abar) * x + sqrt(1.0 - abar) * e, 1e-6, "x_t", at);
            expect_near(back, x, steep, "x0 from prediction", predict * 1000 + at);
        }
        ddpm_diffusion_release(&d);
    }
}

/* The target of each kind of prediction, by its definition. */
static void test_target_values(void **state)
{
    enum { T = 50 };
    (void)state;
    for (int predict = 0; predict < DDPM_PREDICT_COUNT; predict++) {
        ddpm_diffusion d = cosine_diffusion(T, predict, DDPM_VARIANCE_POSTERIOR, 0);
        for (int32_t t = 1; t <= T; t++) {
            const double *abar = d.schedule.alpha_bar, beta = d.schedule.beta[t], x0 = 0.75, e = -1.25;
            const float x0f = 0.75f, ef = -1.25f;
            const double x = sqrt(abar[t]) * x0 + sqrt(1.0 - abar[t]) * e;
            float xt, target;
            ddpm_diffusion_noise_rows(&d, 1, 1, &x0f, &ef, &t, &xt, &target);
            double expected = 0.0;
            if (predict == DDPM_PREDICT_NOISE) expected = e;
            if (predict == DDPM_PREDICT_DATA) expected = x0;
            if (predict == DDPM_PREDICT_VELOCITY) expected = sqrt(abar[t]) * e - sqrt(1.0 - abar[t]) * x0;
            if (predict == DDPM_PREDICT_FLOW) expected = e - x0;
            if (predict == DDPM_PREDICT_MEAN) { /* Ho et al. 2020, equation 11 */
                const double mean = (x - beta / sqrt(1.0 - abar[t]) * e) / sqrt(1.0 - beta);
                expected = (mean - sqrt(1.0 - beta) * x) / sqrt(beta);
            }
            expect_near((double)target, expected, 1e-6, "target of prediction", predict * 1000 + t);
        }
        ddpm_diffusion_release(&d);
    }
}

/* Where no signal is left at T, x0 still follows from the data and from the velocity, by finite coefficients. */
static void test_zero_terminal_snr(void **state)
{
    static const int kinds[] = {DDPM_PREDICT_DATA, DDPM_PREDICT_VELOCITY, DDPM_PREDICT_FLOW};
    (void)state;
    for (int k = 0; k < 3; k++) {
        ddpm_diffusion d = cosine_diffusion(20, kinds[k], DDPM_VARIANCE_BETA, 1);
        const float x0 = 0.5f, noise = 2.0f;
        const int32_t t = 20;
        float xt, target;
        double from_xt, from_output;
        ddpm_diffusion_noise_rows(&d, 1, 1, &x0, &noise, &t, &xt, &target);
        ddpm_diffusion_data_coefficients(&d, t, &from_xt, &from_output);
        assert_true(xt == noise);
        expect_near(from_xt * (double)xt + from_output * (double)target, 0.5, 1e-7, "x0", kinds[k]);
        ddpm_diffusion_release(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_chain),   TEST(test_composition),   TEST(test_posterior),
        TEST(test_targets), TEST(test_target_values), TEST(test_zero_terminal_snr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
