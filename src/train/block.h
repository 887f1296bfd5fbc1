/** The rows of a block, or of a few blocks that follow each other, in one thread: from the draw of t and noise to the
 * gradients. Local; a ddpm_block belongs to one thread. */
#ifndef DDPM_TRAIN_BLOCK_H
#define DDPM_TRAIN_BLOCK_H

#include "assembly/model.h"
#include "data/dataset.h"
#include "model/timesteps.h"
#include "model/token_pass.h"
#include "train/batch.h"
#include "world/reduce.h"

/** What the rows of every batch are made of. All pointers are borrowed. */
typedef struct ddpm_block_spec {
    const ddpm_model *model;
    const ddpm_dataset *dataset;
    const ddpm_timesteps *timesteps;
    const ddpm_packed *packed;
    const ddpm_lookup *lookup; /* of the masked process, of the same parameters */
    ddpm_batch batch;
    uint64_t seed;            /* of the noise, of t, and of which conditions are left out */
    double condition_dropout; /* share of the rows whose condition is left out */
    double dropout;           /* share of the network's hidden units that are left out in training */
} ddpm_block_spec;

typedef struct ddpm_block {
    ddpm_block_spec spec;
    ddpm_workspace *workspace;
    float *x0;             /* [rows][D] */
    float *noise, *target; /* [rows][D], of the Gaussian process */
    float *xt;             /* [rows][D], likewise */
    int32_t *tokens;       /* [rows][D]: tokens of columns by themselves */
    uint8_t *hidden;       /* [rows][D], of the masked process: which columns are */
    int32_t *order;        /* [D], likewise: room for an order of the columns */
    ddpm_token_pass pass;  /* likewise */
    float *values;         /* [rows][V] conditions */
    float *condition;      /* [rows][C] as the network reads them */
    uint8_t *present;      /* [rows] whether the row's condition is kept */
    int32_t *t;            /* [rows] */
    float *importance;     /* [rows] */
} ddpm_block;

/** @param blocks    the most blocks that are computed at a time.
 *  @param[out] out  release with ddpm_block_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_block_create(const ddpm_block_spec *spec, int64_t blocks, ddpm_block *out);
void ddpm_block_release(ddpm_block *block);

/** Bytes of the memory for that many blocks. */
int64_t ddpm_block_bytes(const ddpm_model *model, int64_t block_rows, int64_t blocks);

/** Take rows rows.first .. rows.end-1 of an iteration's batch through the network: x0, t and, of the Gaussian process,
 * xt and target are then in the block.
 *  @return  the network's output, or the units that the last layer of a masked model reads; valid until the next use of
 *           the block. */
ddpm_const_matrix ddpm_block_forward(ddpm_block *block, int64_t iteration, ddpm_range rows);

/** The loss of rows at .. at+rows-1, at most a block, of those that went forward last, without gradients.
 *  @param output         of all the rows that went forward.
 *  @param share          of each row in the loss.
 *  @param[out] row_loss  [rows that went forward], of which those of these rows are set; or NULL. */
double ddpm_block_loss(ddpm_block *block, int64_t at, int64_t rows, ddpm_const_matrix output, double share,
                       float *row_loss);

/** Add the gradients and the losses of rows of an iteration's batch to this thread's sums; the rows are whole blocks.
 *  @param[out] row_loss  [batch], of which those of the rows are set; or NULL. */
void ddpm_block_train(ddpm_block *block, int64_t iteration, ddpm_range rows, ddpm_reducer *reducer, int thread,
                      float *row_loss);

/** The share of the validation loss that comes from draws rows.first .. rows.end-1 of `draws`. Draw i is of held-out
 * row i modulo their number; its t and its noise never change. */
double ddpm_block_validate(ddpm_block *block, int64_t draws, ddpm_range rows);

#endif
