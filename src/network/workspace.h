/** The inside of a workspace, and the steps forward and back that all kinds of network share, for the files of network/
 * that run a network. Local. */
#ifndef DDPM_NETWORK_WORKSPACE_H
#define DDPM_NETWORK_WORKSPACE_H

#include "network/layers.h"
#include "network/packed_layers.h"

/** Of a multilayer perceptron: arrays of [depth][rows][width_stride]. */
typedef struct ddpm_mlp_rows {
    float *value, *slope; /* h and act'; slope NULL without backward */
    float *linear;        /* with a gain table: x W + b, before the gain */
} ddpm_mlp_rows;

/** Of a residual network. What a block keeps for the way back, [depth] or [depth + 1] times [rows][width_stride], is
 * one array used by every block when there is no way back. */
typedef struct ddpm_residual_rows {
    int64_t told_stride, embedding_stride, modulation_stride;
    float *told;                                     /* [rows][told_stride]: time embedding and condition */
    float *embedding, *embedding_slope, *dembedding; /* [rows][embedding_stride] */
    float *modulation, *dmodulation;                 /* [rows][modulation_stride] */
    int64_t modulation_step; /* from a row's modulation to the next one's: the stride, or 0 when all rows share one */
    float *stream;           /* [rows][width_stride]: what the blocks add to */
    float *normal, *modulated, *inverse; /* of a block's layer norm, and of the last one; inverse [rows] */
    float *hidden, *slope, *branch;      /* a block's first layer, its slope, and the second layer */
    float *dhidden;                      /* [rows][width_stride] */
} ddpm_residual_rows;

struct ddpm_workspace {
    int64_t rows;  /* room for */
    int64_t block; /* rows that are one contribution to the gradients, and go through the kernels together */
    int64_t input_stride, width_stride, output_stride;
    int64_t kept_step;       /* from an array that a layer keeps to the next layer's: rows x width_stride, or 0 */
    float *input;            /* [rows][input_stride]: what layer 0 reads */
    float *output, *doutput; /* [rows][output_stride] */
    float *dz, *dz_next;     /* [rows][width_stride] */
    float *sums;             /* of columns */
    float *scratch;          /* of the products; NULL where they need none */
    float *memory;           /* all of the above and below */
    union {
        ddpm_mlp_rows mlp;
        ddpm_residual_rows residual;
    } kind;
};

static inline float *ddpm_arena_take(ddpm_arena *arena, int64_t floats)
{
    float *taken = arena->memory ? arena->memory + arena->used : NULL;
    arena->used += floats;
    return taken;
}

/** The stride of a block of rows. */
int64_t ddpm_workspace_stride(const ddpm_network *net, int64_t columns);

/** Layer `layer` forward, with what follows it. slope NULL: no way back. */
void ddpm_layer_forward(const ddpm_network *net, const ddpm_packed *packed, const ddpm_workspace *w, int64_t layer,
                        int64_t rows, const float *x, int64_t ldx, ddpm_activation activation, float *h, float *slope,
                        int64_t ldh);

/** Add the gradients of the layer's weight and bias, unless `gradient` is NULL. */
void ddpm_layer_add_gradient(const ddpm_network *net, const ddpm_workspace *w, int64_t layer, int64_t rows,
                             const float *x, int64_t ldx, const float *dz, int64_t lddz, ddpm_gradient *gradient);

/** dx = (dz W^T) * slope; slope NULL: no factor. */
void ddpm_layer_backward(const ddpm_network *net, const ddpm_packed *packed, const ddpm_workspace *w, int64_t layer,
                         int64_t rows, const float *dz, int64_t lddz, const float *slope, float *dx, int64_t ldx);

/** The embedding of each row's t. to [rows][stride], of which time_width are filled. */
void ddpm_network_embed_times(const ddpm_network *net, int64_t rows, const int32_t *t, float *to, int64_t stride);

/** One row's condition; NULL stands for zeros. to [C]. */
void ddpm_network_copy_condition(const ddpm_network *net, const float *condition, int64_t row, float *to);

#endif
