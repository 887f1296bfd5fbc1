/** A number that tells rows apart: the same for the same rows in the same order, at any number of ranks, and almost
 * certainly another for others. A checkpoint holds it, so that a run does not go on with rows that were replaced, which
 * means and deviations do not always show. It is a sum over the rows of a digest of each row and its number.
 */
#ifndef DDPM_DATA_FINGERPRINT_H
#define DDPM_DATA_FINGERPRINT_H

#include "data/source.h"

enum { DDPM_FINGERPRINT_UNKNOWN = 0 };

/** Collective. Of rows that every rank can read: each reads its part.
 *  @param rows    [count], of `bytes` each.
 *  @param[in,out] sum  it is added to; equal on all ranks. */
void ddpm_fingerprint_add(ddpm_comm *comm, int64_t count, size_t bytes, const void *rows, uint64_t *sum);

/** Collective. Of rows that are too many to be read at once: those of some places, which are the same each time.
 *  @param source  only rank 0's is read. */
DDPM_MUST_CHECK ddpm_status ddpm_fingerprint_sample(ddpm_comm *comm, ddpm_source *source, uint64_t *sum);

/** Local. The number in a checkpoint: never DDPM_FINGERPRINT_UNKNOWN, and below 2^62. */
int64_t ddpm_fingerprint_value(uint64_t sum);

#endif
