/** The section `data` of a configuration, and the seed and batch: all that decides which rows there are and in which
 * order they are visited. */
#ifndef DDPM_DATA_SPEC_H
#define DDPM_DATA_SPEC_H

#include "base/text_list.h"
#include "data/measure.h"
#include "file/file.h"
#include "model/toy.h"

/** A toy problem, by its own number, or a file. */
typedef enum ddpm_data_source {
#define X(constant, name, noise) DDPM_DATA_##constant = DDPM_TOY_##constant,
    DDPM_TOY_LIST(X)
#undef X
        DDPM_DATA_HDF5
} ddpm_data_source;

/** What a column of numbers becomes before training. */
#define DDPM_MAP_LIST(X)    \
    X(STANDARD, "standard") \
    X(QUANTILE, "quantile") \
    X(NONE, "none")         \
    X(AUTO, "auto")

typedef enum ddpm_map {
#define X(constant, name) DDPM_MAP_##constant,
    DDPM_MAP_LIST(X)
#undef X
} ddpm_map;

struct ddpm_known;

/** Rows in memory, which stand for the dataset of a file. */
typedef struct ddpm_memory_rows {
    int64_t rows, columns;
    const float *numbers; /* [rows][columns] */
    char *const *names;   /* [columns], or NULL */
} ddpm_memory_rows;

/** Texts and lists are borrowed, and so is what is known. */
typedef struct ddpm_data_spec {
    ddpm_data_source source;
    int64_t count;              /* rows to generate */
    double noise;               /* of generated rows; NaN: the usual one of their kind */
    int64_t dimensions;         /* columns of generated rows */
    const char *path, *dataset; /* of DDPM_DATA_HDF5 */
    ddpm_text_list columns;     /* empty: all columns that are not conditions */
    ddpm_text_list condition;   /* see condition_source.h */
    int pairs;                  /* whether the rows are samples, each trained with its own noise (pairs.h) */
    int tokens; /* whether columns of numbers become tokens (model/vocabulary.h), as those of a table always do */
    int exact;  /* whether tokens say which numbers of a row are near, and decimals may differ by value */
    ddpm_standardize standardize;
    ddpm_map transform;
    ddpm_text_list transform_columns; /* NAME:map of columns that have another one */
    double validation;                /* share of the rows that is held out */
    double memory;                    /* MiB of a node; larger data are streamed */
    int64_t piece;                    /* KiB of neighbouring rows that are streamed together; 0: chosen from memory */
    uint64_t seed;                    /* of generated rows, of the split, and of the order */
    int64_t batch;                    /* the most rows that are asked for at once */
    ddpm_text_list balance;           /* what ddpm_dataset_draw draws by: conditions whose classes come evenly, or one
                                         "weight:NAME"; empty: nothing */
    const ddpm_memory_rows *given;    /* NULL: path and dataset say where the rows are */
    const struct ddpm_known *known;   /* of a model that is to go on with these rows (data/known.h); NULL: nothing */
    int64_t visits; /* rows that will be asked for, 0: not known; few of streamed ones are warned of */
} ddpm_data_spec;

/** The two parts of a "FILE.h5[:dataset]" of a command line. */
typedef struct ddpm_data_names {
    char path[DDPM_PATH_BYTES], dataset[DDPM_PATH_BYTES];
} ddpm_data_names;

/** Local. The column that a configuration calls `wanted`: one of that name, or else of that number from 0; -1: none.
 *  @param names  [columns], or NULL. */
int64_t ddpm_data_column(const char *wanted, int64_t columns, const char *const *names);

/** Local. Make a specification read the rows of another file in place of its own. DDPM_ERR_USAGE: a name is too long.
 *  @param text      FILE.h5[:dataset].
 *  @param fallback  the dataset if none is named.
 *  @param[out] names  the texts that the specification then points to. */
DDPM_MUST_CHECK ddpm_status ddpm_data_spec_point(ddpm_data_spec *spec, const char *text, const char *fallback,
                                                 ddpm_data_names *names);

#endif
