/* The affine map of columns, and its inverse. */
#include "model/transform.h"

#include "base/memory.h"

ddpm_status ddpm_transform_allocate(int64_t columns, ddpm_transform *out)
{
    *out = (ddpm_transform){.columns = columns};
    DDPM_TRY(DDPM_NEW(&out->mean, columns, "column means"));
    DDPM_TRY(DDPM_NEW(&out->scale, columns, "column scales"));
    DDPM_TRY(DDPM_NEW(&out->minimum, columns, "column ranges"));
    return DDPM_NEW(&out->maximum, columns, "column ranges");
}

void ddpm_transform_release(ddpm_transform *transform)
{
    ddpm_release(transform->mean);
    ddpm_release(transform->scale);
    ddpm_release(transform->minimum);
    ddpm_release(transform->maximum);
    *transform = (ddpm_transform){0};
}

void ddpm_transform_apply(const ddpm_transform *transform, int64_t count, float *rows)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < transform->columns; j++) {
            float *x = &rows[i * transform->columns + j];
            *x = (float)(((double)*x - transform->mean[j]) / transform->scale[j]);
        }
}

void ddpm_transform_invert(const ddpm_transform *transform, int64_t count, float *rows)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < transform->columns; j++) {
            float *x = &rows[i * transform->columns + j];
            *x = (float)((double)*x * transform->scale[j] + transform->mean[j]);
        }
}
