/* The residual network: a stream of `width` units that every block adds to,
 *
 *      c = act([time embedding | condition] W_c + b_c), and from it, linearly, every scale, shift and gate;
 *      h = x_t W + b;   block: h += gate * (act(N(h) W_1 + b_1) W_2 + b_2);   output: N(h) W + b,
 *
 * with N(h) = norm(h) (1 + scale) + shift: feature-wise modulation (Perez et al. 2018) of a layer norm without
 * parameters of its own. What gives scale, shift and gate starts at zero, so that every block starts as the identity
 * (adaLN-Zero, Peebles and Xie 2023). */
#include "base/memory.h"
#include "network/workspace.h"

#include <stdio.h>
#include <string.h>

/* The layers in their order; two for each block, and the output after them. */
enum { INPUT, EMBEDDING, MODULATION, BLOCKS };

static int64_t first_of(int64_t block)
{
    return BLOCKS + 2 * block;
}

static int64_t output_of(const ddpm_network *net)
{
    return first_of(net->spec.depth);
}

/* A row's modulation: scale, shift and gate of each block, then scale and shift before the output. */
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

static void start_at_zero(ddpm_tensor *tensor)
{
    tensor->initial_low = tensor->initial_high = 0.0;
}

static ddpm_status build(ddpm_network *net)
{
    const ddpm_network_spec *spec = &net->spec;
    const int64_t width = spec->width, told = spec->time_width + spec->condition;
    char name[32];
    DDPM_TRY(ddpm_network_reserve(net, BLOCKS + 2 * spec->depth + 1));
    ddpm_network_add_layer(net, "input", spec->columns, width)->transposed = DDPM_PACK_INPUT_GRADIENT;
    ddpm_network_add_layer(net, "embedding", told, spec->time_width)->transposed = DDPM_PACK_NEVER;
    const ddpm_layer *modulation = ddpm_network_add_layer(net, "modulation", spec->time_width, modulation_width(net));
    start_at_zero(&net->tensors[modulation->weight]);
    start_at_zero(&net->tensors[modulation->bias]);
    for (int64_t block = 0; block < spec->depth; block++)
        for (int half = 0; half < 2; half++) {
            snprintf(name, sizeof name, "block%lld/%s", (long long)block, half ? "second" : "first");
            ddpm_network_add_layer(net, name, width, width);
        }
    ddpm_network_add_layer(net, "output", width, ddpm_network_outputs(spec));
    return DDPM_OK;
}

static void lay_out(const ddpm_network *net, int64_t rows, int backward, ddpm_arena *arena, ddpm_workspace *w)
{
    ddpm_residual_rows *r = &w->kind.residual;
    const int64_t block = rows * w->width_stride, depth = backward ? net->spec.depth : 1,
                  norms = backward ? depth + 1 : 1;
    r->told_stride = ddpm_workspace_stride(net, net->layers[EMBEDDING].inputs);
    r->embedding_stride = ddpm_workspace_stride(net, net->spec.time_width);
    r->modulation_stride = ddpm_workspace_stride(net, modulation_width(net));
    w->kept_step = backward ? block : 0;
    r->told = ddpm_arena_take(arena, rows * r->told_stride);
    r->embedding = ddpm_arena_take(arena, rows * r->embedding_stride);
    r->modulation = ddpm_arena_take(arena, rows * r->modulation_stride);
    r->stream = ddpm_arena_take(arena, block);
    r->normal = ddpm_arena_take(arena, norms * block);
    r->modulated = ddpm_arena_take(arena, norms * block);
    r->inverse = ddpm_arena_take(arena, norms * ddpm_workspace_stride(net, rows));
    r->hidden = ddpm_arena_take(arena, depth * block);
    r->branch = ddpm_arena_take(arena, depth * block);
    if (!backward) return;
    r->slope = ddpm_arena_take(arena, depth * block);
    r->dhidden = ddpm_arena_take(arena, block);
    r->embedding_slope = ddpm_arena_take(arena, rows * r->embedding_stride);
    r->dembedding = ddpm_arena_take(arena, rows * r->embedding_stride);
    r->dmodulation = ddpm_arena_take(arena, rows * r->modulation_stride);
}

/* Layer `block`'s norm: of the last one there is no block. */
static float *inverse_of(const ddpm_network *net, const ddpm_workspace *w, int64_t block)
{
    return w->kind.residual.inverse + (w->kept_step ? block * ddpm_workspace_stride(net, w->rows) : 0);
}

static int all_alike(const ddpm_network *net, const float *condition, const int32_t *t, int64_t rows)
{
    if (condition && net->spec.condition > 0) return 0;
    for (int64_t row = 1; row < rows; row++)
        if (t[row] != t[0]) return 0;
    return 1;
}

/* Every row's modulation; one for all rows where they are told the same and there is no way back, as in sampling. */
static void modulate(const ddpm_network *net, const ddpm_packed *packed, ddpm_workspace *w, int64_t rows,
                     const float *condition, const int32_t *t)
{
    ddpm_residual_rows *r = &w->kind.residual;
    const int shared = !w->doutput && all_alike(net, condition, t, rows);
    const int64_t count = shared ? 1 : rows;
    ddpm_network_embed_times(net, count, t, r->told, r->told_stride);
    for (int64_t row = 0; row < count; row++)
        ddpm_network_copy_condition(net, condition, row, r->told + row * r->told_stride + net->spec.time_width);
    ddpm_layer_forward(net, packed, w, EMBEDDING, count, r->told, r->told_stride, net->spec.activation, r->embedding,
                       r->embedding_slope, r->embedding_stride);
    ddpm_layer_forward(net, packed, w, MODULATION, count, r->embedding, r->embedding_stride, DDPM_ACTIVATION_IDENTITY,
                       r->modulation, NULL, r->modulation_stride);
    r->modulation_step = shared ? 0 : r->modulation_stride;
}

/* The stream's layer norm before a block, or before the output. @return  [rows][width_stride]. */
static const float *norm(const ddpm_network *net, ddpm_workspace *w, int64_t block, int64_t rows)
{
    ddpm_residual_rows *r = &w->kind.residual;
    float *modulated = r->modulated + block * w->kept_step;
    net->kernels->norm(rows, net->spec.width, r->stream, w->width_stride, r->modulation + scale_at(net, block),
                       r->modulation + shift_at(net, block), r->modulation_step, r->normal + block * w->kept_step,
                       inverse_of(net, w, block), modulated, w->width_stride);
    return modulated;
}

static void forward(const ddpm_network *net, const ddpm_packed *packed, ddpm_workspace *w, int64_t rows,
                    const float *xt, const float *condition, const int32_t *t)
{
    ddpm_residual_rows *r = &w->kind.residual;
    const int64_t columns = net->spec.columns, depth = net->spec.depth, stride = w->width_stride;
    for (int64_t row = 0; row < rows; row++)
        memcpy(w->input + row * w->input_stride, xt + row * columns, (size_t)columns * sizeof *xt);
    modulate(net, packed, w, rows, condition, t);
    ddpm_layer_forward(net, packed, w, INPUT, rows, w->input, w->input_stride, DDPM_ACTIVATION_IDENTITY, r->stream,
                       NULL, stride);
    for (int64_t block = 0; block < depth; block++) {
        float *hidden = r->hidden + block * w->kept_step, *branch = r->branch + block * w->kept_step;
        float *slope = r->slope ? r->slope + block * w->kept_step : NULL;
        ddpm_layer_forward(net, packed, w, first_of(block), rows, norm(net, w, block, rows), stride,
                           net->spec.activation, hidden, slope, stride);
        ddpm_layer_forward(net, packed, w, first_of(block) + 1, rows, hidden, stride, DDPM_ACTIVATION_IDENTITY, branch,
                           NULL, stride);
        net->kernels->gate(rows, net->spec.width, branch, stride, r->modulation + gate_at(net, block),
                           r->modulation_step, r->stream, stride);
    }
    ddpm_layer_forward(net, packed, w, output_of(net), rows, norm(net, w, depth, rows), stride,
                       DDPM_ACTIVATION_IDENTITY, w->output, NULL, w->output_stride);
}

/* w->dz += what reaches the stream through a layer norm whose outputs' gradient is w->dz_next. */
static void backward_norm(const ddpm_network *net, ddpm_workspace *w, int64_t block, int64_t rows)
{
    const ddpm_residual_rows *r = &w->kind.residual;
    net->kernels->norm_backward(rows, net->spec.width, w->dz_next, r->normal + block * w->kept_step, w->width_stride,
                                inverse_of(net, w, block), r->modulation + scale_at(net, block), r->modulation_step,
                                w->dz, w->width_stride, r->dmodulation + scale_at(net, block),
                                r->dmodulation + shift_at(net, block), r->modulation_stride);
}

/* w->dz, the gradient by the stream after a block, becomes that before it. */
static void backward_block(const ddpm_network *net, const ddpm_packed *packed, ddpm_workspace *w, int64_t block,
                           int64_t rows, ddpm_gradient *gradient)
{
    const ddpm_residual_rows *r = &w->kind.residual;
    const int64_t at = block * w->kept_step, stride = w->width_stride, first = first_of(block), second = first + 1;
    net->kernels->gate_backward(rows, net->spec.width, w->dz, stride, r->branch + at, stride,
                                r->modulation + gate_at(net, block), r->modulation_step, w->dz_next,
                                r->dmodulation + gate_at(net, block), r->modulation_stride);
    ddpm_layer_add_gradient(net, w, second, rows, r->hidden + at, stride, w->dz_next, stride, gradient);
    ddpm_layer_backward(net, packed, w, second, rows, w->dz_next, stride, r->slope + at, r->dhidden, stride);
    ddpm_layer_add_gradient(net, w, first, rows, r->modulated + at, stride, r->dhidden, stride, gradient);
    ddpm_layer_backward(net, packed, w, first, rows, r->dhidden, stride, NULL, w->dz_next, stride);
    backward_norm(net, w, block, rows);
}

static void backward_modulation(const ddpm_network *net, const ddpm_packed *packed, ddpm_workspace *w, int64_t rows,
                                ddpm_gradient *gradient)
{
    const ddpm_residual_rows *r = &w->kind.residual;
    ddpm_layer_add_gradient(net, w, MODULATION, rows, r->embedding, r->embedding_stride, r->dmodulation,
                            r->modulation_stride, gradient);
    ddpm_layer_backward(net, packed, w, MODULATION, rows, r->dmodulation, r->modulation_stride, r->embedding_slope,
                        r->dembedding, r->embedding_stride);
    ddpm_layer_add_gradient(net, w, EMBEDDING, rows, r->told, r->told_stride, r->dembedding, r->embedding_stride,
                            gradient);
}

static void backward(const ddpm_network *net, const ddpm_packed *packed, ddpm_workspace *w, int64_t rows,
                     const int32_t *t, ddpm_gradient *gradient)
{
    const int64_t depth = net->spec.depth;
    (void)t; /* the block's modulations are kept */
    ddpm_layer_add_gradient(net, w, output_of(net), rows, w->kind.residual.modulated + depth * w->kept_step,
                            w->width_stride, w->doutput, w->output_stride, gradient);
    ddpm_layer_backward(net, packed, w, output_of(net), rows, w->doutput, w->output_stride, NULL, w->dz_next,
                        w->width_stride);
    memset(w->dz, 0, (size_t)(rows * w->width_stride) * sizeof *w->dz);
    backward_norm(net, w, depth, rows);
    for (int64_t block = depth - 1; block >= 0; block--) backward_block(net, packed, w, block, rows, gradient);
    if (gradient) backward_modulation(net, packed, w, rows, gradient);
    ddpm_layer_add_gradient(net, w, INPUT, rows, w->input, w->input_stride, w->dz, w->width_stride, gradient);
}

const ddpm_architecture ddpm_architecture_residual = {
    .build = build,
    .lay_out = lay_out,
    .forward = forward,
    .backward = backward,
};
