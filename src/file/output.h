/** Files that are written: complete or absent. They are made under a temporary name of their own,
 * ".NAME.xxxxxxxx.partial", made durable and renamed (as redis saves its snapshots), so that of several writers of one
 * name the last leaves its file whole. An output takes the place of a regular file only. Local, main thread.
 */
#ifndef DDPM_FILE_OUTPUT_H
#define DDPM_FILE_OUTPUT_H

#include "file/file.h"

#include <stdint.h>

enum { DDPM_PARTIAL_LEFT_SECONDS = 86400 }; /* a partial file that has not changed for so long is not being written */

/** Before an output that the user named is made: refuse to replace a file that was read (DDPM_ERR_USAGE), a file that
 * this program did not write, a checkpoint, or anything but a regular file (DDPM_ERR_IO); an empty file may be
 * replaced. Call it once for an output, when all inputs are open. Partial files of the same name that were not written
 * to for a day, which killed programs left, are removed.
 *  @param begins  with what text a file of this kind begins; NULL: it is HDF5. */
DDPM_MUST_CHECK ddpm_status ddpm_output_prepare(const char *path, const char *begins);

/** The same for a kind of file that has such a text so many bytes behind its beginning. */
DDPM_MUST_CHECK ddpm_status ddpm_output_prepare_behind(const char *path, int64_t behind, const char *begins);

/** Make an empty file of a temporary name beside path, which nobody else has. DDPM_ERR_USAGE when path names no file or
 * is too long, DDPM_ERR_IO when something other than a regular file has the name. */
DDPM_MUST_CHECK ddpm_status ddpm_output_begin(const char *path, char partial[DDPM_PATH_BYTES]);

/** From now on SIGINT, SIGTERM and SIGHUP, unless they are ignored, remove the file that was begun last and not
 * committed before they end the program. While it trains, train/stop.h catches them. */
void ddpm_output_guard(void);

/** Sync the partial file, rename it to path, sync the folder (where the file system can). On failure the partial file
 * is removed and path is as it was; if only syncing the folder failed, path is the new file. */
DDPM_MUST_CHECK ddpm_status ddpm_output_commit(const char *partial, const char *path);

/** Replace path by a file of these bytes, which is complete and durable when it gets its name. */
DDPM_MUST_CHECK ddpm_status ddpm_output_replace(const char *path, const void *data, size_t bytes);

/** Point a symbolic link at target, replacing an older link or file in one step. On failure errno says why: EPERM and
 * EOPNOTSUPP come from file systems without links. */
DDPM_MUST_CHECK ddpm_status ddpm_output_link(const char *target, const char *link);

/** Open a file for appending, and make it if there is none; it must be a regular file and no link. Its content may be
 * read, too. */
DDPM_MUST_CHECK ddpm_status ddpm_output_append(const char *path, int *fd);

/** Remove the partial files of a folder that were not written to for `age` seconds. A file that cannot be removed leads
 * to a warning.
 *  @param name  of the file that was to be made; NULL: of any. */
void ddpm_output_remove_partials(const char *folder, const char *name, double age);

#endif
