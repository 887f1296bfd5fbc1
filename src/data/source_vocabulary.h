/** The vocabulary of a source: the tokens of its columns (model/vocabulary.h), chosen from the training rows. */
#ifndef DDPM_DATA_SOURCE_VOCABULARY_H
#define DDPM_DATA_SOURCE_VOCABULARY_H

#include "data/source.h"

/** Collective. The bytes of a rank that choosing may take where rows may take so many MiB of a node (data.memory). */
int64_t ddpm_source_choosing_bytes(ddpm_comm *comm, double mib);

/** Collective. Choose the tokens of a table's columns, or of an array's, which are numbers then. All ranks can read all
 * rows of their sources. The columns are dealt to the ranks: each reads its columns one after the other, puts the
 * values in order and chooses; so the result is exact, and the same at any number of ranks. Warns of values of the
 * other rows that no row that takes part has, and of whole numbers that tokens round.
 *
 *  @param memory  bytes of a rank for values in order, beside a bit a row. A column whose values are more is read
 *                 several times (data/ordered.h).
 *  @param exact   whether to choose twins, and decimals by value (data.exact).
 *  @param takes_part  (context, row): whether a row takes part.
 *  @param[out] out    the map between values and tokens; release with ddpm_transform_release.
 *  @return DDPM_OK, DDPM_ERR_DATA (a value that is infinite, or what reading says), DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_source_choose_tokens(ddpm_comm *comm, ddpm_source *source, int64_t memory, int exact,
                                                      int (*takes_part)(void *context, int64_t row), void *context,
                                                      ddpm_transform *out);

/** Local. Warn of columns whose whole numbers lie beyond 2^53, as double rounds them.
 *  @param mapped  the columns that have quantiles in it are meant; NULL: all. */
void ddpm_source_warn_of_rounding(const ddpm_source *source, const ddpm_vocabulary *vocabulary,
                                  const ddpm_transform *mapped);

#endif
