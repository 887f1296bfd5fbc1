/* Normal numbers: each against Box and Muller's formula in double, and their distribution. */
#include "isa.h"

#include "kernel/normal.h"

enum { N = 1000000, COLUMNS = 5 };

static float numbers[N];

static double exact(uint32_t a, uint32_t b, double *sine)
{
    const double radius = sqrt(-2.0 * log(ddpm_random_uniform(a)));
    const double angle = 2.0 * 3.14159265358979323846 * ddpm_random_uniform(b);
    *sine = radius * sin(angle);
    return radius * cos(angle);
}

/* The uniform number is a float: off by 2^-25 just below 1, where the radius is steep. */
static double allowed(uint32_t a)
{
    const double u = ddpm_random_uniform(a), radius = sqrt(-2.0 * log(u));
    return 2e-6 + fmin(0x1p-25 / (radius * u), 3.5e-4) * (u > 0.5);
}

static void test_formula(void **state)
{
    enum { PAIRS = 20003 };
    static uint32_t a[PAIRS], b[PAIRS];
    static float cosine[PAIRS], sine[PAIRS];
    static const uint32_t edge[] = {0,          1,          0xffff,     0x10000,    0x1fffffff, 0x20000000,
                                    0x7fffffff, 0x80000000, 0xdfffffff, 0xe0000000, 0xfffffffe, 0xffffffff};
    (void)state;
    for (int64_t i = 0; i < PAIRS; i++) {
        const ddpm_random4 words = ddpm_random_words(3, DDPM_RANDOM_NOISE, 0, i, 0);
        a[i] = i < 144 ? edge[i / 12] : words.v[0];
        b[i] = i < 144 ? edge[i % 12] : words.v[1];
    }
    kernels->normal(PAIRS, a, b, cosine, sine);
    for (int64_t i = 0; i < PAIRS; i++) {
        double s;
        const double c = exact(a[i], b[i], &s);
        assert_true(isfinite(cosine[i]) && isfinite(sine[i]));
        expect_near((double)cosine[i], c, allowed(a[i]), "cosine part", i);
        expect_near((double)sine[i], s, allowed(a[i]), "sine part", i);
    }
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void test_distribution(void **state)
{
    double moment[5] = {0}, distance = 0.0, products[COLUMNS] = {0};
    (void)state;
    ddpm_normal_rows(kernels, (ddpm_normal_stream){11, DDPM_RANDOM_NOISE, 4}, 0,
                     ddpm_matrix_dense(numbers, N / COLUMNS, COLUMNS));
    for (int64_t i = 0; i < N; i++) {
        double power = 1.0;
        for (int k = 1; k < 5; k++) moment[k] += (power *= (double)numbers[i]);
        for (int64_t lag = 1; lag < COLUMNS && i + lag < N; lag++)
            products[lag] += (double)numbers[i] * (double)numbers[i + lag];
    }
    expect_near(moment[1] / N, 0.0, 4.0 / sqrt(N), "mean", 1);
    expect_near(moment[2] / N, 1.0, 4.0 * sqrt(2.0 / N), "variance", 2);
    expect_near(moment[3] / N, 0.0, 4.0 * sqrt(15.0 / N), "third moment", 3);
    expect_near(moment[4] / N, 3.0, 4.0 * sqrt(96.0 / N), "fourth moment", 4);
    for (int lag = 1; lag < COLUMNS; lag++) expect_near(products[lag] / N, 0.0, 4.0 / sqrt(N), "correlation", lag);
    qsort(numbers, N, sizeof numbers[0], compare);
    for (int64_t i = 0; i < N; i++) {
        const double p = 0.5 * erfc(-(double)numbers[i] / sqrt(2.0));
        distance = fmax(distance, fmax(fabs(p - (double)i / N), fabs(p - (double)(i + 1) / N)));
    }
    expect_near(distance * sqrt(N), 0.0, 1.95, "Kolmogorov-Smirnov", 0); /* exceeded once in 1000 */
}

/* A row is the same whatever is drawn with it, whatever its width beyond; from the words of its own lanes. */
static void test_rows_stand_alone(void **state)
{
    static const int64_t widths[] = {1, 2, 3, 4, 5, 64, 511, 512, 513, 514, 1100};
    static float whole[40 * 1100], part[40 * 1100];
    const int64_t far = (INT64_C(1) << 32) - 20;
    (void)state;
    for (int w = 0; w < 11; w++) {
        const int64_t d = widths[w];
        ddpm_normal_rows(kernels, (ddpm_normal_stream){5, DDPM_RANDOM_START, 6}, far, ddpm_matrix_dense(whole, 40, d));
        for (int64_t first = 0; first < 40; first += 7) {
            const int64_t rows = 40 - first < 9 ? 40 - first : 9;
            ddpm_normal_rows(kernels, (ddpm_normal_stream){5, DDPM_RANDOM_START, 6}, far + first,
                             ddpm_matrix_dense(part, rows, d));
            expect_bits(part, whole + first * d, (size_t)(rows * d) * sizeof *part, "rows", d);
        }
        for (int64_t row = 0; row < 40; row += 13)
            for (int64_t j = 0; j < d; j++) {
                const ddpm_random4 words = ddpm_random_words(5, DDPM_RANDOM_START, 6, far + row, (uint32_t)(j / 4));
                const uint32_t a = words.v[j % 4 / 2 * 2], b = words.v[j % 4 / 2 * 2 + 1];
                double sine;
                const double cosine = exact(a, b, &sine);
                expect_near((double)whole[row * d + j], j % 2 ? sine : cosine, allowed(a), "column", j);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_rows_stand_alone),
    };
    return RUN_ON_EVERY_ISA(tests);
}
