/** What an open source holds. Only source.c, which opens it and says what it is, and source_read.c, which reads its
 * rows, look into it. */
#ifndef DDPM_DATA_SOURCE_HANDLE_H
#define DDPM_DATA_SOURCE_HANDLE_H

#include "data/adopt.h"
#include "data/array.h"
#include "data/source.h"
#include "data/table.h"

enum {
    DDPM_SOURCE_PIECE = 1 << 22,   /* numbers read at once when columns are selected */
    DDPM_SOURCE_NARROWED = 1 << 18 /* numbers read at once when they are narrowed or measured */
};

struct ddpm_source {
    ddpm_data_spec spec;
    int64_t rows, columns;       /* columns: selected */
    ddpm_h5 *file;               /* NULL for a generator */
    ddpm_table *table;           /* NULL: the rows are those of an array */
    ddpm_array array;            /* its names are NULL for a table */
    int64_t width;               /* columns of the dataset or table */
    int64_t *selected;           /* [columns], NULL: all */
    char *const *all_names;      /* [width], NULL: none */
    const char **selected_names; /* [columns], NULL: none */
    const char *const *names;    /* [columns], NULL: none */
    ddpm_number type;
    void *piece;                       /* whole rows of an array, when columns are selected */
    void *numbers;                     /* rows before they are narrowed; NULL: they need not be */
    ddpm_condition_source *conditions; /* NULL: none */
    ddpm_condition_source *weights;    /* of the rows, one value; NULL: none */
    uint64_t noise_seed;               /* with data.pairs */
    ddpm_adoption adoption;            /* no columns: they are read as the file has them */
};

#endif
