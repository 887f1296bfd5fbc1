/* Another file in place of a data set's own. */
#include "data/spec.h"

ddpm_status ddpm_data_spec_point(ddpm_data_spec *spec, const char *text, const char *otherwise, ddpm_data_names *names)
{
    DDPM_TRY(ddpm_file_split_dataset(text, otherwise, DDPM_PATH_BYTES, names->path, names->dataset));
    spec->source = DDPM_DATA_HDF5;
    spec->path = names->path;
    spec->dataset = names->dataset;
    return DDPM_OK;
}
