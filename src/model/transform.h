/** The map between the data's own units and what the network sees. It is affine, data = standardised * scale + mean,
 * or by quantiles (model/quantiles.h), per column; or it is a vocabulary, which makes tokens of values. Local, any
 * thread. */
#ifndef DDPM_MODEL_TRANSFORM_H
#define DDPM_MODEL_TRANSFORM_H

#include "base/number.h"
#include "base/status.h"
#include "model/quantiles.h"

#include <stdint.h>

typedef struct ddpm_transform {
    int64_t columns;
    double *mean;              /* [columns], in the data's units */
    double *remainder;         /* [columns], to be added to the mean: what a double cannot hold of it; NULL: 0 */
    double *scale;             /* [columns], in the data's units: the standard deviation, or 1 for a constant column */
    double *minimum, *maximum; /* [columns], of the standardised training rows */
    double *quantiles;         /* [columns][DDPM_QUANTILES]; of the columns that have a map there, scores are the
                                * standardised numbers, with mean 0 and scale 1; or NULL */
    int32_t *decimals;         /* [columns]: of those columns; with quantiles */
    int64_t *steps;            /* [columns]: likewise; or NULL: none */
    ddpm_vocabulary
        *vocabulary; /* NULL: the map is affine. Else mean is 0, scale 1, minimum 0, maximum the last token */
} ddpm_transform;

/** DDPM_ERR_MEMORY.
 *  @param[out] out  holds zeros; release with ddpm_transform_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_transform_allocate(int64_t columns, ddpm_transform *out);
void ddpm_transform_release(ddpm_transform *transform);

/** The map of a vocabulary. DDPM_ERR_MEMORY.
 *  @param[in,out] vocabulary  taken over: what it holds is moved, on success.
 *  @param[out] out  release with ddpm_transform_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_transform_of_vocabulary(ddpm_vocabulary *vocabulary, ddpm_transform *out);

/** Give the map quantiles, all of them equal, decimals and steps. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_transform_allocate_quantiles(ddpm_transform *transform);

void ddpm_transform_release_quantiles(ddpm_transform *transform);

/** Whether a column has a map by quantiles. */
int ddpm_transform_has_quantiles(const ddpm_transform *transform, int64_t column);

/** Whether all training rows have the same value in a column. */
int ddpm_transform_is_constant(const ddpm_transform *transform, int64_t column);

/** Standardise rows, in double, and narrow them. With a vocabulary, a value without a token becomes -1.
 *  @param numbers    [count][columns] of a type; of float32, it may be `rows` itself.
 *  @param[out] rows  [count][columns]. */
void ddpm_transform_apply(const ddpm_transform *transform, ddpm_number type, int64_t count, const void *numbers,
                          float *rows);

/** Give standardised training rows random places in the ranges of scores of values that many rows share
 * (model/quantiles.h), which are a pure function of a row's number and the column.
 *  @param first  the number of the first row. */
void ddpm_transform_spread(const ddpm_transform *transform, int64_t first, int64_t count, float *rows);

/** The way back. Without a vocabulary, a constant column gets its value, whatever the rows have. Whole numbers are
 * rounded and kept in the range of their type.
 *  @param[out] numbers  [count][columns] of the type; of float32 and without a vocabulary, it may be `rows` itself. */
void ddpm_transform_invert(const ddpm_transform *transform, ddpm_number type, int64_t count, const float *rows,
                           void *numbers);

/** The value of a standardised number, in double. */
double ddpm_transform_value(const ddpm_transform *transform, int64_t column, double x);

/** ln of what a volume of standardised rows becomes in the data's units, at a row, over the columns that are not
 * constant: a negative log-density in the data's units has it more than one of standardised rows. -INFINITY where a
 * value that many training rows share has no density; INFINITY where no such row can be (ddpm_quantiles_log_slope).
 *  @param row  [columns], standardised. */
double ddpm_transform_log_volume(const ddpm_transform *transform, const float *row);

/** The type to write rows in that a model makes, for training data of type `own`: their own with a vocabulary or
 * quantiles, and that of whole numbers.
 * Floating-point numbers that were float64 are float32 where that has enough digits: they are float64 if a column's
 * mean is more than 10^4 deviations from 0, if its numbers are near the end of float32's range, or if it has only one
 * value, which a float32 number is not. */
ddpm_number ddpm_transform_type(const ddpm_transform *transform, ddpm_number own);

/** The same for rows between data and noise, which are not whole numbers. */
ddpm_number ddpm_transform_noisy_type(const ddpm_transform *transform, ddpm_number own);

#endif
