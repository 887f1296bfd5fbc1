/** Memory that is held once a node, or by each rank where a rank is alone on its node or its node's ranks cannot share
 *  memory, which a warning says. The ranks that share theirs are a team. */
#ifndef DDPM_WORLD_SHARED_H
#define DDPM_WORLD_SHARED_H

#include "world/comm.h"

typedef struct ddpm_shared ddpm_shared;

/** Collective. bytes is the same on all ranks of a node. DDPM_ERR_MEMORY.
 *  @param[out] out   its memory (ddpm_shared_data) is 64-byte aligned, holds zeros, and may be written by any rank of
 * the node; call ddpm_comm_barrier_of_team before others read. */
DDPM_MUST_CHECK ddpm_status ddpm_shared_create(ddpm_comm *comm, size_t bytes, const char *what, ddpm_shared **out);

/** Local. The memory; and whether the node's ranks share it, or each has memory of its own, which it must fill alone.
 */
void *ddpm_shared_data(const ddpm_shared *shared);
int ddpm_shared_is_shared(const ddpm_shared *shared);

/** Local. The part of n pieces of the memory that this rank is to fill: its share of them where the node's ranks share
 * the memory, else all. */
ddpm_range ddpm_shared_part(const ddpm_comm *comm, const ddpm_shared *shared, int64_t n);

/** Local. NULL is allowed. */
void ddpm_shared_free(ddpm_shared *shared);

#endif
