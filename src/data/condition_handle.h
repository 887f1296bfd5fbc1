/** What an open source of conditions holds. Only condition_source.c, which opens it and reads, and condition_measure.c
 * look into it. Local, main thread. */
#ifndef DDPM_DATA_CONDITION_HANDLE_H
#define DDPM_DATA_CONDITION_HANDLE_H

#include "data/class_codes.h"
#include "data/class_names.h"
#include "data/condition_source.h"
#include "data/conventions.h"

enum { DDPM_CONDITION_PIECE = 1 << 20 }; /* numbers of the dataset read at once */

typedef struct ddpm_condition_value {
    const char *name;
    int is_class;
    int64_t column;     /* of data.dataset; -1: it is another dataset, or the label */
    ddpm_number holder; /* the type that it is read in */
    ddpm_class_names class_names;
    ddpm_conventions conventions; /* of another dataset */
} ddpm_condition_value;

struct ddpm_condition_source {
    const ddpm_data_spec *spec;
    ddpm_condition_list list;
    ddpm_h5 *file;
    int64_t width, count;
    ddpm_condition_value *values; /* [count] */
    void *piece;                  /* [DDPM_CONDITION_PIECE or width] numbers, of 8 bytes at most */
    ddpm_class_codes *codes;      /* [count], while they are measured */
};

/** Rows that fit the piece. */
int64_t ddpm_condition_source_room(const ddpm_condition_source *source);

/** Read value v of `count` rows, which must fit the piece.
 *  @param[out] numbers, stride  that of row i is number i * stride of an array of the holder's type. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_source_numbers(ddpm_condition_source *source, int64_t v, int64_t first,
                                                          int64_t count, const void **numbers, int64_t *stride);

/** What messages call the rows. */
const char *ddpm_condition_source_place(const ddpm_condition_source *source);

/** Refuse a number that the conventions of the file call no value. DDPM_ERR_DATA. */
DDPM_MUST_CHECK ddpm_status ddpm_condition_source_check(const ddpm_condition_source *source, int64_t v, int64_t row,
                                                        double x);

#endif
