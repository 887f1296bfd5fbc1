/* Langevin corrections of a normal density and of a mixture, and whole samplers with them. */
#include "exact_sampling.h"
#include "mixture.h"

static float samples[2 * MOST];

/* Follow the mean and the variance of samples of the normal density from N(0, 1) at T down the grid: steps of the
 * posterior, each followed by x <- x + delta (mean of q - x) / variance of q + sqrt(2 delta) z. */
static void carry(const ddpm_sampler *sampler, double *m, double *v)
{
    const ddpm_schedule *schedule = &sampler->diffusion->schedule;
    *m = 0.0;
    *v = 1.0;
    for (int64_t i = 0; i < sampler->step_count; i++) {
        const int64_t t = sampler->steps[i].t, s = sampler->steps[i].s;
        const double at = schedule->alpha_bar[t], as = schedule->alpha_bar[s], alpha = at / as, beta = 1.0 - alpha;
        const double a = sqrt(as) * beta / (1.0 - at), b = sqrt(alpha) * (1.0 - as) / (1.0 - at);
        const double slope = a * (normal_x0(schedule, t, 1.0) - normal_x0(schedule, t, 0.0)) + b;
        *m = a * normal_x0(schedule, t, 0.0) + slope * *m;
        *v = slope * slope * *v + beta * (1.0 - as) / (1.0 - at);
        const double delta = 2.0 * 0.16 * 0.16 * (1.0 - as), width = as * deviation * deviation + 1.0 - as;
        for (int64_t c = 0; s > 0 && c < sampler->corrections; c++) {
            *m -= delta * (*m - sqrt(as) * mean) / width;
            *v = pow(1.0 - delta / width, 2.0) * *v + 2.0 * delta;
        }
    }
}

static void test_corrections_of_a_normal_density(void **state)
{
    static const int64_t counts[] = {0, 1, 3, 20};
    ddpm_diffusion d = cosine_diffusion(T, DDPM_PREDICT_NOISE, DDPM_VARIANCE_POSTERIOR, 0);
    double error[4];
    (void)state;
    for (int k = 0; k < 4; k++) {
        ddpm_sampler sampler = create_corrected(&d, DDPM_METHOD_ANCESTRAL, 1, 8, counts[k]);
        double m, v, sum = 0.0, squares = 0.0;
        carry(&sampler, &m, &v);
        draw_normal(&sampler, 0.0f, MOST, samples);
        for (int i = 0; i < MOST; i++) {
            sum += (double)samples[i] - m;
            squares += pow((double)samples[i] - m, 2.0);
        }
        expect_near(sum / MOST, 0.0, 4.5 * sqrt(v / MOST), "mean with corrections", counts[k]);
        expect_near(squares / MOST, v, 4.5 * v * sqrt(2.0 / MOST), "variance with corrections", counts[k]);
        error[k] = fabs(v / (deviation * deviation) - 1.0);
        ddpm_sampler_release(&sampler);
    }
    /* more corrections bring the samples nearer to the density */
    assert_true(error[3] < error[2] && error[2] < error[1] && error[1] < error[0]);
    ddpm_diffusion_release(&d);
}

/* The samples x are draws of q(x_s) of a mixture: their mean and covariance, and the share of each part. */
static void expect_mixture(const mixture *m, int64_t s, int64_t count, const float *x, double slack, int64_t where)
{
    const double abar = m->schedule->alpha_bar[s], rest = m->schedule->one_minus_alpha_bar[s];
    double shares[MIXTURE_PARTS] = {0}, sum[2] = {0}, square[2][2] = {{0}}, mean_of[2] = {0}, second[2][2] = {{0}};
    for (int k = 0; k < MIXTURE_PARTS; k++)
        for (int i = 0; i < 2; i++) {
            mean_of[i] += m->share[k] * sqrt(abar) * m->mean[k][i];
            second[i][i] += m->share[k] * (abar * m->deviation[k] * m->deviation[k] + rest);
            for (int j = 0; j < 2; j++) second[i][j] += m->share[k] * abar * m->mean[k][i] * m->mean[k][j];
        }
    for (int64_t n = 0; n < count; n++) {
        double posterior[MIXTURE_PARTS], variance[MIXTURE_PARTS];
        mixture_parts(m, s, x + 2 * n, posterior, variance);
        for (int k = 0; k < MIXTURE_PARTS; k++) shares[k] += posterior[k] / (double)count;
        for (int i = 0; i < 2; i++) {
            sum[i] += (double)x[2 * n + i] / (double)count;
            for (int j = 0; j < 2; j++) square[i][j] += (double)x[2 * n + i] * (double)x[2 * n + j] / (double)count;
        }
    }
    const double error = 4.5 / sqrt((double)count);
    for (int k = 0; k < MIXTURE_PARTS; k++)
        expect_near(shares[k], m->share[k], 0.5 * error + slack, "share of a part", where * 10 + k);
    for (int i = 0; i < 2; i++) {
        expect_near(sum[i], mean_of[i], error + slack, "mean", where * 10 + i);
        for (int j = 0; j < 2; j++)
            expect_near(square[i][j] - sum[i] * sum[j], second[i][j] - mean_of[i] * mean_of[j], 2.0 * error + slack,
                        "covariance", where * 100 + i * 10 + j);
    }
}

/* Corrections alone, without a step: draws of q(x_s) stay draws of q(x_s). */
static void test_corrections_keep_a_mixture(void **state)
{
    enum { COUNT = 10000, STEPS = 5 };
    static float noise[2 * COUNT];
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    ddpm_diffusion d = cosine_diffusion(T, DDPM_PREDICT_NOISE, DDPM_VARIANCE_POSTERIOR, 0);
    mixture m = mixture_make(&d.schedule, 2);
    ddpm_sampler sampler = create_corrected(&d, DDPM_METHOD_DDIM, 2, T, STEPS);
    const ddpm_sampler_step *step = &sampler.steps[T / 2];
    const int64_t s = step->s;
    (void)state;
    mixture_draw(&m, 0, COUNT, samples);
    ddpm_normal_rows(kernels, (ddpm_normal_stream){1, DDPM_RANDOM_FORWARD, 0}, 0, ddpm_matrix_dense(noise, COUNT, 2));
    for (int i = 0; i < 2 * COUNT; i++) samples[i] = d.signal[s] * samples[i] + d.noise[s] * noise[i];
    expect_mixture(&m, s, COUNT, samples, 0.0, 0);
    for (int c = 1; c <= STEPS; c++) { /* as the sampler's loop does it */
        ddpm_normal_rows(kernels, (ddpm_normal_stream){1, DDPM_RANDOM_CORRECTION, c}, 0,
                         ddpm_matrix_dense(noise, COUNT, 2));
        for (int64_t first = 0; first < COUNT; first += MIXTURE_ROWS) {
            const int64_t rows = COUNT - first < MIXTURE_ROWS ? COUNT - first : MIXTURE_ROWS;
            float *x = samples + 2 * first;
            const float *out = mixture_predict(&m, first, rows, x, (int32_t)s).data;
            for (int64_t i = 0; i < 2 * rows; i++) {
                const float x0 = step->s_data_xt * x[i] + step->s_data_output * out[i];
                x[i] += step->drift_xt * x[i] + step->drift_x0 * x0 + step->correction_noise * noise[2 * first + i];
            }
        }
        expect_mixture(&m, s, COUNT, samples, 0.02,
                       c); /* the size of a Langevin step changes the variance by delta / 2 */
    }
    ddpm_sampler_release(&sampler);
    ddpm_diffusion_release(&d);
}

static void test_mixture(void **state)
{
    static const struct {
        int method;
        int64_t steps, corrections;
        double eta, slack;
    } cases[] = {{DDPM_METHOD_ANCESTRAL, T, 0, 0.0, 0.02},   {DDPM_METHOD_DDIM, T, 0, 0.0, 0.02},
                 {DDPM_METHOD_DDIM, T, 0, 0.5, 0.02},        {DDPM_METHOD_DDIM, T, 0, 1.0, 0.02},
                 {DDPM_METHOD_DPM_SOLVER, 25, 0, 0.0, 0.02}, {DDPM_METHOD_DPM_SOLVER, 25, 1, 0.0, 0.03}};
    enum { COUNT = 6000 };
    ddpm_diffusion d = cosine_diffusion(T, DDPM_PREDICT_NOISE, DDPM_VARIANCE_POSTERIOR, 0);
    mixture m = mixture_make(&d.schedule, 2);
    (void)state;
    for (int k = 0; k < 6; k++) {
        const ddpm_sampler_spec spec = {.sampling.method = (ddpm_method)cases[k].method,
                                        .columns = 2,
                                        .sampling.steps = cases[k].steps,
                                        .sampling.eta = cases[k].eta,
                                        .sampling.corrections = cases[k].corrections,
                                        .sampling.correction_ratio = 0.16};
        ddpm_sampler sampler;
        expect_ok(ddpm_sampler_create(&d, &spec, &sampler));
        draw(&sampler, &(ddpm_denoiser){mixture_predict, &m}, COUNT, samples);
        expect_mixture(&m, 0, COUNT, samples, cases[k].slack, k);
        ddpm_sampler_release(&sampler);
    }
    ddpm_diffusion_release(&d);
}

/* With corrections, and with the memory of DPM-Solver++, samples do not depend on the block either. */
static void test_samples_stand_alone(void **state)
{
    enum { COUNT = 60 };
    float whole[COUNT], part[COUNT], scratch[3 * COUNT];
    ddpm_diffusion d = cosine_diffusion(T, DDPM_PREDICT_NOISE, DDPM_VARIANCE_LEARNED_RANGE, 0);
    normal n = {.diffusion = &d, .head = 0.3f};
    const ddpm_denoiser denoiser = {predict, &n};
    (void)state;
    for (int method = 0; method < DDPM_METHOD_COUNT; method++) {
        ddpm_sampler sampler = create_corrected(&d, method, 1, 9, 2);
        ddpm_sampler_run(&sampler,
                         &(ddpm_denoising){&denoiser, ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), 8, 0, COUNT},
                         scratch, whole, (ddpm_snapshots){0});
        for (int64_t first = 0; first < COUNT; first += 7) {
            const int64_t rows = COUNT - first < 7 ? COUNT - first : 7;
            ddpm_sampler_run(&sampler,
                             &(ddpm_denoising){&denoiser, ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), 8, first, rows},
                             scratch, part, (ddpm_snapshots){0});
            expect_bits(part, whole + first, (size_t)rows * sizeof *part, "samples from", first);
        }
        ddpm_sampler_release(&sampler);
    }
    ddpm_diffusion_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_corrections_of_a_normal_density),
        TEST(test_corrections_keep_a_mixture),
        TEST(test_mixture),
        TEST(test_samples_stand_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
