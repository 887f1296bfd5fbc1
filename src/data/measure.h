/** The statistics of columns that a transform is made of. */
#ifndef DDPM_DATA_MEASURE_H
#define DDPM_DATA_MEASURE_H

#include "model/transform.h"
#include "world/comm.h"

/** What shares a mean and a scale. */
typedef enum ddpm_standardize {
    DDPM_STANDARDIZE_COLUMN, /* each column has its own */
    DDPM_STANDARDIZE_GLOBAL, /* all columns have the same */
    DDPM_STANDARDIZE_NONE    /* mean 0 and scale 1: the data stay as they are */
} ddpm_standardize;

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

#endif
