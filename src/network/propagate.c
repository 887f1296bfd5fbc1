/* A block of rows through a network of any kind, forward and back: the memory, and the steps that all kinds share. */
#include "base/memory.h"
#include "network/workspace.h"

#include <string.h>

enum { LINE = 16 }; /* floats of a cache line: an odd number of lines a row keeps columns from sharing cache sets */

int64_t ddpm_workspace_stride(const ddpm_network *net, int64_t columns)
{
    return ddpm_round_up(columns, net->kernels->panel) + LINE;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Strides and arrays; with an arena that has no memory, how much is needed. */
static void lay_out(const ddpm_network *net, int64_t rows, int backward, ddpm_arena *arena, ddpm_workspace *w)
{
    int64_t inputs = 0, outputs = 0;
    w->rows = rows;
    w->input_stride = ddpm_workspace_stride(net, net->layers[0].inputs);
    w->width_stride = ddpm_workspace_stride(net, net->spec.width);
    w->output_stride = ddpm_workspace_stride(net, ddpm_network_outputs(&net->spec));
    w->input = ddpm_arena_take(arena, rows * w->input_stride);
    w->output = ddpm_arena_take(arena, rows * w->output_stride);
    net->architecture->lay_out(net, rows, backward, arena, w);
    for (int64_t l = 0; l < net->layer_count; l++) {
        inputs = larger(inputs, net->layers[l].inputs);
        outputs = larger(outputs, net->layers[l].outputs);
    }
    if (backward || net->kernels->terms > 1)
        w->scratch = ddpm_arena_take(arena, ddpm_product_scratch(net->kernels, rows, inputs, outputs));
    if (backward) {
        w->sums = ddpm_arena_take(arena, ddpm_workspace_stride(net, outputs));
        w->doutput = ddpm_arena_take(arena, rows * w->output_stride);
        w->dz = ddpm_arena_take(arena, rows * w->width_stride);
        w->dz_next = ddpm_arena_take(arena, rows * w->width_stride);
    }
}

static int64_t workspace_floats(const ddpm_network *net, int64_t rows, int backward)
{
    ddpm_arena arena = {0};
    ddpm_workspace scratch = {0};
    lay_out(net, rows, backward, &arena, &scratch);
    return arena.used;
}

int64_t ddpm_workspace_bytes(const ddpm_network *network, int64_t rows, int backward)
{
    return workspace_floats(network, rows, backward) * (int64_t)sizeof(float);
}

ddpm_status ddpm_workspace_create(const ddpm_network *network, int64_t rows, int64_t block, int backward,
                                  ddpm_workspace **out)
{
    ddpm_workspace *workspace = NULL;
    ddpm_arena arena = {0};
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&workspace, 1, "workspace"));
    const ddpm_status status = DDPM_NEW(&arena.memory, workspace_floats(network, rows, backward), "activations");
    if (status != DDPM_OK) {
        ddpm_workspace_free(workspace);
        return status;
    }
    lay_out(network, rows, backward, &arena, workspace);
    workspace->memory = arena.memory;
    workspace->block = block;
    *out = workspace;
    return DDPM_OK;
}

void ddpm_workspace_free(ddpm_workspace *workspace)
{
    if (!workspace) return;
    ddpm_release(workspace->memory);
    ddpm_release(workspace);
}

float *ddpm_workspace_dout(ddpm_workspace *workspace, int64_t *stride)
{
    *stride = workspace->output_stride;
    return workspace->doutput;
}

/* Rows of the block that begins at row `at` of `rows`. */
static int64_t rows_of_block(const ddpm_workspace *w, int64_t at, int64_t rows)
{
    return rows - at < w->block ? rows - at : w->block;
}

void ddpm_layer_forward(const ddpm_network *net, const ddpm_packed *packed, const ddpm_workspace *w, int64_t layer,
                        int64_t rows, const float *x, int64_t ldx, ddpm_activation activation, float *h, float *slope,
                        int64_t ldh)
{
    const ddpm_packed_layer *p = &packed->layers[layer];
    for (int64_t at = 0; at < rows; at += w->block)
        net->kernels->forward(rows_of_block(w, at, rows), net->layers[layer].inputs, net->layers[layer].outputs,
                              x + at * ldx, ldx, p->weight, p->bias, activation, h + at * ldh,
                              slope ? slope + at * ldh : NULL, ldh, w->scratch);
}

void ddpm_layer_add_gradient(const ddpm_network *net, const ddpm_workspace *w, int64_t layer, int64_t rows,
                             const float *x, int64_t ldx, const float *dz, int64_t lddz, ddpm_gradient *gradient)
{
    const ddpm_layer *l = &net->layers[layer];
    if (!gradient) return;
    ddpm_gradient_add_product(gradient, l->weight, net->tensors[l->weight].offset, rows, w->block, l->inputs,
                              l->outputs, x, ldx, dz, lddz, w->scratch);
    for (int64_t at = 0; at < rows; at += w->block) {
        net->kernels->column_sums(rows_of_block(w, at, rows), l->outputs, dz + at * lddz, lddz, w->sums);
        ddpm_gradient_add(gradient, l->bias, net->tensors[l->bias].offset, l->outputs, w->sums);
    }
}

void ddpm_layer_backward(const ddpm_network *net, const ddpm_packed *packed, const ddpm_workspace *w, int64_t layer,
                         int64_t rows, const float *dz, int64_t lddz, const float *slope, float *dx, int64_t ldx)
{
    for (int64_t at = 0; at < rows; at += w->block)
        net->kernels->backward_data(rows_of_block(w, at, rows), net->layers[layer].inputs, net->layers[layer].outputs,
                                    dz + at * lddz, lddz, packed->layers[layer].transposed,
                                    slope ? slope + at * ldx : NULL, dx + at * ldx, ldx, w->scratch);
}

/* Rows of the table are anywhere in it: each is asked for some rows before its turn. */
void ddpm_network_embed_times(const ddpm_network *net, int64_t rows, const int32_t *t, float *to, int64_t stride)
{
    enum { AHEAD = 8 };
    const int64_t wide = net->spec.time_width;
    for (int64_t row = -AHEAD; row < rows; row++) {
        if (row + AHEAD < rows)
            for (int64_t i = 0; i < wide; i += LINE) __builtin_prefetch(net->time_table + t[row + AHEAD] * wide + i);
        if (row >= 0) memcpy(to + row * stride, net->time_table + t[row] * wide, (size_t)wide * sizeof *to);
    }
}

void ddpm_network_copy_condition(const ddpm_network *net, const float *condition, int64_t row, float *to)
{
    const int64_t wide = net->spec.condition;
    if (condition)
        memcpy(to, condition + row * wide, (size_t)wide * sizeof *to);
    else
        memset(to, 0, (size_t)wide * sizeof *to);
}

const float *ddpm_network_forward(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                                  int64_t rows, const float *xt, const float *condition, const int32_t *t,
                                  int64_t *stride)
{
    network->architecture->forward(network, packed, workspace, rows, xt, condition, t);
    *stride = workspace->output_stride;
    return workspace->output;
}

void ddpm_network_backward(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                           int64_t rows, const int32_t *t, ddpm_gradient *gradient)
{
    network->architecture->backward(network, packed, workspace, rows, t, gradient);
}

void ddpm_network_input_gradient(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                                 int64_t rows, const int32_t *t, float *dxt)
{
    ddpm_workspace *w = workspace;
    const int64_t columns = network->spec.columns;
    network->architecture->backward(network, packed, w, rows, t, NULL);
    /* of the first layer's inputs only x_t's columns are wanted; they come first */
    network->kernels->backward_data(rows, columns, network->layers[0].outputs, w->dz, w->width_stride,
                                    packed->layers[0].transposed, NULL, w->input, w->input_stride, w->scratch);
    for (int64_t row = 0; row < rows; row++)
        memcpy(dxt + row * columns, w->input + row * w->input_stride, (size_t)columns * sizeof *dxt);
}
