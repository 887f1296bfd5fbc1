/** Lines that the parts of a report share. Local, on rank 0. */
#ifndef DDPM_EVALUATE_LINES_H
#define DDPM_EVALUATE_LINES_H

#include "evaluate/evaluation.h"

#include <stdio.h>

/** A measure of samples in parts of that of real data; NaN where the latter is 0. */
double ddpm_report_ratio(double samples, double real_data);

/** Print a number in a column of a table, after a space; a dash for what has no value, as a share of nothing. */
void ddpm_report_number(int decimals, double value);

/** Print the heads of the columns of a table of measures, a line of it, and one of the errors of the line before. */
void ddpm_report_heads(void);
void ddpm_report_measure(const char *name, double samples, double real_data);
void ddpm_report_errors(double samples, double real_data);

/** Write a measure as members of an object of JSON. */
void ddpm_report_values(FILE *to, double samples, double real_data);

/** The name of a column, or its number where columns have no names. */
const char *ddpm_report_name(const ddpm_evaluation *e, int64_t column, char number[32]);

#endif
