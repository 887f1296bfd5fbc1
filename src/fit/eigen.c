/* One-sided Jacobi: rotations from the left make the rows of A orthogonal. If R A has orthogonal rows for a rotation R,
 * then A = R' (R A), which for a symmetric A without negative eigenvalues means that the rows of R A are eigenvectors,
 * whose lengths are the eigenvalues. A BLAS would be faster, but its sums may depend on its number of threads. */
#include "fit/eigen.h"

#include "base/split.h"

#include <math.h>

enum { SWEEPS = 40 }; /* some ten are needed */

static double dot(int64_t n, const double *x, const double *y)
{
    enum { LANES = 8 }; /* sums side by side, so that no addition waits for the one before it */
    double lane[LANES] = {0}, sum = 0.0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) lane[k] += x[i + k] * y[i + k];
    for (; i < n; i++) sum += x[i] * y[i];
    for (int k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

/* Make two rows orthogonal. @return  whether they were not, to rounding. Rows that are 0 beside the largest ones are
 * left alone, since their directions are noise. */
static int rotate(int64_t n, double negligible, double *x, double *y)
{
    const double tolerance = 1e-14;
    const double xx = dot(n, x, x), yy = dot(n, y, y), xy = dot(n, x, y);
    if (xx <= negligible || yy <= negligible || fabs(xy) <= tolerance * sqrt(xx) * sqrt(yy)) return 0;
    const double zeta = (yy - xx) / (2.0 * xy);
    const double tangent = copysign(1.0, zeta) / (fabs(zeta) + sqrt(1.0 + zeta * zeta));
    const double cosine = 1.0 / sqrt(1.0 + tangent * tangent), sine = cosine * tangent;
    for (int64_t i = 0; i < n; i++) {
        const double from_x = x[i], from_y = y[i];
        x[i] = cosine * from_x - sine * from_y;
        y[i] = sine * from_x + cosine * from_y;
    }
    return 1;
}

/* Rotate every pair of rows once, in rounds of pairs that share no row: row 0 stays, and the others go round a circle
 * (a round-robin tournament). Where n is odd, one row of each round has no partner. @return  how many pairs moved. */
static int64_t sweep(int64_t n, double negligible, double *a, int threads)
{
    const int64_t seats = n + n % 2;
    int64_t moved = 0;
    for (int64_t round = 0; round < seats - 1; round++) {
#pragma omp parallel for num_threads(threads) reduction(+ : moved) schedule(static)
        for (int64_t pair = 0; pair < seats / 2; pair++) {
            const int64_t left = pair == 0 ? 0 : 1 + (round + pair - 1) % (seats - 1),
                          right = 1 + (round + seats - 2 - pair) % (seats - 1);
            const int64_t first = ddpm_smaller(left, right), second = ddpm_larger(left, right);
            if (second < n) moved += rotate(n, negligible, a + first * n, a + second * n);
        }
    }
    return moved;
}

static void swap_rows(int64_t n, double *x, double *y)
{
    for (int64_t i = 0; i < n; i++) {
        const double kept = x[i];
        x[i] = y[i];
        y[i] = kept;
    }
}

void ddpm_eigen_symmetric(int64_t n, double *a, double *value, int threads)
{
    double largest = 0.0;
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, dot(n, a + i * n, a + i * n));
    const double negligible = largest * 1e-28;
    for (int s = 0; s < SWEEPS && sweep(n, negligible, a, threads) > 0; s++) continue;
    for (int64_t i = 0; i < n; i++) {
        const double squares = dot(n, a + i * n, a + i * n);
        value[i] = squares > negligible ? sqrt(squares) : 0.0;
        for (int64_t j = 0; j < n; j++) a[i * n + j] *= value[i] > 0.0 ? 1.0 / value[i] : 0.0;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t best = i;
        for (int64_t k = i + 1; k < n; k++)
            if (value[k] > value[best]) best = k;
        if (best == i) continue;
        const double kept = value[i];
        value[i] = value[best];
        value[best] = kept;
        swap_rows(n, a + i * n, a + best * n);
    }
}
