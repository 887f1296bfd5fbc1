/** What a model is conditioned on: classes and numbers of each row, as the columns that the network reads. Local, any
 * thread.
 *
 *  The condition of a row is V values, each the index of a class or a standardised number. The network reads C columns:
 * a class one-hot, a number as it is, and a last column that is 1. All zeros stand for "no condition", which the
 * network learns from rows whose condition is left out (Ho and Salimans 2022).
 */
#ifndef DDPM_MODEL_CONDITION_H
#define DDPM_MODEL_CONDITION_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { DDPM_CLASSES_MAX = 4096 };

typedef struct ddpm_condition {
    int64_t count;             /* V; 0: there is no condition, and C is 0 */
    int64_t *classes;          /* [V], the number of classes that a value has; 0: it is a number */
    double *mean, *scale;      /* [V]: value = standardised * scale + mean; 0 and 1 for a class */
    char **names;              /* [V], allocated together; NULL: there are none */
    double *remainder;         /* [V], to be added to the mean, as in transform.h; NULL: 0 */
    double *minimum, *maximum; /* [V], of the standardised values in the data; NULL: not known */
    int64_t class_total;       /* the sum of classes; 0: class_rows is not known */
    int64_t *class_rows;       /* [class_total], rows of the data that have each class, one value after the other */
    int64_t *class_codes;      /* [class_total], what a class is in the data, ascending; NULL: its own index */
    char **class_names;        /* [class_total], allocated together, "" for a class without; NULL: none has a name */
} ddpm_condition;

/** Make a condition of V numbers with mean 0 and scale 1, which the caller changes to what they are.
 *  DDPM_ERR_MEMORY.
 *  @param names     [V], copied.
 *  @param[out] out  release with ddpm_condition_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_create(int64_t count, const char *const *names, ddpm_condition *out);
DDPM_MUST_CHECK ddpm_status ddpm_condition_copy(const ddpm_condition *from, ddpm_condition *out);
void ddpm_condition_release(ddpm_condition *condition);

/** C, the columns that a condition becomes. */
int64_t ddpm_condition_width(const ddpm_condition *condition);

/** Write the columns of rows: values [rows][V], standardised, become out [rows][C].
 *  @param present  [rows]; a row with 0 here has no condition, and becomes zeros. NULL: all rows have theirs. */
void ddpm_condition_expand(const ddpm_condition *condition, int64_t rows, const float *values, const uint8_t *present,
                           float *out);

/** The rows of the data that have a class of value number `index`; -1: not known. */
int64_t ddpm_condition_rows(const ddpm_condition *condition, int64_t index, int64_t of_class);

/** What a class of value number `index` is in the data. */
int64_t ddpm_condition_code(const ddpm_condition *condition, int64_t index, int64_t of_class);

/** The name of a class of value number `index`; "": it has none. */
const char *ddpm_condition_class_name(const ddpm_condition *condition, int64_t index, int64_t of_class);

/** The class of value number `index` that has a name; -1: none has. */
int64_t ddpm_condition_find_name(const ddpm_condition *condition, int64_t index, const char *name);

/** Whether two conditions have the same classes of a value, with the same codes. */
int ddpm_condition_same_classes(const ddpm_condition *one, int64_t index, const ddpm_condition *other,
                                int64_t other_index);

/** Write the classes of value number `index` that rows of the data have, with their names, as "0, 2, cat (7)"; of many,
 *  those nearest to a code.
 *  @return whether these are all. */
int ddpm_condition_list_classes(const ddpm_condition *condition, int64_t index, long double near, char *out,
                                size_t bytes);

/** Standardise value number `index` of a condition, given in its own units. DDPM_ERR_DATA for a class that the model
 * does not know, or that no row of the data has, and for a number that is not finite. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_standardise(const ddpm_condition *condition, int64_t index,
                                                       long double value, float *out);

/** The way back: a standardised value in its own units. */
long double ddpm_condition_original(const ddpm_condition *condition, int64_t index, float value);

#endif
