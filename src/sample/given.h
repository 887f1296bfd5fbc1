/** The incomplete rows of `ddpm sample --given`, in the model's columns. Only a window of them is in memory. Local. */
#ifndef DDPM_SAMPLE_GIVEN_H
#define DDPM_SAMPLE_GIVEN_H

#include "model/transform.h"

typedef struct ddpm_given ddpm_given;

/** Open FILE.h5[:dataset] (default: data). Where both the file and the model have column names, the model's columns are
 *  found by name, in any order and among others; else the file must have as many columns as the model. DDPM_ERR_DATA: a
 *  column is missing.
 *  @param column_names  of the model, borrowed; NULL: it has none.
 *  @param transform     of the model, borrowed.
 *  @param own           the type of the training data.
 *  @param[in,out] type  in: that of samples. Out: that of completed rows, which is float64 where float32 would not keep
 *                       the float64 numbers of the file, for a model of float64 data.
 *  @param[out] out      close with ddpm_given_close, also after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_given_open(const char *name, char **column_names, const ddpm_transform *transform,
                                            ddpm_number own, ddpm_number *type, ddpm_given **out);
void ddpm_given_close(ddpm_given *given);

int64_t ddpm_given_rows(const ddpm_given *given);

/** Main thread. Read rows first .. first+count-1 into memory, in place of the rows before. DDPM_ERR_DATA names row and
 *  column of an infinite value, or of one that the type of completed rows does not have. */
DDPM_MUST_CHECK ddpm_status ddpm_given_read(ddpm_given *given, int64_t first, int64_t count);

/** Any thread. Rows from `first` on, which must be in memory: standardised, NaN where a value is not known. */
const float *ddpm_given_known(const ddpm_given *given, int64_t first);

/** Any thread. Copy the values that are known into rows first .. first+count-1 [count][columns], as the file has them.
 *  @param type  of completed rows. */
void ddpm_given_restore(const ddpm_given *given, int64_t first, int64_t count, ddpm_number type, void *numbers);

#endif
