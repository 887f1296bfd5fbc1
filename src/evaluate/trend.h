/** Trend: how alike pairs of columns go together in two sets of rows, 1 is best.
 *
 *  Of two numbers it is 1 - |r_real - r_other| / 2, of Pearson's correlations over the rows where neither is a gap
 * (CorrelationSimilarity of sdmetrics). Of other pairs it is 1 - the total variation distance of the contingency
 * tables (ContingencySimilarity), for which numbers are counted in ten bins; a gap is a bin of its own.
 *  The bins: those of the papers, which use sdmetrics, are equally wide between the real rows' least and largest value,
 * so that a long tail leaves one bin with nearly all rows; here both these and bins between the real rows' deciles are
 * computed. sdmetrics' class takes the real rows' bins for both sets, as here, while its quality report takes each
 * set's own. A pair whose correlation the real rows do not define, since one column is constant, has none and is left
 * out; where only the others' is not defined, it counts as 0 (sdmetrics leaves the pair out).
 */
#ifndef DDPM_EVALUATE_TREND_H
#define DDPM_EVALUATE_TREND_H

#include "evaluate/columns.h"
#include "world/comm.h"

typedef enum ddpm_trend_bins { DDPM_TREND_WIDTHS, DDPM_TREND_DECILES } ddpm_trend_bins;

/** Local, any thread. The number of pairs of columns; and of the columns of a pair, i < j, the pair's number. */
static inline int64_t ddpm_trend_pairs(int64_t columns)
{
    return columns * (columns - 1) / 2;
}

static inline int64_t ddpm_trend_pair(int64_t columns, int64_t i, int64_t j)
{
    return i * (2 * columns - i - 1) / 2 + j - i - 1;
}

/** Collective. Each pair is computed by one thread in a fixed order.
 *  @param real, other   of the same columns, with at least one row each.
 *  @param[out] trend    [pairs]; NaN where it is left out. */
DDPM_MUST_CHECK ddpm_status ddpm_trend(ddpm_comm *comm, int threads, ddpm_trend_bins bins,
                                       const ddpm_columns_part *real, const ddpm_columns_part *other, double *trend);

#endif
