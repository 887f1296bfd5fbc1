/** The conditions of samples, from the command line or from a file, in the form that a generator takes. Local. */
#ifndef DDPM_SAMPLE_CONDITIONS_H
#define DDPM_SAMPLE_CONDITIONS_H

#include "model/condition.h"
#include "sample/sample.h"

typedef struct ddpm_sample_conditions {
    int64_t rows;  /* 0: no conditions; 1: the same for all samples; else the number of samples */
    float *values; /* [rows][V], standardised */
} ddpm_sample_conditions;

/** Read options->conditions or options->conditions_file. An options->count of 0 becomes the number of rows in the file.
 * DDPM_ERR_USAGE: the model has no condition of a name, or one of its conditions is missing. DDPM_ERR_DATA: a value is
 * none that the model was trained with.
 *  @param[out] out  release out->values with ddpm_release. */
DDPM_MUST_CHECK ddpm_status ddpm_conditions_read(const ddpm_condition *condition, ddpm_sample_options *options,
                                                 ddpm_sample_conditions *out);

#endif
