/** Where the ranks and threads of a run sit, and whether they get in each other's way. */
#ifndef DDPM_WORLD_PLACEMENT_H
#define DDPM_WORLD_PLACEMENT_H

#include "ddpm/world/comm.h"

/** Collective. Log one line: ranks, nodes, threads, processors; and a warning with the remedy where a node has more
 * threads than processors, or a rank's threads share fewer processors than they are.
 *  @param threads  of this rank. */
void ddpm_placement_report(ddpm_comm *comm, int threads);

#endif
