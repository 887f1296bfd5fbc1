/** Where the ranks and threads of a run sit, and whether they get in each other's way. */
#ifndef DDPM_WORLD_PLACEMENT_H
#define DDPM_WORLD_PLACEMENT_H

#include "kernel/simd.h"
#include "world/comm.h"

/** Collective. Log one line: ranks, nodes, threads, processors; and a warning with the remedy where a node has more
 * threads than processors, or a rank's threads share fewer processors than they are.
 *  @param threads  of this rank. */
void ddpm_placement_report(ddpm_comm *comm, int threads);

/** Collective. Whether all ranks compute alike: by kernels like those of rank 0, with fused
 * multiply-adds in the C library or without. Otherwise a number would depend on which rank it falls to, and the ranks'
 * copies of the parameters would drift apart.
 *  @param kernels  that this rank has chosen; NULL is another function's error.
 *  @return DDPM_ERR_CONFIG, naming the lowest rank of another kind, its host, and the remedy. */
DDPM_MUST_CHECK ddpm_status ddpm_placement_check(ddpm_comm *comm, const ddpm_kernels *kernels);

#endif
