/** For tests of training steps: a configuration, its rows and its model, on ranks each of which is a team. */
#ifndef DDPM_TESTS_TEAMS_TRAINING_H
#define DDPM_TESTS_TEAMS_TRAINING_H

#include "teams.h"

#include "assembly/model.h"
#include "train/settings.h"

static ddpm_config config;
static ddpm_dataset *dataset;
static ddpm_model model;

static inline void begin_training(size_t count, const char *const *settings)
{
    expect_ok(ddpm_config_defaults(&config));
    for (size_t i = 0; i < count; i++) expect_ok(ddpm_config_set(&config, settings[i]));
    expect_ok(ddpm_config_check(&config));
    const ddpm_data_spec data = ddpm_config_data(&config);
    expect_ok(ddpm_dataset_create(comm, &data, &dataset));
    begin_teams_of_one();
    expect_ok(ddpm_model_create(&config, ddpm_dataset_columns(dataset), NULL, ddpm_dataset_condition(dataset), &model));
}

static inline int end_training(void **state)
{
    (void)state;
    ddpm_model_release(&model);
    ddpm_dataset_free(dataset);
    end_teams_of_one();
    ddpm_config_release(&config);
    return 0;
}

#endif
