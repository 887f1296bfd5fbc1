/* From memory to disk. Only here can a full disk be met by a file that HDF5 made. */
#define _GNU_SOURCE 1 /* fallocate, SEEK_DATA */
#include "file/h5_handle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

static int write_all(int disk, const char *data, off_t from, off_t to)
{
    while (from < to) {
        const ssize_t written = pwrite(disk, data + from, (size_t)(to - from), from);
        if (written < 0 && errno != EINTR) return -1;
        if (written > 0) from += written;
    }
    return 0;
}

/** Write all but the holes. @param data  the bytes of `source`. */
static int copy(int source, int disk, const char *data, off_t bytes)
{
    off_t from = 0, to;
    while (from < bytes && (from = lseek(source, from, SEEK_DATA)) >= 0) {
        to = lseek(source, from, SEEK_HOLE);
        if (to < 0 || write_all(disk, data, from, to)) return -1;
        from = to;
    }
    return from < 0 && errno != ENXIO ? -1 : 0; /* ENXIO: the rest is a hole */
}

ddpm_status ddpm_h5_copy(int from, int to, const char *path)
{
    struct stat about;
    char *data = MAP_FAILED;
    int failed = fstat(from, &about);
    if (!failed && about.st_size == 0) return DDPM_OK;
    if (!failed) data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_SHARED, from, 0);
    failed = data == MAP_FAILED || reserve(to, about.st_size) || copy(from, to, data, about.st_size);
    const int number = errno;
    if (data != MAP_FAILED) munmap(data, (size_t)about.st_size);
    return failed ? ddpm_fail(DDPM_ERR_IO, "%s: could not be written (%s)", path, strerror(number)) : DDPM_OK;
}
