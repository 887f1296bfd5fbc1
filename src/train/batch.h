/** Rows that are cut into blocks: the last block may have fewer rows than the others. Local, any thread. */
#ifndef DDPM_TRAIN_BATCH_H
#define DDPM_TRAIN_BATCH_H

#include "base/split.h"

typedef struct ddpm_batch {
    int64_t rows;
    int64_t block_rows; /* of every block but the last */
    int64_t blocks;
    int64_t first; /* the place of its rows among those of an iteration: 0, but for workers (train/round.h) */
    int64_t whole; /* the rows of an iteration, all workers together */
} ddpm_batch;

/** A batch that is all of an iteration's rows.
 *  @param block_rows  1 or more; a batch of fewer rows is one block. */
ddpm_batch ddpm_batch_cut(int64_t rows, int64_t block_rows);

/** The rows of a block where the user leaves it open. It is a function of the batch alone, since the sum over the rows
 * of a block is rounded to float32: another cut gives other bits. */
int64_t ddpm_batch_choose_block_rows(int64_t rows);

enum { DDPM_BATCH_TOGETHER = 4 }; /* the most blocks that a thread computes at a time */

/** How many blocks a thread computes at a time. A thread's sums that do not fit the processor's own cache are read from
 * memory for every addition; adding the gradients of several blocks at once saves such reads. Every block stays one
 * contribution, so the result is the same.
 *  @param sum_bytes  of a thread's sums.  @param threads  of all ranks. */
int64_t ddpm_batch_together(const ddpm_batch *batch, int64_t sum_bytes, int64_t threads);

/** The rows of `count` blocks from block `first` on. */
ddpm_range ddpm_batch_rows(const ddpm_batch *batch, int64_t first, int64_t count);

#endif
