/** The incomplete rows of `ddpm sample --given`: read a window at a time, in the model's columns. Local. */
#ifndef DDPM_SAMPLE_GIVEN_H
#define DDPM_SAMPLE_GIVEN_H

#include "assembly/loaded.h"

typedef struct ddpm_given ddpm_given;

/** Open FILE.h5[:dataset] (default: data). Where it and the model have column names, the model's columns are found by
 *  name, in any order and among others; else there must be as many. DDPM_ERR_DATA where one is missing.
 *  @param loaded  borrowed.  @param[out] out  close with ddpm_given_close, also after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_given_open(const char *name, const ddpm_loaded *loaded, ddpm_given **out);
void ddpm_given_close(ddpm_given *given);

int64_t ddpm_given_rows(const ddpm_given *given);

/** Main thread. Hold rows first .. first+count-1 in place of those before. DDPM_ERR_DATA names row and column of an
 *  infinite value. */
DDPM_MUST_CHECK ddpm_status ddpm_given_read(ddpm_given *given, int64_t first, int64_t count);

/** Any thread. Rows from `first` on, which is held: standardised, NaN where a value is not known. */
const float *ddpm_given_known(const ddpm_given *given, int64_t first);

/** Any thread. Put the given values into rows first .. first+count-1 [count][columns], in the file's own bits. */
void ddpm_given_restore(const ddpm_given *given, int64_t first, int64_t count, float *rows);

#endif
