/** Blocks of work that the ranks of a node and their threads take as they come free, so that a slow core holds nobody
 * up: for work whose result does not depend on who does it. Every node has a part of the blocks in proportion to its
 * ranks. */
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

/** Local, on every rank, outside parallel regions. Begin to share out blocks 0 .. blocks-1. Between the last taking of
 * a round and the next beginning all ranks must have met: in a sum, in a barrier.
 *  @param threads  of this rank that will take. */
void ddpm_queue_begin(ddpm_queue *queue, int64_t blocks, int threads);

/** Local, by any thread. The next blocks, fewer as they come to their end.
 *  @param most        at most so many.
 *  @param[out] first  the first of them.
 *  @return            how many; 0: all are taken. */
int64_t ddpm_queue_take(ddpm_queue *queue, int64_t most, int64_t *first);

#endif
