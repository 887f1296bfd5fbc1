/* The toy problems: that points lie on their curves, their moments, and that a row depends on seed and number alone. */
#include "expect.h"

#include "model/toy.h"

#include <stdlib.h>

static const double pi = 3.14159265358979323846;

enum { N = 20000 };

static float points[N * 3], others[N * 3], label[N];

/* A point without noise lies on the curve at its label. Of two moons the label gives no angle, so only the distance
 * from the circle is checked. */
static void expect_on_curve(ddpm_toy kind, const float *point, double t, int64_t row)
{
    const double x = (double)point[0], y = (double)point[1], z = (double)point[2];
    switch (kind) {
    case DDPM_TOY_SWISS_ROLL:
        expect_near(x, t * cos(t), 2e-5, "x of the roll", row);
        expect_near(z, t * sin(t), 2e-5, "z of the roll", row);
        assert_true(t >= 1.5 * pi - 1e-6 && t <= 4.5 * pi + 1e-6 && y >= 0.0 && y <= 21.0);
        break;
    case DDPM_TOY_TWO_MOONS:
        assert_true(t == 0.0 || t == 1.0);
        expect_near(t == 0.0 ? hypot(x, z) : hypot(x - 1.0, z - 0.5), 1.0, 1e-6, "radius of a moon", row);
        assert_true((t == 0.0 ? z >= 0.0 : z <= 0.5) && y == 0.0);
        break;
    case DDPM_TOY_S_CURVE:
    case DDPM_TOY_COUNT:
        expect_near(x, sin(t), 1e-6, "x of the S", row);
        expect_near(z, t < 0.0 ? 1.0 - cos(t) : cos(t) - 1.0, 1e-6, "z of the S", row);
        assert_true(fabs(t) <= 1.5 * pi + 1e-6 && y >= 0.0 && y <= 2.0);
        break;
    }
}

static void test_without_noise(void **state)
{
    (void)state;
    for (int kind = 0; kind < DDPM_TOY_COUNT; kind++) {
        ddpm_toy_rows((ddpm_toy)kind, 3, 0.0, 5, 0, N, points, label);
        for (int64_t i = 0; i < N; i++) expect_on_curve((ddpm_toy)kind, points + 3 * i, (double)label[i], i);
    }
}

static double mean_of(const float *x, int64_t stride, double *variance)
{
    double sum = 0.0, squares = 0.0;
    for (int64_t i = 0; i < N; i++) sum += (double)x[i * stride];
    for (int64_t i = 0; i < N; i++) squares += pow((double)x[i * stride] - sum / N, 2.0);
    *variance = squares / N;
    return sum / N;
}

/* Labels and heights are uniform over their whole ranges. */
static void test_moments(void **state)
{
    static const struct {
        double low, high, depth;
    } range[DDPM_TOY_COUNT] = {[DDPM_TOY_SWISS_ROLL] = {1.5, 4.5, 21.0}, [DDPM_TOY_S_CURVE] = {-1.5, 1.5, 2.0}};
    double variance;
    (void)state;
    for (int kind = 0; kind < DDPM_TOY_COUNT; kind++) {
        const double low = pi * range[kind].low, wide = pi * range[kind].high - low, depth = range[kind].depth;
        ddpm_toy_rows((ddpm_toy)kind, 3, 0.0, 6, 0, N, points, label);
        if (kind == DDPM_TOY_TWO_MOONS) {
            expect_near(mean_of(label, 1, &variance), 0.5, 5.0 * 0.5 / sqrt(N), "share of the second moon", kind);
            expect_near(mean_of(points, 3, &variance), 0.5, 5.0 * 0.87 / sqrt(N), "mean x", kind);
            expect_near(mean_of(points + 2, 3, &variance), 0.25, 5.0 * 0.5 / sqrt(N), "mean z", kind);
            continue;
        }
        expect_near(mean_of(label, 1, &variance), low + wide / 2.0, 5.0 * wide / sqrt(12.0 * N), "mean label", kind);
        expect_near(variance, wide * wide / 12.0, 0.03 * wide * wide / 12.0, "variance of the label", kind);
        expect_near(mean_of(points + 1, 3, &variance), depth / 2.0, 5.0 * depth / sqrt(12.0 * N), "mean y", kind);
        expect_near(variance, depth * depth / 12.0, 0.03 * depth * depth / 12.0, "variance of y", kind);
    }
}

/* The noise of every coordinate has the deviation that is asked for, and does not depend on the place. */
static void test_noise(void **state)
{
    static float difference[N * 3];
    (void)state;
    for (int kind = 0; kind < DDPM_TOY_COUNT; kind++) {
        double variance[3];
        ddpm_toy_rows((ddpm_toy)kind, 3, 0.0, 7, 0, N, points, NULL);
        ddpm_toy_rows((ddpm_toy)kind, 3, 0.25, 7, 0, N, others, label);
        for (int64_t i = 0; i < N * 3; i++) difference[i] = others[i] - points[i];
        for (int j = 0; j < 3; j++) {
            expect_near(mean_of(difference + j, 3, &variance[j]), 0.0, 5.0 * 0.25 / sqrt(N), "mean noise", j);
            expect_near(sqrt(variance[j]), 0.25, 5.0 * 0.25 / sqrt(2.0 * N), "deviation of the noise", j);
            for (int k = 0; k < j; k++) {
                double both = 0.0;
                for (int64_t i = 0; i < N; i++) both += (double)difference[3 * i + j] * (double)difference[3 * i + k];
                expect_near(both / N, 0.0, 5.0 * 0.0625 / sqrt(N), "covariance of the noise", 3 * j + k);
            }
        }
    }
}

static void test_plane(void **state)
{
    (void)state;
    for (int kind = 0; kind < DDPM_TOY_COUNT; kind++) {
        ddpm_toy_rows((ddpm_toy)kind, 3, 0.1, 8, 0, 500, points, NULL);
        ddpm_toy_rows((ddpm_toy)kind, 2, 0.1, 8, 0, 500, others, NULL);
        for (int64_t i = 0; i < 500; i++) {
            expect_bits(others + 2 * i, points + 3 * i, sizeof(float), "x", i);
            expect_bits(others + 2 * i + 1, points + 3 * i + 2, sizeof(float), "z", i);
        }
    }
}

static void test_rows_stand_alone(void **state)
{
    const int64_t far = (INT64_C(1) << 32) - 50; /* so that the rows lie on both sides of 2^32 */
    float point[3], own;
    (void)state;
    for (int kind = 0; kind < DDPM_TOY_COUNT; kind++) {
        ddpm_toy_rows((ddpm_toy)kind, 3, 0.1, 9, far, 100, points, label);
        for (int64_t i = 0; i < 100; i++) {
            ddpm_toy_rows((ddpm_toy)kind, 3, 0.1, 9, far + i, 1, point, &own);
            expect_bits(point, points + 3 * i, sizeof point, "row", i);
            expect_bits(&own, label + i, sizeof own, "label", i);
        }
        ddpm_toy_rows((ddpm_toy)kind, 3, 0.1, 10, far, 100, others, NULL);
        assert_memory_not_equal(others, points, 12 * sizeof(float)); /* they are of another seed */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_noise), cmocka_unit_test(test_moments),          cmocka_unit_test(test_noise),
        cmocka_unit_test(test_plane),         cmocka_unit_test(test_rows_stand_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
