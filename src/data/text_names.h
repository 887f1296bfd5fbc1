/** The different texts of a column, which become the names of a category. Local, main thread. */
#ifndef DDPM_DATA_TEXT_NAMES_H
#define DDPM_DATA_TEXT_NAMES_H

#include "file/h5_column.h"

enum { DDPM_TEXT_NAMES_MAX = 1 << 16 };

/** Read a column of texts and find those that differ, but for the empty one. DDPM_ERR_DATA: there are more than
 * DDPM_TEXT_NAMES_MAX.
 *  @param what       names the column in that message.
 *  @param[out] names [count], in the order of their bytes, in one block; release with ddpm_release; NULL: none. */
DDPM_MUST_CHECK ddpm_status ddpm_text_names_find(const ddpm_h5_column *column, int64_t rows, const char *what,
                                                 int64_t *count, char ***names);

/** The place of a text in names that are in the order of their bytes; -1: it is none of them. */
int64_t ddpm_text_names_place(int64_t count, char *const *names, const char *text);

#endif
