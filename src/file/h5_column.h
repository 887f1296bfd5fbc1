/** Columns of tables in HDF5: the datasets of a group, or the members of a compound dataset, whose elements are
 * numbers, names of an enumeration, or texts. The rules of file/h5.h hold: Local, main thread, a file is not trusted.
 */
#ifndef DDPM_FILE_H5_COLUMN_H
#define DDPM_FILE_H5_COLUMN_H

#include "file/h5.h"

enum { DDPM_H5_COLUMN_TEXT_BYTES = 4096 /* of a text in a column, at most */ };

/** What a name of a file stands for. */
typedef enum ddpm_h5_kind { DDPM_H5_NOTHING, DDPM_H5_GROUP, DDPM_H5_COMPOUND, DDPM_H5_PLAIN } ddpm_h5_kind;

/** A dataset that cannot be opened is DDPM_H5_PLAIN: opening it again says why. */
ddpm_h5_kind ddpm_h5_kind_of(const ddpm_h5 *file, const char *name);

/** The names of the datasets of a group, in the order of their creation where the file keeps it, else by name; or of
 * the members of a compound dataset. Every link of a group is named, and what cannot be opened, so that no column is
 * lost in silence: ddpm_h5_link_is_lost, ddpm_h5_column_open.
 *  @param[out] names  [count] texts in one block, release with ddpm_release; NULL: there are none. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_members(const ddpm_h5 *file, const char *name, int64_t *count, char ***names);

typedef enum ddpm_h5_element { DDPM_H5_OTHER, DDPM_H5_NUMBER, DDPM_H5_NAME, DDPM_H5_TEXT } ddpm_h5_element;

typedef struct ddpm_h5_column ddpm_h5_column; /* an open column */

/** Open a member of a group or of a compound dataset. DDPM_ERR_DATA, as of ddpm_h5_shape_of. The file must stay open
 * for as long.
 *  @param cache     bytes of decompressed chunks that are kept.
 *  @param[out] out  close with ddpm_h5_column_close. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_column_open(ddpm_h5 *file, const char *object, ddpm_h5_kind kind,
                                                const char *member, int64_t cache, ddpm_h5_column **out);
void ddpm_h5_column_close(ddpm_h5_column *column);

ddpm_h5_element ddpm_h5_column_element(const ddpm_h5_column *column);

/** Of the dataset that holds it; `type` is that of the numbers, or of the codes of names. */
const ddpm_h5_shape *ddpm_h5_column_shape(const ddpm_h5_column *column);

/** The names of an enumeration, or of truth values (FALSE, TRUE), in the order of the file, and their codes.
 *  @param[out] names  [count] texts in one block; release with ddpm_release.
 *  @param[out] codes  [count]; release with ddpm_release. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_column_names(const ddpm_h5_column *column, int64_t *count, char ***names,
                                                 int64_t **codes);

/** Read rows first .. first+count-1 of a column with one dimension: numbers, or the codes of names. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_column_read(const ddpm_h5_column *column, int64_t first, int64_t count,
                                                double *values);

/** The same for texts, of fixed or variable length: visit is called for each row in its order, and may end the reading
 * with a failure. They are read in pieces of bounded memory; DDPM_ERR_DATA names a row whose text is too long.
 *  @param visit  (context, row, text). The text is valid until visit returns. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_column_read_texts(const ddpm_h5_column *column, int64_t first, int64_t count,
                                                      ddpm_status (*visit)(void *context, int64_t row,
                                                                           const char *text),
                                                      void *context);

#endif
