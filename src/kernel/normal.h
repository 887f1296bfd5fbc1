/** Standard normal numbers for a block of rows, each a pure function of (seed, purpose, step, row, column). Local, any
 * thread. */
#ifndef DDPM_KERNEL_NORMAL_H
#define DDPM_KERNEL_NORMAL_H

#include "base/random.h"
#include "kernel/simd.h"

/** @param[out] out  [rows][columns] for rows first .. first+rows-1 of the stream. */
void ddpm_normal_rows(const ddpm_kernels *kernels, uint64_t seed, ddpm_purpose purpose, int64_t step, int64_t first,
                      int64_t rows, int64_t columns, float *out);

#endif
