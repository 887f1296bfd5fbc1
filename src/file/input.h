/** Files that are read. Opening one never waits, which a pipe or a device may make a program do, and what was opened is
 * remembered, so that no output takes its place (file/output.h). Local.
 */
#ifndef DDPM_FILE_INPUT_H
#define DDPM_FILE_INPUT_H

#include "base/status.h"

#include <sys/stat.h>

/** Open a regular file for reading. DDPM_ERR_MISSING when there is none, DDPM_ERR_IO when it cannot be opened or is a
 * folder, a pipe or a device.
 *  @param[out] fd  to be closed by the caller; -1 on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_input_open(const char *path, int *fd);

/** Remember a file that was opened in another way. */
void ddpm_input_note(const struct stat *about);

/** Forget a file: it was only looked at. */
void ddpm_input_forget(const struct stat *about);

/** Whether this thread has opened a file for reading, by whatever name. */
int ddpm_input_was_read(const struct stat *about);

#endif
