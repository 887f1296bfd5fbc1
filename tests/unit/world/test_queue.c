/* Every block of every round is taken once, by any rank and thread. */
#include "ranks.h"

#include "world/queue.h"

#include <omp.h>

enum { BLOCKS = 1000, MOST = 4, ROUNDS = 20 };

static const int64_t counts[] = {1, 2, 7, 64, 0, BLOCKS};

/* How often each block was taken, by all ranks; @return whether some thread took too many at a time, or the last block
 * together with others though there were other takers. */
static int take_all(ddpm_queue *queue, int64_t blocks, int64_t taken[BLOCKS])
{
    const int threads = omp_get_max_threads();
    const int others = threads * ddpm_comm_size(comm) > 1;
    int wrong = 0;
    memset(taken, 0, BLOCKS * sizeof *taken);
    ddpm_queue_begin(queue, blocks, threads);
#pragma omp parallel num_threads(threads) reduction(+ : wrong)
    {
        int64_t first, count;
        while ((count = ddpm_queue_take(queue, MOST, &first)) > 0) {
            wrong += count > MOST || (others && count > 1 && first + count == blocks);
            for (int64_t i = 0; i < count; i++)
#pragma omp atomic
                taken[first + i]++;
        }
    }
    ddpm_comm_sum_int64(comm, taken, BLOCKS); /* synchronises the ranks */
    return wrong;
}

static void test_once_each(void **state)
{
    int64_t taken[BLOCKS];
    ddpm_queue *queue;
    (void)state;
    expect_ok(ddpm_queue_create(comm, &queue));
    for (int round = 0; round < ROUNDS; round++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            assert_int_equal(0, take_all(queue, counts[c], taken));
            for (int64_t i = 0; i < BLOCKS; i++) assert_int_equal(i < counts[c] ? 1 : 0, taken[i]);
        }
    ddpm_queue_free(queue);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_once_each)};
    return RUN_ON_RANKS(argc, argv, tests, NULL, NULL);
}
