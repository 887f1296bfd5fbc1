/** Groups of rows that lie near each other. Local. */
#ifndef DDPM_FIT_GROUPS_H
#define DDPM_FIT_GROUPS_H

#include "base/status.h"
#include "kernel/matrix.h"

#include <stdint.h>

/** Sort rows into groups around `count` centers: k-means++ with the best of a few candidates for each center (Arthur
 * and Vassilvitskii 2007), then a few rounds of k-means (Lloyd 1982), the best of a few tries. A pure function of the
 * rows and the seed. DDPM_ERR_MEMORY.
 *  @param x           [rows][D], at least one row.
 *  @param[out] group  [rows], 0 .. count-1. */
DDPM_MUST_CHECK ddpm_status ddpm_groups_find(ddpm_const_matrix x, int64_t count, uint64_t seed, int32_t *group);

#endif
