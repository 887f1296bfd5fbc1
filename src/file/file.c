/* Files that are complete or absent. What is in a file is not known here. */
#include "file/file.h"

#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char ending[] = ".partial";

ddpm_status ddpm_file_fail(const char *path, const char *what)
{
    const int number = errno;
    (void)ddpm_fail(DDPM_ERR_IO, "%s: %s (%s)", path, what, strerror(number));
    errno = number; /* callers tolerate some of them */
    return DDPM_ERR_IO;
}

ddpm_status ddpm_file_fail_open(const char *path, const char *what)
{
    if (errno != ENOENT && errno != ENOTDIR) return ddpm_file_fail(path, what);
    return ddpm_fail(DDPM_ERR_MISSING, "%s: %s (%s)", path, what, strerror(errno));
}

static ddpm_status fail_long(const char *path)
{
    return ddpm_fail(DDPM_ERR_USAGE, "%.80s...: the path is too long (at most %d bytes, %d for the last name)", path,
                     DDPM_PATH_BYTES - 1, NAME_MAX - (int)sizeof ending);
}

/** Length of the folder part of path, with its last slash. */
static size_t folder_bytes(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

ddpm_status ddpm_file_split_dataset(const char *text, const char *fallback, size_t bytes, char *path, char *dataset)
{
    const char *colon = access(text, F_OK) == 0 ? NULL : strrchr(text, ':');
    const size_t length = colon ? (size_t)(colon - text) : strlen(text);
    if (length >= bytes || (colon && strlen(colon + 1) >= bytes))
        return ddpm_fail(DDPM_ERR_USAGE, "%.80s...: the name is too long (at most %zu bytes)", text, bytes - 1);
    memcpy(path, text, length);
    path[length] = '\0';
    snprintf(dataset, bytes, "%s", colon ? colon + 1 : fallback);
    return DDPM_OK;
}

static int sync_retry(int fd)
{
    int failed;
    do failed = fsync(fd);
    while (failed && errno == EINTR);
    return failed;
}

/** Make the names in path's folder durable. Where the file system cannot sync a folder, or the folder may not be read,
 * nothing more can be done, and that is no failure. */
static ddpm_status sync_folder(const char *path)
{
    char folder[DDPM_PATH_BYTES];
    const size_t bytes = folder_bytes(path);
    if (bytes >= sizeof folder) return fail_long(path);
    snprintf(folder, sizeof folder, "%.*s", bytes ? (int)bytes : 1, bytes ? path : ".");
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno == EACCES ? DDPM_OK : ddpm_file_fail(folder, "the folder could not be opened");
    const int failed = sync_retry(fd) && errno != EINVAL && errno != EOPNOTSUPP;
    const ddpm_status status = failed ? ddpm_file_fail(folder, "the folder could not be written to disk") : DDPM_OK;
    close(fd);
    return status;
}

ddpm_status ddpm_file_partial_name(const char *path, char out[DDPM_PATH_BYTES])
{
    const size_t folder = folder_bytes(path);
    const char *base = path + folder;
    if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
        return ddpm_fail(DDPM_ERR_USAGE, "'%s' does not name a file", path);
    if (strlen(path) >= DDPM_PATH_BYTES) return fail_long(path);
    const int length = snprintf(out, DDPM_PATH_BYTES, "%.*s.%s%s", (int)folder, path, base, ending);
    return length < 0 || length >= DDPM_PATH_BYTES ? fail_long(path) : DDPM_OK;
}

static ddpm_status sync_file(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ddpm_file_fail(path, "could not be opened");
    const ddpm_status status = sync_retry(fd) ? ddpm_file_fail(path, "could not be written to disk") : DDPM_OK;
    if (close(fd) && errno != EINTR && status == DDPM_OK) return ddpm_file_fail(path, "could not be closed");
    return status;
}

ddpm_status ddpm_file_commit(const char *partial, const char *path)
{
    ddpm_status status = sync_file(partial);
    if (status == DDPM_OK && rename(partial, path)) status = ddpm_file_fail(path, "could not be replaced");
    if (status != DDPM_OK) {
        unlink(partial);
        return status;
    }
    return sync_folder(path);
}

static int is_partial(const char *name)
{
    const size_t length = strlen(name), end = sizeof ending - 1;
    return name[0] == '.' && length > end + 1 && !strcmp(name + length - end, ending);
}

void ddpm_file_remove_partials(const char *folder, double age)
{
    char path[DDPM_PATH_BYTES];
    struct stat about;
    DIR *open_folder = opendir(folder);
    const struct dirent *entry;
    while (open_folder && (entry = readdir(open_folder))) {
        if (!is_partial(entry->d_name) || ddpm_file_join(folder, entry->d_name, path) != DDPM_OK) continue;
        if (lstat(path, &about) || difftime(time(NULL), about.st_mtime) < age) continue;
        if (unlink(path) && errno != ENOENT) ddpm_log_warning("%s: could not be removed (%s)", path, strerror(errno));
    }
    if (open_folder) closedir(open_folder);
}

ddpm_status ddpm_file_write(int fd, const char *path, const void *data, size_t bytes)
{
    for (const char *at = data; bytes;) {
        const ssize_t written = write(fd, at, bytes);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return ddpm_file_fail(path, "could not be written");
        at += written;
        bytes -= (size_t)written;
    }
    return DDPM_OK;
}

ddpm_status ddpm_file_write_at(int fd, const char *path, const void *data, size_t bytes, int64_t offset)
{
    for (const char *at = data; bytes;) {
        const ssize_t written = pwrite(fd, at, bytes, (off_t)offset);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return ddpm_file_fail(path, "could not be written");
        at += written;
        offset += written;
        bytes -= (size_t)written;
    }
    return DDPM_OK;
}

ddpm_status ddpm_file_replace(const char *path, const void *data, size_t bytes)
{
    char partial[DDPM_PATH_BYTES];
    DDPM_TRY(ddpm_file_partial_name(path, partial));
    const int fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return ddpm_file_fail(partial, "could not be made");
    ddpm_status status = ddpm_file_write(fd, path, data, bytes);
    if (close(fd) && errno != EINTR && status == DDPM_OK) status = ddpm_file_fail(path, "could not be written");
    if (status == DDPM_OK) return ddpm_file_commit(partial, path);
    unlink(partial);
    return status;
}

ddpm_status ddpm_file_link(const char *target, const char *link)
{
    char partial[DDPM_PATH_BYTES];
    DDPM_TRY(ddpm_file_partial_name(link, partial));
    if (unlink(partial) && errno != ENOENT) return ddpm_file_fail(partial, "could not be removed");
    if (symlink(target, partial)) return ddpm_file_fail(link, "the link could not be made");
    if (rename(partial, link)) {
        const ddpm_status status = ddpm_file_fail(link, "the link could not be replaced");
        unlink(partial);
        return status;
    }
    return sync_folder(link);
}

static int is_folder(const char *path)
{
    struct stat about;
    return !stat(path, &about) && S_ISDIR(about.st_mode);
}

ddpm_status ddpm_file_make_folder(const char *path)
{
    char part[DDPM_PATH_BYTES];
    const size_t length = strlen(path);
    if (!length) return ddpm_fail(DDPM_ERR_USAGE, "the name of a folder is empty");
    if (length >= sizeof part) return fail_long(path);
    memcpy(part, path, length + 1);
    for (size_t end = 1; end <= length; end++) {
        if (path[end] != '/' && path[end]) continue;
        part[end] = '\0';
        /* mkdir comes second, since it may fail with EROFS or EACCES on a folder that exists */
        if (!is_folder(part) && mkdir(part, 0777) && !(errno == EEXIST && is_folder(part)))
            return ddpm_file_fail(part, errno == EEXIST ? "is in the way of a folder" : "the folder could not be made");
        part[end] = path[end];
    }
    return DDPM_OK;
}

ddpm_status ddpm_file_join(const char *folder, const char *name, char out[DDPM_PATH_BYTES])
{
    const size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] != '/' ? "/" : "";
    const int written = snprintf(out, DDPM_PATH_BYTES, "%s%s%s", folder, slash, name);
    return written < DDPM_PATH_BYTES ? DDPM_OK : fail_long(folder);
}
