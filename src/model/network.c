/* The network's shape: its layers, the table of its tensors, their initial values. */
#include "ddpm/model/network_layers.h"

#include "ddpm/base/memory.h"
#include "ddpm/base/random.h"

#include <math.h>
#include <stdio.h>

enum { TENSOR_ALIGNMENT = 16 }; /* elements: a cache line */

static int64_t add_tensor(ddpm_network *net, const char *layer, const char *what, int64_t rows, int64_t cols,
                          double low, double high)
{
    ddpm_tensor *tensor = &net->tensors[net->tensor_count];
    snprintf(tensor->name, sizeof tensor->name, "%s/%s", layer, what);
    tensor->rows = rows;
    tensor->cols = cols;
    tensor->offset = net->parameter_count;
    tensor->initial_low = low;
    tensor->initial_high = high;
    net->parameter_count += ddpm_round_up(rows * cols, TENSOR_ALIGNMENT);
    return net->tensor_count++;
}

static void add_layer(ddpm_network *net, const char *name, int64_t inputs, int64_t outputs, int gain)
{
    ddpm_layer *layer = &net->layers[net->layer_count++];
    const double bound = 1.0 / sqrt((double)inputs);
    layer->inputs = inputs;
    layer->outputs = outputs;
    layer->weight = add_tensor(net, name, "weight", inputs, outputs, -bound, bound);
    layer->bias = add_tensor(net, name, "bias", 1, outputs, -bound, bound);
    layer->gain = gain ? add_tensor(net, name, "gain", net->spec.steps, outputs, 0.0, 1.0) : -1;
}

/* sin and cos of t scaled to 0..1000, at frequencies 10000^(-j / half). */
static void fill_time_table(ddpm_network *net)
{
    const int64_t wide = net->spec.time_width, half = wide / 2;
    for (int64_t t = 0; t <= net->spec.steps; t++)
        for (int64_t j = 0; j < half; j++) {
            const double at = (double)t * 1000.0 / (double)net->spec.steps;
            const double angle = at * exp(-log(10000.0) * (double)j / (double)half);
            net->time_table[t * wide + j] = (float)sin(angle);
            net->time_table[t * wide + half + j] = (float)cos(angle);
        }
}

static ddpm_status build(ddpm_network *net)
{
    const ddpm_network_spec *spec = &net->spec;
    const int gain = spec->time == DDPM_TIME_GAIN_TABLE;
    char name[32];
    net->kernels = ddpm_kernels_choose();
    if (!net->kernels)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "DDPM_ISA names no instruction set that this processor can run; choose avx512, avx2 or "
                         "baseline, or unset it");
    DDPM_TRY(DDPM_NEW(&net->layers, spec->depth + 1, "layers"));
    DDPM_TRY(DDPM_NEW(&net->tensors, 3 * (spec->depth + 1), "tensors"));
    for (int64_t l = 0; l < spec->depth; l++) {
        const int64_t first = spec->columns + spec->condition + (gain ? 0 : spec->time_width);
        snprintf(name, sizeof name, "hidden%lld", (long long)l);
        add_layer(net, name, l == 0 ? first : spec->width, spec->width, gain);
    }
    add_layer(net, "output", spec->width, ddpm_network_outputs(spec), 0);
    if (gain) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&net->time_table, (spec->steps + 1) * spec->time_width, "time embedding"));
    fill_time_table(net);
    return DDPM_OK;
}

ddpm_status ddpm_network_create(const ddpm_network_spec *spec, ddpm_network **out)
{
    ddpm_network *net = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&net, 1, "network"));
    net->spec = *spec;
    const ddpm_status status = build(net);
    if (status != DDPM_OK) {
        ddpm_network_free(net);
        return status;
    }
    *out = net;
    return DDPM_OK;
}

void ddpm_network_free(ddpm_network *network)
{
    if (!network) return;
    ddpm_release(network->layers);
    ddpm_release(network->tensors);
    ddpm_release(network->time_table);
    ddpm_release(network);
}

const ddpm_network_spec *ddpm_network_get_spec(const ddpm_network *network)
{
    return &network->spec;
}

const ddpm_kernels *ddpm_network_kernels(const ddpm_network *network)
{
    return network->kernels;
}

int64_t ddpm_network_tensors(const ddpm_network *network, const ddpm_tensor **tensors)
{
    *tensors = network->tensors;
    return network->tensor_count;
}

int64_t ddpm_network_parameter_count(const ddpm_network *network)
{
    return network->parameter_count;
}

double ddpm_network_operations(const ddpm_network *network)
{
    double sum = 0.0;
    for (int64_t l = 0; l < network->layer_count; l++)
        sum += 2.0 * (double)network->layers[l].inputs * (double)network->layers[l].outputs;
    return sum;
}

void ddpm_network_initialise(const ddpm_network *network, uint64_t seed, float *parameters)
{
    for (int64_t i = 0; i < network->tensor_count; i++) {
        const ddpm_tensor *tensor = &network->tensors[i];
        const double range = tensor->initial_high - tensor->initial_low;
        for (int64_t e = 0; e < tensor->rows * tensor->cols; e++) {
            const ddpm_random4 words = ddpm_random_words(seed, DDPM_RANDOM_INITIAL, i, e / 4, 0);
            parameters[tensor->offset + e] = (float)(tensor->initial_low + range * ddpm_random_uniform(words.v[e % 4]));
        }
    }
}
