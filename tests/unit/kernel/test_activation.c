/* Activation functions and slopes against the C library in double precision. The table of tolerances below is what the
 * kernels promise. */
#include "isa.h"

enum { SWEEP = 400000, EXTREMES = 18 };

static float z[SWEEP + EXTREMES], h[SWEEP + EXTREMES], slope[SWEEP + EXTREMES], only_h[SWEEP + EXTREMES];

static const float extremes[EXTREMES] = {0.0f,   -0.0f, 1e-30f, -1e-30f, 1e-10f, -1e-10f, 0.625f,  -0.625f, 50.0f,
                                         -50.0f, 87.3f, -87.3f, 88.5f,   -88.5f, 104.0f,  -104.0f, 200.0f,  -200.0f};

static double sigmoid(double x)
{
    return x < 0.0 ? exp(x) / (1.0 + exp(x)) : 1.0 / (1.0 + exp(-x));
}

static double value_of(ddpm_activation activation, double x, double *d)
{
    const double s = sigmoid(x), p = 0.5 * erfc(-x / sqrt(2.0));
    switch (activation) {
    case DDPM_ACTIVATION_RELU:
        *d = x > 0.0;
        return fmax(x, 0.0);
    case DDPM_ACTIVATION_LEAKY_RELU:
        *d = x > 0.0 ? 1.0 : 0.01;
        return x * *d;
    case DDPM_ACTIVATION_SILU:
        *d = s + x * s * (1.0 - s);
        return x * s;
    case DDPM_ACTIVATION_GELU:
        *d = p + x * exp(-0.5 * x * x) / sqrt(2.0 * 3.14159265358979323846);
        return x * p;
    case DDPM_ACTIVATION_TANH:
        *d = 1.0 - tanh(x) * tanh(x);
        return tanh(x);
    case DDPM_ACTIVATION_SOFTPLUS:
        *d = s;
        return fmax(x, 0.0) + log1p(exp(-fabs(x)));
    case DDPM_ACTIVATION_IDENTITY:
    case DDPM_ACTIVATION_COUNT:
        break;
    }
    *d = 1.0;
    return x;
}

/* The largest error of a value, relative and absolute, of which one must hold; and of the slope, absolute. */
static const struct {
    double relative, absolute, slope;
} allowed[DDPM_ACTIVATION_COUNT] = {
    [DDPM_ACTIVATION_IDENTITY] = {0, 0, 0},
    [DDPM_ACTIVATION_RELU] = {0, 0, 0},
    [DDPM_ACTIVATION_LEAKY_RELU] = {2e-7, 0, 1e-9},
    [DDPM_ACTIVATION_SILU] = {4e-7, 2e-36,
                              1.2e-6}, /* the rounding of 1 - s, by 2^-24, is multiplied by z in the slope */
    [DDPM_ACTIVATION_GELU] = {4e-7, 4e-7, 4e-7},
    [DDPM_ACTIVATION_TANH] = {2e-7, 0, 2e-7},
    [DDPM_ACTIVATION_SOFTPLUS] = {3e-7, 2e-38, 2e-7},
};

/* Numbers that are spread evenly over -20..20, then over all sizes from 1e-8 to 100. */
static void fill_sweep(void)
{
    for (int i = 0; i < SWEEP; i++) {
        const double at = (double)i / SWEEP, sign = i % 2 ? -1.0 : 1.0;
        z[i] = (float)(i % 4 < 2 ? 40.0 * at - 20.0 : sign * 1e-8 * pow(10.0, 10.0 * at));
    }
    memcpy(z + SWEEP, extremes, sizeof extremes);
}

static void test_accuracy(void **state)
{
    (void)state;
    fill_sweep();
    for (int a = 0; a < DDPM_ACTIVATION_COUNT; a++) {
        kernels->activate(SWEEP + EXTREMES, (ddpm_activation)a, z, h, slope);
        kernels->activate(SWEEP + EXTREMES, (ddpm_activation)a, z, only_h, NULL);
        expect_bits(only_h, h, sizeof h, "value without slope", a);
        for (int i = 0; i < SWEEP + EXTREMES; i++) {
            double d;
            const double v = value_of((ddpm_activation)a, (double)z[i], &d);
            assert_true(isfinite(h[i]) && isfinite(slope[i]));
            const double error = fabs((double)h[i] - v);
            if (error > allowed[a].absolute && error > allowed[a].relative * fabs(v))
                fail_msg("activation %d of %g: %.9g, expected %.9g", a, (double)z[i], (double)h[i], v);
            expect_near((double)slope[i], d, allowed[a].slope, "slope of", a);
        }
    }
}

static void test_limits(void **state)
{
    static const float far[] = {-200.0f, 200.0f, -1e6f, 1e6f, -1e30f, 1e30f};
    (void)state;
    for (int a = 0; a < DDPM_ACTIVATION_COUNT; a++) {
        kernels->activate(6, (ddpm_activation)a, far, h, slope);
        const double left = a == DDPM_ACTIVATION_IDENTITY     ? -200.0
                            : a == DDPM_ACTIVATION_LEAKY_RELU ? -2.0
                            : a == DDPM_ACTIVATION_TANH       ? -1.0
                                                              : 0.0;
        expect_near((double)h[0], left, 1e-30, "left limit", a);
        assert_true(h[1] == (a == DDPM_ACTIVATION_TANH ? 1.0f : 200.0f));
        assert_true(slope[1] == (a == DDPM_ACTIVATION_TANH ? 0.0f : 1.0f));
        for (int i = 2; i < 6; i++) {
            double d;
            const double v = value_of((ddpm_activation)a, (double)far[i], &d);
            expect_near((double)h[i], v, 1e-8 + 2e-7 * fabs(v), "far out", a);
            expect_near((double)slope[i], d, 1e-8, "slope far out", a);
        }
    }
}

/* NaN must stay NaN: if it became a number, training would go on with it unnoticed. */
static void test_not_a_number(void **state)
{
    float in[19];
    (void)state;
    for (int a = 0; a < DDPM_ACTIVATION_COUNT; a++)
        for (int i = 0; i < 19; i++) {
            for (int j = 0; j < 19; j++) in[j] = j == i ? NAN : 0.5f;
            kernels->activate(19, (ddpm_activation)a, in, h, slope);
            for (int j = 0; j < 19; j++)
                if (!isnan(h[j]) != (j != i))
                    fail_msg("activation %d turns element %d of NaN at %d into %g", a, j, i, (double)h[j]);
        }
}

/* Arrays of any length get the same values, and nothing is written beyond their end. */
static void test_lengths(void **state)
{
    (void)state;
    fill_sweep();
    kernels->activate(70, DDPM_ACTIVATION_GELU, z, h, slope);
    for (int64_t n = 0; n <= 70; n++) {
        float part[72], part_slope[72];
        part[n] = part_slope[n] = 7.0f;
        kernels->activate(n, DDPM_ACTIVATION_GELU, z, part, part_slope);
        expect_bits(part, h, (size_t)n * sizeof *h, "value", n);
        expect_bits(part_slope, slope, (size_t)n * sizeof *h, "slope", n);
        assert_true(part[n] == 7.0f && part_slope[n] == 7.0f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_lengths),
    };
    return RUN_ON_EVERY_ISA(tests);
}
