/** Blocks of work that the ranks of a node and their threads take as they come free, so that a slow core holds nobody
 * up: for work whose result does not show who did it. Every node has a part of the blocks in proportion to its ranks.
 */
#ifndef DDPM_WORLD_QUEUE_H
#define DDPM_WORLD_QUEUE_H

#include "ddpm/world/comm.h"

/** Local, on every rank, outside parallel regions. Begin to share out blocks 0 .. blocks-1. Between the last taking of
 * a round and the next beginning all ranks must have met: in a sum, in a barrier.
 *  @param threads  of this rank that will take. */
void ddpm_queue_begin(ddpm_comm *comm, int64_t blocks, int threads);

/** Local, by any thread. The next blocks, fewer as they come to their end.
 *  @param most        at most so many.
 *  @param[out] first  the first of them.
 *  @return            how many; 0: all are taken. */
int64_t ddpm_queue_take(ddpm_comm *comm, int64_t most, int64_t *first);

#endif
