/* The normal distribution function and its inverse. */
#include "model/normal_distribution.h"

#include "model/constants.h"

#include <math.h>

double ddpm_normal_share(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

/* Newton's method on the logarithm of p, which is concave, so that no step can miss. By symmetry p is at most 1/2. */
double ddpm_normal_quantile(double p)
{
    const double least = p > 0.5 ? 1.0 - p : p;
    if (least <= 0.0) return p > 0.5 ? INFINITY : -INFINITY;
    double x = 0.0, before = 1.0;
    for (int i = 0; i < 60 && fabs(x - before) > 1e-15 * fabs(x); i++) {
        const double below = ddpm_normal_share(x), density = exp(-0.5 * x * x) / sqrt(2.0 * DDPM_PI);
        before = x;
        x -= below / density * log(below / least);
    }
    return p > 0.5 ? -x : x;
}
