/** metrics.csv: one row per report, readable while the run goes on. Local: rank 0. Main thread. */
#ifndef DDPM_STORE_METRICS_H
#define DDPM_STORE_METRICS_H

#include "base/status.h"

#include <stdint.h>

typedef struct ddpm_metrics ddpm_metrics;

/** Columns of metrics.csv, with units in the header. A NaN is written as an empty field. */
typedef struct ddpm_metrics_row {
    int64_t iteration;
    double epoch;           /* passes over the training rows */
    double loss;            /* mean over the iterations since the last row */
    double validation_loss; /* NaN: not measured in this interval */
    double learning_rate;
    double gradient_norm;   /* of the last iteration, before clipping */
    double rows_per_second; /* this interval */
    double seconds;         /* training time of the run so far, earlier submissions included */
} ddpm_metrics_row;

/** Open path for appending, making it with its header. Rows of iterations beyond `keep_until` are dropped (the file is
 * replaced in one step by a shortened copy), so that a resumed run writes each row once; a last line without its end (a
 * killed run) is dropped too.
 *  @param[out] seconds   of the last row kept, 0 without one. */
DDPM_MUST_CHECK ddpm_status ddpm_metrics_open(const char *path, int64_t keep_until, ddpm_metrics **out,
                                              double *seconds);

/** Append a row and flush it. */
DDPM_MUST_CHECK ddpm_status ddpm_metrics_append(ddpm_metrics *metrics, const ddpm_metrics_row *row);

DDPM_MUST_CHECK ddpm_status ddpm_metrics_close(ddpm_metrics **metrics);

#endif
