/** Groups of ranks that train by themselves for a while, each one or several of a fixed number of virtual workers.
 *
 *  The ranks of a team (world/shared.h) carry workers in proportion to their number, as long as each team has one: then
 * no group reaches beyond a team, and only what all groups do together crosses the network. A team of k ranks that
 * carries w workers has gcd(k, w) groups, of equally many ranks and workers, so that no rank has less to do than
 * another. Otherwise, with fewer workers than teams, a group is ranks that follow each other, with one worker.
 */
#ifndef DDPM_WORLD_GROUPS_H
#define DDPM_WORLD_GROUPS_H

#include "world/comm.h"

/** What a rank has to do with the workers. Workers first .. end-1 are those of its group; `held` are those of all
 * groups with ranks in its team, and of them `given` are those whose first rank is in its team. */
typedef struct ddpm_group_plan {
    ddpm_range carried, held, given;
    int number, count; /* of the group, among those of its team */
    int place;         /* of the rank, in an order in which the ranks of a team follow each other */
} ddpm_group_plan;

typedef struct ddpm_group {
    ddpm_group_plan plan;
    ddpm_comm *comm; /* of the group's ranks: that of all ranks where there is one group */
    int is_own;      /* whether ddpm_group_leave frees it */
} ddpm_group;

/** Local. The plan of a rank.
 *  @param leader   [ranks]: the first rank of each rank's team.
 *  @param sizes    [ranks]: room.
 *  @param workers  1 or more. */
ddpm_group_plan ddpm_group_planned(int ranks, const int *leader, int *sizes, int rank, int64_t workers);

/** Collective. Divide the ranks into groups. DDPM_ERR_MEMORY.
 *  @param comm      borrowed until ddpm_group_leave.
 *  @param workers   the same on all ranks; 1: one group of all.
 *  @param[out] out  leave with ddpm_group_leave, also after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_group_join(ddpm_comm *comm, int64_t workers, ddpm_group *out);

/** Collective over the group. */
void ddpm_group_leave(ddpm_group *group);

#endif
