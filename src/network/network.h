/** The network, a function of (x_t, condition, t): its layers and parameters, forward and backward on a block of rows.
 *
 *  A multilayer perceptron reads [x_t | condition | time embedding] and has `depth` hidden layers of `width` units.
 * With a gain table the embedding is left out, and every hidden layer is act(gain[t] * (x W + b)).
 *
 *  A residual network maps x_t to `width` units, to which `depth` blocks each add their output: layer norm, linear,
 * activation, linear. The layer norms, of which there is a last one after the blocks, are modulated by (time embedding,
 * condition); src/network/residual.c has the formulas.
 *
 *  Both kinds end in a linear layer. It has one head (the prediction) or two (prediction, variance) of D columns each,
 * or for a classifier a logit for each class.
 *
 *  All functions are Local. A network is not changed once it is made, and threads may share it; a workspace belongs to
 * one thread.
 */
#ifndef DDPM_NETWORK_NETWORK_H
#define DDPM_NETWORK_NETWORK_H

#include "base/status.h"
#include "kernel/activation.h"
#include "kernel/gradient.h"

#include <stdint.h>

/** Which layers a network has, and what happens between them. */
typedef enum ddpm_network_kind { DDPM_NETWORK_MLP, DDPM_NETWORK_RESIDUAL, DDPM_NETWORK_COUNT } ddpm_network_kind;

/** How the parameters of a network start. */
typedef enum ddpm_initial {
    DDPM_INITIAL_PYTORCH,  /* weights and biases uniform in +-1/sqrt(inputs), as PyTorch's linear layer */
    DDPM_INITIAL_VARIANCE, /* weights uniform in +-sqrt(3/inputs), so that a layer keeps the variance of what it reads
                            * (LeCun et al. 1998), biases as above, and the last layer 0 */
    DDPM_INITIAL_COUNT
} ddpm_initial;

/** How t enters a network. */
typedef enum ddpm_time {
    DDPM_TIME_SINUSOIDAL, /* as an embedding (Vaswani et al. 2017) */
    DDPM_TIME_GAIN_TABLE, /* only in a perceptron: as a gain that is learned for each step and each hidden
                           unit, before the activation */
    DDPM_TIME_COUNT
} ddpm_time;

/** Features of a network whose configuration leaves their number to the program, and the most columns for which it has
 * any. */
#define DDPM_FEATURES_AUTO 32
#define DDPM_FEATURES_COLUMNS 8

typedef struct ddpm_network_spec {
    ddpm_network_kind kind;
    int64_t columns;    /* D */
    int64_t condition;  /* C, the columns of the condition; 0: none */
    int64_t heads;      /* 1; 2 where the variance is learned */
    int64_t classes;    /* columns of an output that is not of the shape of x_t: the logits of a classifier, or the
                           coefficients of tokens; 0: the output has the heads */
    int64_t width;      /* units of a hidden layer */
    int64_t depth;      /* hidden layers, or blocks of a residual network; 1 or more */
    int64_t components; /* of the linear part that ddpm_network_set_linear adds, at most; 0: there is none */
    int64_t mixture;    /* Gaussians of the mixture that ddpm_network_set_mixture adds, at most; 0: there is none */
    int is_entered;     /* x_t of almost only zeros is never given itself, but as ddpm_network_hidden takes it, and the
                           output is asked for in parts: no memory is taken for either */
    int64_t features;   /* F: the cosine and the sine of as many random projections of x_t are inputs beside it */
    ddpm_initial initial;
    ddpm_activation activation;
    ddpm_time time;
    int64_t time_width; /* columns of the sinusoidal embedding, and units of the residual network's layer that reads it;
                           even */
    int64_t steps;      /* T: t is scaled to 0..1000 in the embedding */
    ddpm_precision precision; /* of the operands of products */
} ddpm_network_spec;

enum { DDPM_TENSOR_NAME = 48 };

/** A named array of parameters, which is a part of the array that holds all of them. */
typedef struct ddpm_tensor {
    char name[DDPM_TENSOR_NAME];      /* "hidden0/weight", "block0/first/weight" */
    int64_t rows, cols;               /* weight: [inputs][outputs]; bias: [1][outputs]; gain: [T][units] */
    int64_t offset;                   /* of its first element in the array of all parameters */
    double initial_low, initial_high; /* initial values are uniform between them */
} ddpm_tensor;

/** A piece of the parameters, which one worker updates and packs: rows and columns of a tensor that fill whole panels
 * of the packed weights. The pieces of all tensors cover every parameter once. */
typedef struct ddpm_piece {
    int64_t layer, tensor;
    ddpm_range rows, columns;
    int64_t before; /* parameters in the pieces before this one */
} ddpm_piece;

/** Columns of the output: those of all heads, or one for each class. */
static inline int64_t ddpm_network_outputs(const ddpm_network_spec *spec)
{
    return spec->classes > 0 ? spec->classes : spec->heads * spec->columns;
}

/** ddpm_kernels_choose, where they are needed: DDPM_ERR_CONFIG instead of NULL. */
DDPM_MUST_CHECK ddpm_status ddpm_network_find_kernels(ddpm_precision precision, const ddpm_kernels **out);

typedef struct ddpm_network ddpm_network;
typedef struct ddpm_workspace ddpm_workspace;

/** DDPM_ERR_CONFIG when DDPM_ISA names no kernels that can run here; DDPM_ERR_MEMORY.
 *  @param[out] out  free with ddpm_network_free. */
DDPM_MUST_CHECK ddpm_status ddpm_network_create(const ddpm_network_spec *spec, ddpm_network **out);
void ddpm_network_free(ddpm_network *network);

const ddpm_network_spec *ddpm_network_get_spec(const ddpm_network *network);
const ddpm_kernels *ddpm_network_kernels(const ddpm_network *network);

/** The table of tensors, which belongs to the network. @return  their number. */
int64_t ddpm_network_tensors(const ddpm_network *network, const ddpm_tensor **tensors);

/** The number of parameters. */
int64_t ddpm_network_parameters(const ddpm_network *network);

/** Elements of the array of all parameters, with the padding behind each tensor. */
int64_t ddpm_network_array_length(const ddpm_network *network);

/** The frequencies of the Fourier features, [D][F], and the embedding of each t, [T + 1][time_width]; NULL where the
 * network has none. */
const float *ddpm_network_frequencies(const ddpm_network *network);
const float *ddpm_network_time_table(const ddpm_network *network);

/** The pieces of the parameters, which belong to the network. @return  which of them are part number `part` of 0 ..
 * parts-1, each of about as many parameters. */
ddpm_range ddpm_network_pieces(const ddpm_network *network, int part, int parts, const ddpm_piece **pieces);

/** Floating-point operations of one row's way forward, two for each multiply-add of the layers. A training iteration
 * needs three times as many. */
double ddpm_network_operations(const ddpm_network *network);

/** Bytes of what a network holds beside its parameters: the table of embeddings, [T + 1][time_width], the frequencies
 * of its features, and the linear part. */
int64_t ddpm_network_bytes(const ddpm_network *network);

/** Set the initial parameters, a pure function of the seed. Weights and biases are uniform in +-1/sqrt(inputs), as in
 *  PyTorch's linear layer, gains are uniform in 0..1, and the layer that gives the modulation of residual blocks is 0.
 *  @param[out] parameters  [ddpm_network_array_length]. */
void ddpm_network_initialise(const ddpm_network *network, uint64_t seed, float *parameters);

/** A linear function of x_t, which a network adds to the first D columns of its output, and which is not trained: the
 * best linear prediction of a x0 + b noise from x_t = s x0 + n noise (model/components.h). Its slope along a direction
 * in which x0 has variance v is (a s v + b n) / (s^2 v + n^2). */
typedef struct ddpm_linear_spec {
    int64_t count;          /* K */
    const double *variance; /* [K + 1]: along each component, then along all directions across them */
    const float *direction; /* [K][D]: the components, orthogonal and of length 1 */
    const float *signal, *noise, *target_data, *target_noise; /* [T + 1]: s, n, a and b; borrowed while the network
                                                               * lives, where the rest is copied */
} ddpm_linear_spec;

/** Let the network have this linear part, in place of any that it had. Not while another thread uses the network.
 * DDPM_ERR_MEMORY.
 *  @param spec  of at most spec.components components. */
DDPM_MUST_CHECK ddpm_status ddpm_network_set_linear(ddpm_network *network, const ddpm_linear_spec *spec);

/** The most Gaussians of a mixture. */
#define DDPM_MIXTURE_MAX 64

/** The best prediction of a x0 + b noise from x_t = s x0 + n noise where x0 is drawn from a mixture of Gaussians, which
 * a network adds to the first D columns of its output in the place of a linear part, and which is not trained. */
typedef struct ddpm_mixture_spec {
    int64_t count;                                            /* C, 1 .. DDPM_MIXTURE_MAX */
    const double *weight;                                     /* [C], above 0 */
    const double *mean;                                       /* [C][D] */
    const double *variance;                                   /* [C][D], above 0: along each direction of a part */
    const float *direction;                                   /* [C][D][D]: of each part, orthogonal and of length 1 */
    const float *signal, *noise, *target_data, *target_noise; /* as in ddpm_linear_spec */
} ddpm_mixture_spec;

/** Let the network have this part, in place of any that it had. Not while another thread uses the network.
 * DDPM_ERR_MEMORY.
 *  @param spec  of at most spec.mixture Gaussians. */
DDPM_MUST_CHECK ddpm_status ddpm_network_set_mixture(ddpm_network *network, const ddpm_mixture_spec *spec);

/* ---- packed weights: a copy in the order in which the kernels read them, made once an iteration and shared by all
 * threads
 */

typedef struct ddpm_packed ddpm_packed;

/** What packed weights are used for. Each use includes those before it. */
typedef enum ddpm_packing {
    DDPM_PACK_FORWARD,        /* ddpm_network_forward */
    DDPM_PACK_TRAINING,       /* ddpm_network_backward */
    DDPM_PACK_INPUT_GRADIENT, /* ddpm_network_input_gradient */
    DDPM_PACK_NEVER           /* no use: a layer whose inputs' gradient is never wanted */
} ddpm_packing;

/** DDPM_ERR_MEMORY.
 *  @param memory    where they go, ddpm_packed_bytes of zeros, borrowed and aligned to DDPM_ALIGNMENT; NULL: to memory
 * of their own.
 *  @param[out] out  free with ddpm_packed_free. */
DDPM_MUST_CHECK ddpm_status ddpm_packed_create(const ddpm_network *network, ddpm_packing packing, float *memory,
                                               ddpm_packed **out);
void ddpm_packed_free(ddpm_packed *packed);

/** Bytes of packed weights: a copy in whole panels, and another one of the transposes that the use needs. */
int64_t ddpm_packed_bytes(const ddpm_network *network, ddpm_packing packing);

/** Pack all parameters, which are borrowed for as long as the packed weights are used. */
void ddpm_packed_fill(ddpm_packed *packed, const ddpm_network *network, const float *parameters);

/** The same in parts, each by any thread, also of another process where the memory is shared: borrow the parameters,
 * and do the parts 0 .. parts-1, or a piece.
 *  @param is_shared  nonzero: several workers do. */
void ddpm_packed_borrow(ddpm_packed *packed, const float *parameters, int is_shared);
void ddpm_packed_fill_part(const ddpm_packed *packed, const ddpm_network *network, int part, int parts);
void ddpm_packed_fill_piece(const ddpm_packed *packed, const ddpm_network *network, const ddpm_piece *piece);

/** Create and fill in one.
 *  @param[out] out  free with ddpm_packed_free, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_packed_make(const ddpm_network *network, ddpm_packing packing, const float *parameters,
                                             ddpm_packed **out);

/* ---- blocks of rows ---- */

/** Memory for up to `rows` rows at a time, which go through the network in blocks of `block` rows. Each block is one
 *  contribution to the gradients, so that the sums do not depend on how many blocks go together.
 *  DDPM_ERR_MEMORY.
 *  @param backward  0: for ddpm_network_forward only.
 *  @param[out] out  free with ddpm_workspace_free. */
DDPM_MUST_CHECK ddpm_status ddpm_workspace_create(const ddpm_network *network, int64_t rows, int64_t block,
                                                  int backward, ddpm_workspace **out);
void ddpm_workspace_free(ddpm_workspace *workspace);

/** Bytes of a workspace; they grow as rows x width x depth. */
int64_t ddpm_workspace_bytes(const ddpm_network *network, int64_t rows, int backward);

/** What a network makes of t alone, which a pass without a backward one looks up where all its rows have one t: what is
 * the same for all rows of a sampling step is computed once. */
typedef struct ddpm_times ddpm_times;

/** DDPM_ERR_MEMORY.
 *  @param t         [count]: the steps; each may be named several times.
 *  @param[out] out  free with ddpm_times_free, after the workspaces that use it. */
DDPM_MUST_CHECK ddpm_status ddpm_times_create(const ddpm_network *network, const ddpm_packed *packed, int64_t count,
                                              const int32_t *t, ddpm_times **out);
void ddpm_times_free(ddpm_times *times);

/** Let passes of this workspace look them up. Borrowed; NULL: none. */
void ddpm_workspace_set_times(ddpm_workspace *workspace, const ddpm_times *times);

/** Run the network on rows of (x_t, condition, t).
 *  @param xt         [rows][D], without padding.
 *  @param condition  [rows][C], without padding; NULL stands for zeros.
 *  @param t          [rows], 1..T.
 *  @return  the output, [rows][ddpm_network_outputs], which lies in the workspace until its next use. */
ddpm_const_matrix ddpm_network_forward(const ddpm_network *network, const ddpm_packed *packed,
                                       ddpm_workspace *workspace, int64_t rows, const float *xt, const float *condition,
                                       const int32_t *t);

/** Run all layers but the last on rows of which only x_t W is known, what x_t adds to the first layer: W is its weight
 * [D][width], ddpm_network_entry. For x_t of few numbers that are not 0, and networks with spec.is_entered. One with
 * Fourier features or a linear part has other uses of x_t, and cannot be run so.
 *  @param xt_w  [rows][width], padded (kernel/simd.h).
 *  @return  the units that the last layer reads, [rows][width], which lie in the workspace until its next use. */
ddpm_const_matrix ddpm_network_hidden(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                                      ddpm_const_matrix xt_w, const float *condition, const int32_t *t);

/** The gradient by what ddpm_network_hidden returned, [rows][width]. The caller fills it in before
 * ddpm_network_hidden_backward. */
ddpm_matrix ddpm_workspace_dhidden(const ddpm_network *network, const ddpm_workspace *workspace, int64_t rows);

/** The way back: add the gradients of all layers but the last, except that of the weight W. Once for each pass forward,
 * whose slopes it overwrites.
 *  @return  the gradient by x_t W, [rows][width], which lies in the workspace until its next use. */
ddpm_const_matrix ddpm_network_hidden_backward(const ddpm_network *network, const ddpm_packed *packed,
                                               ddpm_workspace *workspace, int64_t rows, const int32_t *t,
                                               ddpm_gradient *gradient);

/** The tensor W [D][outputs of the first layer], as an index into the table of tensors. */
int64_t ddpm_network_entry(const ddpm_network *network);

/** The first columns of memory for some outputs, which begin at a whole panel of weights, so that there may be others
 * before the first one. @return  how many those are. */
int64_t ddpm_network_outputs_before(const ddpm_network *network, ddpm_range outputs);

/** Run the last layer for some of its outputs.
 *  @param hidden   [rows][width], as ddpm_network_hidden gives them, padded.
 *  @param outputs  which.
 *  @param to       memory, [rows][ddpm_network_outputs_before + outputs], padded.
 *  @param scratch  as kernels->forward needs it.
 *  @return  the outputs, [rows][outputs.end - outputs.first], in that memory. */
ddpm_const_matrix ddpm_network_some_outputs(const ddpm_network *network, const ddpm_packed *packed,
                                            ddpm_const_matrix hidden, ddpm_range outputs, ddpm_matrix to,
                                            float *scratch);

/** The way back: the gradient by `hidden`, and the gradients of the last layer's parameters that belong to these
 * outputs, to which the rows are one contribution.
 *  @param doutput       [rows][before + outputs], padded, in the layout of `to`; zeros before the outputs.
 *  @param[out] dhidden  [rows][width], padded.
 *  @param sums          [outputs], padded.
 *  @param scratch       ddpm_product_scratch(kernels, rows, width, before + outputs) numbers. */
void ddpm_network_some_outputs_backward(const ddpm_network *network, const ddpm_packed *packed,
                                        ddpm_const_matrix hidden, ddpm_range outputs, ddpm_const_matrix doutput,
                                        ddpm_matrix dhidden, ddpm_gradient *gradient, float *sums, float *scratch);

/** Units of hidden layers that are left out of a pass forward, and of the pass backward after it (Srivastava et al.
 * 2014); the others are divided by 1 - rate. Which ones is a pure function of the seed, the iteration and a row's place
 * in its batch. */
typedef struct ddpm_dropout {
    double rate; /* 0: none */
    uint64_t seed;
    int64_t iteration, first; /* the place of the first row of the pass */
} ddpm_dropout;

/** Set what passes forward leave out from now on; a new workspace leaves out nothing. */
void ddpm_workspace_set_dropout(ddpm_workspace *workspace, const ddpm_dropout *dropout);

/** The gradient by the output of the rows that went forward last, [rows][ddpm_network_outputs], in the layout of the
 * output. The caller fills it in before ddpm_network_backward or ddpm_network_input_gradient. */
ddpm_matrix ddpm_workspace_dout(const ddpm_workspace *workspace, int64_t rows);

/** Add to `gradient` the gradients of the parameters, from the rows that went forward last and what
 * ddpm_workspace_dout holds. rows and t are those of that pass. The weights must be packed for
 * DDPM_PACK_TRAINING, and the workspace made with backward. Once for each pass forward, whose slopes it overwrites. */
void ddpm_network_backward(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                           int64_t rows, const int32_t *t, ddpm_gradient *gradient);

/** Vector-Jacobian product: the gradient by x_t of the sum of dout * output, for the rows that went forward last.
 * It overwrites the input that the forward pass kept. So it may be called again, for another dout, but
 * ddpm_network_backward only after another ddpm_network_forward. The weights must be packed for
 * DDPM_PACK_INPUT_GRADIENT.
 *  @param[out] dxt  [rows][D], without padding. */
void ddpm_network_input_gradient(const ddpm_network *network, const ddpm_packed *packed, ddpm_workspace *workspace,
                                 int64_t rows, const int32_t *t, float *dxt);

#endif
