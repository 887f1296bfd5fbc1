/* From memory to disk. Only here can a full disk be met by a file that HDF5 made. */
#define _GNU_SOURCE 1 /* fallocate, SEEK_DATA */
#include "file/file.h"
#include "file/h5_handle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/** Reserve the file's space, also that of its holes: else a full disk would be noticed only when they are filled. Some
 * file systems cannot do that. */
static int reserve(int disk, off_t bytes)
{
    int failed;
    do failed = fallocate(disk, 0, 0, bytes);
    while (failed && errno == EINTR);
    if (!failed || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)) return failed;
    return ftruncate(disk, bytes);
}

static ddpm_status fail(const char *path)
{
    return ddpm_file_fail(path, "could not be written");
}

/** Write all but the holes. @param data  the bytes of `source`. */
static ddpm_status copy(int source, int disk, const char *path, const char *data, off_t bytes)
{
    off_t from = 0, to;
    while (from < bytes && (from = lseek(source, from, SEEK_DATA)) >= 0) {
        to = lseek(source, from, SEEK_HOLE);
        if (to < 0) return fail(path);
        DDPM_TRY(ddpm_file_write_at(disk, path, data + from, (size_t)(to - from), from));
        from = to;
    }
    return from < 0 && errno != ENXIO ? fail(path) : DDPM_OK; /* ENXIO: the rest is a hole */
}

ddpm_status ddpm_h5_copy(int from, int to, const char *path)
{
    struct stat about;
    if (fstat(from, &about)) return fail(path);
    if (about.st_size == 0) return DDPM_OK;
    char *data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_SHARED, from, 0);
    if (data == MAP_FAILED) return fail(path);
    const ddpm_status status = reserve(to, about.st_size) ? ddpm_file_fail_write(path, about.st_size)
                                                          : copy(from, to, path, data, about.st_size);
    munmap(data, (size_t)about.st_size);
    return status;
}
