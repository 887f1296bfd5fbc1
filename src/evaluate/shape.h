/** Shape: how alike the marginals of columns are in two sets of rows, 1 is best.
 *
 *  Of numbers it is 1 - sup |F_real - F_other| (the complement of the Kolmogorov-Smirnov statistic, KSComplement of
 * sdmetrics); of categories 1 - sum |p_real - p_other| / 2 (of the total variation distance, TVComplement).
 *  Gaps: of a category a gap is a value among the others. Of numbers gaps are left out, and 1 - |difference of the
 * shares of gaps| is a measure of its own (MissingValueSimilarity).
 *  Where other programs differ: sdmetrics leaves gaps of categories out too, adds 1e-6 rows to a category that real
 * rows lack, and rounds numbers to 14 decimals; some papers print 100 (1 - Shape).
 */
#ifndef DDPM_EVALUATE_SHAPE_H
#define DDPM_EVALUATE_SHAPE_H

#include "evaluate/columns.h"
#include "world/comm.h"

/** Collective. Exact: differences are counted in whole numbers.
 *  @param real, other    of the same columns, with at least one row each.
 *  @param[out] shape     [columns]; NaN for a number that real rows or the others lack altogether.
 *  @param[out] gaps      [columns]. */
DDPM_MUST_CHECK ddpm_status ddpm_shape(ddpm_comm *comm, int threads, const ddpm_columns_part *real,
                                       const ddpm_columns_part *other, double *shape, double *gaps);

#endif
