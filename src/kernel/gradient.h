/** Where the gradients of blocks are added up: one accumulator a thread, in 64-bit fixed point (exact, so that neither
 * the order nor the number of threads and ranks can be seen in the sum) or in float32.
 *
 *  Fixed point. Each tensor has a scale 2^exponent; a contribution g is added as round(g 2^exponent), refused when it
 * is larger than `limit` in that unit. With limit = min(2^50, 2^62 / contributions), rounding stays exact (below 2^51)
 * and the sum of all contributions of all ranks stays below 2^62: it cannot overflow. A refused contribution is
 * counted; the step is then repeated with a smaller exponent (world/reduce.h). Local; an accumulator belongs to one
 * thread.
 */
#ifndef DDPM_KERNEL_GRADIENT_H
#define DDPM_KERNEL_GRADIENT_H

#include "kernel/simd.h"

typedef struct ddpm_gradient {
    const ddpm_kernels *kernels;
    int64_t *fixed;          /* the sums, or NULL for float32 */
    float *real;             /* the float32 sums, or NULL */
    const int32_t *exponent; /* per tensor */
    double limit;            /* largest contribution in fixed-point units */
    int64_t *refused;        /* per tensor: contributions that were too large or not a number */
} ddpm_gradient;

/** Add x^T dz, [k][n], at offset: x [rows][k], dz [rows][n]. Each block of `block` rows (the last may be shorter) is
 * one contribution to each element.  @param scratch  ddpm_product_scratch(kernels, rows, k, n) numbers. */
void ddpm_gradient_add_product(ddpm_gradient *gradient, int64_t tensor, int64_t offset, int64_t rows, int64_t block,
                               int64_t k, int64_t n, const float *x, int64_t ldx, const float *dz, int64_t ldz,
                               float *scratch);

/** Add v [n] at offset. */
void ddpm_gradient_add(ddpm_gradient *gradient, int64_t tensor, int64_t offset, int64_t n, const float *v);

#endif
