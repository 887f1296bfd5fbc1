/** A dataset of numbers of one kind, whose first dimension is that of the rows: all others together are the columns.
 * Local, main thread. */
#ifndef DDPM_DATA_ARRAY_H
#define DDPM_DATA_ARRAY_H

#include "data/conventions.h"

typedef struct ddpm_array {
    int64_t rows, width; /* width: columns */
    ddpm_number type;
    char **names; /* [width] in one block, NULL: none; no two are the same */
    ddpm_conventions conventions;
} ddpm_array;

/** Examine a dataset. DDPM_ERR_DATA: there is none, it does not hold rows of numbers, or the numbers mean others.
 *  @param path      of the file, for messages.
 *  @param[out] out  release its names with ddpm_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_array_open(ddpm_h5 *file, const char *path, const char *dataset, ddpm_array *out);

#endif
