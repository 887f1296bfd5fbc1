/** Which processors the ranks and threads of a run use, and whether there are enough of them, of one kind. */
#ifndef DDPM_WORLD_PLACEMENT_H
#define DDPM_WORLD_PLACEMENT_H

#include "kernel/simd.h"
#include "world/comm.h"

/** Collective. Log a line with the numbers of ranks, nodes, threads and processors; and a warning with the remedy where
 * a node or a rank has more threads than processors.
 *  @param threads  of this rank. */
void ddpm_placement_report(ddpm_comm *comm, int threads);

/** Collective. Check that all ranks round in the same way: that they have the kernels of rank 0, and that their C
 * libraries all use fused multiply-adds or all do not. Otherwise a number would depend on which rank computes it, and
 * the ranks' copies of the parameters would drift apart.
 *  @param kernels  that this rank has chosen. NULL, for none, is compared too; reporting it is left to the caller.
 *  @return DDPM_ERR_CONFIG, naming the lowest rank that differs, its host, and the remedy. */
DDPM_MUST_CHECK ddpm_status ddpm_placement_check(ddpm_comm *comm, const ddpm_kernels *kernels);

#endif
