/** Where the conditions of rows come from: other datasets of the data's file, columns of the data, or the label of
 * generated rows.
 *
 *  data.condition lists names. A name is that of a dataset with one value for each row, or else of a column of
 * data.dataset (by name or number); of generated data, it is "label". A dataset of integers or of an enumeration,
 * and the label of two_moons, are classes and all others are numbers, unless "class:NAME" or "number:NAME" says which.
 * A name may be listed once, and a column that is a condition is not modelled. Local, main thread.
 */
#ifndef DDPM_DATA_CONDITION_SOURCE_H
#define DDPM_DATA_CONDITION_SOURCE_H

#include "data/spec.h"
#include "file/h5.h"
#include "model/condition.h"

typedef struct ddpm_condition_source ddpm_condition_source;

/** The list of one key of the configuration. */
typedef struct ddpm_condition_list {
    const char *key;  /* for messages: data.condition or training.balance */
    const char *noun; /* what messages call a value: condition or weight */
    const ddpm_text_list *names;
} ddpm_condition_list;

/** Find the conditions that are listed. DDPM_ERR_DATA: no dataset or column of a name, or not one number for each row.
 * DDPM_ERR_CONFIG: a name given twice, or another name than "label" for generated rows. spec, list, file and names
 * must outlive the source.
 *  @param file         of the data; NULL for generated data.
 *  @param rows, width  of the dataset; width is 0 where a value cannot be one of its columns.
 *  @param names        [width] of its columns, or NULL.
 *  @param[out] out     close with ddpm_condition_source_close. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_source_open(const ddpm_data_spec *spec, const ddpm_condition_list *list,
                                                       ddpm_h5 *file, int64_t rows, int64_t width, char *const *names,
                                                       ddpm_condition_source **out);
void ddpm_condition_source_close(ddpm_condition_source *source);

int64_t ddpm_condition_source_count(const ddpm_condition_source *source); /* V */

/** The column of data.dataset that value v is, from 0; -1 if it is another dataset or a label. */
int64_t ddpm_condition_source_column(const ddpm_condition_source *source, int64_t v);

/** Read value v of rows first .. first+count-1 as it is, [count]. DDPM_ERR_DATA: the file says that it is no value. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_source_read_plain(ddpm_condition_source *source, int64_t v, int64_t first,
                                                             int64_t count, double *values);

/** Collective. Make a condition of the values of all rows, which every rank can read: their names, how many classes
 * they have, means and deviations. DDPM_ERR_DATA names the row of a class that is not a whole number of 64
 * bits, or of a number that is not finite, or says that there are more than DDPM_CLASSES_MAX classes.
 *  @param rows      how many there are.
 *  @param[out] out  release with ddpm_condition_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_source_measure(ddpm_comm *comm, ddpm_condition_source *source, int64_t rows,
                                                          ddpm_condition *out);

/** Read value v of rows first .. first+count-1, standardised, to their places in values [count][V]. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_source_read_value(ddpm_condition_source *source,
                                                             const ddpm_condition *condition, int64_t v, int64_t first,
                                                             int64_t count, float *values);

/** Read the values of rows first .. first+count-1, standardised, [count][V]. DDPM_ERR_DATA names the row of a value
 * that the condition does not have (ddpm_condition_standardise). */
DDPM_MUST_CHECK ddpm_status ddpm_condition_source_read(ddpm_condition_source *source, const ddpm_condition *condition,
                                                       int64_t first, int64_t count, float *values);

#endif
