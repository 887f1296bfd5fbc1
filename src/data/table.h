/** A table with columns of different kinds in an HDF5 file, as a source of rows.
 *
 *  It is a group with a dataset for each column, all of one dimension and of the same length, or a compound dataset,
 * whose members are the columns. A column of integers or floating-point numbers is a number; one of an HDF5 enumeration
 * or of strings is a category. A gap is NaN, an empty string, or the member of an enumeration or the number that the
 * column's attribute `gap` gives. The columns of a group are in the order of its attribute `columns` (their names), or
 * else in that of their creation where the file keeps it, or else by name. A group that pandas made, of one compound
 * dataset, is that dataset without its index.
 *
 *  In memory a row is one double for each column: a number, of a category the place of its name in the column's layout,
 * NaN for a gap. Local, main thread. */
#ifndef DDPM_DATA_TABLE_H
#define DDPM_DATA_TABLE_H

#include "file/h5_column.h"
#include "model/vocabulary.h"

typedef struct ddpm_table ddpm_table;

/** Find the columns. The texts must outlive the table, and so must the file. DDPM_ERR_DATA.
 *  @param path      of the file, for messages.
 *  @param dataset   a group or a compound dataset.
 *  @param[out] out  close with ddpm_table_close. */
DDPM_MUST_CHECK ddpm_status ddpm_table_open(ddpm_h5 *file, const char *path, const char *dataset, ddpm_h5_kind kind,
                                            ddpm_table **out);
void ddpm_table_close(ddpm_table *table);

/** All columns that the table has: their names, in one block. */
int64_t ddpm_table_width(const ddpm_table *table);
char *const *ddpm_table_names(const ddpm_table *table);

/** Choose the columns that are read, once, before the functions below. Columns of texts are read for their names. An
 * error of DDPM_ERR_DATA names a column that cannot be read.
 *  @param columns  [count] numbers of columns, in the order of a row; NULL: all. */
DDPM_MUST_CHECK ddpm_status ddpm_table_select(ddpm_table *table, int64_t count, const int64_t *columns);

int64_t ddpm_table_rows(const ddpm_table *table);

/** What each selected column is in the file. */
const ddpm_column_layout *ddpm_table_layouts(const ddpm_table *table);

/** Read rows first .. first+count-1, [count][selected columns]. */
DDPM_MUST_CHECK ddpm_status ddpm_table_read(ddpm_table *table, int64_t first, int64_t count, double *rows);

/** The same of one selected column, [count]. */
DDPM_MUST_CHECK ddpm_status ddpm_table_read_column(ddpm_table *table, int64_t column, int64_t first, int64_t count,
                                                   double *values);

#endif
