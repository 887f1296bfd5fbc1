/* The rules by which a batch is cut into blocks. */
#include "train/batch.h"

enum {
    BLOCK_LEAST = 64,
    BLOCK_MOST = 256,
    BLOCK_MULTIPLE = 8,
    BLOCKS_WANTED = 16,   /* in a batch, before blocks grow */
    SMALL_SUMS = 1 << 20, /* bytes of sums that stay in a processor's own cache */
    TOGETHER_ROWS = 512   /* the most rows that a thread computes at a time, where a block has fewer */
};

ddpm_batch ddpm_batch_cut(int64_t rows, int64_t block_rows)
{
    const int64_t cut = ddpm_smaller(block_rows, rows);
    return (ddpm_batch){.rows = rows, .block_rows = cut, .blocks = ddpm_pieces(rows, cut), .whole = rows};
}

int64_t ddpm_batch_choose_block_rows(int64_t rows)
{
    const int64_t wanted = rows / BLOCKS_WANTED / BLOCK_MULTIPLE * BLOCK_MULTIPLE;
    return ddpm_smaller(ddpm_larger(wanted, BLOCK_LEAST), BLOCK_MOST);
}

int64_t ddpm_batch_together(const ddpm_batch *batch, int64_t sum_bytes, int64_t threads)
{
    const int64_t share = ddpm_pieces(batch->blocks, threads), fitting = TOGETHER_ROWS / batch->block_rows;
    if (sum_bytes <= SMALL_SUMS) return 1;
    return ddpm_larger(1, ddpm_smaller(DDPM_BATCH_TOGETHER, ddpm_smaller(fitting, share)));
}

ddpm_range ddpm_batch_rows(const ddpm_batch *batch, int64_t first, int64_t count)
{
    const int64_t end = (first + count) * batch->block_rows;
    return (ddpm_range){first * batch->block_rows, ddpm_smaller(end, batch->rows)};
}
