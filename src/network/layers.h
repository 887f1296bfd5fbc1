/** The inside of a network, for the files of network/ that build it and run it.
 *
 *  Every kind of network is made of the same dense layers; mlp.c and residual.c say which, in which order, and what
 * happens between them, each in one table of functions. network.c, packed.c and propagate.c know no kind. Local.
 */
#ifndef DDPM_NETWORK_LAYERS_H
#define DDPM_NETWORK_LAYERS_H

#include "network/network.h"

/** A dense layer: indices of its tensors in the table; gain is -1 where it has none. */
typedef struct ddpm_layer {
    int64_t inputs, outputs;
    int64_t weight, bias, gain;
    ddpm_packing transposed; /* the packing from which on its inputs' gradient is wanted */
} ddpm_layer;

/** Room for a block's activations, handed out slice by slice; without memory it only counts. */
typedef struct ddpm_arena {
    float *memory;
    int64_t used; /* floats */
} ddpm_arena;

/** What a kind of network does in its own way. */
typedef struct ddpm_architecture {
    /** Add the layers; layer 0 reads x_t, in its first D columns, and the last one gives the output. */
    ddpm_status (*build)(ddpm_network *net);
    /** The arrays of a workspace beside those that every kind has. */
    void (*lay_out)(const ddpm_network *net, int64_t rows, int backward, ddpm_arena *arena, ddpm_workspace *w);
    /** From (x_t, condition, t) to w->output. */
    void (*forward)(const ddpm_network *net, const ddpm_packed *packed, ddpm_workspace *w, int64_t rows,
                    const float *xt, const float *condition, const int32_t *t);
    /** From w->doutput to w->dz, the gradient by the outputs of layer 0. The parameters' gradients are added up unless
     * `gradient` is NULL. */
    void (*backward)(const ddpm_network *net, const ddpm_packed *packed, ddpm_workspace *w, int64_t rows,
                     const int32_t *t, ddpm_gradient *gradient);
} ddpm_architecture;

extern const ddpm_architecture ddpm_architecture_mlp, ddpm_architecture_residual;

struct ddpm_network {
    ddpm_network_spec spec;
    const ddpm_architecture *architecture;
    const ddpm_kernels *kernels;
    int64_t layer_count;
    ddpm_layer *layers;
    int64_t tensor_count, parameter_count;
    ddpm_tensor *tensors;
    float *time_table; /* [T + 1][time_width], NULL with a gain table */
};

/** Room for so many layers, once, before they are added. */
DDPM_MUST_CHECK ddpm_status ddpm_network_reserve(ddpm_network *net, int64_t layers);

/** Add a layer with weight and bias, uniform in +-1/sqrt(inputs). @return  the layer, for what differs. */
ddpm_layer *ddpm_network_add_layer(ddpm_network *net, const char *name, int64_t inputs, int64_t outputs);

/** A tensor at the end of the table; its index. */
int64_t ddpm_network_add_tensor(ddpm_network *net, const char *layer, const char *what, int64_t rows, int64_t cols,
                                double low, double high);

#endif
