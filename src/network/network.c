/* What networks of all kinds have in common: how they are made, their size, their initial parameters. */
#include "network/features.h"
#include "network/linear.h"
#include "network/mixture.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>

/* The embedding of t is sin and cos of t, scaled to 0..1000, at frequencies 10000^(-j / half) for j = 0 .. half-1. */
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

ddpm_status ddpm_network_find_kernels(ddpm_precision precision, const ddpm_kernels **out)
{
    *out = ddpm_kernels_choose(precision);
    if (*out) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_CONFIG,
                     "DDPM_ISA: expected avx512, avx2 or baseline, as far as this processor can run it%s, found '%s'; "
                     "choose another, or unset it",
                     precision == DDPM_PRECISION_BFLOAT16 ? " (avx512 with bfloat16 needs AVX512-BF16)" : "",
                     getenv("DDPM_ISA"));
}

static ddpm_status build(ddpm_network *net)
{
    static const ddpm_architecture *const architectures[DDPM_NETWORK_COUNT] = {
        [DDPM_NETWORK_MLP] = &ddpm_architecture_mlp, [DDPM_NETWORK_RESIDUAL] = &ddpm_architecture_residual};
    DDPM_TRY(ddpm_network_find_kernels(net->spec.precision, &net->kernels));
    net->architecture = architectures[net->spec.kind];
    DDPM_TRY(net->architecture->build(net));
    DDPM_TRY(ddpm_network_cut(net));
    DDPM_TRY(ddpm_features_create(net));
    if (net->spec.time == DDPM_TIME_GAIN_TABLE) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&net->time_table, (net->spec.steps + 1) * net->spec.time_width, "time embedding"));
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
    ddpm_release(network->pieces);
    ddpm_linear_free(network->linear);
    ddpm_mixture_part_free(network->mixture);
    ddpm_release(network->frequencies);
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

int64_t ddpm_network_parameters(const ddpm_network *network)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < network->tensor_count; i++) sum += network->tensors[i].rows * network->tensors[i].cols;
    return sum;
}

int64_t ddpm_network_array_length(const ddpm_network *network)
{
    return network->array_length;
}

const float *ddpm_network_frequencies(const ddpm_network *network)
{
    return network->frequencies;
}

const float *ddpm_network_time_table(const ddpm_network *network)
{
    return network->time_table;
}

double ddpm_network_operations(const ddpm_network *network)
{
    double sum = 0.0;
    for (int64_t l = 0; l < network->layer_count; l++)
        sum += 2.0 * (double)network->layers[l].inputs * (double)network->layers[l].outputs;
    return sum;
}

int64_t ddpm_network_bytes(const ddpm_network *network)
{
    const ddpm_network_spec *spec = &network->spec;
    const int64_t times = network->time_table ? (spec->steps + 1) * spec->time_width : 0;
    return (times + spec->columns * spec->features) * (int64_t)sizeof(float) + ddpm_linear_bytes(network->linear) +
           ddpm_mixture_part_bytes(network->mixture);
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
