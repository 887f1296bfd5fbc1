/** The inside of a network and of its packed weights, for the files of network/ that build and run them.
 *
 *  Every kind of network is made of the same dense layers. mlp.c and residual.c each hold one kind: which layers it has
 * and what happens between them, in one table of functions. network.c, packed.c and propagate.c treat all kinds alike.
 * All functions are Local.
 */
#ifndef DDPM_NETWORK_LAYERS_H
#define DDPM_NETWORK_LAYERS_H

#include "kernel/dense.h"
#include "network/network.h"

#include <stddef.h>

/** A dense layer, with the indices of its tensors in the network's table. */
typedef struct ddpm_layer {
    int64_t inputs, outputs;
    int64_t weight, bias;
    int64_t gain;                 /* -1: the layer has none */
    ddpm_packing transposed_from; /* the first use for which the transpose is packed; later uses have it too */
} ddpm_layer;

/** Memory that is handed out in slices. An arena without memory only counts how much is asked for. */
typedef struct ddpm_arena {
    float *memory;
    int64_t used; /* numbers */
} ddpm_arena;

/** Take the next numbers of an arena; NULL when it only counts. */
static inline float *ddpm_arena_take(ddpm_arena *arena, int64_t numbers)
{
    float *taken = arena->memory ? arena->memory + arena->used : NULL;
    arena->used += numbers;
    return taken;
}

struct ddpm_packed {
    ddpm_dense *layers;
    float *memory;           /* of all of them; NULL: it is the caller's */
    int is_large;            /* whether they leave a processor's own cache */
    int streams;             /* whether they are written past the caches: large ones that several workers fill in */
    const float *parameters; /* borrowed: gains are not packed, but read where they are */
};

/** A block of rows on its way through a network, forward or backward. */
typedef struct ddpm_pass {
    const ddpm_network *net;
    const ddpm_packed *packed;
    ddpm_workspace *w;
    int64_t rows;
    const float *xt, *condition; /* forward only: the arguments of ddpm_network_forward */
    ddpm_const_matrix xt_w;      /* forward only, where xt is NULL: that of ddpm_network_hidden */
    const int32_t *t;            /* [rows] */
    ddpm_gradient *gradient;     /* backward only: the gradients of the parameters are added to it, unless it is NULL */
} ddpm_pass;

/** What is different from one kind of network to another. */
typedef struct ddpm_architecture {
    /** Add the layers. Layer 0 reads x_t in the first D columns of its inputs, and the last layer gives the output. */
    ddpm_status (*build)(ddpm_network *net);
    /** Take the arrays of a workspace for `rows` rows that only this kind has. */
    void (*lay_out)(const ddpm_network *net, int64_t rows, int backward, ddpm_arena *arena, ddpm_workspace *w);
    /** The numbers that a forward pass without a backward one needs of t alone, the same for all rows of one t; 0: none
     * are, as where they depend on the condition, too. */
    int64_t (*time_numbers)(const ddpm_network *net);
    /** Compute them for the first row of the pass. @return  where they are in the workspace. */
    float *(*time_part)(const ddpm_pass *pass);
    /** Run all layers but the last on (x_t, condition, t). @return  what the last one reads. */
    ddpm_const_matrix (*forward)(const ddpm_pass *pass);
    /** What the last layer read in the pass forward. */
    ddpm_const_matrix (*last_inputs)(const ddpm_pass *pass);
    /** The slope of the activation that made it, in its layout; NULL: no activation did. */
    float *(*last_slope)(const ddpm_pass *pass);
    /** Where the gradient by what the last layer read, times that slope, is written. */
    float *(*last_gradient)(const ddpm_pass *pass);
    /** Compute the gradient by x W + b of layer 0 and add the gradients of the layers between, from that by what the
     * last layer read times its slope, which stands in last_gradient. */
    ddpm_const_matrix (*backward)(const ddpm_pass *pass);
} ddpm_architecture;

extern const ddpm_architecture ddpm_architecture_mlp, ddpm_architecture_residual;

typedef struct ddpm_linear ddpm_linear;
typedef struct ddpm_mixture_part ddpm_mixture_part;

struct ddpm_network {
    ddpm_network_spec spec;
    const ddpm_architecture *architecture;
    const ddpm_kernels *kernels;
    int64_t layer_count;
    ddpm_layer *layers;
    int64_t tensor_count;
    int64_t array_length; /* elements of the array of all parameters */
    ddpm_tensor *tensors;
    int64_t piece_count;
    ddpm_piece *pieces;
    float *frequencies;         /* [D][F] of the Fourier features; NULL where there are none */
    ddpm_linear *linear;        /* the linear part; NULL: there is none */
    ddpm_mixture_part *mixture; /* what stands in its place; NULL: nothing does */
    float *time_table;          /* [T + 1][time_width], the embedding of each t; NULL with a gain table */
};

/** Cut the parameters into pieces, once all layers are there. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_network_cut(ddpm_network *net);

/** Allocate room for all layers; called once, before they are added. */
DDPM_MUST_CHECK ddpm_status ddpm_network_reserve(ddpm_network *net, int64_t layers);

/** Whether layer 0 reads nothing but x_t, which is never given, so that its weight is not packed. */
static inline int ddpm_network_skips_entry(const ddpm_network *net)
{
    return net->spec.is_entered && net->layers[0].inputs == net->spec.columns;
}

/** Columns of x_t and of its features, the first inputs of layer 0. */
static inline int64_t ddpm_network_point_columns(const ddpm_network *net)
{
    return net->spec.columns + 2 * net->spec.features;
}

/** Add a layer whose weight and bias start as spec.initial says of a layer inside the network.
 *  @return  the layer, so that the caller can set what is different in it. */
ddpm_layer *ddpm_network_add_layer(ddpm_network *net, const char *name, int64_t inputs, int64_t outputs);

/** Add the last layer, "output". */
void ddpm_network_add_output(ddpm_network *net, int64_t inputs);

/** Let a layer's weight and bias start at 0. */
void ddpm_network_start_at_zero(ddpm_network *net, const ddpm_layer *layer);

/** Add a tensor named "layer/what", whose initial values are uniform in low..high, to the end of the table.
 *  @return  its index. */
int64_t ddpm_network_add_tensor(ddpm_network *net, const char *layer, const char *what, int64_t rows, int64_t cols,
                                double low, double high);

#endif
