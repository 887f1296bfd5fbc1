/* Samplers against closed forms. Where the data are normal, or are guided to be, the exact network is known, and every
 * step is a linear function with normal noise. So ddpm_sampler_gaussian follows the samples' distribution exactly: it
 * is checked beside real samples for every method, spacing, schedule, prediction and number of steps, without guidance
 * and with guidance of both kinds. Which of these combinations give the data's spread, and which are warned of, is
 * asserted.
 */
#include "expect.h"

#include "base/memory.h"
#include "kernel/normal.h"
#include "model/gaussian.h"

enum { ROWS = 256, T = 100, SCHEDULES = 5, GUIDANCES = 3, COUNTS = 4 };

static const char *const schedule_names[SCHEDULES] = {"constant", "linear, rescaled", "cosine", "sigmoid",
                                                      "log_normal"};

static ddpm_schedule_spec schedule_of(int kind, int64_t steps)
{
    const ddpm_schedule_spec specs[SCHEDULES] = {
        {.kind = DDPM_SCHEDULE_CONSTANT, .start = NAN, .target = 1e-4},
        {.kind = DDPM_SCHEDULE_LINEAR, .start = NAN, .end = NAN, .rescale = 1},
        {.kind = DDPM_SCHEDULE_COSINE, .offset = 0.008, .cap = 0.999},
        {.kind = DDPM_SCHEDULE_SIGMOID, .start = 1e-4, .end = 20.0 / (double)steps, .limit = 6},
        {.kind = DDPM_SCHEDULE_LOG_NORMAL, .log_mean = -1.2, .log_deviation = 1.4},
    };
    ddpm_schedule_spec spec = specs[kind];
    spec.steps = steps;
    return spec;
}

static ddpm_diffusion make(int schedule, int64_t steps, int prediction, int variance)
{
    const ddpm_schedule_spec spec = schedule_of(schedule, steps);
    ddpm_schedule made;
    ddpm_diffusion d;
    expect_ok(ddpm_schedule_create(&spec, &made));
    expect_ok(ddpm_diffusion_create(&made, (ddpm_prediction)prediction, (ddpm_variance)variance, &d));
    return d;
}

static ddpm_sampler create(const ddpm_diffusion *d, const ddpm_sampling *sampling)
{
    const ddpm_sampler_spec spec = {.sampling = *sampling, .columns = 1};
    ddpm_sampler sampler;
    expect_ok(ddpm_sampler_create(d, &spec, &sampler));
    return sampler;
}

/* ---- exact networks ---- */

enum { PLAIN, FREE, CLASSIFIED }; /* no guidance; classifier-free; by a classifier */

static const double weight = 1.5, apart = 0.5; /* of classifier-free guidance; between the means of the two parts */

/* A network of data N(mean, deviation^2), and how it is guided there. */
typedef struct exact {
    const ddpm_diffusion *diffusion;
    double mean, deviation;
    int guidance;
    double error; /* deviation of what is added by chance to each prediction */
    int64_t calls;
    float out[ROWS];
} exact;

/* The score of N(at, deviation^2) diffused to t. */
static double score_of(const exact *e, int64_t t, double at, double x)
{
    const double abar = e->diffusion->schedule.alpha_bar[t], rest = e->diffusion->schedule.one_minus_alpha_bar[t];
    return -(x - sqrt(abar) * at) / (abar * e->deviation * e->deviation + rest);
}

/* The prediction for a score: Tweedie's formula and the definitions of predictions. */
static double prediction_of(const ddpm_diffusion *d, int64_t t, double x, double score)
{
    const double abar = d->schedule.alpha_bar[t], rest = d->schedule.one_minus_alpha_bar[t], beta = d->schedule.beta[t];
    const double before = d->schedule.alpha_bar[t - 1], rest_before = d->schedule.one_minus_alpha_bar[t - 1];
    const double noise = -sqrt(rest) * score, x0 = (x + rest * score) / sqrt(abar);
    switch (d->predict) {
    case DDPM_PREDICT_DATA:
        return x0;
    case DDPM_PREDICT_VELOCITY:
        return sqrt(abar) * noise - sqrt(rest) * x0;
    case DDPM_PREDICT_FLOW:
        return noise - x0;
    case DDPM_PREDICT_MEAN:
        return ((sqrt(before) * beta * x0 + sqrt(1.0 - beta) * rest_before * x) / rest - sqrt(1.0 - beta) * x) /
               sqrt(beta);
    default:
        return noise;
    }
}

/* Of two normal densities of the same deviation, of which one is that of a condition and the other that of no
 * condition, (1 + w) scores of the first less w of the second are the score of a third. */
static double guided_freely(const exact *e, int64_t t, double x)
{
    const double conditional = e->mean - weight * apart, plain = conditional - apart; /* (1 + w) c - w p = mean */
    return (1.0 + weight) * prediction_of(e->diffusion, t, x, score_of(e, t, conditional, x)) -
           weight * prediction_of(e->diffusion, t, x, score_of(e, t, plain, x));
}

/* The network of a mixture of two parts, guided by the gradient of ln p(first | x_t), which is the score of the first
 * part less that of the mixture. */
static double guided_by_classifier(const exact *e, int64_t t, double x)
{
    const double abar = e->diffusion->schedule.alpha_bar[t], rest = e->diffusion->schedule.one_minus_alpha_bar[t];
    const double other = e->mean - apart, width = abar * e->deviation * e->deviation + rest;
    const double square = pow(x - sqrt(abar) * e->mean, 2.0) - pow(x - sqrt(abar) * other, 2.0);
    const double first = 1.0 / (1.0 + exp(0.5 * square / width)); /* p(first | x_t) of equal shares */
    const double own = score_of(e, t, e->mean, x), mixture = first * own + (1.0 - first) * score_of(e, t, other, x);
    return prediction_of(e->diffusion, t, x, mixture) + ddpm_diffusion_guidance(e->diffusion, t) * (own - mixture);
}

static ddpm_const_matrix predict(void *self, int64_t first, int64_t rows, const float *xt, int32_t t)
{
    exact *e = self;
    float by_chance[ROWS];
    if (e->error > 0.0)
        ddpm_normal_rows(ddpm_kernels_choose(DDPM_PRECISION_FLOAT32),
                         (ddpm_normal_stream){77, DDPM_RANDOM_DATA, e->calls++}, first,
                         ddpm_matrix_dense(by_chance, rows, 1));
    for (int64_t i = 0; i < rows; i++) {
        const double x = (double)xt[i];
        double value = prediction_of(e->diffusion, t, x, score_of(e, t, e->mean, x));
        if (e->guidance == FREE) value = guided_freely(e, t, x);
        if (e->guidance == CLASSIFIED) value = guided_by_classifier(e, t, x);
        if (e->error > 0.0) value += e->error * (double)by_chance[i];
        e->out[i] = (float)value;
    }
    return (ddpm_const_matrix){e->out, rows, 1, 1, 0};
}

/* ---- real samples ---- */

static float start[ROWS], samples[ROWS];

static void run(const ddpm_sampler *sampler, exact *e)
{
    static float scratch[3 * ROWS];
    const ddpm_denoiser denoiser = {predict, e};
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    ddpm_sampler_run(sampler, &(ddpm_denoising){&denoiser, kernels, 8, 0, ROWS}, scratch, samples,
                     (ddpm_snapshots){2, (float[2 * ROWS]){0}, ROWS});
    ddpm_normal_rows(kernels, (ddpm_normal_stream){8, DDPM_RANDOM_START, 0}, 0, ddpm_matrix_dense(start, ROWS, 1));
}

static int is_deterministic(const ddpm_sampler *sampler)
{
    for (int64_t i = 0; i < sampler->step_count; i++)
        if (sampler->steps[i].of_noise > 0.0f) return 0;
    return sampler->corrections == 0;
}

/* Without noise, samples are the mean plus the deviation times what they began with, up to a sign. With noise, their
 * mean and variance are those of a sample of normal numbers. */
static void check_samples(const ddpm_sampler *sampler, exact *e, double mean, double deviation, int64_t where)
{
    double sum = 0.0, squares = 0.0;
    run(sampler, e);
    if (is_deterministic(sampler) && e->error == 0.0) {
        int64_t least = 0, most = 0;
        for (int64_t i = 0; i < ROWS; i++) {
            if (start[i] < start[least]) least = i;
            if (start[i] > start[most]) most = i;
        }
        const double gain =
            ((double)samples[most] - (double)samples[least]) / ((double)start[most] - (double)start[least]);
        expect_near(fabs(gain), deviation, 1e-3 * (e->deviation + deviation), "deviation without noise", where);
        for (int64_t i = 0; i < ROWS; i += 37)
            expect_near((double)samples[i], mean + gain * (double)start[i], 3e-3 * (1.0 + deviation), "sample", where);
        return;
    }
    for (int64_t i = 0; i < ROWS; i++) {
        sum += (double)samples[i] - mean;
        squares += pow((double)samples[i] - mean, 2.0);
    }
    expect_near(sum / ROWS, 0.0, 5.0 * deviation / sqrt((double)ROWS) + 1e-3, "mean", where);
    expect_near(squares / ROWS, deviation * deviation, 5.0 * deviation * deviation * sqrt(2.0 / ROWS), "variance",
                where);
}

static const int64_t counts[COUNTS] = {5, 20, 50, T};
static const double etas[] = {0.0, 1.0};

/* Every method, spacing, schedule, prediction, number of steps and guidance. */
static void test_real_samples(void **state)
{
    (void)state;
    for (int s = 0; s < SCHEDULES; s++)
        for (int p = 0; p < DDPM_PREDICT_COUNT; p++) {
            ddpm_diffusion d = make(s, T, p, p % 2 ? DDPM_VARIANCE_BETA : DDPM_VARIANCE_POSTERIOR);
            for (int method = 0; method < DDPM_METHOD_COUNT; method++)
                for (int spacing = 0; spacing < DDPM_SPACING_COUNT; spacing++)
                    for (int k = 0; k < COUNTS; k++) {
                        const ddpm_sampling sampling = {.method = (ddpm_method)method,
                                                        .spacing = (ddpm_spacing)spacing,
                                                        .steps = counts[k],
                                                        .eta = etas[spacing % 2]};
                        ddpm_sampler sampler = create(&d, &sampling);
                        const int64_t where = (((s * 10 + p) * 10 + method) * 10 + spacing) * 10 + k;
                        for (int guidance = 0; guidance < GUIDANCES; guidance++) {
                            exact e = {.diffusion = &d, .mean = 0.4, .deviation = 0.3, .guidance = guidance};
                            double mean, deviation;
                            ddpm_sampler_gaussian(&sampler, &(ddpm_gaussian){.mean = 0.4, .deviation = 0.3}, &mean,
                                                  &deviation);
                            if (deviation < 3.0) /* else floats do not carry a difference of 0.3 through the steps */
                                check_samples(&sampler, &e, mean, deviation, where * 10 + guidance);
                        }
                        ddpm_sampler_release(&sampler);
                    }
            ddpm_diffusion_release(&d);
        }
}

/* Errors of the network by chance, corrections, and what is predicted one step before. */
static void test_errors_and_corrections(void **state)
{
    (void)state;
    for (int method = 0; method < DDPM_METHOD_COUNT; method++)
        for (int p = 0; p < DDPM_PREDICT_COUNT; p++)
            for (int64_t corrections = 0; corrections < 3; corrections += 2) {
                ddpm_diffusion d = make(4, T, p, DDPM_VARIANCE_POSTERIOR);
                const ddpm_sampling sampling = {.method = (ddpm_method)method,
                                                .spacing = DDPM_SPACING_LOG_SNR,
                                                .steps = 15,
                                                .corrections = corrections,
                                                .correction_ratio = 0.2};
                ddpm_sampler sampler = create(&d, &sampling);
                exact e = {.diffusion = &d, .mean = -0.3, .deviation = 0.6, .error = 0.3};
                const ddpm_gaussian data = {.mean = -0.3, .deviation = 0.6, .error = 0.3};
                double mean, deviation;
                ddpm_sampler_gaussian(&sampler, &data, &mean, &deviation);
                check_samples(&sampler, &e, mean, deviation, method * 100 + p * 10 + corrections);
                ddpm_sampler_release(&sampler);
                ddpm_diffusion_release(&d);
            }
}

/* ---- the audit ---- */

/* Which combinations keep the spread of normal data, with a posterior variance and a velocity. In each text, a sign for
 * 5, 20, 50 and T steps of each schedule: constant, linear, cosine, sigmoid, log-normal. */
static const struct {
    ddpm_method method;
    ddpm_spacing spacing;
    const char *of_100, *of_1000;
} right[] = {
    {DDPM_METHOD_ANCESTRAL, DDPM_SPACING_UNIFORM, "---- ---- ---- ---- ----", "---- ---- ---- ---- ---+"},
    {DDPM_METHOD_ANCESTRAL, DDPM_SPACING_LOG_SNR, "---- ---- ---- ---- ----", "---- ---- ---- ---- ---+"},
    {DDPM_METHOD_ANCESTRAL, DDPM_SPACING_KARRAS, "---- ---- ---- ---- ----", "---- ---- ---- ---- ---+"},
    {DDPM_METHOD_DDIM, DDPM_SPACING_UNIFORM, "---- ---- ---- ---- ----", "---- ---- ---+ ---- ---+"},
    {DDPM_METHOD_DDIM, DDPM_SPACING_LOG_SNR, "---- ---- ---- ---- ----", "---- ---- ---+ ---- ---+"},
    {DDPM_METHOD_DDIM, DDPM_SPACING_KARRAS, "---- ---- ---- ---- ----", "---- ---- ---+ ---- ---+"},
    {DDPM_METHOD_DPM_SOLVER, DDPM_SPACING_UNIFORM, "---- ---- ---- ---- ----", "---- ---+ ---+ ---+ ---+"},
    {DDPM_METHOD_DPM_SOLVER, DDPM_SPACING_LOG_SNR, "---- ---- ---- ---- ----", "---- --++ --++ --++ --++"},
    {DDPM_METHOD_DPM_SOLVER, DDPM_SPACING_KARRAS, "---- ---- ---- ---- ----", "---- --++ ---+ --++ --++"},
    {DDPM_METHOD_HEUN, DDPM_SPACING_UNIFORM, "---- ---- ---- ---- ----", "---- ---+ ---+ ---+ ---+"},
    {DDPM_METHOD_HEUN, DDPM_SPACING_LOG_SNR, "---- ---- ---- ---- ----", "---- --++ --++ --++ --++"},
    {DDPM_METHOD_HEUN, DDPM_SPACING_KARRAS, "---- ---- ---- ---- ----", "---- --++ ---+ --++ --++"},
    {DDPM_METHOD_ADAMS, DDPM_SPACING_UNIFORM, "---- ---- ---- ---- ----", "---- ---+ ---+ ---+ --++"},
    {DDPM_METHOD_ADAMS, DDPM_SPACING_ANGLE, "---- ---- ---- ---- ----", "---- --++ --++ --++ --++"},
};

static void test_which_are_right(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        const int64_t steps = wide ? 1000 : T;
        for (int s = 0; s < SCHEDULES; s++) {
            ddpm_diffusion d = make(s, steps, DDPM_PREDICT_VELOCITY, DDPM_VARIANCE_POSTERIOR);
            for (size_t r = 0; r < sizeof right / sizeof *right; r++)
                for (int k = 0; k < COUNTS; k++) {
                    const ddpm_sampling sampling = {.method = right[r].method,
                                                    .spacing = right[r].spacing,
                                                    .steps = k == COUNTS - 1 ? steps : counts[k]};
                    ddpm_sampler sampler = create(&d, &sampling);
                    const ddpm_sampler_audit audit = ddpm_sampler_audit_of(&sampler, 0.0);
                    const char expected = (wide ? right[r].of_1000 : right[r].of_100)[5 * s + k];
                    if ((audit.is_right ? '+' : '-') != expected)
                        fail_msg("%s, T = %lld, method %d, spacing %d, %lld steps: expected %c, found %.4f and %.4f",
                                 schedule_names[s], (long long)steps, (int)right[r].method, (int)right[r].spacing,
                                 (long long)sampling.steps, expected, audit.wide, audit.narrow);
                    /* what is not warned of is right, also in real samples, of any guidance */
                    if (audit.is_right) {
                        exact e = {.diffusion = &d,
                                   .mean = 0.4,
                                   .deviation = 0.3,
                                   .guidance = (int)(r + (size_t)k) % GUIDANCES};
                        double mean, deviation;
                        ddpm_sampler_gaussian(&sampler, &(ddpm_gaussian){.mean = 0.4, .deviation = 0.3}, &mean,
                                              &deviation);
                        expect_near(deviation, 0.3, 0.01 * 0.3, "deviation", s);
                        expect_near(mean, 0.4, 0.01, "mean", s);
                        check_samples(&sampler, &e, mean, deviation, s);
                    }
                    ddpm_sampler_release(&sampler);
                }
            ddpm_diffusion_release(&d);
        }
    }
}

static double deviation_of(int schedule, int64_t steps, int prediction, int variance, ddpm_sampling sampling,
                           ddpm_gaussian data)
{
    ddpm_diffusion d = make(schedule, steps, prediction, variance);
    ddpm_sampler sampler = create(&d, &sampling);
    double mean, deviation;
    ddpm_sampler_gaussian(&sampler, &data, &mean, &deviation);
    ddpm_sampler_release(&sampler);
    ddpm_diffusion_release(&d);
    return deviation;
}

/* Numbers that were computed in other ways. */
static void test_known_numbers(void **state)
{
    const ddpm_gaussian unit = {.deviation = 1.0}, quarter = {.deviation = 0.25},
                        erring = {.deviation = 1.0, .error = 0.01},
                        steered = {.deviation = 1.0, .error = 0.01, .classifier = 1.0};
    const ddpm_sampling chain = {.method = DDPM_METHOD_ANCESTRAL, .steps = 100};
    (void)state;
    expect_near(deviation_of(2, 100, DDPM_PREDICT_VELOCITY, DDPM_VARIANCE_POSTERIOR, chain, unit), 0.977, 0.001,
                "cosine, all 100 steps, posterior variance", 0);
    const double large = deviation_of(2, 100, DDPM_PREDICT_VELOCITY, DDPM_VARIANCE_BETA, chain, unit);
    expect_near(large, 1.0, 0.001, "cosine, all 100 steps, variance beta", 0);
    const ddpm_sampling few = {.method = DDPM_METHOD_DPM_SOLVER, .steps = 3};
    expect_near(deviation_of(2, 100, DDPM_PREDICT_VELOCITY, DDPM_VARIANCE_BETA, few, quarter), 0.08, 0.02, "3 steps",
                0);
    /* the network's errors at the end of a cosine schedule */
    const ddpm_sampling ddim = {.method = DDPM_METHOD_DDIM, .steps = 20};
    assert_true(deviation_of(2, 1000, DDPM_PREDICT_NOISE, DDPM_VARIANCE_BETA, ddim, erring) > 10.0);
    expect_near(deviation_of(2, 1000, DDPM_PREDICT_VELOCITY, DDPM_VARIANCE_BETA, ddim, erring), 0.94, 0.01,
                "of a velocity", 0);
    assert_true(deviation_of(2, 1000, DDPM_PREDICT_VELOCITY, DDPM_VARIANCE_BETA, ddim, steered) > 10.0);
    const ddpm_sampling linear = {.method = DDPM_METHOD_DDIM, .steps = 100};
    expect_near(deviation_of(1, 100, DDPM_PREDICT_VELOCITY, DDPM_VARIANCE_BETA, linear, steered), 0.982, 0.002,
                "a classifier's errors with a linear schedule", 0);
}

/* With the variance of q(x_s | x_t), which a second head may learn, all steps but the last keep a normal distribution
 * that fits the end of the schedule. The last one gives E[x0 | x_t], whose variance is alpha_bar_t. */
static void test_learned_variance(void **state)
{
    (void)state;
    for (int s = 0; s < SCHEDULES; s++)
        for (int64_t K = 1; K <= T; K++) {
            ddpm_diffusion d = make(s, T, DDPM_PREDICT_NOISE, DDPM_VARIANCE_LEARNED);
            const ddpm_sampling sampling = {.method = DDPM_METHOD_ANCESTRAL, .steps = K};
            ddpm_sampler sampler = create(&d, &sampling);
            double mean, deviation;
            ddpm_sampler_gaussian(&sampler, &(ddpm_gaussian){.deviation = 1.0}, &mean, &deviation);
            expect_near(deviation, sqrt(d.schedule.alpha_bar[sampler.steps[K - 1].t]), 1e-6, "deviation", K);
            expect_near(mean, 0.0, 1e-12, "mean", K);
            ddpm_sampler_release(&sampler);
            ddpm_diffusion_release(&d);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_real_samples),  TEST(test_errors_and_corrections), TEST(test_which_are_right),
        TEST(test_known_numbers), TEST(test_learned_variance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
