/** What a training step will take on any number of ranks, from what was measured on a few. Pure arithmetic; Local, any
 * thread.
 *
 *  A step is: the blocks of the rank that has most of them, each thread its share; what every rank does however small
 * its share (packing weights, adding up threads, updating parameters); and the sum over the ranks. The sum takes the
 * cheaper of two algorithms (Thakur, Rabenseifner and Gropp 2005, section 4, without the cost of adding): for p ranks
 * and n bytes, log2(p) (latency + n / rate) by recursive doubling, or 2 log2(p) latency + 2 (p-1)/p n / rate by
 * scattering and gathering.
 */
#ifndef DDPM_BENCH_SCALING_H
#define DDPM_BENCH_SCALING_H

#include <stdint.h>

typedef struct ddpm_scaling {
    int64_t blocks;       /* of a batch, over all ranks */
    int64_t threads;      /* of a rank */
    double block_seconds; /* of a thread for a block, all threads at work */
    double once_seconds;  /* of a rank, once a step */
    double bytes;         /* summed over the ranks */
    double latency;       /* seconds of a message between two ranks */
    double rate;          /* bytes per second of a large one */
} ddpm_scaling;

/** Seconds of a step's parts, and of it. */
double ddpm_scaling_blocks(const ddpm_scaling *scaling, int64_t ranks);
double ddpm_scaling_sum(const ddpm_scaling *scaling, int64_t ranks);
double ddpm_scaling_step(const ddpm_scaling *scaling, int64_t ranks);

/** The speed per rank against that of one rank, 1 at best. */
double ddpm_scaling_efficiency(const ddpm_scaling *scaling, int64_t ranks);

/** Latency and rate that explain two measured sums over `ranks` (2 or more): one of few bytes and one of `bytes`.
 * ddpm_scaling_sum then gives the second time, as long as it is well above the first. */
void ddpm_scaling_fit(int64_t ranks, double few_seconds, double bytes, double seconds, double *latency, double *rate);

/** The numbers of ranks that are worth a line: 1, 2, 3, 4, 6, 8, 12 ... 131072. Number i of them, 0 beyond the last. */
int64_t ddpm_scaling_ranks(int i);

#endif
