/* The multilayer perceptron: hidden layers h = act(x W + b), of which the first reads [x_t | condition | time
 * embedding]; or with a gain table h = act(gain[t] * (x W + b)), of which the first reads [x_t | condition]. */
#include "base/memory.h"
#include "network/features.h"
#include "network/workspace.h"

#include <stdio.h>
#include <string.h>

static int has_gain(const ddpm_network *net)
{
    return net->spec.time == DDPM_TIME_GAIN_TABLE;
}

static ddpm_status build(ddpm_network *net)
{
    const ddpm_network_spec *spec = &net->spec;
    const int64_t first = ddpm_network_point_columns(net) + spec->condition + (has_gain(net) ? 0 : spec->time_width);
    char name[32];
    DDPM_TRY(ddpm_network_reserve(net, spec->depth + 1));
    for (int64_t l = 0; l < spec->depth; l++) {
        snprintf(name, sizeof name, "hidden%lld", (long long)l);
        ddpm_layer *layer = ddpm_network_add_layer(net, name, l == 0 ? first : spec->width, spec->width);
        if (l == 0) layer->transposed_from = DDPM_PACK_INPUT_GRADIENT;
        if (has_gain(net)) layer->gain = ddpm_network_add_tensor(net, name, "gain", spec->steps, spec->width, 0.0, 1.0);
    }
    ddpm_network_add_output(net, spec->width);
    return DDPM_OK;
}

static int64_t before_time(const ddpm_network *net)
{
    return ddpm_network_point_columns(net) + net->spec.condition;
}

/* Whether layer 0 is computed in two parts, of which one depends on t alone. Without a backward pass all rows mostly
 * have one t. Where operands share an element, a part cannot begin amid one. */
static int splits_time(const ddpm_network *net, int backward)
{
    return !backward && !has_gain(net) && !net->spec.is_entered && before_time(net) % net->kernels->per_element == 0;
}

/* Where nothing but products goes through the units of a row, units lie in panels if there is a pass backward, since
 * the operands of a layer's gradient then lie as its product reads them; and, with or without one, if operands share an
 * element: they are rounded as they are computed, and kept. */
static void lay_out(const ddpm_network *net, int64_t rows, int backward, ddpm_arena *arena, ddpm_workspace *w)
{
    const int64_t panel = net->kernels->panel, terms = net->kernels->per_element;
    if ((backward || terms > 1) && !has_gain(net) && !net->spec.is_entered && panel % net->kernels->tile == 0) {
        w->width_stride = panel;
        w->width_panels = rows * panel + DDPM_WORKSPACE_LINE;
        w->hidden_numbers = ddpm_pieces(net->spec.width, panel) * w->width_panels;
        if (terms > 1) w->operand_stride = panel / terms;
    }
    const int64_t step = w->hidden_numbers;
    w->kept_stride = step;
    w->kind.mlp.value = ddpm_arena_take(arena, net->spec.depth * step);
    if (backward) w->kind.mlp.slope = ddpm_arena_take(arena, net->spec.depth * step);
    if (has_gain(net)) w->kind.mlp.linear = ddpm_arena_take(arena, net->spec.depth * step);
    if (splits_time(net, backward)) w->kind.mlp.time = ddpm_arena_take_matrix(arena, net, rows, net->spec.width);
    if (backward && net->spec.is_entered) w->dlast = ddpm_arena_take(arena, step);
}

static float *value_of(const ddpm_workspace *w, int64_t l)
{
    return w->kind.mlp.value + l * w->kept_stride;
}

static float *slope_of(const ddpm_workspace *w, int64_t l)
{
    return w->kind.mlp.slope ? w->kind.mlp.slope + l * w->kept_stride : NULL;
}

static float *gradient_of(const ddpm_pass *pass, int64_t l)
{
    return ddpm_pass_gradient(pass, slope_of(pass->w, l), value_of(pass->w, l));
}

static float *linear_of(const ddpm_workspace *w, int64_t l)
{
    return w->kind.mlp.linear + l * w->kept_stride;
}

/* What layer l reads. */
static ddpm_const_matrix inputs_of(const ddpm_pass *pass, int64_t l)
{
    return ddpm_matrix_read(l == 0 ? ddpm_pass_rows(pass, pass->w->input)
                                   : ddpm_pass_hidden(pass, value_of(pass->w, l - 1)));
}

/* The columns of layer 0's input that hold the embedding of t. */
static ddpm_matrix embeddings_of(const ddpm_pass *pass, int64_t rows)
{
    const ddpm_matrix input = pass->w->input;
    return (ddpm_matrix){input.data + before_time(pass->net), rows, pass->net->spec.time_width, input.stride, 0};
}

/* Whether layer 0 of this pass is computed in two parts. */
static int is_split(const ddpm_pass *pass)
{
    return pass->w->kind.mlp.time.data && pass->xt;
}

static void fill_input(const ddpm_pass *pass)
{
    const ddpm_network *net = pass->net;
    const int64_t columns = net->spec.columns, points = ddpm_network_point_columns(net);
    const ddpm_matrix input = ddpm_pass_rows(pass, pass->w->input);
    for (int64_t row = 0; row < input.rows; row++) {
        float *to = input.data + row * input.stride;
        if (pass->xt)
            memcpy(to, pass->xt + row * columns, (size_t)columns * sizeof *to);
        else
            memset(to, 0, (size_t)columns * sizeof *to);
        ddpm_network_copy_condition(net, pass->condition, row, to + points);
    }
    ddpm_features_fill(net, input);
    if (!has_gain(net) && !is_split(pass)) ddpm_network_embed_times(net, pass->t, embeddings_of(pass, input.rows));
}

/* emb(t) W + bias of the first `rows` rows, where W is the end of layer 0. */
static float *compute_time(const ddpm_pass *pass, int64_t rows)
{
    const ddpm_network *net = pass->net;
    const ddpm_matrix embeddings = embeddings_of(pass, rows), to = ddpm_matrix_part(pass->w->kind.mlp.time, 0, rows);
    ddpm_dense dense = pass->packed->layers[0];
    dense.inputs = net->layers[0].inputs;
    dense.weight += before_time(net) / net->kernels->per_element * net->kernels->panel;
    ddpm_network_embed_times(net, pass->t, embeddings);
    ddpm_dense_forward(pass, &dense, ddpm_matrix_read(embeddings), DDPM_ACTIVATION_IDENTITY, to, NULL);
    return to.data;
}

static int64_t time_numbers(const ddpm_network *net)
{
    return splits_time(net, 0) ? net->spec.width : 0;
}

static float *time_part(const ddpm_pass *pass)
{
    return compute_time(pass, 1);
}

/* Layer 0 on what does not depend on t alone, with the rest as its bias. */
static void forward_split(const ddpm_pass *pass)
{
    const ddpm_network *net = pass->net;
    const ddpm_matrix input = ddpm_pass_rows(pass, pass->w->input);
    const int is_one = ddpm_pass_has_one_time(pass);
    float *known = is_one ? ddpm_times_find(pass->w->times, pass->t[0]) : NULL;
    ddpm_dense dense = pass->packed->layers[0];
    dense.inputs = net->layers[0].inputs;
    dense.bias = known ? known : compute_time(pass, is_one ? 1 : pass->rows);
    dense.bias_stride = is_one ? 0 : pass->w->kind.mlp.time.stride;
    ddpm_dense_forward(pass, &dense, (ddpm_const_matrix){input.data, input.rows, before_time(net), input.stride, 0},
                       net->spec.activation, ddpm_pass_hidden(pass, value_of(pass->w, 0)), NULL);
}

/* The gains of layer l at step t. */
static const float *gains_at(const ddpm_pass *pass, int64_t l, int32_t t)
{
    const ddpm_tensor *gain = &pass->net->tensors[pass->net->layers[l].gain];
    return pass->packed->parameters + gain->offset + (t - 1) * gain->cols;
}

/* Add what x_t brings to layer 0, where that is what is known of it. */
static void add_entry(const ddpm_pass *pass, ddpm_matrix linear)
{
    for (int64_t row = 0; !pass->xt && row < pass->rows; row++)
        for (int64_t j = 0; j < linear.columns; j++)
            linear.data[row * linear.stride + j] += pass->xt_w.data[row * pass->xt_w.stride + j];
}

/* h = act(linear), row by row. */
static void activate(const ddpm_pass *pass, int64_t l)
{
    const ddpm_matrix h = ddpm_pass_hidden(pass, value_of(pass->w, l));
    float *slope = slope_of(pass->w, l);
    for (int64_t row = 0; row < h.rows; row++)
        pass->net->kernels->activate(h.columns, pass->net->spec.activation, h.data + row * h.stride,
                                     h.data + row * h.stride, slope ? slope + row * h.stride : NULL);
}

/* h = act(gain[t] * linear), row by row. */
static void apply_gains(const ddpm_pass *pass, int64_t l)
{
    const ddpm_network *net = pass->net;
    const int64_t width = net->spec.width, stride = pass->w->width_stride;
    for (int64_t row = 0; row < pass->rows; row++) {
        const float *gain = gains_at(pass, l, pass->t[row]), *linear = linear_of(pass->w, l) + row * stride;
        float *h = value_of(pass->w, l) + row * stride, *slope = slope_of(pass->w, l);
        for (int64_t j = 0; j < width; j++) h[j] = gain[j] * linear[j];
        net->kernels->activate(width, net->spec.activation, h, h, slope ? slope + row * stride : NULL);
    }
}

static ddpm_const_matrix forward(const ddpm_pass *pass)
{
    const ddpm_network *net = pass->net;
    ddpm_workspace *w = pass->w;
    const int64_t depth = net->spec.depth;
    fill_input(pass);
    for (int64_t l = 0; l < depth; l++) {
        if (l == 0 && is_split(pass)) {
            forward_split(pass);
        } else if (has_gain(net)) {
            ddpm_layer_forward(pass, l, inputs_of(pass, l), DDPM_ACTIVATION_IDENTITY,
                               ddpm_pass_hidden(pass, linear_of(w, l)), NULL);
            if (l == 0) add_entry(pass, ddpm_pass_hidden(pass, linear_of(w, l)));
            apply_gains(pass, l);
        } else if (l == 0 && !pass->xt) {
            const ddpm_matrix linear = ddpm_pass_hidden(pass, value_of(w, l));
            ddpm_layer_forward(pass, l, inputs_of(pass, l), DDPM_ACTIVATION_IDENTITY, linear, NULL);
            add_entry(pass, linear);
            activate(pass, l);
        } else {
            ddpm_layer_forward(pass, l, inputs_of(pass, l), net->spec.activation,
                               ddpm_pass_hidden(pass, value_of(w, l)), slope_of(w, l));
        }
        if (w->dropout.rate > 0.0) ddpm_layer_drop(pass, l, value_of(w, l), slope_of(w, l));
    }
    return inputs_of(pass, depth);
}

/* dz, the gradient by gain * linear, becomes the gradient by linear. Each row is a contribution of its own to the
 * gradient of the gains at its t. */
static void backward_gains(const ddpm_pass *pass, int64_t l)
{
    const ddpm_workspace *w = pass->w;
    const int64_t width = pass->net->spec.width, tensor = pass->net->layers[l].gain;
    for (int64_t row = 0; row < pass->rows; row++) {
        const int32_t t = pass->t[row];
        const float *gain = gains_at(pass, l, t), *linear = linear_of(w, l) + row * w->width_stride;
        float *dz = gradient_of(pass, l) + row * w->width_stride;
        for (int64_t j = 0; j < width; j++) {
            w->sums[j] = dz[j] * linear[j];
            dz[j] *= gain[j];
        }
        if (pass->gradient)
            ddpm_gradient_add(pass->gradient, tensor, pass->net->tensors[tensor].offset + (t - 1) * width, width,
                              w->sums);
    }
}

static ddpm_const_matrix last_inputs(const ddpm_pass *pass)
{
    return inputs_of(pass, pass->net->spec.depth);
}

static float *last_slope(const ddpm_pass *pass)
{
    return slope_of(pass->w, pass->net->spec.depth - 1);
}

static float *last_gradient(const ddpm_pass *pass)
{
    return gradient_of(pass, pass->net->spec.depth - 1);
}

static ddpm_const_matrix backward(const ddpm_pass *pass)
{
    const ddpm_workspace *w = pass->w;
    for (int64_t l = pass->net->spec.depth - 1;; l--) {
        const ddpm_const_matrix dz = ddpm_matrix_read(ddpm_pass_hidden(pass, gradient_of(pass, l)));
        if (has_gain(pass->net)) backward_gains(pass, l);
        if (l == 0) return dz;
        ddpm_layer_add_gradient(pass, l, inputs_of(pass, l), dz);
        ddpm_layer_backward(pass, l, dz, slope_of(w, l - 1), ddpm_pass_hidden(pass, gradient_of(pass, l - 1)));
    }
}

const ddpm_architecture ddpm_architecture_mlp = {
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
