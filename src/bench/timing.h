/** The time of work that all ranks do together. Collective. */
#ifndef DDPM_BENCH_TIMING_H
#define DDPM_BENCH_TIMING_H

#include "world/comm.h"

/** Work to be timed. */
typedef struct ddpm_timed {
    /** Do the work `times` times. All ranks call this, and each of them may fail. */
    ddpm_status (*run)(void *context, int64_t times);
    void *context;
} ddpm_timed;

enum { DDPM_TIMED_MOST = 5 }; /* things that are timed in turn, at most */

/** The time of one repetition, over all samples. */
typedef struct ddpm_bench_timing {
    double median, least;          /* seconds */
    double ratio[DDPM_TIMED_MOST]; /* to the time of each thing: the median over the rounds. In a round both are
                                    * measured shortly after each other, so a machine that is slow for a while slows
                                    * both */
    int64_t samples;
} ddpm_bench_timing;

/** Collective. Time `count` things in turn, A B C A B C ..., for about `seconds`, but at least three rounds. A sample
 * lasts from a barrier until the slowest rank is done. Each thing is done at least once before its first sample.
 *  @param[out] out  [count], the same on all ranks. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_measure(ddpm_comm *comm, int count, const ddpm_timed *things, double seconds,
                                               ddpm_bench_timing *out);

#endif
