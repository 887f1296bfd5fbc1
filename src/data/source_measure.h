/** The means, deviations and ranges of the columns of a source. */
#ifndef DDPM_DATA_SOURCE_MEASURE_H
#define DDPM_DATA_SOURCE_MEASURE_H

#include "data/source.h"

/** Collective. Measure rows that all ranks can read from their sources; see ddpm_transform_measure.
 *  @param takes_part  (context, row): whether a row takes part. */
DDPM_MUST_CHECK ddpm_status ddpm_source_measure(ddpm_comm *comm, ddpm_standardize how, ddpm_source *source,
                                                int (*takes_part)(void *context, int64_t row), void *context,
                                                ddpm_transform *out);

#endif
