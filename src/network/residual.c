/* The residual network: a stream h of `width` units that every block adds to.
 *
 *      conditioning:  c = act([time embedding | condition] W_c + b_c);  all scales, shifts and gates = c W_m + b_m
 *      stream:        h = x_t W + b
 *      each block:    h += gate * (act(N(h) W_1 + b_1) W_2 + b_2)
 *      output:        N(h) W + b
 *
 * Here N(h) = norm(h) (1 + scale) + shift is the feature-wise modulation (Perez et al. 2018) of a layer norm that has
 * no parameters of its own, and each N has its own scale and shift. W_m and b_m start at zero, so that every block
 * starts as the identity (adaLN-Zero, Peebles and Xie 2023). */
#include "base/memory.h"
#include "network/features.h"
#include "network/workspace.h"

#include <stdio.h>
#include <string.h>

/* The order of the layers: these, two for each block, and the output. */
enum { INPUT, EMBEDDING, MODULATION, BLOCKS };

static int64_t first_of(int64_t block)
{
    return BLOCKS + 2 * block;
}

/* The modulation of a row holds scale, shift and gate of each block, then scale and shift of the last layer norm. */
static int64_t modulation_width(const ddpm_network *net)
{
    return (3 * net->spec.depth + 2) * net->spec.width;
}

static int64_t scale_at(const ddpm_network *net, int64_t block)
{
    return 3 * block * net->spec.width;
}

static int64_t shift_at(const ddpm_network *net, int64_t block)
{
    return (3 * block + 1) * net->spec.width;
}

static int64_t gate_at(const ddpm_network *net, int64_t block)
{
    return (3 * block + 2) * net->spec.width;
}

static ddpm_status build(ddpm_network *net)
{
    const ddpm_network_spec *spec = &net->spec;
    const int64_t width = spec->width;
    char name[32];
    DDPM_TRY(ddpm_network_reserve(net, BLOCKS + 2 * spec->depth + 1));
    ddpm_network_add_layer(net, "input", ddpm_network_point_columns(net), width)->transposed_from =
        DDPM_PACK_INPUT_GRADIENT;
    ddpm_network_add_layer(net, "embedding", spec->time_width + spec->condition, spec->time_width)->transposed_from =
        DDPM_PACK_NEVER;
    ddpm_network_start_at_zero(net, ddpm_network_add_layer(net, "modulation", spec->time_width, modulation_width(net)));
    for (int64_t block = 0; block < spec->depth; block++)
        for (int half = 0; half < 2; half++) {
            snprintf(name, sizeof name, "block%lld/%s", (long long)block, half ? "second" : "first");
            ddpm_network_add_layer(net, name, width, width);
        }
    ddpm_network_add_output(net, width);
    return DDPM_OK;
}

static void lay_out(const ddpm_network *net, int64_t rows, int backward, ddpm_arena *arena, ddpm_workspace *w)
{
    ddpm_residual_rows *r = &w->kind.residual;
    const int64_t block = w->hidden_numbers, depth = backward ? net->spec.depth : 1, norms = backward ? depth + 1 : 1;
    w->kept_stride = backward ? block : 0;
    r->conditioning = ddpm_arena_take_matrix(arena, net, rows, net->layers[EMBEDDING].inputs);
    r->embedding = ddpm_arena_take_matrix(arena, net, rows, net->spec.time_width);
    r->modulation = ddpm_arena_take_matrix(arena, net, rows, modulation_width(net));
    r->stream = ddpm_arena_take(arena, block);
    r->normal = ddpm_arena_take(arena, norms * block);
    r->modulated = ddpm_arena_take(arena, norms * block);
    r->inverse = ddpm_arena_take(arena, norms * ddpm_workspace_stride(net, rows));
    r->hidden = ddpm_arena_take(arena, depth * block);
    r->branch = ddpm_arena_take(arena, depth * block);
    if (!backward) return;
    r->slope = ddpm_arena_take(arena, depth * block);
    w->dz = ddpm_arena_take(arena, block);
    w->dlast = ddpm_arena_take(arena, block);
    r->embedding_slope = ddpm_arena_take(arena, rows * r->embedding.stride);
    r->dembedding = ddpm_arena_take_matrix(arena, net, rows, net->spec.time_width);
    r->dmodulation = ddpm_arena_take_matrix(arena, net, rows, modulation_width(net));
}

/* Where the inverse deviations of a block's layer norm are kept. The last layer norm counts as that of block `depth`.
 */
static float *inverse_of(const ddpm_pass *pass, int64_t block)
{
    const ddpm_workspace *w = pass->w;
    return w->kind.residual.inverse + (w->kept_stride ? block * ddpm_workspace_stride(pass->net, w->rows) : 0);
}

/* The part of the modulation that begins at a column. Its stride is 0 where all rows share one modulation. */
static ddpm_const_matrix modulation_at(const ddpm_pass *pass, int64_t column)
{
    const ddpm_residual_rows *r = &pass->w->kind.residual;
    return (ddpm_const_matrix){r->modulation_read + column, pass->rows, pass->net->spec.width, r->modulation_stride, 0};
}

static ddpm_matrix dmodulation_at(const ddpm_pass *pass, int64_t column)
{
    const ddpm_residual_rows *r = &pass->w->kind.residual;
    return (ddpm_matrix){r->dmodulation.data + column, pass->rows, pass->net->spec.width, r->dmodulation.stride, 0};
}

static int rows_are_alike(const ddpm_pass *pass)
{
    return !(pass->condition && pass->net->spec.condition > 0) && ddpm_pass_has_one_time(pass);
}

/* Compute the modulation of the first rows. */
static void compute_modulation(const ddpm_pass *pass, int64_t rows)
{
    const ddpm_network *net = pass->net;
    ddpm_residual_rows *r = &pass->w->kind.residual;
    const ddpm_matrix conditioning = ddpm_matrix_part(r->conditioning, 0, rows),
                      embedding = ddpm_matrix_part(r->embedding, 0, rows),
                      modulation = ddpm_matrix_part(r->modulation, 0, rows);
    ddpm_network_embed_times(net, pass->t, conditioning);
    for (int64_t row = 0; row < rows; row++)
        ddpm_network_copy_condition(net, pass->condition, row,
                                    conditioning.data + row * conditioning.stride + net->spec.time_width);
    ddpm_layer_forward(pass, EMBEDDING, ddpm_matrix_read(conditioning), net->spec.activation, embedding,
                       r->embedding_slope);
    ddpm_layer_forward(pass, MODULATION, ddpm_matrix_read(embedding), DDPM_ACTIVATION_IDENTITY, modulation, NULL);
}

static int64_t time_numbers(const ddpm_network *net)
{
    return net->spec.condition > 0 ? 0 : modulation_width(net);
}

static float *time_part(const ddpm_pass *pass)
{
    compute_modulation(pass, 1);
    return pass->w->kind.residual.modulation.data;
}

/* Find the modulation of every row. When all rows have the same t and no condition, as in sampling, and there is no
 * backward pass, one modulation is broadcast to all of them. */
static void modulate(const ddpm_pass *pass)
{
    ddpm_residual_rows *r = &pass->w->kind.residual;
    const int shared = !pass->w->dz && rows_are_alike(pass);
    const float *known = shared && pass->net->spec.condition == 0 ? ddpm_times_find(pass->w->times, pass->t[0]) : NULL;
    if (!known) compute_modulation(pass, shared ? 1 : pass->rows);
    r->modulation_read = known ? known : r->modulation.data;
    r->modulation_stride = shared ? 0 : r->modulation.stride;
}

/* Compute the modulated layer norm of the stream before a block; before the output where `block` is the depth. */
static ddpm_const_matrix norm(const ddpm_pass *pass, int64_t block)
{
    const ddpm_residual_rows *r = &pass->w->kind.residual;
    const int64_t at = block * pass->w->kept_stride;
    const ddpm_matrix modulated = ddpm_pass_hidden(pass, r->modulated + at);
    pass->net->kernels->norm(ddpm_matrix_read(ddpm_pass_hidden(pass, r->stream)),
                             modulation_at(pass, scale_at(pass->net, block)),
                             modulation_at(pass, shift_at(pass->net, block)), ddpm_pass_hidden(pass, r->normal + at),
                             inverse_of(pass, block), modulated);
    return ddpm_matrix_read(modulated);
}

static void forward_block(const ddpm_pass *pass, int64_t block)
{
    const ddpm_residual_rows *r = &pass->w->kind.residual;
    const int64_t at = block * pass->w->kept_stride;
    const ddpm_matrix hidden = ddpm_pass_hidden(pass, r->hidden + at), branch = ddpm_pass_hidden(pass, r->branch + at);
    ddpm_layer_forward(pass, first_of(block), norm(pass, block), pass->net->spec.activation, hidden,
                       r->slope ? r->slope + at : NULL);
    if (pass->w->dropout.rate > 0.0) ddpm_layer_drop(pass, block, hidden.data, r->slope ? r->slope + at : NULL);
    ddpm_layer_forward(pass, first_of(block) + 1, ddpm_matrix_read(hidden), DDPM_ACTIVATION_IDENTITY, branch, NULL);
    pass->net->kernels->gate(ddpm_matrix_read(branch), modulation_at(pass, gate_at(pass->net, block)),
                             ddpm_pass_hidden(pass, r->stream));
}

/* The stream before the first block: x_t W + b. */
static void enter(const ddpm_pass *pass)
{
    const int64_t columns = pass->net->spec.columns;
    const ddpm_matrix stream = ddpm_pass_hidden(pass, pass->w->kind.residual.stream);
    const float *bias = pass->packed->layers[INPUT].bias;
    if (!pass->xt) {
        for (int64_t row = 0; row < stream.rows; row++)
            for (int64_t j = 0; j < stream.columns; j++)
                stream.data[row * stream.stride + j] = pass->xt_w.data[row * pass->xt_w.stride + j] + bias[j];
        return;
    }
    const ddpm_matrix input = ddpm_pass_rows(pass, pass->w->input);
    for (int64_t row = 0; row < input.rows; row++)
        memcpy(input.data + row * input.stride, pass->xt + row * columns, (size_t)columns * sizeof *input.data);
    ddpm_features_fill(pass->net, input);
    ddpm_layer_forward(pass, INPUT, ddpm_matrix_read(input), DDPM_ACTIVATION_IDENTITY, stream, NULL);
}

static ddpm_const_matrix forward(const ddpm_pass *pass)
{
    const int64_t depth = pass->net->spec.depth;
    modulate(pass);
    enter(pass);
    for (int64_t block = 0; block < depth; block++) forward_block(pass, block);
    return norm(pass, depth);
}

/* w->dlast is the gradient by the outputs of a modulated layer norm. Add the gradient by its inputs to w->dz, which
 * is the gradient by the stream. */
static void backward_norm(const ddpm_pass *pass, int64_t block)
{
    const ddpm_workspace *w = pass->w;
    const ddpm_residual_rows *r = &w->kind.residual;
    pass->net->kernels->norm_backward(ddpm_matrix_read(ddpm_pass_hidden(pass, w->dlast)),
                                      ddpm_matrix_read(ddpm_pass_hidden(pass, r->normal + block * w->kept_stride)),
                                      inverse_of(pass, block), modulation_at(pass, scale_at(pass->net, block)),
                                      ddpm_pass_hidden(pass, w->dz), dmodulation_at(pass, scale_at(pass->net, block)),
                                      dmodulation_at(pass, shift_at(pass->net, block)));
}

/* Turn w->dz from the gradient by the stream after a block into the gradient by the stream before it. */
static void backward_block(const ddpm_pass *pass, int64_t block)
{
    const ddpm_workspace *w = pass->w;
    const ddpm_residual_rows *r = &w->kind.residual;
    const int64_t at = block * w->kept_stride, first = first_of(block), second = first + 1,
                  gate = gate_at(pass->net, block);
    const ddpm_matrix next = ddpm_pass_hidden(pass, w->dlast),
                      dhidden = ddpm_pass_hidden(pass, ddpm_pass_gradient(pass, r->slope + at, r->hidden + at));
    const ddpm_const_matrix modulated = ddpm_matrix_read(ddpm_pass_hidden(pass, r->modulated + at)),
                            hidden = ddpm_matrix_read(ddpm_pass_hidden(pass, r->hidden + at)),
                            branch = ddpm_matrix_read(ddpm_pass_hidden(pass, r->branch + at));
    pass->net->kernels->gate_backward(ddpm_matrix_read(ddpm_pass_hidden(pass, w->dz)), branch,
                                      modulation_at(pass, gate), next, dmodulation_at(pass, gate));
    ddpm_layer_add_gradient(pass, second, hidden, ddpm_matrix_read(next));
    ddpm_layer_backward(pass, second, ddpm_matrix_read(next), r->slope + at, dhidden);
    ddpm_layer_add_gradient(pass, first, modulated, ddpm_matrix_read(dhidden));
    ddpm_layer_backward(pass, first, ddpm_matrix_read(dhidden), NULL, next);
    backward_norm(pass, block);
}

static void backward_modulation(const ddpm_pass *pass)
{
    const ddpm_residual_rows *r = &pass->w->kind.residual;
    const ddpm_matrix dembedding = ddpm_pass_rows(pass, r->dembedding);
    const ddpm_const_matrix dmodulation = ddpm_matrix_read(ddpm_pass_rows(pass, r->dmodulation));
    ddpm_layer_add_gradient(pass, MODULATION, ddpm_matrix_read(ddpm_pass_rows(pass, r->embedding)), dmodulation);
    ddpm_layer_backward(pass, MODULATION, dmodulation, r->embedding_slope, dembedding);
    ddpm_layer_add_gradient(pass, EMBEDDING, ddpm_matrix_read(ddpm_pass_rows(pass, r->conditioning)),
                            ddpm_matrix_read(dembedding));
}

static ddpm_const_matrix last_inputs(const ddpm_pass *pass)
{
    const ddpm_workspace *w = pass->w;
    return ddpm_matrix_read(
        ddpm_pass_hidden(pass, w->kind.residual.modulated + pass->net->spec.depth * w->kept_stride));
}

static ddpm_const_matrix backward(const ddpm_pass *pass)
{
    const ddpm_workspace *w = pass->w;
    const int64_t depth = pass->net->spec.depth;
    memset(w->dz, 0, (size_t)(pass->rows * w->width_stride) * sizeof *w->dz);
    backward_norm(pass, depth);
    for (int64_t block = depth - 1; block >= 0; block--) backward_block(pass, block);
    if (pass->gradient) backward_modulation(pass);
    return ddpm_matrix_read(ddpm_pass_hidden(pass, w->dz));
}

static float *last_slope(const ddpm_pass *pass)
{
    (void)pass;
    return NULL;
}

static float *last_gradient(const ddpm_pass *pass)
{
    return pass->w->dlast;
}

const ddpm_architecture ddpm_architecture_residual = {
    .build = build,
    .lay_out = lay_out,
    .time_numbers = time_numbers,
    .time_part = time_part,
    .forward = forward,
    .last_inputs = last_inputs,
    .last_slope = last_slope,
    .last_gradient = last_gradient,
    .backward = backward,
};
