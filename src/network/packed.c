/* Weights are packed: copied into the order in which the kernels read them. */
#include "network/layers.h"

#include "base/memory.h"

#include <string.h>

/* Bytes of packed weights that a processor's own cache has room for beside the rest. More of them are streamed where
 * several workers pack them; fewer would have to be read from memory in every iteration, which takes longer than to
 * take them from the other workers' caches. */
enum { SMALL = 1 << 20 };

static int has_transposed(ddpm_packing packing, const ddpm_layer *layer)
{
    return packing >= layer->transposed_from;
}

static int is_skipped(const ddpm_network *network, int64_t l)
{
    return l == 0 && ddpm_network_skips_entry(network);
}

/* Take the arrays of all layers; an arena without memory counts how much they need. */
static void lay_out(const ddpm_network *net, ddpm_packing packing, ddpm_arena *arena, ddpm_dense *layers)
{
    const int64_t panel = net->kernels->panel;
    for (int64_t l = 0; l < net->layer_count; l++) {
        const ddpm_layer *layer = &net->layers[l];
        const int64_t wide_out = ddpm_round_up(layer->outputs, panel), wide_in = ddpm_round_up(layer->inputs, panel);
        ddpm_dense dense = {0};
        dense.weight = ddpm_arena_take(arena, is_skipped(net, l) ? 0 : layer->inputs * wide_out);
        dense.bias = ddpm_arena_take(arena, wide_out);
        if (has_transposed(packing, layer)) dense.transposed = ddpm_arena_take(arena, layer->outputs * wide_in);
        if (layers) layers[l] = dense;
    }
}

int64_t ddpm_packed_bytes(const ddpm_network *network, ddpm_packing packing)
{
    ddpm_arena arena = {0};
    lay_out(network, packing, &arena, NULL);
    return arena.used * (int64_t)sizeof(float);
}

static ddpm_status build(const ddpm_network *net, ddpm_packing packing, float *memory, ddpm_packed *packed)
{
    const int64_t floats = ddpm_packed_bytes(net, packing) / (int64_t)sizeof(float);
    DDPM_TRY(DDPM_NEW(&packed->layers, net->layer_count, "packed layers"));
    if (!memory) DDPM_TRY(DDPM_NEW(&packed->memory, floats, "packed weights"));
    packed->is_large = floats * (int64_t)sizeof(float) > SMALL;
    ddpm_arena arena = {.memory = memory ? memory : packed->memory};
    lay_out(net, packing, &arena, packed->layers);
    return DDPM_OK;
}

ddpm_status ddpm_packed_create(const ddpm_network *network, ddpm_packing packing, float *memory, ddpm_packed **out)
{
    ddpm_packed *packed = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&packed, 1, "packed weights"));
    const ddpm_status status = build(network, packing, memory, packed);
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
    ddpm_release(packed->memory);
    ddpm_release(packed->layers);
    ddpm_release(packed);
}

void ddpm_packed_fill_piece(const ddpm_packed *packed, const ddpm_network *network, const ddpm_piece *piece)
{
    const ddpm_kernels *kernels = network->kernels;
    const ddpm_layer *layer = &network->layers[piece->layer];
    const ddpm_dense *p = &packed->layers[piece->layer];
    const float *values = packed->parameters + network->tensors[piece->tensor].offset;
    if (piece->tensor == layer->bias) {
        memcpy(p->bias + piece->columns.first, values + piece->columns.first,
               (size_t)(piece->columns.end - piece->columns.first) * sizeof *values);
    } else if (piece->tensor == layer->weight) {
        const ddpm_const_matrix weight = {values, layer->inputs, layer->outputs, layer->outputs, 0};
        if (!is_skipped(network, piece->layer))
            kernels->pack(weight, piece->rows, piece->columns, packed->streams, p->weight);
        if (p->transposed)
            kernels->pack_transposed(weight, piece->rows, piece->columns, packed->streams, p->transposed);
    }
}

void ddpm_packed_borrow(ddpm_packed *packed, const float *parameters, int is_shared)
{
    packed->parameters = parameters;
    packed->streams = is_shared && packed->is_large;
}

void ddpm_packed_fill_part(const ddpm_packed *packed, const ddpm_network *network, int part, int parts)
{
    const ddpm_piece *pieces;
    const ddpm_range mine = ddpm_network_pieces(network, part, parts, &pieces);
    for (int64_t i = mine.first; i < mine.end; i++) ddpm_packed_fill_piece(packed, network, &pieces[i]);
}

void ddpm_packed_fill(ddpm_packed *packed, const ddpm_network *network, const float *parameters)
{
    ddpm_packed_borrow(packed, parameters, 0);
    ddpm_packed_fill_part(packed, network, 0, 1);
}

ddpm_status ddpm_packed_make(const ddpm_network *network, ddpm_packing packing, const float *parameters,
                             ddpm_packed **out)
{
    DDPM_TRY(ddpm_packed_create(network, packing, NULL, out));
    ddpm_packed_fill(*out, network, parameters);
    return DDPM_OK;
}
