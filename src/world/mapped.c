/* Memory of a node: a file in memory that its first rank makes and the others open through /proc. Unlike a file in
 * /dev/shm, which is small in many containers, it has no limit of its own, and nothing of it stays when a rank is
 * killed. */
#define _GNU_SOURCE 1 /* memfd_create */
#include "world/mapped.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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
static void *map(MPI_Comm node, size_t bytes, size_t length)
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
int ddpm_mapped_is_possible(MPI_Comm node)
{
    const size_t bytes = 4096, length = (size_t)1 << 40;
    int size;
    MPI_Comm_size(node, &size);
    void *data = size > 1 ? map(node, bytes, length) : NULL;
    if (data) munmap(data, bytes);
    return data != NULL;
}

void *ddpm_mapped_create(MPI_Comm node, size_t bytes)
{
    return map(node, bytes, bytes);
}

void ddpm_mapped_free(void *data, size_t bytes)
{
    munmap(data, bytes);
}
