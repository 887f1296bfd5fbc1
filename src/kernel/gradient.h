/** Where a thread adds up the gradients of its blocks: in 64-bit fixed point, which is exact, so that the sums do not
 * depend on the number of threads and ranks nor on the order of the blocks; or in float32.
 *
 *  In fixed point each tensor has a scale 2^exponent. A contribution g is added as round(g 2^exponent), and is refused
 * when it is larger than `limit` in this unit. With limit = min(2^50, 2^62 / contributions) each contribution
 * is rounded to the nearest integer, since it stays below 2^51, and no sum can overflow: all contributions of all ranks
 * together stay below 2^63.
 * A contribution that is refused is counted; the iteration is then repeated with a smaller exponent (world/reduce.h).
 * Local; a ddpm_gradient belongs to one thread.
 */
#ifndef DDPM_KERNEL_GRADIENT_H
#define DDPM_KERNEL_GRADIENT_H

#include "kernel/simd.h"

typedef struct ddpm_gradient {
    const ddpm_kernels *kernels;
    int64_t *fixed;          /* the sums in fixed point; NULL: they are in float32 */
    float *real;             /* the sums in float32, or NULL */
    const int32_t *exponent; /* [tensors], of fixed point */
    double limit;            /* the largest contribution, in units of fixed point */
    int64_t *refused;        /* [tensors]: additions with a contribution that was too large or not a number */
} ddpm_gradient;

/** Add x^T dz, [k][n], to the sums of a tensor, which begin at `offset`: x [rows][k], dz [rows][n], both padded as for
 * kernels (kernel/simd.h). Each block of `block` rows (the last may be shorter) is one contribution to each element.
 *  @param stride    of the tensor's rows, at least n.
 *  @param scratch   ddpm_product_scratch(kernels, rows, k, n) numbers. */
void ddpm_gradient_add_product(ddpm_gradient *gradient, int64_t tensor, int64_t offset, int64_t stride,
                               ddpm_const_matrix x, ddpm_const_matrix dz, int64_t block, float *scratch);

/** Add v [n], one contribution to each of n sums of a tensor, which begin at `offset`. */
void ddpm_gradient_add(ddpm_gradient *gradient, int64_t tensor, int64_t offset, int64_t n, const float *v);

#endif
