/** `ddpm bench`: what this machine can do, and how near the program comes. */
#ifndef DDPM_BENCH_BENCH_H
#define DDPM_BENCH_BENCH_H

#include "config/config.h"
#include "world/comm.h"

#include <stdint.h>

/** What can be measured; --only names some of them. */
typedef enum ddpm_bench_part {
    DDPM_BENCH_START,
    DDPM_BENCH_LIMITS,
    DDPM_BENCH_ALLREDUCE,
    DDPM_BENCH_KERNELS,
    DDPM_BENCH_STEP,
    DDPM_BENCH_SAMPLING,
    DDPM_BENCH_CHECKPOINT,
    DDPM_BENCH_PREDICTION,
    DDPM_BENCH_PARTS
} ddpm_bench_part;

/** "start", "limits", ... */
extern const char *const ddpm_bench_parts[DDPM_BENCH_PARTS];

typedef struct ddpm_bench_options {
    unsigned parts;     /* bit i: part i */
    double seconds;     /* for all measurements together; each is done three times however long it takes */
    int has_config;     /* nonzero: measure its network and batch; else a few shapes */
    double latency;     /* seconds of a message between ranks, and bytes per second, for the prediction; */
    double rate;        /* NaN: as measured */
    int64_t ranks;      /* most of the prediction's table */
    const char *folder; /* where a checkpoint is written, and removed */
    const char *json;   /* NULL: none */
} ddpm_bench_options;

/** Collective. Prints the table on rank 0.
 *  @param config  checked; the user's, or all defaults. */
DDPM_MUST_CHECK ddpm_status ddpm_bench(ddpm_comm *comm, const ddpm_config *config, const ddpm_bench_options *options);

#endif
