/** The MPI handles behind a ddpm_comm, for the files of world/ and for parallel HDF5 (file/h5_parallel.c). Local. */
#ifndef DDPM_WORLD_COMM_MPI_H
#define DDPM_WORLD_COMM_MPI_H

#include "world/comm.h"

#include <mpi.h>

struct ddpm_comm {
    MPI_Comm all;     /* every rank */
    MPI_Comm node;    /* the ranks on this rank's node */
    MPI_Comm team;    /* those of them that share memory with this one: all, or itself alone (world/shared.h) */
    MPI_Comm leaders; /* the first rank of each team; MPI_COMM_NULL on the others */
    int rank, size, node_rank, node_size, node_count, team_rank, team_size, team_count;
    int team_number; /* of team_count, in the order of their first ranks */
    double start_seconds;
};

/** Collective over the host's communicator. Ranks of a program that has started MPI itself: its communicator is
 * duplicated, and errors of MPI on the duplicate end the program, whatever the host's own handler does. DDPM_ERR_USAGE:
 * MPI is not running; DDPM_ERR_MEMORY.
 *  @param[out] out  leave with ddpm_comm_leave. */
DDPM_MUST_CHECK ddpm_status ddpm_comm_adopt(MPI_Comm host, ddpm_comm **out);

#endif
