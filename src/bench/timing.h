/** How long things take that all ranks do together. Collective. */
#ifndef DDPM_BENCH_TIMING_H
#define DDPM_BENCH_TIMING_H

#include "world/comm.h"

/** Something to time. */
typedef struct ddpm_timed {
    /** Do it `times` times; by all ranks, each of which may fail. */
    ddpm_status (*run)(void *context, int64_t times);
    void *context;
} ddpm_timed;

enum { DDPM_TIMED_MOST = 4 };

/** Of one time, over the samples. */
typedef struct ddpm_bench_timing {
    double median, least;          /* seconds */
    double ratio[DDPM_TIMED_MOST]; /* to the time of each thing: the median over the rounds, in which they are
                                    * neighbours: a machine that is slow for a while slows both */
    int64_t samples;
} ddpm_bench_timing;

/** Collective. Time `count` things in turn, A B C A B C ..., for some `seconds`, but at least three rounds. A sample
 * lasts from a barrier until the slowest rank is done. Each thing is done once or more before the first sample.
 *  @param[out] out  [count], the same on all ranks. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_measure(ddpm_comm *comm, int count, const ddpm_timed *things, double seconds,
                                               ddpm_bench_timing *out);

#endif
