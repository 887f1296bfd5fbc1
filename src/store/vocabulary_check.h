/** Checks of a vocabulary that was read or received. Local, any thread. */
#ifndef DDPM_STORE_VOCABULARY_CHECK_H
#define DDPM_STORE_VOCABULARY_CHECK_H

#include "store/vocabulary_flat.h"

/** Check the counts; and, when they are right, the rest. DDPM_ERR_DATA names the value.
 *  @param columns  that there must be. */
DDPM_MUST_CHECK ddpm_status ddpm_flat_check_counts(const ddpm_flat_vocabulary *flat, int64_t columns);
DDPM_MUST_CHECK ddpm_status ddpm_flat_check_values(const ddpm_flat_vocabulary *flat);

/** Check by the rules of reading: every count fits the others, every place is inside what it is a place of, values
 * ascend. DDPM_ERR_DATA names the value, not the file.
 *  @param columns  that there must be, unless there are none. */
DDPM_MUST_CHECK ddpm_status ddpm_vocabulary_check(const ddpm_vocabulary *vocabulary, int64_t columns);

#endif
