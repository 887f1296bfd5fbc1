/** Lines for people, on standard error. Rank 0 speaks; the others are told to be quiet once, at start.
 *  Local: call from the main thread. */
#ifndef DDPM_BASE_LOG_H
#define DDPM_BASE_LOG_H

#include "base/status.h"

/** Only one rank of a run should speak. */
void ddpm_log_speak(int yes);

/** A line, or a line that starts with "warning: ". A newline is added. */
void ddpm_log_info(const char *format, ...) DDPM_PRINTF(1, 2);
void ddpm_log_warning(const char *format, ...) DDPM_PRINTF(1, 2);

/** On a terminal: overwrite the last live line with this one. Elsewhere nothing. */
void ddpm_log_live(const char *format, ...) DDPM_PRINTF(1, 2);

/** Whether lines go to a terminal. */
int ddpm_log_is_terminal(void);

#endif
