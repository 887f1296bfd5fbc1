/** What the files of this folder take of a configuration. Local. */
#ifndef DDPM_TRAIN_SETTINGS_H
#define DDPM_TRAIN_SETTINGS_H

#include "config/config.h"
#include "train/trainer.h"

/** For a stepper. */
ddpm_stepper_spec ddpm_settings_stepper(const ddpm_config *config);

/** The iterations between two events, which fall on the ends of rounds of local steps. */
int64_t ddpm_settings_interval(const ddpm_config *config, int64_t iterations);

/** For a run; texts and lists are the configuration's. */
ddpm_trainer_spec ddpm_settings_trainer(const ddpm_config *config);

/** The run folder: run.output, or runs/<run.name>. DDPM_ERR_USAGE: its path is too long. */
DDPM_MUST_CHECK ddpm_status ddpm_settings_folder(const ddpm_config *config, char out[DDPM_PATH_BYTES]);

#endif
