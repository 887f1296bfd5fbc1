/** A list of texts. */
#ifndef DDPM_BASE_TEXT_LIST_H
#define DDPM_BASE_TEXT_LIST_H

#include <stdint.h>

typedef struct ddpm_text_list {
    int64_t count;
    char **items; /* [count] */
} ddpm_text_list;

#endif
