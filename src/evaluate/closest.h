/** Distance to the closest record: the share of rows that are nearer to a training row than to a held-out row, of
 * which there are equally many (L1, scaled by range, one-hot; DCR of TabSyn, Zhang et al. 2024, arXiv:2310.09656). One
 * half is best; a model that has memorised is above. A row that is as near to both counts half, where TabSyn counts it
 * as nearer to the held-out row. This measure alone misses a good deal (Yao et al. 2025, arXiv:2505.01524). */
#ifndef DDPM_EVALUATE_CLOSEST_H
#define DDPM_EVALUATE_CLOSEST_H

#include "evaluate/neighbours.h"

/** Collective. DDPM_ERR_MEMORY.
 *  @param training, held_out  equally many points. */
DDPM_MUST_CHECK ddpm_status ddpm_closest(ddpm_comm *comm, int threads, const ddpm_points_part *rows,
                                         const ddpm_points_part *training, const ddpm_points_part *held_out,
                                         double *share);

#endif
