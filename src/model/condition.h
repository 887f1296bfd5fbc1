/** What a model is told beside x_t: classes and numbers of each row, as the columns that the network reads. Local, any
 * thread.
 *
 *  A row's condition is V values: the index of a class, or a standardised number. The network reads C columns: a class
 * one-hot, a number as it is, and a last column that is 1; all zeros stand for "no condition", which the network learns
 * from rows whose condition is left out (Ho and Salimans 2022).
 */
#ifndef DDPM_MODEL_CONDITION_H
#define DDPM_MODEL_CONDITION_H

#include "base/status.h"

#include <stdint.h>

enum { DDPM_CLASSES_MAX = 4096 };

typedef struct ddpm_condition {
    int64_t count;        /* V; 0: no condition, and no columns */
    int64_t *classes;     /* [V] classes of a value; 0: a number */
    double *mean, *scale; /* [V] of a number: value = standardised * scale + mean; 0 and 1 for a class */
    char **names;         /* [V], one block; NULL: none */
} ddpm_condition;

/** V numbers of mean 0 and scale 1, to be filled in. @param names  [V], copied.
 *  @param[out] out  release with ddpm_condition_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_create(int64_t count, const char *const *names, ddpm_condition *out);
void ddpm_condition_release(ddpm_condition *condition);

/** C. */
int64_t ddpm_condition_width(const ddpm_condition *condition);

/** values [rows][V], standardised, to out [rows][C]. @param present  [rows], rows with 0 get zeros; NULL: all present.
 */
void ddpm_condition_expand(const ddpm_condition *condition, int64_t rows, const float *values, const uint8_t *present,
                           float *out);

/** One value in its own units, checked: DDPM_ERR_DATA for a class that the model does not know, or a number that is not
 * finite. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_standardise(const ddpm_condition *condition, int64_t index, double value,
                                                       float *out);

#endif
