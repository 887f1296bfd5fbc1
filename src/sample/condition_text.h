/** The conditions of samples as texts NAME=VALUE, of a command line or of a program that uses the library. Local. */
#ifndef DDPM_SAMPLE_CONDITION_TEXT_H
#define DDPM_SAMPLE_CONDITION_TEXT_H

#include "model/condition.h"

/** Read a text NAME=VALUE, a number or the name of a class, into values [V]. DDPM_ERR_USAGE: the model
 * has no such condition; DDPM_ERR_DATA: the value is none that it was trained with.
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

/** DDPM_ERR_USAGE with the names of the model's conditions. @param problem  what the message begins with. */
ddpm_status ddpm_condition_list_names(const ddpm_condition *condition, const char *problem);

#endif
