/* Makes files under temporary names, and decides what they may replace. */
#include "file/output.h"

#include "base/log.h"
#include "base/memory.h"
#include "file/digest.h"
#include "file/h5.h"
#include "file/input.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ATTEMPTS = 100, BEGINS_BYTES = 128 };

static char pending[DDPM_PATH_BYTES]; /* the file that was begun last; "": it has been committed */

/* ---- temporary names ---- */

static ddpm_status partial_name(const char *path, char out[DDPM_PATH_BYTES])
{
    const size_t folder = ddpm_file_folder_bytes(path);
    const char *base = path + folder;
    unsigned word = 0;
    if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
        return ddpm_fail(DDPM_ERR_USAGE, "'%s' does not name a file", path);
    if (strlen(path) >= DDPM_PATH_BYTES - DDPM_PARTIAL_BYTES) return ddpm_file_fail_long(path);
    if (getrandom(&word, sizeof word, GRND_NONBLOCK) < 0) word = (unsigned)clock() ^ ((unsigned)getpid() << 8);
    snprintf(out, DDPM_PATH_BYTES, "%.*s.%s.%08x%s", (int)folder, path, base, word, DDPM_PARTIAL_SUFFIX);
    return DDPM_OK;
}

/* Whether an entry of a folder is a temporary name, of `name` if that is not NULL. */
static int is_partial(const char *entry, const char *name)
{
    const size_t length = strlen(entry), end = sizeof DDPM_PARTIAL_SUFFIX - 1;
    if (entry[0] != '.' || length <= end + 1 || strcmp(entry + length - end, DDPM_PARTIAL_SUFFIX) != 0) return 0;
    if (!name) return 1;
    const size_t known = strlen(name);
    if (strncmp(entry + 1, name, known) != 0) return 0;
    return length == 1 + known + end || (length == known + DDPM_PARTIAL_BYTES && entry[1 + known] == '.');
}

void ddpm_output_remove_partials(const char *folder, const char *name, double age)
{
    char path[DDPM_PATH_BYTES];
    struct stat about;
    DIR *open_folder = opendir(folder);
    const struct dirent *entry;
    while (open_folder && (entry = readdir(open_folder))) {
        if (!is_partial(entry->d_name, name) || ddpm_file_join(folder, entry->d_name, path) != DDPM_OK) continue;
        if (lstat(path, &about) || difftime(time(NULL), about.st_mtime) < age) continue;
        if (unlink(path) && errno != ENOENT) ddpm_log_warning("%s: could not be removed (%s)", path, strerror(errno));
    }
    if (open_folder) closedir(open_folder);
}

/* ---- what may be replaced ---- */

/* Refuse to replace anything but a regular file. @param[out] about  of the file; its size is -1 when there is none. */
static ddpm_status check_place(const char *path, struct stat *about)
{
    DDPM_TRY(ddpm_file_check_name(path));
    if (stat(path, about)) {
        about->st_size = -1;
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return DDPM_OK; /* what is wrong shows on opening */
        return ddpm_file_fail(path, "could not be examined");
    }
    if (S_ISREG(about->st_mode)) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_IO, "%s: could not be replaced: %s is in the way; name another file", path,
                     S_ISDIR(about->st_mode) ? "a folder" : "a pipe or a device");
}

static int has_text(const char *path, int64_t behind, const char *text)
{
    char start[BEGINS_BYTES];
    const size_t length = strlen(text);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return 0;
    const ssize_t got = length <= sizeof start ? pread(fd, start, length, (off_t)behind) : -1;
    close(fd);
    return got == (ssize_t)length && memcmp(start, text, length) == 0;
}

/* Whether this program wrote an HDF5 file that is no checkpoint: all of them say so. */
static int is_own_h5(const char *path, const struct stat *about)
{
    static const char own[] = "ddpm ";
    ddpm_h5 *file = NULL;
    char *program = NULL;
    ddpm_status status = ddpm_digest_begins(path) ? DDPM_ERR_DATA : ddpm_h5_open(path, &file);
    if (status == DDPM_OK) status = ddpm_h5_finish(&file, ddpm_h5_get_text(file, "/", "program", &program));
    const int is_own = status == DDPM_OK && strncmp(program, own, sizeof own - 1) == 0;
    ddpm_release(program);
    ddpm_input_forget(about);
    return is_own;
}

ddpm_status ddpm_output_prepare(const char *path, const char *begins)
{
    return ddpm_output_prepare_behind(path, 0, begins);
}

ddpm_status ddpm_output_prepare_behind(const char *path, int64_t behind, const char *begins)
{
    char folder[DDPM_PATH_BYTES];
    struct stat about;
    const size_t bytes = ddpm_file_folder_bytes(path);
    if (bytes >= sizeof folder) return ddpm_file_fail_long(path);
    DDPM_TRY(check_place(path, &about));
    if (about.st_size >= 0 && ddpm_input_was_read(&about))
        return ddpm_fail(DDPM_ERR_USAGE, "%s: is read by this command; name another file for its output", path);
    if (about.st_size > 0 && !(begins ? has_text(path, behind, begins) : is_own_h5(path, &about)))
        return ddpm_fail(
            DDPM_ERR_IO,
            "%s: could not be replaced: it is not an output of this kind that ddpm has written; remove it, "
            "or name another file",
            path);
    snprintf(folder, sizeof folder, "%.*s", bytes ? (int)bytes : 1, bytes ? path : ".");
    ddpm_output_remove_partials(folder, path + bytes, DDPM_PARTIAL_LEFT_SECONDS);
    return DDPM_OK;
}

/* ---- making files ---- */

/* A signal may come at any moment, and finds no name, or the whole one. */
static void set_pending(const char *partial)
{
    *pending = '\0';
    atomic_signal_fence(memory_order_seq_cst);
    memcpy(pending + 1, partial + 1, strlen(partial));
    atomic_signal_fence(memory_order_seq_cst);
    *pending = *partial;
}

ddpm_status ddpm_output_begin(const char *path, char partial[DDPM_PATH_BYTES])
{
    struct stat about;
    int fd = -1;
    DDPM_TRY(partial_name(path, partial));
    DDPM_TRY(check_place(path, &about));
    for (int i = 0; i < ATTEMPTS; i++) { /* only a rare accident needs a second one */
        set_pending(partial);            /* before there is a file, which a signal would leave behind otherwise */
        fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            close(fd); /* nothing was written */
            return DDPM_OK;
        }
        *pending = '\0';
        if (errno != EEXIST) break;
        DDPM_TRY(partial_name(path, partial));
    }
    return ddpm_file_fail(path,
                          errno == ENOENT ? "could not be made, since its folder is not there" : "could not be made");
}

static int sync_retry(int fd)
{
    int failed;
    do failed = fsync(fd);
    while (failed && errno == EINTR);
    return failed;
}

/* Make the names in path's folder durable. Where the file system cannot sync a folder, or the folder may not be read,
 * nothing more can be done, and that is no failure. */
static ddpm_status sync_folder(const char *path)
{
    char folder[DDPM_PATH_BYTES];
    const size_t bytes = ddpm_file_folder_bytes(path);
    if (bytes >= sizeof folder) return ddpm_file_fail_long(path);
    snprintf(folder, sizeof folder, "%.*s", bytes ? (int)bytes : 1, bytes ? path : ".");
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno == EACCES ? DDPM_OK : ddpm_file_fail(folder, "the folder could not be opened");
    const int failed = sync_retry(fd) && errno != EINVAL && errno != EOPNOTSUPP;
    const ddpm_status status = failed ? ddpm_file_fail(folder, "the folder could not be written to disk") : DDPM_OK;
    close(fd);
    return status;
}

static ddpm_status sync_file(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return ddpm_file_fail(path, "could not be opened");
    const ddpm_status status = sync_retry(fd) ? ddpm_file_fail(path, "could not be written to disk") : DDPM_OK;
    if (close(fd) && errno != EINTR && status == DDPM_OK) return ddpm_file_fail(path, "could not be closed");
    return status;
}

static void end_without_it(int number)
{
    if (*pending) unlink(pending);
    signal(number, SIG_DFL);
    raise(number);
}

void ddpm_output_guard(void)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        if (signal(ending[i], end_without_it) == SIG_IGN) signal(ending[i], SIG_IGN); /* as nohup wants it */
}

ddpm_status ddpm_output_commit(const char *partial, const char *path)
{
    struct stat about;
    ddpm_status status = sync_file(partial);
    if (status == DDPM_OK) status = check_place(path, &about); /* again: it may have been made since */
    if (status == DDPM_OK && rename(partial, path)) status = ddpm_file_fail(path, "could not be replaced");
    if (status != DDPM_OK) unlink(partial);
    *pending = '\0';
    return status == DDPM_OK ? sync_folder(path) : status;
}

ddpm_status ddpm_output_replace(const char *path, const void *data, size_t bytes)
{
    char partial[DDPM_PATH_BYTES];
    DDPM_TRY(ddpm_output_begin(path, partial));
    const int fd = open(partial, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    ddpm_status status = fd < 0 ? ddpm_file_fail(path, "could not be made") : DDPM_OK;
    if (status == DDPM_OK && ddpm_file_write(fd, path, data, bytes) != DDPM_OK)
        status = ddpm_file_fail_write(path, (int64_t)bytes);
    if (fd >= 0 && close(fd) && errno != EINTR && status == DDPM_OK)
        status = ddpm_file_fail(path, "could not be written");
    if (status == DDPM_OK) return ddpm_output_commit(partial, path);
    unlink(partial);
    return status;
}

ddpm_status ddpm_output_link(const char *target, const char *link)
{
    char partial[DDPM_PATH_BYTES];
    struct stat about;
    DDPM_TRY(partial_name(link, partial));
    DDPM_TRY(check_place(link, &about));
    if (symlink(target, partial)) return ddpm_file_fail(link, "the link could not be made");
    if (rename(partial, link)) {
        const ddpm_status status = ddpm_file_fail(link, "the link could not be replaced");
        const int number = errno;
        unlink(partial);
        errno = number;
        return status;
    }
    return sync_folder(link);
}

ddpm_status ddpm_output_append(const char *path, int *fd)
{
    struct stat about;
    *fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
    if (*fd < 0) return ddpm_file_fail(path, errno == ELOOP ? "is a link; remove it" : "could not be opened or made");
    ddpm_status status = fstat(*fd, &about) ? ddpm_file_fail(path, "could not be examined") : DDPM_OK;
    if (status == DDPM_OK && !S_ISREG(about.st_mode))
        status = ddpm_fail(DDPM_ERR_IO, "%s: is a pipe or a device, not a file; remove it", path);
    if (status == DDPM_OK) return DDPM_OK;
    close(*fd);
    *fd = -1;
    return status;
}
