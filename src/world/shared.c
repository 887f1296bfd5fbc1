/* Memory of a node. It is no error if the node grants no window (a small /dev/shm): each rank then keeps its own copy.
 */
#include "world/shared.h"

#include "base/memory.h"
#include "world/comm_mpi.h"

#include <sys/statvfs.h>

struct ddpm_shared {
    MPI_Win window; /* MPI_WIN_NULL for private memory */
    void *data;
};

static const double ROOM = 1.05; /* MPI takes a little more than was asked for */

/* Whether this node's /dev/shm has room, since writing to a window beyond it would end the process. On a node without
 * /dev/shm MPI keeps windows elsewhere. */
static int has_room(size_t bytes)
{
    struct statvfs fs;
    if (statvfs("/dev/shm", &fs) != 0) return 1;
    return (double)fs.f_bavail * (double)fs.f_frsize > ROOM * (double)bytes;
}

/* A window of this node's ranks, or none for any of them. */
static MPI_Win make_window(ddpm_comm *comm, size_t bytes)
{
    MPI_Win window = MPI_WIN_NULL;
    void *base = NULL;
    const MPI_Aint mine = comm->node_rank == 0 ? (MPI_Aint)(bytes + DDPM_ALIGNMENT) : 0;
    int wanted = comm->node_size > 1 && bytes > 0 && has_room(bytes), ok;
    MPI_Allreduce(MPI_IN_PLACE, &wanted, 1, MPI_INT, MPI_LAND, comm->node);
    if (!wanted) return window;
    MPI_Comm_set_errhandler(comm->node, MPI_ERRORS_RETURN);
    ok = MPI_Win_allocate_shared(mine, 1, MPI_INFO_NULL, comm->node, &base, &window) == MPI_SUCCESS;
    MPI_Comm_set_errhandler(comm->node, MPI_ERRORS_ARE_FATAL);
    MPI_Allreduce(MPI_IN_PLACE, &ok, 1, MPI_INT, MPI_LAND, comm->node);
    return ok ? window : MPI_WIN_NULL;
}

/* The first aligned byte of the window, the same one on all ranks of the node: MPI may map a window at any address. */
static void *aligned_data(ddpm_comm *comm, MPI_Win window)
{
    MPI_Aint size;
    int unit;
    char *start;
    MPI_Win_shared_query(window, 0, &size, &unit, &start);
    int skip = (int)(-(uintptr_t)start % DDPM_ALIGNMENT);
    MPI_Bcast(&skip, 1, MPI_INT, 0, comm->node);
    return start + skip;
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
    shared->window = make_window(comm, bytes);
    if (shared->window == MPI_WIN_NULL) {
        status = ddpm_allocate(&shared->data, (int64_t)bytes, 1, what);
    } else {
        shared->data = aligned_data(comm, shared->window);
        MPI_Win_lock_all(MPI_MODE_NOCHECK, shared->window);
    }
    status = ddpm_agree(comm, status);
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
    return shared->window != MPI_WIN_NULL;
}

ddpm_range ddpm_shared_part(const ddpm_comm *comm, const ddpm_shared *shared, int64_t n)
{
    return ddpm_shared_is_shared(shared) ? ddpm_part(n, comm->node_rank, comm->node_size) : (ddpm_range){0, n};
}

void ddpm_shared_publish(ddpm_comm *comm, ddpm_shared *shared)
{
    if (shared->window != MPI_WIN_NULL) MPI_Win_sync(shared->window);
    MPI_Barrier(comm->node);
    if (shared->window != MPI_WIN_NULL) MPI_Win_sync(shared->window);
}

void ddpm_shared_free(ddpm_shared *shared)
{
    if (!shared) return;
    if (shared->window != MPI_WIN_NULL) {
        MPI_Win_unlock_all(shared->window);
        MPI_Win_free(&shared->window);
    } else {
        ddpm_release(shared->data);
    }
    ddpm_release(shared);
}
