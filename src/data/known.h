/** The map from the data's units to a model's, measured on the training rows; or that of a model which is there
 * already, and which goes on with other rows. */
#ifndef DDPM_DATA_KNOWN_H
#define DDPM_DATA_KNOWN_H

#include "data/source.h"
#include "world/comm.h"

/** What a model knows of its rows. All pointers are borrowed. */
typedef struct ddpm_known {
    const char *model;        /* its file, for messages */
    ddpm_transform transform; /* with a vocabulary, the rows are tokens */
    const char *const *names; /* [columns], or NULL */
    const ddpm_condition *condition;
} ddpm_known;

/** Local. Whether the rows of a source are those of such a model: as many columns with the same names in the same
 * order, and the same conditions. From then on the source's columns are read as the model knows them. DDPM_ERR_DATA. */
DDPM_MUST_CHECK ddpm_status ddpm_known_check(const ddpm_known *known, ddpm_source *source);

/** Local. Put a model's map in the place of one that was measured; the range stays that of the rows that were measured.
 * DDPM_ERR_DATA: the rows are too far from the model's for float32.
 *  @param[in,out] measured  of numbers. */
DDPM_MUST_CHECK ddpm_status ddpm_known_replace(const ddpm_known *known, ddpm_transform *measured);

/** Local. Whether the map of rows follows from their means, deviations and ranges alone. */
int ddpm_known_is_standard(const ddpm_data_spec *spec, const ddpm_source *source);

/** Collective. The map of a source's rows: spec->known, or what is measured of rows that take part
 * (data/source_measure.h, data/source_vocabulary.h). With spec->known every value must have a token: DDPM_ERR_DATA.
 *  @param takes_part  (context, row).
 *  @param[out] out    release with ddpm_transform_release. */
DDPM_MUST_CHECK ddpm_status ddpm_known_or_measured(ddpm_comm *comm, const ddpm_data_spec *spec, ddpm_source *source,
                                                   int (*takes_part)(void *context, int64_t row), void *context,
                                                   ddpm_transform *out);

#endif
