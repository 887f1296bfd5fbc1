/** How samples are made, outside of a configuration file: the section `sampling` on the command lines of `ddpm sample`
 * and `ddpm evaluate`, in their help and in the files that they write. All names, ranges and choices are those of the
 * option table. Local.
 */
#ifndef DDPM_SAMPLE_SAMPLING_H
#define DDPM_SAMPLE_SAMPLING_H

#include "config/config.h"
#include "config/table.h"

#include <stdio.h>

enum { DDPM_SAMPLING_SETTINGS_MAX = 64 };

/** What a command line sets over the configuration that a model was trained with, in the order of the command line. */
typedef struct ddpm_sampling_settings {
    int count;
    struct {
        const char *option, *value; /* borrowed */
    } items[DDPM_SAMPLING_SETTINGS_MAX];
} ddpm_sampling_settings;

/** Option i of a command line, without its dashes: "sampler", "steps" and so on, and "set" last. NULL: there is no
 * option i. Each takes a value. */
const char *ddpm_sampling_option(int i);

/** Add one of these options. DDPM_ERR_USAGE names it as it was typed, what was expected and what was found; a key of
 * another section than `sampling` is refused, since what was trained cannot be changed. */
DDPM_MUST_CHECK ddpm_status ddpm_sampling_settings_add(ddpm_sampling_settings *settings, const char *option,
                                                       const char *value);

/** Put the settings over those of a configuration. */
DDPM_MUST_CHECK ddpm_status ddpm_sampling_settings_apply(const ddpm_sampling_settings *settings, ddpm_config *config);

/** Whether an assignment or an option gave a key, "sampling.guidance", rather than the model's configuration. */
int ddpm_sampling_is_given(const ddpm_config *config, const char *key);

/** DDPM_ERR_USAGE names a setting of these that decides how samples are made, where none are. */
DDPM_MUST_CHECK ddpm_status ddpm_sampling_settings_need_samples(const ddpm_sampling_settings *settings);

/** Print the last paragraph of a verb's help: each option with its meaning, its range and its key. */
void ddpm_sampling_help(FILE *to);

/** Row i of the option table for the section; NULL after the last. */
const ddpm_option *ddpm_sampling_row(int i);

/** The name that files give to key i of the section: that of its option where it has one. NULL: there is no key i. */
const char *ddpm_sampling_name(int i);

/** "ema" or "raw". */
const char *ddpm_sampling_weights(const ddpm_sampling *sampling);

#endif
