/* A block of rows through a network of any kind, forward and backward: its memory, and the steps that all kinds share.
 */
#include "base/memory.h"
#include "base/random.h"
#include "network/features.h"
#include "network/linear.h"
#include "network/mixture.h"
#include "network/workspace.h"

#include <string.h>

/* The numbers of a cache line. Rows are longer by one line: if their length were a power of two, the same columns of
 * all rows would fall into the same set of the cache and drive each other out. */
enum { LINE = DDPM_ALIGNMENT / (int)sizeof(float) };

int64_t ddpm_workspace_stride(const ddpm_network *net, int64_t columns)
{
    return ddpm_round_up(columns, net->kernels->panel) + LINE;
}

ddpm_matrix ddpm_arena_take_matrix(ddpm_arena *arena, const ddpm_network *net, int64_t rows, int64_t columns)
{
    const int64_t stride = ddpm_workspace_stride(net, columns);
    return (ddpm_matrix){ddpm_arena_take(arena, rows * stride), rows, columns, stride};
}

/* Set the strides and take the arrays; an arena without memory counts how much they need. */
static void lay_out(const ddpm_network *net, int64_t rows, int backward, ddpm_arena *arena, ddpm_workspace *w)
{
    const int64_t columns = ddpm_network_outputs(&net->spec);
    int64_t inputs = 0, outputs = 0;
    w->rows = rows;
    w->width_stride = ddpm_workspace_stride(net, net->spec.width);
    w->input = ddpm_arena_take_matrix(arena, net, rows, net->layers[0].inputs);
    w->output = ddpm_arena_take_matrix(arena, net, rows, columns);
    const int64_t mixed = net->spec.mixture * (net->spec.columns + 1),
                  components = ddpm_larger(net->spec.components, mixed);
    if (components > 0) {
        w->component = ddpm_arena_take_matrix(arena, net, rows, components);
        w->linear = ddpm_arena_take_matrix(arena, net, rows, net->spec.columns);
    }
    if (mixed > 0 && backward) w->dcomponent = ddpm_arena_take_matrix(arena, net, rows, components);
    net->architecture->lay_out(net, rows, backward, arena, w);
    for (int64_t l = 0; l < net->layer_count; l++) {
        inputs = ddpm_larger(inputs, net->layers[l].inputs);
        outputs = ddpm_larger(outputs, net->layers[l].outputs);
    }
    if (backward || net->kernels->per_element > 1)
        w->scratch = ddpm_arena_take(arena, ddpm_product_scratch(net->kernels, rows, inputs, outputs));
    if (backward) {
        w->sums = ddpm_arena_take(arena, ddpm_workspace_stride(net, outputs));
        w->dinput = ddpm_arena_take_matrix(arena, net, rows, ddpm_network_point_columns(net));
        w->doutput = ddpm_arena_take_matrix(arena, net, rows, columns);
        w->dz = ddpm_arena_take(arena, rows * w->width_stride);
        w->dz_next = ddpm_arena_take(arena, rows * w->width_stride);
    }
}

static int64_t workspace_numbers(const ddpm_network *net, int64_t rows, int backward)
{
    ddpm_arena arena = {0};
    ddpm_workspace w = {0};
    lay_out(net, rows, backward, &arena, &w);
    return arena.used;
}

int64_t ddpm_workspace_bytes(const ddpm_network *network, int64_t rows, int backward)
{
    return workspace_numbers(network, rows, backward) * (int64_t)sizeof(float);
}

ddpm_status ddpm_workspace_create(const ddpm_network *network, int64_t rows, int64_t block, int backward,
                                  ddpm_workspace **out)
{
    ddpm_workspace *workspace = NULL;
    ddpm_arena arena = {0};
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&workspace, 1, "workspace"));
    const ddpm_status status = DDPM_NEW(&arena.memory, workspace_numbers(network, rows, backward), "activations");
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

ddpm_matrix ddpm_workspace_dout(const ddpm_workspace *workspace, int64_t rows)
{
    return ddpm_matrix_part(workspace->doutput, 0, rows);
}

void ddpm_layer_forward(const ddpm_pass *pass, int64_t layer, ddpm_const_matrix x, ddpm_activation activation,
                        ddpm_matrix h, float *slope)
{
    const ddpm_workspace *w = pass->w;
    for (int64_t at = 0; at < x.rows; at += w->block) {
        const int64_t rows = ddpm_smaller(w->block, x.rows - at);
        pass->net->kernels->forward(&pass->packed->layers[layer], ddpm_const_matrix_part(x, at, rows), activation,
                                    ddpm_matrix_part(h, at, rows), slope ? slope + at * h.stride : NULL, w->scratch);
    }
}

void ddpm_layer_add_gradient(const ddpm_pass *pass, int64_t layer, ddpm_const_matrix x, ddpm_const_matrix dz)
{
    const ddpm_workspace *w = pass->w;
    const ddpm_tensor *tensors = pass->net->tensors;
    const int64_t weight = pass->net->layers[layer].weight, bias = pass->net->layers[layer].bias;
    if (!pass->gradient) return;
    ddpm_gradient_add_product(pass->gradient, weight, tensors[weight].offset, x, dz, w->block, w->scratch);
    for (int64_t at = 0; at < dz.rows; at += w->block) {
        pass->net->kernels->column_sums(ddpm_const_matrix_part(dz, at, ddpm_smaller(w->block, dz.rows - at)), w->sums);
        ddpm_gradient_add(pass->gradient, bias, tensors[bias].offset, dz.columns, w->sums);
    }
}

void ddpm_layer_backward(const ddpm_pass *pass, int64_t layer, ddpm_const_matrix dz, const float *slope, ddpm_matrix dx)
{
    const ddpm_workspace *w = pass->w;
    for (int64_t at = 0; at < dz.rows; at += w->block) {
        const int64_t rows = ddpm_smaller(w->block, dz.rows - at);
        pass->net->kernels->backward_data(&pass->packed->layers[layer], ddpm_const_matrix_part(dz, at, rows),
                                          slope ? slope + at * dx.stride : NULL, ddpm_matrix_part(dx, at, rows),
                                          w->scratch);
    }
}

/* What is added to the first head: the best prediction that needs no training. */
static void add_prediction(const ddpm_pass *pass, ddpm_const_matrix x, ddpm_matrix y)
{
    if (pass->net->mixture)
        ddpm_mixture_part_add(pass, x, y);
    else
        ddpm_linear_add(pass, x, y);
}

static void add_prediction_backward(const ddpm_pass *pass, ddpm_const_matrix x, ddpm_const_matrix dy, ddpm_matrix dx)
{
    if (pass->net->mixture)
        ddpm_mixture_part_backward(pass, x, dy, dx);
    else
        ddpm_linear_add(pass, dy, dx);
}

void ddpm_workspace_set_dropout(ddpm_workspace *workspace, const ddpm_dropout *dropout)
{
    workspace->dropout = *dropout;
}

/* A byte of a random word decides on a unit, so that the rate is kept to 1 / 256. */
void ddpm_layer_drop(const ddpm_pass *pass, int64_t layer, float *h, float *slope)
{
    enum { BYTES = sizeof(ddpm_random4) };
    const ddpm_dropout *d = &pass->w->dropout;
    const int64_t width = pass->net->spec.width, groups = ddpm_pieces(width, BYTES);
    const int below = (int)(256.0 * d->rate);
    const float kept = 256.0f / (float)(256 - below);
    if (below == 0) return;
    for (int64_t row = 0; row < pass->rows; row++)
        for (int64_t group = 0; group < groups; group++) {
            const ddpm_random4 words = ddpm_random_words(d->seed, DDPM_RANDOM_UNITS, d->iteration, d->first + row,
                                                         (uint32_t)(layer * groups + group));
            const int64_t at = row * pass->w->width_stride + group * BYTES,
                          count = ddpm_smaller(BYTES, width - group * BYTES);
            for (int64_t i = 0; i < count; i++) {
                const float factor = (int)(words.v[i / 4] >> 8 * (i % 4) & 255) < below ? 0.0f : kept;
                h[at + i] *= factor;
                if (slope) slope[at + i] *= factor;
            }
        }
}

/* The embeddings lie anywhere in the table, so each is prefetched some rows before it is copied. */
void ddpm_network_embed_times(const ddpm_network *net, const int32_t *t, ddpm_matrix to)
{
    enum { AHEAD = 8 };
    const int64_t width = net->spec.time_width;
    for (int64_t row = -AHEAD; row < to.rows; row++) {
        if (row + AHEAD < to.rows)
            for (int64_t i = 0; i < width; i += LINE) __builtin_prefetch(net->time_table + t[row + AHEAD] * width + i);
        if (row >= 0)
            memcpy(to.data + row * to.stride, net->time_table + t[row] * width, (size_t)width * sizeof *to.data);
    }
}

void ddpm_network_copy_condition(const ddpm_network *net, const float *condition, int64_t row, float *to)
{
    const int64_t width = net->spec.condition;
    if (condition)
        memcpy(to, condition + row * width, (size_t)width * sizeof *to);
    else
        memset(to, 0, (size_t)width * sizeof *to);
}

ddpm_const_matrix ddpm_network_forward(const ddpm_network *network, const ddpm_packed *packed,
                                       ddpm_workspace *workspace, int64_t rows, const float *xt, const float *condition,
                                       const int32_t *t)
{
    const ddpm_pass pass = {
        .net = network, .packed = packed, .w = workspace, .rows = rows, .xt = xt, .condition = condition, .t = t};
    const ddpm_matrix output = ddpm_pass_rows(&pass, workspace->output);
    ddpm_layer_forward(&pass, network->layer_count - 1, network->architecture->forward(&pass), DDPM_ACTIVATION_IDENTITY,
                       output, NULL);
    add_prediction(&pass, ddpm_matrix_read(ddpm_pass_points(&pass, workspace->input)),
                   ddpm_pass_points(&pass, workspace->output));
    return ddpm_matrix_read(output);
}

ddpm_const_matrix ddpm_network_hidden(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                                      ddpm_const_matrix xt_w, const float *condition, const int32_t *t)
{
    const ddpm_pass pass = {.net = network,
                            .packed = packed,
                            .w = workspace,
                            .rows = xt_w.rows,
                            .xt_w = xt_w,
                            .condition = condition,
                            .t = t};
    // cppcheck-suppress returnDanglingLifetime ; what is returned lies in the workspace
    return network->architecture->forward(&pass);
}

/* The kernels begin at a whole panel of weights, so that some outputs before the first one may be computed, too. */
ddpm_const_matrix ddpm_network_some_outputs(const ddpm_network *network, const ddpm_packed *packed,
                                            ddpm_workspace *workspace, ddpm_const_matrix hidden, ddpm_range outputs)
{
    const ddpm_kernels *kernels = network->kernels;
    const ddpm_dense *all = &packed->layers[network->layer_count - 1];
    const int64_t from = outputs.first / kernels->panel * kernels->panel, before = outputs.first - from,
                  length = ddpm_pieces(hidden.columns, kernels->per_element);
    const ddpm_dense some = {.weight = all->weight + from * length, .bias = all->bias + from};
    const ddpm_matrix to = {workspace->output.data, hidden.rows, outputs.end - from, workspace->output.stride};
    kernels->forward(&some, hidden, DDPM_ACTIVATION_IDENTITY, to, NULL, workspace->scratch);
    return (ddpm_const_matrix){to.data + before, to.rows, to.columns - before, to.stride};
}

void ddpm_network_backward(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                           int64_t rows, const int32_t *t, ddpm_gradient *gradient)
{
    const ddpm_pass pass = {
        .net = network, .packed = packed, .w = workspace, .rows = rows, .t = t, .gradient = gradient};
    network->architecture->backward(&pass);
}

void ddpm_network_input_gradient(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                                 int64_t rows, const int32_t *t, float *dxt)
{
    ddpm_workspace *w = workspace;
    const ddpm_pass pass = {.net = network, .packed = packed, .w = w, .rows = rows, .t = t};
    const int64_t columns = network->spec.columns;
    network->architecture->backward(&pass);
    /* Only the gradient by x_t and its features is wanted, the first columns of the inputs. */
    const ddpm_matrix dx = ddpm_pass_rows(&pass, w->dinput);
    network->kernels->backward_data(&packed->layers[0], ddpm_matrix_read(ddpm_pass_hidden(&pass, w->dz)), NULL, dx,
                                    w->scratch);
    ddpm_features_backward(network, ddpm_matrix_read(ddpm_pass_rows(&pass, w->input)), dx);
    add_prediction_backward(&pass, ddpm_matrix_read(ddpm_pass_points(&pass, w->input)),
                            ddpm_matrix_read(ddpm_pass_points(&pass, w->doutput)), ddpm_pass_points(&pass, w->dinput));
    for (int64_t row = 0; row < rows; row++)
        memcpy(dxt + row * columns, dx.data + row * dx.stride, (size_t)columns * sizeof *dxt);
}
