/** What a checkpoint holds: tables of its fields, with the range of every number. A new field is a member of
 * ddpm_checkpoint and a row here. checkpoint.c writes and reads by them, checkpoint_check.c checks by them; tests and
 * the fuzzer forge by them. Local.
 */
#ifndef DDPM_STORE_CHECKPOINT_TABLE_H
#define DDPM_STORE_CHECKPOINT_TABLE_H

#include "store/checkpoint.h"

/** A number: an attribute of the root. */
typedef struct ddpm_checkpoint_attribute {
    const char *name;
    size_t at;             /* offset in ddpm_checkpoint, of an int64_t, or of a double */
    double least, largest; /* its range */
    int is_real;
    int is_optional; /* a file may lack it: then it is `missing`, and a real number that is NaN is not written */
    double missing;
} ddpm_checkpoint_attribute;

/** A dataset that a file may lack: with its whole group, or alone. */
enum { DDPM_CHECKPOINT_WITH_GROUP = 1, DDPM_CHECKPOINT_ALONE = 2 };

/** A dataset of numbers, [rows + more_rows], or [rows + more_rows][columns]. */
typedef struct ddpm_checkpoint_field {
    const char *name;
    ddpm_h5_type type;
    int is_optional;   /* whether a file may lack it (see above); the pointer is then NULL */
    size_t numbers;    /* offset in ddpm_checkpoint of the pointer to its numbers */
    size_t rows;       /* offset in ddpm_checkpoint of the number of its rows */
    int64_t more_rows; /* rows beyond that number */
    int64_t columns;   /* 0: it has one dimension, unless columns_at says how many there are */
    size_t columns_at; /* offset in ddpm_checkpoint of the number of its columns; 0: columns says it */
    int64_t most_rows; /* the largest number of rows that is accepted, in the field from whose shape the number is read;
                        * 0 in later fields with the same number */
    double least, largest; /* a number's range */
} ddpm_checkpoint_field;

/** A flat array [parameter_count]: a group with a dataset for each tensor. */
typedef struct ddpm_checkpoint_array {
    const char *group;
    size_t numbers;  /* offset in ddpm_checkpoint of the pointer to its numbers */
    int is_optional; /* the pointer may be NULL, and the group missing */
    double least, largest;
} ddpm_checkpoint_array;

/** A list of names [rows]: an attribute of the root. */
typedef struct ddpm_checkpoint_list_of_names {
    const char *attribute;
    size_t names, rows; /* offsets in ddpm_checkpoint */
} ddpm_checkpoint_list_of_names;

enum {
    DDPM_CHECKPOINT_ATTRIBUTES = 10,
    DDPM_CHECKPOINT_FIELDS = 26,
    DDPM_CHECKPOINT_ARRAYS = 6,
    DDPM_CHECKPOINT_LISTS = 3
};

extern const ddpm_checkpoint_attribute ddpm_checkpoint_attributes[DDPM_CHECKPOINT_ATTRIBUTES];
extern const ddpm_checkpoint_field ddpm_checkpoint_fields[DDPM_CHECKPOINT_FIELDS];
extern const ddpm_checkpoint_array ddpm_checkpoint_arrays[DDPM_CHECKPOINT_ARRAYS];
extern const ddpm_checkpoint_list_of_names ddpm_checkpoint_lists[DDPM_CHECKPOINT_LISTS];

/* ---- access by an offset of a row ---- */

void *ddpm_checkpoint_pointer(const ddpm_checkpoint *c, size_t offset);
void ddpm_checkpoint_set_pointer(ddpm_checkpoint *c, size_t offset, const void *pointer);
const int64_t *ddpm_checkpoint_count(const ddpm_checkpoint *c, size_t offset);
double ddpm_checkpoint_real(const ddpm_checkpoint *c, size_t offset);

/** The shape of a field in this checkpoint. @return how many numbers it has. */
int64_t ddpm_checkpoint_shape(const ddpm_checkpoint_field *f, const ddpm_checkpoint *c, int64_t shape[2]);

/** The name of the dataset of a tensor in an array. */
void ddpm_checkpoint_tensor_name(char out[DDPM_TENSOR_NAME + 16], int array, const ddpm_tensor *tensor);

/* ---- checks of what has been read: DDPM_ERR_DATA without the file's name (checkpoint_check.c) ---- */

DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_check_attributes(const ddpm_checkpoint *c);
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_check_field(const ddpm_checkpoint_field *f, const ddpm_checkpoint *c);
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_check_array(int array, const ddpm_checkpoint *c, const ddpm_tensor *tensor);

/** What spans fields: a class is its own index, and the classes that are counted are those that there are. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_check_condition(const ddpm_condition *condition);

/** Likewise: quantiles ascend, and have decimals beside them. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_check_quantiles(const ddpm_checkpoint *checkpoint);

#endif
