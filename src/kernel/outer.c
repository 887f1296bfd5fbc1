/* Element by element, so that the bits do not depend on how the elements are divided. Plain loops, written such that a
 * compiler makes vectors of them: without calls and branches. */
#include "kernel/outer.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { EXPONENT_MOST = 120 /* so that 2^exponent is a float; smaller numbers than 2^-120 may become 0 */ };

void ddpm_outer_prepare(ddpm_outer_kind kind, int64_t n, const float *x, const float *before, float *out)
{
    switch (kind) {
    case DDPM_OUTER_CHANGE:
        for (int64_t i = 0; i < n; i++) out[i] = x[i] - before[i];
        break;
    case DDPM_OUTER_MOMENT2:
        for (int64_t i = 0; i < n; i++) out[i] = sqrtf(x[i]);
        break;
    case DDPM_OUTER_MOMENT1:
    case DDPM_OUTER_KINDS:
        memcpy(out, x, (size_t)n * sizeof *x);
        break;
    }
}

int32_t ddpm_outer_largest(int64_t n, const float *x)
{
    int32_t largest = 0;
    for (int64_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= INT32_MAX; /* without the sign */
        largest = bits > largest ? bits : largest;
    }
    return largest;
}

int ddpm_outer_exponent(int32_t largest, int64_t workers)
{
    float value;
    int bits = 0;
    memcpy(&value, &largest, sizeof value);
    if (value == 0.0f) return 0;
    while (INT64_C(1) << bits < workers) bits++;
    const int exponent = DDPM_OUTER_BITS - bits - 1 - ilogbf(value);
    return exponent < EXPONENT_MOST ? exponent : EXPONENT_MOST;
}

/* Round to the nearest whole number, a tie to the even one: beyond 2^52 the last bit of a double is worth 1. */
static inline double nearest(double x)
{
    const double shift = 0x1.8p52;
    return (x + shift) - shift;
}

void ddpm_outer_add(ddpm_outer_kind kind, int64_t n, const float *x, int exponent, int32_t *sums)
{
    const float scale = ldexpf(1.0f, exponent);
    if (kind == DDPM_OUTER_MOMENT2)
        for (int64_t i = 0; i < n; i++) {
            const double value = (double)(x[i] * scale), whole = nearest(value);
            sums[i] += (int32_t)(whole + (whole < value ? 1.0 : 0.0)); /* rounded up */
        }
    else
        for (int64_t i = 0; i < n; i++) sums[i] += (int32_t)nearest((double)(x[i] * scale));
}

void ddpm_outer_mean(ddpm_outer_kind kind, int64_t n, const int32_t *sums, int exponent, int64_t workers, float *mean)
{
    const double unit = ldexp(1.0, -exponent) / (double)workers, most = (double)FLT_MAX;
    if (kind == DDPM_OUTER_MOMENT2)
        for (int64_t i = 0; i < n; i++) {
            const double root = (double)sums[i] * unit, square = root * root;
            mean[i] = (float)(square < most ? square : most);
        }
    else
        for (int64_t i = 0; i < n; i++) mean[i] = (float)((double)sums[i] * unit);
}

void ddpm_outer_step(int64_t n, const ddpm_outer_settings *settings, const float *change, float *velocity,
                     float *parameters, float *ema)
{
    const ddpm_outer_settings s = *settings;
    for (int64_t i = 0; i < n; i++) {
        velocity[i] = s.momentum * velocity[i] + change[i];
        parameters[i] += s.rate * (change[i] + s.momentum * velocity[i]);
        ema[i] = parameters[i] + s.ema * (ema[i] - parameters[i]);
    }
}
