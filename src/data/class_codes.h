/** The different class codes of a condition, any whole numbers, with the rows that have each. Used by
 * condition_measure.c alone. */
#ifndef DDPM_DATA_CLASS_CODES_H
#define DDPM_DATA_CLASS_CODES_H

#include "model/condition.h"
#include "world/comm.h"

typedef struct ddpm_class_code {
    int64_t code, rows;
} ddpm_class_code;

/** All zeros: no code was counted. */
typedef struct ddpm_class_codes {
    int64_t *small;          /* [DDPM_CLASSES_MAX] rows of each code from 0 to DDPM_CLASSES_MAX - 1 */
    ddpm_class_code *others; /* [count] of other codes, in their order */
    int64_t count, room;
    int64_t last; /* the place of the code that was counted last, since files are often sorted */
} ddpm_class_codes;

/** Local. Count a row. DDPM_ERR_DATA: there are more than DDPM_CLASSES_MAX different codes; DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_class_codes_add(ddpm_class_codes *codes, int64_t code);

/** Collective. Add up what the ranks have counted. Errors as above. */
DDPM_MUST_CHECK ddpm_status ddpm_class_codes_join(ddpm_comm *comm, ddpm_class_codes *codes);

/** Local, of joined codes. How many classes there are. Codes that are all below DDPM_CLASSES_MAX, and none below 0, are
 * the classes themselves: 0 to the largest, some perhaps without rows. Of others, each different one is a class. */
int64_t ddpm_class_codes_classes(const ddpm_class_codes *codes);

/** Local, of joined codes. Write the code and the rows of each class, [ddpm_class_codes_classes]. */
void ddpm_class_codes_list(const ddpm_class_codes *codes, int64_t *code, int64_t *rows);

void ddpm_class_codes_release(ddpm_class_codes *codes);

#endif
