/* Memory of a node: a file in memory that its first rank makes and the others open through /proc. Unlike a file in
 * /dev/shm, which is small in many containers, it has no limit of its own, and nothing of it stays when a rank is
 * killed. Where it cannot be had, as between containers, each rank keeps its own copy. */
#define _GNU_SOURCE 1 /* memfd_create */
#include "world/shared.h"

#include "base/log.h"
#include "base/memory.h"
#include "world/comm_mpi.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct ddpm_shared {
    void *data;
    size_t bytes; /* 0 for private memory */
};

/* What the first rank of a node tells the others: who has which file open. */
typedef struct owner {
    pid_t process;
    int fd; /* negative: no file could be made */
    dev_t device;
    ino_t number;
} owner;

static int make_file(size_t bytes, owner *out)
{
    struct stat about;
    const int fd = memfd_create("ddpm", MFD_CLOEXEC);
    if (fd >= 0 && (ftruncate(fd, (off_t)bytes) != 0 || fstat(fd, &about) != 0)) {
        close(fd);
        return -1;
    }
    if (fd >= 0) *out = (owner){getpid(), fd, about.st_dev, about.st_ino};
    return fd;
}

/* The process may be one of another container that has the same number here: compare the files. */
static int open_file(const owner *from)
{
    char path[64];
    struct stat about;
    if (from->fd < 0) return -1;
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)from->process, from->fd);
    const int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || (fstat(fd, &about) == 0 && about.st_dev == from->device && about.st_ino == from->number)) return fd;
    close(fd);
    return -1;
}

/* Collective over the ranks of a node. Memory of all of them, or NULL for all of them.
 * length: of the file; only `bytes` of it are mapped, and only what is written takes memory. */
static void *share(MPI_Comm node, size_t bytes, size_t length)
{
    owner from = {.fd = -1};
    int rank;
    MPI_Comm_rank(node, &rank);
    int fd = rank == 0 ? make_file(length, &from) : -1;
    MPI_Bcast(&from, (int)sizeof from, MPI_BYTE, 0, node);
    if (rank > 0) fd = open_file(&from);
    void *data = fd < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int ok = data != MAP_FAILED;
    MPI_Allreduce(MPI_IN_PLACE, &ok, 1, MPI_INT, MPI_LAND, node);
    if (fd >= 0) close(fd); /* after the others have opened it */
    if (ok) return data;
    if (data != MAP_FAILED) munmap(data, bytes);
    return NULL;
}

/* A file as long as any that is asked for later shows a limit on the size of files, too. */
int ddpm_shared_is_possible(MPI_Comm node)
{
    const size_t bytes = 4096, length = (size_t)1 << 40;
    int size;
    MPI_Comm_size(node, &size);
    void *data = size > 1 ? share(node, bytes, length) : NULL;
    if (data) munmap(data, bytes);
    return data != NULL;
}

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
    out->data = share(comm->team, bytes, bytes);
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
        munmap(shared->data, shared->bytes);
    else
        ddpm_release(shared->data);
    ddpm_release(shared);
}
