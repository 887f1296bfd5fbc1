/* What a configuration's words for rows and columns stand for. */
#include "data/spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int64_t ddpm_data_column(const char *wanted, int64_t columns, const char *const *names)
{
    char *end;
    for (int64_t j = 0; names && j < columns; j++)
        if (strcmp(names[j], wanted) == 0) return j;
    errno = 0;
    const int64_t number = strtoll(wanted, &end, 10);
    return errno == 0 && *wanted && !*end && number >= 0 && number < columns ? number : -1;
}

ddpm_status ddpm_data_spec_point(ddpm_data_spec *spec, const char *text, const char *otherwise, ddpm_data_names *names)
{
    DDPM_TRY(ddpm_file_split_dataset(text, otherwise, DDPM_PATH_BYTES, names->path, names->dataset));
    spec->source = DDPM_DATA_HDF5;
    spec->path = names->path;
    spec->dataset = names->dataset;
    return DDPM_OK;
}
