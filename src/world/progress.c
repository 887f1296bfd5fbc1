/* Draws bars on a terminal, and says when lines of a log are due. */
#include "world/progress.h"

#include "base/log.h"
#include "world/comm.h"

#include <stdio.h>
#include <string.h>

enum { BAR_CELLS = 24 };
static const double BAR_SECONDS = 0.2, TERMINAL_LINE_SECONDS = 30.0, LOG_LINE_SECONDS = 5.0;

ddpm_progress ddpm_progress_begin(const char *unit, int64_t first, int64_t total)
{
    const double now = ddpm_comm_seconds();
    return (ddpm_progress){.unit = unit, .first = first, .total = total, .start = now, .header_due = 1};
}

void ddpm_progress_duration(double seconds, char *out, int bytes)
{
    const long s = (long)(seconds + 0.5);
    if (seconds < 59.5)
        snprintf(out, (size_t)bytes, "%.1f s", seconds);
    else if (s < 3600)
        snprintf(out, (size_t)bytes, "%ld min %02ld s", s / 60, s % 60);
    else
        snprintf(out, (size_t)bytes, "%ld h %02ld min", s / 3600, s % 3600 / 60);
}

void ddpm_progress_bar(ddpm_progress *progress, int64_t done, double rate, const char *detail)
{
    char cells[BAR_CELLS + 1], left[32];
    const double now = ddpm_comm_seconds();
    if (!ddpm_log_is_terminal() || now - progress->last_bar < BAR_SECONDS) return;
    progress->last_bar = now;
    const int64_t filled = progress->total > 0 ? BAR_CELLS * done / progress->total : BAR_CELLS;
    for (int i = 0; i < BAR_CELLS; i++) cells[i] = i < filled ? '#' : '.';
    cells[BAR_CELLS] = '\0';
    ddpm_progress_duration(rate > 0.0 ? (double)(progress->total - done) / rate : 0.0, left, sizeof left);
    ddpm_log_live("[%s] %lld/%lld %s  %s  %s left", cells, (long long)done, (long long)progress->total, progress->unit,
                  detail, left);
}

int ddpm_progress_line_due(ddpm_progress *progress, int64_t done)
{
    const double now = ddpm_comm_seconds();
    const double wait = ddpm_log_is_terminal() ? TERMINAL_LINE_SECONDS : LOG_LINE_SECONDS;
    if (progress->last_line > 0.0 && done < progress->total && now - progress->last_line < wait) return 0;
    progress->last_line = now;
    return 1;
}
