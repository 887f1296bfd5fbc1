/** The parameters cut into pieces that are summed up, turned into numbers and measured one at a time, and the parts of
 * them that nodes have. Local. */
#ifndef DDPM_WORLD_CHUNKS_H
#define DDPM_WORLD_CHUNKS_H

#include "network/network.h"

/** A piece of the parameters, inside one tensor. */
typedef struct ddpm_chunk {
    int64_t tensor, offset, count;
} ddpm_chunk;

typedef struct ddpm_chunks {
    int64_t count;
    ddpm_chunk *list;          /* [count], in the order of the parameters */
    int64_t *bounds;           /* [parts + 1]: the chunks of part t are bounds[t] .. bounds[t + 1]; NULL: not divided */
    int64_t *parameter_bounds; /* [parts + 1]: the parameters of these chunks, and what lies between them */
} ddpm_chunks;

/** DDPM_ERR_MEMORY. @param[out] out  release with ddpm_chunks_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_chunks_create(const ddpm_network *network, ddpm_chunks *out);

/** Divide the chunks into parts of equal numbers. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_chunks_divide(ddpm_chunks *chunks, const ddpm_network *network, int parts);

void ddpm_chunks_release(ddpm_chunks *chunks);

#endif
