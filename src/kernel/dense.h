/** Packed matrices that are multiplied with from the right. Local, any thread. */
#ifndef DDPM_KERNEL_DENSE_H
#define DDPM_KERNEL_DENSE_H

#include "base/status.h"
#include "kernel/simd.h"

/** Pack w [k][n], without its transpose; the bias [n] is 0. DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_dense_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_dense_make(const ddpm_kernels *kernels, ddpm_const_matrix w, ddpm_dense *out);
void ddpm_dense_release(ddpm_dense *dense);

#endif
