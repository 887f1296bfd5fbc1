/** The gradient of the global batch from the gradients of blocks: over the threads of a rank, then over the ranks.
 *
 *  Exact mode adds 64-bit fixed point (kernel/gradient.h), so the result is the same bits at any number of ranks and
 * threads. Each tensor's scale follows the largest mean gradient of the step before, which every rank knows, so that
 * this value becomes 2^40; a contribution may be 2^10 times larger (2^62 divided by the batch, for a batch above 4096).
 * Where one is larger still, all ranks see it in the sum of the refusals and repeat the step at a coarser scale.
 *  float32 mode adds in float32: half the bytes, and bits that depend on ranks and threads.
 *
 *  One step: each thread adds to its ddpm_reducer_gradient; ddpm_reducer_merge by all threads after a barrier;
 * ddpm_reducer_exchange; ddpm_reducer_collect by all threads; ddpm_reducer_finish.
 */
#ifndef DDPM_WORLD_REDUCE_H
#define DDPM_WORLD_REDUCE_H

#include "kernel/gradient.h"
#include "network/network.h"
#include "world/comm.h"

typedef enum ddpm_reduction { DDPM_REDUCTION_EXACT, DDPM_REDUCTION_FLOAT32 } ddpm_reduction;

typedef struct ddpm_reducer ddpm_reducer;

/** A piece of the parameters inside one tensor: the unit of work of what follows the exchange. */
typedef struct ddpm_chunk {
    int64_t tensor, offset, count;
} ddpm_chunk;

/** What a step found. */
typedef struct ddpm_reduced {
    double loss;   /* sum of the blocks' losses */
    double norm;   /* of the gradient */
    int64_t votes; /* ranks that asked to stop */
} ddpm_reduced;

/** Local.
 *  @param exact          nonzero: fixed point.
 *  @param contributions  most values that are added to one element in a step, over all ranks: the rows of the batch.
 *  @param[out] out       free with ddpm_reducer_free. */
DDPM_MUST_CHECK ddpm_status ddpm_reducer_create(const ddpm_network *network, int exact, int threads,
                                                int64_t contributions, ddpm_reducer **out);
void ddpm_reducer_free(ddpm_reducer *reducer);

/** Local. Bytes that it holds: a sum a thread, 8 bytes a parameter (float32: 4). */
int64_t ddpm_reducer_bytes(const ddpm_reducer *reducer);

/** Local. The accumulator of a thread; its last tensor, one element after the parameters, is the loss. */
ddpm_gradient *ddpm_reducer_gradient(ddpm_reducer *reducer, int thread);

/** Local, inside a parallel region, after a barrier: add loss to this thread's accumulator. */
void ddpm_reducer_add_loss(ddpm_reducer *reducer, int thread, double loss);

/** Local, by every thread of the region: add up the threads' accumulators, each its part. */
void ddpm_reducer_merge(ddpm_reducer *reducer, int thread);

/** Collective, outside parallel regions. Sum over the ranks. Wire: 8 bytes a parameter (float32: 4).
 *  @param vote          nonzero: this rank asks to stop.
 *  @param[out] repeat   nonzero: a contribution was refused; the scale is coarser now: compute the blocks again.
 *  @return DDPM_ERR_NUMERIC when a contribution is not a number, or is infinite; the same on all ranks. */
DDPM_MUST_CHECK ddpm_status ddpm_reducer_exchange(ddpm_reducer *reducer, ddpm_comm *comm, int vote, int *repeat);

/** Local, by a thread of a region, for a search after DDPM_ERR_NUMERIC: whether this thread's accumulator, in which one
 * block was added up, met what is not finite. The accumulator is empty afterwards. */
int ddpm_reducer_met_wild(ddpm_reducer *reducer, int thread);

/** Local, by every thread of the region: gradient [parameter count] = the sums as numbers. */
void ddpm_reducer_collect(ddpm_reducer *reducer, int thread, float *gradient);

/** Local, outside parallel regions: the scalars, and the scales of the next step. */
ddpm_reduced ddpm_reducer_finish(ddpm_reducer *reducer);

/** Local. The pieces of the parameters. */
int64_t ddpm_reducer_chunks(const ddpm_reducer *reducer, const ddpm_chunk **chunks);

/** Local. The scales' exponents, [tensors + 1], part of a run's state. */
int32_t *ddpm_reducer_exponents(ddpm_reducer *reducer, int64_t *count);

#endif
