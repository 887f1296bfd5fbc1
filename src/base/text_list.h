/** Lists of texts. Local, any thread. */
#ifndef DDPM_BASE_TEXT_LIST_H
#define DDPM_BASE_TEXT_LIST_H

#include "base/status.h"

#include <stdint.h>

/** A list of texts. The owner of items is named where a list is a member. */
typedef struct ddpm_text_list {
    int64_t count;
    char **items; /* [count] */
} ddpm_text_list;

/** Copy a text. DDPM_ERR_MEMORY.
 *  @param what      names it in the message.
 *  @param[out] out  release with ddpm_release. */
DDPM_MUST_CHECK ddpm_status ddpm_text_copy(const char *text, const char *what, char **out);

/** Copy texts into one block of memory: the pointers, and behind them the texts in their order, each with its zero
 * byte.
 *  @param texts     [count].
 *  @param what      names them in the message of DDPM_ERR_MEMORY.
 *  @param[out] out  [count], release with ddpm_release. */
DDPM_MUST_CHECK ddpm_status ddpm_texts_copy(int64_t count, const char *const *texts, const char *what, char ***out);

/** Give texts that occur more than once names of their own: a, a, b become a, a.1, b.
 *  @param[in,out] block  of ddpm_texts_copy or the like; it is replaced if a text changes. DDPM_ERR_MEMORY: it stays.
 *  @param[out] repeated  the index of the first text that occurred before; -1: none. */
DDPM_MUST_CHECK ddpm_status ddpm_texts_number(int64_t count, char ***block, int64_t *repeated);

/** The size of such a block. */
int64_t ddpm_texts_bytes(int64_t count, const char *const *texts);

/** Set the pointers of such a block, whose bytes came from elsewhere, to the texts behind them. */
void ddpm_texts_link(int64_t count, char **block);

#endif
