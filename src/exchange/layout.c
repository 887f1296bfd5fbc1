/* Names in files for other programs. */
#include "exchange/layout.h"

#include <stdio.h>
#include <string.h>

static int ends_with(const char *name, const char *end)
{
    const size_t length = strlen(name), of_end = strlen(end);
    return length >= of_end && strcmp(name + length - of_end, end) == 0;
}

int ddpm_exchange_is_weight(const ddpm_tensor *tensor)
{
    return ends_with(tensor->name, "/weight");
}

int ddpm_exchange_is_bias(const ddpm_tensor *tensor)
{
    return ends_with(tensor->name, "/bias");
}

void ddpm_exchange_write_points(const char *name, char out[DDPM_EXCHANGE_NAME])
{
    size_t at = 0;
    for (size_t i = 0; name[i] && at + 2 < DDPM_EXCHANGE_NAME; i++) {
        const int is_digit = name[i] >= '0' && name[i] <= '9';
        if (is_digit && i > 0 && name[i - 1] >= 'a' && name[i - 1] <= 'z') out[at++] = '.';
        out[at++] = name[i] == '/' ? '.' : name[i];
    }
    out[at] = '\0';
}

void ddpm_exchange_parameter_name(const ddpm_network *network, const ddpm_tensor *tensor, char out[DDPM_EXCHANGE_NAME])
{
    const ddpm_network_spec *spec = ddpm_network_get_spec(network);
    const char *kind = strrchr(tensor->name, '/');
    long long layer = spec->depth;
    if (spec->kind != DDPM_NETWORK_MLP || !kind) {
        ddpm_exchange_write_points(tensor->name, out);
        return;
    }
    if (sscanf(tensor->name, "hidden%lld/", &layer) != 1) layer = spec->depth; /* the output */
    if (ends_with(tensor->name, "/gain"))
        snprintf(out, DDPM_EXCHANGE_NAME, "gain.%lld", layer);
    else
        snprintf(out, DDPM_EXCHANGE_NAME, "layers.%lld.%.30s", layer, kind + 1);
}

int ddpm_exchange_field_name(const ddpm_checkpoint_field *field, char out[DDPM_EXCHANGE_NAME])
{
    ddpm_exchange_write_points(field->name, out);
    return strncmp(field->name, "reduction/", 10) != 0 && strncmp(field->name, "timesteps/", 10) != 0;
}
