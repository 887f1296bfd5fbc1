/* Reverse sampling with the exact denoiser of a known density in place of a network: samples must have that density.
 *
 * For a normal density the sampler is linear. So the mean and the variance of its samples can be followed from step to
 * step exactly, for every number of steps and both variances, also where they are far from those of the data. */
#include "expect.h"

#include "base/auto.h"
#include "base/memory.h"
#include "model/sampler.h"

enum { D = 2, STRIDE = D + 3, BLOCK = 128, T = 200, SAMPLES = 20000 };

static const double mean[D] = {0.8, -0.4}, deviation[D] = {0.3, 1.1},
                    angle = 0.6; /* N(mean, R diag(deviation^2) R^T) */

static float samples[SAMPLES * D];

/* A denoiser whose prediction is the exact E[x0 | x_t]. */
typedef struct exact {
    const ddpm_diffusion *diffusion;
    void (*expected_x0)(double abar, const double x[D], double x0[D]);
    float out[BLOCK * STRIDE];
} exact;

static void normal_x0(double abar, const double x[D], double x0[D])
{
    const double c = cos(angle), s = sin(angle);
    const double dx = x[0] - sqrt(abar) * mean[0], dy = x[1] - sqrt(abar) * mean[1];
    const double along[D] = {c * dx + s * dy, -s * dx + c * dy};
    double g[D];
    for (int i = 0; i < D; i++)
        g[i] = along[i] * sqrt(abar) * deviation[i] * deviation[i] / (abar * deviation[i] * deviation[i] + 1.0 - abar);
    x0[0] = mean[0] + c * g[0] - s * g[1];
    x0[1] = mean[1] + s * g[0] + c * g[1];
}

/* A mixture of two round normal densities, called heaps. */
static const double heap_weight[2] = {0.3, 0.7}, heap[2][D] = {{-1.5, 1.0}, {1.0, -0.5}}, heap_deviation = 0.25;

static void mixture_x0(double abar, const double x[D], double x0[D])
{
    const double v = heap_deviation * heap_deviation, total = abar * v + 1.0 - abar;
    double r[2], sum = 0.0;
    for (int k = 0; k < 2; k++) {
        double square = 0.0;
        for (int j = 0; j < D; j++) square += pow(x[j] - sqrt(abar) * heap[k][j], 2.0);
        sum += r[k] = heap_weight[k] * exp(-0.5 * square / total);
    }
    for (int j = 0; j < D; j++) {
        x0[j] = 0.0;
        for (int k = 0; k < 2; k++)
            x0[j] += r[k] / sum * (heap[k][j] + sqrt(abar) * v / total * (x[j] - sqrt(abar) * heap[k][j]));
    }
}

static ddpm_const_matrix predict(void *self, int64_t first, int64_t rows, const float *xt, int32_t t)
{
    exact *e = self;
    (void)first;
    const double abar = e->diffusion->schedule.alpha_bar[t], before = e->diffusion->schedule.alpha_bar[t - 1],
                 beta = e->diffusion->schedule.beta[t], rest = 1.0 - abar;
    for (int64_t row = 0; row < rows; row++) {
        const double x[D] = {(double)xt[row * D], (double)xt[row * D + 1]};
        double x0[D];
        e->expected_x0(abar, x, x0);
        for (int j = 0; j < D; j++) {
            const double noise = (x[j] - sqrt(abar) * x0[j]) / sqrt(rest);
            double value = noise;
            if (e->diffusion->predict == DDPM_PREDICT_DATA) value = x0[j];
            if (e->diffusion->predict == DDPM_PREDICT_VELOCITY) value = sqrt(abar) * noise - sqrt(rest) * x0[j];
            if (e->diffusion->predict == DDPM_PREDICT_FLOW) value = noise - x0[j];
            if (e->diffusion->predict == DDPM_PREDICT_MEAN)
                value = ((sqrt(before) * beta * x0[j] + sqrt(1.0 - beta) * (1.0 - before) * x[j]) / rest -
                         sqrt(1.0 - beta) * x[j]) /
                        sqrt(beta);
            e->out[row * STRIDE + j] = (float)value;
        }
    }
    return (ddpm_const_matrix){e->out, rows, D, STRIDE, 0};
}

static ddpm_diffusion make(int64_t steps, int prediction, int variance)
{
    const ddpm_schedule_spec spec = {
        .kind = DDPM_SCHEDULE_LINEAR, .steps = steps, .start = 1e-4, .end = 0.02, .rescale = steps > 20};
    ddpm_schedule schedule;
    ddpm_diffusion d;
    expect_ok(ddpm_schedule_create(&spec, &schedule));
    expect_ok(ddpm_diffusion_create(&schedule, (ddpm_prediction)prediction, (ddpm_variance)variance, &d));
    return d;
}

static ddpm_status create_clipped(const ddpm_diffusion *d, int64_t steps, const double *minimum, const double *maximum,
                                  ddpm_sampler *out)
{
    const ddpm_sampler_spec spec = {.sampling.method = DDPM_METHOD_ANCESTRAL,
                                    .columns = D,
                                    .sampling.steps = steps,
                                    .minimum = minimum,
                                    .maximum = maximum};
    return ddpm_sampler_create(d, &spec, out);
}

static ddpm_status create(const ddpm_diffusion *d, int64_t steps, ddpm_sampler *out)
{
    return create_clipped(d, steps, NULL, NULL, out);
}

static void draw(const ddpm_sampler *sampler, exact *e, int64_t count, float *x)
{
    const ddpm_denoiser denoiser = {predict, e};
    float scratch[3 * BLOCK * D];
    for (int64_t first = 0; first < count; first += BLOCK) {
        const int64_t rows = count - first < BLOCK ? count - first : BLOCK;
        ddpm_sampler_run(sampler,
                         &(ddpm_denoising){&denoiser, ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), 8, first, rows},
                         scratch, x + first * D, (ddpm_snapshots){0});
    }
}

/* Follow the mean and the variance of samples of N(target, v) from N(0, 1) at T down the grid. */
static void carry(const ddpm_diffusion *d, const ddpm_sampler *sampler, double target, double v, double *expected,
                  double *variance)
{
    *expected = 0.0;
    *variance = 1.0;
    for (int64_t k = 0; k < sampler->step_count; k++) {
        const int64_t t = sampler->steps[k].t, s = sampler->steps[k].s;
        const double at = d->schedule.alpha_bar[t], as = d->schedule.alpha_bar[s], alpha = at / as, beta = 1.0 - alpha;
        const double g = sqrt(at) * v / (at * v + 1.0 - at);
        const double a = sqrt(as) * beta / (1.0 - at), b = sqrt(alpha) * (1.0 - as) / (1.0 - at);
        const double noise = s == 0 ? 0.0 : d->variance == DDPM_VARIANCE_BETA ? beta : beta * (1.0 - as) / (1.0 - at);
        *expected = a * (target + g * (*expected - sqrt(at) * target)) + b * *expected;
        *variance = pow(a * g + b, 2.0) * *variance + noise;
    }
}

/* The same along both axes of the density. */
static void carry_axes(const ddpm_diffusion *d, const ddpm_sampler *sampler, double expected[D], double variance[D])
{
    const double c = cos(angle), s = sin(angle);
    carry(d, sampler, c * mean[0] + s * mean[1], deviation[0] * deviation[0], &expected[0], &variance[0]);
    carry(d, sampler, c * mean[1] - s * mean[0], deviation[1] * deviation[1], &expected[1], &variance[1]);
}

/* Mean and variance of the samples along each axis of the density, and the covariance. */
static void expect_moments(const double *expected, const double *variance, double errors, int64_t where)
{
    double sum[D] = {0}, square[D][D] = {{0}};
    for (int64_t n = 0; n < SAMPLES; n++) {
        const double x = (double)samples[n * D], y = (double)samples[n * D + 1];
        const double along[D] = {cos(angle) * x + sin(angle) * y - expected[0],
                                 cos(angle) * y - sin(angle) * x - expected[1]};
        for (int i = 0; i < D; i++) {
            sum[i] += along[i];
            for (int j = 0; j < D; j++) square[i][j] += along[i] * along[j];
        }
    }
    for (int i = 0; i < D; i++) {
        expect_near(sum[i] / SAMPLES, 0.0, errors * sqrt(variance[i] / SAMPLES), "mean of samples", where);
        expect_near(square[i][i] / SAMPLES, variance[i], errors * variance[i] * sqrt(2.0 / SAMPLES),
                    "variance of samples", where);
    }
    expect_near(square[0][1] / SAMPLES, 0.0, errors * sqrt(variance[0] * variance[1] / SAMPLES), "covariance", where);
}

static void test_normal_density(void **state)
{
    static const int64_t grids[] = {1, 2, 3, 7, 50, T};
    (void)state;
    for (int variance = 0; variance <= DDPM_VARIANCE_POSTERIOR; variance++)
        for (int g = 0; g < 6; g++) {
            ddpm_diffusion d = make(T, DDPM_PREDICT_NOISE, variance);
            ddpm_sampler sampler;
            exact e = {.diffusion = &d, .expected_x0 = normal_x0};
            double expected[D], spread[D];
            expect_ok(create(&d, grids[g], &sampler));
            carry_axes(&d, &sampler, expected, spread);
            draw(&sampler, &e, SAMPLES, samples);
            expect_moments(expected, spread, 4.5, variance * 1000 + grids[g]);
            if (grids[g] == T) { /* on all steps, the samples have the density of the data */
                const double m[D] = {cos(angle) * mean[0] + sin(angle) * mean[1],
                                     cos(angle) * mean[1] - sin(angle) * mean[0]};
                for (int i = 0; i < D; i++) {
                    expect_near(expected[i], m[i], 0.01, "mean of the density", i);
                    expect_near(sqrt(spread[i]), deviation[i], 0.06 * deviation[i], "deviation of the density", i);
                }
            }
            ddpm_sampler_release(&sampler);
            ddpm_diffusion_release(&d);
        }
}

static void test_mixture(void **state)
{
    (void)state;
    for (int variance = 0; variance <= DDPM_VARIANCE_POSTERIOR; variance++) {
        ddpm_diffusion d = make(T, DDPM_PREDICT_VELOCITY, variance);
        ddpm_sampler sampler;
        exact e = {.diffusion = &d, .expected_x0 = mixture_x0};
        double count[2] = {0}, sum[2][D] = {{0}}, square[2] = {0}, at, spread;
        expect_ok(create(&d, T, &sampler));
        draw(&sampler, &e, SAMPLES, samples);
        /* at small t the heaps do not overlap, and each is followed as a normal density of its own */
        carry(&d, &sampler, 0.0, heap_deviation * heap_deviation, &at, &spread);
        expect_near(sqrt(spread), heap_deviation, 0.07 * heap_deviation, "deviation after 200 steps", variance);
        for (int64_t n = 0; n < SAMPLES; n++) {
            const int k = samples[n * D] > -0.25f;
            count[k] += 1.0;
            for (int j = 0; j < D; j++) {
                sum[k][j] += (double)samples[n * D + j];
                square[k] += pow((double)samples[n * D + j] - heap[k][j], 2.0);
            }
        }
        for (int k = 0; k < 2; k++) {
            expect_near(count[k] / SAMPLES, heap_weight[k], 5.0 * sqrt(0.21 / SAMPLES), "weight", k);
            for (int j = 0; j < D; j++) expect_near(sum[k][j] / count[k], heap[k][j], 0.02, "mean of heap", k);
            expect_near(sqrt(square[k] / count[k] / D), sqrt(spread), 0.02 * heap_deviation, "deviation of heap", k);
        }
        ddpm_sampler_release(&sampler);
        ddpm_diffusion_release(&d);
    }
}

/* The samples do not depend on what the network predicts, up to rounding. */
static void test_predictions_agree(void **state)
{
    enum { COUNT = 200 };
    static float x[DDPM_PREDICT_COUNT][COUNT * D];
    static const int64_t grids[] = {1, 9, T};
    (void)state;
    for (int g = 0; g < 3; g++) {
        for (int p = 0; p < DDPM_PREDICT_COUNT; p++) {
            ddpm_diffusion d = make(T, p, DDPM_VARIANCE_POSTERIOR);
            ddpm_sampler sampler;
            exact e = {.diffusion = &d, .expected_x0 = normal_x0};
            expect_ok(create(&d, grids[g], &sampler));
            draw(&sampler, &e, COUNT, x[p]);
            ddpm_sampler_release(&sampler);
            ddpm_diffusion_release(&d);
        }
        for (int p = 1; p < DDPM_PREDICT_COUNT; p++)
            for (int i = 0; i < COUNT * D; i++)
                expect_near((double)x[p][i], (double)x[0][i], 2e-3, "prediction", p * 1000 + grids[g]);
    }
}

/* What is chosen where the settings leave it open. */
static void test_automatic_steps(void **state)
{
    static const int64_t lengths[] = {1, 20, 50, 1000};
    (void)state;
    for (int method = 0; method < DDPM_METHOD_COUNT; method++)
        for (int l = 0; l < 4; l++) {
            const int few = method != DDPM_METHOD_ANCESTRAL && method != DDPM_METHOD_DDIM;
            ddpm_sampling sampling = {.method = (ddpm_method)method, .steps = DDPM_AUTO};
            assert_int_equal(ddpm_sampling_steps(&sampling, lengths[l]), few && lengths[l] > 50 ? 50 : lengths[l]);
            sampling.steps = 0;
            assert_int_equal(ddpm_sampling_steps(&sampling, lengths[l]), lengths[l]);
            sampling.steps = 7;
            assert_int_equal(ddpm_sampling_steps(&sampling, lengths[l]), 7);
            sampling.spacing = DDPM_SPACING_AUTO;
            assert_int_equal(ddpm_sampling_spacing(&sampling),
                             method == DDPM_METHOD_ADAMS ? DDPM_SPACING_ANGLE : DDPM_SPACING_LOG_SNR);
            sampling.spacing = DDPM_SPACING_KARRAS;
            assert_int_equal(ddpm_sampling_spacing(&sampling), DDPM_SPACING_KARRAS);
        }
}

static void test_refused_steps(void **state)
{
    static const int64_t wrong[] = {0, -1, T + 1};
    ddpm_diffusion d = make(T, DDPM_PREDICT_NOISE, DDPM_VARIANCE_BETA);
    ddpm_sampler sampler;
    (void)state;
    for (int i = 0; i < 3; i++) expect_failure(create(&d, wrong[i], &sampler), DDPM_ERR_USAGE, "1 to 200");
    ddpm_diffusion_release(&d);
}

/* A sample is a function of seed and number: in blocks of any size, it has the same bits, with every method. */
static void test_samples_stand_alone(void **state)
{
    enum { COUNT = 100 };
    float whole[COUNT * D], part[COUNT * D], scratch[3 * COUNT * D];
    const int64_t far = (INT64_C(1) << 32) - 60;
    ddpm_diffusion d = make(50, DDPM_PREDICT_NOISE, DDPM_VARIANCE_BETA);
    exact e = {.diffusion = &d, .expected_x0 = mixture_x0};
    const ddpm_denoiser denoiser = {predict, &e};
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    (void)state;
    for (int method = 0; method < DDPM_METHOD_COUNT; method++)
        for (int spacing = 0; spacing < DDPM_SPACING_COUNT; spacing++) {
            const ddpm_sampler_spec spec = {.sampling = {.method = (ddpm_method)method,
                                                         .spacing = (ddpm_spacing)spacing,
                                                         .steps = 20,
                                                         .eta = 0.5,
                                                         .corrections = spacing,
                                                         .correction_ratio = 0.1},
                                            .columns = D};
            ddpm_sampler sampler;
            expect_ok(ddpm_sampler_create(&d, &spec, &sampler));
            ddpm_sampler_run(&sampler, &(ddpm_denoising){&denoiser, kernels, 8, far, COUNT}, scratch, whole,
                             (ddpm_snapshots){0});
            for (int64_t first = 0; first < COUNT; first += 3) {
                const int64_t rows = COUNT - first < 17 ? COUNT - first : 17;
                ddpm_sampler_run(&sampler, &(ddpm_denoising){&denoiser, kernels, 8, far + first, rows}, scratch, part,
                                 (ddpm_snapshots){0});
                expect_bits(part, whole + first * D, (size_t)(rows * D) * sizeof *part, "samples from", first);
            }
            ddpm_sampler_run(&sampler, &(ddpm_denoising){&denoiser, kernels, 9, far, COUNT}, scratch, part,
                             (ddpm_snapshots){0});
            assert_memory_not_equal(part, whole, 8 * sizeof *part);
            ddpm_sampler_release(&sampler);
        }
    ddpm_diffusion_release(&d);
}

/* The first snapshot is noise, the last one the samples, and those between are at evenly falling steps. Snapshots do
 * not change the samples. */
static void test_snapshots(void **state)
{
    enum { ROWS = 10, MOST = 30, APART = 40 * D };
    static float trajectory[MOST * APART];
    float x[ROWS * D], plain[ROWS * D], start[ROWS * D], scratch[3 * ROWS * D];
    ddpm_diffusion d = make(50, DDPM_PREDICT_NOISE, DDPM_VARIANCE_BETA);
    ddpm_sampler sampler, one;
    exact e = {.diffusion = &d, .expected_x0 = normal_x0};
    const ddpm_denoiser denoiser = {predict, &e};
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    (void)state;
    expect_ok(create(&d, 20, &sampler));
    expect_ok(create(&d, 1, &one));
    ddpm_sampler_run(&sampler, &(ddpm_denoising){&denoiser, kernels, 8, 0, ROWS}, scratch, plain, (ddpm_snapshots){0});
    ddpm_sampler_run(&one, &(ddpm_denoising){&denoiser, kernels, 8, 0, ROWS}, scratch, x,
                     (ddpm_snapshots){2, trajectory, APART});
    memcpy(start, trajectory, sizeof start);
    for (int64_t n = 1; n <= MOST; n++) {
        for (int64_t i = 0; i < MOST * APART; i++) trajectory[i] = 77.0f;
        ddpm_sampler_run(&sampler, &(ddpm_denoising){&denoiser, kernels, 8, 0, ROWS}, scratch, x,
                         (ddpm_snapshots){n, trajectory, APART});
        expect_bits(x, plain, sizeof x, "samples with snapshots", n);
        expect_bits(trajectory + (n - 1) * APART, x, sizeof x, "last snapshot", n);
        if (n > 1) expect_bits(trajectory, start, sizeof start, "first snapshot", n);
        assert_int_equal(ddpm_sampler_snapshot_step(&sampler, n, n - 1), 0);
        if (n > 1) assert_int_equal(ddpm_sampler_snapshot_step(&sampler, n, 0), 50);
        for (int64_t i = 1; i < n; i++) {
            const int64_t a = ddpm_sampler_snapshot_step(&sampler, n, i - 1),
                          b = ddpm_sampler_snapshot_step(&sampler, n, i);
            assert_true(n <= 21 ? b < a : b <= a);
        }
        for (int64_t i = 0; i < n; i++) assert_true(trajectory[i * APART + ROWS * D] == 77.0f);
    }
    ddpm_sampler_release(&one);
    ddpm_sampler_release(&sampler);
    ddpm_diffusion_release(&d);
}

/* Clipping to a wide range changes the samples by rounding only; in a narrow range every sample lies within it. */
static void test_clipping(void **state)
{
    enum { COUNT = 1000 };
    static float plain[COUNT * D], clipped[COUNT * D];
    const double wide[2][D] = {{-50, -50}, {50, 50}}, narrow[2][D] = {{-0.1, -1}, {0.9, 0.2}};
    ddpm_diffusion d = make(T, DDPM_PREDICT_NOISE, DDPM_VARIANCE_BETA);
    ddpm_sampler sampler;
    exact e = {.diffusion = &d, .expected_x0 = normal_x0};
    int64_t at_edge = 0;
    (void)state;
    expect_ok(create(&d, 40, &sampler));
    draw(&sampler, &e, COUNT, plain);
    ddpm_sampler_release(&sampler);
    expect_ok(create_clipped(&d, 40, wide[0], wide[1], &sampler));
    draw(&sampler, &e, COUNT, clipped);
    ddpm_sampler_release(&sampler);
    for (int i = 0; i < COUNT * D; i++) expect_near((double)clipped[i], (double)plain[i], 1e-3, "wide range", i);
    expect_ok(create_clipped(&d, 40, narrow[0], narrow[1], &sampler));
    draw(&sampler, &e, COUNT, clipped);
    ddpm_sampler_release(&sampler);
    for (int i = 0; i < COUNT * D; i++) {
        const float low = (float)narrow[0][i % D], high = (float)narrow[1][i % D];
        assert_true(clipped[i] >= low && clipped[i] <= high);
        at_edge += clipped[i] == low || clipped[i] == high;
    }
    assert_true(at_edge > 0 && at_edge < COUNT * D);
    ddpm_diffusion_release(&d);
}

/* Where no signal is left at T, the samples have the density all the same. */
static void test_zero_terminal_snr(void **state)
{
    const ddpm_schedule_spec spec = {
        .kind = DDPM_SCHEDULE_LINEAR, .steps = T, .start = 1e-4, .end = 0.02, .rescale = 1, .zero_terminal_snr = 1};
    ddpm_schedule schedule;
    ddpm_diffusion d;
    ddpm_sampler sampler;
    double expected[D], spread[D];
    (void)state;
    expect_ok(ddpm_schedule_create(&spec, &schedule));
    expect_ok(ddpm_diffusion_create(&schedule, DDPM_PREDICT_VELOCITY, DDPM_VARIANCE_POSTERIOR, &d));
    exact e = {.diffusion = &d, .expected_x0 = normal_x0};
    expect_ok(create(&d, 25, &sampler));
    carry_axes(&d, &sampler, expected, spread);
    draw(&sampler, &e, SAMPLES, samples);
    expect_moments(expected, spread, 4.5, 0);
    ddpm_sampler_release(&sampler);
    ddpm_diffusion_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_normal_density),  TEST(test_mixture),       TEST(test_predictions_agree),
        TEST(test_automatic_steps), TEST(test_refused_steps), TEST(test_samples_stand_alone),
        TEST(test_snapshots),       TEST(test_clipping),      TEST(test_zero_terminal_snr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
