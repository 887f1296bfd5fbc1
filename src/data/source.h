/** Where rows come from: a generator, or a dataset or a table of an HDF5 file, which is never changed. Local, main
 * thread. */
#ifndef DDPM_DATA_SOURCE_H
#define DDPM_DATA_SOURCE_H

#include "data/condition_source.h"
#include "model/vocabulary.h"

typedef struct ddpm_source ddpm_source;

/** Open what data.source names. Of a file that has no `data`, that dataset is `table`. DDPM_ERR_MISSING, DDPM_ERR_DATA
 * (no such dataset or column, not numbers, no rows), DDPM_ERR_IO, DDPM_ERR_CONFIG (a column that is also a condition,
 * or no column left to model; the rules of condition_source.h).
 *  @param[out] out   close with ddpm_source_close. */
DDPM_MUST_CHECK ddpm_status ddpm_source_open(const ddpm_data_spec *spec, ddpm_source **out);
void ddpm_source_close(ddpm_source *source);

/** The specification that it was opened with. */
const ddpm_data_spec *ddpm_source_spec(const ddpm_source *source);

int64_t ddpm_source_rows(const ddpm_source *source);
int64_t ddpm_source_columns(const ddpm_source *source); /* that are selected */

/** Names of the selected columns, or NULL. Valid while the source is open. */
const char *const *ddpm_source_names(const ddpm_source *source);

/** What the selected columns of a table of different kinds are (data/table.h); NULL for numbers of one kind. Rows of a
 * table are float64, with NaN for a gap, and of a category the place of its name. */
const ddpm_column_layout *ddpm_source_layouts(const ddpm_source *source);

/** Whether columns become tokens: those of a table, and of numbers of one kind where the specification says so. */
int ddpm_source_has_tokens(const ddpm_source *source);

/** Read the columns from now on as a model knows them (data/adopt.h). DDPM_ERR_DATA: they are of other kinds.
 *  @param vocabulary  of the model, of as many columns. */
DDPM_MUST_CHECK ddpm_status ddpm_source_adopt(ddpm_source *source, const ddpm_vocabulary *vocabulary);

/** What a message calls a selected column: its file, dataset, number and name. */
void ddpm_source_name_column(const ddpm_source *source, int64_t column, char *out, size_t bytes);

/** The conditions of the rows, NULL without data.condition. Valid while the source is open. */
ddpm_condition_source *ddpm_source_conditions(const ddpm_source *source);

/** The weights of the rows, NULL unless training.balance names them. Valid while the source is open. */
ddpm_condition_source *ddpm_source_weights(const ddpm_source *source);

/** The type of the numbers, and the type that they are read in, which holds them all: float32, float64, int64, uint64.
 */
ddpm_number ddpm_source_type(const ddpm_source *source);
ddpm_number ddpm_source_holder(const ddpm_source *source);

/** With data.pairs: the seed of the noise that the rows were made from; row i has row i of that noise. */
uint64_t ddpm_source_noise_seed(const ddpm_source *source);

/** How many rows to read at once where that is to take little memory. */
int64_t ddpm_source_room(const ddpm_source *source);

/** Which values a row may have: all of them finite; NaN for one that is not known; any. */
typedef enum ddpm_gaps { DDPM_GAPS_NONE, DDPM_GAPS_ALLOWED, DDPM_GAPS_UNCHECKED } ddpm_gaps;

/** Read rows first .. first+count-1, [count][columns] in the holder's type. DDPM_ERR_DATA names the row and column of a
 * value that is not allowed. */
DDPM_MUST_CHECK ddpm_status ddpm_source_read(ddpm_source *source, ddpm_gaps gaps, int64_t first, int64_t count,
                                             void *numbers);

/** One selected column of the same rows, of a table, [count]; of a category the file's own places, whatever was
 * adopted. */
DDPM_MUST_CHECK ddpm_status ddpm_source_read_column(ddpm_source *source, ddpm_gaps gaps, int64_t column, int64_t first,
                                                    int64_t count, double *values);

/** The same rows, standardised; values that float32 cannot hold are refused. */
DDPM_MUST_CHECK ddpm_status ddpm_source_read_standardised(ddpm_source *source, ddpm_gaps gaps,
                                                          const ddpm_transform *transform, int64_t first, int64_t count,
                                                          float *rows);

/** The same as tokens; a value without a token becomes a gap, or the most frequent value where a column has no gaps. */
DDPM_MUST_CHECK ddpm_status ddpm_source_read_tokens(ddpm_source *source, const ddpm_transform *transform, int64_t first,
                                                    int64_t count, float *rows);

/** Rows as training sees them: tokens, or standardised, with random places of values that many rows share. The
 * errors of ddpm_source_read. */
DDPM_MUST_CHECK ddpm_status ddpm_source_read_training(ddpm_source *source, const ddpm_transform *transform,
                                                      int64_t first, int64_t count, float *rows);

#endif
