/** A model of weights that another program trained, or changed, or that this one exported. Local. */
#ifndef DDPM_EXCHANGE_IMPORT_H
#define DDPM_EXCHANGE_IMPORT_H

#include "assembly/loaded.h"
#include "exchange/safetensors.h"

/** Make the model of a safetensors file (exchange/layout.h). The file must have all parameters of the network,
 * transform.mean and transform.scale, and components or a mixture where the configuration has one. Where it lacks
 * schedule.beta, that follows from the configuration; where it lacks the range of the rows, nothing is clipped.
 *  @param config    checked, of the network and the diffusion; NULL: the one in the file.
 *  @param from      the file, for messages.
 *  @param[out] out  without what only training needs; release with ddpm_loaded_release; empty after a failure.
 *  @return DDPM_ERR_DATA: a tensor is missing, is none of this network, or has another shape, a number is out of its
 *  range, or the file was made with another configuration; DDPM_ERR_CONFIG, DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_import_model(const ddpm_safetensors *file, const char *from, const ddpm_config *config,
                                              ddpm_loaded *out);

#endif
