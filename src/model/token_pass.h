/** Rows of tokens on their way through a network, forward and back. What a row shows is looked up, in the place of a
 * product with inputs that are almost all zeros, and the outputs of a column of many tokens are computed for those rows
 * only that hide it. Local; a ddpm_token_pass belongs to one thread. */
#ifndef DDPM_MODEL_TOKEN_PASS_H
#define DDPM_MODEL_TOKEN_PASS_H

#include "model/lookup.h"

/** All pointers are borrowed. */
typedef struct ddpm_token_spec {
    const ddpm_masked *masked;
    const ddpm_network *network; /* with spec.is_entered */
    const ddpm_packed *packed;
    const ddpm_lookup *lookup; /* of the parameters that are packed */
    int64_t rows;              /* the most that go through the network together */
    int64_t block;             /* rows that are one contribution to each gradient */
    int backward;              /* 0: ddpm_token_forward and losses only */
} ddpm_token_spec;

/** Rows of the process: x_0 and what is hidden of it. */
typedef struct ddpm_token_rows {
    const float *x0;         /* [count][D], token + u */
    const int32_t *tokens;   /* [count][D]: tokens of columns by themselves (ddpm_masked_tokens) */
    const uint8_t *hidden;   /* [count][D] */
    const int32_t *t;        /* [count]: how many columns are hidden */
    const float *importance; /* [count], the weights of the rows; NULL: 1 */
    int64_t count;
} ddpm_token_rows;

typedef struct ddpm_token_pass {
    ddpm_token_spec spec;
    ddpm_matrix entry;               /* [rows][width]: what the tokens of each row add to the first layer */
    ddpm_matrix gathered, dgathered; /* [block][width]: of the rows that hide a wide column */
    ddpm_matrix output, doutput;     /* [block][outputs of a group] */
    ddpm_matrix input;               /* [rows][inputs of a column]: those that are not one token's */
    float *row;                      /* [width] */
    float *sums;                     /* [outputs of a group] */
    float *logits, *scratch;
    int32_t *entries;     /* [2 D]: of columns, and of links */
    int32_t *place;       /* [block]: the rows that hide a wide column */
    int32_t *head, *next; /* [tokens], [block]: for each token the rows of a block that show it, as linked lists */
    int32_t *alike;       /* [block]: one of these lists */
    double *loss;         /* [block] */
    float *numbers;       /* the allocations that the above lie in */
    int32_t *integers;
} ddpm_token_pass;

/** DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_token_pass_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_token_pass_create(const ddpm_token_spec *spec, ddpm_token_pass *out);
void ddpm_token_pass_release(ddpm_token_pass *pass);

/** Bytes of its memory; spec.packed and spec.lookup are not read. */
int64_t ddpm_token_pass_bytes(const ddpm_token_spec *spec);

/** Run all layers but the last.
 *  @param workspace  with room for the rows.
 *  @return  the units that the last layer reads, as ddpm_network_hidden. */
ddpm_const_matrix ddpm_token_forward(ddpm_token_pass *pass, ddpm_workspace *workspace, const ddpm_token_rows *rows,
                                     const float *condition);

/** The loss of at most `block` rows in nats: share times the sum of weight times bound.
 *  @param units          [count][width], what ddpm_token_forward returned for these rows.
 *  @param gradient       gains the gradients of the last layer; NULL: none are wanted.
 *  @param[out] dunits    [count][width], the gradient by the units; not read without gradient.
 *  @param[out] row_loss  [count]: the loss of each row without its weight; or NULL. */
double ddpm_token_loss(ddpm_token_pass *pass, const ddpm_token_rows *rows, ddpm_const_matrix units, double share,
                       ddpm_gradient *gradient, ddpm_matrix dunits, float *row_loss);

/** Add the gradient of the first layer's weight.
 *  @param dz  [count][width], what ddpm_network_hidden_backward returned. */
void ddpm_token_backward(ddpm_token_pass *pass, const ddpm_token_rows *rows, ddpm_const_matrix dz,
                         ddpm_gradient *gradient);

#endif
