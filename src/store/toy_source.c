/* The generator behind data.source. */
#include "ddpm/store/toy_source.h"

#include "ddpm/model/toy.h"

#include <math.h>

static ddpm_toy toy_of(const ddpm_config *config)
{
    static const ddpm_toy toys[] = {
        [DDPM_DATA_SWISS_ROLL] = DDPM_TOY_SWISS_ROLL,
        [DDPM_DATA_TWO_MOONS] = DDPM_TOY_TWO_MOONS,
        [DDPM_DATA_S_CURVE] = DDPM_TOY_S_CURVE,
    };
    return toys[config->data.source];
}

const char *const *ddpm_toy_source_columns(const ddpm_config *config)
{
    return ddpm_toy_columns(toy_of(config), (int)config->data.dimensions);
}

void ddpm_toy_source_read(const ddpm_config *config, int64_t first, int64_t count, float *rows, float *labels)
{
    const ddpm_toy toy = toy_of(config);
    const double noise = isnan(config->data.noise) ? ddpm_toy_noise(toy) : config->data.noise;
    ddpm_toy_rows(toy, (int)config->data.dimensions, noise, config->run.seed, first, count, rows, labels);
}
