/* Hides columns of a block of rows, and runs the network on the others. */
#include "sample/hidden.h"

#include "base/memory.h"

ddpm_status ddpm_hidden_create(const ddpm_model *model, const ddpm_packed *packed, const ddpm_lookup *lookup,
                               ddpm_hidden *out)
{
    const ddpm_masked *masked = &model->masked;
    const ddpm_token_spec spec = {.masked = masked,
                                  .network = model->network,
                                  .packed = packed,
                                  .lookup = lookup,
                                  .rows = DDPM_HIDDEN_BLOCK,
                                  .block = DDPM_HIDDEN_BLOCK};
    *out = (ddpm_hidden){.model = model};
    DDPM_TRY(ddpm_workspace_create(model->network, DDPM_HIDDEN_BLOCK, DDPM_HIDDEN_BLOCK, 0, &out->workspace));
    DDPM_TRY(ddpm_token_pass_create(&spec, &out->pass));
    DDPM_TRY(DDPM_NEW(&out->room, DDPM_HIDDEN_BLOCK * ddpm_condition_width(model->condition), "a block of conditions"));
    DDPM_TRY(DDPM_NEW(&out->loss, DDPM_HIDDEN_BLOCK, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&out->tokens, DDPM_HIDDEN_BLOCK * masked->columns, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&out->columns, DDPM_HIDDEN_BLOCK * masked->columns, "a block of rows"));
    return DDPM_NEW(&out->order, masked->columns, "an order of columns");
}

void ddpm_hidden_release(ddpm_hidden *hidden)
{
    ddpm_workspace_free(hidden->workspace);
    ddpm_token_pass_release(&hidden->pass);
    ddpm_release(hidden->room);
    ddpm_release(hidden->loss);
    ddpm_release(hidden->columns);
    ddpm_release(hidden->tokens);
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
    const int64_t D = h->model->columns;
    for (int64_t i = 0; i < rows; i++) {
        h->t[i] = t;
        ddpm_masked_tokens(&h->model->masked, x0 + i * D, h->tokens + i * D);
        ddpm_masked_hide(D, seed, DDPM_RANDOM_BOUND, draw * (D + 1) + t, first + i, t, h->columns + i * D, h->order);
    }
    const ddpm_token_rows tokens = {.x0 = x0, .tokens = h->tokens, .hidden = h->columns, .t = h->t, .count = rows};
    const ddpm_const_matrix units = ddpm_token_forward(&h->pass, h->workspace, &tokens, h->condition);
    (void)ddpm_token_loss(&h->pass, &tokens, units, 1.0, NULL, (ddpm_matrix){0}, h->loss);
    return h->loss;
}
