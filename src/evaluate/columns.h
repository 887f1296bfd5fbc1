/** The values of rows by column, as the measures of tables take them: a number, or the code of a category. */
#ifndef DDPM_EVALUATE_COLUMNS_H
#define DDPM_EVALUATE_COLUMNS_H

#include "base/status.h"
#include "model/transform.h"

#include <stdint.h>

/** Codes of a category: a name that no training row has, a gap, the first name. */
enum { DDPM_CODE_UNKNOWN, DDPM_CODE_GAP, DDPM_CODE_NAMES };

typedef struct ddpm_columns {
    int64_t rows, count;  /* of columns */
    double *values;       /* [count][rows]: a number, NaN for a gap; or a code, a whole number below codes */
    uint8_t *is_category; /* [count] */
    int64_t *codes;       /* [count]: of a category, how many codes there are */
} ddpm_columns;

/** Local. Take the columns of rows of a model: standardised numbers as they are, tokens as the values that they stand
 * for in files. DDPM_ERR_MEMORY.
 *  @param rows      [count][columns of the transform].
 *  @param own       [count][columns]: of a table, the file's own values, of a category the place of its name; NULL:
 * they follow from the rows.
 *  @param[out] out  release with ddpm_columns_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_columns_create(const ddpm_transform *transform, int64_t count, const float *rows,
                                                const double *own, ddpm_columns *out);
void ddpm_columns_release(ddpm_columns *columns);

/** Rows first .. first+rows-1 of others, whose memory they use. */
typedef struct ddpm_columns_part {
    const ddpm_columns *of;
    int64_t first, rows;
} ddpm_columns_part;

/** Local, any thread. Such a part, and one column of it, [rows]. */
static inline ddpm_columns_part ddpm_columns_some(const ddpm_columns *of, int64_t first, int64_t rows)
{
    return (ddpm_columns_part){of, first, rows};
}

static inline const double *ddpm_columns_at(const ddpm_columns_part *part, int64_t column)
{
    return part->of->values + column * part->of->rows + part->first;
}

/** Local, any thread. Whether the value of row i of a column is a gap. */
int ddpm_columns_is_gap(const ddpm_columns *columns, int64_t column, int64_t i);

/** Local, any thread. Copy a column's values that are no gaps, ascending, to out [rows]; their number is returned. */
int64_t ddpm_columns_sorted(const ddpm_columns_part *part, int64_t column, double *out);

/** Local, any thread. The quantile at a share of 0 to 1 of ascending values, by linear interpolation, rounded as numpy
 * rounds it. */
double ddpm_quantile(int64_t count, const double *sorted, double share);

#endif
