/** The mean of what workers have changed who trained by themselves, and the step of an outer optimiser along it
 * (Douillard et al. 2023, DiLoCo). Local, any thread.
 *
 *  Numbers are added in 32-bit fixed point, which is exact and so does not depend on the order: with `largest` the
 * largest of all that are added, each becomes a whole number of at most 2^30 / workers, so that no sum can overflow. It
 * is changed by 2^-29 workers times the largest one at most.
 */
#ifndef DDPM_KERNEL_OUTER_H
#define DDPM_KERNEL_OUTER_H

#include <stdint.h>

enum { DDPM_OUTER_WORKERS_MAX = 1 << 16, DDPM_OUTER_BITS = 30 };

/** What is made of a worker's numbers before they are added: x - before; x; the root of x. Roots, of which the mean is
 * squared, have half as many powers of ten as second moments, and are rounded up: one that became 0 beside a first
 * moment that did not would lead to a step far too large. */
typedef enum ddpm_outer_kind {
    DDPM_OUTER_CHANGE,
    DDPM_OUTER_MOMENT1,
    DDPM_OUTER_MOMENT2,
    DDPM_OUTER_KINDS
} ddpm_outer_kind;

/** @param before  [n]; only of changes.  @param[out] out  [n]. */
void ddpm_outer_prepare(ddpm_outer_kind kind, int64_t n, const float *x, const float *before, float *out);

/** The largest absolute value, as the bits of a float, which are ordered as the numbers are: above those of FLT_MAX
 * where one is not finite. */
int32_t ddpm_outer_largest(int64_t n, const float *x);

/** The exponent of the fixed point. @param largest  of all workers' numbers: finite bits. */
int ddpm_outer_exponent(int32_t largest, int64_t workers);

/** Add what ddpm_outer_prepare has made to the sums, [n] each. */
void ddpm_outer_add(ddpm_outer_kind kind, int64_t n, const float *x, int exponent, int32_t *sums);

/** The mean; of second moments the square of it. */
void ddpm_outer_mean(ddpm_outer_kind kind, int64_t n, const int32_t *sums, int exponent, int64_t workers, float *mean);

typedef struct ddpm_outer_settings {
    float rate, momentum; /* of Nesterov's momentum */
    float ema;            /* the decay of the parameters' average */
} ddpm_outer_settings;

/** velocity = momentum velocity + change; parameters += rate (change + momentum velocity); ema = ema decay + (1 -
 * decay) parameters. [n] each. */
void ddpm_outer_step(int64_t n, const ddpm_outer_settings *settings, const float *change, float *velocity,
                     float *parameters, float *ema);

#endif
