/* Who carries which worker follows from the ranks of each team alone, so each rank finds it out by itself. */
#include "world/groups.h"

#include "base/memory.h"
#include "world/comm_mpi.h"

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b > 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Whether each team gets a worker when they are given out in proportion to ranks. */
static int each_team_has_one(int ranks, const int *leader, const int *sizes, int64_t workers)
{
    int64_t before = 0;
    for (int r = 0; r < ranks; r++) {
        if (leader[r] != r) continue;
        const int64_t first = before * workers / ranks;
        before += sizes[r];
        if (before * workers / ranks == first) return 0;
    }
    return 1;
}

/* The groups of a team, none of which reaches beyond it. @param members  the places of its ranks. */
static void plan_within(int ranks, ddpm_range members, int64_t workers, ddpm_group_plan *out)
{
    const ddpm_range held = {members.first * workers / ranks, members.end * workers / ranks};
    const int64_t size = members.end - members.first, count = common_divisor(size, held.end - held.first),
                  number = (out->place - members.first) / (size / count), each = (held.end - held.first) / count;
    out->held = out->given = held;
    out->carried = (ddpm_range){held.first + number * each, held.first + (number + 1) * each};
    out->number = (int)number;
    out->count = (int)count;
}

/* Groups of ranks that follow each other, with a worker each. */
static void plan_across(int ranks, ddpm_range members, int64_t workers, ddpm_group_plan *out)
{
    const int64_t mine = out->place * workers / ranks;
    out->carried = (ddpm_range){mine, mine + 1};
    out->held = (ddpm_range){members.first * workers / ranks, (members.end - 1) * workers / ranks + 1};
    out->given = out->held;
    if (ddpm_pieces(out->held.first * ranks, workers) < members.first) out->given.first++; /* it begins before */
    out->number = (int)(mine - out->held.first);
    out->count = (int)(out->held.end - out->held.first);
}

ddpm_group_plan ddpm_group_planned(int ranks, const int *leader, int *sizes, int rank, int64_t workers)
{
    ddpm_group_plan out = {0};
    ddpm_range members = {0, 0};
    for (int r = 0; r < ranks; r++) sizes[r] = 0;
    for (int r = 0; r < ranks; r++) {
        sizes[leader[r]]++;
        members.first += leader[r] < leader[rank];
        out.place += leader[r] < leader[rank] || (r < rank && leader[r] == leader[rank]);
    }
    members.end = members.first + sizes[leader[rank]];
    if (each_team_has_one(ranks, leader, sizes, workers))
        plan_within(ranks, members, workers, &out);
    else
        plan_across(ranks, members, workers, &out);
    return out;
}

/* Collective. */
static ddpm_status plan(ddpm_comm *comm, int64_t workers, ddpm_group_plan *out)
{
    int leader = comm->rank, *numbers = NULL;
    DDPM_TRY(ddpm_agree(comm, DDPM_NEW(&numbers, 2 * (int64_t)comm->size, "groups of ranks")));
    if (comm->team_size > 1) MPI_Bcast(&leader, 1, MPI_INT, 0, comm->team);
    numbers[0] = leader;
    if (comm->size > 1) MPI_Allgather(&leader, 1, MPI_INT, numbers, 1, MPI_INT, comm->all);
    *out = ddpm_group_planned(comm->size, numbers, numbers + comm->size, comm->rank, workers);
    ddpm_release(numbers);
    return DDPM_OK;
}

ddpm_status ddpm_group_join(ddpm_comm *comm, int64_t workers, ddpm_group *out)
{
    MPI_Comm ranks;
    *out = (ddpm_group){.comm = comm};
    DDPM_TRY(plan(comm, workers, &out->plan));
    int64_t most = out->plan.carried.first; /* 0 on all ranks where there is one group */
    ddpm_comm_max_int64(comm, &most, 1);
    if (most == 0) return DDPM_OK;
    MPI_Comm_split(comm->all, (int)out->plan.carried.first, out->plan.place, &ranks);
    const ddpm_status status = ddpm_comm_adopt(ranks, &out->comm);
    MPI_Comm_free(&ranks);
    out->is_own = status == DDPM_OK;
    return ddpm_agree(comm, status);
}

void ddpm_group_leave(ddpm_group *group)
{
    if (group->is_own) ddpm_comm_leave(group->comm);
    *group = (ddpm_group){0};
}
