/** The time that a training step will take on any number of ranks, from measurements on a few ranks. Local, any thread:
 * pure arithmetic.
 *
 *  A step is made of three parts. The first is the blocks of the rank that has most of them, which are divided among
 * its threads. The second is what the ranks of a node do together, however few their blocks are: they add up the sums
 * of their threads, update the parameters and pack weights. The third is the sum over the nodes. Where it is divided
 * among these (world/transfer.h), so is a part of the second, with the update; and p nodes take (p-1)/p (n + m) / rate
 * for n bytes of sums and m bytes of what is made of them, and the latency of the messages: one to each other node for
 * the sums, one for what is made of them, and in a step, one for the gradient's norm before the update. Each of them is
 * two on a grid of nodes; and with the sums a few numbers are added over all nodes, in log2(p) messages. Otherwise it
 * is the cheaper of two algorithms (Thakur, Rabenseifner and Gropp 2005, section 4, without the cost of adding):
 * log2(p) (latency + n / rate) by recursive doubling, or 2 log2(p) latency + 2 (p-1)/p n / rate by scattering and
 * gathering.
 *
 *  With local steps (train/round.h) a node of those that have most workers takes the steps of these, and the nodes meet
 * once in a round.
 */
#ifndef DDPM_BENCH_SCALING_H
#define DDPM_BENCH_SCALING_H

#include <stdint.h>

enum { DDPM_SCALING_RANKS_MAX = 1 << 17 };

typedef struct ddpm_scaling {
    int64_t blocks;       /* of a batch, over all ranks; with local steps, of a worker's part of it */
    int64_t threads;      /* of a rank */
    int64_t team;         /* ranks of a node, which share memory: 1 or more */
    double block_seconds; /* that a thread takes for a block while all threads work */
    double once_seconds;  /* that a node takes once in a step, however many blocks it has */
    double part_seconds;  /* that it takes once where it is one of very many, among which sums are divided */
    double bytes;         /* that are summed over the nodes */
    double made_bytes;    /* of what is made of them, where they are divided among the nodes; 0: they never are */
    double latency;       /* seconds of a message between two ranks */
    double rate;          /* bytes per second of a large message */
    int64_t local_steps;  /* of a round; up to 1: there are none, and what follows is not used */
    int64_t workers;      /* of the rounds */
    double group_seconds; /* that a group of ranks takes once in a step while others of its node do the same; 0: not
                           * known, and taken to be as if they took turns */
    double round_seconds; /* that a node takes once in a round */
    double round_bytes;   /* that are summed over the nodes once in a round */
} ddpm_scaling;

/** Seconds of a step's blocks, of what each node does once, of its sum over the nodes, and of the whole step. */
double ddpm_scaling_blocks(const ddpm_scaling *scaling, int64_t ranks);
double ddpm_scaling_once(const ddpm_scaling *scaling, int64_t ranks);
double ddpm_scaling_sum(const ddpm_scaling *scaling, int64_t ranks);
double ddpm_scaling_step(const ddpm_scaling *scaling, int64_t ranks);

/** Find group_seconds from the time of a step on `ranks` of one node, without what is due once in a round. */
void ddpm_scaling_fit_groups(ddpm_scaling *scaling, int64_t ranks, double step_seconds);

/** The speed per rank divided by that of one rank: 1 at best. */
double ddpm_scaling_efficiency(const ddpm_scaling *scaling, int64_t ranks);

/** Find the latency and rate at which the sum over `nodes` (2 or more) takes two measured times: few_seconds for a few
 * bytes, and `seconds` for `bytes` of sums and made_bytes of what is made of them. The second is reproduced as long as
 * it is well above the first. */
void ddpm_scaling_fit(int64_t nodes, double few_seconds, double bytes, double made_bytes, double seconds,
                      double *latency, double *rate);

/** The number of ranks in line i of the prediction's table: 1, 2, 3, 4, 6, 8, 12 ... DDPM_SCALING_RANKS_MAX; 0 beyond
 * the last line. */
int64_t ddpm_scaling_ranks(int i);

#endif
