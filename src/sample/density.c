/* The network forward and backward for the bound and the likelihood of a block. */
#include "sample/density.h"

#include "base/memory.h"

#include <string.h>

static ddpm_const_matrix predict(void *self, int64_t first, int64_t rows, const float *xt, int32_t t)
{
    ddpm_density *d = self;
    (void)first;
    for (int64_t i = 0; i < rows; i++) d->t[i] = t;
    return ddpm_network_forward(d->model->network, d->packed, d->workspace, rows, xt, d->condition, d->t);
}

static void pull_back(void *self, int64_t rows, const float *direction, int32_t t, float *dxt)
{
    ddpm_density *d = self;
    const int64_t columns = d->model->columns;
    const ddpm_matrix dout = ddpm_workspace_dout(d->workspace, rows);
    for (int64_t i = 0; i < rows; i++) {
        float *to = dout.data + i * dout.stride;
        d->t[i] = t;
        memset(to, 0, (size_t)dout.columns * sizeof *to);
        memcpy(to, direction + i * columns, (size_t)columns * sizeof *to);
    }
    ddpm_network_input_gradient(d->model->network, d->packed, d->workspace, rows, d->t, dxt);
}

ddpm_status ddpm_density_create(const ddpm_model *model, const ddpm_packed *packed, const uint8_t *left_out,
                                int derives, ddpm_density *out)
{
    *out = (ddpm_density){.model = model, .packed = packed};
    DDPM_TRY(ddpm_workspace_create(model->network, DDPM_DENSITY_BLOCK, DDPM_DENSITY_BLOCK, derives, &out->workspace));
    DDPM_TRY(
        DDPM_NEW(&out->room, DDPM_DENSITY_BLOCK * ddpm_condition_width(model->condition), "a block of conditions"));
    DDPM_TRY(ddpm_bound_memory_create(DDPM_DENSITY_BLOCK, model->columns, &out->bound));
    out->bound.left_out = left_out;
    return derives ? ddpm_likelihood_memory_create(DDPM_DENSITY_BLOCK, model->columns, &out->likelihood) : DDPM_OK;
}

void ddpm_density_release(ddpm_density *density)
{
    ddpm_workspace_free(density->workspace);
    ddpm_release(density->room);
    ddpm_bound_memory_release(&density->bound);
    ddpm_likelihood_memory_release(&density->likelihood);
    *density = (ddpm_density){0};
}

void ddpm_density_set_conditions(ddpm_density *density, int64_t rows, const float *values)
{
    density->condition = values ? density->room : NULL;
    if (values) ddpm_condition_expand(density->model->condition, rows, values, NULL, density->room);
}

ddpm_flow ddpm_density_flow(ddpm_density *density)
{
    return (ddpm_flow){.denoiser = {predict, density}, .pull_back = pull_back};
}

int64_t ddpm_density_columns(const ddpm_transform *transform, uint8_t *left_out)
{
    int64_t counted = 0;
    for (int64_t j = 0; j < transform->columns; j++) {
        left_out[j] = (uint8_t)ddpm_transform_is_constant(transform, j);
        counted += !left_out[j];
    }
    return counted;
}
