/** The affine map between the data's own units and what the network sees: data = standardised * scale + mean, per
 * column. Local, any thread. */
#ifndef DDPM_MODEL_TRANSFORM_H
#define DDPM_MODEL_TRANSFORM_H

#include "base/status.h"

#include <stdint.h>

typedef struct ddpm_transform {
    int64_t columns;
    double *mean;              /* [columns], in the data's units */
    double *scale;             /* [columns], in the data's units: the standard deviation, or 1 for a constant column */
    double *minimum, *maximum; /* [columns], of the standardised training rows */
} ddpm_transform;

/** DDPM_ERR_MEMORY.
 *  @param[out] out  holds zeros; release with ddpm_transform_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_transform_allocate(int64_t columns, ddpm_transform *out);
void ddpm_transform_release(ddpm_transform *transform);

/** Standardise rows [count][columns] in place, and the way back. */
void ddpm_transform_apply(const ddpm_transform *transform, int64_t count, float *rows);
void ddpm_transform_invert(const ddpm_transform *transform, int64_t count, float *rows);

#endif
