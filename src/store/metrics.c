/* metrics.csv. On opening, rows are dropped that a resumed run will write again; after that, rows are only appended. */
#include "store/metrics.h"

#include "base/log.h"
#include "base/memory.h"
#include "file/input.h"
#include "file/output.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char header[] =
    "iteration,epoch,loss,validation_loss,learning_rate,gradient_norm,rows_per_second,seconds\n";

enum { COLUMNS = 8, ROW_BYTES = 512 };

struct ddpm_metrics {
    int fd;
    char path[DDPM_PATH_BYTES];
};

/** The whole file, ended by a zero byte; *text stays NULL when there is no file. */
static ddpm_status read_all(const char *path, char **text, size_t *bytes)
{
    struct stat about;
    int fd;
    *bytes = 0;
    const ddpm_status opened = ddpm_input_open(path, &fd);
    if (opened != DDPM_OK) return opened == DDPM_ERR_MISSING ? DDPM_OK : opened;
    ddpm_status status = fstat(fd, &about) ? ddpm_file_fail(path, "could not be examined") : DDPM_OK;
    if (status == DDPM_OK) status = ddpm_allocate(text, (int64_t)about.st_size + 1, 1, "metrics.csv");
    while (status == DDPM_OK && *bytes < (size_t)about.st_size) {
        const ssize_t n = read(fd, *text + *bytes, (size_t)about.st_size - *bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) status = ddpm_file_fail(path, "could not be read");
        if (n <= 0) break;
        *bytes += (size_t)n;
    }
    close(fd);
    return status;
}

/** Whether a line is a row; and its iteration and seconds. */
static int parse_row(const char *line, const char *end, int64_t *iteration, double *seconds)
{
    char *after = NULL;
    const char *last = line;
    int columns = 1;
    for (const char *at = line; at < end; at++) {
        if (*at != ',') continue;
        last = at + 1;
        columns++;
    }
    *iteration = strtoll(line, &after, 10);
    if (columns != COLUMNS || after == line || *after != ',' || last == end) return 0;
    *seconds = strtod(last, &after);
    return after == end;
}

/** Move the rows to keep to the front of text.
 *  @return their bytes, with the header. */
static size_t drop_rows(const char *path, char *text, size_t bytes, int64_t keep_until, double *seconds)
{
    size_t kept = sizeof header - 1;
    int64_t iteration = 0, unparsed = 0;
    double row_seconds = 0;
    for (char *line = text + kept, *end; (end = memchr(line, '\n', bytes - (size_t)(line - text))); line = end + 1) {
        const size_t length = (size_t)(end - line) + 1;
        const int row = parse_row(line, end, &iteration, &row_seconds);
        if (!row) unparsed++;
        if (!row || iteration > keep_until) continue;
        *seconds = row_seconds;
        memmove(text + kept, line, length);
        kept += length;
    }
    if (unparsed)
        ddpm_log_warning("%s: dropped %lld lines that are not rows of %d numbers", path, (long long)unparsed, COLUMNS);
    return kept;
}

/** Reduce the file to its header and the rows to keep. */
static ddpm_status prepare(const char *path, int64_t keep_until, double *seconds)
{
    char *text = NULL;
    size_t bytes = 0;
    ddpm_status status = read_all(path, &text, &bytes);
    if (status == DDPM_OK && bytes == 0) {
        status = ddpm_output_replace(path, header, sizeof header - 1);
    } else if (status == DDPM_OK && (bytes < sizeof header - 1 || memcmp(text, header, sizeof header - 1))) {
        status = ddpm_fail(DDPM_ERR_DATA, "%s: its first line is not '%.*s'; move the file away", path,
                           (int)sizeof header - 2, header);
    } else if (status == DDPM_OK) {
        const size_t kept = drop_rows(path, text, bytes, keep_until, seconds);
        if (kept < bytes) status = ddpm_output_replace(path, text, kept);
    }
    ddpm_release(text);
    return status;
}

ddpm_status ddpm_metrics_open(const char *path, int64_t keep_until, ddpm_metrics **out, double *seconds)
{
    ddpm_metrics *metrics = NULL;
    *out = NULL;
    *seconds = 0;
    if (strlen(path) >= sizeof metrics->path) return ddpm_fail(DDPM_ERR_USAGE, "%.80s...: the path is too long", path);
    DDPM_TRY(prepare(path, keep_until, seconds));
    DDPM_TRY(DDPM_NEW(&metrics, 1, "metrics"));
    memcpy(metrics->path, path, strlen(path) + 1);
    const ddpm_status status = ddpm_output_append(path, &metrics->fd);
    if (status != DDPM_OK) {
        ddpm_release(metrics);
        return status;
    }
    *out = metrics;
    return DDPM_OK;
}

ddpm_status ddpm_metrics_append(ddpm_metrics *metrics, const ddpm_metrics_row *row)
{
    char line[ROW_BYTES];
    const double values[COLUMNS - 1] = {row->epoch,         row->loss,          row->validation_loss,
                                        row->learning_rate, row->gradient_norm, row->rows_per_second,
                                        row->seconds};
    size_t at = (size_t)snprintf(line, sizeof line, "%lld", (long long)row->iteration);
    for (int i = 0; i < COLUMNS - 1; i++) {
        line[at++] = ',';
        if (!isnan(values[i])) at += (size_t)snprintf(line + at, sizeof line - at, "%.9g", values[i]);
    }
    line[at++] = '\n';
    return ddpm_file_write(metrics->fd, metrics->path, line, at);
}

ddpm_status ddpm_metrics_close(ddpm_metrics **metrics)
{
    ddpm_metrics *m = *metrics;
    *metrics = NULL;
    if (!m) return DDPM_OK;
    ddpm_status status = DDPM_OK;
    if (fsync(m->fd) && errno != EINVAL && errno != EINTR)
        status = ddpm_file_fail(m->path, "could not be written to disk");
    if (close(m->fd) && errno != EINTR && status == DDPM_OK) status = ddpm_file_fail(m->path, "could not be closed");
    ddpm_release(m);
    return status;
}
