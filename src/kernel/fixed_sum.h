/** Sums of numbers in 64-bit fixed point: exact, so they do not depend on how the numbers were divided among ranks and
 * threads, nor on the order in which they were added. Local, any thread.
 *
 *  A number x is added as round(x 2^bits), which changes it by 2^-(bits + 1) at most. It is refused, and counted,
 * unless |x| 2^bits < 2^62 / contributions; infinity and NaN are refused by this too. Then no sum can overflow: the
 * quotient in double precision is at most 1 + 2^-53 times the true one, and rounding to an integer adds 1/2 at most, so
 * the sum of up to `contributions` such integers is below 2^62 + 2^9 + contributions / 2, which is below 2^63. Sums of
 * gradients are vectors, and have kernels of their own (kernel/gradient.h). Their rule is the same, with a second limit
 * that comes from how vectors are rounded.
 */
#ifndef DDPM_KERNEL_FIXED_SUM_H
#define DDPM_KERNEL_FIXED_SUM_H

#include <math.h>
#include <stdint.h>

/** Add x to *sum, or 1 to *refused.
 *  @param contributions  the most numbers that are added up, over all ranks and threads: 1 to 2^52. */
static inline void ddpm_fixed_add(double x, int bits, int64_t contributions, int64_t *sum, int64_t *refused)
{
    const double scaled = ldexp(x, bits);
    if (fabs(scaled) < 0x1p62 / (double)contributions)
        *sum += llrint(scaled);
    else
        ++*refused;
}

/** The sum as a number. */
static inline double ddpm_fixed_value(int64_t sum, int bits)
{
    return ldexp((double)sum, -bits);
}

#endif
