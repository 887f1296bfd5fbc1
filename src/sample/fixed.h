/** Columns that are the same in all samples of a masked model, by --condition NAME=VALUE: the samples are drawn from
 * the model's distribution given these values. Local. */
#ifndef DDPM_SAMPLE_FIXED_H
#define DDPM_SAMPLE_FIXED_H

#include "model/vocabulary.h"

typedef struct ddpm_fixed {
    int64_t columns;
    int64_t count; /* of the columns that are fixed */
    float *token;  /* [D]: token and place; NaN where a column is not fixed */
    double *value; /* [D]: as a row of a file has it, NaN for a gap */
} ddpm_fixed;

/** None is fixed at first. DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_fixed_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_fixed_create(int64_t columns, ddpm_fixed *out);

/** Read one text, as ddpm_fixed_read does, over what the column has. On failure it is as before. */
DDPM_MUST_CHECK ddpm_status ddpm_fixed_set(const ddpm_vocabulary *vocabulary, char *const *names, const char *text,
                                           ddpm_fixed *out);

/** Read texts NAME=VALUE: a number, the name of a category, or nothing for a gap. DDPM_ERR_USAGE: no such column, or no
 * such value in the training rows; a number beyond them is warned of.
 *  @param names     [D] of the columns; NULL: they have numbers from 0.
 *  @param texts     [count].
 *  @param[out] out  release with ddpm_fixed_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_fixed_read(const ddpm_vocabulary *vocabulary, char *const *names, int count,
                                            const char *const *texts, ddpm_fixed *out);
void ddpm_fixed_release(ddpm_fixed *fixed);

/** The value of a text alone, as a row of a file has it. @param text  what messages begin with. */
DDPM_MUST_CHECK ddpm_status ddpm_fixed_read_value(const ddpm_column_vocabulary *column, const char *text,
                                                  const char *value, double *out);

/** Put the values into rows [count][D] of a type. */
void ddpm_fixed_restore(const ddpm_fixed *fixed, int64_t count, ddpm_number type, void *numbers);

#endif
