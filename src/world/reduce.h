/** The gradient of the global batch: the gradients of blocks, added over the threads of a rank and over the ranks.
 *
 *  Exact mode adds in 64-bit fixed point (kernel/gradient.h), so the result is the same bits at any number of ranks and
 * threads. A tensor's scale is chosen such that its largest mean gradient of the iteration before, which every rank
 * knows, becomes 2^40. A contribution may be 2^10 times as large; for a batch above 4096 rows, 2^62 / rows in fixed
 * point. When one is larger still, it is refused; the refusals are summed over the ranks too, so all ranks know of it,
 * and they repeat the iteration at a coarser scale. float32 mode adds in float32. It sends two thirds of the bytes, and
 * its bits depend on the number of ranks and threads.
 *
 *  The threads of all ranks of a team (world/shared.h), its workers, have their sums in shared memory, where each
 * worker adds up a part of them; only one rank of each team sends messages. One iteration: ddpm_reducer_begin; each
 * thread adds to its ddpm_reducer_gradient; ddpm_reducer_meet; all threads call ddpm_reducer_merge;
 * ddpm_reducer_exchange; all threads call ddpm_reducer_collect; ddpm_reducer_finish; and no rank begins the next one
 * before all of the team have used ddpm_reducer_sums.
 *
 *  Where large exact sums are divided among the teams (world/transfer.h), each knows its part of the gradient alone; it
 * makes of it what all are to have, as new parameters, and ddpm_reducer_gather gives that to all.
 */
#ifndef DDPM_WORLD_REDUCE_H
#define DDPM_WORLD_REDUCE_H

#include "kernel/gradient.h"
#include "network/network.h"
#include "world/chunks.h"
#include "world/comm.h"

typedef enum ddpm_reduction { DDPM_REDUCTION_EXACT, DDPM_REDUCTION_FLOAT32 } ddpm_reduction;

/* The exponents that scales can come to: that of the smallest float becomes 2^40, and nothing is coarser than a scale
 * at which every float is accepted, by more than the step between two scales. */
enum { DDPM_EXPONENT_LEAST = -150, DDPM_EXPONENT_LARGEST = 189, DDPM_EXPONENT_START = 40 /* of a new run */ };

typedef struct ddpm_reducer ddpm_reducer;

/** What an iteration gives beside the gradient. */
typedef struct ddpm_reduced {
    double loss;   /* sum of the blocks' losses */
    double norm;   /* of the gradient */
    int64_t votes; /* ranks that asked to stop */
} ddpm_reduced;

/** Collective. DDPM_ERR_MEMORY.
 *  @param comm           borrowed until ddpm_reducer_free.
 *  @param exact          nonzero: fixed point.
 *  @param threads        of this rank.
 *  @param contributions  the most values that are added to one element in an iteration, over all ranks: the rows of the
 * batch.
 *  @param[out] out       free with ddpm_reducer_free. */
DDPM_MUST_CHECK ddpm_status ddpm_reducer_create(ddpm_comm *comm, const ddpm_network *network, int exact, int threads,
                                                int64_t contributions, ddpm_reducer **out);
void ddpm_reducer_free(ddpm_reducer *reducer);

/** Local. Bytes that it holds, this rank's share of what the team shares: for each thread a sum of 8 bytes a parameter
 * (float32: 4), and for the team the gradient. */
int64_t ddpm_reducer_bytes(const ddpm_reducer *reducer);

/** Local, outside parallel regions. Begin an iteration, or repeat it. */
void ddpm_reducer_begin(ddpm_reducer *reducer);

/** Local. The accumulator of a thread; its last tensor, one element after the parameters, is the loss. */
ddpm_gradient *ddpm_reducer_gradient(ddpm_reducer *reducer, int thread);

/** Local, by the thread itself, before ddpm_reducer_merge: add the loss of a block, which is one contribution. */
void ddpm_reducer_add_loss(ddpm_reducer *reducer, int thread, double loss);

/** Collective, outside parallel regions. Wait until all threads of the team have added their blocks.
 *  @param vote  nonzero: this rank asks to stop. */
void ddpm_reducer_meet(ddpm_reducer *reducer, int vote);

/** Local. Whether other teams are to get this team's sums. */
int ddpm_reducer_merges(const ddpm_reducer *reducer);

/** Local, by every thread of the region: add up the accumulators of all workers, if other teams are to get their sums;
 * each does a part of the elements. */
void ddpm_reducer_merge(ddpm_reducer *reducer, int thread);

/** Collective, outside parallel regions. Sum over the teams, where there are several: all of them, or, where the sums
 * are large and exact (world/transfer.h), a part of them for each team.
 *  @param[out] repeat   nonzero: a contribution was refused, and the scale is coarser now; compute the blocks again.
 *  After DDPM_OK with *repeat 0 the sums over all ranks are in the reducer, for ddpm_reducer_collect; otherwise all
 *  accumulators are empty.
 *  @return DDPM_ERR_NUMERIC when a contribution is not a number, or is infinite. */
DDPM_MUST_CHECK ddpm_status ddpm_reducer_exchange(ddpm_reducer *reducer, int *repeat);

/** Local, by a thread of a region: whether a number that is not finite was added to this thread's accumulator, which is
 * emptied. To find the block that led to DDPM_ERR_NUMERIC. */
int ddpm_reducer_take_nonfinite(ddpm_reducer *reducer, int thread);

/** Local. Whether the sums are divided among the teams. */
int ddpm_reducer_is_divided(const ddpm_reducer *reducer);

/** Local. For measurements: let the only team do what it would do among so many that it has no part of the sums, but
 * for the messages. Nothing is learned then. Without effect in float32 mode. */
void ddpm_reducer_take_no_part(ddpm_reducer *reducer);

/** Local, by every thread of the region: turn a part of the team's sums into numbers. */
void ddpm_reducer_collect(ddpm_reducer *reducer, int thread);

/** Local. The pieces of the parameters that this thread turns into numbers, of those of its team.
 *  @param[out] list  of all pieces; it belongs to the reducer. */
ddpm_range ddpm_reducer_chunks(const ddpm_reducer *reducer, int thread, const ddpm_chunk **list);

/** Collective, outside parallel regions: compute the scalars and the scales of the next iteration from what all teams
 * have. All accumulators are empty afterwards. */
ddpm_reduced ddpm_reducer_finish(ddpm_reducer *reducer);

/** Local, after ddpm_reducer_finish. The gradient, [parameter count]: this team's part of it, where it is divided. */
const float *ddpm_reducer_sums(const ddpm_reducer *reducer);

/** Collective, outside parallel regions. Where sums are divided, the part of each team becomes that of all: in up to
 * DDPM_TRANSFER_ARRAYS arrays, [parameter count], that each team has in shared memory. */
void ddpm_reducer_gather(ddpm_reducer *reducer, int count, float *const *arrays);

/** Local. The threads that have sums in the same memory as those of this rank. */
ddpm_workers ddpm_reducer_workers(const ddpm_reducer *reducer);

/** Local. The exponents of the scales, [tensors + 1]: the last is the loss's. They are part of a run's state. The array
 * belongs to the reducer; write to it to restore the scales of a checkpoint. */
int32_t *ddpm_reducer_exponents(ddpm_reducer *reducer, int64_t *count);

#endif
