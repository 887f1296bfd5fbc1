/* The memory of principal components, and the error that a linear prediction leaves. */
#include "model/components.h"

#include "base/memory.h"

#include <string.h>

ddpm_status ddpm_components_allocate(int64_t columns, int64_t count, ddpm_components *out)
{
    *out = (ddpm_components){.count = count, .columns = columns};
    DDPM_TRY(DDPM_NEW(&out->variance, count + 1, "principal components"));
    return DDPM_NEW(&out->direction, count * columns, "principal components");
}

void ddpm_components_release(ddpm_components *components)
{
    ddpm_release(components->variance);
    ddpm_release(components->direction);
    *components = (ddpm_components){0};
}

ddpm_status ddpm_components_copy(const ddpm_components *from, ddpm_components *out)
{
    DDPM_TRY(ddpm_components_allocate(from->columns, from->count, out));
    memcpy(out->variance, from->variance, (size_t)(from->count + 1) * sizeof *from->variance);
    memcpy(out->direction, from->direction, (size_t)(from->count * from->columns) * sizeof *from->direction);
    return DDPM_OK;
}

double ddpm_components_error(const ddpm_components *components, const ddpm_diffusion *diffusion, int64_t t)
{
    const ddpm_components *c = components;
    const double s = (double)diffusion->signal[t], n = (double)diffusion->noise[t];
    const double across = (double)diffusion->target_data[t] * n - (double)diffusion->target_noise[t] * s;
    double sum = 0.0;
    for (int64_t k = 0; k <= c->count; k++) {
        const double v = c->variance[k], directions = k < c->count ? 1.0 : (double)(c->columns - c->count);
        sum += directions * v * across * across / (s * s * v + n * n);
    }
    return sum / (double)c->columns;
}
