/** Which columns of a source are equal, or near, in many rows (model/twins.h). */
#ifndef DDPM_DATA_SOURCE_TWINS_H
#define DDPM_DATA_SOURCE_TWINS_H

#include "data/source.h"

/** Collective. Compare the columns of rows that take part, choose twins, and the tokens of their differences. What is
 * compared is all rows, and of many a part of them from all places, which depends on nothing but the number of rows and
 * columns; of more than some thousand columns nothing is. DDPM_ERR_MEMORY, or what reading says.
 *  @param takes_part  (context, row): whether a row takes part.
 *  @param[in,out] vocabulary  of the source, the same on all ranks. */
DDPM_MUST_CHECK ddpm_status ddpm_source_find_twins(ddpm_comm *comm, ddpm_source *source,
                                                   int (*takes_part)(void *context, int64_t row), void *context,
                                                   ddpm_vocabulary *vocabulary);

#endif
