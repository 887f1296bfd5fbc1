/** Whether two sets of rows are the same, as far as their statistics tell.
 *
 *  Measuring is deterministic: from the same rows the same program gets the same bits at any number of ranks
 * (data/measure.h). So if a mean or a deviation differs at all, it belongs to other rows. Only statistics of numbers
 * that were narrowed to float32 before they were measured may differ from those of the numbers themselves: by that
 * rounding. Local, any thread.
 */
#ifndef DDPM_MODEL_SAME_DATA_H
#define DDPM_MODEL_SAME_DATA_H

#include "model/condition.h"
#include "model/transform.h"

/** Compare the means and deviations of columns, or their vocabularies. DDPM_ERR_DATA names the first column in which
 * they differ, with all four numbers: "column 2 (from 0) has mean 1 and deviation 2, not 1.5 and 2".
 *  @param names     of the columns, or NULL.
 *  @param narrowed  nonzero: the expected ones are of numbers that were narrowed to float32. */
DDPM_MUST_CHECK ddpm_status ddpm_same_transform(const ddpm_transform *found, const ddpm_transform *expected,
                                                const char *const *names, int narrowed);

/** The same for conditions: their number, their classes, and the means and deviations of numbers, which were narrowed
 * where the range of the expected ones is not known. */
DDPM_MUST_CHECK ddpm_status ddpm_same_condition(const ddpm_condition *found, const ddpm_condition *expected);

#endif
