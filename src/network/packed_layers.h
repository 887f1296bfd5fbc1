/** The inside of packed weights, for the files of network/ that fill and read them. */
#ifndef DDPM_NETWORK_PACKED_LAYERS_H
#define DDPM_NETWORK_PACKED_LAYERS_H

#include "network/network.h"

typedef struct ddpm_packed_layer {
    float *weight;     /* panels of the outputs */
    float *bias;       /* padded with zeros to whole panels */
    float *transposed; /* panels of the inputs; NULL where no gradient flows */
} ddpm_packed_layer;

struct ddpm_packed {
    int64_t layer_count;
    ddpm_packed_layer *layers;
    const float *parameters; /* borrowed: gains are read in place */
};

#endif
