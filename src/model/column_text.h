/** A text for people about a column of a vocabulary. Local, any thread. */
#ifndef DDPM_MODEL_COLUMN_TEXT_H
#define DDPM_MODEL_COLUMN_TEXT_H

#include "model/vocabulary.h"

#include <stddef.h>

enum { DDPM_COLUMN_TEXT = 500 /* bytes, in which any text fits */ };

/** What the column is, its values, and its gaps: "number (int32): 74 values from 17 to 90; no gaps". Of a column
 * without rows only what it is.
 *  @return out, which has `bytes`; what does not fit is left out. */
const char *ddpm_column_describe(const ddpm_column_vocabulary *column, size_t bytes, char *out);

#endif
