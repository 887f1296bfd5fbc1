/* Makes the specifications of other folders from a configuration. */
#include "config/config.h"

#include "base/auto.h"
#include "base/plain_locale.h"
#include "base/split.h"

#include <stdlib.h>

ddpm_schedule_spec ddpm_config_schedule(const ddpm_config *config, double *table)
{
    const ddpm_text_list *values = &config->diffusion.schedule.values;
    for (int64_t i = 0; i < values->count; i++) table[i] = strtod_l(values->items[i], NULL, ddpm_plain_locale());
    return (ddpm_schedule_spec){.kind = config->diffusion.schedule.kind,
                                .steps = config->diffusion.steps,
                                .start = config->diffusion.schedule.start,
                                .end = config->diffusion.schedule.end,
                                .rescale = config->diffusion.schedule.rescale,
                                .target = config->diffusion.schedule.target,
                                .limit = config->diffusion.schedule.limit,
                                .offset = config->diffusion.schedule.offset,
                                .cap = config->diffusion.schedule.cap,
                                .zero_terminal_snr = config->diffusion.schedule.zero_terminal_snr,
                                .log_mean = config->diffusion.schedule.log_mean,
                                .log_deviation = config->diffusion.schedule.log_deviation,
                                .table = values->count ? table : NULL,
                                .table_count = values->count};
}

ddpm_data_spec ddpm_config_data(const ddpm_config *config)
{
    return (ddpm_data_spec){
        .source = config->data.source,
        .count = config->data.count,
        .noise = config->data.noise,
        .dimensions = config->data.dimensions,
        .path = config->data.path,
        .dataset = config->data.dataset,
        .exact = config->data.exact,
        .tokens = config->diffusion.process == DDPM_PROCESS_MASKED,
        .columns = config->data.columns,
        .condition = config->data.condition,
        .pairs = config->data.pairs,
        .standardize = config->data.standardize,
        .transform = config->data.transform,
        .transform_columns = config->data.transform_columns,
        .validation = config->data.validation,
        .memory = config->data.memory,
        .piece = config->data.piece == DDPM_AUTO ? 0 : config->data.piece,
        .seed = config->run.seed,
        .batch = config->training.batch,
    };
}

ddpm_learning_rate_spec ddpm_config_learning_rate(const ddpm_config *config)
{
    return (ddpm_learning_rate_spec){
        .peak = config->training.learning_rate,
        .warmup = config->training.warmup,
        .decay = config->training.decay,
        .iterations = config->training.iterations,
        .every = config->training.decay_every,
        .factor = config->training.decay_factor,
    };
}

int64_t ddpm_config_validate_every(const ddpm_config *config, int64_t rows)
{
    if (config->training.validate_every != DDPM_AUTO) return config->training.validate_every;
    const int64_t most = ddpm_smaller(DDPM_VALIDATE_MOST, DDPM_VALIDATE_PASSES * rows / config->training.batch);
    return ddpm_larger(DDPM_VALIDATE_LEAST, most);
}
