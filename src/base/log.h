/** Lines for people, on standard error. Only rank 0 prints them: the other ranks are silenced once, at the start.
 *  Local, main thread. */
#ifndef DDPM_BASE_LOG_H
#define DDPM_BASE_LOG_H

#include "base/status.h"

/** Say whether this rank prints (nonzero). None does until it is called, so that the library is silent; only one rank
 * of a run should. */
void ddpm_log_enable(int prints);

/** Print a line, or one that starts with "warning: "; a newline is added. */
void ddpm_log_info(const char *format, ...) DDPM_PRINTF(1, 2);
void ddpm_log_warning(const char *format, ...) DDPM_PRINTF(1, 2);

/** The same for a line that is not kept: numbers which another file of the run holds. */
void ddpm_log_passing(const char *format, ...) DDPM_PRINTF(1, 2);

/** Append the lines that this rank has printed so far, below a heading with version and time, and all that follow to
 *  a file; where one is kept already, that goes on. A line that cannot be written there is on standard error alone.
 *  @param fd  of the file, opened for reading and appending; it belongs to the log from now on. */
void ddpm_log_keep(int fd);

/** On a terminal, overwrite the last live line with this one; elsewhere, print nothing. */
void ddpm_log_live(const char *format, ...) DDPM_PRINTF(1, 2);

/** Whether lines go to a terminal. */
int ddpm_log_is_terminal(void);

#endif
