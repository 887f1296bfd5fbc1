/* The cross-entropy and its gradients against differences; and guidance by the exact ln p(class | x_t) of a mixture of
 * Gaussians, whose parts are the classes. */
#include "mixture.h"
#include "reference_network.h"
#include "small_network.h"

#include "base/memory.h"
#include "model/classifier.h"
#include "model/sampler.h"

enum { D = 2, T = 100 };

/* -ln of the softmax, by its definition. */
static double loss_of(int64_t classes, const double *logits, int64_t label)
{
    double sum = 0.0;
    for (int64_t k = 0; k < classes; k++) sum += exp(logits[k]);
    return -log(exp(logits[label]) / sum);
}

static void test_cross_entropy(void **state)
{
    enum { ROWS = 5, CLASSES = 4, STRIDE = 7 };
    const float labels[ROWS] = {0, 3, 1, 1, 2}, importance[ROWS] = {1.0f, 0.5f, 2.0f, 0.0f, 3.0f};
    float logits[ROWS * STRIDE], gradient[ROWS * STRIDE], losses[ROWS];
    double expected = 0.0, z[CLASSES];
    (void)state;
    fill_any(logits, ROWS * STRIDE, 70);
    for (int i = 0; i < ROWS * STRIDE; i++) gradient[i] = 77.0f;
    const double loss = ddpm_classifier_rows((ddpm_const_matrix){logits, ROWS, CLASSES, STRIDE, 0}, labels, importance,
                                             0.25, (ddpm_matrix){gradient, ROWS, CLASSES, STRIDE, 0}, losses);
    for (int row = 0; row < ROWS; row++) {
        for (int k = 0; k < CLASSES; k++) z[k] = (double)logits[row * STRIDE + k];
        const double own = loss_of(CLASSES, z, (int64_t)labels[row]), share = 0.25 * (double)importance[row];
        expected += share * own;
        expect_near((double)losses[row], own, 1e-6, "loss", row);
        for (int k = 0; k < CLASSES; k++) {
            const double h = 1e-4;
            z[k] += h;
            const double above = loss_of(CLASSES, z, (int64_t)labels[row]);
            z[k] -= 2.0 * h;
            const double below = loss_of(CLASSES, z, (int64_t)labels[row]);
            z[k] += h;
            expect_near((double)gradient[row * STRIDE + k], share * (above - below) / (2.0 * h), 1e-6, "gradient", k);
        }
        assert_true(gradient[row * STRIDE + CLASSES] == 77.0f);
    }
    expect_near(loss, expected, 1e-9, "loss of all", 0);
}

/* Large logits do not make the loss infinite. */
static void test_sure_of_itself(void **state)
{
    const float logits[4] = {1000.0f, -1000.0f, -1000.0f, 1000.0f}, labels[2] = {0, 0};
    float gradient[4], losses[2];
    (void)state;
    const double loss = ddpm_classifier_rows((ddpm_const_matrix){logits, 2, 2, 2, 0}, labels, NULL, 1.0,
                                             ddpm_matrix_dense(gradient, 2, 2), losses);
    expect_near(loss, 2000.0, 1e-3, "loss", 0);
    expect_near((double)losses[0], 0.0, 1e-30, "loss of the sure", 0);
    expect_near((double)gradient[2], -1.0, 1e-6, "gradient of the wrong", 0);
}

/* The gradient of ln p(c | x_t) of a network by x_t. */
static void test_gradient_by_xt(void **state)
{
    enum { ROWS = 3, COLUMNS = 3, CLASSES = 5 };
    const ddpm_network_spec spec = {.columns = COLUMNS,
                                    .heads = 1,
                                    .classes = CLASSES,
                                    .width = 18,
                                    .depth = 2,
                                    .activation = DDPM_ACTIVATION_SILU,
                                    .time = DDPM_TIME_SINUSOIDAL,
                                    .time_width = 6,
                                    .steps = 5};
    const float labels[ROWS] = {4, 0, 2}, h = 0x1p-9f;
    float xt[ROWS * COLUMNS], gradient[ROWS * COLUMNS];
    double out[CLASSES], *parameters = NULL;
    int32_t t[ROWS];
    small_network s = small_network_make(&spec, ROWS);
    (void)state;
    fill_rows(&spec, ROWS, xt, t);
    expect_ok(DDPM_NEW(&parameters, s.count, "parameters"));
    for (int64_t i = 0; i < s.count; i++) parameters[i] = (double)s.parameters[i];
    const ddpm_const_matrix logits = ddpm_network_forward(s.network, s.packed, s.workspace, ROWS, xt, NULL, t);
    (void)ddpm_classifier_rows(logits, labels, NULL, -1.0, ddpm_workspace_dout(s.workspace, ROWS), NULL);
    ddpm_network_input_gradient(s.network, s.packed, s.workspace, ROWS, t, gradient);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        const int row = i / COLUMNS;
        const float value = xt[i];
        double difference = 0.0;
        for (int side = -1; side <= 1; side += 2) {
            xt[i] = value + (float)side * h;
            reference_forward(s.network, parameters, xt + row * COLUMNS, NULL, t[row], out);
            difference -= loss_of(CLASSES, out, (int64_t)labels[row]) / ((double)xt[i] - (double)value);
        }
        xt[i] = value;
        expect_near((double)gradient[i], 0.5 * difference, 2e-5, "gradient by x_t", i);
    }
    ddpm_release(parameters);
    small_network_free(&s);
}

/* ---- guidance ---- */

/* The prediction at t for x_t = x where the score is `score`, by Tweedie's formula and the definitions of predictions.
 */
static double prediction_of(const ddpm_diffusion *d, int64_t t, double x, double score)
{
    const double abar = d->schedule.alpha_bar[t], before = d->schedule.alpha_bar[t - 1], beta = d->schedule.beta[t];
    const double noise = -sqrt(1.0 - abar) * score, x0 = (x + (1.0 - abar) * score) / sqrt(abar);
    switch (d->predict) {
    case DDPM_PREDICT_DATA:
        return x0;
    case DDPM_PREDICT_VELOCITY:
        return sqrt(abar) * noise - sqrt(1.0 - abar) * x0;
    case DDPM_PREDICT_FLOW:
        return noise - x0;
    case DDPM_PREDICT_MEAN:
        return ((sqrt(before) * beta * x0 + sqrt(1.0 - beta) * (1.0 - before) * x) / (1.0 - abar) -
                sqrt(1.0 - beta) * x) /
               sqrt(beta);
    default:
        return noise;
    }
}

typedef struct guided {
    const ddpm_diffusion *diffusion;
    mixture *m;
    int part;     /* the class */
    double scale; /* of the gradient of ln p(class | x_t) */
    float out[MIXTURE_ROWS * D];
} guided;

/* The prediction of the whole mixture, guided by the gradient of the exact ln p(part | x_t), which is the score of the
 * part less that of the mixture. */
static ddpm_const_matrix predict(void *self, int64_t first, int64_t rows, const float *xt, int32_t t)
{
    guided *g = self;
    const double factor = g->scale * ddpm_diffusion_guidance(g->diffusion, t);
    (void)first;
    for (int64_t row = 0; row < rows; row++) {
        const float *x = xt + row * D;
        double posterior[MIXTURE_PARTS], variance[MIXTURE_PARTS];
        mixture_parts(g->m, t, x, posterior, variance);
        for (int64_t j = 0; j < D; j++) {
            double score = 0.0;
            for (int k = 0; k < MIXTURE_PARTS; k++) score += posterior[k] * mixture_pull(g->m, t, k, variance[k], x, j);
            const double gradient = mixture_pull(g->m, t, g->part, variance[g->part], x, j) - score;
            g->out[row * D + j] = (float)(prediction_of(g->diffusion, t, (double)x[j], score) + factor * gradient);
        }
    }
    return (ddpm_const_matrix){g->out, rows, D, D, 0};
}

static ddpm_diffusion make(int prediction, int zero_terminal)
{
    const ddpm_schedule_spec spec = {
        .kind = DDPM_SCHEDULE_COSINE, .steps = T, .offset = 0.008, .cap = 0.999, .zero_terminal_snr = zero_terminal};
    ddpm_schedule schedule;
    ddpm_diffusion d;
    expect_ok(ddpm_schedule_create(&spec, &schedule));
    expect_ok(ddpm_diffusion_create(&schedule, (ddpm_prediction)prediction, DDPM_VARIANCE_POSTERIOR, &d));
    return d;
}

/* Guided at scale 1, the prediction of the mixture is that of the part, for every kind of prediction. */
static void test_prediction_of_a_class(void **state)
{
    (void)state;
    for (int p = 0; p < DDPM_PREDICT_COUNT; p++) {
        ddpm_diffusion d = make(p, 0);
        mixture m = mixture_make(&d.schedule, D);
        for (int part = 0; part < MIXTURE_PARTS; part++)
            for (int32_t t = 1; t < T; t += 7) { /* at T, x0 is a small difference of large numbers */
                const float x[D] = {0.7f, -0.4f};
                guided g = {.diffusion = &d, .m = &m, .part = part, .scale = 1.0};
                const double abar = d.schedule.alpha_bar[t],
                             variance = abar * m.deviation[part] * m.deviation[part] + 1.0 - abar;
                const float *out = predict(&g, 0, 1, x, t).data;
                for (int64_t j = 0; j < D; j++) {
                    const double score = -((double)x[j] - sqrt(abar) * m.mean[part][j]) / variance;
                    const double expected = prediction_of(&d, t, (double)x[j], score);
                    expect_near((double)out[j], expected, 1e-5 * (1.0 + fabs(expected)), "prediction", p * 1000 + t);
                }
            }
        ddpm_diffusion_release(&d);
    }
    ddpm_diffusion d = make(DDPM_PREDICT_VELOCITY, 1);
    assert_true(ddpm_diffusion_guidance(&d, T) == 0.0); /* without signal x_t does not depend on the class */
    assert_true(isfinite(ddpm_diffusion_guidance(&d, T - 1)));
    ddpm_diffusion_release(&d);
}

static void measure(const ddpm_sampler *sampler, guided *g, double *mean, double *deviation)
{
    enum { COUNT = 2048 };
    const ddpm_denoiser denoiser = {predict, g};
    float x[MIXTURE_ROWS * D], scratch[3 * MIXTURE_ROWS * D];
    double sum[D] = {0.0}, squares = 0.0;
    for (int64_t first = 0; first < COUNT; first += MIXTURE_ROWS) {
        ddpm_sampler_run(
            sampler, &(ddpm_denoising){&denoiser, ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), 8, first, MIXTURE_ROWS},
            scratch, x, (ddpm_snapshots){0});
        for (int64_t i = 0; i < MIXTURE_ROWS * D; i++) {
            sum[i % D] += (double)x[i];
            squares += pow((double)x[i] - g->m->mean[g->part][i % D], 2.0);
        }
    }
    for (int j = 0; j < D; j++) mean[j] = sum[j] / COUNT;
    *deviation = sqrt(squares / (COUNT * D));
}

/* Guided at scale 1, the samples of every method have the distribution of their class; at scale 0, that of the mixture.
 */
static void test_law_of_a_class(void **state)
{
    (void)state;
    for (int method = 0; method < DDPM_METHOD_COUNT; method++)
        for (int part = 0; part < MIXTURE_PARTS; part++) {
            ddpm_diffusion d = make(method, 0); /* each method with another kind of prediction */
            mixture m = mixture_make(&d.schedule, D);
            guided g = {.diffusion = &d, .m = &m, .part = part, .scale = 1.0};
            const ddpm_sampler_spec spec = {.sampling.method = (ddpm_method)method,
                                            .columns = D,
                                            .sampling.steps = method == 0 ? T : T / 2,
                                            .sampling.eta = 0.0};
            ddpm_sampler sampler;
            double mean[D], deviation;
            expect_ok(ddpm_sampler_create(&d, &spec, &sampler));
            measure(&sampler, &g, mean, &deviation);
            for (int j = 0; j < D; j++)
                expect_near(mean[j], m.mean[part][j], 0.05 + 0.03 * m.deviation[part], "mean of the class", method);
            expect_near(deviation, m.deviation[part], 0.15 * m.deviation[part], "deviation of the class", method);
            g.scale = 0.0;
            measure(&sampler, &g, mean, &deviation);
            assert_true(deviation > 2.0 * m.deviation[part]);
            ddpm_sampler_release(&sampler);
            ddpm_diffusion_release(&d);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cross_entropy),         TEST(test_sure_of_itself), TEST(test_gradient_by_xt),
        TEST(test_prediction_of_a_class), TEST(test_law_of_a_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
