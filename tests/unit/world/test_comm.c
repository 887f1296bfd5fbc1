/* Communication: agreement on errors, broadcasts, sums, shared memory. */
#include "ranks.h"

#include "base/memory.h"
#include "world/comm_mpi.h"
#include "world/shared.h"

#include <stdio.h>

static int rank, size;

static int look(void **state)
{
    (void)state;
    rank = ddpm_comm_rank(comm);
    size = ddpm_comm_size(comm);
    return 0;
}

static void test_places(void **state)
{
    int64_t ranks = 1, sum = rank, nodes = comm->node_rank == 0;
    (void)state;
    ddpm_comm_sum_int64(comm, &ranks, 1);
    ddpm_comm_sum_int64(comm, &sum, 1);
    ddpm_comm_sum_int64(comm, &nodes, 1);
    assert_int_equal(ranks, size);
    assert_int_equal(sum, (int64_t)size * (size - 1) / 2);
    assert_int_equal(nodes, comm->node_count);
    assert_in_range(comm->node_rank, 0, comm->node_size - 1);
}

static void test_agree_on_success(void **state)
{
    (void)state;
    (void)ddpm_fail(DDPM_ERR_DATA, "of old");
    expect_ok(ddpm_agree(comm, DDPM_OK));
    assert_string_equal(ddpm_error_message(), "of old");
}

/* Each rank in turn fails alone: all ranks get its status and message. */
static void test_agree_on_one_failure(void **state)
{
    (void)state;
    for (int failing = 0; failing < size; failing++) {
        char words[64];
        ddpm_status status = DDPM_OK;
        (void)ddpm_fail(DDPM_ERR_USAGE, "of old");
        if (rank == failing) status = ddpm_fail(DDPM_ERR_MISSING, "rank %d has not found it", rank);
        snprintf(words, sizeof words, "rank %d has not found it", failing);
        status = ddpm_agree(comm, status);
        assert_int_equal(status, DDPM_ERR_MISSING);
        assert_string_equal(ddpm_error_message(), words);
    }
}

/* Where several ranks fail, all get the status and message of the lowest. */
static void test_agree_on_lowest(void **state)
{
    (void)state;
    for (int lowest = 0; lowest < size; lowest++) {
        char words[64];
        ddpm_status status = DDPM_OK;
        if (rank >= lowest)
            status = ddpm_fail(rank == lowest ? DDPM_ERR_IO : DDPM_ERR_CONFIG, "rank %d cannot go on", rank);
        snprintf(words, sizeof words, "rank %d cannot go on", lowest);
        assert_int_equal(ddpm_agree(comm, status), DDPM_ERR_IO);
        assert_string_equal(ddpm_error_message(), words);
    }
}

/* The longest message, and one with a percent sign, arrive complete. */
static void test_agree_on_long_message(void **state)
{
    char text[DDPM_MESSAGE_BYTES];
    ddpm_status status = DDPM_OK;
    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, "100%s", 5);
    text[sizeof text - 1] = '\0';
    if (rank == size - 1) status = ddpm_fail(DDPM_ERR_DATA, "%s", text);
    assert_int_equal(ddpm_agree(comm, status), DDPM_ERR_DATA);
    assert_string_equal(ddpm_error_message(), text);
}

static void test_broadcast(void **state)
{
    static const int64_t sizes[] = {0, 1, 3, 4099, 3000001};
    (void)state;
    for (int s = 0; s < 5; s++) {
        unsigned char *data = NULL;
        expect_ok(DDPM_NEW(&data, sizes[s] + 1, "bytes"));
        for (int64_t i = 0; i < sizes[s]; i++) data[i] = rank == 0 ? (unsigned char)(i * 7 + s) : 0;
        data[sizes[s]] = 200;
        ddpm_comm_broadcast(comm, data, (size_t)sizes[s]);
        for (int64_t i = 0; i < sizes[s]; i++)
            if (data[i] != (unsigned char)(i * 7 + s)) fail_msg("byte %lld of %lld", (long long)i, (long long)sizes[s]);
        assert_int_equal(data[sizes[s]], 200);
        ddpm_release(data);
    }
}

static void test_sums(void **state)
{
    enum { N = 10007 };
    static int64_t whole[N], most[N];
    static float real[N];
    static double sparse[N];
    (void)state;
    for (int64_t i = 0; i < N; i++) {
        whole[i] = (rank + 1) * (i - 5000) + (INT64_C(1) << 60) / size; /* beyond what a double holds */
        most[i] = (i + rank) % size == 0 ? i : -i - 1;
        real[i] = (float)(i % 100 + rank);
        sparse[i] = i % size == rank ? 0.1 * (double)i : 0.0;
    }
    ddpm_comm_sum_int64(comm, whole, N);
    ddpm_comm_max_int64(comm, most, N);
    ddpm_comm_sum_float(comm, real, N);
    ddpm_comm_sum_double(comm, sparse, N);
    const int64_t ranks = (int64_t)size * (size + 1) / 2, large = (INT64_C(1) << 60) / size * size;
    for (int64_t i = 0; i < N; i++) {
        assert_int_equal(whole[i], ranks * (i - 5000) + large);
        assert_int_equal(most[i], i);
        assert_true(real[i] == (float)(size * (i % 100) + size * (size - 1) / 2));
        assert_true(sparse[i] == 0.1 * (double)i);
    }
}

/* Each rank of a node writes its part, or all if the memory is not shared, and reads all. */
static void test_shared(void **state)
{
    static const size_t sizes[] = {0, 1, 1000, 1000003};
    (void)state;
    for (int s = 0; s < 4; s++) {
        ddpm_shared *shared = NULL;
        expect_ok(ddpm_shared_create(comm, sizes[s], "a test", &shared));
        unsigned char *data = ddpm_shared_data(shared);
        const int together = ddpm_shared_is_shared(shared);
        assert_int_equal((uintptr_t)data % DDPM_ALIGNMENT, 0);
        if (comm->node_size == 1) assert_false(together);
        if (size > 1 && comm->node_size == size && sizes[s] > 0) assert_true(together);
        for (int round = 0; round < 3; round++) { /* each round overwrites what all have read */
            for (size_t i = 0; i < sizes[s]; i++)
                if (!together || (int)(i % (size_t)comm->node_size) == comm->node_rank)
                    data[i] = (unsigned char)(i * 13 + (size_t)round);
            ddpm_comm_barrier_of_team(comm);
            for (size_t i = 0; i < sizes[s]; i++)
                if (data[i] != (unsigned char)(i * 13 + (size_t)round)) fail_msg("byte %zu, round %d", i, round);
            ddpm_comm_barrier(comm);
        }
        ddpm_shared_free(shared);
    }
    ddpm_shared_free(NULL);
}

static void test_seconds(void **state)
{
    const double before = ddpm_comm_seconds();
    (void)state;
    ddpm_comm_barrier(comm);
    assert_true(ddpm_comm_seconds() >= before);
    assert_true(strlen(ddpm_comm_library()) > 3);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_agree_on_success),
        cmocka_unit_test(test_agree_on_one_failure),
        cmocka_unit_test(test_agree_on_lowest),
        cmocka_unit_test(test_agree_on_long_message),
        cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_seconds),
    };
    return RUN_ON_RANKS(argc, argv, tests, look, NULL);
}
