/* The choice between the tables of kernels that the build made, one for each instruction set and precision. */
#include "kernel/simd.h"

#include <stdlib.h>
#include <string.h>

extern const ddpm_kernels ddpm_kernels_baseline_float32, ddpm_kernels_baseline_bfloat16;
#ifdef DDPM_X86
extern const ddpm_kernels ddpm_kernels_avx2_float32, ddpm_kernels_avx2_bfloat16;
extern const ddpm_kernels ddpm_kernels_avx512_float32, ddpm_kernels_avx512_bfloat16;
#endif

enum { CANDIDATES = 3 };

/* Table i, the best first; NULL when this processor cannot run it. "baseline" is the instruction set that the compiler
 * assumes of every processor of the platform. */
static const ddpm_kernels *candidate(ddpm_precision precision, int i)
{
    const int bfloat16 = precision == DDPM_PRECISION_BFLOAT16;
#ifdef DDPM_X86
    __builtin_cpu_init();
    if (i == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        (!bfloat16 || __builtin_cpu_supports("avx512bf16")))
        return bfloat16 ? &ddpm_kernels_avx512_bfloat16 : &ddpm_kernels_avx512_float32;
    if (i == 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return bfloat16 ? &ddpm_kernels_avx2_bfloat16 : &ddpm_kernels_avx2_float32;
#endif
    if (i != 2) return NULL;
    return bfloat16 ? &ddpm_kernels_baseline_bfloat16 : &ddpm_kernels_baseline_float32;
}

const ddpm_kernels *ddpm_kernels_choose(ddpm_precision precision)
{
    const char *wanted = getenv("DDPM_ISA");
    for (int i = 0; i < CANDIDATES; i++) {
        const ddpm_kernels *kernels = candidate(precision, i);
        if (kernels && (!wanted || !*wanted || strcmp(wanted, kernels->name) == 0)) return kernels;
    }
    return NULL;
}

const ddpm_kernels *ddpm_kernels_runnable(int i)
{
    for (int c = 0; c < CANDIDATES; c++) {
        const ddpm_kernels *kernels = candidate(DDPM_PRECISION_FLOAT32, c);
        if (kernels && i-- == 0) return kernels;
    }
    return NULL;
}
