/** The inside of a workspace, and the steps forward and backward that all kinds of network share, for the files of
 * network/ that run a network. All functions are Local.
 *
 * Matrices of a workspace have room for all its rows, and are padded as kernels need it (kernel/simd.h). "Units" are
 * arrays of hidden_numbers numbers, which hold the units of a hidden layer: ddpm_pass_hidden makes views of them.
 */
#ifndef DDPM_NETWORK_WORKSPACE_H
#define DDPM_NETWORK_WORKSPACE_H

#include "base/memory.h"
#include "network/layers.h"

#include <stddef.h>

/** What a multilayer perceptron needs: units of each layer, [depth]. */
typedef struct ddpm_mlp_rows {
    float *value, *slope; /* h, and the slope of its activation, over which training writes the gradient by x W + b;
                           * slope is NULL in a workspace without backward */
    float *linear;        /* with a gain table: x W + b, before the gain */
    ddpm_matrix time;     /* without backward: what layer 0 makes of t and its bias, [rows][width] */
} ddpm_mlp_rows;

/** What a residual network needs. Arrays marked "kept" hold what the backward pass needs of each block: units of
 * [depth] blocks, or with the last layer norm of [depth + 1]. In a workspace without backward all blocks use the same
 * units. */
typedef struct ddpm_residual_rows {
    ddpm_matrix conditioning;            /* [rows][time_width + C]: time embedding and condition */
    ddpm_matrix embedding, dembedding;   /* [rows][time_width]: what the first layer makes of it */
    float *embedding_slope;              /* in the layout of embedding */
    ddpm_matrix modulation, dmodulation; /* [rows][scales, shifts and gates of all blocks] */
    const float *modulation_read;        /* the modulation of the rows of a pass, */
    int64_t modulation_stride;           /* 0 while all rows share the one of the first */
    float *stream;                       /* units: the sum that each block adds to */
    float *normal, *modulated, *inverse; /* kept: of the layer norms; inverse is [rows] for each */
    float *hidden, *slope, *branch; /* kept: a block's first layer, its slope, over which the gradient by x W + b is
                                     * written, its second layer */
} ddpm_residual_rows;

/** The numbers of a cache line. Rows, and panels where there are such, are longer by one line: if their length were a
 * power of two, the same columns of all rows would fall into the same set of the cache and drive each other out. */
enum { DDPM_WORKSPACE_LINE = DDPM_ALIGNMENT / (int)sizeof(float) };

struct ddpm_workspace {
    int64_t rows;  /* that there is room for */
    int64_t block; /* rows that go through the kernels together and are one contribution to each gradient */
    int64_t width_stride, width_panels; /* the strides of units */
    int64_t operand_stride; /* that of rows in the place of width_stride where units are kept as operands; 0: never */
    int64_t hidden_numbers;
    int64_t kept_stride; /* elements from the part of one layer or block to that of the next, in an array that holds all
                          * of them; 0 where all share one part */
    ddpm_matrix input;   /* [rows][inputs of layer 0] */
    ddpm_matrix dinput;  /* [rows][x_t and its features]: the gradient by them; without backward, it has no data */
    ddpm_matrix output, doutput;   /* [rows][outputs]; without backward, doutput has no data */
    ddpm_matrix component, linear; /* [rows][K], [rows][D]: rows on their way through the linear part; or [rows][C (D +
                                    * 1)] through that of a mixture */
    ddpm_matrix dcomponent;        /* the same for gradients on their way back through that of a mixture */
    float *dz;                     /* units, of a residual network: the gradient by the stream; NULL without backward */
    float *dlast;   /* units: the gradient by what the last layer reads, where no slope follows it, or where a caller
                     * computes it */
    float *sums;    /* room for a row of the widest layer's outputs: sums of columns, or the gradient of a row's
                     * gains */
    float *scratch; /* of the products; NULL where they need none */
    ddpm_dropout dropout;
    const ddpm_times *times; /* borrowed; NULL: none are known */
    float *memory;           /* the allocation that all of the above and below lie in */
    union {
        ddpm_mlp_rows mlp;
        ddpm_residual_rows residual;
    } kind;
};

/** A view of the units of a hidden layer, for the rows of a pass. Units that are left out are still numbers. */
static inline ddpm_matrix ddpm_pass_hidden(const ddpm_pass *pass, float *data)
{
    const ddpm_workspace *w = pass->w;
    const int is_kept = w->operand_stride > 0 && w->dropout.rate == 0.0;
    return (ddpm_matrix){data, pass->rows, pass->net->spec.width, is_kept ? w->operand_stride : w->width_stride,
                         w->width_panels};
}

/** Units for the gradient by x W + b of a hidden layer: in the place of its slope, or, in a pass that adds no gradients
 * and may be run again with the same slopes, in that of its values, which only gradients of parameters need. */
static inline float *ddpm_pass_gradient(const ddpm_pass *pass, float *slope, float *value)
{
    return pass->gradient ? slope : value;
}

/** The part of a matrix of the workspace that holds the rows of a pass. */
static inline ddpm_matrix ddpm_pass_rows(const ddpm_pass *pass, ddpm_matrix matrix)
{
    return ddpm_matrix_part(matrix, 0, pass->rows);
}

/** The first D columns of a matrix of the workspace, for the rows of a pass: x_t, or what has its shape. */
static inline ddpm_matrix ddpm_pass_points(const ddpm_pass *pass, ddpm_matrix matrix)
{
    return (ddpm_matrix){matrix.data, pass->rows, pass->net->spec.columns, matrix.stride, 0};
}

/** The stride of a matrix of so many columns. */
int64_t ddpm_workspace_stride(const ddpm_network *net, int64_t columns);

/** Take a matrix with that stride. */
ddpm_matrix ddpm_arena_take_matrix(ddpm_arena *arena, const ddpm_network *net, int64_t rows, int64_t columns);

/** Run a layer forward, block by block: h = act(x W + b), x [rows][inputs], h [rows][outputs]. Their rows need not be
 *  those of the pass.
 *  @param[out] slope  act', of units in their layout as numbers; NULL where there is no backward pass. */
void ddpm_layer_forward(const ddpm_pass *pass, int64_t layer, ddpm_const_matrix x, ddpm_activation activation,
                        ddpm_matrix h, float *slope);

/** The same for a part of a layer's weight, or with another bias. */
void ddpm_dense_forward(const ddpm_pass *pass, const ddpm_dense *dense, ddpm_const_matrix x, ddpm_activation activation,
                        ddpm_matrix h, float *slope);

/** What is known of t alone; NULL: it is to be computed. */
float *ddpm_times_find(const ddpm_times *times, int32_t t);

/** Whether all rows of the pass have the same t. */
static inline int ddpm_pass_has_one_time(const ddpm_pass *pass)
{
    for (int64_t row = 1; row < pass->rows; row++)
        if (pass->t[row] != pass->t[0]) return 0;
    return 1;
}

/** Add the gradients of the layer's weight and bias, unless the pass has no gradient: x [rows][inputs] as it went
 * forward, dz [rows][outputs] the gradient by x W + b. Each block is one contribution. */
void ddpm_layer_add_gradient(const ddpm_pass *pass, int64_t layer, ddpm_const_matrix x, ddpm_const_matrix dz);

/** Run a layer backward to its inputs, block by block: dx = (dz W^T) * slope.
 *  @param slope  likewise, and may be in the place of dx; NULL stands for ones. */
void ddpm_layer_backward(const ddpm_pass *pass, int64_t layer, ddpm_const_matrix dz, const float *slope,
                         ddpm_matrix dx);

/** Leave out units of hidden layer `layer`: multiply h, and slope unless it is NULL, by 0 or 1 / (1 - rate), both of
 * them units. */
void ddpm_layer_drop(const ddpm_pass *pass, int64_t layer, float *h, float *slope);

/** Copy the embeddings of t [rows] into the first time_width columns of `to`. */
void ddpm_network_embed_times(const ddpm_network *net, const int32_t *t, ddpm_matrix to);

/** Copy the condition of a row to `to` [C]; zeros when condition is NULL. */
void ddpm_network_copy_condition(const ddpm_network *net, const float *condition, int64_t row, float *to);

#endif
