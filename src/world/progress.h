/** How far a loop is: a live bar on a terminal, an aligned line now and then in a log. Local: the rank that speaks. */
#ifndef DDPM_WORLD_PROGRESS_H
#define DDPM_WORLD_PROGRESS_H

#include <stdint.h>

typedef struct ddpm_progress {
    const char *unit; /* "iteration" */
    int64_t first, total;
    double start, last_line, last_bar; /* seconds */
    int header_due;
} ddpm_progress;

/** @param first  where this run of the loop starts. */
ddpm_progress ddpm_progress_begin(const char *unit, int64_t first, int64_t total);

/** After `done` of total; detail is what is to be shown beside it. Cheap to call often.
 *  @param rate  units a second, for the time left. */
void ddpm_progress_bar(ddpm_progress *progress, int64_t done, double rate, const char *detail);

/** Whether a line for the log is due: the first, the last, and at least PROGRESS_SECONDS after the one before. */
int ddpm_progress_line_due(ddpm_progress *progress, int64_t done);

/** "1 h 02 min", "3 min 20 s", "4.2 s" */
void ddpm_progress_duration(double seconds, char *out, int bytes);

#endif
