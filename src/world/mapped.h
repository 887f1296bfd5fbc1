/** Memory that processes of one node map into their address spaces, for world/comm.c and world/shared.c. */
#ifndef DDPM_WORLD_MAPPED_H
#define DDPM_WORLD_MAPPED_H

#include <mpi.h>
#include <stddef.h>

/** Collective over ranks of one node. Whether they can share memory, of any size; a rank that is alone cannot. */
int ddpm_mapped_is_possible(MPI_Comm node);

/** Collective over ranks of one node. Zeros, which all of them read and write; NULL on all of them where that cannot be
 * had. Leave with ddpm_mapped_free. */
void *ddpm_mapped_create(MPI_Comm node, size_t bytes);

/** Local. */
void ddpm_mapped_free(void *data, size_t bytes);

#endif
