/* Probabilities against double precision, at any number of classes; and that what is not finite is not hidden. */
#include "isa.h"

enum { MOST = 300 };

static void test_probabilities(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= MOST; n += 1 + n / 7) {
        float z[MOST], p[MOST + 1];
        double all = 0.0;
        fill_any(z, n, n);
        for (int64_t k = 0; k < n; k++) z[k] = 20.0f * z[k] + 300.0f;
        p[n] = 77.0f;
        const double found = kernels->softmax(n, z, p);
        for (int64_t k = 0; k < n; k++) all += exp((double)z[k] - 300.0);
        expect_near(found, log(all) + 300.0, 3e-5, "logarithm of the sum", n);
        for (int64_t k = 0; k < n; k++)
            expect_near((double)p[k], exp((double)z[k] - 300.0) / all, 2e-6, "probability", k);
        assert_true(p[n] == 77.0f);
    }
}

static void test_not_finite(void **state)
{
    static const float bad[] = {NAN, INFINITY};
    (void)state;
    for (int i = 0; i < 2; i++)
        for (int at = 0; at < 20; at++) {
            float z[20] = {0}, p[20];
            z[at] = bad[i];
            assert_true(!isfinite(kernels->softmax(20, z, p)));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_probabilities), TEST(test_not_finite)};
    return RUN_ON_EVERY_ISA(tests);
}
