/** The vocabulary of a model of tokens in a file for other programs: tensors vocabulary.kind and so on, of the shapes
 * and the meaning that store/vocabulary_file.h has, and as texts of the metadata the lists vocabulary_name and
 * vocabulary_units, and vocabulary_array, "1" where the columns are those of an array. Local. */
#ifndef DDPM_EXCHANGE_VOCABULARY_H
#define DDPM_EXCHANGE_VOCABULARY_H

#include "exchange/layout.h"
#include "exchange/safetensors.h"
#include "store/vocabulary_flat.h"

enum { DDPM_EXCHANGE_ARRAYS = DDPM_FLAT_COUNTS + DDPM_FLAT_REALS + 1, DDPM_EXCHANGE_TEXTS = DDPM_FLAT_TEXTS + 1 };

/** What tensor i, 0 .. DDPM_EXCHANGE_ARRAYS - 1, is called. */
void ddpm_exchange_vocabulary_name(int i, char out[DDPM_EXCHANGE_NAME]);

/** Tensor i; of one dimension, which may be 0. @param name  of it; borrowed, as the numbers are. */
ddpm_named_tensor ddpm_exchange_vocabulary_tensor(const ddpm_flat_vocabulary *flat, int i, const char *name);

/** Text i, 0 .. DDPM_EXCHANGE_TEXTS - 1. DDPM_ERR_DATA: a name is not UTF-8; DDPM_ERR_MEMORY.
 *  @param[out] key   static.
 *  @param[out] text  to be freed. */
DDPM_MUST_CHECK ddpm_status ddpm_exchange_vocabulary_text(const ddpm_flat_vocabulary *flat, int i, const char **key,
                                                          char **text);

/** Read the vocabulary of a file and check it; no columns where the file has none. DDPM_ERR_DATA names the tensor, not
 * the file; DDPM_ERR_MEMORY.
 *  @param columns   that there must be, unless there are none.
 *  @param[out] out  release with ddpm_vocabulary_release; empty after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_exchange_vocabulary_read(const ddpm_safetensors *file, int64_t columns,
                                                          ddpm_vocabulary *out);

#endif
