/** What the values of samples are beside those of the data: outside their range, or without a value that they repeat.
 */
#ifndef DDPM_EVALUATE_VALUES_H
#define DDPM_EVALUATE_VALUES_H

#include "evaluate/evaluation.h"

#include <stdio.h>

/** Local. Measure the samples' values, and those of the real rows that they are compared with. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_values(ddpm_evaluation *e);

/** Local, on rank 0. Print them as a part of the table, or write them as members of an object of JSON. */
void ddpm_values_print(const ddpm_evaluation *e);
void ddpm_values_put(const ddpm_evaluation *e, FILE *to);

#endif
