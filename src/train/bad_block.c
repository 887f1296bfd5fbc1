/* The search computes each block of the batch alone, with the weights that the failed iteration packed. */
#include "train/bad_block.h"

#include <omp.h>
#include <stdio.h>

/* Collective. The lowest block that contributes what is not finite; the number of blocks when none does by itself. */
static int64_t find(ddpm_stepper *s, int64_t iteration)
{
    const ddpm_range mine = ddpm_comm_part(s->comm, s->batch.blocks);
    int64_t lowest = s->batch.blocks;
#pragma omp parallel num_threads(s->threads) reduction(min : lowest)
    {
        const int thread = omp_get_thread_num();
#pragma omp for schedule(static)
        for (int64_t block = mine.first; block < mine.end; block++) {
            ddpm_block_train(&s->thread_block[thread], iteration, ddpm_batch_rows(&s->batch, block, 1), s->reducer,
                             thread, s->row_loss);
            if (ddpm_reducer_take_nonfinite(s->reducer, thread)) lowest = ddpm_smaller(lowest, block);
        }
    }
    int64_t negative = -lowest; /* the largest of the negatives is the lowest of all ranks */
    ddpm_comm_max_int64(s->comm, &negative, 1);
    return -negative;
}

ddpm_status ddpm_bad_block_fail(ddpm_stepper *stepper, int64_t iteration)
{
    const ddpm_batch *batch = &stepper->batch;
    char what[DDPM_MESSAGE_BYTES / 2];
    snprintf(what, sizeof what, "%s", ddpm_error_message());
    const int64_t block = find(stepper, iteration);
    if (block == batch->blocks)
        return ddpm_fail(DDPM_ERR_NUMERIC, "%s, though every block of the batch gives finite numbers by itself", what);
    const ddpm_range rows = ddpm_batch_rows(batch, block, 1);
    return ddpm_fail(DDPM_ERR_NUMERIC, "%s in block %lld of %lld (rows %lld to %lld of the batch)", what,
                     (long long)block, (long long)batch->blocks, (long long)rows.first, (long long)rows.end - 1);
}
