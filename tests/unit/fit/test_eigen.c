/* Eigenvectors of matrices that are made from known ones. */
#include "expect.h"

#include "base/memory.h"
#include "fit/eigen.h"

#include <stdlib.h>

enum { MOST = 64 };

static double basis[MOST * MOST], made[MOST * MOST], a[MOST * MOST], value[MOST], expected[MOST];

/* Orthogonal rows, by Gram and Schmidt's procedure done twice. */
static void make_basis(int64_t n, int64_t series)
{
    for (int64_t k = 0; k < n; k++) {
        double *row = basis + k * n, square = 0.0;
        for (int64_t j = 0; j < n; j++) row[j] = any_number(series * 1000000 + k * n + j);
        for (int twice = 0; twice < 2; twice++)
            for (int64_t l = 0; l < k; l++) {
                double along = 0.0;
                for (int64_t j = 0; j < n; j++) along += row[j] * basis[l * n + j];
                for (int64_t j = 0; j < n; j++) row[j] -= along * basis[l * n + j];
            }
        for (int64_t j = 0; j < n; j++) square += row[j] * row[j];
        for (int64_t j = 0; j < n; j++) row[j] /= sqrt(square);
    }
}

static int falling(const void *x, const void *y)
{
    const double a_ = *(const double *)x, b_ = *(const double *)y;
    return (a_ < b_) - (a_ > b_);
}

/* The matrix with the eigenvalues `expected`, which are sorted, along a random basis. */
static void make_matrix(int64_t n, int64_t series)
{
    make_basis(n, series);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i; j < n; j++) {
            double sum = 0.0;
            for (int64_t k = 0; k < n; k++) sum += expected[k] * basis[k * n + i] * basis[k * n + j];
            made[i * n + j] = made[j * n + i] = sum;
        }
    qsort(expected, (size_t)n, sizeof *expected, falling);
}

/* Eigenvalues fall and are the expected ones; vectors are orthogonal and belong to them. Vectors of eigenvalues that
 * are 0 to rounding are 0. */
static void check(int64_t n, int64_t where)
{
    const double largest = expected[0] > 0.0 ? expected[0] : 1.0;
    memcpy(a, made, sizeof a);
    ddpm_eigen_symmetric(n, a, value, 1);
    for (int64_t k = 0; k < n; k++) {
        const double *row = a + k * n;
        expect_near(value[k], expected[k], 2e-13 * largest, "eigenvalue", where * 100 + k);
        if (k > 0) assert_true(value[k] <= value[k - 1]);
        if (value[k] < 1e-10 * largest) continue; /* near rounding, a direction is noise */
        for (int64_t l = 0; l <= k; l++) {
            double along = 0.0;
            for (int64_t j = 0; j < n; j++) along += row[j] * a[l * n + j];
            expect_near(along, l == k ? 1.0 : 0.0, 1e-12, "product of vectors", where * 10000 + k * 100 + l);
        }
        for (int64_t i = 0; i < n; i++) {
            double sum = 0.0;
            for (int64_t j = 0; j < n; j++) sum += made[i * n + j] * row[j];
            expect_near(sum, value[k] * row[i], 1e-12 * largest, "residual", where * 100 + k);
        }
    }
}

static const int64_t sizes[] = {1, 2, 3, 17, MOST};

static void test_distinct(void **state)
{
    (void)state;
    for (int s = 0; s < 5; s++)
        for (int64_t series = 0; series < 3; series++) {
            for (int64_t k = 0; k < sizes[s]; k++) expected[k] = exp(2.0 * any_number(900 + k + 100 * series));
            make_matrix(sizes[s], series + 1);
            check(sizes[s], s);
        }
}

/* Eigenvalues over many orders of magnitude. */
static void test_graded(void **state)
{
    (void)state;
    for (int s = 0; s < 5; s++) {
        for (int64_t k = 0; k < sizes[s]; k++) expected[k] = pow(10.0, 2.0 - 9.0 * (double)k / (double)sizes[s]);
        make_matrix(sizes[s], 5);
        check(sizes[s], s);
    }
}

/* The vectors of a repeated eigenvalue are any basis of their space. */
static void test_repeated(void **state)
{
    (void)state;
    for (int s = 0; s < 5; s++)
        for (int kinds = 1; kinds <= 3; kinds++) {
            for (int64_t k = 0; k < sizes[s]; k++) expected[k] = 1.0 + (double)(k % kinds);
            make_matrix(sizes[s], 6);
            check(sizes[s], 10 * s + kinds);
        }
}

static void test_rank_deficient(void **state)
{
    (void)state;
    for (int s = 0; s < 5; s++)
        for (int64_t rank = 0; rank < sizes[s]; rank += 1 + sizes[s] / 4) {
            for (int64_t k = 0; k < sizes[s]; k++) expected[k] = k < rank ? 2.0 + (double)k : 0.0;
            make_matrix(sizes[s], 7);
            check(sizes[s], 10 * s + rank);
        }
}

/* A diagonal matrix needs no rotation: its vectors are unit vectors, to the bit. */
static void test_diagonal(void **state)
{
    const double diagonal[4] = {0.5, 3.0, 0.0, 2.0};
    const int order[4] = {1, 3, 0, 2};
    double d[16] = {0.0}, v[4];
    (void)state;
    for (int i = 0; i < 4; i++) d[5 * i] = diagonal[i];
    ddpm_eigen_symmetric(4, d, v, 2);
    for (int k = 0; k < 4; k++) {
        assert_true(v[k] == diagonal[order[k]]);
        for (int j = 0; j < 4; j++) assert_true(d[4 * k + j] == (j == order[k] && v[k] > 0.0 ? 1.0 : 0.0));
    }
}

static void test_same_bits_at_any_threads(void **state)
{
    static double one[MOST * MOST], one_value[MOST];
    static const int threads[] = {2, 3, 5};
    (void)state;
    for (int s = 0; s < 5; s++) {
        const int64_t n = sizes[s];
        for (int64_t k = 0; k < n; k++) expected[k] = k % 3 ? 1.0 + any_number(k) : 0.0;
        make_matrix(n, 8);
        memcpy(one, made, sizeof one);
        ddpm_eigen_symmetric(n, one, one_value, 1);
        for (int i = 0; i < 3; i++) {
            memcpy(a, made, sizeof a);
            ddpm_eigen_symmetric(n, a, value, threads[i]);
            expect_bits(a, one, (size_t)(n * n) * sizeof *a, "vectors", threads[i]);
            expect_bits(value, one_value, (size_t)n * sizeof *value, "values", threads[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_distinct),       TEST(test_graded),   TEST(test_repeated),
        TEST(test_rank_deficient), TEST(test_diagonal), TEST(test_same_bits_at_any_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
