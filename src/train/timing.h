/** Where the time of training goes on each rank, for `ddpm train --timings`. Main thread. */
#ifndef DDPM_TRAIN_TIMING_H
#define DDPM_TRAIN_TIMING_H

#include "world/comm.h"

typedef enum ddpm_timing_part {
    DDPM_TIMING_INPUT,     /* rows that are streamed */
    DDPM_TIMING_COMPUTE,   /* blocks: noise, network, gradients */
    DDPM_TIMING_WAIT,      /* for the slowest rank */
    DDPM_TIMING_REDUCTION, /* the sum over the ranks */
    DDPM_TIMING_UPDATE,    /* of the parameters */
    DDPM_TIMING_OUTPUT,    /* between iterations: validation, metrics.csv, checkpoints */
    DDPM_TIMING_PARTS
} ddpm_timing_part;

typedef struct ddpm_timing {
    int64_t iterations; /* that count */
    int64_t warming;    /* iterations that do not count yet */
    double last;        /* when the last part ended */
    double seconds[DDPM_TIMING_PARTS];
} ddpm_timing;

/** Local. Begin; the first iterations, in which memory and caches fill, will not count. */
void ddpm_timing_begin(ddpm_timing *timing);

/** Local. The time since the last call went into `part`. NULL is allowed: nothing is measured. */
void ddpm_timing_add(ddpm_timing *timing, ddpm_timing_part part);

/** Local. An iteration ends. NULL is allowed. */
void ddpm_timing_iteration(ddpm_timing *timing);

/** Collective. Rank 0 writes FOLDER/timings.csv, a row a rank: rank,threads,iterations, and seconds of each part. */
DDPM_MUST_CHECK ddpm_status ddpm_timing_write(ddpm_comm *comm, const ddpm_timing *timing, int threads,
                                              const char *folder);

#endif
