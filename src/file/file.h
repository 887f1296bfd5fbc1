/** Names of files and folders, writing to open files, and the messages of failures. Local, main thread. */
#ifndef DDPM_FILE_FILE_H
#define DDPM_FILE_FILE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DDPM_PATH_BYTES = 4096,
    DDPM_PARTIAL_BYTES = 18 /* by which a temporary name is longer (file/output.h) */
};

/** Ends temporary names. */
#define DDPM_PARTIAL_SUFFIX ".partial"

/** The name that a file will get: of a temporary name the final one, which users know; any other name is itself.
 *  @param room  may be used for it. */
const char *ddpm_file_final(const char *path, char room[DDPM_PATH_BYTES]);

/** Fail with "path: what (the reason that errno gives)" and what to do about some reasons, and leave errno as it is; a
 * temporary name is told as the final one. DDPM_ERR_IO. */
ddpm_status ddpm_file_fail(const char *path, const char *what);

/** The same where so many bytes could not be written. */
ddpm_status ddpm_file_fail_write(const char *path, int64_t bytes);

/** The same for a file that is to be opened: DDPM_ERR_MISSING when there is none. */
ddpm_status ddpm_file_fail_open(const char *path, const char *what);

/** Split FILE[:dataset]; a file that exists by the whole text, colon included, is taken as it is. DDPM_ERR_USAGE when
 * either part is too long.
 *  @param fallback  the dataset when none is named.
 *  @param[out] path, dataset  [bytes] each. */
DDPM_MUST_CHECK ddpm_status ddpm_file_split_dataset(const char *text, const char *fallback, size_t bytes, char *path,
                                                    char *dataset);

/** Write all bytes to an open file, also when the system interrupts.
 *  @param path  for the message. */
DDPM_MUST_CHECK ddpm_status ddpm_file_write(int fd, const char *path, const void *data, size_t bytes);

/** The same from an offset on, where the file's own position does not count. */
DDPM_MUST_CHECK ddpm_status ddpm_file_write_at(int fd, const char *path, const void *data, size_t bytes,
                                               int64_t offset);

/** Refuse to make what begins with '~', since 'rm -r ~' would not remove it, and a shell takes ~NAME for the folder of
 * a user. DDPM_ERR_USAGE. */
DDPM_MUST_CHECK ddpm_status ddpm_file_check_name(const char *path);

/** Make a folder and those above it. */
DDPM_MUST_CHECK ddpm_status ddpm_file_make_folder(const char *path);

/** The folder part of path with its last slash, or "" when it has none: its length. */
size_t ddpm_file_folder_bytes(const char *path);

/** DDPM_ERR_USAGE for a path or name that is too long. */
ddpm_status ddpm_file_fail_long(const char *path);

/** out = folder/name. */
DDPM_MUST_CHECK ddpm_status ddpm_file_join(const char *folder, const char *name, char out[DDPM_PATH_BYTES]);

#endif
