/* Hides columns of a block of rows, and runs the network on the others. */
#include "sample/hidden.h"

#include "base/memory.h"

ddpm_status ddpm_hidden_create(const ddpm_model *model, const ddpm_packed *packed, ddpm_hidden *out)
{
    const ddpm_masked *masked = &model->masked;
    *out = (ddpm_hidden){.model = model, .packed = packed};
    DDPM_TRY(ddpm_workspace_create(model->network, DDPM_HIDDEN_BLOCK, DDPM_HIDDEN_BLOCK, 0, &out->workspace));
    DDPM_TRY(DDPM_NEW(&out->inputs, DDPM_HIDDEN_BLOCK * masked->inputs, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&out->room, DDPM_HIDDEN_BLOCK * ddpm_condition_width(model->condition), "a block of conditions"));
    DDPM_TRY(DDPM_NEW(&out->loss, DDPM_HIDDEN_BLOCK, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&out->logits, 2 * masked->tokens, "logits"));
    DDPM_TRY(DDPM_NEW(&out->columns, DDPM_HIDDEN_BLOCK * masked->columns, "a block of rows"));
    return DDPM_NEW(&out->order, masked->columns, "an order of columns");
}

void ddpm_hidden_release(ddpm_hidden *hidden)
{
    ddpm_workspace_free(hidden->workspace);
    ddpm_release(hidden->inputs);
    ddpm_release(hidden->room);
    ddpm_release(hidden->loss);
    ddpm_release(hidden->logits);
    ddpm_release(hidden->columns);
    ddpm_release(hidden->order);
    *hidden = (ddpm_hidden){0};
}

void ddpm_hidden_set_conditions(ddpm_hidden *hidden, int64_t rows, const float *values)
{
    hidden->condition = values ? hidden->room : NULL;
    if (values) ddpm_condition_expand(hidden->model->condition, rows, values, NULL, hidden->room);
}

const float *ddpm_hidden_loss(ddpm_hidden *hidden, uint64_t seed, int64_t draw, int32_t t, int64_t first, int64_t rows,
                              const float *x0)
{
    ddpm_hidden *h = hidden;
    const ddpm_masked *masked = &h->model->masked;
    const int64_t D = masked->columns;
    for (int64_t i = 0; i < rows; i++) {
        h->t[i] = t;
        ddpm_masked_row(masked, seed, DDPM_RANDOM_BOUND, draw * (D + 1) + t, first + i, t, x0 + i * D,
                        h->columns + i * D, h->inputs + i * masked->inputs, h->order);
    }
    const ddpm_const_matrix output =
        ddpm_network_forward(h->model->network, h->packed, h->workspace, rows, h->inputs, h->condition, h->t);
    (void)ddpm_masked_loss(masked, ddpm_network_kernels(h->model->network), output, x0, h->columns, h->t, NULL, 1.0,
                           (ddpm_matrix){0}, h->loss, h->logits);
    return h->loss;
}
