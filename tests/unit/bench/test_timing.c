/* Work that is timed is repeated in turn and at least three times, and its failure is returned on all ranks. The tests
 * expect no particular time. */
#include "expect.h"
#include "ranks.h"

#include "bench/timing.h"

typedef struct counted {
    int64_t calls, times;
    int64_t fail_at; /* call, -1: never */
    int *last;       /* which was called last */
    int me;
} counted;

static ddpm_status count(void *context, int64_t times)
{
    counted *c = context;
    *c->last = c->me;
    c->times += times;
    return c->calls++ == c->fail_at ? ddpm_fail(DDPM_ERR_DATA, "failed on purpose") : DDPM_OK;
}

static void test_rounds(void **state)
{
    int last = -1;
    counted a = {.fail_at = -1, .last = &last, .me = 0}, b = {.fail_at = -1, .last = &last, .me = 1};
    const ddpm_timed things[2] = {{count, &a}, {count, &b}};
    ddpm_bench_timing found[2];
    (void)state;
    expect_ok(ddpm_bench_measure(comm, 2, things, 1e-6, found));
    for (int i = 0; i < 2; i++) {
        assert_true(found[i].samples >= 3);
        assert_true(found[i].least > 0.0 && found[i].least <= found[i].median);
    }
    assert_int_equal(found[0].samples, found[1].samples);
    for (int i = 0; i < 2; i++) expect_near(found[i].ratio[i], 1.0, 0.0, "ratio to itself", i);
    assert_true(found[0].ratio[1] > 0.0 && found[1].ratio[0] > 0.0);
    assert_true(a.calls > found[0].samples && b.calls > found[1].samples); /* once before the first sample */
    assert_true(a.times >= a.calls);
    assert_int_equal(1, last);
}

static void test_failure_of_one_rank(void **state)
{
    int last = -1;
    const int fails = ddpm_comm_rank(comm) == ddpm_comm_size(comm) - 1;
    counted a = {.fail_at = fails ? 2 : -1, .last = &last};
    const ddpm_timed thing = {count, &a};
    ddpm_bench_timing found;
    (void)state;
    expect_failure(ddpm_bench_measure(comm, 1, &thing, 10.0, &found), DDPM_ERR_DATA, "on purpose");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rounds), cmocka_unit_test(test_failure_of_one_rank)};
    return RUN_ON_RANKS(argc, argv, tests, NULL, NULL);
}
