/** How each column of numbers becomes standardised ones: by its mean and deviation, by its quantiles, or not at all. */
#ifndef DDPM_DATA_COLUMN_MAPS_H
#define DDPM_DATA_COLUMN_MAPS_H

#include "data/source.h"
#include "model/transform.h"

/** Local. Whether so many numbers are standardised without a look at their order, where the program is to choose. */
int ddpm_column_maps_skip(const ddpm_data_spec *spec, int64_t rows, int64_t columns);

/** Local. Whether columns may have other maps than their means and deviations. Where the program is to choose, it does
 * so for columns that are standardised each by itself, in a file, and of so few numbers that they are sorted in a
 * quarter of data.memory. */
int ddpm_column_maps_differ(const ddpm_data_spec *spec, const ddpm_source *source);

/** Local. DDPM_ERR_CONFIG: the columns are tokens, or the rows of a program, which have no such maps. */
DDPM_MUST_CHECK ddpm_status ddpm_column_maps_check(const ddpm_data_spec *spec, const ddpm_source *source);

/** Collective. Change a measured map where the specification says so; choosing quantiles reads the rows again
 * (data/source_vocabulary.h). DDPM_ERR_CONFIG: data.transform_columns names no column, or no map.
 *  @param takes_part  (context, row): whether a row takes part.
 *  @param[in,out] transform  as ddpm_source_measure made it. */
DDPM_MUST_CHECK ddpm_status ddpm_column_maps_choose(ddpm_comm *comm, const ddpm_data_spec *spec, ddpm_source *source,
                                                    int (*takes_part)(void *context, int64_t row), void *context,
                                                    ddpm_transform *transform);

#endif
