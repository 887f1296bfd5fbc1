/* The settings of samples in the files that hold them. */
#include "sample/sampling_file.h"

#include "config/table.h"
#include "file/json_file.h"
#include "sample/sampling.h"

#include <stddef.h>

static const void *field(const ddpm_option *option, const ddpm_sampling *sampling)
{
    return (const char *)sampling + (option->offset - offsetof(ddpm_config, sampling));
}

static ddpm_status put(const ddpm_option *option, const char *name, const void *value, ddpm_h5 *file,
                       const char *object)
{
    if (option->type == DDPM_OPTION_INT) return ddpm_h5_put_int(file, object, name, *(const int64_t *)value);
    if (option->type == DDPM_OPTION_REAL) return ddpm_h5_put_real(file, object, name, *(const double *)value);
    if (option->type == DDPM_OPTION_ENUM)
        return ddpm_h5_put_text(file, object, name, ddpm_option_choice(option, *(const unsigned *)value));
    return ddpm_fail(DDPM_ERR_INTERNAL, "%s: no attribute is written for values of this type", option->key);
}

ddpm_status ddpm_sampling_put(const ddpm_sampling *sampling, ddpm_h5 *file, const char *object)
{
    const ddpm_option *option;
    for (int i = 0; (option = ddpm_sampling_row(i)); i++)
        DDPM_TRY(put(option, ddpm_sampling_name(i), field(option, sampling), file, object));
    return DDPM_OK;
}

void ddpm_sampling_print_json(const ddpm_sampling *sampling, FILE *to)
{
    const ddpm_option *option;
    fputc('{', to);
    for (int i = 0; (option = ddpm_sampling_row(i)); i++) {
        const void *value = field(option, sampling);
        const char *before = i > 0 ? ", " : "", *name = ddpm_sampling_name(i);
        if (option->type == DDPM_OPTION_INT)
            fprintf(to, "%s\"%s\": %lld", before, name, (long long)*(const int64_t *)value);
        else if (option->type == DDPM_OPTION_REAL)
            ddpm_json_number(to, before, name, *(const double *)value);
        else
            fprintf(to, "%s\"%s\": \"%s\"", before, name, ddpm_option_choice(option, *(const unsigned *)value));
    }
    fputc('}', to);
}
