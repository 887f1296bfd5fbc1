/* Weights are packed: copied into the order in which the kernels read them. */
#include "network/layers.h"

#include "base/memory.h"

#include <string.h>

static int has_transposed(ddpm_packing packing, const ddpm_layer *layer)
{
    return packing >= layer->transposed_from;
}

static int is_skipped(const ddpm_network *network, int64_t l)
{
    return l == 0 && ddpm_network_skips_entry(network);
}

int64_t ddpm_packed_bytes(const ddpm_network *network, ddpm_packing packing)
{
    const int64_t panel = network->kernels->panel;
    int64_t floats = 0;
    for (int64_t l = 0; l < network->layer_count; l++) {
        const ddpm_layer *layer = &network->layers[l];
        floats += (is_skipped(network, l) ? 1 : layer->inputs + 1) * ddpm_round_up(layer->outputs, panel);
        if (has_transposed(packing, layer)) floats += layer->outputs * ddpm_round_up(layer->inputs, panel);
    }
    return floats * (int64_t)sizeof(float);
}

static ddpm_status build(const ddpm_network *net, ddpm_packing packing, ddpm_packed *packed)
{
    const int64_t panel = net->kernels->panel;
    DDPM_TRY(DDPM_NEW(&packed->layers, net->layer_count, "packed layers"));
    packed->layer_count = net->layer_count;
    for (int64_t l = 0; l < net->layer_count; l++) {
        const ddpm_layer *layer = &net->layers[l];
        ddpm_dense *p = &packed->layers[l];
        const int64_t wide_out = ddpm_round_up(layer->outputs, panel), wide_in = ddpm_round_up(layer->inputs, panel);
        DDPM_TRY(DDPM_NEW(&p->weight, is_skipped(net, l) ? 0 : layer->inputs * wide_out, "packed weights"));
        DDPM_TRY(DDPM_NEW(&p->bias, wide_out, "packed bias"));
        if (has_transposed(packing, layer))
            DDPM_TRY(DDPM_NEW(&p->transposed, layer->outputs * wide_in, "packed weights"));
    }
    return DDPM_OK;
}

ddpm_status ddpm_packed_create(const ddpm_network *network, ddpm_packing packing, ddpm_packed **out)
{
    ddpm_packed *packed = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&packed, 1, "packed weights"));
    const ddpm_status status = build(network, packing, packed);
    if (status != DDPM_OK) {
        ddpm_packed_free(packed);
        return status;
    }
    *out = packed;
    return DDPM_OK;
}

void ddpm_packed_free(ddpm_packed *packed)
{
    if (!packed) return;
    for (int64_t l = 0; l < packed->layer_count; l++) ddpm_dense_release(&packed->layers[l]);
    ddpm_release(packed->layers);
    ddpm_release(packed);
}

static void fill_piece(const ddpm_packed *packed, const ddpm_network *network, const float *parameters,
                       const ddpm_piece *piece)
{
    const ddpm_kernels *kernels = network->kernels;
    const ddpm_layer *layer = &network->layers[piece->layer];
    const ddpm_dense *p = &packed->layers[piece->layer];
    const float *values = parameters + network->tensors[piece->tensor].offset;
    if (piece->tensor == layer->bias) {
        memcpy(p->bias + piece->columns.first, values + piece->columns.first,
               (size_t)(piece->columns.end - piece->columns.first) * sizeof *values);
    } else if (piece->tensor == layer->weight) {
        const ddpm_const_matrix weight = {values, layer->inputs, layer->outputs, layer->outputs};
        if (!is_skipped(network, piece->layer)) kernels->pack(weight, piece->rows, piece->columns, p->weight);
        if (p->transposed) kernels->pack_transposed(weight, piece->rows, piece->columns, p->transposed);
    }
}

void ddpm_packed_fill(ddpm_packed *packed, const ddpm_network *network, const float *parameters, int part, int parts)
{
    const ddpm_piece *pieces;
    const ddpm_range mine = ddpm_network_pieces(network, part, parts, &pieces);
    if (part == 0) packed->parameters = parameters;
    for (int64_t i = mine.first; i < mine.end; i++) fill_piece(packed, network, parameters, &pieces[i]);
}

void ddpm_packed_fill_piece(const ddpm_packed *packed, const ddpm_network *network, const ddpm_piece *piece)
{
    fill_piece(packed, network, packed->parameters, piece);
}

ddpm_status ddpm_packed_make(const ddpm_network *network, ddpm_packing packing, const float *parameters,
                             ddpm_packed **out)
{
    DDPM_TRY(ddpm_packed_create(network, packing, out));
    ddpm_packed_fill(*out, network, parameters, 0, 1);
    return DDPM_OK;
}
