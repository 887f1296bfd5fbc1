/* The model of a step's time. */
#include "bench/scaling.h"

#include <math.h>

enum { RANKS_BITS = 17 };

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

double ddpm_scaling_blocks(const ddpm_scaling *scaling, int64_t ranks)
{
    const int64_t most = divide_up(divide_up(scaling->blocks, ranks), scaling->threads);
    return (double)most * scaling->block_seconds;
}

double ddpm_scaling_sum(const ddpm_scaling *scaling, int64_t ranks)
{
    const double p = (double)ranks, stages = ceil(log2(p)), transfer = scaling->bytes / scaling->rate;
    const double doubling = stages * (scaling->latency + transfer);
    const double scattering = 2.0 * stages * scaling->latency + 2.0 * (p - 1.0) / p * transfer;
    return fmin(doubling, scattering);
}

double ddpm_scaling_step(const ddpm_scaling *scaling, int64_t ranks)
{
    return ddpm_scaling_blocks(scaling, ranks) + scaling->once_seconds + ddpm_scaling_sum(scaling, ranks);
}

double ddpm_scaling_efficiency(const ddpm_scaling *scaling, int64_t ranks)
{
    return ddpm_scaling_step(scaling, 1) / ((double)ranks * ddpm_scaling_step(scaling, ranks));
}

void ddpm_scaling_fit(int64_t ranks, double few_seconds, double bytes, double seconds, double *latency, double *rate)
{
    const double p = (double)ranks, stages = ceil(log2(p)), beyond = seconds - few_seconds;
    *latency = few_seconds / stages;
    /* the cheaper algorithm was at work: take each, and believe the one that needs the slower link */
    const double doubling = stages * bytes / fmax(beyond, 1e-3 * seconds);
    const double scattering = 2.0 * (p - 1.0) / p * bytes / fmax(beyond - few_seconds, 1e-3 * seconds);
    *rate = fmin(doubling, scattering);
}

int64_t ddpm_scaling_ranks(int i)
{
    if (i == 0) return 1;
    const int bit = (i + 1) / 2;
    if (bit > RANKS_BITS || i >= 2 * RANKS_BITS) return 0;
    return i % 2 ? INT64_C(1) << bit : INT64_C(3) << (bit - 1);
}
