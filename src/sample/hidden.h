/** The loss of a masked model for blocks of rows of which columns are hidden, as one thread computes it with the
 * network: the terms of the bound, for `ddpm evaluate` and for the library. Local; a ddpm_hidden belongs to one thread.
 */
#ifndef DDPM_SAMPLE_HIDDEN_H
#define DDPM_SAMPLE_HIDDEN_H

#include "assembly/model.h"
#include "model/token_pass.h"

enum { DDPM_HIDDEN_BLOCK = 64 }; /* most rows of a call */

typedef struct ddpm_hidden {
    const ddpm_model *model; /* borrowed */
    ddpm_workspace *workspace;
    ddpm_token_pass pass;
    float *room;            /* [block][C] */
    const float *condition; /* [rows][C] of the block; NULL: none */
    float *loss;            /* [block] */
    int32_t *tokens;        /* [block][D], by themselves */
    uint8_t *columns;       /* [block][D], 1: hidden */
    int32_t *order;         /* [D] */
    int32_t t[DDPM_HIDDEN_BLOCK];
} ddpm_hidden;

/** DDPM_ERR_MEMORY. All pointers are borrowed.
 *  @param lookup    of the parameters that are packed.
 *  @param[out] out  release with ddpm_hidden_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_hidden_create(const ddpm_model *model, const ddpm_packed *packed,
                                               const ddpm_lookup *lookup, ddpm_hidden *out);
void ddpm_hidden_release(ddpm_hidden *hidden);

/** Set the conditions of the rows of a block: values [rows][V], standardised; NULL: they have none. */
void ddpm_hidden_set_conditions(ddpm_hidden *hidden, int64_t rows, const float *values);

/** Hide t columns of rows first .. first+rows-1, which are a function of (seed, draw, t, row), and compute the loss of
 * what is hidden. The mean over t = 1..T is the bound, in nats.
 *  @param x0  [rows][D] of tokens and places.
 *  @return  [rows], until the next call. */
const float *ddpm_hidden_loss(ddpm_hidden *hidden, uint64_t seed, int64_t draw, int32_t t, int64_t first, int64_t rows,
                              const float *x0);

#endif
