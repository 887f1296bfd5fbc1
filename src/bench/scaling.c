/* The formulas of scaling.h. */
#include "bench/scaling.h"

#include "base/split.h"

#include <math.h>

double ddpm_scaling_blocks(const ddpm_scaling *scaling, int64_t ranks)
{
    const int64_t most = ddpm_pieces(ddpm_pieces(scaling->blocks, ranks), scaling->threads);
    return (double)most * scaling->block_seconds;
}

double ddpm_scaling_sum(const ddpm_scaling *scaling, int64_t ranks)
{
    const double p = (double)ddpm_pieces(ranks, scaling->team), stages = ceil(log2(p)),
                 transfer = scaling->bytes / scaling->rate;
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
    /* the sum took the cheaper of two algorithms: the rate is the lower of those that each would need */
    const double doubling = stages * bytes / fmax(beyond, 1e-3 * seconds);
    const double scattering = 2.0 * (p - 1.0) / p * bytes / fmax(beyond - few_seconds, 1e-3 * seconds);
    *rate = fmin(doubling, scattering);
}

int64_t ddpm_scaling_ranks(int i)
{
    if (i == 0) return 1;
    const int64_t bit = ddpm_smaller((i + 1) / 2, 60); /* 60: still 64 bits, and above the limit */
    const int64_t ranks = i % 2 ? INT64_C(1) << bit : INT64_C(3) << (bit - 1);
    return ranks <= DDPM_SCALING_RANKS_MAX ? ranks : 0;
}
