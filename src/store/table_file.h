/** Rows of a table with columns of several kinds, in the layout of the data: a group with a dataset for each column, in
 * the column's own type, and with the attribute `columns`. Texts have the fixed length of the longest name, since those
 * of variable length cannot be written by several ranks. A row in memory is one double for each column, as in
 * model/vocabulary.h. */
#ifndef DDPM_STORE_TABLE_FILE_H
#define DDPM_STORE_TABLE_FILE_H

#include "file/h5.h"
#include "model/vocabulary.h"

typedef struct ddpm_table_file {
    const char *group;
    const ddpm_vocabulary *vocabulary;
    const char *const *names; /* [D], or NULL: they are column0, column1 and so on */
} ddpm_table_file;

/** Local: rank 0. Make the group.
 *  @param size  [dims] of each column's dataset. */
DDPM_MUST_CHECK ddpm_status ddpm_table_file_declare(const ddpm_table_file *table, ddpm_h5 *file, int dims,
                                                    const int64_t *size);

/** Local. Bytes of the largest element of a column. */
int64_t ddpm_table_file_bytes(const ddpm_vocabulary *vocabulary);

/** Local, any thread. Whether a column of files can hold a value: a number, the place of a name, or a gap where the
 * column has them. */
int ddpm_table_file_holds(const ddpm_column_layout *layout, double value);

/** Collective. Write rows to the slab at `start` with edges `count` of each column's dataset.
 *  @param rows       the product of the edges; 0 on a rank that writes nothing.
 *  @param values     [rows][D] that the columns can hold.
 *  @param[out] room  [rows * ddpm_table_file_bytes]. */
DDPM_MUST_CHECK ddpm_status ddpm_table_file_write(const ddpm_table_file *table, ddpm_h5 *file, int dims,
                                                  const int64_t *start, const int64_t *count, int64_t rows,
                                                  const double *values, void *room);

#endif
