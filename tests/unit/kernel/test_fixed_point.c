/* Sums in 64-bit fixed point: how they round, what they refuse, that their order does not matter, and how they are
 * collected as floats. */
#include "isa.h"

#include "kernel/gradient.h"

enum { N = 83 }; /* some whole vectors and a part of one on every instruction set */

static int add_fixed(int64_t n, const float *v, double scale, float limit, int64_t *sum)
{
    return kernels->add_fixed(n, v, (ddpm_fixed_sums){.sum = sum, .scale = scale, .limit = limit});
}

static int add_float(int64_t n, const float *v, float limit, float *sum)
{
    return kernels->add_float(n, v, (ddpm_float_sums){.sum = sum, .limit = limit});
}

static void test_rounding(void **state)
{
    static const int exponents[] = {-60, 0, 3, 30, 45};
    float v[N];
    int64_t sum[N];
    (void)state;
    for (int e = 0; e < 5; e++)
        for (int64_t series = 0; series < 50; series++) {
            const double scale = ldexp(1.0, exponents[e]);
            for (int64_t i = 0; i < N; i++) { /* every third number lies half way between two integers */
                const double at = any_number(series * N + i) * 0x1p20;
                v[i] = (float)((i % 3 ? at : floor(at) + 0.5) / scale);
                sum[i] = i;
            }
            const int64_t n = N - series;
            assert_int_equal(add_fixed(n, v, scale, (float)(0x1p50 / scale), sum), 0);
            for (int64_t i = 0; i < N; i++) assert_int_equal(sum[i], i + (i < n ? llrint((double)v[i] * scale) : 0));
        }
}

/* At every place of the array the largest contribution is added exactly, and the next float above it is refused. */
static void test_refusal(void **state)
{
    const float limit = 1024.0f;
    const float taken[] = {limit, -limit},
                refused[] = {nextafterf(limit, 1e9f), -nextafterf(limit, 1e9f), NAN, -NAN, INFINITY, -INFINITY, 3e38f};
    (void)state;
    for (int64_t i = 0; i < N; i++) {
        float v[N] = {0}, real[N] = {0};
        int64_t sum[N] = {0};
        for (int k = 0; k < 2; k++) {
            v[i] = taken[k];
            sum[i] = 0;
            assert_int_equal(add_fixed(N, v, 0x1p40, limit, sum), 0);
            assert_int_equal(sum[i], llrint((double)taken[k] * 0x1p40));
            assert_int_equal(add_float(N, v, limit, real), 0);
        }
        for (int k = 0; k < 7; k++) {
            v[i] = refused[k];
            assert_int_not_equal(add_fixed(N, v, 0x1p40, limit, sum), 0);
            assert_int_not_equal(add_float(N, v, limit, real), 0);
        }
    }
}

/* In any order and any grouping the sum is the same, and exact. */
static void test_order(void **state)
{
    enum { PARTS = 200 };
    static float v[PARTS][N];
    int64_t forward[N] = {0}, backward[N] = {0}, odd[N] = {0}, exact[N] = {0};
    (void)state;
    fill_any(v[0], (int64_t)PARTS * N, 1);
    for (int p = 0; p < PARTS; p++) {
        assert_int_equal(add_fixed(N, v[p], 0x1p40, 1024.0f, forward), 0);
        assert_int_equal(add_fixed(N, v[PARTS - 1 - p], 0x1p40, 1024.0f, p % 3 ? backward : odd), 0);
        for (int i = 0; i < N; i++) exact[i] += llrint((double)v[p][i] * 0x1p40);
    }
    kernels->merge_fixed(N, odd, backward);
    expect_bits(forward, exact, sizeof exact, "forward", 0);
    expect_bits(backward, exact, sizeof exact, "backward", 0);
    for (int i = 0; i < N; i++) assert_int_equal(odd[i], 0);
}

static void test_collect(void **state)
{
    int64_t sum[N];
    float v[N], real[N], largest, largest_float;
    double squares, squares_float, expected = 0.0, most = 0.0;
    (void)state;
    for (int64_t n = 0; n <= N; n++) {
        expected = most = 0.0;
        for (int64_t i = 0; i < N; i++) sum[i] = (int64_t)(any_number(i) * 0x1p60);
        kernels->collect_fixed(n, sum, 0x1p-40, v, &squares, &largest);
        for (int64_t i = 0; i < N; i++) {
            const int64_t was = (int64_t)(any_number(i) * 0x1p60);
            assert_int_equal(sum[i], i < n ? 0 : was);
            if (i >= n) continue;
            assert_true(v[i] == (float)((double)was * 0x1p-40));
            expected += (double)v[i] * (double)v[i];
            most = fmax(most, fabs((double)v[i]));
        }
        expect_near(squares, expected, 1e-14 * expected, "squares", n);
        assert_true((double)largest == most);
        kernels->collect_float(n, v, real, &squares_float, &largest_float);
        expect_bits(real, v, (size_t)n * sizeof *v, "float", n);
        assert_true(squares_float == squares && largest_float == largest);
    }
}

static void test_float_sums(void **state)
{
    float a[N], b[N], sum[N] = {0}, other[N] = {0};
    (void)state;
    fill_any(a, N, 1);
    fill_any(b, N, 2);
    assert_int_equal(add_float(N, a, 2.0f, sum), 0);
    assert_int_equal(add_float(N, b, 2.0f, other), 0);
    kernels->merge_float(N, other, sum);
    for (int i = 0; i < N; i++) assert_true(sum[i] == a[i] + b[i] && other[i] == 0.0f);
}

/* Refusals are counted for each tensor, and depend on the scale of that tensor. */
static void test_accumulator(void **state)
{
    int64_t fixed[6] = {0}, refused[2] = {0};
    const int32_t exponent[2] = {40, -20};
    const float small[3] = {1.0f, -2.0f, 1024.0f}, large[3] = {1025.0f, 0.0f, 0.0f},
                huge[3] = {0x1p65f, 0x1p70f, -0x1p70f}, wrong[3] = {0.0f, 0.0f, NAN};
    ddpm_gradient gradient = {
        .kernels = kernels, .fixed = fixed, .exponent = exponent, .limit = 0x1p50, .refused = refused};
    (void)state;
    ddpm_gradient_add(&gradient, 0, 0, 3, small);
    ddpm_gradient_add(&gradient, 1, 3, 3, huge);
    assert_int_equal(refused[0], 0);
    assert_int_equal(refused[1], 0);
    assert_int_equal(fixed[1], -(INT64_C(2) << 40));
    assert_int_equal(fixed[3], INT64_C(1) << 45);
    assert_int_equal(fixed[5], -(INT64_C(1) << 50));
    ddpm_gradient_add(&gradient, 0, 0, 3, large);
    ddpm_gradient_add(&gradient, 1, 3, 3, wrong);
    ddpm_gradient_add(&gradient, 1, 3, 3, wrong);
    assert_int_not_equal(refused[0], 0);
    assert_int_not_equal(refused[1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding), cmocka_unit_test(test_refusal),    cmocka_unit_test(test_order),
        cmocka_unit_test(test_collect),  cmocka_unit_test(test_float_sums), cmocka_unit_test(test_accumulator),
    };
    return RUN_ON_EVERY_ISA(tests);
}
