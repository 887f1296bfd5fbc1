/* One clock is read at the end of each part of an iteration; the ranks' sums are collected in one table. */
#include "train/timing.h"

#include "base/memory.h"
#include "file/output.h"

#include <stdio.h>
#include <string.h>

enum { WARM_UP = 20, COLUMNS = DDPM_TIMING_PARTS + 2, ROW_BYTES = 256 };

static const char header[] = "rank,threads,iterations,input,compute,wait,reduction,update,output\n";

void ddpm_timing_begin(ddpm_timing *timing)
{
    *timing = (ddpm_timing){.warming = WARM_UP, .last = ddpm_comm_seconds()};
}

void ddpm_timing_add(ddpm_timing *timing, ddpm_timing_part part)
{
    if (!timing) return;
    const double now = ddpm_comm_seconds();
    if (timing->warming == 0) timing->seconds[part] += now - timing->last;
    timing->last = now;
}

void ddpm_timing_iteration(ddpm_timing *timing)
{
    if (!timing) return;
    if (timing->warming > 0)
        timing->warming--;
    else
        timing->iterations++;
}

/* Local: rank 0.  table: [ranks][COLUMNS]. */
static ddpm_status write_table(const char *folder, int ranks, const double *table)
{
    char path[DDPM_PATH_BYTES], *text = NULL;
    size_t at = sizeof header - 1;
    DDPM_TRY(ddpm_file_join(folder, "timings.csv", path));
    DDPM_TRY(ddpm_allocate(&text, (int64_t)sizeof header + (int64_t)ranks * ROW_BYTES, 1, "timings.csv"));
    memcpy(text, header, sizeof header);
    for (int rank = 0; rank < ranks; rank++) {
        const double *row = table + (ptrdiff_t)rank * COLUMNS;
        at += (size_t)snprintf(text + at, ROW_BYTES, "%d,%.0f,%.0f", rank, row[0], row[1]);
        for (int i = 2; i < COLUMNS; i++) at += (size_t)snprintf(text + at, ROW_BYTES / COLUMNS, ",%.6f", row[i]);
        text[at++] = '\n';
    }
    const ddpm_status status = ddpm_output_replace(path, text, at);
    ddpm_release(text);
    return status;
}

ddpm_status ddpm_timing_write(ddpm_comm *comm, const ddpm_timing *timing, int threads, const char *folder)
{
    const int ranks = ddpm_comm_size(comm);
    double *table = NULL;
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&table, (int64_t)ranks * COLUMNS, "timings"));
    if (status == DDPM_OK) {
        double *mine = table + (ptrdiff_t)ddpm_comm_rank(comm) * COLUMNS;
        mine[0] = threads;
        mine[1] = (double)timing->iterations;
        memcpy(mine + 2, timing->seconds, sizeof timing->seconds);
        ddpm_comm_sum_double(comm, table, (int64_t)ranks * COLUMNS);
        status = DDPM_ON_RANK_0(comm, write_table(folder, ranks, table));
    }
    ddpm_release(table);
    return status;
}
