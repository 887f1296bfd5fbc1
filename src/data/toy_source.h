/** Generated rows. Local, any thread. */
#ifndef DDPM_DATA_TOY_SOURCE_H
#define DDPM_DATA_TOY_SOURCE_H

#include "data/spec.h"

/** Names of the columns, [data.dimensions]. */
const char *const *ddpm_toy_source_columns(const ddpm_data_spec *spec);

/** Rows first .. first+count-1, [count][data.dimensions], and their labels [count] unless NULL. */
void ddpm_toy_source_read(const ddpm_data_spec *spec, int64_t first, int64_t count, float *rows, float *labels);

#endif
