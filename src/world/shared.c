/* A team maps its memory; a rank that is alone, or could share none, as between containers, has its own copy. */
#include "world/shared.h"

#include "base/log.h"
#include "base/memory.h"
#include "world/comm_mpi.h"
#include "world/mapped.h"

struct ddpm_shared {
    void *data;
    size_t bytes; /* 0 for private memory */
};

/* Collective. Say once where a node's ranks hold everything for themselves. */
static void warn(ddpm_comm *comm)
{
    static int warned;
    int refused = comm->node_size > comm->team_size;
    MPI_Allreduce(MPI_IN_PLACE, &refused, 1, MPI_INT, MPI_SUM, comm->all);
    if (refused > 0 && !warned)
        ddpm_log_warning("%d of %d ranks cannot share memory with the others of their node, as where each rank has a "
                         "container of its own: each holds the data for itself",
                         refused, comm->size);
    warned |= refused > 0;
}

/* Collective over a team. */
static ddpm_status allocate(ddpm_comm *comm, size_t bytes, const char *what, ddpm_shared *out)
{
    if (comm->team_size == 1 || bytes == 0) return ddpm_allocate(&out->data, (int64_t)bytes, 1, what);
    out->data = ddpm_mapped_create(comm->team, bytes);
    if (!out->data)
        return ddpm_fail(DDPM_ERR_MEMORY, "out of memory: %zu bytes for %s, which the ranks of a node share", bytes,
                         what);
    out->bytes = bytes;
    return DDPM_OK;
}

ddpm_status ddpm_shared_create(ddpm_comm *comm, size_t bytes, const char *what, ddpm_shared **out)
{
    ddpm_shared *shared = NULL;
    *out = NULL;
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&shared, 1, what));
    if (status != DDPM_OK) {
        ddpm_release(shared); /* another rank may be the one that failed */
        return status;
    }
    warn(comm);
    status = ddpm_agree(comm, allocate(comm, bytes, what, shared));
    if (status == DDPM_OK)
        *out = shared;
    else
        ddpm_shared_free(shared);
    return status;
}

void *ddpm_shared_data(const ddpm_shared *shared)
{
    return shared->data;
}

int ddpm_shared_is_shared(const ddpm_shared *shared)
{
    return shared->bytes > 0;
}

ddpm_range ddpm_shared_part(const ddpm_comm *comm, const ddpm_shared *shared, int64_t n)
{
    return ddpm_shared_is_shared(shared) ? ddpm_part(n, comm->team_rank, comm->team_size) : (ddpm_range){0, n};
}

void ddpm_shared_free(ddpm_shared *shared)
{
    if (!shared) return;
    if (ddpm_shared_is_shared(shared))
        ddpm_mapped_free(shared->data, shared->bytes);
    else
        ddpm_release(shared->data);
    ddpm_release(shared);
}
