/* The log-likelihood under the flow, and the bound, of a mixture whose density and optimal denoiser are known. */
#include "mixture.h"

#include "base/memory.h"
#include "model/bound.h"

enum { BLOCKS = 4, ROWS = MIXTURE_ROWS * BLOCKS };

/* The mean and the largest absolute error of the log-likelihood, per column. */
static void errors_of(mixture *m, const ddpm_diffusion *d, int64_t probes, int64_t every, double *mean, double *largest,
                      double *bias)
{
    ddpm_likelihood likelihood;
    ddpm_likelihood_memory memory;
    const ddpm_flow flow = mixture_flow(m);
    const double wide = (double)m->columns;
    float x[MIXTURE_ROWS * MIXTURE_COLUMNS];
    double found[MIXTURE_ROWS];
    *mean = *largest = *bias = 0.0;
    expect_ok(ddpm_likelihood_create(d, m->columns, probes, every, &likelihood));
    expect_ok(ddpm_likelihood_memory_create(MIXTURE_ROWS, m->columns, &memory));
    for (int64_t b = 0; b < BLOCKS; b++) {
        mixture_draw(m, b * MIXTURE_ROWS, MIXTURE_ROWS, x);
        ddpm_likelihood_rows(&likelihood, &flow, 5, b * MIXTURE_ROWS, MIXTURE_ROWS, x, &memory, found, NULL);
        for (int64_t i = 0; i < MIXTURE_ROWS; i++) {
            const double error = (found[i] - mixture_log_density(m, x + i * m->columns)) / wide;
            *mean += fabs(error) / ROWS;
            *bias += error / ROWS;
            *largest = fmax(*largest, fabs(error));
        }
    }
    ddpm_likelihood_memory_release(&memory);
    ddpm_likelihood_release(&likelihood);
}

typedef struct example {
    ddpm_schedule_kind kind;
    int64_t steps, columns;
    double mean; /* the largest mean error that is allowed, in nats a column */
} example;

/* The error is at most 0.02 nats a column everywhere, and far smaller where the steps resolve the mixture. Most of it
 * comes from the end of the flow, where N(0, I) stands for a distribution whose mean and covariance are slightly
 * different. */
static void test_mixture(void **state)
{
    static const example examples[] = {
        {DDPM_SCHEDULE_COSINE, 100, 1, 1e-4},      {DDPM_SCHEDULE_COSINE, 100, 2, 2e-3},
        {DDPM_SCHEDULE_LINEAR, 100, 2, 2e-3},      {DDPM_SCHEDULE_LINEAR, 1000, 2, 5e-3},
        {DDPM_SCHEDULE_LOG_NORMAL, 1000, 1, 5e-3}, {DDPM_SCHEDULE_LOG_NORMAL, 1000, 5, 0.015},
        {DDPM_SCHEDULE_COSINE, 50, 5, 2e-3},       {DDPM_SCHEDULE_COSINE, 20, 2, 0.02},
    };
    (void)state;
    for (size_t e = 0; e < sizeof examples / sizeof *examples; e++) {
        ddpm_diffusion d = mixture_diffusion(examples[e].kind, examples[e].steps, DDPM_VARIANCE_BETA);
        static mixture m;
        double mean, largest, bias;
        m = mixture_make(&d.schedule, examples[e].columns);
        errors_of(&m, &d, 0, 1, &mean, &largest, &bias);
        print_message("T %lld, D %lld: mean error %.2g, largest %.2g, bias %.2g nats a column\n",
                      (long long)examples[e].steps, (long long)examples[e].columns, mean, largest, bias);
        expect_near(mean, 0.0, examples[e].mean, "mean error", (int64_t)e);
        expect_near(largest, 0.0, 10.0 * examples[e].mean, "largest error", (int64_t)e);
        ddpm_diffusion_release(&d);
    }
}

/* The mean absolute error of a block of rows, and the tolerance that is said of it; NaN: none. */
static double error_of(mixture *m, const ddpm_diffusion *d, double *tolerance)
{
    ddpm_likelihood_memory memory;
    const ddpm_flow flow = mixture_flow(m);
    float x[MIXTURE_ROWS * MIXTURE_COLUMNS];
    double densities[DDPM_LIKELIHOOD_GRIDS][MIXTURE_ROWS], ends[MIXTURE_ROWS], sum = 0.0;
    int64_t steps = 0;
    expect_ok(ddpm_likelihood_memory_create(MIXTURE_ROWS, m->columns, &memory));
    mixture_draw(m, 0, MIXTURE_ROWS, x);
    for (int i = DDPM_LIKELIHOOD_GRIDS - 1; i >= 0; i--) { /* the whole grid last, so that `ends` is its own */
        ddpm_likelihood likelihood;
        expect_ok(ddpm_likelihood_create(d, m->columns, 0, 1 << i, &likelihood));
        ddpm_likelihood_rows(&likelihood, &flow, 5, 0, MIXTURE_ROWS, x, &memory, densities[i], ends);
        steps = likelihood.step_count;
        ddpm_likelihood_release(&likelihood);
    }
    for (int64_t i = 0; i < MIXTURE_ROWS; i++)
        sum += fabs(densities[0][i] - mixture_log_density(m, x + i * m->columns)) / MIXTURE_ROWS;
    const double *const all[DDPM_LIKELIHOOD_GRIDS] = {densities[0], densities[1], densities[2]};
    const char *why = ddpm_likelihood_judge(MIXTURE_ROWS, m->columns, steps, all, ends, tolerance);
    assert_int_equal(why == NULL, isfinite(*tolerance));
    ddpm_likelihood_memory_release(&memory);
    return sum;
}

/* A normal distribution, and a mixture where the deviation is NaN: of any of them, at any number of steps of any
 * schedule, the tolerance is above the error or there is none; and there is one where steps are many and data wide. */
static void test_tolerance(void **state)
{
    static const struct {
        int64_t columns;
        double mean, deviation;
    } data[] = {{2, 0.0, 0.3}, {2, 0.0, 0.05}, {1, 2.0, 0.3}, {4, 2.0, 1.0}, {2, 0.0, 3.0}, {3, 0.0, NAN}};
    static const int64_t steps[] = {1, 2, 3, 10, 20, 50, 1000};
    enum { DATA = sizeof data / sizeof *data, STEPS = sizeof steps / sizeof *steps };
    int said = 0;
    (void)state;
    for (int i = 0; i < DDPM_SCHEDULE_COUNT * STEPS * DATA; i++) {
        const int kind = i / (STEPS * DATA), of = i % DATA;
        const int64_t T = steps[i / DATA % STEPS];
        static mixture m;
        double tolerance;
        const int is_rescaled = kind == DDPM_SCHEDULE_LINEAR || kind == DDPM_SCHEDULE_QUADRATIC;
        if (kind == DDPM_SCHEDULE_TABLE || (is_rescaled && T < 50)) continue; /* whose beta would be above 1 */
        ddpm_diffusion d = mixture_diffusion((ddpm_schedule_kind)kind, T, DDPM_VARIANCE_BETA);
        m = mixture_make(&d.schedule, data[of].columns);
        for (int k = 0; k < MIXTURE_PARTS && isfinite(data[of].deviation); k++) {
            m.deviation[k] = data[of].deviation;
            for (int64_t j = 0; j < m.columns; j++) m.mean[k][j] = data[of].mean;
        }
        const double error = error_of(&m, &d, &tolerance);
        said += isfinite(tolerance);
        if (error > tolerance || (T < 8 && isfinite(tolerance)) ||
            (kind == DDPM_SCHEDULE_COSINE && T == 1000 && of != 1 && !isfinite(tolerance)))
            fail_msg("schedule %d, T %lld, data %d: error %.3g, tolerance %.3g", kind, (long long)T, of, error,
                     tolerance);
        ddpm_diffusion_release(&d);
    }
    print_message("%d tolerances\n", said);
    assert_true(said > 100);
}

/* The estimates of random probes scatter around the exact trace. */
static void test_probes(void **state)
{
    ddpm_diffusion d = mixture_diffusion(DDPM_SCHEDULE_COSINE, 50, DDPM_VARIANCE_BETA);
    static mixture m;
    double mean, largest, bias, exact_mean, exact_largest, exact_bias;
    (void)state;
    m = mixture_make(&d.schedule, 24);
    errors_of(&m, &d, 0, 1, &exact_mean, &exact_largest, &exact_bias);
    errors_of(&m, &d, 4, 1, &mean, &largest, &bias);
    print_message("exact %.2g, 4 probes %.2g, bias %.2g and %.2g\n", exact_mean, mean, exact_bias, bias);
    expect_near(exact_mean, 0.0, 0.02, "exact", 24);
    expect_near(bias, exact_bias, 0.01, "bias of the probes", 4);
    ddpm_diffusion_release(&d);
}

typedef struct bound {
    double entropy, terms, first, old_first; /* means over rows: the terms without L_0; L_0 of Ho et al.; what
                                                Sohl-Dickstein et al. have in its place */
} bound;

/* Measure the bound with DRAWS draws of every term for every row. */
static bound measure_bound(mixture *m, const ddpm_objective *objective)
{
    enum { DRAWS = 8 };
    const ddpm_schedule *schedule = &objective->diffusion->schedule;
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    const ddpm_flow flow = mixture_flow(m);
    const int64_t D = m->columns;
    ddpm_bound_memory memory;
    float x[MIXTURE_ROWS * MIXTURE_COLUMNS];
    double terms[MIXTURE_ROWS];
    bound sum = {0};
    expect_ok(ddpm_bound_memory_create(MIXTURE_ROWS, D, &memory));
    for (int64_t at = 0; at < ROWS; at += MIXTURE_ROWS) {
        mixture_draw(m, at, MIXTURE_ROWS, x);
        for (int64_t draw = 0; draw < DRAWS; draw++)
            for (int32_t t = 1; t <= schedule->steps; t++) {
                ddpm_bound_terms(objective,
                                 &(ddpm_denoising){&flow.denoiser, kernels, 5, draw * ROWS + at, MIXTURE_ROWS}, x, t,
                                 &memory, terms);
                for (int64_t i = 0; i < MIXTURE_ROWS; i++) {
                    if (t > 1) assert_true(terms[i] >= 0.0);
                    *(t == 1 ? &sum.first : &sum.terms) += terms[i] / (ROWS * DRAWS);
                }
            }
        for (int64_t i = 0; i < MIXTURE_ROWS; i++) {
            sum.terms += ddpm_bound_prior(schedule, D, x + i * D) / ROWS;
            sum.old_first += ddpm_bound_first_step(schedule, D, x + i * D) / ROWS;
            sum.entropy -= mixture_log_density(m, x + i * D) / ROWS;
        }
    }
    ddpm_bound_memory_release(&memory);
    return sum;
}

/* With every fixed variance both forms of the bound are above the entropy. */
static void test_bound_above(void **state)
{
    (void)state;
    for (int variance = 0; variance <= DDPM_VARIANCE_POSTERIOR; variance++) {
        ddpm_diffusion d = mixture_diffusion(DDPM_SCHEDULE_COSINE, 100, (ddpm_variance)variance);
        ddpm_objective objective;
        static mixture m;
        m = mixture_make(&d.schedule, 2);
        expect_ok(ddpm_objective_create(&d, DDPM_LOSS_VLB, 0.0, DDPM_WEIGHTING_NONE, 0.0, &objective));
        const bound b = measure_bound(&m, &objective);
        print_message("variance %d: entropy %.4f, bound %.4f, Sohl-Dickstein's %.4f\n", variance, b.entropy,
                      b.terms + b.first, b.terms + b.old_first);
        assert_true(b.terms + b.first > b.entropy);
        assert_true(b.terms + b.old_first > b.entropy);
        if (variance == DDPM_VARIANCE_BETA) expect_near(b.terms + b.first, b.entropy, 0.2, "bound", variance);
        ddpm_objective_release(&objective);
        ddpm_diffusion_release(&d);
    }
}

/* The result of a row does not depend on the block that it is in. */
static void test_same_bits(void **state)
{
    ddpm_diffusion d = mixture_diffusion(DDPM_SCHEDULE_COSINE, 20, DDPM_VARIANCE_BETA);
    static mixture m;
    ddpm_likelihood likelihood;
    ddpm_likelihood_memory memory;
    float x[MIXTURE_ROWS * 3];
    double whole[MIXTURE_ROWS], part[MIXTURE_ROWS];
    (void)state;
    m = mixture_make(&d.schedule, 3);
    const ddpm_flow flow = mixture_flow(&m);
    expect_ok(ddpm_likelihood_create(&d, 3, 2, 1, &likelihood));
    expect_ok(ddpm_likelihood_memory_create(MIXTURE_ROWS, 3, &memory));
    mixture_draw(&m, 0, MIXTURE_ROWS, x);
    ddpm_likelihood_rows(&likelihood, &flow, 5, 0, MIXTURE_ROWS, x, &memory, whole, NULL);
    for (int64_t at = 0; at < MIXTURE_ROWS; at += 7) {
        const int64_t rows = MIXTURE_ROWS - at < 7 ? MIXTURE_ROWS - at : 7;
        ddpm_likelihood_rows(&likelihood, &flow, 5, at, rows, x + 3 * at, &memory, part + at, NULL);
    }
    expect_bits(part, whole, sizeof whole, "log densities", 7);
    ddpm_likelihood_memory_release(&memory);
    ddpm_likelihood_release(&likelihood);
    ddpm_diffusion_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_mixture), TEST(test_tolerance), TEST(test_probes), TEST(test_bound_above), TEST(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
