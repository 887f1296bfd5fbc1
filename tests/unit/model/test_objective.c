/* The losses against formulas for Gaussians in double precision, and their gradients against central differences. */
#include "cosine_diffusion.h"

#include "base/memory.h"
#include "model/objective.h"

enum { T = 12, D = 3, STRIDE = 16, ROWS = 2 * T };

static const double gamma_cut = 0.8;

static ddpm_objective objective_of(const ddpm_diffusion *d, int loss, int weighting)
{
    ddpm_objective o;
    expect_ok(ddpm_objective_create(d, (ddpm_loss)loss, 0.01, (ddpm_weighting)weighting, gamma_cut, &o));
    return o;
}

/* The loss of rows that are D columns wide; out and gradient have a variance head and are STRIDE apart. */
static double loss_of(const ddpm_objective *o, int64_t rows, const float *out, const float *wanted, const int32_t *at,
                      const float *importance, double share, float *gradient, float *row_loss)
{
    return ddpm_objective_rows(o, (ddpm_const_matrix){out, rows, 2 * D, STRIDE, 0},
                               (ddpm_const_matrix){wanted, rows, D, D, 0}, at, importance, share,
                               (ddpm_matrix){gradient, rows, 2 * D, STRIDE, 0}, row_loss);
}

/* ---- the terms once more, from the definitions ---- */

/* The x0 that follows from a prediction, by the definition of each kind. */
static double x0_of(const ddpm_diffusion *d, int64_t t, double xt, double prediction)
{
    const double *abar = d->schedule.alpha_bar, beta = d->schedule.beta[t];
    switch (d->predict) {
    case DDPM_PREDICT_NOISE:
        return (xt - sqrt(1.0 - abar[t]) * prediction) / sqrt(abar[t]);
    case DDPM_PREDICT_DATA:
        return prediction;
    case DDPM_PREDICT_VELOCITY:
        return sqrt(abar[t]) * xt - sqrt(1.0 - abar[t]) * prediction;
    case DDPM_PREDICT_FLOW:
        return (xt - sqrt(1.0 - abar[t]) * prediction) / (sqrt(abar[t]) + sqrt(1.0 - abar[t]));
    case DDPM_PREDICT_MEAN:
    case DDPM_PREDICT_COUNT:
        break;
    }
    const double mean = sqrt(1.0 - beta) * xt + sqrt(beta) * prediction;
    return ((1.0 - abar[t]) * mean - sqrt(1.0 - beta) * (1.0 - abar[t - 1]) * xt) / (sqrt(abar[t - 1]) * beta);
}

static double posterior_mean(const ddpm_diffusion *d, int64_t t, double x0, double xt)
{
    const double *abar = d->schedule.alpha_bar, beta = d->schedule.beta[t];
    return (sqrt(abar[t - 1]) * beta * x0 + sqrt(1.0 - beta) * (1.0 - abar[t - 1]) * xt) / (1.0 - abar[t]);
}

static double posterior_variance(const ddpm_diffusion *d, int64_t t)
{
    const double *abar = d->schedule.alpha_bar;
    return d->schedule.beta[t] * (1.0 - abar[t - 1]) / (1.0 - abar[t]);
}

/* The variance of the reverse step. At t = 1, where beta~ is 0, that of t = 2 is used in its place. */
static double model_variance(const ddpm_diffusion *d, int64_t t, double o)
{
    const double beta = d->schedule.beta[t], least = posterior_variance(d, t > 1 ? t : 2);
    const double share = 0.5 * (o + 1.0);
    switch (d->variance) {
    case DDPM_VARIANCE_POSTERIOR:
        return least;
    case DDPM_VARIANCE_LEARNED:
        return 1.0 / (1.0 + exp(-o / sqrt((double)T)) * (1.0 - beta) / beta);
    case DDPM_VARIANCE_LEARNED_RANGE:
        return exp(share * log(beta) + (1.0 - share) * log(least));
    case DDPM_VARIANCE_BETA:
    case DDPM_VARIANCE_COUNT:
        break;
    }
    return beta;
}

/* KL(N(m, v) || N(m_other, v_other)) */
static double kl(double m, double v, double m_other, double v_other)
{
    return 0.5 * (log(v_other / v) - 1.0 + v / v_other + (m - m_other) * (m - m_other) / v_other);
}

static double term_of(const ddpm_diffusion *d, int64_t t, double x0, double xt, double prediction, double o)
{
    const double mean = posterior_mean(d, t, x0_of(d, t, xt, prediction), xt), v = model_variance(d, t, o);
    if (t == 1) return 0.5 * (log(2.0 * acos(-1.0) * v) + (x0 - mean) * (x0 - mean) / v);
    return kl(posterior_mean(d, t, x0, xt), posterior_variance(d, t), mean, v);
}

/* ---- rows: every t twice ---- */

static float x0[ROWS * D], noise[ROWS * D], xt[ROWS * D], target[ROWS * D], output[ROWS * STRIDE];
static int32_t t[ROWS];

static void fill_all(const ddpm_diffusion *d)
{
    fill_any(x0, ROWS * D, 1);
    fill_any(noise, ROWS * D, 2);
    for (int i = 0; i < ROWS; i++) t[i] = 1 + i % T;
    ddpm_diffusion_noise_rows(d, ROWS, D, x0, noise, t, xt, target);
    for (int64_t i = 0; i < ROWS * STRIDE; i++) {
        const int64_t row = i / STRIDE, j = i % STRIDE;
        const double any = any_number(3000000 + i);
        output[i] = NAN; /* in the columns beyond the heads, which must not be read */
        if (j < D) output[i] = target[row * D + j] + (float)(0.3 * any);
        if (j >= D && j < 2 * D && ddpm_variance_is_learned(d->variance)) output[i] = (float)(1.5 * any);
    }
}

static double head_at(const ddpm_diffusion *d, int64_t row, int64_t j)
{
    return ddpm_variance_is_learned(d->variance) ? (double)output[row * STRIDE + D + j] : 0.0;
}

static void test_terms(void **state)
{
    (void)state;
    for (int predict = 0; predict < DDPM_PREDICT_COUNT; predict++)
        for (int variance = 0; variance < DDPM_VARIANCE_COUNT; variance++) {
            ddpm_diffusion d = cosine_diffusion(T, predict, variance, 0);
            ddpm_objective o = objective_of(&d, DDPM_LOSS_VLB, DDPM_WEIGHTING_NONE);
            fill_all(&d);
            for (int64_t row = 0; row < ROWS; row++) {
                double expected = 0.0, steep = 0.0, from_xt, from_output;
                for (int64_t j = 0; j < D; j++) {
                    const double signal = sqrt(d.schedule.alpha_bar[t[row]]),
                                 rest = sqrt(d.schedule.one_minus_alpha_bar[t[row]]);
                    const double x = (double)x0[row * D + j], e = (double)noise[row * D + j];
                    const double error = (double)output[row * STRIDE + j] - (double)target[row * D + j];
                    const double exact = (double)d.target_data[t[row]] * x + (double)d.target_noise[t[row]] * e;
                    expected += term_of(&d, t[row], x, signal * x + rest * e, exact + error, head_at(&d, row, j));
                }
                ddpm_diffusion_data_coefficients(&d, t[row], &from_xt, &from_output);
                steep = 1e-5 * (1.0 + fabs(expected)); /* the rounding of tables and outputs to floats */
                if (predict == DDPM_PREDICT_MEAN) steep *= 1.0 + 0.01 * fabs(from_output);
                const double found =
                    ddpm_objective_term(&o, D, NULL, output + row * STRIDE, target + row * D, (int64_t)t[row]);
                expect_near(found, expected, steep, "term", predict * 1000 + variance * 100 + t[row]);
                if (t[row] > 1) assert_true(found >= 0.0);
            }
            ddpm_objective_release(&o);
            ddpm_diffusion_release(&d);
        }
}

/* Where the prediction is the target and the variance is that of the posterior, the KL is 0. */
static void test_term_of_the_truth(void **state)
{
    (void)state;
    for (int predict = 0; predict < DDPM_PREDICT_COUNT; predict++) {
        ddpm_diffusion d = cosine_diffusion(T, predict, DDPM_VARIANCE_LEARNED_RANGE, 0);
        ddpm_objective o = objective_of(&d, DDPM_LOSS_VLB, DDPM_WEIGHTING_NONE);
        const float head[2] = {0.25f, -1.0f}, wanted = 0.25f;
        for (int64_t at = 2; at <= T; at++)
            expect_near(ddpm_objective_term(&o, 1, NULL, head, &wanted, at), 0.0, 1e-14, "KL", at);
        ddpm_objective_release(&o);
        ddpm_diffusion_release(&d);
    }
}

static void test_learned_variances(void **state)
{
    (void)state;
    for (int zero = 0; zero < 2; zero++) {
        ddpm_diffusion bounded = cosine_diffusion(T, DDPM_PREDICT_VELOCITY, DDPM_VARIANCE_LEARNED, zero),
                       range = cosine_diffusion(T, DDPM_PREDICT_VELOCITY, DDPM_VARIANCE_LEARNED_RANGE, zero);
        for (int64_t s = 0; s < T; s++)
            for (int64_t from = s + 1; from <= T; from++) {
                const ddpm_transition step = ddpm_diffusion_transition(&range, from, s);
                const double *abar = range.schedule.alpha_bar, beta = 1.0 - abar[from] / abar[s];
                const double least = s > 0 ? beta * (1.0 - abar[s]) / (1.0 - abar[from])
                                           : exp(ddpm_schedule_log_posterior(&range.schedule, 1));
                const int64_t where = from * 100 + s;
                expect_near(exp(ddpm_diffusion_log_variance(&bounded, &step, 0.0, NULL)), beta, 1e-11, "o = 0", where);
                expect_near(exp(ddpm_diffusion_log_variance(&range, &step, 1.0, NULL)), beta, 1e-11, "o = 1", where);
                expect_near(exp(ddpm_diffusion_log_variance(&range, &step, -1.0, NULL)), least, 1e-11, "o = -1", where);
                for (int k = 0; k < 2; k++) { /* the slope against a central difference */
                    const ddpm_diffusion *d = k ? &range : &bounded;
                    for (double at = -3.0; at <= 3.0; at += 1.5) {
                        double slope;
                        (void)ddpm_diffusion_log_variance(d, &step, at, &slope);
                        const double above = ddpm_diffusion_log_variance(d, &step, at + 1e-4, NULL),
                                     below = ddpm_diffusion_log_variance(d, &step, at - 1e-4, NULL);
                        expect_near(slope, (above - below) / 2e-4, 1e-7, "slope", where);
                        if (k == 0) assert_true(above <= 0.0); /* the variance is below 1 */
                    }
                }
            }
        ddpm_diffusion_release(&bounded);
        ddpm_diffusion_release(&range);
    }
    ddpm_diffusion one =
        cosine_diffusion(1, DDPM_PREDICT_DATA, DDPM_VARIANCE_LEARNED_RANGE, 0); /* T = 1 has no beta~_2 */
    const ddpm_transition step = ddpm_diffusion_transition(&one, 1, 0);
    for (double at = -1.0; at <= 1.0; at += 1.0)
        expect_near(ddpm_diffusion_log_variance(&one, &step, at, NULL), log(one.schedule.beta[1]), 1e-12, "T = 1", 1);
    ddpm_diffusion_release(&one);
}

/* ---- losses of rows ---- */

/* The weight of the squared error, by the definition: the square of the noise's error over the prediction's error. */
static double weight_at(const ddpm_diffusion *d, int weighting, int64_t at)
{
    const double abar = d->schedule.alpha_bar[at], snr = abar / (1.0 - abar);
    if (weighting == DDPM_WEIGHTING_NONE) return 1.0;
    const double slope = x0_of(d, at, 0.0, 1.0) - x0_of(d, at, 0.0, 0.0);
    const double noise_of_x0 = sqrt(snr);
    double weight = pow(slope * noise_of_x0, 2.0);
    if (weighting == DDPM_WEIGHTING_MIN_SNR) weight *= fmin(snr, gamma_cut) / snr;
    return weight;
}

static void test_rows(void **state)
{
    float importance[ROWS], row_loss[ROWS];
    const double share = 1.0 / 100.0;
    (void)state;
    fill_any(importance, ROWS, 9);
    for (int predict = 0; predict < DDPM_PREDICT_COUNT; predict++)
        for (int variance = 0; variance < DDPM_VARIANCE_COUNT; variance++)
            for (int loss = 0; loss < DDPM_LOSS_COUNT; loss++)
                for (int weighting = 0; weighting < DDPM_WEIGHTING_COUNT; weighting++) {
                    ddpm_diffusion d = cosine_diffusion(T, predict, variance, 0);
                    ddpm_objective o = objective_of(&d, loss, weighting);
                    double total = 0.0, plain = 0.0;
                    fill_all(&d);
                    const double bound = loss == DDPM_LOSS_SIMPLE ? 0.0 : loss == DDPM_LOSS_VLB ? T : 0.01 * T;
                    const double found = loss_of(&o, ROWS, output, target, t, importance, share, NULL, row_loss);
                    for (int64_t row = 0; row < ROWS; row++) {
                        double expected = bound * ddpm_objective_term(&o, D, NULL, output + row * STRIDE,
                                                                      target + row * D, (int64_t)t[row]);
                        for (int64_t j = 0; loss != DDPM_LOSS_VLB && j < D; j++)
                            expected += weight_at(&d, weighting, t[row]) *
                                        pow((double)output[row * STRIDE + j] - (double)target[row * D + j], 2.0);
                        expected /= D;
                        expect_near((double)row_loss[row], expected, 2e-6 * (fabs(expected) + 1e-3), "loss of a row",
                                    predict * 10000 + variance * 1000 + loss * 100 + weighting * 10);
                        total += share * (double)importance[row] * (double)row_loss[row];
                        plain += share * (double)row_loss[row];
                    }
                    expect_near(found, total, 1e-5 * (fabs(plain) + 1e-3), "loss", loss);
                    expect_near(loss_of(&o, ROWS, output, target, t, NULL, share, NULL, NULL), plain,
                                1e-5 * (fabs(plain) + 1e-3), "loss, every row alike", loss);
                    ddpm_objective_release(&o);
                    ddpm_diffusion_release(&d);
                }
}

/* The loss whose derivative by output `which` is the gradient. In the hybrid loss the bound has a gradient by the
 * variance head alone, so the prediction is not moved in it. */
static double detached(const ddpm_objective *o, const ddpm_objective *simple, int64_t row, const float *moved,
                       int64_t which)
{
    const float *wanted = target + row * D;
    float mixed[2 * D];
    if (o->loss != DDPM_LOSS_HYBRID) return loss_of(o, 1, moved, wanted, t + row, NULL, 1.0, NULL, NULL);
    if (which < D) /* by the prediction: only the squared error counts */
        return loss_of(simple, 1, moved, wanted, t + row, NULL, 1.0, NULL, NULL);
    memcpy(mixed, output + row * STRIDE, D * sizeof *mixed);
    memcpy(mixed + D, moved + D, D * sizeof *mixed);
    return o->lambda * T / D * ddpm_objective_term(o, D, NULL, mixed, wanted, (int64_t)t[row]);
}

static void check_gradient(int predict, int variance, int loss, int weighting)
{
    ddpm_diffusion d = cosine_diffusion(T, predict, variance, 0);
    ddpm_objective o = objective_of(&d, loss, weighting), simple = objective_of(&d, DDPM_LOSS_SIMPLE, weighting);
    const int64_t heads = ddpm_variance_is_learned(d.variance) ? 2 : 1;
    float doutput[ROWS * STRIDE], importance[ROWS];
    fill_all(&d);
    for (int i = 0; i < ROWS; i++) importance[i] = 0.5f + 0.1f * (float)i;
    for (int i = 0; i < ROWS * STRIDE; i++) doutput[i] = 99.0f;
    (void)loss_of(&o, ROWS, output, target, t, importance, 0.25, doutput, NULL);
    for (int64_t row = 0; row < ROWS; row++) {
        double largest = 1e-6;
        for (int64_t k = 0; k < heads * D; k++) largest = fmax(largest, fabs((double)doutput[row * STRIDE + k]));
        for (int64_t k = 0; k < heads * D; k++) {
            float up[STRIDE], down[STRIDE];
            memcpy(up, output + row * STRIDE, sizeof up);
            memcpy(down, up, sizeof down);
            up[k] += 1e-2f;
            down[k] -= 1e-2f;
            const double difference = (detached(&o, &simple, row, up, k) - detached(&o, &simple, row, down, k)) /
                                      ((double)up[k] - (double)down[k]) * 0.25 * (double)importance[row];
            /* central differences are exact for the prediction, in which the loss is quadratic, and not for the head */
            expect_near((double)doutput[row * STRIDE + k], difference, 1e-4 * largest + 1e-4 * fabs(difference),
                        "gradient", predict * 100000 + variance * 10000 + loss * 1000 + weighting * 100 + t[row]);
        }
        assert_true(doutput[row * STRIDE + heads * D] == 99.0f);
    }
    ddpm_objective_release(&simple);
    ddpm_objective_release(&o);
    ddpm_diffusion_release(&d);
}

static void test_gradients(void **state)
{
    (void)state;
    for (int predict = 0; predict < DDPM_PREDICT_COUNT; predict++)
        for (int variance = 0; variance < DDPM_VARIANCE_COUNT; variance++)
            for (int loss = 0; loss < DDPM_LOSS_COUNT; loss++)
                for (int weighting = 0; weighting < DDPM_WEIGHTING_COUNT; weighting++)
                    check_gradient(predict, variance, loss, weighting);
}

static void test_hybrid_mean_is_simple(void **state)
{
    float hybrid[ROWS * STRIDE], simple[ROWS * STRIDE];
    (void)state;
    for (int predict = 0; predict < DDPM_PREDICT_COUNT; predict++) {
        ddpm_diffusion d = cosine_diffusion(T, predict, DDPM_VARIANCE_LEARNED_RANGE, 0);
        ddpm_objective h = objective_of(&d, DDPM_LOSS_HYBRID, DDPM_WEIGHTING_NONE),
                       s = objective_of(&d, DDPM_LOSS_SIMPLE, DDPM_WEIGHTING_NONE);
        fill_all(&d);
        (void)loss_of(&h, ROWS, output, target, t, NULL, 0.1, hybrid, NULL);
        (void)loss_of(&s, ROWS, output, target, t, NULL, 0.1, simple, NULL);
        for (int64_t row = 0; row < ROWS; row++) {
            expect_bits(hybrid + row * STRIDE, simple + row * STRIDE, D * sizeof *simple, "gradient", row);
            for (int64_t j = D; j < 2 * D; j++) {
                assert_true(simple[row * STRIDE + j] == 0.0f);
                assert_true(hybrid[row * STRIDE + j] != 0.0f);
            }
        }
        ddpm_objective_release(&h);
        ddpm_objective_release(&s);
        ddpm_diffusion_release(&d);
    }
}

/* The same x0, predicted in four ways, has one loss: that of the noise. */
static void test_noise_weighting(void **state)
{
    (void)state;
    for (int predict = 0; predict < DDPM_PREDICT_COUNT; predict++) {
        ddpm_diffusion d = cosine_diffusion(T, predict, DDPM_VARIANCE_BETA, 0);
        ddpm_objective o = objective_of(&d, DDPM_LOSS_SIMPLE, DDPM_WEIGHTING_NOISE);
        for (int32_t at = 1; at <= T; at++) {
            const double abar = d.schedule.alpha_bar[at], x = 0.5, e = -0.75,
                         wrong = 0.4; /* the noise that is predicted is e + wrong */
            const double mixed = sqrt(abar) * x + sqrt(1.0 - abar) * e;
            const double said = (mixed - sqrt(1.0 - abar) * (e + wrong)) / sqrt(abar);
            const double from = x0_of(&d, at, mixed, 0.0), slope = x0_of(&d, at, mixed, 1.0) - from;
            const float right = (float)((x - from) / slope), prediction = (float)((said - from) / slope);
            const double loss =
                ddpm_objective_rows(&o, (ddpm_const_matrix){&prediction, 1, 1, 1, 0},
                                    (ddpm_const_matrix){&right, 1, 1, 1, 0}, &at, NULL, 1.0, (ddpm_matrix){0}, NULL);
            /* the error of the mean is a small difference of two floats */
            expect_near(loss, wrong * wrong, 1e-6 + 1e-6 * sqrt((double)o.weight[at]), "noise", predict * 1000 + at);
        }
        ddpm_objective_release(&o);
        ddpm_diffusion_release(&d);
    }
}

static void test_min_snr(void **state)
{
    (void)state;
    for (int predict = 0; predict < DDPM_PREDICT_COUNT; predict++) {
        ddpm_diffusion d = cosine_diffusion(T, predict, DDPM_VARIANCE_BETA, 0);
        ddpm_objective cut = objective_of(&d, DDPM_LOSS_SIMPLE, DDPM_WEIGHTING_MIN_SNR),
                       whole = objective_of(&d, DDPM_LOSS_SIMPLE, DDPM_WEIGHTING_NOISE);
        int at_cut = 0;
        for (int64_t at = 1; at <= T; at++) {
            const double snr = d.schedule.alpha_bar[at] / d.schedule.one_minus_alpha_bar[at];
            const double share = snr > gamma_cut ? gamma_cut / snr : 1.0;
            at_cut += snr > gamma_cut;
            expect_near((double)cut.weight[at], share * (double)whole.weight[at], 1e-6 * (double)whole.weight[at],
                        "weight", at);
            if (predict == DDPM_PREDICT_DATA) /* Hang et al. 2023: min(SNR, gamma) for x0 */
                expect_near((double)cut.weight[at], fmin(snr, gamma_cut), 1e-6 * gamma_cut, "min(SNR, gamma)", at);
            if (predict == DDPM_PREDICT_VELOCITY)
                expect_near((double)cut.weight[at], fmin(snr, gamma_cut) / (snr + 1.0), 1e-6, "velocity", at);
        }
        assert_in_range(at_cut, 1, T - 1);
        ddpm_objective_release(&cut);
        ddpm_objective_release(&whole);
        ddpm_diffusion_release(&d);
    }
}

/* Where no signal is left at T, every loss and gradient is finite. */
static void test_zero_terminal_snr(void **state)
{
    static const int kinds[] = {DDPM_PREDICT_DATA, DDPM_PREDICT_VELOCITY, DDPM_PREDICT_FLOW};
    float doutput[ROWS * STRIDE];
    (void)state;
    for (int k = 0; k < 3; k++)
        for (int variance = 0; variance < DDPM_VARIANCE_COUNT; variance++)
            for (int loss = 0; loss < DDPM_LOSS_COUNT; loss++)
                for (int weighting = 0; weighting < DDPM_WEIGHTING_COUNT; weighting++) {
                    ddpm_diffusion d = cosine_diffusion(T, kinds[k], variance, 1);
                    ddpm_objective o = objective_of(&d, loss, weighting);
                    fill_all(&d);
                    assert_true(isfinite(loss_of(&o, ROWS, output, target, t, NULL, 1.0, doutput, NULL)));
                    for (int64_t row = 0; row < ROWS; row++)
                        for (int64_t j = 0; j < D * (ddpm_variance_is_learned(d.variance) ? 2 : 1); j++)
                            assert_true(isfinite(doutput[row * STRIDE + j]));
                    ddpm_objective_release(&o);
                    ddpm_diffusion_release(&d);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_terms),
        TEST(test_term_of_the_truth),
        TEST(test_learned_variances),
        TEST(test_rows),
        TEST(test_gradients),
        TEST(test_hybrid_mean_is_simple),
        TEST(test_noise_weighting),
        TEST(test_min_snr),
        TEST(test_zero_terminal_snr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
