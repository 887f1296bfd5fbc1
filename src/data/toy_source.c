/* Generates the rows of a toy problem. */
#include "data/toy_source.h"

#include <math.h>

static ddpm_toy toy_of(const ddpm_data_spec *spec)
{
    return (ddpm_toy)spec->source;
}

const char *const *ddpm_toy_source_columns(const ddpm_data_spec *spec)
{
    return ddpm_toy_columns(toy_of(spec), (int)spec->dimensions);
}

void ddpm_toy_source_read(const ddpm_data_spec *spec, int64_t first, int64_t count, float *rows, float *labels)
{
    const ddpm_toy toy = toy_of(spec);
    const double noise = isnan(spec->noise) ? ddpm_toy_noise(toy) : spec->noise;
    ddpm_toy_rows(toy, (int)spec->dimensions, noise, spec->seed, first, count, rows, labels);
}
