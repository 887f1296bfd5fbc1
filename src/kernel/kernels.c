/* The choice among the instruction sets that the build made kernels for. */
#include "ddpm/kernel/simd.h"

#include <stdlib.h>
#include <string.h>

extern const ddpm_kernels ddpm_kernels_baseline;
#ifdef DDPM_X86
extern const ddpm_kernels ddpm_kernels_avx2, ddpm_kernels_avx512;
#endif

enum { CANDIDATES = 3 };

/* Best first; "baseline" is what the compiler assumes of every processor of the platform. */
static const ddpm_kernels *candidate(int i)
{
#ifdef DDPM_X86
    __builtin_cpu_init();
    if (i == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return &ddpm_kernels_avx512;
    if (i == 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &ddpm_kernels_avx2;
#endif
    return i == 2 ? &ddpm_kernels_baseline : NULL;
}

const ddpm_kernels *ddpm_kernels_choose(void)
{
    const char *wanted = getenv("DDPM_ISA");
    for (int i = 0; i < CANDIDATES; i++) {
        const ddpm_kernels *kernels = candidate(i);
        if (kernels && (!wanted || !*wanted || strcmp(wanted, kernels->name) == 0)) return kernels;
    }
    return NULL;
}

const ddpm_kernels *ddpm_kernels_runnable(int i)
{
    for (int c = 0; c < CANDIDATES; c++)
        if (candidate(c) && i-- == 0) return candidate(c);
    return NULL;
}
