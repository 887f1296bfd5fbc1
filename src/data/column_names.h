/** The names that a file gives to the columns of its rows. Local, main thread. */
#ifndef DDPM_DATA_COLUMN_NAMES_H
#define DDPM_DATA_COLUMN_NAMES_H

#include "file/h5.h"

/** Read the attribute 'columns' of a dataset. Two columns of one name get names of their own, with a warning. Other
 * programs have attributes of this name too: one that is not a name for each column is not used, and a warning says
 * why.
 *  @param path        for messages.
 *  @param width       the number of columns.
 *  @param[out] names  [width], release with ddpm_release; NULL: there are none. */
DDPM_MUST_CHECK ddpm_status ddpm_column_names_read(const ddpm_h5 *file, const char *path, const char *dataset,
                                                   int64_t width, char ***names);

#endif
