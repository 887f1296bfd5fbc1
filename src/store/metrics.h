/** metrics.csv: a row for each report, which can be read while the run goes on. Local: rank 0, main thread. */
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
    double seconds;         /* training time of the run until now, with that of earlier submissions */
} ddpm_metrics_row;

/** Open path for appending; make it, with its header, if it does not exist. Rows of iterations beyond `keep_until`,
 * which a resumed run will write again, are dropped: the file is replaced by a shorter copy in one step. So is a last
 * line that a killed run left incomplete.
 *  @param[out] seconds   of the last row that is kept; 0 without one. */
DDPM_MUST_CHECK ddpm_status ddpm_metrics_open(const char *path, int64_t keep_until, ddpm_metrics **out,
                                              double *seconds);

/** Append a row and flush it. */
DDPM_MUST_CHECK ddpm_status ddpm_metrics_append(ddpm_metrics *metrics, const ddpm_metrics_row *row);

DDPM_MUST_CHECK ddpm_status ddpm_metrics_close(ddpm_metrics **metrics);

#endif
