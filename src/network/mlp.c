/* The multilayer perceptron: [x_t | condition | time embedding] through hidden layers, or with a gain table
 * h = act(gain[t] * (x W + b)). */
#include "base/memory.h"
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
    const int64_t first = spec->columns + spec->condition + (has_gain(net) ? 0 : spec->time_width);
    char name[32];
    DDPM_TRY(ddpm_network_reserve(net, spec->depth + 1));
    for (int64_t l = 0; l < spec->depth; l++) {
        snprintf(name, sizeof name, "hidden%lld", (long long)l);
        ddpm_layer *layer = ddpm_network_add_layer(net, name, l == 0 ? first : spec->width, spec->width);
        if (l == 0) layer->transposed = DDPM_PACK_INPUT_GRADIENT;
        if (has_gain(net)) layer->gain = ddpm_network_add_tensor(net, name, "gain", spec->steps, spec->width, 0.0, 1.0);
    }
    ddpm_network_add_layer(net, "output", spec->width, ddpm_network_outputs(spec));
    return DDPM_OK;
}

static void lay_out(const ddpm_network *net, int64_t rows, int backward, ddpm_arena *arena, ddpm_workspace *w)
{
    const int64_t step = rows * w->width_stride;
    w->kept_step = step;
    w->kind.mlp.value = ddpm_arena_take(arena, net->spec.depth * step);
    if (backward) w->kind.mlp.slope = ddpm_arena_take(arena, net->spec.depth * step);
    if (has_gain(net)) w->kind.mlp.linear = ddpm_arena_take(arena, net->spec.depth * step);
}

static float *value_of(const ddpm_workspace *w, int64_t l)
{
    return w->kind.mlp.value + l * w->kept_step;
}

static float *slope_of(const ddpm_workspace *w, int64_t l)
{
    return w->kind.mlp.slope ? w->kind.mlp.slope + l * w->kept_step : NULL;
}

static float *linear_of(const ddpm_workspace *w, int64_t l)
{
    return w->kind.mlp.linear + l * w->kept_step;
}

static void fill_input(const ddpm_network *net, const ddpm_workspace *w, int64_t rows, const float *xt,
                       const float *condition, const int32_t *t)
{
    const int64_t columns = net->spec.columns, told = columns + net->spec.condition;
    for (int64_t row = 0; row < rows; row++) {
        float *to = w->input + row * w->input_stride;
        memcpy(to, xt + row * columns, (size_t)columns * sizeof *to);
        ddpm_network_copy_condition(net, condition, row, to + columns);
    }
    if (!has_gain(net)) ddpm_network_embed_times(net, rows, t, w->input + told, w->input_stride);
}

/* The gains of layer l at step t. */
static const float *gains_at(const ddpm_network *net, const ddpm_packed *packed, int64_t l, int32_t t)
{
    const ddpm_tensor *gain = &net->tensors[net->layers[l].gain];
    return packed->parameters + gain->offset + (t - 1) * gain->cols;
}

/* h = act(gain[t] * linear), row by row. */
static void apply_gains(const ddpm_network *net, const ddpm_packed *packed, const ddpm_workspace *w, int64_t l,
                        int64_t rows, const int32_t *t)
{
    const int64_t width = net->spec.width;
    for (int64_t row = 0; row < rows; row++) {
        const float *gain = gains_at(net, packed, l, t[row]), *linear = linear_of(w, l) + row * w->width_stride;
        float *h = value_of(w, l) + row * w->width_stride, *slope = slope_of(w, l);
        for (int64_t j = 0; j < width; j++) h[j] = gain[j] * linear[j];
        net->kernels->activate(width, net->spec.activation, h, h, slope ? slope + row * w->width_stride : NULL);
    }
}

static void forward(const ddpm_network *net, const ddpm_packed *packed, ddpm_workspace *w, int64_t rows,
                    const float *xt, const float *condition, const int32_t *t)
{
    const float *x = w->input;
    int64_t ldx = w->input_stride;
    fill_input(net, w, rows, xt, condition, t);
    for (int64_t l = 0; l < net->spec.depth; l++) {
        if (has_gain(net)) {
            ddpm_layer_forward(net, packed, w, l, rows, x, ldx, DDPM_ACTIVATION_IDENTITY, linear_of(w, l), NULL,
                               w->width_stride);
            apply_gains(net, packed, w, l, rows, t);
        } else {
            ddpm_layer_forward(net, packed, w, l, rows, x, ldx, net->spec.activation, value_of(w, l), slope_of(w, l),
                               w->width_stride);
        }
        x = value_of(w, l);
        ldx = w->width_stride;
    }
    ddpm_layer_forward(net, packed, w, net->spec.depth, rows, x, ldx, DDPM_ACTIVATION_IDENTITY, w->output, NULL,
                       w->output_stride);
}

/* dz of act(gain * linear) becomes that of linear; each row's share of the gains' gradient is a contribution of its
 * own. */
static void backward_gains(const ddpm_network *net, const ddpm_packed *packed, const ddpm_workspace *w, int64_t l,
                           int64_t rows, const int32_t *t, ddpm_gradient *gradient)
{
    const int64_t width = net->spec.width, tensor = net->layers[l].gain;
    for (int64_t row = 0; row < rows; row++) {
        const float *gain = gains_at(net, packed, l, t[row]), *linear = linear_of(w, l) + row * w->width_stride;
        float *dz = w->dz + row * w->width_stride;
        for (int64_t j = 0; j < width; j++) {
            w->sums[j] = dz[j] * linear[j];
            dz[j] *= gain[j];
        }
        if (gradient)
            ddpm_gradient_add(gradient, tensor, net->tensors[tensor].offset + (t[row] - 1) * width, width, w->sums);
    }
}

static void backward(const ddpm_network *net, const ddpm_packed *packed, ddpm_workspace *w, int64_t rows,
                     const int32_t *t, ddpm_gradient *gradient)
{
    const float *dz = w->doutput;
    int64_t lddz = w->output_stride;
    for (int64_t l = net->spec.depth; l > 0; l--) {
        if (net->layers[l].gain >= 0) backward_gains(net, packed, w, l, rows, t, gradient);
        ddpm_layer_add_gradient(net, w, l, rows, value_of(w, l - 1), w->width_stride, dz, lddz, gradient);
        ddpm_layer_backward(net, packed, w, l, rows, dz, lddz, slope_of(w, l - 1), w->dz_next, w->width_stride);
        float *done = w->dz;
        w->dz = w->dz_next;
        w->dz_next = done;
        dz = w->dz;
        lddz = w->width_stride;
    }
    if (has_gain(net)) backward_gains(net, packed, w, 0, rows, t, gradient);
    ddpm_layer_add_gradient(net, w, 0, rows, w->input, w->input_stride, dz, lddz, gradient);
}

const ddpm_architecture ddpm_architecture_mlp = {
    .build = build,
    .lay_out = lay_out,
    .forward = forward,
    .backward = backward,
};
