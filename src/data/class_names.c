/* Reads the names of class codes. */
#include "data/class_names.h"

#include "base/memory.h"

ddpm_status ddpm_class_names_read(const ddpm_h5 *file, const char *dataset, ddpm_class_names *out)
{
    *out = (ddpm_class_names){0};
    DDPM_TRY(ddpm_h5_get_enumeration(file, dataset, &out->count, &out->codes, &out->names));
    if (out->count > 0) return DDPM_OK;
    const ddpm_status status = ddpm_h5_get_names(file, dataset, "classes", &out->count, &out->names);
    if (status != DDPM_OK) out->count = 0;
    return status == DDPM_ERR_DATA ? DDPM_OK : status;
}

void ddpm_class_names_release(ddpm_class_names *names)
{
    ddpm_release(names->codes);
    ddpm_release(names->names);
    *names = (ddpm_class_names){0};
}

const char *ddpm_class_names_find(const ddpm_class_names *names, int64_t code)
{
    if (!names->codes) return code >= 0 && code < names->count ? names->names[code] : "";
    for (int64_t i = 0; i < names->count; i++)
        if (names->codes[i] == code) return names->names[i];
    return "";
}
