/** Where the conditions of rows come from: other datasets of the data's file, columns of the data, or the label of
 * generated rows.
 *
 *  data.condition lists names. A name is that of a dataset with one value for each row, or else of a column of
 * data.dataset (by name or number); of generated data, it is "label". Integers are classes and other types numbers,
 * unless "class:NAME" or "number:NAME" says which. A name may be listed once, and a column that is a condition is not
 * modelled. Local, main thread.
 */
#ifndef DDPM_DATA_CONDITION_SOURCE_H
#define DDPM_DATA_CONDITION_SOURCE_H

#include "data/spec.h"
#include "file/h5.h"

typedef struct ddpm_condition_source ddpm_condition_source;

/** @param file        of the data, borrowed; NULL for generated data.
 *  @param rows, width  of the dataset.
 *  @param names       [width] of its columns, or NULL.
 *  @param[out] out  close with ddpm_condition_source_close. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_source_open(const ddpm_data_spec *spec, ddpm_h5 *file, int64_t rows,
                                                       int64_t width, char *const *names, ddpm_condition_source **out);
void ddpm_condition_source_close(ddpm_condition_source *source);

int64_t ddpm_condition_source_count(const ddpm_condition_source *source); /* V */
const char *ddpm_condition_source_name(const ddpm_condition_source *source, int64_t v);
int ddpm_condition_source_is_class(const ddpm_condition_source *source, int64_t v);

/** The column of data.dataset that value v is, from 0; -1 if it is another dataset or a label. */
int64_t ddpm_condition_source_column(const ddpm_condition_source *source, int64_t v);

/** Read the values of rows first .. first+count-1, [count][V]. DDPM_ERR_DATA names the row of a class that is not a
 * whole number from 0 to DDPM_CLASSES_MAX - 1, or of a number that is not finite. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_source_read(ddpm_condition_source *source, int64_t first, int64_t count,
                                                       float *values);

#endif
