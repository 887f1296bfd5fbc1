/** Where the time of training goes on each rank, for `ddpm train --timings`. For the main thread. */
#ifndef DDPM_TRAIN_TIMING_H
#define DDPM_TRAIN_TIMING_H

#include "world/comm.h"

typedef enum ddpm_timing_part {
    DDPM_TIMING_INPUT,     /* reading of rows that are streamed */
    DDPM_TIMING_COMPUTE,   /* work on blocks: noise, network, gradients */
    DDPM_TIMING_WAIT,      /* waiting for the slowest rank */
    DDPM_TIMING_REDUCTION, /* the sum over the ranks */
    DDPM_TIMING_UPDATE,    /* the update of the parameters, and their packing */
    DDPM_TIMING_OUTPUT,    /* what is done between iterations: validation, metrics.csv, checkpoints */
    DDPM_TIMING_PARTS
} ddpm_timing_part;

typedef struct ddpm_timing {
    int64_t iterations; /* that are counted */
    int64_t warming;    /* iterations to come that are not counted */
    double last;        /* when the last part ended */
    double seconds[DDPM_TIMING_PARTS];
} ddpm_timing;

/** Local. Begin. The first iterations are not counted, since memory is still being mapped and caches are filling. */
void ddpm_timing_begin(ddpm_timing *timing);

/** Local. Add the time since the last call to `part`. NULL is allowed: nothing is measured. */
void ddpm_timing_add(ddpm_timing *timing, ddpm_timing_part part);

/** Local. Count an iteration that ends. NULL is allowed. */
void ddpm_timing_iteration(ddpm_timing *timing);

/** Collective. Rank 0 writes FOLDER/timings.csv with a row for each rank: rank, threads, iterations, and the seconds of
 * each part. */
DDPM_MUST_CHECK ddpm_status ddpm_timing_write(ddpm_comm *comm, const ddpm_timing *timing, int threads,
                                              const char *folder);

#endif
