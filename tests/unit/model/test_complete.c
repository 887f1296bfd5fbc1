/* Completion of rows with exact denoisers in place of a network: what is made must have the conditional distribution,
 * given what is known. */
#include "mixture.h"

#include "base/memory.h"
#include "model/sampler.h"

enum { D = 2, T = 100, COUNT = 6400 };

static const double mean[D] = {0.2, -0.1}, correlation = 0.8; /* of a normal density with deviations of 1 */
static const float at = 1.2f;                                 /* the known first column */

/* E[x0 | x_t] = mean + gain (x_t - sqrt(abar) mean), gain = sqrt(abar) C (abar C + (1 - abar) I)^-1. */
static void gain_at(double abar, double gain[D][D])
{
    const double a = 1.0, b = abar * correlation, determinant = a * a - b * b; /* abar + 1 - abar = 1 */
    const double inverse[D][D] = {{a / determinant, -b / determinant}, {-b / determinant, a / determinant}};
    const double covariance[D][D] = {{1.0, correlation}, {correlation, 1.0}};
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++)
            gain[i][j] = sqrt(abar) * (covariance[i][0] * inverse[0][j] + covariance[i][1] * inverse[1][j]);
}

typedef struct normal {
    const ddpm_schedule *schedule;
    float noise[MIXTURE_ROWS * D];
} normal;

static ddpm_const_matrix normal_predict(void *self, int64_t first, int64_t rows, const float *xt, int32_t t)
{
    normal *n = self;
    const double abar = n->schedule->alpha_bar[t];
    double gain[D][D];
    (void)first;
    gain_at(abar, gain);
    for (int64_t i = 0; i < rows * D; i += D)
        for (int j = 0; j < D; j++) {
            double x0 = mean[j];
            for (int k = 0; k < D; k++) x0 += gain[j][k] * ((double)xt[i + k] - sqrt(abar) * mean[k]);
            n->noise[i + j] = (float)(((double)xt[i + j] - sqrt(abar) * x0) / sqrt(1.0 - abar));
        }
    return (ddpm_const_matrix){n->noise, rows, D, D, 0};
}

static void complete(const ddpm_sampler *sampler, const ddpm_denoiser *denoiser, int64_t first, int64_t rows,
                     const float *known, int64_t passes, float *x)
{
    float scratch[3 * MIXTURE_ROWS * D];
    for (int64_t done = 0; done < rows; done += MIXTURE_ROWS) {
        const int64_t n = rows - done < MIXTURE_ROWS ? rows - done : MIXTURE_ROWS;
        ddpm_sampler_complete(
            sampler, &(ddpm_denoising){denoiser, ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), 8, first + done, n},
            scratch, known + done * D, passes, x + done * D);
    }
}

/* Follow the mean and the variance of the unknown column from step to step. This is exact, since every step is linear
 * and the known column is drawn anew after it. */
static void carry(const ddpm_schedule *schedule, int64_t passes, double *u, double *v)
{
    *u = 0.0;
    *v = 1.0;
    for (int64_t t = T; t >= 1; t--) {
        const double abar = schedule->alpha_bar[t], before = schedule->alpha_bar[t - 1], beta = schedule->beta[t];
        const double of_x0 = sqrt(before) * beta / (1.0 - abar);
        const double of_x = sqrt(1.0 - beta) * (1.0 - before) / (1.0 - abar);
        double gain[D][D], known = sqrt(abar) * (double)at, known_variance = 1.0 - abar;
        gain_at(abar, gain);
        for (int64_t pass = 0; pass < (t == 1 ? 1 : passes); pass++) {
            if (pass > 0) { /* the step back from t - 1 to t */
                known = sqrt((1.0 - beta) * before) * (double)at;
                known_variance = (1.0 - beta) * (1.0 - before) + beta;
                *u *= sqrt(1.0 - beta);
                *v = (1.0 - beta) * *v + beta;
            }
            const double along = of_x0 * gain[1][1] + of_x, across = of_x0 * gain[1][0];
            const double x0 =
                mean[1] + gain[1][0] * (known - sqrt(abar) * mean[0]) + gain[1][1] * (*u - sqrt(abar) * mean[1]);
            *u = of_x0 * x0 + of_x * *u;
            *v = along * along * *v + across * across * known_variance + beta * (1.0 - before) / (1.0 - abar);
        }
    }
}

static void test_normal_density(void **state)
{
    static float known[COUNT * D], x[COUNT * D];
    static const int64_t passes[] = {1, 2, 10};
    ddpm_diffusion d = mixture_diffusion(DDPM_SCHEDULE_COSINE, T, DDPM_VARIANCE_POSTERIOR);
    normal n = {.schedule = &d.schedule};
    const ddpm_denoiser denoiser = {normal_predict, &n};
    const ddpm_sampler_spec spec = {.sampling.method = DDPM_METHOD_ANCESTRAL, .columns = D, .sampling.steps = T};
    ddpm_sampler sampler;
    double u = 0.0, v = 0.0;
    (void)state;
    expect_ok(ddpm_sampler_create(&d, &spec, &sampler));
    for (int64_t i = 0; i < COUNT; i++) {
        known[i * D] = at;
        known[i * D + 1] = NAN;
    }
    for (int p = 0; p < 3; p++) {
        double sum = 0.0, squares = 0.0;
        carry(&d.schedule, passes[p], &u, &v);
        complete(&sampler, &denoiser, 0, COUNT, known, passes[p], x);
        for (int64_t i = 0; i < COUNT; i++) {
            sum += (double)x[i * D + 1] - u;
            squares += pow((double)x[i * D + 1] - u, 2.0);
            expect_bits(&x[i * D], &at, sizeof at, "what is known", i);
        }
        expect_near(sum / COUNT, 0.0, 4.5 * sqrt(v / COUNT), "mean of the unknown", passes[p]);
        expect_near(squares / COUNT, v, 4.5 * v * sqrt(2.0 / COUNT), "variance of the unknown", passes[p]);
    }
    /* with ten passes, mean and variance are near those of the conditional density */
    expect_near(u, mean[1] + correlation * ((double)at - mean[0]), 0.05, "conditional mean", 0);
    expect_near(v, 1.0 - correlation * correlation, 0.05, "conditional variance", 0);
    ddpm_sampler_release(&sampler);
    ddpm_diffusion_release(&d);
}

/* Where nothing is known the result is the samples of the seed, where all is known it is what was known, and in blocks
 * of any size it has the same bits. */
static void check_extremes_and_blocks(ddpm_method method)
{
    enum { ROWS = 40 };
    float nothing[ROWS * D], all[ROWS * D], some[ROWS * D], x[ROWS * D], y[ROWS * D], scratch[3 * ROWS * D];
    ddpm_diffusion d = mixture_diffusion(DDPM_SCHEDULE_COSINE, 20, DDPM_VARIANCE_BETA);
    mixture m = mixture_make(&d.schedule, D);
    const ddpm_denoiser denoiser = {mixture_predict, &m};
    const ddpm_sampler_spec spec = {.sampling.method = method,
                                    .columns = D,
                                    .sampling.steps = 7,
                                    .sampling.corrections = 2,
                                    .sampling.correction_ratio = 0.1};
    ddpm_sampler sampler;
    expect_ok(ddpm_sampler_create(&d, &spec, &sampler));
    mixture_draw(&m, 0, ROWS, all);
    for (int i = 0; i < ROWS * D; i++) {
        nothing[i] = NAN;
        some[i] = i % 3 == 0 ? NAN : all[i];
    }
    ddpm_sampler_run(&sampler, &(ddpm_denoising){&denoiser, ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), 8, 100, ROWS},
                     scratch, x, (ddpm_snapshots){0});
    complete(&sampler, &denoiser, 100, ROWS, nothing, 1, y);
    expect_bits(y, x, sizeof x, "nothing known", 0);
    complete(&sampler, &denoiser, 100, ROWS, nothing, 2, y);
    assert_memory_not_equal(y, x, sizeof x);
    complete(&sampler, &denoiser, 100, ROWS, all, 3, y);
    expect_bits(y, all, sizeof all, "all known", 0);
    complete(&sampler, &denoiser, 100, ROWS, some, 3, x);
    for (int64_t first = 0; first < ROWS; first += 7) {
        const int64_t rows = ROWS - first < 7 ? ROWS - first : 7;
        complete(&sampler, &denoiser, 100 + first, rows, some + first * D, 3, y);
        expect_bits(y, x + first * D, (size_t)(rows * D) * sizeof *y, "rows from", first);
    }
    ddpm_sampler_release(&sampler);
    ddpm_diffusion_release(&d);
}

static void test_extremes_and_blocks(void **state)
{
    (void)state;
    check_extremes_and_blocks(DDPM_METHOD_ANCESTRAL);
    check_extremes_and_blocks(DDPM_METHOD_DDIM);
    check_extremes_and_blocks(DDPM_METHOD_HEUN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_normal_density),
        TEST(test_extremes_and_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
