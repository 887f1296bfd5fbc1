/* Names of files and folders. What is in a file is not known here. */
#include "file/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a shell would have replaced in the name, had it been its to replace: that of a configuration is not. */
static const char *unexpanded(const char *path)
{
    if (*path == '~') return "; '~' is not expanded here, write the folder out";
    return strchr(path, '$') ? "; '$' is not expanded here, write its value" : "";
}

const char *ddpm_file_final(const char *path, char room[DDPM_PATH_BYTES])
{
    const size_t folder = ddpm_file_folder_bytes(path), length = strlen(path), end = sizeof DDPM_PARTIAL_SUFFIX - 1;
    if (length <= folder + DDPM_PARTIAL_BYTES || length >= DDPM_PATH_BYTES || path[folder] != '.' ||
        strcmp(path + length - end, DDPM_PARTIAL_SUFFIX) != 0)
        return path;
    snprintf(room, DDPM_PATH_BYTES, "%.*s%.*s", (int)folder, path, (int)(length - folder - DDPM_PARTIAL_BYTES),
             path + folder + 1);
    return room;
}

static const char *advice(int number, const char *path)
{
    if (number == ENOSPC || number == EDQUOT) return "; make room there, or write to another place";
    return number == ENOENT ? unexpanded(path) : "";
}

ddpm_status ddpm_file_fail(const char *path, const char *what)
{
    char room[DDPM_PATH_BYTES];
    const int number = errno;
    (void)ddpm_fail(DDPM_ERR_IO, "%s: %s (%s)%s", ddpm_file_final(path, room), what, strerror(number),
                    advice(number, path));
    errno = number; /* callers tolerate some of them */
    return DDPM_ERR_IO;
}

ddpm_status ddpm_file_fail_write(const char *path, int64_t bytes)
{
    char what[80];
    snprintf(what, sizeof what, "could not be written, which takes %.3g MiB", (double)bytes / 1048576.0);
    return ddpm_file_fail(path, what);
}

ddpm_status ddpm_file_fail_open(const char *path, const char *what)
{
    char folder[DDPM_PATH_BYTES];
    const int number = errno;
    const char *hint = unexpanded(path);
    if (number != ENOENT && number != ENOTDIR) return ddpm_file_fail(path, what);
    if (*path == '/' || *hint || !getcwd(folder, sizeof folder)) *folder = '\0';
    return ddpm_fail(DDPM_ERR_MISSING, "%s: %s (%s%s%s)%s", path, what, strerror(number), *folder ? ", from " : "",
                     folder, hint);
}

ddpm_status ddpm_file_fail_long(const char *path)
{
    return ddpm_fail(DDPM_ERR_USAGE, "%.80s...: the path is too long (at most %d bytes, %d for the last name)", path,
                     DDPM_PATH_BYTES - 1 - DDPM_PARTIAL_BYTES, NAME_MAX - DDPM_PARTIAL_BYTES);
}

size_t ddpm_file_folder_bytes(const char *path)
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

ddpm_status ddpm_file_check_name(const char *path)
{
    if (*path != '~') return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE, "%s: '~' is not expanded here; write the folder out, or ./%s for that name", path,
                     path);
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
    DDPM_TRY(ddpm_file_check_name(path));
    if (length >= sizeof part) return ddpm_file_fail_long(path);
    memcpy(part, path, length + 1);
    for (size_t end = 1; end <= length; end++) {
        if (path[end] != '/' && path[end]) continue;
        part[end] = '\0';
        /* mkdir comes second, since it may fail with EROFS or EACCES on a folder that exists */
        if (!is_folder(part) && mkdir(part, 0777)) {
            if (errno != EEXIST) return ddpm_file_fail(part, "the folder could not be made");
            if (!is_folder(part)) /* a link may be there whose folder is not */
                return ddpm_fail(DDPM_ERR_IO, "%s: is in the way of a folder; remove it, or name another", part);
        }
        part[end] = path[end];
    }
    return DDPM_OK;
}

ddpm_status ddpm_file_join(const char *folder, const char *name, char out[DDPM_PATH_BYTES])
{
    const size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] != '/' ? "/" : "";
    const int written = snprintf(out, DDPM_PATH_BYTES, "%s%s%s", folder, slash, name);
    return written < DDPM_PATH_BYTES ? DDPM_OK : ddpm_file_fail_long(folder);
}
