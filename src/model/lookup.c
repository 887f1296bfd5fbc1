/* Multiplies the inputs of each token by the weights of the first layer, once. */
#include "model/lookup.h"

#include "base/memory.h"
#include "base/split.h"

static void add_scaled(int64_t width, float factor, const float *weight, float *to)
{
    for (int64_t i = 0; i < width; i++) to[i] += factor * weight[i];
}

/* The entries of a column, as ddpm_masked_inputs has their inputs. */
static void fill_column(const ddpm_masked *masked, int64_t column, const float *weight, ddpm_matrix entries)
{
    const ddpm_masked_column *c = &masked->column[column];
    const int64_t width = entries.columns;
    const float *own = weight + c->first * width;
    for (int64_t token = 0; token < c->tokens; token++) {
        float *to = entries.data + token * entries.stride;
        if (token < c->exact) add_scaled(width, c->scale * masked->input_scale, own + token * width, to);
        for (int64_t f = 0; f < c->smooth; f++)
            add_scaled(width, c->of_token[token * c->smooth + f] * masked->input_scale, own + (c->exact + f) * width,
                       to);
    }
    add_scaled(width, masked->input_scale, weight + (masked->coefficients + column) * width,
               entries.data + c->tokens * entries.stride);
}

ddpm_status ddpm_lookup_create(const ddpm_masked *masked, const ddpm_network *network, const ddpm_packed *packed,
                               ddpm_lookup *out)
{
    const int64_t width = ddpm_network_get_spec(network)->width,
                  stride = ddpm_round_up(width, ddpm_network_kernels(network)->panel);
    const float *weight = ddpm_packed_entry(packed, network);
    int64_t entries = 0;
    *out = (ddpm_lookup){0};
    DDPM_TRY(DDPM_NEW(&out->first, masked->columns, "tokens of the first layer"));
    for (int64_t j = 0; j < masked->columns; j++) {
        out->first[j] = entries;
        entries += masked->column[j].tokens + 1;
    }
    out->table = (ddpm_matrix){NULL, entries, width, stride};
    DDPM_TRY(DDPM_NEW(&out->table.data, entries * stride, "tokens of the first layer"));
    for (int64_t j = 0; j < masked->columns; j++)
        fill_column(masked, j, weight, ddpm_matrix_part(out->table, out->first[j], masked->column[j].tokens + 1));
    return DDPM_OK;
}

void ddpm_lookup_release(ddpm_lookup *lookup)
{
    ddpm_release(lookup->table.data);
    ddpm_release(lookup->first);
    *lookup = (ddpm_lookup){0};
}
