/** Standard normal numbers for a block of rows, each a pure function of the stream and of its row and column. Local,
 * any thread. */
#ifndef DDPM_KERNEL_NORMAL_H
#define DDPM_KERNEL_NORMAL_H

#include "base/random.h"
#include "kernel/simd.h"

/** Which numbers: each purpose and each step of a seed has a stream of its own (base/random.h). */
typedef struct ddpm_normal_stream {
    uint64_t seed;
    ddpm_purpose purpose;
    int64_t step;
} ddpm_normal_stream;

/** Rows first, first + 1, ... of a stream. @param[out] out  the rows that are filled; no padding is needed. */
void ddpm_normal_rows(const ddpm_kernels *kernels, ddpm_normal_stream stream, int64_t first, ddpm_matrix out);

#endif
