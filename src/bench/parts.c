/* The parts of a benchmark: their names, and how the time is divided among them. */
#include "bench/parts.h"

const char *const ddpm_bench_parts[DDPM_BENCH_PARTS] = {"start",    "limits",   "allreduce",  "kernels",
                                                        "training", "sampling", "checkpoint", "prediction"};

/* How many times run->share the measurements of a part take, for one width or one shape. */
static const double shares[DDPM_BENCH_PARTS] = {
    [DDPM_BENCH_LIMITS] = 4,   [DDPM_BENCH_ALLREDUCE] = 5,  [DDPM_BENCH_KERNELS] = 6,    [DDPM_BENCH_TRAINING] = 4,
    [DDPM_BENCH_SAMPLING] = 1, [DDPM_BENCH_CHECKPOINT] = 1, [DDPM_BENCH_PREDICTION] = 6,
};

double ddpm_bench_part_share(ddpm_bench_part part)
{
    return shares[part];
}

double ddpm_bench_part_seconds(const ddpm_bench_run *run, ddpm_bench_part part)
{
    return shares[part] * run->share;
}
