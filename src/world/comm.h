/** The ranks of a run, and how they agree on a status.
 *
 *  A function is Local (it never communicates, and may fail on one rank alone) or Collective (all ranks call it, and it
 *  returns the same status on all). A collective function hands the status of a local one to ddpm_agree, which makes it
 *  the status of all ranks. Main thread only.
 */
#ifndef DDPM_WORLD_COMM_H
#define DDPM_WORLD_COMM_H

#include "base/split.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct ddpm_comm ddpm_comm;

/** Collective. Start MPI (FUNNELED). Call once, first of all.
 *  @param[out] out  not NULL once MPI runs: ddpm_comm_stop must then be called, also after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_comm_start(int *argc, char ***argv, ddpm_comm **out);

/** Local. A rank that is alone without MPI: for what needs no other ranks, no parallel file and no placement. */
void ddpm_comm_start_alone(ddpm_comm **out);

/** Local. Whether mpirun, srun or the like started this process. */
int ddpm_comm_has_launcher(void);

/** Collective. Stop MPI and free. NULL is allowed. */
void ddpm_comm_stop(ddpm_comm *comm);

/** Collective. The ranks of this rank's team by themselves (world/shared.h). DDPM_ERR_MEMORY.
 *  @param[out] out  leave with ddpm_comm_leave. */
DDPM_MUST_CHECK ddpm_status ddpm_comm_of_team(ddpm_comm *comm, ddpm_comm **out);

/** Collective. Free ranks that were made of other ones. MPI goes on. NULL is allowed. */
void ddpm_comm_leave(ddpm_comm *comm);

/** Local. This rank, and the number of ranks. */
int ddpm_comm_rank(const ddpm_comm *comm);
int ddpm_comm_size(const ddpm_comm *comm);

/** Local. The ranks that share memory with this one (world/shared.h), itself among them; the teams; whether there are
 * several. */
int ddpm_comm_team_size(const ddpm_comm *comm);
int ddpm_comm_team_count(const ddpm_comm *comm);
int ddpm_comm_has_other_teams(const ddpm_comm *comm);

/** Collective. The same status on all ranks: DDPM_OK when all gave DDPM_OK, else the status and message of the lowest
 *  rank that failed (ddpm_error_message gives it on every rank). Costs one allreduce of 4 bytes when all is well. */
DDPM_MUST_CHECK ddpm_status ddpm_agree(ddpm_comm *comm, ddpm_status status);

/** Collective. Evaluate `call` on rank 0 alone; its status is the status of all. */
#define DDPM_ON_RANK_0(comm, call) ddpm_agree((comm), ddpm_comm_rank(comm) == 0 ? (call) : DDPM_OK)

/** Local. This rank's part of 0 .. n-1. */
ddpm_range ddpm_comm_part(const ddpm_comm *comm, int64_t n);

/** Collective. Copy rank 0's bytes to all. Any size. */
void ddpm_comm_broadcast(ddpm_comm *comm, void *data, size_t bytes);

/** Collective. data[i] becomes its sum over the ranks. Sums of integers are exact; those of floats and doubles depend
 * on the number of ranks, unless at most one rank contributes a value other than zero to an element. */
void ddpm_comm_sum_int64(ddpm_comm *comm, int64_t *data, int64_t count);
void ddpm_comm_sum_float(ddpm_comm *comm, float *data, int64_t count);
void ddpm_comm_sum_double(ddpm_comm *comm, double *data, int64_t count);

/** Collective. data[i] becomes its largest value over the ranks. */
void ddpm_comm_max_int64(ddpm_comm *comm, int64_t *data, int64_t count);

/** The threads of all ranks that share memory (world/shared.h), a team: those of this rank are first .. first+threads-1
 * of `count`. */
typedef struct ddpm_workers {
    int first, count;
} ddpm_workers;

/** Collective.
 *  @param threads  of this rank. */
ddpm_workers ddpm_comm_workers(ddpm_comm *comm, int threads);

/** Collective. data[i], of which each team has one in shared memory, becomes its sum over the teams, which a team's
 * ranks see after ddpm_comm_barrier_of_team. */
void ddpm_comm_sum_int64_of_teams(ddpm_comm *comm, int64_t *data, int64_t count);
void ddpm_comm_sum_int32_of_teams(ddpm_comm *comm, int32_t *data, int64_t count);
void ddpm_comm_sum_float_of_teams(ddpm_comm *comm, float *data, int64_t count);

/** Collective. Wait for the ranks of the team: what each wrote to shared memory before, all see after it. */
void ddpm_comm_barrier_of_team(ddpm_comm *comm);

/** Collective. Wait for all ranks. */
void ddpm_comm_barrier(ddpm_comm *comm);

/** Local. Seconds of a monotonic clock. */
double ddpm_comm_seconds(void);

/** Local. Seconds that ddpm_comm_start took on this rank. */
double ddpm_comm_start_seconds(const ddpm_comm *comm);

/** Local. The MPI library's own name and version, one line. */
const char *ddpm_comm_library(void);

#endif
