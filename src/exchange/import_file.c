/* Writes the checkpoint of another program's weights. */
#include "exchange/import_file.h"

#include "base/memory.h"
#include "exchange/import.h"
#include "world/reduce.h"

/* What training goes on with, as at its first iteration. */
static ddpm_status start_training(ddpm_checkpoint *c, int64_t tensors)
{
    DDPM_TRY(DDPM_NEW(&c->moment1, c->parameter_count, "moments"));
    DDPM_TRY(DDPM_NEW(&c->moment2, c->parameter_count, "moments"));
    c->exponent_count = tensors + 1;
    DDPM_TRY(DDPM_NEW(&c->exponent, c->exponent_count, "scales"));
    for (int64_t i = 0; i <= tensors; i++) c->exponent[i] = DDPM_EXPONENT_START;
    return DDPM_OK;
}

ddpm_status ddpm_import_safetensors(const ddpm_safetensors *file, const char *from, const ddpm_config *config,
                                    const char *path)
{
    ddpm_loaded loaded;
    const ddpm_tensor *tensors;
    DDPM_TRY(ddpm_import_model(file, from, config, &loaded));
    const int64_t count = ddpm_network_tensors(loaded.model.network, &tensors);
    ddpm_status status = start_training(&loaded.checkpoint, count);
    if (status == DDPM_OK) status = ddpm_checkpoint_write(path, &loaded.checkpoint, count, tensors);
    ddpm_loaded_release(&loaded);
    return status;
}
