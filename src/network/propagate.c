/* A block of rows through a network of any kind, forward and backward: its memory, and the steps that all kinds share.
 */
#include "base/memory.h"
#include "base/random.h"
#include "network/features.h"
#include "network/linear.h"
#include "network/mixture.h"
#include "network/workspace.h"

#include <string.h>

int64_t ddpm_workspace_stride(const ddpm_network *net, int64_t columns)
{
    return ddpm_round_up(columns, net->kernels->panel) + DDPM_WORKSPACE_LINE;
}

ddpm_matrix ddpm_arena_take_matrix(ddpm_arena *arena, const ddpm_network *net, int64_t rows, int64_t columns)
{
    const int64_t stride = ddpm_workspace_stride(net, columns);
    return (ddpm_matrix){ddpm_arena_take(arena, rows * stride), rows, columns, stride, 0};
}

/* Set the strides and take the arrays; an arena without memory counts how much they need. */
static void lay_out(const ddpm_network *net, int64_t rows, int backward, ddpm_arena *arena, ddpm_workspace *w)
{
    const int64_t columns = ddpm_network_outputs(&net->spec);
    int64_t inputs = 0, outputs = 0;
    w->rows = rows;
    w->width_stride = ddpm_workspace_stride(net, net->spec.width);
    w->hidden_numbers = rows * w->width_stride;
    const int has_input = !ddpm_network_skips_entry(net), has_output = !net->spec.is_entered;
    if (has_input) w->input = ddpm_arena_take_matrix(arena, net, rows, net->layers[0].inputs);
    if (has_output) w->output = ddpm_arena_take_matrix(arena, net, rows, columns);
    const int64_t mixed = net->spec.mixture * (net->spec.columns + 1),
                  components = ddpm_larger(net->spec.components, mixed);
    if (components > 0) {
        w->component = ddpm_arena_take_matrix(arena, net, rows, components);
        w->linear = ddpm_arena_take_matrix(arena, net, rows, net->spec.columns);
    }
    if (mixed > 0 && backward) w->dcomponent = ddpm_arena_take_matrix(arena, net, rows, components);
    net->architecture->lay_out(net, rows, backward, arena, w);
    for (int64_t l = has_input ? 0 : 1; l < net->layer_count; l++) inputs = ddpm_larger(inputs, net->layers[l].inputs);
    for (int64_t l = 0; l < net->layer_count - (has_output ? 0 : 1); l++)
        outputs = ddpm_larger(outputs, net->layers[l].outputs);
    if (backward || net->kernels->per_element > 1)
        w->scratch = ddpm_arena_take(arena, ddpm_product_scratch(net->kernels, rows, inputs, outputs));
    if (backward) {
        w->sums = ddpm_arena_take(arena, ddpm_workspace_stride(net, outputs));
        if (!net->spec.is_entered) {
            w->dinput = ddpm_arena_take_matrix(arena, net, rows, ddpm_network_point_columns(net));
            w->doutput = ddpm_arena_take_matrix(arena, net, rows, columns);
        }
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

/* How many slopes, or what is between them, lie before a row of those beside a matrix: they are numbers also where the
 * matrix is kept as operands. */
static int64_t slopes_before(const ddpm_pass *pass, ddpm_matrix beside, int64_t row)
{
    return row * (beside.panels ? pass->net->kernels->panel : beside.stride);
}

void ddpm_dense_forward(const ddpm_pass *pass, const ddpm_dense *dense, ddpm_const_matrix x, ddpm_activation activation,
                        ddpm_matrix h, float *slope)
{
    const ddpm_workspace *w = pass->w;
    ddpm_dense part = *dense;
    for (int64_t at = 0; at < x.rows; at += w->block) {
        const int64_t rows = ddpm_smaller(w->block, x.rows - at);
        part.bias = dense->bias + at * dense->bias_stride;
        pass->net->kernels->forward(&part, ddpm_const_matrix_part(x, at, rows), activation,
                                    ddpm_matrix_part(h, at, rows), slope ? slope + slopes_before(pass, h, at) : NULL,
                                    w->scratch);
    }
}

void ddpm_layer_forward(const ddpm_pass *pass, int64_t layer, ddpm_const_matrix x, ddpm_activation activation,
                        ddpm_matrix h, float *slope)
{
    ddpm_dense_forward(pass, &pass->packed->layers[layer], x, activation, h, slope);
}

/* Add the gradients of a layer's bias, and of its weight from row `first` on. */
static void add_gradient_from(const ddpm_pass *pass, int64_t layer, int64_t first, ddpm_const_matrix x,
                              ddpm_const_matrix dz)
{
    const ddpm_workspace *w = pass->w;
    const ddpm_tensor *tensors = pass->net->tensors;
    const int64_t weight = pass->net->layers[layer].weight, bias = pass->net->layers[layer].bias;
    if (!pass->gradient) return;
    if (x.columns > 0)
        ddpm_gradient_add_product(pass->gradient, weight, tensors[weight].offset + first * dz.columns, dz.columns, x,
                                  dz, w->block, w->scratch);
    for (int64_t at = 0; at < dz.rows; at += w->block) {
        pass->net->kernels->column_sums(ddpm_const_matrix_part(dz, at, ddpm_smaller(w->block, dz.rows - at)), w->sums);
        ddpm_gradient_add(pass->gradient, bias, tensors[bias].offset, dz.columns, w->sums);
    }
}

void ddpm_layer_add_gradient(const ddpm_pass *pass, int64_t layer, ddpm_const_matrix x, ddpm_const_matrix dz)
{
    add_gradient_from(pass, layer, 0, x, dz);
}

void ddpm_layer_backward(const ddpm_pass *pass, int64_t layer, ddpm_const_matrix dz, const float *slope, ddpm_matrix dx)
{
    const ddpm_workspace *w = pass->w;
    for (int64_t at = 0; at < dz.rows; at += w->block) {
        const int64_t rows = ddpm_smaller(w->block, dz.rows - at);
        pass->net->kernels->backward_data(&pass->packed->layers[layer], ddpm_const_matrix_part(dz, at, rows),
                                          slope ? slope + slopes_before(pass, dx, at) : NULL,
                                          ddpm_matrix_part(dx, at, rows), w->scratch);
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

/* Leave out some of `count` units of a row, a byte for each: all at once, or panel by panel. */
static void drop_units(const ddpm_pass *pass, int64_t row, int64_t first, int64_t count, const uint8_t *bytes,
                       int below, float *h, float *slope)
{
    const ddpm_workspace *w = pass->w;
    const int64_t panel = pass->net->kernels->panel, run = w->width_panels ? panel : count;
    for (int64_t i = 0; i < count; i += run) {
        const int64_t unit = first + i,
                      at = row * w->width_stride + (w->width_panels ? unit / panel * w->width_panels : unit);
        pass->net->kernels->drop(ddpm_smaller(run, count - i), bytes + i, below, 256.0f / (float)(256 - below), h + at,
                                 slope ? slope + at : NULL);
    }
}

/* A byte of a random word decides on a unit, so that the rate is kept to 1 / 256. */
void ddpm_layer_drop(const ddpm_pass *pass, int64_t layer, float *h, float *slope)
{
    enum { BYTES = sizeof(ddpm_random4), TOGETHER = 32 }; /* of a group of units; groups */
    const ddpm_dropout *d = &pass->w->dropout;
    const int64_t width = pass->net->spec.width, groups = ddpm_pieces(width, BYTES);
    const int below = (int)(256.0 * d->rate);
    uint8_t bytes[TOGETHER * BYTES];
    if (below == 0) return;
    for (int64_t row = 0; row < pass->rows; row++)
        for (int64_t first = 0; first < groups; first += TOGETHER) {
            const int64_t count = ddpm_smaller(TOGETHER, groups - first);
            for (int64_t group = 0; group < count; group++) {
                const ddpm_random4 words = ddpm_random_words(d->seed, DDPM_RANDOM_UNITS, d->iteration, d->first + row,
                                                             (uint32_t)(layer * groups + first + group));
                for (int i = 0; i < BYTES; i++) bytes[group * BYTES + i] = (uint8_t)(words.v[i / 4] >> 8 * (i % 4));
            }
            drop_units(pass, row, first * BYTES, ddpm_smaller(count * BYTES, width - first * BYTES), bytes, below, h,
                       slope);
        }
}

/* The embeddings lie anywhere in the table, so each is prefetched some rows before it is copied. */
void ddpm_network_embed_times(const ddpm_network *net, const int32_t *t, ddpm_matrix to)
{
    enum { AHEAD = 8 };
    const int64_t width = net->spec.time_width;
    for (int64_t row = -AHEAD; row < to.rows; row++) {
        if (row + AHEAD < to.rows)
            for (int64_t i = 0; i < width; i += DDPM_WORKSPACE_LINE)
                __builtin_prefetch(net->time_table + t[row + AHEAD] * width + i);
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

ddpm_matrix ddpm_workspace_dhidden(const ddpm_network *network, const ddpm_workspace *workspace, int64_t rows)
{
    return (ddpm_matrix){workspace->dlast, rows, network->spec.width, workspace->width_stride, 0};
}

ddpm_const_matrix ddpm_network_hidden_backward(const ddpm_network *network, const ddpm_packed *packed,
                                               ddpm_workspace *workspace, int64_t rows, const int32_t *t,
                                               ddpm_gradient *gradient)
{
    ddpm_workspace *w = workspace;
    const ddpm_pass pass = {.net = network, .packed = packed, .w = w, .rows = rows, .t = t, .gradient = gradient};
    const int64_t columns = network->spec.columns, others = network->layers[0].inputs - columns;
    float *slope = network->architecture->last_slope(&pass);
    for (int64_t i = 0; slope && i < rows * w->width_stride; i++) slope[i] *= w->dlast[i];
    const ddpm_const_matrix dz = network->architecture->backward(&pass),
                            x = {others > 0 ? w->input.data + columns : NULL, rows, others, w->input.stride, 0};
    add_gradient_from(&pass, 0, columns, x, dz);
    // cppcheck-suppress returnDanglingLifetime ; what is returned lies in the workspace
    return dz;
}

int64_t ddpm_network_entry(const ddpm_network *network)
{
    return network->layers[0].weight;
}

int64_t ddpm_network_outputs_before(const ddpm_network *network, ddpm_range outputs)
{
    return outputs.first % network->kernels->panel;
}

/* The last layer from the panel on in which some outputs begin. */
static ddpm_dense outputs_from(const ddpm_network *network, const ddpm_packed *packed, ddpm_range outputs)
{
    const int64_t from = outputs.first - ddpm_network_outputs_before(network, outputs), last = network->layer_count - 1;
    const ddpm_dense *all = &packed->layers[last];
    const int64_t terms = network->kernels->per_element, length = ddpm_pieces(network->layers[last].inputs, terms);
    return (ddpm_dense){.weight = all->weight + from * length,
                        .bias = all->bias + from,
                        .transposed = all->transposed ? all->transposed + from / terms * network->kernels->panel : NULL,
                        .outputs = network->layers[last].outputs};
}

ddpm_const_matrix ddpm_network_some_outputs(const ddpm_network *network, const ddpm_packed *packed,
                                            ddpm_const_matrix hidden, ddpm_range outputs, ddpm_matrix to,
                                            float *scratch)
{
    const ddpm_dense some = outputs_from(network, packed, outputs);
    const int64_t before = ddpm_network_outputs_before(network, outputs), count = outputs.end - outputs.first;
    network->kernels->forward(&some, hidden, DDPM_ACTIVATION_IDENTITY,
                              (ddpm_matrix){to.data, hidden.rows, before + count, to.stride, 0}, NULL, scratch);
    return (ddpm_const_matrix){to.data + before, hidden.rows, count, to.stride, 0};
}

void ddpm_network_some_outputs_backward(const ddpm_network *network, const ddpm_packed *packed,
                                        ddpm_const_matrix hidden, ddpm_range outputs, ddpm_const_matrix doutput,
                                        ddpm_matrix dhidden, ddpm_gradient *gradient, float *sums, float *scratch)
{
    const ddpm_dense some = outputs_from(network, packed, outputs);
    const ddpm_layer *layer = &network->layers[network->layer_count - 1];
    const int64_t before = ddpm_network_outputs_before(network, outputs);
    const ddpm_const_matrix dz = {doutput.data + before, doutput.rows, outputs.end - outputs.first, doutput.stride, 0};
    ddpm_gradient_add_product(gradient, layer->weight, network->tensors[layer->weight].offset + outputs.first,
                              layer->outputs, hidden, dz, dz.rows, scratch);
    network->kernels->column_sums(dz, sums);
    ddpm_gradient_add(gradient, layer->bias, network->tensors[layer->bias].offset + outputs.first, dz.columns, sums);
    network->kernels->backward_data(&some, doutput, NULL, dhidden, scratch);
}

/* From w->doutput to the gradient by x W + b of layer 0. */
static ddpm_const_matrix backward(const ddpm_pass *pass)
{
    const ddpm_workspace *w = pass->w;
    const int64_t last = pass->net->layer_count - 1;
    const ddpm_const_matrix doutput = ddpm_matrix_read(ddpm_pass_rows(pass, w->doutput));
    const ddpm_architecture *a = pass->net->architecture;
    ddpm_layer_add_gradient(pass, last, a->last_inputs(pass), doutput);
    ddpm_layer_backward(pass, last, doutput, a->last_slope(pass), ddpm_pass_hidden(pass, a->last_gradient(pass)));
    return a->backward(pass);
}

void ddpm_network_backward(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                           int64_t rows, const int32_t *t, ddpm_gradient *gradient)
{
    const ddpm_pass pass = {
        .net = network, .packed = packed, .w = workspace, .rows = rows, .t = t, .gradient = gradient};
    const ddpm_const_matrix dz = backward(&pass);
    ddpm_layer_add_gradient(&pass, 0, ddpm_matrix_read(ddpm_pass_rows(&pass, workspace->input)), dz);
}

void ddpm_network_input_gradient(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                                 int64_t rows, const int32_t *t, float *dxt)
{
    ddpm_workspace *w = workspace;
    const ddpm_pass pass = {.net = network, .packed = packed, .w = w, .rows = rows, .t = t};
    const int64_t columns = network->spec.columns;
    const ddpm_const_matrix dz = backward(&pass);
    /* Only the gradient by x_t and its features is wanted, the first columns of the inputs. */
    const ddpm_matrix dx = ddpm_pass_rows(&pass, w->dinput);
    network->kernels->backward_data(&packed->layers[0], dz, NULL, dx, w->scratch);
    ddpm_features_backward(network, ddpm_matrix_read(ddpm_pass_rows(&pass, w->input)), dx);
    add_prediction_backward(&pass, ddpm_matrix_read(ddpm_pass_points(&pass, w->input)),
                            ddpm_matrix_read(ddpm_pass_points(&pass, w->doutput)), ddpm_pass_points(&pass, w->dinput));
    for (int64_t row = 0; row < rows; row++)
        memcpy(dxt + row * columns, dx.data + row * dx.stride, (size_t)columns * sizeof *dxt);
}
