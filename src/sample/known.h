/** Rows of which some values are known and the others are NaN, as completions take them. Local, any thread. */
#ifndef DDPM_SAMPLE_KNOWN_H
#define DDPM_SAMPLE_KNOWN_H

#include "model/transform.h"

/** Rows of the model's columns. */
typedef struct ddpm_known_rows {
    const char *where;   /* for messages: what holds the rows */
    char **column_names; /* [columns], or NULL */
    ddpm_number holder;  /* the type of the numbers */
    int64_t first;       /* the number of the first row, for messages */
    int64_t count;
    const void *numbers; /* [count][columns] */
} ddpm_known_rows;

/** Standardise what is known, or make tokens of it; what is not stays NaN. DDPM_ERR_DATA names row and column of a
 * value that the type of completed rows does not have, or, of a model of tokens, that no training row has.
 *  @param type        of completed rows.
 *  @param[out] known  [count][columns]. */
DDPM_MUST_CHECK ddpm_status ddpm_known_make(const ddpm_transform *transform, ddpm_number type,
                                            const ddpm_known_rows *rows, float *known);

/** Put back the values that are known into rows [count][columns] of a type. */
void ddpm_known_restore(int64_t columns, const ddpm_known_rows *rows, ddpm_number type, void *numbers);

#endif
