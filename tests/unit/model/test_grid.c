/* The steps that a sampler takes, however many there are and however they are spread. */
#include "expect.h"

#include "model/sampler.h"

static void test_grids(void **state)
{
    static const int64_t lengths[] = {1, 2, 3, 7, 10, 100, 333};
    (void)state;
    for (int l = 0; l < 7; l++) {
        const ddpm_schedule_spec spec = {
            .kind = DDPM_SCHEDULE_LINEAR, .steps = lengths[l], .start = 1e-4, .end = 0.02, .rescale = lengths[l] > 20};
        ddpm_schedule schedule;
        ddpm_diffusion d;
        expect_ok(ddpm_schedule_create(&spec, &schedule));
        expect_ok(ddpm_diffusion_create(&schedule, DDPM_PREDICT_NOISE, DDPM_VARIANCE_BETA, &d));
        for (int64_t steps = 1; steps <= lengths[l]; steps++) {
            const ddpm_sampler_spec evenly = {.sampling.steps = steps, .columns = 1};
            ddpm_sampler sampler;
            expect_ok(ddpm_sampler_create(&d, &evenly, &sampler));
            assert_int_equal(sampler.step_count, steps);
            assert_int_equal(sampler.steps[0].t, lengths[l]);
            assert_int_equal(sampler.steps[steps - 1].s, 0);
            assert_true(sampler.steps[steps - 1].of_noise == 0.0f); /* the last step adds no noise */
            for (int64_t k = 0; k < steps; k++) {
                assert_true(sampler.steps[k].t > sampler.steps[k].s);
                if (k > 0) assert_int_equal(sampler.steps[k].t, sampler.steps[k - 1].s);
                const double gap = (double)(sampler.steps[k].t - sampler.steps[k].s);
                expect_near(gap, (double)lengths[l] / (double)steps, 1.0, "gap", k);
            }
            ddpm_sampler_release(&sampler);
        }
        ddpm_diffusion_release(&d);
    }
}

/* How far a point is from where its spacing would have it: the level of a grid of K steps. */
static double level(const ddpm_schedule *s, int spacing, int64_t t)
{
    const double sigma = sqrt(s->one_minus_alpha_bar[t] / s->alpha_bar[t]);
    if (spacing == DDPM_SPACING_ANGLE) return pow(acos(sqrt(s->alpha_bar[t])), 1.0 / 7.0);
    return spacing == DDPM_SPACING_KARRAS ? pow(sigma, 1.0 / 7.0) : log(sigma);
}

/* Every spacing begins at T, ends at 0, falls strictly, and takes each step where it takes all. Points are the nearest
 * ones to evenly spread levels, unless these are too near to each other for that. */
static void test_spacings(void **state)
{
    static const int64_t lengths[] = {1, 2, 3, 7, 50, 333};
    (void)state;
    for (int kind = 0; kind < 3; kind++)
        for (int l = 0; l < 6; l++)
            for (int spacing = 0; spacing < DDPM_SPACING_COUNT; spacing++) {
                const int64_t length = lengths[l];
                const ddpm_schedule_spec specs[] = {
                    {.kind = DDPM_SCHEDULE_COSINE, .steps = length, .offset = 0.008, .cap = 0.999},
                    {.kind = DDPM_SCHEDULE_LOG_NORMAL, .steps = length, .log_mean = -1.2, .log_deviation = 1.4},
                    {.kind = DDPM_SCHEDULE_COSINE,
                     .steps = length,
                     .offset = 0.008,
                     .cap = 0.999,
                     .zero_terminal_snr = length > 1}};
                ddpm_schedule schedule;
                ddpm_diffusion d;
                expect_ok(ddpm_schedule_create(&specs[kind], &schedule));
                expect_ok(ddpm_diffusion_create(&schedule, DDPM_PREDICT_VELOCITY, DDPM_VARIANCE_POSTERIOR, &d));
                const int64_t top = length - (kind == 2 && length > 1); /* the first step with signal */
                for (int64_t K = 1; K <= length; K++) {
                    const ddpm_sampler_spec spec = {.sampling = {.method = (ddpm_method)(K % DDPM_METHOD_COUNT),
                                                                 .spacing = (ddpm_spacing)spacing,
                                                                 .steps = K},
                                                    .columns = 1};
                    ddpm_sampler sampler;
                    int64_t met = 0;
                    expect_ok(ddpm_sampler_create(&d, &spec, &sampler));
                    assert_int_equal(sampler.steps[0].t, length);
                    assert_int_equal(sampler.steps[K - 1].s, 0);
                    for (int64_t k = 0; k < K; k++) {
                        const ddpm_sampler_step *step = &sampler.steps[k];
                        assert_true(step->t > step->s);
                        if (k > 0) assert_int_equal(step->t, sampler.steps[k - 1].s);
                        if (K == length) assert_int_equal(step->t, length - k);
                        assert_true(isfinite(step->of_x0) && isfinite(step->of_x) && isfinite(step->of_last));
                        assert_true(isfinite(step->first_x0) && isfinite(step->of_second));
                        const int64_t parts = K - 1 - (length - top), i = k - (length - top);
                        if (spacing == DDPM_SPACING_UNIFORM || parts < 1 || i < 0) continue;
                        const double high = level(&d.schedule, spacing, top), low = level(&d.schedule, spacing, 1),
                                     wanted = high + (low - high) * (double)i / (double)parts;
                        int nearest = 1;
                        for (int64_t other = step->t - 1; other <= step->t + 1; other += 2)
                            if (other >= 1 && other <= top &&
                                fabs(level(&d.schedule, spacing, other) - wanted) <
                                    fabs(level(&d.schedule, spacing, step->t) - wanted) - 1e-12)
                                nearest = 0;
                        met += nearest;
                    }
                    /* the levels of a cosine are far apart near T */
                    if (kind == 1 && spacing != DDPM_SPACING_UNIFORM && K >= 2 && K <= length / 10)
                        expect_near((double)met, (double)K, 0.5 * (double)K, "points at their levels",
                                    1000 * length + K);
                    ddpm_sampler_release(&sampler);
                }
                ddpm_diffusion_release(&d);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_grids), TEST(test_spacings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
