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

/** Read a text NAME=VALUE, a number or the name of a class, into values [V]. DDPM_ERR_USAGE and DDPM_ERR_DATA as above.
 *  @param[out] index  of the condition that it names. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_read(const ddpm_condition *condition, const char *text, float *values,
                                                int64_t *index);

/** Read the value alone, a number or the name of a class of condition v.
 *  @param problem   what messages begin with.
 *  @param[out] out  standardised. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_read_value(const ddpm_condition *condition, int64_t v, const char *text,
                                                      const char *problem, float *out);

/** DDPM_ERR_USAGE: a condition has no value, named [V] being 0. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_all_given(const ddpm_condition *condition, const int *named);

/** DDPM_ERR_USAGE: an option --condition with this text names what an earlier one named. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_given_twice(const char *text);

#endif
