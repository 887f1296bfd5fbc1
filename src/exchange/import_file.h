/** A checkpoint of weights that another program trained, or changed. Local. */
#ifndef DDPM_EXCHANGE_IMPORT_FILE_H
#define DDPM_EXCHANGE_IMPORT_FILE_H

#include "config/config.h"
#include "exchange/safetensors.h"

/** Write the model of a safetensors file as a checkpoint of iteration 0, with fresh moments. Arguments and errors as of
 * ddpm_import_model; DDPM_ERR_IO. */
DDPM_MUST_CHECK ddpm_status ddpm_import_safetensors(const ddpm_safetensors *file, const char *from,
                                                    const ddpm_config *config, const char *path);

#endif
