/** A checkpoint, with the configuration and the model that it describes. */
#ifndef DDPM_ASSEMBLY_LOADED_H
#define DDPM_ASSEMBLY_LOADED_H

#include "assembly/model.h"
#include "model/transform.h"
#include "store/checkpoint.h"

/** Do not move it after loading: the model points to the configuration beside it. */
typedef struct ddpm_loaded {
    ddpm_config config;
    ddpm_checkpoint checkpoint;
    ddpm_model model;
} ddpm_loaded;

/** Local. The configuration that a checkpoint holds, checked, as it is read once more.
 *  @param[out] out  release with ddpm_config_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_loaded_configuration(const ddpm_loaded *loaded, ddpm_config *out);

/** Local. Build the model of a checkpoint whose header is set. DDPM_ERR_DATA: its configuration
 * does not fit it; DDPM_ERR_CONFIG: this program refuses it. */
DDPM_MUST_CHECK ddpm_status ddpm_loaded_build(ddpm_loaded *loaded);

/** Local. Let the model have the precision that its configuration's section `sampling` names, once settings were put
 * over it; ddpm_loaded_build has taken that of the checkpoint. DDPM_ERR_CONFIG; DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_loaded_set_precision(ddpm_loaded *loaded);

/** Local. */
void ddpm_loaded_release(ddpm_loaded *loaded);

/** Local. Let the configuration name the process that the model has, where it left that to the data, so that settings
 * without effect are found. */
void ddpm_loaded_name_process(ddpm_loaded *loaded);

/** Local. DDPM_ERR_USAGE for a classifier, which cannot make rows and has no bound. @param path  for the message. */
DDPM_MUST_CHECK ddpm_status ddpm_loaded_check_denoiser(const ddpm_loaded *loaded, const char *path);

/** Local. The transform of the data, borrowed from the checkpoint. */
ddpm_transform ddpm_loaded_transform(const ddpm_loaded *loaded);

/** Local. Whether the transform was measured on numbers that had been narrowed to float32: that of data of more digits,
 * in a checkpoint that does not name their type.
 *  @param type  of the data as they are. */
int ddpm_loaded_is_narrowed(const ddpm_loaded *loaded, ddpm_number type);

/** Local. The parameters for sampling: their average, the best average (the last one where none was kept), or the last
 * ones. */
const float *ddpm_loaded_weights(const ddpm_loaded *loaded, ddpm_weights which);

#endif
