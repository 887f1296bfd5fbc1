/** Files that are complete or absent: they are written under a temporary name, made durable and renamed (as redis saves
 * its snapshots). Local, main thread.
 */
#ifndef DDPM_FILE_FILE_H
#define DDPM_FILE_FILE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { DDPM_PATH_BYTES = 4096 };

/** Fail with "path: what (the reason that errno gives)", and leave errno as it is. DDPM_ERR_IO. */
ddpm_status ddpm_file_fail(const char *path, const char *what);

/** The same for a file that is to be opened: DDPM_ERR_MISSING when there is none. */
ddpm_status ddpm_file_fail_open(const char *path, const char *what);

/** The temporary name beside path: ".<base name>.partial". DDPM_ERR_USAGE when a path is too long. */
DDPM_MUST_CHECK ddpm_status ddpm_file_partial_name(const char *path, char out[DDPM_PATH_BYTES]);

/** Split FILE[:dataset]; a file that exists by the whole text, colon included, is taken as it is. DDPM_ERR_USAGE when
 * either part is too long.
 *  @param fallback  the dataset when none is named.
 *  @param[out] path, dataset  [bytes] each. */
DDPM_MUST_CHECK ddpm_status ddpm_file_split_dataset(const char *text, const char *fallback, size_t bytes, char *path,
                                                    char *dataset);

/** Sync the partial file, rename it to path, sync the folder (where the file system can). On failure the partial file
 * is removed and path is as it was; if only syncing the folder failed, path is the new file. */
DDPM_MUST_CHECK ddpm_status ddpm_file_commit(const char *partial, const char *path);

/** Remove the partial files of a folder that were not written to for `age` seconds. A file that cannot be removed leads
 * to a warning. */
void ddpm_file_remove_partials(const char *folder, double age);

/** Replace path by a file of these bytes, which is complete and durable when it gets its name (ddpm_file_commit). */
DDPM_MUST_CHECK ddpm_status ddpm_file_replace(const char *path, const void *data, size_t bytes);

/** Write all bytes to an open file, also when the system interrupts.
 *  @param path  for the message. */
DDPM_MUST_CHECK ddpm_status ddpm_file_write(int fd, const char *path, const void *data, size_t bytes);

/** The same from an offset on, where the file's own position does not count. */
DDPM_MUST_CHECK ddpm_status ddpm_file_write_at(int fd, const char *path, const void *data, size_t bytes,
                                               int64_t offset);

/** Point a symbolic link at target, replacing an older link in one step. On failure errno says why: EPERM and
 * EOPNOTSUPP come from file systems without links. */
DDPM_MUST_CHECK ddpm_status ddpm_file_link(const char *target, const char *link);

/** Make a folder and those above it. */
DDPM_MUST_CHECK ddpm_status ddpm_file_make_folder(const char *path);

/** out = folder/name. */
DDPM_MUST_CHECK ddpm_status ddpm_file_join(const char *folder, const char *name, char out[DDPM_PATH_BYTES]);

#endif
