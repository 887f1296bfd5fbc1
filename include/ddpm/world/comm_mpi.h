/** The MPI handles behind a ddpm_comm: for world/ and store/h5.c alone, the only files that include mpi.h. */
#ifndef DDPM_WORLD_COMM_MPI_H
#define DDPM_WORLD_COMM_MPI_H

#include "ddpm/world/comm.h"
#include "ddpm/world/shared.h"

#include <mpi.h>

/** What queue.h shares out: the blocks of a node, or of a rank where the node grants no common memory. */
typedef struct ddpm_queue {
    ddpm_shared *memory;
    int first_rank, ranks; /* of all ranks, in the order of nodes */
    int64_t round, first, last, takers;
} ddpm_queue;

struct ddpm_comm {
    MPI_Comm all;  /* every rank */
    MPI_Comm node; /* the ranks that share memory with this one */
    int rank, size, node_rank, node_size, node_count;
    double start_seconds;
    ddpm_queue queue;
};

/** Collective. For ddpm_comm_start() and ddpm_comm_stop(). */
DDPM_MUST_CHECK ddpm_status ddpm_queue_create(ddpm_comm *comm);
void ddpm_queue_free(ddpm_comm *comm);

#endif
