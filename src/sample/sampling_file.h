/** The settings of samples in the files that hold them. Local. */
#ifndef DDPM_SAMPLE_SAMPLING_FILE_H
#define DDPM_SAMPLE_SAMPLING_FILE_H

#include "config/config.h"
#include "file/h5.h"

#include <stdio.h>

/** Write every setting as an attribute of an object of a file, or as a JSON object. */
DDPM_MUST_CHECK ddpm_status ddpm_sampling_put(const ddpm_sampling *sampling, ddpm_h5 *file, const char *object);
void ddpm_sampling_print_json(const ddpm_sampling *sampling, FILE *to);

#endif
