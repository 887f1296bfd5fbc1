/* The layers of a network and the table of its tensors: how a kind of network adds to them. */
#include "network/layers.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>

enum { TENSOR_ALIGNMENT = DDPM_ALIGNMENT / (int)sizeof(float) }; /* in elements */

ddpm_status ddpm_network_reserve(ddpm_network *net, int64_t layers)
{
    DDPM_TRY(DDPM_NEW(&net->layers, layers, "layers"));
    return DDPM_NEW(&net->tensors, 3 * layers, "tensors");
}

int64_t ddpm_network_add_tensor(ddpm_network *net, const char *layer, const char *what, int64_t rows, int64_t cols,
                                double low, double high)
{
    ddpm_tensor *tensor = &net->tensors[net->tensor_count];
    snprintf(tensor->name, sizeof tensor->name, "%s/%s", layer, what);
    tensor->rows = rows;
    tensor->cols = cols;
    tensor->offset = net->array_length;
    tensor->initial_low = low;
    tensor->initial_high = high;
    net->array_length += ddpm_round_up(rows * cols, TENSOR_ALIGNMENT);
    return net->tensor_count++;
}

ddpm_layer *ddpm_network_add_layer(ddpm_network *net, const char *name, int64_t inputs, int64_t outputs)
{
    ddpm_layer *layer = &net->layers[net->layer_count++];
    const double bound = 1.0 / sqrt((double)inputs),
                 wide = net->spec.initial == DDPM_INITIAL_VARIANCE ? sqrt(3.0) * bound : bound;
    layer->inputs = inputs;
    layer->outputs = outputs;
    layer->weight = ddpm_network_add_tensor(net, name, "weight", inputs, outputs, -wide, wide);
    layer->bias = ddpm_network_add_tensor(net, name, "bias", 1, outputs, -bound, bound);
    layer->gain = -1;
    layer->transposed_from = DDPM_PACK_TRAINING;
    return layer;
}

void ddpm_network_start_at_zero(ddpm_network *net, const ddpm_layer *layer)
{
    net->tensors[layer->weight].initial_low = net->tensors[layer->weight].initial_high = 0.0;
    net->tensors[layer->bias].initial_low = net->tensors[layer->bias].initial_high = 0.0;
}

void ddpm_network_add_output(ddpm_network *net, int64_t inputs)
{
    const ddpm_layer *output = ddpm_network_add_layer(net, "output", inputs, ddpm_network_outputs(&net->spec));
    if (net->spec.initial == DDPM_INITIAL_VARIANCE) ddpm_network_start_at_zero(net, output);
}
