/* The cut of a batch into blocks: every row in one block, and the sizes that the rules give. */
#include "expect.h"

#include "train/batch.h"

static void test_every_row_is_in_one_block(void **state)
{
    (void)state;
    for (int64_t rows = 1; rows < 70; rows++)
        for (int64_t block_rows = 1; block_rows < 80; block_rows++)
            for (int64_t together = 1; together < 4; together++) {
                const ddpm_batch batch = ddpm_batch_cut(rows, block_rows);
                int64_t next = 0;
                assert_int_equal(rows, batch.rows);
                assert_true(batch.block_rows <= block_rows && batch.block_rows <= rows);
                for (int64_t b = 0; b < batch.blocks; b += together) {
                    const ddpm_range range = ddpm_batch_rows(&batch, b, together);
                    assert_int_equal(next, range.first);
                    assert_int_equal(b * batch.block_rows, range.first);
                    assert_true(range.end > range.first && range.end - range.first <= together * batch.block_rows);
                    next = range.end;
                }
                assert_int_equal(rows, next);
            }
}

/* A sixteenth of the batch, in whole eights, from 64 to 256. */
static void test_chosen_rows(void **state)
{
    static const int64_t expected[][2] = {{1, 64},     {256, 64},   {1024, 64},  {1151, 64},  {1152, 72},   {2048, 128},
                                          {2175, 128}, {2176, 136}, {4095, 248}, {4096, 256}, {100000, 256}};
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(expected[i][1], ddpm_batch_choose_block_rows(expected[i][0]));
}

static void test_blocks_together(void **state)
{
    const int64_t large = INT64_C(1) << 24, small = INT64_C(1) << 20;
    const ddpm_batch batch = ddpm_batch_cut(4096, 64), wide = ddpm_batch_cut(4096, 256),
                     whole = ddpm_batch_cut(4096, 4096);
    (void)state;
    assert_int_equal(1, ddpm_batch_together(&batch, small, 1)); /* the sums stay in the cache */
    assert_int_equal(4, ddpm_batch_together(&batch, large, 1));
    assert_int_equal(4, ddpm_batch_together(&batch, large, 16));
    assert_int_equal(3, ddpm_batch_together(&batch, large, 24)); /* 64 blocks over 24 threads */
    assert_int_equal(1, ddpm_batch_together(&batch, large, 1000));
    assert_int_equal(2, ddpm_batch_together(&wide, large, 1)); /* 512 rows */
    assert_int_equal(1, ddpm_batch_together(&whole, large, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_in_one_block),
        cmocka_unit_test(test_chosen_rows),
        cmocka_unit_test(test_blocks_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
