/** What the tokens of a masked row add to the first layer of a network, looked up in the place of a product with inputs
 * that are almost all zeros. Local, any thread. */
#ifndef DDPM_MODEL_LOOKUP_H
#define DDPM_MODEL_LOOKUP_H

#include "model/masked.h"
#include "network/network.h"

/** The entries of a column are its tokens, and then the column as it is hidden. */
typedef struct ddpm_lookup {
    ddpm_matrix table; /* [entries of all columns][width] */
    int64_t *first;    /* [D]: the entry of a column's token 0 */
} ddpm_lookup;

/** DDPM_ERR_MEMORY.
 *  @param network   whose inputs are those of `masked`.
 *  @param[out] out  release with ddpm_lookup_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_lookup_create(const ddpm_masked *masked, const ddpm_network *network,
                                               ddpm_lookup *out);

/** Fill in part number `part` of 0 .. parts-1 of the entries, as ddpm_packed_fill packs weights.
 *  @param parameters  of the network. */
void ddpm_lookup_fill(ddpm_lookup *lookup, const ddpm_masked *masked, const ddpm_network *network,
                      const float *parameters, int part, int parts);

/** Bytes of its entries. */
int64_t ddpm_lookup_bytes(const ddpm_masked *masked, const ddpm_network *network);
void ddpm_lookup_release(ddpm_lookup *lookup);

/** The entry of a column that is hidden. */
static inline int32_t ddpm_lookup_hidden(const ddpm_lookup *lookup, const ddpm_masked *masked, int64_t column)
{
    return (int32_t)(lookup->first[column] + masked->column[column].tokens);
}

/** The entry of a column that is shown. */
static inline int32_t ddpm_lookup_shown(const ddpm_lookup *lookup, int64_t column, int32_t token)
{
    return (int32_t)(lookup->first[column] + token);
}

#endif
