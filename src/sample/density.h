/** The bound and the log-likelihood of a Gaussian model for blocks of rows, as one thread computes them with the
 * network: what model/bound.h and model/likelihood.h need, for `ddpm evaluate` and for the library. Local; a
 * ddpm_density belongs to one thread.
 */
#ifndef DDPM_SAMPLE_DENSITY_H
#define DDPM_SAMPLE_DENSITY_H

#include "assembly/loaded.h"
#include "model/bound.h"
#include "model/likelihood.h"

enum { DDPM_DENSITY_BLOCK = 64 }; /* most rows of a call */

/** The most columns for which the trace of the likelihood is exact unless probes are asked for, and the most probes. */
enum { DDPM_DENSITY_EXACT = 16, DDPM_DENSITY_PROBES_MAX = 100000 };

typedef struct ddpm_density {
    const ddpm_model *model;   /* borrowed */
    const ddpm_packed *packed; /* borrowed */
    ddpm_workspace *workspace;
    float *room;            /* [block][C] */
    const float *condition; /* [rows][C] of the block; NULL: none */
    int32_t t[DDPM_DENSITY_BLOCK];
    ddpm_bound_memory bound;
    ddpm_likelihood_memory likelihood; /* only where it derives */
} ddpm_density;

/** DDPM_ERR_MEMORY.
 *  @param packed    for DDPM_PACK_FORWARD, or where it derives, for DDPM_PACK_INPUT_GRADIENT.
 *  @param left_out  [D], nonzero: columns that the bound does not count. Borrowed.
 *  @param derives   nonzero: it can pull back, for the likelihood.
 *  @param[out] out  release with ddpm_density_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_density_create(const ddpm_model *model, const ddpm_packed *packed,
                                                const uint8_t *left_out, int derives, ddpm_density *out);
void ddpm_density_release(ddpm_density *density);

/** Set the conditions of the rows of a block: values [rows][V], standardised; NULL: they have none. */
void ddpm_density_set_conditions(ddpm_density *density, int64_t rows, const float *values);

/** The network as the bound and the likelihood call it. */
ddpm_flow ddpm_density_flow(ddpm_density *density);

/** Find the columns that have one value only, which have no density: that of a row is of the other columns.
 *  @param[out] left_out  [D], 1 for these.
 *  @return  how many others there are. */
int64_t ddpm_density_columns(const ddpm_transform *transform, uint8_t *left_out);

#endif
