/* The keys of a configuration that each specification takes. */
#include "train/settings.h"

#include <stdio.h>

ddpm_stepper_spec ddpm_settings_stepper(const ddpm_config *config)
{
    return (ddpm_stepper_spec){
        .seed = config->run.seed,
        .batch = config->training.batch,
        .workers = config->training.workers,
        .block_rows = config->parallel.block_rows,
        .condition_dropout = config->diffusion.condition_dropout,
        .dropout = config->network.dropout,
        .timesteps = config->diffusion.timesteps,
        .reduction = config->parallel.reduction,
        .update = {.optimizer = config->training.optimizer,
                   .rate = ddpm_config_learning_rate(config),
                   .momentum = config->training.momentum,
                   .beta1 = config->training.beta1,
                   .beta2 = config->training.beta2,
                   .epsilon = config->training.epsilon,
                   .weight_decay = config->training.weight_decay,
                   .clip = config->training.clip,
                   .ema = config->training.ema},
    };
}

int64_t ddpm_settings_interval(const ddpm_config *config, int64_t iterations)
{
    return ddpm_round_up(iterations, config->training.local_steps);
}

ddpm_trainer_spec ddpm_settings_trainer(const ddpm_config *config)
{
    ddpm_data_spec data = ddpm_config_data(config);
    data.balance = config->training.balance;
    data.visits = config->training.iterations * config->training.batch;
    return (ddpm_trainer_spec){
        .data = data,
        .step = ddpm_settings_stepper(config),
        .iterations = config->training.iterations,
        .local = {.steps = config->training.local_steps,
                  .workers = config->training.workers,
                  .rate = config->training.outer_rate,
                  .momentum = config->training.outer_momentum},
        .report_every = ddpm_settings_interval(config, config->run.report_every),
        .checkpoint_every = ddpm_settings_interval(config, config->checkpoint.every),
        .checkpoint_keep = config->checkpoint.keep,
        .keep_best = config->training.keep_best,
        .patience = config->training.patience,
        .recover = config->training.recover,
        .time_limit = config->run.time_limit,
        .stop_margin = config->run.stop_margin,
    };
}

ddpm_status ddpm_settings_folder(const ddpm_config *config, char out[DDPM_PATH_BYTES])
{
    if (!config->run.output[0]) return ddpm_file_join("runs", config->run.name, out);
    snprintf(out, DDPM_PATH_BYTES, "%s", config->run.output);
    return DDPM_OK;
}
