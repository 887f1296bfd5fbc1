/** Blocks of work that the threads of all ranks of a node take whenever they are free, so that no thread waits for a
 * slower core. The result must not depend on which thread computes which block. Each node has a part of the blocks in
 * proportion to its ranks. */
#ifndef DDPM_WORLD_QUEUE_H
#define DDPM_WORLD_QUEUE_H

#include "world/comm.h"

typedef struct ddpm_queue ddpm_queue;

/** Collective.
 *  @param comm      borrowed until ddpm_queue_free.
 *  @param[out] out  free with ddpm_queue_free. */
DDPM_MUST_CHECK ddpm_status ddpm_queue_create(ddpm_comm *comm, ddpm_queue **out);

/** Collective. NULL (on all ranks) is allowed. */
void ddpm_queue_free(ddpm_queue *queue);

/** Local, on every rank, outside parallel regions. Begin a round, in which blocks 0 .. blocks-1 are taken. Between the
 * last ddpm_queue_take of a round and the next ddpm_queue_begin all ranks must synchronise, by a sum or a barrier.
 *  @param threads  of this rank that will take blocks. */
void ddpm_queue_begin(ddpm_queue *queue, int64_t blocks, int threads);

/** Local, by any thread. Take the next blocks of the round; towards the end of the round, fewer at a time.
 *  @param most        the most blocks to take.
 *  @param[out] first  the first of them; the others follow it.
 *  @return            how many were taken; 0 when none are left. */
int64_t ddpm_queue_take(ddpm_queue *queue, int64_t most, int64_t *first);

#endif
