/* Clipping, the corrections of Adam and the average of the parameters with its warm-up, against closed forms. The
 * kernels themselves are tested against the published algorithms in kernel/test_optimizer.c. */
#include "expect.h"

#include "kernel/simd.h"
#include "train/update.h"

enum { N = 50 };

/* A rate of 1 and no momentum: a step subtracts the clipped gradient itself. */
static const ddpm_update_spec plain = {
    .optimizer = DDPM_OPTIMIZER_SGD,
    .rate = {.peak = 1.0, .decay = DDPM_DECAY_CONSTANT, .iterations = 1000},
    .beta1 = 0.9,
    .beta2 = 0.999,
};

typedef struct arrays {
    float parameters[N], ema[N], moment1[N], moment2[N];
    ddpm_state state;
} arrays;

static void make_arrays(arrays *a)
{
    memset(a, 0, sizeof *a);
    a->state.parameters = a->parameters;
    a->state.ema = a->ema;
    a->state.moment1 = a->moment1;
    a->state.moment2 = a->moment2;
}

static double norm_of(const float *x)
{
    double sum = 0.0;
    for (int i = 0; i < N; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static void apply(const ddpm_update_spec *spec, const ddpm_update *update, const float *gradient, arrays *a)
{
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    for (int64_t at = 0; at < N; at += 20) /* as a step does: piece by piece */
        ddpm_update_apply(spec->optimizer, kernels, update, at, at + 20 < N ? 20 : N - at, gradient, &a->state);
}

/* The norm of what is subtracted is `clip` where the gradient's is above it, else the gradient's. */
static void test_clip(void **state)
{
    static const double clips[] = {1e-3, 0.5, 1.0, 3.0, 1e6};
    float gradient[N];
    arrays a;
    (void)state;
    fill_any(gradient, N, 1);
    const double norm = norm_of(gradient);
    assert_true(norm > 3.0 && norm < 1e6);
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) {
        ddpm_update_spec spec = plain;
        spec.clip = clips[i];
        const ddpm_update update = ddpm_update_settings(&spec, 0, 0, norm);
        make_arrays(&a);
        apply(&spec, &update, gradient, &a);
        const double expected = fmin(norm, clips[i]);
        expect_near(norm_of(a.parameters), expected, 1e-6 * expected, "norm of a clipped gradient", (int64_t)i);
        for (int j = 0; j < N; j++) /* its direction is kept */
            expect_near((double)a.parameters[j], -(double)gradient[j] * expected / norm, 1e-6 * expected, "element", j);
    }
}

static void test_what_is_not_clipped(void **state)
{
    ddpm_update_spec spec = plain;
    (void)state;
    assert_true(ddpm_update_settings(&spec, 0, 0, 1e30).shrink == 1.0f); /* clip 0: no clipping */
    spec.clip = 2.0;
    assert_true(ddpm_update_settings(&spec, 0, 0, 2.0).shrink == 1.0f);
    assert_true(ddpm_update_settings(&spec, 0, 0, 0.0).shrink == 1.0f);
    assert_true(ddpm_update_settings(&spec, 0, 0, 4.0).shrink == 0.5f);
}

/* With beta = 1/2 the correction in update n is 1 / (1 - 2^-n) = 2^n / (2^n - 1). The first update of Adam moves every
 * parameter by the learning rate, against the sign of its gradient, whatever the gradient's size. */
static void test_corrections(void **state)
{
    ddpm_update_spec spec = plain;
    float gradient[N];
    arrays a;
    (void)state;
    spec.optimizer = DDPM_OPTIMIZER_ADAM;
    spec.beta1 = 0.5;
    spec.beta2 = 0.25;
    for (int64_t i = 0; i < 20; i++) {
        const ddpm_update update = ddpm_update_settings(&spec, i, 0, 1.0);
        const double two = ldexp(1.0, (int)i + 1);
        expect_near((double)update.correction1, two / (two - 1.0), 1e-7, "correction of the first moment", i);
        expect_near((double)update.correction2, two * two / (two * two - 1.0), 1e-7, "of the second moment", i);
    }
    fill_any(gradient, N, 2);
    make_arrays(&a);
    const ddpm_update first = ddpm_update_settings(&spec, 0, 0, 1.0);
    apply(&spec, &first, gradient, &a);
    for (int j = 0; j < N; j++)
        expect_near((double)a.parameters[j], gradient[j] > 0.0f ? -1.0 : 1.0, 1e-6, "first step of Adam", j);
}

/* The momentum of SGD stands in beta1; the learning rate and recoveries go through. */
static void test_settings(void **state)
{
    ddpm_update_spec spec = plain;
    (void)state;
    spec.momentum = 0.75;
    spec.epsilon = 0.125;
    spec.weight_decay = 0.5;
    const ddpm_update sgd = ddpm_update_settings(&spec, 3, 2, 1.0);
    assert_true(sgd.beta1 == 0.75f && sgd.learning_rate == 0.25f && sgd.epsilon == 0.125f && sgd.decay == 0.5f);
    spec.optimizer = DDPM_OPTIMIZER_ADAMW;
    assert_true(ddpm_update_settings(&spec, 3, 2, 1.0).beta1 == 0.9f);
}

static void test_warmup_of_the_average(void **state)
{
    ddpm_update_spec spec = plain;
    (void)state;
    spec.ema = 0.999;
    for (int64_t n = 1; n < 20000; n++) {
        const double warmup = (1.0 + (double)n) / (10.0 + (double)n);
        const double d = (double)ddpm_update_settings(&spec, n - 1, 0, 1.0).ema;
        expect_near(d, n < 8990 ? warmup : 0.999, 1e-7, "decay of the average", n); /* 8991 / 9000 = 0.999 */
    }
    spec.ema = 0.0;
    assert_true(ddpm_update_settings(&spec, 5, 0, 1.0).ema == 0.0f);
}

/* Let the average take in the parameters value(n), all the same, in updates 1 .. updates. */
static void average(const ddpm_update_spec *spec, int updates, double (*value)(int n), arrays *a)
{
    static const float none[N];
    for (int n = 1; n <= updates; n++) {
        const ddpm_update update = ddpm_update_settings(spec, n - 1, 0, 0.0);
        for (int i = 0; i < N; i++) a->parameters[i] = (float)value(n);
        apply(spec, &update, none, a);
    }
}

static double constant(int n)
{
    (void)n;
    return 1.625;
}

static double zero(int n)
{
    (void)n;
    return 0.0;
}

static double linear(int n)
{
    return (double)n;
}

static void test_average_of_a_constant(void **state)
{
    ddpm_update_spec spec = plain;
    arrays a;
    (void)state;
    spec.ema = 0.99;
    make_arrays(&a);
    for (int i = 0; i < N; i++) a.ema[i] = 1.625f;
    average(&spec, 2000, constant, &a);
    for (int i = 0; i < N; i++) expect_near((double)a.ema[i], 1.625, 1e-5, "average of a constant", i);
}

/* The weight of the initial parameters after n updates of the warm-up is the product of (1 + k) / (10 + k), k = 1 .. n:
 * (n + 1)! 10! / (n + 10)!, so 10! / ((n + 2) (n + 3) ... (n + 10)). */
static void test_the_beginning_is_forgotten(void **state)
{
    ddpm_update_spec spec = plain;
    (void)state;
    spec.ema = 0.9999;
    for (int n = 1; n <= 200; n += n < 20 ? 1 : 30) {
        arrays a;
        double expected = 3628800.0;
        for (int k = 2; k <= 10; k++) expected /= (double)(n + k);
        make_arrays(&a);
        for (int i = 0; i < N; i++) a.ema[i] = 1.0f;
        average(&spec, n, zero, &a);
        for (int i = 0; i < N; i++) expect_near((double)a.ema[i], expected, 1e-5 * expected, "weight of the start", n);
    }
}

/* With d <= 2 / 11 the warm-up never binds. The average of w_n = n from 0 is then n - c (1 - d^n), c = d / (1 - d). */
static void test_average_of_a_line(void **state)
{
    ddpm_update_spec spec = plain;
    const double d = 0.125, c = d / (1.0 - d);
    (void)state;
    spec.ema = d;
    for (int n = 1; n <= 100; n += 9) {
        arrays a;
        make_arrays(&a);
        average(&spec, n, linear, &a);
        for (int i = 0; i < N; i++)
            expect_near((double)a.ema[i], n - c * (1.0 - pow(d, n)), 1e-5 * n, "average of a line", n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_what_is_not_clipped),
        cmocka_unit_test(test_corrections),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_warmup_of_the_average),
        cmocka_unit_test(test_average_of_a_constant),
        cmocka_unit_test(test_the_beginning_is_forgotten),
        cmocka_unit_test(test_average_of_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
