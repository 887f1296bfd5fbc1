/** Copies: rows that equal a training row in all columns, as a file holds them. Where few values are possible, real
 * rows are copies too, so their share stands beside that of samples. */
#ifndef DDPM_EVALUATE_COPIES_H
#define DDPM_EVALUATE_COPIES_H

#include "evaluate/columns.h"

/** Local. Find for each row the first training row, in their order, that it equals. DDPM_ERR_MEMORY.
 *  @param[out] equal  [rows], numbers of training rows; -1: none.
 *  @param[out] found  how many rows equal one. */
DDPM_MUST_CHECK ddpm_status ddpm_copies(const ddpm_columns *training, const ddpm_columns *rows, int64_t *equal,
                                        int64_t *found);

#endif
