/* Adam, AdamW, SGD and the average of the parameters against the published algorithms in double precision. */
#include "isa.h"

#include "kernel/optimizer.h"

enum { N = 37, STEPS = 300 };

typedef struct exact {
    double w, m1, m2, ema;
} exact;

static const double rate = 0.01, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0.05, average = 0.97, shrink = 0.5;

/* Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2 (without a schedule multiplier). */
static void exact_step(ddpm_optimizer optimizer, int step, double g, exact *e)
{
    g *= shrink;
    const double old = e->w;
    if (optimizer != DDPM_OPTIMIZER_ADAMW) g += decay * e->w;
    e->m1 = optimizer == DDPM_OPTIMIZER_SGD ? beta1 * e->m1 + g : beta1 * e->m1 + (1.0 - beta1) * g;
    e->m2 = beta2 * e->m2 + (1.0 - beta2) * g * g;
    if (optimizer == DDPM_OPTIMIZER_SGD)
        e->w -= rate * e->m1;
    else
        e->w -= rate * (e->m1 / (1.0 - pow(beta1, step))) / (sqrt(e->m2 / (1.0 - pow(beta2, step))) + epsilon);
    if (optimizer == DDPM_OPTIMIZER_ADAMW) e->w -= rate * decay * old;
    e->ema = average * e->ema + (1.0 - average) * e->w;
}

static double gradient_at(int64_t step, int64_t i)
{
    return (any_number(step * N + i) + 0.3) * pow(10.0, (double)(i % 7) - 5.0);
}

static void run(ddpm_optimizer optimizer)
{
    float w[N + 1], m1[N + 1] = {0}, m2[N + 1] = {0}, ema[N + 1], gradient[N + 1];
    exact e[N];
    for (int64_t i = 0; i <= N; i++) w[i] = ema[i] = (float)any_number(i);
    for (int64_t i = 0; i < N; i++) e[i] = (exact){.w = (double)w[i], .ema = (double)w[i]};
    const float end = w[N];
    for (int step = 1; step <= STEPS; step++) {
        const ddpm_update update = {.learning_rate = (float)rate,
                                    .shrink = (float)shrink,
                                    .beta1 = (float)beta1,
                                    .beta2 = (float)beta2,
                                    .correction1 = (float)(1.0 / (1.0 - pow(beta1, step))),
                                    .correction2 = (float)(1.0 / (1.0 - pow(beta2, step))),
                                    .epsilon = (float)epsilon,
                                    .decay = (float)decay,
                                    .ema = (float)average};
        for (int64_t i = 0; i < N; i++) {
            gradient[i] = (float)gradient_at(step, i);
            exact_step(optimizer, step, (double)gradient[i], &e[i]);
        }
        if (optimizer == DDPM_OPTIMIZER_ADAM) kernels->adam(N, &update, gradient, w, m1, m2, ema);
        if (optimizer == DDPM_OPTIMIZER_ADAMW) kernels->adamw(N, &update, gradient, w, m1, m2, ema);
        if (optimizer == DDPM_OPTIMIZER_SGD) kernels->sgd(N, &update, gradient, w, m1, m2, ema);
    }
    for (int64_t i = 0; i < N; i++) {
        const double moved = fabs(e[i].w - any_number(i));
        expect_near((double)w[i], e[i].w, 2e-5 + 1e-4 * moved, "parameter", i);
        expect_near((double)ema[i], e[i].ema, 2e-5 + 1e-4 * moved, "average", i);
        expect_near((double)m1[i], e[i].m1, 1e-4 * fabs(e[i].m1) + 1e-6, "first moment", i);
        if (optimizer != DDPM_OPTIMIZER_SGD)
            expect_near((double)m2[i], e[i].m2, 1e-4 * fabs(e[i].m2), "second moment", i);
    }
    assert_true(w[N] == end && m1[N] == 0.0f && ema[N] == end); /* nothing is written beyond the array */
}

static void test_against_double(void **state)
{
    (void)state;
    run(DDPM_OPTIMIZER_ADAM);
    run(DDPM_OPTIMIZER_ADAMW);
    run(DDPM_OPTIMIZER_SGD);
}

/* With a decay of 0, the average has the bits of the parameters. */
static void test_no_average(void **state)
{
    float w[N], m1[N] = {0}, m2[N] = {0}, ema[N] = {0}, gradient[N];
    const ddpm_update update = {.learning_rate = 0.1f,
                                .shrink = 1.0f,
                                .beta1 = 0.9f,
                                .beta2 = 0.99f,
                                .correction1 = 10.0f,
                                .correction2 = 100.0f};
    (void)state;
    fill_any(w, N, 1);
    fill_any(gradient, N, 2);
    kernels->adam(N, &update, gradient, w, m1, m2, ema);
    expect_bits(ema, w, sizeof w, "adam", 0);
    kernels->adamw(N, &update, gradient, w, m1, m2, ema);
    expect_bits(ema, w, sizeof w, "adamw", 0);
    kernels->sgd(N, &update, gradient, w, m1, m2, ema);
    expect_bits(ema, w, sizeof w, "sgd", 0);
}

/* A piece of the arrays that is updated alone has the bits of the whole, since pieces are shared among threads. */
static void test_pieces(void **state)
{
    float a[4][N], b[4][N], gradient[N];
    const ddpm_update update = {.learning_rate = 0.1f,
                                .shrink = 0.7f,
                                .beta1 = 0.9f,
                                .beta2 = 0.99f,
                                .correction1 = 10.0f,
                                .correction2 = 100.0f,
                                .epsilon = 1e-8f,
                                .decay = 0.1f,
                                .ema = 0.9f};
    (void)state;
    for (int k = 0; k < 4; k++) fill_any(a[k], N, k);
    for (int i = 0; i < N; i++) a[2][i] = fabsf(a[2][i]);
    memcpy(b, a, sizeof a);
    fill_any(gradient, N, 9);
    kernels->adam(N, &update, gradient, a[0], a[1], a[2], a[3]);
    for (int64_t at = 0; at < N; at += 5) {
        const int64_t n = N - at < 5 ? N - at : 5;
        kernels->adam(n, &update, gradient + at, b[0] + at, b[1] + at, b[2] + at, b[3] + at);
    }
    expect_bits(b, a, sizeof a, "pieces", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_double),
        cmocka_unit_test(test_no_average),
        cmocka_unit_test(test_pieces),
    };
    return RUN_ON_EVERY_ISA(tests);
}
