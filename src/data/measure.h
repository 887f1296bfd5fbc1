/** Measures columns, for the transform that standardises them. */
#ifndef DDPM_DATA_MEASURE_H
#define DDPM_DATA_MEASURE_H

#include "model/transform.h"
#include "world/comm.h"

/** Which columns have the same mean and scale. */
typedef enum ddpm_standardize {
    DDPM_STANDARDIZE_COLUMN, /* each column has its own */
    DDPM_STANDARDIZE_GLOBAL, /* all columns have the same */
    DDPM_STANDARDIZE_NONE    /* mean 0 and scale 1: the data stay as they are */
} ddpm_standardize;

/** The rows to be measured. */
typedef struct ddpm_row_reader {
    int64_t count, columns;
    int64_t most; /* rows that one call of read may ask for */
    void *context;
    /** Local. Read numbers less those of `reference` [columns], exactly but for the rounding of the difference. Each
     * row is read so once; another time, with NULL for zeros, to choose the reference.
     *  @param[out] rows  [count][columns]. */
    ddpm_status (*read)(void *context, const double *reference, int64_t first, int64_t count, double *rows);
    /** Local. In place of read, where all numbers are float32. *rows [count][columns], valid until the next call. NULL:
     *  read is called. */
    ddpm_status (*read_narrow)(void *context, int64_t first, int64_t count, const float **rows);
    /** Local. Whether a row takes part in the statistics. */
    int (*takes_part)(void *context, int64_t row);
    /** Local. Whether the numbers of a column have more digits than float32. NULL: none has. */
    int (*is_wide)(const void *context, int64_t column);
    /** Local. What messages call a column, with the file where it is. NULL: its number. */
    void (*name)(const void *context, int64_t column, char *out, size_t bytes);
} ddpm_row_reader;

/** Collective. Measure rows that every rank can read; each row is read by one rank. The rows are divided into pieces in
 * a way that depends only on count and columns, and the pieces' statistics are joined in their order. So the result is
 * the same bits at any number of ranks. Wide columns are measured from their first number on, so that a large offset
 * costs no digits.
 *  @param[out] out  release with ddpm_transform_release.
 *  @return DDPM_OK; what read returned; DDPM_ERR_DATA: the variance of a column is not within the range of a double. */
DDPM_MUST_CHECK ddpm_status ddpm_transform_measure(ddpm_comm *comm, ddpm_standardize how, const ddpm_row_reader *reader,
                                                   ddpm_transform *out);

#endif
