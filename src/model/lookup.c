/* Multiplies the inputs of each token by the weights of the first layer, once. */
#include "model/lookup.h"

#include "base/memory.h"
#include "base/split.h"

#include <string.h>

static void set_scaled(int64_t width, float factor, const float *weight, float *to)
{
    for (int64_t i = 0; i < width; i++) to[i] = factor * weight[i];
}

/* Entries of a column. The inputs of a token are its exact coefficient and its smooth functions; those of a column that
 * is hidden, its flag. */
static void fill_column(const ddpm_masked *masked, const ddpm_kernels *kernels, int64_t column, ddpm_range range,
                        const float *weight, ddpm_matrix entries)
{
    const ddpm_masked_column *c = &masked->column[column];
    const int64_t width = entries.columns;
    const float *own = weight + c->first * width, scale = masked->input_scale;
    const ddpm_const_matrix smooth = {own + c->exact * width, c->smooth, width, width, 0};
    for (int64_t token = range.first; token < range.end; token++) {
        float *to = entries.data + token * entries.stride;
        if (token == c->tokens)
            set_scaled(width, scale, weight + (masked->coefficients + column) * width, to);
        else if (token < c->exact)
            set_scaled(width, c->scale * scale, own + token * width, to);
        else
            memset(to, 0, (size_t)entries.stride * sizeof *to);
        if (token == c->tokens || c->smooth == 0) continue;
        float factors[DDPM_MASKED_SMOOTH_MOST];
        for (int64_t f = 0; f < c->smooth; f++) factors[f] = scale * c->of_token.data[token * c->of_token.stride + f];
        kernels->add_combination(smooth, factors, to);
    }
}

static int64_t count_entries(const ddpm_masked *masked)
{
    int64_t entries = 0;
    for (int64_t j = 0; j < masked->columns; j++) entries += masked->column[j].tokens + 1;
    return entries;
}

static int64_t stride_of(const ddpm_network *network)
{
    return ddpm_round_up(ddpm_network_get_spec(network)->width, ddpm_network_kernels(network)->panel);
}

ddpm_status ddpm_lookup_create(const ddpm_masked *masked, const ddpm_network *network, ddpm_lookup *out)
{
    int64_t entries = 0;
    *out = (ddpm_lookup){0};
    DDPM_TRY(DDPM_NEW(&out->first, masked->columns, "tokens of the first layer"));
    for (int64_t j = 0; j < masked->columns; j++) {
        out->first[j] = entries;
        entries += masked->column[j].tokens + 1;
    }
    out->table = (ddpm_matrix){NULL, entries, ddpm_network_get_spec(network)->width, stride_of(network), 0};
    return DDPM_NEW(&out->table.data, entries * out->table.stride, "tokens of the first layer");
}

int64_t ddpm_lookup_bytes(const ddpm_masked *masked, const ddpm_network *network)
{
    return count_entries(masked) * stride_of(network) * (int64_t)sizeof(float) +
           masked->columns * (int64_t)sizeof(int64_t);
}

void ddpm_lookup_fill(ddpm_lookup *lookup, const ddpm_masked *masked, const ddpm_network *network,
                      const float *parameters, int part, int parts)
{
    const ddpm_tensor *tensors;
    (void)ddpm_network_tensors(network, &tensors);
    const ddpm_range all = ddpm_part(lookup->table.rows, part, parts);
    for (int64_t j = 0; j < masked->columns; j++) {
        const int64_t first = lookup->first[j], entries = masked->column[j].tokens + 1;
        const ddpm_range range = {ddpm_larger(all.first - first, 0), ddpm_smaller(all.end - first, entries)};
        fill_column(masked, ddpm_network_kernels(network), j, range,
                    parameters + tensors[ddpm_network_entry(network)].offset,
                    ddpm_matrix_part(lookup->table, first, entries));
    }
}

void ddpm_lookup_release(ddpm_lookup *lookup)
{
    ddpm_release(lookup->table.data);
    ddpm_release(lookup->first);
    *lookup = (ddpm_lookup){0};
}
