/** Rows of a batch in one thread, one block or a few that follow each other: from the draw of t and noise to their
 * gradients. Local; the memory belongs to one thread. */
#ifndef DDPM_TRAIN_BLOCK_H
#define DDPM_TRAIN_BLOCK_H

#include "assembly/model.h"
#include "data/dataset.h"
#include "model/timesteps.h"

typedef struct ddpm_block {
    const ddpm_model *model; /* borrowed, like the rest of what is not memory */
    const ddpm_dataset *dataset;
    const ddpm_packed *packed;
    int64_t block_rows; /* of a block: one contribution to the loss and to the gradients */
    ddpm_workspace *workspace;
    float *x0, *noise, *xt, *target; /* [rows][D] */
    float *values;                   /* [rows][V] conditions */
    float *condition;                /* [rows][C] as the network reads them */
    uint8_t *present;                /* [rows] */
    int32_t *t;                      /* [rows] */
    float *importance;               /* [rows] */
} ddpm_block;

/** @param rows  at most, at a time.  @param[out] out  release with ddpm_block_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_block_create(const ddpm_model *model, const ddpm_dataset *dataset,
                                              const ddpm_packed *packed, int64_t rows, int64_t block_rows,
                                              ddpm_block *out);
void ddpm_block_release(ddpm_block *block);
int64_t ddpm_block_bytes(const ddpm_model *model, int64_t rows);

/** Rows first .. first+rows-1 of an iteration's batch, forward: x0, t, xt, target are then in the block.
 *  @return  the network's output [rows][*stride], until the next use of the block. */
const float *ddpm_block_forward(ddpm_block *block, const ddpm_timesteps *timesteps, int64_t iteration, int64_t first,
                                int64_t rows, int64_t *stride);

/** The loss of rows at .. at+rows-1 of those that went forward last: arguments as of ddpm_objective_rows, or
 * ddpm_classifier_rows; the arrays are those of all rows. */
double ddpm_block_loss(const ddpm_block *block, int64_t at, int64_t rows, const float *output, int64_t stride,
                       const float *importance, double share, float *doutput, float *row_loss);

/** Rows first .. first+rows-1 of an iteration's batch: the gradients are added.
 *  @param[out] loss      every block's share of the batch's loss.
 *  @param[out] row_loss  [rows], or NULL. */
void ddpm_block_train(ddpm_block *block, const ddpm_timesteps *timesteps, int64_t iteration, int64_t first,
                      int64_t rows, ddpm_gradient *gradient, double *loss, float *row_loss);

/** Draws first .. first+rows-1 of `draws` of the validation loss, with t and noise that never change: their share of
 * it. Draw i is of held-out row i modulo their number. */
double ddpm_block_validate(ddpm_block *block, int64_t draws, int64_t first, int64_t rows);

#endif
