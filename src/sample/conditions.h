/** The conditions that `ddpm sample` is given, as the network wants them. Local. */
#ifndef DDPM_SAMPLE_CONDITIONS_H
#define DDPM_SAMPLE_CONDITIONS_H

#include "model/condition.h"
#include "sample/sample.h"

typedef struct ddpm_sample_conditions {
    int64_t rows;  /* 0: none, 1: the same for all samples, else one for each */
    float *values; /* [rows][V], standardised */
} ddpm_sample_conditions;

/** Read options->conditions or options->conditions_file. Where options->count is 0 it becomes the rows of the file.
 * DDPM_ERR_USAGE for a name that the model does not have, or one that is not given; DDPM_ERR_DATA for a value that it
 * does not know.
 *  @param[out] out  release out->values with ddpm_release. */
DDPM_MUST_CHECK ddpm_status ddpm_conditions_read(const ddpm_condition *condition, ddpm_sample_options *options,
                                                 ddpm_sample_conditions *out);

#endif
