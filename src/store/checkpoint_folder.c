/* The checkpoints of a run folder: their names, the link to the latest, and which of them are kept. */
#include "store/checkpoint.h"

#include "base/log.h"
#include "base/memory.h"
#include "file/output.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char folder_name[] = "checkpoints", link_name[] = "latest.h5";

static void file_name(int64_t iteration, char out[48])
{
    snprintf(out, 48, "step-%09" PRId64 ".h5", iteration);
}

/** The iteration of a name that ddpm_checkpoint_path gives, else -1. */
static int64_t parse_name(const char *name)
{
    char again[48];
    int64_t iteration = -1;
    if (sscanf(name, "step-%18" SCNd64, &iteration) != 1 || iteration < 0) return -1;
    file_name(iteration, again);
    return strcmp(name, again) ? -1 : iteration;
}

static ddpm_status path_in(const char *run_folder, const char *name, char out[DDPM_PATH_BYTES])
{
    char folder[DDPM_PATH_BYTES];
    DDPM_TRY(ddpm_file_join(run_folder, folder_name, folder));
    return ddpm_file_join(folder, name, out);
}

static ddpm_status copy_path(const char *from, char *out, size_t bytes)
{
    if (strlen(from) >= bytes) return ddpm_fail(DDPM_ERR_USAGE, "%.80s...: the path is too long", from);
    memcpy(out, from, strlen(from) + 1);
    return DDPM_OK;
}

ddpm_status ddpm_checkpoint_path(const char *run_folder, int64_t iteration, char *out, size_t bytes)
{
    char name[48], path[DDPM_PATH_BYTES];
    file_name(iteration, name);
    DDPM_TRY(path_in(run_folder, name, path));
    return copy_path(path, out, bytes);
}

/** Call visit for every name in run_folder/checkpoints, and for none if there is no such folder. */
static ddpm_status each_name(const char *run_folder, ddpm_status (*visit)(void *context, const char *name),
                             void *context)
{
    char folder[DDPM_PATH_BYTES];
    DDPM_TRY(ddpm_file_join(run_folder, folder_name, folder));
    DIR *open_folder = opendir(folder);
    if (!open_folder && (errno == ENOENT || errno == ENOTDIR)) return DDPM_OK;
    if (!open_folder) return ddpm_file_fail(folder, "could not be listed");
    ddpm_status status = DDPM_OK;
    const struct dirent *entry;
    while (status == DDPM_OK && (errno = 0, entry = readdir(open_folder))) status = visit(context, entry->d_name);
    if (status == DDPM_OK && errno) status = ddpm_file_fail(folder, "could not be listed");
    closedir(open_folder);
    return status;
}

typedef struct listing {
    int64_t count, room;
    int64_t *iterations;
} listing;

static ddpm_status add_name(void *context, const char *name)
{
    listing *l = context;
    const int64_t iteration = parse_name(name);
    if (iteration < 0) return DDPM_OK;
    if (l->count == l->room) {
        int64_t *larger = NULL;
        const int64_t room = l->room ? 2 * l->room : 64;
        DDPM_TRY(DDPM_NEW(&larger, room, "a list of checkpoints"));
        if (l->count) memcpy(larger, l->iterations, (size_t)l->count * sizeof *larger);
        ddpm_release(l->iterations);
        l->iterations = larger;
        l->room = room;
    }
    l->iterations[l->count++] = iteration;
    return DDPM_OK;
}

static int newest_first(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

ddpm_status ddpm_checkpoint_list(const char *run_folder, int64_t *count, int64_t **iterations)
{
    listing l = {0};
    *count = 0;
    *iterations = NULL;
    const ddpm_status status = each_name(run_folder, add_name, &l);
    if (status != DDPM_OK) {
        ddpm_release(l.iterations);
        return status;
    }
    if (l.count) qsort(l.iterations, (size_t)l.count, sizeof *l.iterations, newest_first);
    *count = l.count;
    *iterations = l.iterations;
    return DDPM_OK;
}

/** The file that latest.h5 links to, by its own name, since the link may be moved while the file is read. */
static ddpm_status follow_link(const char *run_folder, char out[DDPM_PATH_BYTES], int *found)
{
    char link[DDPM_PATH_BYTES], target[DDPM_PATH_BYTES];
    struct stat about;
    DDPM_TRY(path_in(run_folder, link_name, link));
    *found = !stat(link, &about) && S_ISREG(about.st_mode);
    if (!*found) return DDPM_OK;
    const ssize_t length = readlink(link, target, sizeof target - 1);
    if (length <= 0) return copy_path(link, out, DDPM_PATH_BYTES); /* latest.h5 is a file, not a link */
    target[length] = '\0';
    return *target == '/' ? copy_path(target, out, DDPM_PATH_BYTES) : path_in(run_folder, target, out);
}

ddpm_status ddpm_checkpoint_locate(const char *path, char *out, size_t bytes)
{
    struct stat about;
    char file[DDPM_PATH_BYTES];
    int64_t count = 0, *iterations = NULL;
    int found = 0;
    if (stat(path, &about))
        return ddpm_fail(errno == ENOENT || errno == ENOTDIR ? DDPM_ERR_MISSING : DDPM_ERR_IO,
                         "%s: no such checkpoint or run folder (%s)", path, strerror(errno));
    if (!S_ISDIR(about.st_mode)) return copy_path(path, out, bytes);
    DDPM_TRY(follow_link(path, file, &found));
    if (found) return copy_path(file, out, bytes);
    DDPM_TRY(ddpm_checkpoint_list(path, &count, &iterations));
    const int64_t newest = count ? iterations[0] : -1;
    ddpm_release(iterations);
    if (newest >= 0) return ddpm_checkpoint_path(path, newest, out, bytes);
    return ddpm_fail(DDPM_ERR_MISSING, "%s: no checkpoint here; looked for %s/%s and %s/step-*.h5 in it", path,
                     folder_name, link_name, folder_name);
}

static void remove_file(const char *run_folder, const char *name)
{
    char path[DDPM_PATH_BYTES];
    if (path_in(run_folder, name, path) != DDPM_OK) return;
    if (unlink(path) && errno != ENOENT) ddpm_log_warning("%s: could not be removed (%s)", path, strerror(errno));
}

/** Make the link latest.h5. A file system without links is no failure: ddpm_checkpoint_locate takes the newest file. */
static ddpm_status link_latest(const char *run_folder, int64_t iteration)
{
    char name[48], link[DDPM_PATH_BYTES];
    file_name(iteration, name);
    DDPM_TRY(path_in(run_folder, link_name, link));
    const ddpm_status status = ddpm_output_link(name, link);
    return status != DDPM_OK && (errno == EPERM || errno == EOPNOTSUPP) ? DDPM_OK : status;
}

ddpm_status ddpm_checkpoint_publish(const char *run_folder, int64_t iteration, int64_t keep)
{
    char name[48];
    int64_t count = 0, *iterations = NULL;
    DDPM_TRY(link_latest(run_folder, iteration));
    DDPM_TRY(ddpm_checkpoint_list(run_folder, &count, &iterations));
    for (int64_t i = keep == DDPM_KEEP_NO_OTHER ? 0 : keep; keep != 0 && i < count; i++) {
        if (iterations[i] == iteration) continue;
        file_name(iterations[i], name);
        remove_file(run_folder, name);
    }
    ddpm_release(iterations);
    ddpm_checkpoint_remove_partials(run_folder);
    return DDPM_OK;
}

ddpm_status ddpm_checkpoint_go_back(const char *run_folder, int64_t iteration)
{
    char name[48];
    int64_t count = 0, *iterations = NULL;
    if (iteration > 0)
        DDPM_TRY(link_latest(run_folder, iteration));
    else
        remove_file(run_folder, link_name);
    DDPM_TRY(ddpm_checkpoint_list(run_folder, &count, &iterations));
    for (int64_t i = 0; i < count && iterations[i] > iteration; i++) {
        file_name(iterations[i], name);
        remove_file(run_folder, name);
    }
    ddpm_release(iterations);
    return DDPM_OK;
}

void ddpm_checkpoint_remove_partials(const char *run_folder)
{
    char folder[DDPM_PATH_BYTES];
    if (ddpm_file_join(run_folder, folder_name, folder) == DDPM_OK) ddpm_output_remove_partials(folder, NULL, 0.0);
}
