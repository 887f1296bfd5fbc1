/** The columns of a file as a model knows them: the places of names in a file become their places in the model's
 * vocabulary, since another file may list its names in another order, or have others. Local. */
#ifndef DDPM_DATA_ADOPT_H
#define DDPM_DATA_ADOPT_H

#include "model/vocabulary.h"

typedef struct ddpm_adoption {
    int64_t columns;
    double **place; /* [columns]: of a category, the model's place of each of the file's names, -1 for a name that it
                       lacks; NULL for a number */
} ddpm_adoption;

/** DDPM_ERR_DATA: a column is a number in one and a category in the other. DDPM_ERR_MEMORY.
 *  @param layouts   [columns] of the file; NULL: all are numbers.
 *  @param names     [columns] of the columns, for messages; NULL: none.
 *  @param path      of the file, for messages.
 *  @param[out] out  release with ddpm_adoption_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_adoption_create(const ddpm_column_layout *layouts, const char *const *names,
                                                 const char *path, const ddpm_vocabulary *model, ddpm_adoption *out);
void ddpm_adoption_release(ddpm_adoption *adoption);

/** Change rows [count][columns] in place; gaps stay. */
void ddpm_adoption_apply(const ddpm_adoption *adoption, int64_t count, double *rows);

#endif
