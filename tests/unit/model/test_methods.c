/* DDIM, DPM-Solver++ and learned variances, with exact denoisers in place of a network. */
#include "exact_sampling.h"

#include "kernel/normal.h"

static float samples[MOST];

static ddpm_sampler create_spaced(const ddpm_diffusion *d, int method, int spacing, int64_t columns, int64_t steps,
                                  double eta)
{
    const ddpm_sampler_spec spec = {.sampling.method = (ddpm_method)method,
                                    .sampling.spacing = (ddpm_spacing)spacing,
                                    .columns = columns,
                                    .sampling.steps = steps,
                                    .sampling.eta = eta};
    ddpm_sampler sampler;
    expect_ok(ddpm_sampler_create(d, &spec, &sampler));
    return sampler;
}

static ddpm_sampler create(const ddpm_diffusion *d, int method, int64_t columns, int64_t steps, double eta)
{
    return create_spaced(d, method, DDPM_SPACING_UNIFORM, columns, steps, eta);
}

/* With eta = 1, every step of DDIM has the mean and the variance of the posterior, on any subset of the steps. */
static void test_ddim_is_ancestral(void **state)
{
    enum { COUNT = 64 };
    float a[COUNT], b[COUNT];
    ddpm_diffusion d = cosine_diffusion(T, DDPM_PREDICT_NOISE, DDPM_VARIANCE_POSTERIOR, 0);
    (void)state;
    for (int64_t K = 1; K <= T; K++) {
        ddpm_sampler ancestral = create(&d, DDPM_METHOD_ANCESTRAL, 1, K, 0.0),
                     ddim = create(&d, DDPM_METHOD_DDIM, 1, K, 1.0);
        for (int64_t i = 0; i < K; i++) {
            const ddpm_sampler_step *x = &ancestral.steps[i], *y = &ddim.steps[i];
            expect_near((double)y->of_x0, (double)x->of_x0, 2e-6, "of x0", K * 1000 + i);
            expect_near((double)y->of_x, (double)x->of_x, 2e-6, "of x", K * 1000 + i);
            expect_near((double)y->of_noise, (double)x->of_noise, 2e-6, "of noise", K * 1000 + i);
        }
        draw_normal(&ancestral, 0.0f, COUNT, a);
        draw_normal(&ddim, 0.0f, COUNT, b);
        for (int i = 0; i < COUNT; i++) expect_near((double)b[i], (double)a[i], 1e-4, "sample", K * 1000 + i);
        ddpm_sampler_release(&ancestral);
        ddpm_sampler_release(&ddim);
    }
    ddpm_diffusion_release(&d);
}

/* The methods without noise, in double precision, as their papers give them. x is x_T. */
static double follow_ddim(const ddpm_sampler *sampler, double x)
{
    const ddpm_schedule *schedule = &sampler->diffusion->schedule;
    for (int64_t i = 0; i < sampler->step_count; i++) {
        const int64_t t = sampler->steps[i].t, s = sampler->steps[i].s;
        const double at = schedule->alpha_bar[t], as = schedule->alpha_bar[s], x0 = normal_x0(schedule, t, x);
        const double noise = (x - sqrt(at) * x0) / sqrt(1.0 - at);
        x = sqrt(as) * x0 + sqrt(1.0 - as) * noise;
    }
    return x;
}

static double lambda(const ddpm_schedule *schedule, int64_t t)
{
    return log(sqrt(schedule->alpha_bar[t]) / sqrt(1.0 - schedule->alpha_bar[t]));
}

static double follow_dpm_solver(const ddpm_sampler *sampler, double x)
{
    const ddpm_schedule *schedule = &sampler->diffusion->schedule;
    double last = 0.0;
    for (int64_t i = 0; i < sampler->step_count; i++) {
        const int64_t t = sampler->steps[i].t, s = sampler->steps[i].s;
        const double x0 = normal_x0(schedule, t, x);
        if (s == 0) return x0;
        const double h = lambda(schedule, s) - lambda(schedule, t);
        double D = x0;
        if (i > 0) {
            const double r = (lambda(schedule, t) - lambda(schedule, sampler->steps[i - 1].t)) / h;
            D = (1.0 + 0.5 / r) * x0 - 0.5 / r * last;
        }
        x = sqrt((1.0 - schedule->alpha_bar[s]) / (1.0 - schedule->alpha_bar[t])) * x -
            sqrt(schedule->alpha_bar[s]) * (exp(-h) - 1.0) * D;
        last = x0;
    }
    return x;
}

/* The slope dx/dphi = cos(phi) noise - sin(phi) x0 of the flow (Salimans and Ho 2022, appendix D), with cos(phi) =
 * sqrt(alpha_bar). */
static double slope_at(double angle, double x, double x0)
{
    return cos(angle) * (x - cos(angle) * x0) / sin(angle) - sin(angle) * x0;
}

/* Heun's method for this flow. */
static double follow_heun(const ddpm_sampler *sampler, double x)
{
    const ddpm_schedule *schedule = &sampler->diffusion->schedule;
    for (int64_t i = 0; i < sampler->step_count; i++) {
        const int64_t at[2] = {sampler->steps[i].t, sampler->steps[i].s};
        double angle[2], slope[2], point = x;
        for (int end = 0; end < 2; end++) angle[end] = acos(sqrt(schedule->alpha_bar[at[end]]));
        if (at[1] == 0) return normal_x0(schedule, at[0], x);
        for (int end = 0; end < 2; end++) {
            const double x0 = normal_x0(schedule, at[end], point);
            slope[end] = slope_at(angle[end], point, x0);
            if (end == 0) point = x + (angle[1] - angle[0]) * slope[0];
        }
        x += (angle[1] - angle[0]) * 0.5 * (slope[0] + slope[1]);
    }
    return x;
}

/* The Adams-Bashforth method of two steps for the same flow: the line through two slopes, integrated over a step
 * (Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, section III.5). */
static double follow_adams(const ddpm_sampler *sampler, double x)
{
    const ddpm_schedule *schedule = &sampler->diffusion->schedule;
    double last = 0.0, last_angle = 0.0;
    for (int64_t i = 0; i < sampler->step_count; i++) {
        const int64_t t = sampler->steps[i].t, s = sampler->steps[i].s;
        const double x0 = normal_x0(schedule, t, x);
        if (s == 0) return x0;
        const double angle = acos(sqrt(schedule->alpha_bar[t])), end = acos(sqrt(schedule->alpha_bar[s]));
        const double slope = slope_at(angle, x, x0), turn = i > 0 ? (slope - last) / (angle - last_angle) : 0.0;
        x += (end - angle) * slope + 0.5 * (end - angle) * (end - angle) * turn;
        last = slope;
        last_angle = angle;
    }
    return x;
}

static double follow(int method, const ddpm_sampler *sampler, double x)
{
    if (method == DDPM_METHOD_DDIM) return follow_ddim(sampler, x);
    if (method == DDPM_METHOD_ADAMS) return follow_adams(sampler, x);
    return method == DDPM_METHOD_HEUN ? follow_heun(sampler, x) : follow_dpm_solver(sampler, x);
}

/* For every number of steps, however they are spread, the samples are those of the papers' formulas. */
static void test_paths_without_noise(void **state)
{
    enum { COUNT = 16 };
    float start[COUNT], x[COUNT];
    ddpm_diffusion d = cosine_diffusion(T, DDPM_PREDICT_NOISE, DDPM_VARIANCE_POSTERIOR, 0);
    (void)state;
    ddpm_normal_rows(ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), (ddpm_normal_stream){8, DDPM_RANDOM_START, 0}, 0,
                     ddpm_matrix_dense(start, COUNT, 1));
    for (int method = DDPM_METHOD_DDIM; method < DDPM_METHOD_COUNT; method++)
        for (int spacing = 0; spacing < DDPM_SPACING_COUNT; spacing++)
            for (int64_t K = 1; K <= T; K++) {
                ddpm_sampler sampler = create_spaced(&d, method, spacing, 1, K, 0.0);
                assert_int_equal(sampler.steps[0].t, T);
                assert_int_equal(sampler.steps[K - 1].s, 0);
                draw_normal(&sampler, 0.0f, COUNT, x);
                for (int i = 0; i < COUNT; i++) {
                    const double expected = follow(method, &sampler, (double)start[i]);
                    /* at T, x0 is a small difference of floats over sqrt(alpha_bar), and slopes multiply it */
                    const int slopes = method == DDPM_METHOD_HEUN || method == DDPM_METHOD_ADAMS;
                    const double tolerance = 2e-3 + (slopes ? 1e-2 * fabs(expected) : 0.0);
                    expect_near((double)x[i], expected, tolerance, "sample", method * 100000 + K * 100 + i);
                }
                ddpm_sampler_release(&sampler);
            }
    ddpm_diffusion_release(&d);
}

/* The largest distance from the exact solution of the flow half way down. The flow of a normal density scales
 * deviations from its mean with the deviation of q(x_t). */
static double error_half_way(int method, int64_t steps, int64_t K)
{
    enum { COUNT = 16 };
    const ddpm_schedule_spec spec = {
        .kind = DDPM_SCHEDULE_LINEAR, .steps = steps, .start = 1e-4, .end = 0.02, .rescale = 1};
    ddpm_schedule made;
    ddpm_diffusion d;
    float x[COUNT], scratch[3 * COUNT], way[3 * COUNT];
    double largest = 0.0;
    expect_ok(ddpm_schedule_create(&spec, &made));
    expect_ok(ddpm_diffusion_create(&made, DDPM_PREDICT_NOISE, DDPM_VARIANCE_POSTERIOR, &d));
    ddpm_sampler sampler = create(&d, method, 1, K, 0.0);
    normal n = {.diffusion = &d};
    const ddpm_denoiser denoiser = {predict, &n};
    const double v = deviation * deviation, top = d.schedule.alpha_bar[steps], middle = d.schedule.alpha_bar[steps / 2];
    assert_int_equal(ddpm_sampler_snapshot_step(&sampler, 3, 1), steps / 2);
    ddpm_sampler_run(&sampler, &(ddpm_denoising){&denoiser, ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), 8, 0, COUNT},
                     scratch, x, (ddpm_snapshots){3, way, COUNT});
    for (int i = 0; i < COUNT; i++) {
        const double stretch = sqrt((middle * v + 1.0 - middle) / (top * v + 1.0 - top));
        const double exact = sqrt(middle) * mean + stretch * ((double)way[i] - sqrt(top) * mean);
        largest = fmax(largest, fabs((double)way[COUNT + i] - exact));
    }
    ddpm_sampler_release(&sampler);
    ddpm_diffusion_release(&d);
    return largest;
}

/* With twice as many steps, the error of DDIM is half as large, and those of DPM-Solver++(2M), of Heun's method and
 * of Adams and Bashforth's a quarter. */
static void test_orders(void **state)
{
    (void)state;
    for (int64_t K = 8; K <= 32; K *= 2) {
        const double first = error_half_way(DDPM_METHOD_DDIM, 1280, K) / error_half_way(DDPM_METHOD_DDIM, 1280, 2 * K);
        const double second =
            error_half_way(DDPM_METHOD_DPM_SOLVER, 1280, K) / error_half_way(DDPM_METHOD_DPM_SOLVER, 1280, 2 * K);
        const double heun =
            error_half_way(DDPM_METHOD_HEUN, 1280, 2 * K) / error_half_way(DDPM_METHOD_HEUN, 1280, 4 * K);
        const double adams =
            error_half_way(DDPM_METHOD_ADAMS, 1280, 4 * K) / error_half_way(DDPM_METHOD_ADAMS, 1280, 8 * K);
        assert_true(error_half_way(DDPM_METHOD_DPM_SOLVER, 1280, K) < error_half_way(DDPM_METHOD_DDIM, 1280, K));
        expect_near(heun, 4.0, 1.2, "order 2 of heun at", 2 * K);
        expect_near(adams, 4.0, 1.2, "order 2 of adams at", 4 * K);
        expect_near(first, 2.0, 0.4, "order 1 at", K);
        expect_near(second, 4.0, 1.0, "order 2 at", K);
    }
}

/* ---- learned variances ---- */

/* The second head decides the size of the noise: at the ends of the range it is that of the fixed variances. */
static void test_second_head(void **state)
{
    static const struct {
        int variance, same;
        float head;
    } cases[] = {{DDPM_VARIANCE_LEARNED_RANGE, DDPM_VARIANCE_BETA, 1.0f},
                 {DDPM_VARIANCE_LEARNED_RANGE, DDPM_VARIANCE_POSTERIOR, -1.0f},
                 {DDPM_VARIANCE_LEARNED, DDPM_VARIANCE_BETA, 0.0f}};
    static const int64_t grids[] = {1, 2, 7, T};
    enum { COUNT = 100 };
    float learned[COUNT], fixed[COUNT];
    (void)state;
    for (int k = 0; k < 3; k++)
        for (int g = 0; g < 4; g++) {
            ddpm_diffusion d = cosine_diffusion(T, DDPM_PREDICT_NOISE, cases[k].variance, 0),
                           same = cosine_diffusion(T, DDPM_PREDICT_NOISE, cases[k].same, 0);
            ddpm_sampler a = create(&d, DDPM_METHOD_ANCESTRAL, 1, grids[g], 0.0),
                         b = create(&same, DDPM_METHOD_ANCESTRAL, 1, grids[g], 0.0);
            draw_normal(&a, cases[k].head, COUNT, learned);
            draw_normal(&b, 0.0f, COUNT, fixed);
            for (int i = 0; i < COUNT; i++)
                expect_near((double)learned[i], (double)fixed[i], 1e-4, "sample", k * 100000 + grids[g] * 100 + i);
            if (grids[g] == T) { /* where beta is near 1, the two ends of the range are nearly equal */
                draw_normal(&a, cases[k].head + 0.5f, COUNT, learned);
                assert_memory_not_equal(learned, fixed, sizeof fixed);
            }
            ddpm_sampler_release(&a);
            ddpm_sampler_release(&b);
            ddpm_diffusion_release(&d);
            ddpm_diffusion_release(&same);
        }
}

/* ---- numbers that are not finite, and blocks ---- */

static ddpm_const_matrix predict_nan(void *self, int64_t first, int64_t rows, const float *xt, int32_t t)
{
    static float out[BLOCK];
    (void)self, (void)xt;
    for (int64_t i = 0; i < rows; i++) out[i] = first + i == 3 && t == T / 2 ? NAN : 0.0f;
    return (ddpm_const_matrix){out, rows, 1, 1, 0};
}

/* A prediction that is NaN stays NaN when it is clipped. */
static void test_nan_survives_clipping(void **state)
{
    const double low = -1.0, high = 1.0;
    ddpm_diffusion d = cosine_diffusion(T, DDPM_PREDICT_NOISE, DDPM_VARIANCE_POSTERIOR, 0);
    (void)state;
    for (int method = 0; method < DDPM_METHOD_COUNT; method++) {
        const ddpm_sampler_spec spec = {.sampling.method = (ddpm_method)method,
                                        .columns = 1,
                                        .sampling.steps = T,
                                        .minimum = &low,
                                        .maximum = &high};
        ddpm_sampler sampler;
        expect_ok(ddpm_sampler_create(&d, &spec, &sampler));
        draw(&sampler, &(ddpm_denoiser){predict_nan, NULL}, 8, samples);
        for (int i = 0; i < 8; i++) assert_int_equal(!isfinite(samples[i]), i == 3);
        ddpm_sampler_release(&sampler);
    }
    ddpm_diffusion_release(&d);
}

/* Where no signal is left at T, the samplers work although lambda is infinite there. */
static void test_zero_terminal_snr(void **state)
{
    enum { COUNT = 64 };
    ddpm_diffusion d = cosine_diffusion(T, DDPM_PREDICT_DATA, DDPM_VARIANCE_LEARNED_RANGE, 1);
    (void)state;
    for (int method = 0; method < DDPM_METHOD_COUNT; method++)
        for (int64_t K = 1; K <= T; K += K < 5 ? 1 : 19) {
            ddpm_sampler sampler = create_corrected(&d, method, 1, K, 1);
            draw_normal(&sampler, 0.0f, COUNT, samples);
            for (int i = 0; i < COUNT; i++) expect_near((double)samples[i], mean, 6.0 * deviation, "sample", K);
            ddpm_sampler_release(&sampler);
        }
    ddpm_diffusion_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ddim_is_ancestral), TEST(test_paths_without_noise),   TEST(test_orders),
        TEST(test_second_head),       TEST(test_nan_survives_clipping), TEST(test_zero_terminal_snr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
