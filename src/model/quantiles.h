/** Columns mapped to normal scores by the order of their values: a value that the share p of training rows lies below
 * becomes the normal quantile of p, so that a column of any shape is standard normal. A value that many rows share has
 * a range of scores, all of which stand for it, and no score stands for a value outside the range of the training rows.
 *
 *  The map of a column is its values at DDPM_QUANTILES scores, equally spaced from -DDPM_QUANTILES_REACH to
 * DDPM_QUANTILES_REACH; between them it is linear. All values are equal in a column that is not mapped. Local, any
 * thread. */
#ifndef DDPM_MODEL_QUANTILES_H
#define DDPM_MODEL_QUANTILES_H

#include "model/vocabulary.h"

enum { DDPM_QUANTILES = 4097 };
#define DDPM_QUANTILES_REACH 5.0 /* deviations: 3 rows in 10 million lie beyond */

typedef struct ddpm_quantiles {
    const double *value; /* [DDPM_QUANTILES], ascending, in the data's units */
    int decimals;        /* behind the point that values have; -1: any number */
    int64_t step;        /* see ddpm_decimals_round_to_step; the first value is value[0] */
} ddpm_quantiles;

/** The share of rows with values that many rows have, of which a column has few. */
double ddpm_quantiles_shared(const ddpm_column_vocabulary *column);

/** Choose the map of a column of numbers from its tokens, which have its quantiles and the values that many rows share.
 * DDPM_ERR_MEMORY.
 *  @param[out] value  [DDPM_QUANTILES]. */
DDPM_MUST_CHECK ddpm_status ddpm_quantiles_choose(const ddpm_column_vocabulary *column, double *value);

/** The width of the narrowest range of values with this share of the rows, from a column's map. */
double ddpm_quantiles_width(const double *value, double share);

/** Whether a column has a map. */
static inline int ddpm_quantiles_map(const double *value)
{
    return value[0] < value[DDPM_QUANTILES - 1];
}

/** Whether a column that has a map has at most so many values. */
int ddpm_quantiles_has_few(const double *value, int64_t most);

/** The score of a value. One that has a range of scores gets the middle one, by the rows in it; one outside the range
 * of the training rows gets a score just beyond DDPM_QUANTILES_REACH. */
double ddpm_quantiles_score(const ddpm_quantiles *q, double value);

/** A score at a place, 0 to 1, by the rows in it, of the range of the value that a score stands for; a score that is
 * its value's only one stays. With random places, scores are normal in spite of values that many rows share.
 *  @param share  of ddpm_quantiles_shares. */
double ddpm_quantiles_spread(const double *value, const double *share, double score, double place);

/** The normal distribution function at the scores of a map. */
void ddpm_quantiles_shares(double share[DDPM_QUANTILES]);

/** The value that a score stands for. */
double ddpm_quantiles_value(const ddpm_quantiles *q, double score);

/** ln of d value / d score: what a density of values has less than one of scores. -INFINITY for a value that has a
 * range of scores, as there is no density of it. Outside the range of the training rows it is that at the range's end,
 * and INFINITY beyond an end that many rows share, where nothing can be. */
double ddpm_quantiles_log_slope(const ddpm_quantiles *q, double score);

#endif
