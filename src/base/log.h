/** Lines for people, on standard error. Only rank 0 prints them: the other ranks are silenced once, at the start.
 *  Local, main thread. */
#ifndef DDPM_BASE_LOG_H
#define DDPM_BASE_LOG_H

#include "base/status.h"

/** Say whether this rank prints (nonzero), as every rank does until it is called. Only one rank of a run should. */
void ddpm_log_enable(int prints);

/** Print a line, or one that starts with "warning: "; a newline is added. */
void ddpm_log_info(const char *format, ...) DDPM_PRINTF(1, 2);
void ddpm_log_warning(const char *format, ...) DDPM_PRINTF(1, 2);

/** On a terminal, overwrite the last live line with this one; elsewhere, print nothing. */
void ddpm_log_live(const char *format, ...) DDPM_PRINTF(1, 2);

/** Whether lines go to a terminal. */
int ddpm_log_is_terminal(void);

#endif
