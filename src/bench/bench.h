/** `ddpm bench`: how fast this machine can be, and how close to that the program comes. */
#ifndef DDPM_BENCH_BENCH_H
#define DDPM_BENCH_BENCH_H

#include "config/config.h"
#include "world/comm.h"

#include <stdint.h>

/** What can be measured; --only selects some of these parts. */
typedef enum ddpm_bench_part {
    DDPM_BENCH_START,
    DDPM_BENCH_LIMITS,
    DDPM_BENCH_ALLREDUCE,
    DDPM_BENCH_KERNELS,
    DDPM_BENCH_TRAINING,
    DDPM_BENCH_SAMPLING,
    DDPM_BENCH_CHECKPOINT,
    DDPM_BENCH_PREDICTION,
    DDPM_BENCH_PARTS
} ddpm_bench_part;

/** The names of the parts: "start", "limits", ... */
extern const char *const ddpm_bench_parts[DDPM_BENCH_PARTS];

typedef struct ddpm_bench_options {
    unsigned parts;     /* bit i: part i */
    double seconds;     /* for all measurements together; each is done at least three times, however long that takes */
    int has_config;     /* nonzero: measure the configuration's network and batch; 0: measure a few shapes */
    double latency;     /* for the prediction: seconds of a message between nodes; NaN: as measured */
    double rate;        /* likewise: bytes per second between nodes */
    int64_t ranks;      /* the largest number of ranks in the table of the prediction */
    const char *folder; /* where a checkpoint is written and removed */
    const char *json;   /* the file for programs; NULL: none is written */
} ddpm_bench_options;

/** Collective. Measure, and print the table on rank 0.
 *  @param config  checked: the user's, or the defaults.
 *  @return DDPM_ERR_CONFIG: a rank has no usable kernels, or ranks have different ones; DDPM_ERR_NUMERIC: a step that
 * was measured diverged. */
DDPM_MUST_CHECK ddpm_status ddpm_bench(ddpm_comm *comm, const ddpm_config *config, const ddpm_bench_options *options);

#endif
