/** The measures of tables in a report: a part of the table, members of the JSON, datasets of the HDF5 file. Local, on
 * rank 0. */
#ifndef DDPM_EVALUATE_MEASURES_REPORT_H
#define DDPM_EVALUATE_MEASURES_REPORT_H

#include "evaluate/evaluation.h"

#include <stdio.h>

void ddpm_measures_print(const ddpm_evaluation *e);
void ddpm_measures_put(const ddpm_evaluation *e, FILE *to);

/** The names and values of the measures that are one number: what a row of a table of runs, or an HDF5 file, has. */
typedef struct ddpm_measure {
    const char *name;
    double of[DDPM_SIDES];
} ddpm_measure;

enum { DDPM_MEASURES_OF_TABLES = 9 };

/** @return  how many there are. */
int ddpm_measures_list(const ddpm_evaluation *e, ddpm_measure out[DDPM_MEASURES_OF_TABLES]);

#endif
