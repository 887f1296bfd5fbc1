/** The affine map between the data's own units and what the network sees: data = standardised * scale + mean, per
 * column. */
#ifndef DDPM_STORE_TRANSFORM_H
#define DDPM_STORE_TRANSFORM_H

#include "ddpm/store/config.h"
#include "ddpm/world/comm.h"

typedef struct ddpm_transform {
    int64_t columns;
    double *mean,
        *scale; /* [columns] in the data's units; scale is the standard deviation, or 1 for a constant column */
    double *minimum, *maximum; /* [columns] of the standardised training rows */
} ddpm_transform;

/** Rows to be measured. */
typedef struct ddpm_row_reader {
    int64_t count, columns;
    int64_t most; /* rows of one call of read */
    void *context;
    /** Local. *rows [count][columns], valid until the next call. */
    ddpm_status (*read)(void *context, int64_t first, int64_t count, const float **rows);
    /** Local. Whether a row takes part in the statistics. */
    int (*takes_part)(const void *context, int64_t row);
} ddpm_row_reader;

/** Collective. Statistics of rows that every rank can read; each is read by one rank. The sums are made over pieces
 * that depend on count and columns alone and are joined in order, so the result is the same bits at any number of
 * ranks.
 *  @param[out] out  release with ddpm_transform_release. */
DDPM_MUST_CHECK ddpm_status ddpm_transform_measure(ddpm_comm *comm, ddpm_standardize how, const ddpm_row_reader *reader,
                                                   ddpm_transform *out);

/** Local. */
DDPM_MUST_CHECK ddpm_status ddpm_transform_allocate(int64_t columns, ddpm_transform *out);
void ddpm_transform_release(ddpm_transform *transform);

/** Local, any thread. In place, rows [count][columns]: to what the network sees, and back. */
void ddpm_transform_apply(const ddpm_transform *transform, int64_t count, float *rows);
void ddpm_transform_invert(const ddpm_transform *transform, int64_t count, float *rows);

#endif
