/** The inside of a network, for the files of model/ that build it and run it. */
#ifndef DDPM_MODEL_NETWORK_LAYERS_H
#define DDPM_MODEL_NETWORK_LAYERS_H

#include "ddpm/model/network.h"

/** A dense layer: indices of its tensors in the table; gain is -1 where it has none. */
typedef struct ddpm_layer {
    int64_t inputs, outputs;
    int64_t weight, bias, gain;
} ddpm_layer;

struct ddpm_network {
    ddpm_network_spec spec;
    const ddpm_kernels *kernels;
    int64_t layer_count; /* depth + 1, the output layer last */
    ddpm_layer *layers;
    int64_t tensor_count, parameter_count;
    ddpm_tensor *tensors;
    float *time_table; /* [T + 1][time_width], NULL with a gain table */
};

#endif
