/* What the dev build adds to the program: failures on demand, and a balance of memory at exit. The sources know nothing
 * of it: the linker puts the functions below in the place of the real ones (--wrap, see CMakeLists.txt).
 *
 *      DDPM_FAULT=site:nth[:rank]       the nth call of `site`, from 1, fails on this rank (on every rank)
 *      DDPM_FAULT=count                 nothing fails; at exit each rank says how often it called each site
 *
 * A site is a function of the system, of HDF5, or ddpm_agree: the local part of a collective function. What ranks do
 * together (a collective write) is done first and then fails, as a real failure of one rank would otherwise be MPI's.
 */
#include "base/memory.h"
#include "world/comm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define H5_USE_110_API
#include <hdf5.h>

enum { EXIT_LEAK = 70 };

static int my_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i])) return atoi(getenv(names[i]));
    return 0;
}

typedef struct site {
    const char *name;
    int calls;
    struct site *next; /* of those that were called */
} site;

static site *called;

/* Whether this call of a site is the one that fails; sets errno. */
static int fails(site *s, int number)
{
    const char *fault = getenv("DDPM_FAULT");
    const size_t length = strlen(s->name);
    char *after;
    const int calls = __atomic_add_fetch(&s->calls, 1, __ATOMIC_RELAXED);
    if (calls == 1) s->next = __atomic_exchange_n(&called, s, __ATOMIC_RELAXED);
    if (!fault || strncmp(fault, s->name, length) || fault[length] != ':') return 0;
    const long nth = strtol(fault + length + 1, &after, 10);
    if (calls != nth || (*after == ':' && atoi(after + 1) != my_rank())) return 0;
    fprintf(stderr, "fault: %s:%ld on rank %d\n", s->name, nth, my_rank());
    errno = number;
    return 1;
}

#define DECLARE(name, type, parameters) \
    type __real_##name parameters;      \
    type __wrap_##name parameters;

/* Fail instead of the call. */
#define INSTEAD(name, type, parameters, arguments, failure, number) \
    DECLARE(name, type, parameters)                                 \
    type __wrap_##name parameters                                   \
    {                                                               \
        static site here = {#name, 0, NULL};                        \
        if (fails(&here, number)) return failure;                   \
        return __real_##name arguments;                             \
    }

/* Fail after the call. */
#define AFTER(name, type, parameters, arguments, failure) \
    DECLARE(name, type, parameters)                       \
    type __wrap_##name parameters                         \
    {                                                     \
        static site here = {#name, 0, NULL};              \
        const type result = __real_##name arguments;      \
        return fails(&here, EIO) ? failure : result;      \
    }

/* ---- memory ---- */
INSTEAD(posix_memalign, int, (void **out, size_t alignment, size_t bytes), (out, alignment, bytes), ENOMEM, ENOMEM)
INSTEAD(open_memstream, FILE *, (char **text, size_t *bytes), (text, bytes), NULL, ENOMEM)
INSTEAD(memfd_create, int, (const char *name, unsigned flags), (name, flags), -1, ENOMEM)
INSTEAD(mmap, void *, (void *at, size_t bytes, int protection, int flags, int fd, off_t offset),
        (at, bytes, protection, flags, fd, offset), MAP_FAILED, ENOMEM)

/* ---- files ---- */
INSTEAD(read, ssize_t, (int fd, void *to, size_t bytes), (fd, to, bytes), -1, EIO)
INSTEAD(pread, ssize_t, (int fd, void *to, size_t bytes, off_t at), (fd, to, bytes, at), -1, EIO)
INSTEAD(write, ssize_t, (int fd, const void *from, size_t bytes), (fd, from, bytes), -1, ENOSPC)
INSTEAD(pwrite, ssize_t, (int fd, const void *from, size_t bytes, off_t at), (fd, from, bytes, at), -1, ENOSPC)
INSTEAD(fallocate, int, (int fd, int mode, off_t at, off_t bytes), (fd, mode, at, bytes), -1, ENOSPC)
INSTEAD(fsync, int, (int fd), (fd), -1, EIO)
INSTEAD(rename, int, (const char *from, const char *to), (from, to), -1, EIO)
INSTEAD(symlink, int, (const char *target, const char *link), (target, link), -1, EIO)
INSTEAD(unlink, int, (const char *path), (path), -1, EIO)
INSTEAD(mkdir, int, (const char *path, mode_t mode), (path, mode), -1, ENOSPC)
INSTEAD(opendir, DIR *, (const char *path), (path), NULL, EIO)
INSTEAD(stat, int, (const char *path, struct stat *about), (path, about), -1, EIO)
INSTEAD(fstat, int, (int fd, struct stat *about), (fd, about), -1, EIO)
INSTEAD(readlink, ssize_t, (const char *path, char *to, size_t bytes), (path, to, bytes), -1, EIO)
INSTEAD(fopen, FILE *, (const char *path, const char *mode), (path, mode), NULL, EIO)
INSTEAD(fread, size_t, (void *to, size_t size, size_t count, FILE *file), (to, size, count, file), 0, EIO)
INSTEAD(fflush, int, (FILE * file), (file), EOF, ENOSPC)
AFTER(fclose, int, (FILE * file), (file), (errno = ENOSPC, EOF))
INSTEAD(flock, int, (int fd, int operation), (fd, operation), -1, ENOLCK)
AFTER(close, int, (int fd), (fd), (errno = EIO, -1))

DECLARE(open, int, (const char *path, int flags, ...))
int __wrap_open(const char *path, int flags, ...)
{
    static site here = {"open", 0, NULL};
    va_list more;
    if (fails(&here, EIO)) return -1;
    va_start(more, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    return __real_open(path, flags, mode);
}

/* ---- HDF5 ---- */
INSTEAD(H5Fcreate, hid_t, (const char *path, unsigned flags, hid_t creation, hid_t access),
        (path, flags, creation, access), -1, EIO)
INSTEAD(H5Gcreate2, hid_t, (hid_t file, const char *name, hid_t link, hid_t creation, hid_t access),
        (file, name, link, creation, access), -1, EIO)
INSTEAD(H5Acreate_by_name, hid_t,
        (hid_t file, const char *object, const char *name, hid_t type, hid_t space, hid_t creation, hid_t access,
         hid_t link),
        (file, object, name, type, space, creation, access, link), -1, EIO)
INSTEAD(H5Aopen_by_name, hid_t, (hid_t file, const char *object, const char *name, hid_t access, hid_t link),
        (file, object, name, access, link), -1, EIO)
INSTEAD(H5Dget_space, hid_t, (hid_t id), (id), -1, EIO)
INSTEAD(H5Sselect_hyperslab, herr_t,
        (hid_t space, H5S_seloper_t how, const hsize_t *start, const hsize_t *stride, const hsize_t *count,
         const hsize_t *block),
        (space, how, start, stride, count, block), -1, EIO)
INSTEAD(H5Dcreate2, hid_t,
        (hid_t file, const char *name, hid_t type, hid_t space, hid_t link, hid_t creation, hid_t access),
        (file, name, type, space, link, creation, access), -1, EIO)
INSTEAD(H5Dopen2, hid_t, (hid_t file, const char *name, hid_t access), (file, name, access), -1, EIO)
INSTEAD(H5Dread, herr_t, (hid_t id, hid_t type, hid_t memory, hid_t file, hid_t transfer, void *to),
        (id, type, memory, file, transfer, to), -1, EIO)
INSTEAD(H5Awrite, herr_t, (hid_t id, hid_t type, const void *from), (id, type, from), -1, EIO)
INSTEAD(H5Aread, herr_t, (hid_t id, hid_t type, void *to), (id, type, to), -1, EIO)
INSTEAD(H5Pcreate, hid_t, (hid_t kind), (kind), -1, EIO)
INSTEAD(H5Screate_simple, hid_t, (int dims, const hsize_t *size, const hsize_t *most), (dims, size, most), -1, EIO)
AFTER(H5Dwrite, herr_t, (hid_t id, hid_t type, hid_t memory, hid_t file, hid_t transfer, const void *from),
      (id, type, memory, file, transfer, from), -1)
AFTER(H5Fclose, herr_t, (hid_t id), (id), -1)

/* Opened together, a file fails for all or the job ends through MPI: only what one rank opens fails here. */
DECLARE(H5Fopen, hid_t, (const char *path, unsigned flags, hid_t access))
hid_t __wrap_H5Fopen(const char *path, unsigned flags, hid_t access)
{
    static site here = {"H5Fopen", 0, NULL};
    if (H5Pget_driver(access) != H5FD_MPIO && fails(&here, EIO)) return -1;
    return __real_H5Fopen(path, flags, access);
}

/* ---- collectives ---- */
DECLARE(ddpm_agree, ddpm_status, (ddpm_comm * comm, ddpm_status status))
ddpm_status __wrap_ddpm_agree(ddpm_comm *comm, ddpm_status status)
{
    static site here = {"ddpm_agree", 0, NULL};
    if (fails(&here, EIO) && status == DDPM_OK) status = ddpm_fail(DDPM_ERR_INTERNAL, "a failure was asked for");
    return __real_ddpm_agree(comm, status);
}

/* ---- at exit ---- */
__attribute__((destructor)) static void count_calls(void)
{
    const char *fault = getenv("DDPM_FAULT");
    if (!fault || strcmp(fault, "count")) return;
    for (const site *s = called; s; s = s->next)
        fprintf(stderr, "calls: %s %d on rank %d\n", s->name, s->calls, my_rank());
}

__attribute__((destructor)) static void check_balance(void)
{
    const long long left = (long long)ddpm_memory_balance();
    if (left == 0) return;
    fprintf(stderr, "leak: %lld allocations were not released\n", left);
    _exit(EXIT_LEAK);
}
