/* A block of rows through the network, forward and back. */
#include "ddpm/base/memory.h"
#include "ddpm/model/network_layers.h"
#include "ddpm/model/packed_layers.h"

#include <string.h>

struct ddpm_workspace {
    int64_t rows; /* room for */
    int64_t input_stride, width_stride, output_stride;
    float *input;            /* [rows][input_stride] */
    float **value, **slope;  /* per hidden layer [rows][width_stride]: h and act'; slope NULL without backward */
    float **linear;          /* with a gain table: x W + b, before the gain */
    float *output, *doutput; /* [rows][output_stride] */
    float *dz, *dz_next;     /* [rows][width_stride] */
    float *sums;             /* of columns */
    float *memory;           /* all of the above */
    float **pointers;
};

enum { LINE = 16 }; /* floats of a cache line: an odd number of lines a row keeps columns from sharing cache sets */

static int64_t stride_of(const ddpm_network *net, int64_t width)
{
    return ddpm_round_up(width, net->kernels->panel) + LINE;
}

static int64_t widest(const ddpm_network *net)
{
    const int64_t out = ddpm_network_outputs(&net->spec);
    return net->spec.width > out ? net->spec.width : out;
}

static int has_gain(const ddpm_network *net)
{
    return net->spec.time == DDPM_TIME_GAIN_TABLE;
}

/* Arrays of [rows][width_stride] that a hidden layer keeps. */
static int64_t kept_per_layer(const ddpm_network *net, int backward)
{
    return 1 + (backward ? 1 : 0) + (has_gain(net) ? 1 : 0);
}

static int64_t workspace_floats(const ddpm_network *net, int64_t rows, int backward)
{
    const int64_t input = stride_of(net, net->layers[0].inputs), wide = stride_of(net, net->spec.width);
    const int64_t output = stride_of(net, ddpm_network_outputs(&net->spec));
    const int64_t hidden = net->spec.depth * kept_per_layer(net, backward) + (backward ? 2 : 0);
    return rows * (input + wide * hidden + output * (backward ? 2 : 1)) + stride_of(net, widest(net));
}

int64_t ddpm_workspace_bytes(const ddpm_network *network, int64_t rows, int backward)
{
    return workspace_floats(network, rows, backward) * (int64_t)sizeof(float);
}

static float *take(float **next, int64_t floats)
{
    float *taken = *next;
    *next += floats;
    return taken;
}

static ddpm_status build(const ddpm_network *net, int64_t rows, int backward, ddpm_workspace *w)
{
    const int64_t depth = net->spec.depth;
    w->rows = rows;
    w->input_stride = stride_of(net, net->layers[0].inputs);
    w->width_stride = stride_of(net, net->spec.width);
    w->output_stride = stride_of(net, ddpm_network_outputs(&net->spec));
    DDPM_TRY(DDPM_NEW(&w->memory, workspace_floats(net, rows, backward), "activations"));
    DDPM_TRY(DDPM_NEW(&w->pointers, 3 * depth, "activations"));
    w->value = w->pointers;
    w->slope = w->pointers + depth;
    w->linear = w->pointers + 2 * depth;

    float *next = w->memory;
    w->input = take(&next, rows * w->input_stride);
    w->output = take(&next, rows * w->output_stride);
    w->sums = take(&next, stride_of(net, widest(net)));
    for (int64_t l = 0; l < depth; l++) {
        w->value[l] = take(&next, rows * w->width_stride);
        if (backward) w->slope[l] = take(&next, rows * w->width_stride);
        if (has_gain(net)) w->linear[l] = take(&next, rows * w->width_stride);
    }
    if (backward) {
        w->doutput = take(&next, rows * w->output_stride);
        w->dz = take(&next, rows * w->width_stride);
        w->dz_next = take(&next, rows * w->width_stride);
    }
    return DDPM_OK;
}

ddpm_status ddpm_workspace_create(const ddpm_network *network, int64_t rows, int backward, ddpm_workspace **out)
{
    ddpm_workspace *workspace = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&workspace, 1, "workspace"));
    const ddpm_status status = build(network, rows, backward, workspace);
    if (status != DDPM_OK) {
        ddpm_workspace_free(workspace);
        return status;
    }
    *out = workspace;
    return DDPM_OK;
}

void ddpm_workspace_free(ddpm_workspace *workspace)
{
    if (!workspace) return;
    ddpm_release(workspace->memory);
    ddpm_release(workspace->pointers);
    ddpm_release(workspace);
}

float *ddpm_workspace_dout(ddpm_workspace *workspace, int64_t *stride)
{
    *stride = workspace->output_stride;
    return workspace->doutput;
}

static void fill_input(const ddpm_network *net, ddpm_workspace *w, int64_t rows, const float *xt,
                       const float *condition, const int32_t *t)
{
    const int64_t columns = net->spec.columns, extra = net->spec.condition, wide = net->spec.time_width;
    for (int64_t row = 0; row < rows; row++) {
        float *to = w->input + row * w->input_stride;
        memcpy(to, xt + row * columns, (size_t)columns * sizeof *to);
        if (condition)
            memcpy(to + columns, condition + row * extra, (size_t)extra * sizeof *to);
        else
            memset(to + columns, 0, (size_t)extra * sizeof *to);
        if (net->time_table) memcpy(to + columns + extra, net->time_table + t[row] * wide, (size_t)wide * sizeof *to);
    }
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
        const float *gain = gains_at(net, packed, l, t[row]), *linear = w->linear[l] + row * w->width_stride;
        float *h = w->value[l] + row * w->width_stride,
              *slope = w->slope[l] ? w->slope[l] + row * w->width_stride : NULL;
        for (int64_t j = 0; j < width; j++) h[j] = gain[j] * linear[j];
        net->kernels->activate(width, net->spec.activation, h, h, slope);
    }
}

const float *ddpm_network_forward(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                                  int64_t rows, const float *xt, const float *condition, const int32_t *t,
                                  int64_t *stride)
{
    const ddpm_kernels *kernels = network->kernels;
    ddpm_workspace *w = workspace;
    const float *x = w->input;
    int64_t ldx = w->input_stride;
    fill_input(network, w, rows, xt, condition, t);
    for (int64_t l = 0; l < network->spec.depth; l++) {
        const ddpm_layer *layer = &network->layers[l];
        const ddpm_packed_layer *p = &packed->layers[l];
        if (has_gain(network)) {
            kernels->forward(rows, layer->inputs, layer->outputs, x, ldx, p->weight, p->bias, DDPM_ACTIVATION_IDENTITY,
                             w->linear[l], NULL, w->width_stride);
            apply_gains(network, packed, w, l, rows, t);
        } else {
            kernels->forward(rows, layer->inputs, layer->outputs, x, ldx, p->weight, p->bias, network->spec.activation,
                             w->value[l], w->slope[l], w->width_stride);
        }
        x = w->value[l];
        ldx = w->width_stride;
    }
    const ddpm_layer *last = &network->layers[network->spec.depth];
    const ddpm_packed_layer *p = &packed->layers[network->spec.depth];
    kernels->forward(rows, last->inputs, last->outputs, x, ldx, p->weight, p->bias, DDPM_ACTIVATION_IDENTITY, w->output,
                     NULL, w->output_stride);
    *stride = w->output_stride;
    return w->output;
}

/* dz of act(gain * linear) becomes that of linear; each row's share of the gains' gradient is a contribution of its
 * own. */
static void backward_gains(const ddpm_network *net, const ddpm_packed *packed, ddpm_workspace *w, int64_t l,
                           int64_t rows, const int32_t *t, ddpm_gradient *gradient)
{
    const int64_t width = net->spec.width, tensor = net->layers[l].gain;
    for (int64_t row = 0; row < rows; row++) {
        const float *gain = gains_at(net, packed, l, t[row]), *linear = w->linear[l] + row * w->width_stride;
        float *dz = w->dz + row * w->width_stride;
        for (int64_t j = 0; j < width; j++) {
            w->sums[j] = dz[j] * linear[j];
            dz[j] *= gain[j];
        }
        ddpm_gradient_add(gradient, tensor, net->tensors[tensor].offset + (t[row] - 1) * width, width, w->sums);
    }
}

/* The same without the gains' gradient. */
static void unscale_gains(const ddpm_network *net, const ddpm_packed *packed, const ddpm_workspace *w, int64_t l,
                          int64_t rows, const int32_t *t)
{
    for (int64_t row = 0; row < rows; row++) {
        const float *gain = gains_at(net, packed, l, t[row]);
        float *dz = w->dz + row * w->width_stride;
        for (int64_t j = 0; j < net->spec.width; j++) dz[j] *= gain[j];
    }
}

static void swap_gradients(ddpm_workspace *w)
{
    float *done = w->dz;
    w->dz = w->dz_next;
    w->dz_next = done;
}

static void backward_layer(const ddpm_network *net, ddpm_workspace *w, int64_t l, int64_t rows, const float *dz,
                           int64_t lddz, ddpm_gradient *gradient)
{
    const ddpm_layer *layer = &net->layers[l];
    const float *x = l == 0 ? w->input : w->value[l - 1];
    const int64_t ldx = l == 0 ? w->input_stride : w->width_stride;
    ddpm_gradient_add_product(gradient, layer->weight, net->tensors[layer->weight].offset, rows, layer->inputs,
                              layer->outputs, x, ldx, dz, lddz);
    net->kernels->column_sums(rows, layer->outputs, dz, lddz, w->sums);
    ddpm_gradient_add(gradient, layer->bias, net->tensors[layer->bias].offset, layer->outputs, w->sums);
}

void ddpm_network_backward(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                           int64_t rows, const int32_t *t, ddpm_gradient *gradient)
{
    ddpm_workspace *w = workspace;
    const float *dz = w->doutput;
    int64_t lddz = w->output_stride;
    for (int64_t l = network->spec.depth; l >= 0; l--) {
        const ddpm_layer *layer = &network->layers[l];
        if (layer->gain >= 0) backward_gains(network, packed, w, l, rows, t, gradient);
        backward_layer(network, w, l, rows, dz, lddz, gradient);
        if (l == 0) break;
        network->kernels->backward_data(rows, layer->inputs, layer->outputs, dz, lddz, packed->layers[l].transposed,
                                        w->slope[l - 1], w->dz_next, w->width_stride);
        swap_gradients(w);
        dz = w->dz;
        lddz = w->width_stride;
    }
}

void ddpm_network_input_gradient(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                                 int64_t rows, const int32_t *t, float *dxt)
{
    ddpm_workspace *w = workspace;
    const int64_t columns = network->spec.columns;
    const float *dz = w->doutput;
    int64_t lddz = w->output_stride;
    for (int64_t l = network->spec.depth; l > 0; l--) {
        const ddpm_layer *layer = &network->layers[l];
        if (layer->gain >= 0) unscale_gains(network, packed, w, l, rows, t);
        network->kernels->backward_data(rows, layer->inputs, layer->outputs, dz, lddz, packed->layers[l].transposed,
                                        w->slope[l - 1], w->dz_next, w->width_stride);
        swap_gradients(w);
        dz = w->dz;
        lddz = w->width_stride;
    }
    if (network->layers[0].gain >= 0) unscale_gains(network, packed, w, 0, rows, t);
    /* of the first layer's inputs only x_t's columns are wanted; they come first */
    network->kernels->backward_data(rows, columns, network->layers[0].outputs, dz, lddz, packed->layers[0].transposed,
                                    NULL, w->input, w->input_stride);
    for (int64_t row = 0; row < rows; row++)
        memcpy(dxt + row * columns, w->input + row * w->input_stride, (size_t)columns * sizeof *dxt);
}
