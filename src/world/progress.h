/** The progress of a loop: a live bar on a terminal, a line from time to time in a log. Local, main thread. */
#ifndef DDPM_WORLD_PROGRESS_H
#define DDPM_WORLD_PROGRESS_H

#include <stdint.h>

typedef struct ddpm_progress {
    const char *unit; /* "iteration" */
    int64_t first, total;
    double start, last_line, last_bar; /* seconds */
    int header_due;
} ddpm_progress;

/** @param first  how much of the total is done already. */
ddpm_progress ddpm_progress_begin(const char *unit, int64_t first, int64_t total);

/** Show that `done` of the total is done, with `detail` beside it. It draws a few times a second only, so call it
 * often.
 *  @param rate  units a second, from which the time that is left follows. */
void ddpm_progress_bar(ddpm_progress *progress, int64_t done, double rate, const char *detail);

/** Whether a line of the log is due: the first, the last, or some seconds after the one before. */
int ddpm_progress_line_due(ddpm_progress *progress, int64_t done);

/** "1 h 02 min", "3 min 20 s", "4.2 s" */
void ddpm_progress_duration(double seconds, char *out, int bytes);

#endif
