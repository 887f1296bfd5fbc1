/* Every term of the bound for one Gaussian with its optimal denoiser, against closed forms. */
#include "mixture.h"

#include "base/memory.h"
#include "model/bound.h"

enum { T = 25, BLOCKS = 512, ROWS = BLOCKS * MIXTURE_ROWS };

static const double DEVIATION = 0.6, LN_2PI_ = 1.8378770664093453;

static mixture one_gaussian(const ddpm_schedule *schedule)
{
    mixture m = {.schedule = schedule, .columns = 1, .share = {1.0, 0.0, 0.0}, .deviation = {DEVIATION, 1.0, 1.0}};
    return m;
}

/* The mean over x0 and x_t of the term at t, where the two means differ by of_x0 (x0 - E[x0 | x_t]). */
static double expected_term(const ddpm_schedule *s, int64_t t, double variance)
{
    const double abar = s->alpha_bar[t], rest = 1.0 - abar;
    const double posterior = 1.0 / (1.0 / (DEVIATION * DEVIATION) + abar / rest);
    const double of_x0 = sqrt(s->alpha_bar[t - 1]) * s->beta[t] / rest, gap = of_x0 * of_x0 * posterior;
    const double exact = s->beta[t] * (1.0 - s->alpha_bar[t - 1]) / rest;
    if (t == 1) return 0.5 * (LN_2PI_ + log(variance) + gap / variance);
    return 0.5 * (log(variance / exact) - 1.0 + exact / variance + gap / variance);
}

static void test_terms(void **state)
{
    static float x[ROWS];
    static double terms[MIXTURE_ROWS];
    static mixture m;
    (void)state;
    for (int kind = 0; kind <= DDPM_VARIANCE_POSTERIOR; kind++) {
        ddpm_diffusion d = mixture_diffusion(DDPM_SCHEDULE_COSINE, T, (ddpm_variance)kind);
        ddpm_objective objective;
        ddpm_bound_memory memory;
        m = one_gaussian(&d.schedule);
        const ddpm_flow flow = mixture_flow(&m);
        expect_ok(ddpm_objective_create(&d, DDPM_LOSS_VLB, 0.0, DDPM_WEIGHTING_NONE, 0.0, &objective));
        expect_ok(ddpm_bound_memory_create(MIXTURE_ROWS, 1, &memory));
        mixture_draw(&m, 0, ROWS, x);
        for (int32_t t = 1; t <= T; t++) {
            double sum = 0.0, squares = 0.0;
            for (int64_t b = 0; b < BLOCKS; b++) {
                ddpm_bound_terms(&objective,
                                 &(ddpm_denoising){&flow.denoiser, ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), 5,
                                                   b * MIXTURE_ROWS, MIXTURE_ROWS},
                                 x + b * MIXTURE_ROWS, t, &memory, terms);
                for (int64_t i = 0; i < MIXTURE_ROWS; i++) {
                    sum += terms[i] / ROWS;
                    squares += terms[i] * terms[i] / ROWS;
                }
            }
            /* at t = 1, where beta~ is 0, beta~_2 is used in its place */
            const double *s = d.schedule.posterior_variance;
            const double variance = kind == DDPM_VARIANCE_BETA ? d.schedule.beta[t] : s[t > 1 ? t : 2];
            const double deviation = sqrt(fmax(0.0, squares - sum * sum) / ROWS);
            expect_near(sum, expected_term(&d.schedule, t, variance), 4.5 * deviation + 1e-6, "term", t);
        }
        ddpm_bound_memory_release(&memory);
        ddpm_objective_release(&objective);
        ddpm_diffusion_release(&d);
    }
}

/* The mean of L_T over rows of unit variance is what the schedule's audit gives; and the terms in which the two forms
 * of the bound differ follow from entropies and a cross-entropy. */
static void test_ends(void **state)
{
    enum { D = 3 };
    ddpm_diffusion d = mixture_diffusion(DDPM_SCHEDULE_LINEAR, T, DDPM_VARIANCE_BETA);
    const ddpm_schedule *s = &d.schedule;
    const float unit[D] = {1.0f, -1.0f, 1.0f}, other[D] = {2.0f, 0.5f, -1.5f};
    const double abar = s->alpha_bar[T], squares = 4.0 + 0.25 + 2.25;
    (void)state;
    expect_near(ddpm_bound_prior(s, D, unit), D * ddpm_schedule_audit_of(s).prior, 1e-14, "L_T", 0);
    const double cross = 0.5 * D * LN_2PI_ + 0.5 * (abar * squares + (1.0 - abar) * D); /* -E ln N(x_T; 0, I) */
    expect_near(ddpm_bound_prior(s, D, other), cross - ddpm_bound_last_entropy(s, D), 1e-13, "L_T", 1);
    expect_near(ddpm_bound_last_entropy(s, D), 0.5 * D * (1.0 + LN_2PI_ + log(1.0 - abar)), 1e-13, "H_q(x_T)", T);
    expect_near(ddpm_bound_first_step(s, D, unit), 0.5 * D * (1.0 + LN_2PI_ + log(s->beta[1])), 1e-13, "H_q(x_1)", 1);
    expect_near(ddpm_bound_first_step(s, D, other) - ddpm_bound_first_entropy(s, D), 0.5 * s->beta[1] * (squares - D),
                1e-13, "first step", 1);
    ddpm_diffusion_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_terms), TEST(test_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
