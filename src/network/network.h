/** The network, which is told t, forward and backward on a block of rows.
 *
 *  A multilayer perceptron: input [x_t | condition | time embedding], `depth` hidden layers of `width` units. With a
 * gain table the embedding is left out and every hidden layer is act(gain[t] * (x W + b)).
 *  A residual network: x_t brought to `width`, `depth` blocks of layer norm, linear, activation, linear that add to it,
 * each modulated from (time embedding, condition), and a last modulated layer norm (src/model/residual.c).
 *  Both end in a linear layer with one head (the prediction) or two (prediction, variance) of D columns each, or
 * a logit for each class. All functions are Local; a network is read-only once made, a workspace belongs to one thread.
 */
#ifndef DDPM_NETWORK_NETWORK_H
#define DDPM_NETWORK_NETWORK_H

#include "base/status.h"
#include "kernel/activation.h"
#include "kernel/gradient.h"

#include <stdint.h>

/** How a network is composed. */
typedef enum ddpm_network_kind { DDPM_NETWORK_MLP, DDPM_NETWORK_RESIDUAL, DDPM_NETWORK_COUNT } ddpm_network_kind;

/** How a network is told t. */
typedef enum ddpm_time {
    DDPM_TIME_SINUSOIDAL, /* an embedding beside x at the input (Vaswani et al. 2017) */
    DDPM_TIME_GAIN_TABLE, /* perceptron: a learned gain per step and unit, before each hidden layer's activation */
    DDPM_TIME_COUNT
} ddpm_time;

typedef struct ddpm_network_spec {
    ddpm_network_kind kind;
    int64_t columns;   /* D */
    int64_t condition; /* C, columns of the condition beside x_t; 0: none */
    int64_t heads;     /* 1, or 2 with a learned variance */
    int64_t classes;   /* of a classifier, which has a logit for each in place of heads; 0: none */
    int64_t width;     /* units of a hidden layer */
    int64_t depth;     /* hidden layers, or blocks of two, 1 or more */
    ddpm_activation activation;
    ddpm_time time;
    int64_t time_width;       /* of the sinusoidal embedding, and of what a residual network makes of it; even */
    int64_t steps;            /* T: t is scaled to 0..1000 in the embedding */
    ddpm_precision precision; /* of the products */
} ddpm_network_spec;

enum { DDPM_TENSOR_NAME = 48 };

/** One named array of parameters inside the flat array. */
typedef struct ddpm_tensor {
    char name[DDPM_TENSOR_NAME];      /* "hidden0/weight", "block0/first/weight" */
    int64_t rows, cols;               /* weight: [inputs][outputs]; bias: [1][outputs]; gain: [T][units] */
    int64_t offset;                   /* of its first element in the flat array, in elements */
    double initial_low, initial_high; /* initial values are uniform between them */
} ddpm_tensor;

/** Columns of the output: the heads' or the classes'. */
static inline int64_t ddpm_network_outputs(const ddpm_network_spec *spec)
{
    return spec->classes > 0 ? spec->classes : spec->heads * spec->columns;
}

typedef struct ddpm_network ddpm_network;
typedef struct ddpm_workspace ddpm_workspace;

/** @param[out] out   free with ddpm_network_free. */
DDPM_MUST_CHECK ddpm_status ddpm_network_create(const ddpm_network_spec *spec, ddpm_network **out);
void ddpm_network_free(ddpm_network *network);

const ddpm_network_spec *ddpm_network_get_spec(const ddpm_network *network);
const ddpm_kernels *ddpm_network_kernels(const ddpm_network *network);

/** The table of tensors, and the number of parameters in all. */
int64_t ddpm_network_tensors(const ddpm_network *network, const ddpm_tensor **tensors);
int64_t ddpm_network_parameter_count(const ddpm_network *network);

/** Multiply-adds of one row forward, two operations each; a training step costs three times that. */
double ddpm_network_operations(const ddpm_network *network);

/** Bytes of the network itself, without its parameters: the table of embeddings, [T + 1][time_width]. */
int64_t ddpm_network_bytes(const ddpm_network *network);

/** Initial parameters, a pure function of the seed: uniform in +-1/sqrt(inputs) (as PyTorch's linear layer), gains in
 * 0..1, the modulation of residual blocks 0.
 *  @param[out] parameters  [ddpm_network_parameter_count]. */
void ddpm_network_initialise(const ddpm_network *network, uint64_t seed, float *parameters);

/* ---- packed weights: what the kernels read, made once a step and shared by all threads ---- */

typedef struct ddpm_packed ddpm_packed;

/** What is to be done with the weights: each includes those before it. */
typedef enum ddpm_packing {
    DDPM_PACK_FORWARD,
    DDPM_PACK_TRAINING,       /* ddpm_network_backward */
    DDPM_PACK_INPUT_GRADIENT, /* ddpm_network_input_gradient */
    DDPM_PACK_NEVER           /* for parts of a network that no gradient flows through */
} ddpm_packing;

DDPM_MUST_CHECK ddpm_status ddpm_packed_create(const ddpm_network *network, ddpm_packing packing, ddpm_packed **out);
void ddpm_packed_free(ddpm_packed *packed);

/** Bytes of packed weights: one copy in whole panels, and another of the transposes where gradients flow. */
int64_t ddpm_packed_bytes(const ddpm_network *network, ddpm_packing packing);

/** Pack part `part` of `parts` of the work; all parts together pack everything. Parts may run in different threads. */
void ddpm_packed_fill(ddpm_packed *packed, const ddpm_network *network, const float *parameters, int part, int parts);

/** Create and fill in one.
 *  @param[out] out  free with ddpm_packed_free, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_packed_make(const ddpm_network *network, ddpm_packing packing, const float *parameters,
                                             ddpm_packed **out);

/* ---- blocks of rows ---- */

/** Memory for up to `rows` rows at a time, in blocks of `block` rows: each block is one contribution to the gradients,
 * so that their sum does not depend on how many blocks go together. @param backward  0: forward only. */
DDPM_MUST_CHECK ddpm_status ddpm_workspace_create(const ddpm_network *network, int64_t rows, int64_t block,
                                                  int backward, ddpm_workspace **out);
void ddpm_workspace_free(ddpm_workspace *workspace);

/** Bytes of a workspace: proportional to rows x width x depth. */
int64_t ddpm_workspace_bytes(const ddpm_network *network, int64_t rows, int backward);

/** Run the network on rows of (x_t, condition, t).
 *  @param xt         [rows][D], without padding.
 *  @param condition  [rows][C], without padding; NULL stands for zeros.
 *  @param t          [rows], 1..T.
 *  @return  the output, [rows][ddpm_network_outputs], which lies in the workspace until its next use. */
ddpm_const_matrix ddpm_network_forward(const ddpm_network *network, const ddpm_packed *packed,
                                       ddpm_workspace *workspace, int64_t rows, const float *xt, const float *condition,
                                       const int32_t *t);

/** The gradient by the output of the rows that went forward last, [rows][ddpm_network_outputs], in the layout of the
 * output. The caller fills it in before ddpm_network_backward or ddpm_network_input_gradient. */
ddpm_matrix ddpm_workspace_dout(const ddpm_workspace *workspace, int64_t rows);

/** Add the gradients of the rows that went forward last. */
void ddpm_network_backward(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                           int64_t rows, const int32_t *t, ddpm_gradient *gradient);

/** Vector-Jacobian product: the gradient of the sum of dout * output by x_t, of the rows that went forward last.
 *  @param[out] dxt  [rows][D], dense. */
void ddpm_network_input_gradient(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                                 int64_t rows, const int32_t *t, float *dxt);

#endif
