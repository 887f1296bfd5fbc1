/** The MPI handles behind a ddpm_comm, for the files of world/ and for parallel HDF5 (file/h5_parallel.c). Local. */
#ifndef DDPM_WORLD_COMM_MPI_H
#define DDPM_WORLD_COMM_MPI_H

#include "world/comm.h"

#include <mpi.h>

struct ddpm_comm {
    MPI_Comm all;  /* every rank */
    MPI_Comm node; /* the ranks that share memory with this one */
    int rank, size, node_rank, node_size, node_count;
    double start_seconds;
};

#endif
