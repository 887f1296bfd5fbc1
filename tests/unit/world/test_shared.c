/* Memory of a node: what one rank writes all of its node see; where it cannot be shared, each rank has its own. */
#include "ranks.h"

#include "world/comm_mpi.h"
#include "world/shared.h"

#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>

enum { BYTES = 1 << 20 };

static void check(ddpm_comm *ranks, int is_shared)
{
    ddpm_shared *memory;
    expect_ok(ddpm_shared_create(ranks, BYTES, "a test", &memory));
    assert_int_equal(ddpm_shared_is_shared(memory), is_shared);
    unsigned char *bytes = ddpm_shared_data(memory);
    assert_int_equal((uintptr_t)bytes % 64, 0);
    const ddpm_range mine = ddpm_shared_part(ranks, memory, BYTES);
    for (int64_t i = mine.first; i < mine.end; i++) bytes[i] = (unsigned char)(i % 251);
    ddpm_comm_barrier_of_team(ranks);
    for (int64_t i = 0; i < BYTES; i++) assert_int_equal(bytes[i], i % 251);
    ddpm_shared_free(memory);
}

static void test_shared(void **state)
{
    (void)state;
    check(comm, ddpm_comm_size(comm) > 1);
}

/* The limit on the size of files holds for files in memory, too: here it stands for a node that grants none. Ranks that
 * find it when they begin have memory each for itself; those that could share before are told. */
static void test_private(void **state)
{
    struct rlimit before, small = {BYTES / 2, 0};
    ddpm_comm *alone;
    ddpm_shared *memory;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    expect_ok(ddpm_comm_adopt(MPI_COMM_WORLD, &alone));
    check(alone, 0);
    ddpm_comm_leave(alone);
    if (ddpm_comm_size(comm) > 1)
        expect_failure(ddpm_shared_create(comm, BYTES, "a test", &memory), DDPM_ERR_MEMORY, "1048576 bytes for a test");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared), cmocka_unit_test(test_private)};
    return RUN_ON_RANKS(argc, argv, tests, NULL, NULL);
}
