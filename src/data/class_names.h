/** The names that a file gives to class codes: those of an enumeration, or the attribute 'classes', a list in the order
 * of the codes from 0. Local, main thread. Used by condition_source.c alone. */
#ifndef DDPM_DATA_CLASS_NAMES_H
#define DDPM_DATA_CLASS_NAMES_H

#include "file/h5.h"

/** All zeros: there are none. */
typedef struct ddpm_class_names {
    int64_t count;
    int64_t *codes; /* [count]; NULL: 0, 1 and so on */
    char **names;   /* [count] */
} ddpm_class_names;

/** Read the names of a dataset, if it has any; an attribute that is no list of texts is another program's. */
DDPM_MUST_CHECK ddpm_status ddpm_class_names_read(const ddpm_h5 *file, const char *dataset, ddpm_class_names *out);
void ddpm_class_names_release(ddpm_class_names *names);

/** The name of a code; "": it has none. */
const char *ddpm_class_names_find(const ddpm_class_names *names, int64_t code);

#endif
