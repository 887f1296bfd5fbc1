/** Generated rows as a configuration asks for them. Local. */
#ifndef DDPM_STORE_TOY_SOURCE_H
#define DDPM_STORE_TOY_SOURCE_H

#include "ddpm/store/config.h"

/** Names of the columns, [data.dimensions]. */
const char *const *ddpm_toy_source_columns(const ddpm_config *config);

/** Rows first .. first+count-1, [count][data.dimensions], and their labels [count] unless NULL. */
void ddpm_toy_source_read(const ddpm_config *config, int64_t first, int64_t count, float *rows, float *labels);

#endif
