/** What the files of this folder take of a configuration. Local. */
#ifndef DDPM_TRAIN_SETTINGS_H
#define DDPM_TRAIN_SETTINGS_H

#include "config/config.h"
#include "train/trainer.h"

/** For a stepper. */
ddpm_stepper_spec ddpm_settings_stepper(const ddpm_config *config);

/** For a run; texts and lists are the configuration's. */
ddpm_trainer_spec ddpm_settings_trainer(const ddpm_config *config);

#endif
