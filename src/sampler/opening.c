/* Opens weights that 'ddpm export' wrote as safetensors. */
#include "library/opening.h"

#include "exchange/import.h"

const char ddpm_opening_bytes_name[] = "the weights in memory";

static ddpm_status build(ddpm_safetensors *file, const char *name, ddpm_loaded *out)
{
    const ddpm_status status = ddpm_import_model(file, name, NULL, out);
    ddpm_safetensors_close(file);
    return status;
}

static ddpm_status explain(ddpm_status status)
{
    if (status == DDPM_OK || status == DDPM_ERR_MEMORY) return status;
    return ddpm_fail(status, "%s; this library opens what 'ddpm export --format safetensors' writes",
                     ddpm_error_message());
}

ddpm_status ddpm_opening_file(const char *path, ddpm_loaded *out)
{
    ddpm_safetensors *file;
    *out = (ddpm_loaded){0};
    DDPM_TRY(explain(ddpm_safetensors_open(path, &file)));
    return build(file, path, out);
}

ddpm_status ddpm_opening_bytes(const void *bytes, size_t count, ddpm_loaded *out)
{
    ddpm_safetensors *file;
    *out = (ddpm_loaded){0};
    DDPM_TRY(explain(ddpm_safetensors_parse(bytes, count, ddpm_opening_bytes_name, &file)));
    return build(file, ddpm_opening_bytes_name, out);
}
