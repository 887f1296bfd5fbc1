/** A checkpoint as a model that can be used: the file's content, its configuration, its network. */
#ifndef DDPM_ASSEMBLY_LOADED_H
#define DDPM_ASSEMBLY_LOADED_H

#include "assembly/model.h"
#include "model/transform.h"
#include "store/checkpoint.h"
#include "world/comm.h"

/** Stays where it is once loaded: the model points to the configuration beside it. */
typedef struct ddpm_loaded {
    ddpm_config config;
    ddpm_checkpoint checkpoint;
    ddpm_model model;
} ddpm_loaded;

/** Local. @param path  a file or a run folder.  @param with_moments  what only training needs.
 *  @param[out] out  release with ddpm_loaded_release. */
DDPM_MUST_CHECK ddpm_status ddpm_load(const char *path, int with_moments, ddpm_loaded *out);

/** Collective. Rank 0 reads, all get it. */
DDPM_MUST_CHECK ddpm_status ddpm_load_shared(ddpm_comm *comm, const char *path, int with_moments, ddpm_loaded *out);

void ddpm_loaded_release(ddpm_loaded *loaded);

/** Local. DDPM_ERR_USAGE for a classifier, which makes no rows and has no bound. @param path  for the message. */
DDPM_MUST_CHECK ddpm_status ddpm_loaded_check_denoiser(const ddpm_loaded *loaded, const char *path);

/** Local. The map to the data's units, borrowed from the checkpoint. */
ddpm_transform ddpm_loaded_transform(const ddpm_loaded *loaded);

/** Local. The weights that sampling uses, [parameters]: the average, or the raw ones. */
const float *ddpm_loaded_weights(const ddpm_loaded *loaded, ddpm_weights which);

#endif
