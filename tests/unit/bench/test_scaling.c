/* The arithmetic of the prediction against numbers computed by hand; the fit of a link reproduces the times that it was
 * fitted to. */
#include "expect.h"

#include "bench/scaling.h"

#include <math.h>

static const ddpm_scaling example = {
    .blocks = 16,
    .threads = 2,
    .team = 1,
    .block_seconds = 1e-3,
    .once_seconds = 5e-4,
    .part_seconds = 5e-4,
    .bytes = 8e6,
    .latency = 1e-5,
    .rate = 1e9,
};

static void test_blocks(void **state)
{
    /* ranks, blocks of the busiest thread: 16 blocks over ranks, then over 2 threads, each rounded up */
    static const int64_t expected[][2] = {{1, 8}, {2, 4}, {3, 3}, {4, 2}, {5, 2}, {8, 1}, {16, 1}, {1000, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        expect_near(ddpm_scaling_blocks(&example, expected[i][0]), 1e-3 * (double)expected[i][1], 1e-15, "blocks",
                    expected[i][0]);
}

static void test_sum(void **state)
{
    ddpm_scaling few = example;
    (void)state;
    assert_true(ddpm_scaling_sum(&example, 1) == 0.0);
    /* 8 MB at 1 GB/s are 8 ms. Two ranks: 10 us + 8 ms beats 20 us + 8 ms */
    expect_near(ddpm_scaling_sum(&example, 2), 1e-5 + 8e-3, 1e-12, "doubling of two", 2);
    /* eight: 3 (10 us + 8 ms) loses to 60 us + 2 7/8 8 ms */
    expect_near(ddpm_scaling_sum(&example, 8), 6e-5 + 14e-3, 1e-12, "scattering of eight", 8);
    /* five need three stages, as eight do */
    expect_near(ddpm_scaling_sum(&example, 5), 6e-5 + 12.8e-3, 1e-12, "scattering of five", 5);
    /* sixteen ranks, two a node, are eight that send messages */
    few.team = 2;
    expect_near(ddpm_scaling_sum(&few, 16), 6e-5 + 14e-3, 1e-12, "sum over nodes", 16);
    assert_true(ddpm_scaling_sum(&few, 2) == 0.0);
    few.team = 1;
    few.bytes = 8.0;
    expect_near(ddpm_scaling_sum(&few, 8), 3.0 * (1e-5 + 8e-9), 1e-15, "doubling of few bytes", 8);
}

/* Sums of 8 bytes a number and numbers of 4, a part for each node. */
static void test_divided_sum(void **state)
{
    ddpm_scaling divided = example;
    (void)state;
    divided.made_bytes = 4e6;
    assert_true(ddpm_scaling_sum(&divided, 1) == 0.0);
    expect_near(ddpm_scaling_sum(&divided, 2), 3e-5 + 6e-3, 1e-12, "halves: sums, the norm, parameters", 2);
    expect_near(ddpm_scaling_sum(&divided, 8), 5e-5 + 10.5e-3, 1e-12, "eighths; a few sums in three stages", 8);
    expect_near(ddpm_scaling_sum(&divided, 64), 8e-5 + 63.0 / 64.0 * 12e-3, 1e-12, "one row", 64);
    expect_near(ddpm_scaling_sum(&divided, 128), 11e-5 + 127.0 / 128.0 * 12e-3, 1e-12, "a grid: twice as many", 128);
    divided.bytes = 8.0;
    expect_near(ddpm_scaling_sum(&divided, 8), 3.0 * (1e-5 + 8e-9), 1e-15, "few bytes go the other way", 8);
}

/* Each node updates its part where it has a part of the sums, and all where it has all of them. */
static void test_divided_update(void **state)
{
    ddpm_scaling divided = example;
    (void)state;
    divided.part_seconds = 1e-4; /* beside an update of 0.4 ms */
    expect_near(ddpm_scaling_once(&divided, 8), 5e-4, 1e-15, "all sums", 8);
    divided.made_bytes = 4e6;
    expect_near(ddpm_scaling_once(&divided, 1), 5e-4, 1e-15, "one node", 1);
    expect_near(ddpm_scaling_once(&divided, 8), 1.5e-4, 1e-15, "an eighth", 8);
    divided.team = 8;
    expect_near(ddpm_scaling_once(&divided, 16), 3e-4, 1e-15, "two nodes", 16);
}

static void test_step(void **state)
{
    (void)state;
    expect_near(ddpm_scaling_step(&example, 1), 8e-3 + 5e-4, 1e-12, "one rank", 1);
    expect_near(ddpm_scaling_step(&example, 8), 1e-3 + 5e-4 + 14.06e-3, 1e-12, "eight ranks", 8);
    expect_near(ddpm_scaling_efficiency(&example, 8), 8.5e-3 / (8.0 * 15.56e-3), 1e-12, "eight ranks", 8);
    expect_near(ddpm_scaling_efficiency(&example, 1), 1.0, 0.0, "one rank", 1);
}

/* Four workers of 16 blocks, on nodes of two ranks with two threads each. */
static void test_local_steps(void **state)
{
    ddpm_scaling local = example;
    (void)state;
    local.team = 2;
    local.local_steps = 10;
    local.workers = 4;
    local.round_seconds = 2e-2;
    local.round_bytes = 12e6;
    /* one rank: four workers one after the other; a round of 20 ms in 10 steps */
    expect_near(ddpm_scaling_blocks(&local, 1), 4 * 8e-3, 1e-12, "four workers", 1);
    expect_near(ddpm_scaling_once(&local, 1), 4 * 5e-4 + 2e-3, 1e-12, "four workers", 1);
    assert_true(ddpm_scaling_sum(&local, 2) == 0.0);
    /* two nodes: two workers each, one a rank; 12 MB in 10 steps */
    expect_near(ddpm_scaling_blocks(&local, 4), 8e-3, 1e-12, "a worker a rank", 4);
    expect_near(ddpm_scaling_once(&local, 4), 2 * 5e-4 + 2e-3, 1e-12, "two workers a node", 4);
    expect_near(ddpm_scaling_sum(&local, 4), (2e-5 + 12e-3) / 10, 1e-12, "a sum in ten steps", 4);
    /* its two groups take 1.2 ms each beside their blocks, where they are known not to take turns */
    ddpm_scaling_fit_groups(&local, 2, 2 * 8e-3 + 2 * 1.2e-3);
    expect_near(local.group_seconds, 1.2e-3, 1e-12, "a group that has two workers", 2);
    expect_near(ddpm_scaling_once(&local, 4), 1.2e-3 + 2e-3, 1e-12, "a worker a group", 4);
    expect_near(ddpm_scaling_once(&local, 16), 5e-4 + 2e-3, 1e-12, "groups with nodes of their own", 16);
    /* eight nodes: two for each worker, which sum gradients in every step */
    expect_near(ddpm_scaling_blocks(&local, 16), 2e-3, 1e-12, "four ranks a worker", 16);
    expect_near(ddpm_scaling_sum(&local, 16), 1e-5 + 8e-3 + (2e-5 + 21e-3) / 10, 1e-12, "both sums", 16);
    /* three ranks on a node of three carry two workers together, one after the other */
    local.team = 3;
    local.workers = 2;
    expect_near(ddpm_scaling_blocks(&local, 3), 2 * 3e-3, 1e-12, "together", 3);
}

static void test_fit(void **state)
{
    (void)state;
    for (int64_t ranks = 2; ranks < 100; ranks = ranks * 3 / 2 + 1)
        for (double seconds = 1e-3; seconds < 1.0; seconds *= 7.0)
            for (int divided = 0; divided < 2; divided++) {
                ddpm_scaling fitted = example;
                const double few = 2e-5;
                fitted.made_bytes = divided ? 4e6 : 0.0;
                ddpm_scaling_fit(ranks, few, fitted.bytes, fitted.made_bytes, seconds, &fitted.latency, &fitted.rate);
                /* without the norm and the few numbers that a step adds up beside it */
                const double beside =
                    divided ? fitted.latency * fmax(ranks > 64 ? 2.0 : 1.0, ceil(log2((double)ranks))) : 0.0;
                expect_near(ddpm_scaling_sum(&fitted, ranks) - beside, seconds, 1e-12, "the sum that was measured",
                            ranks);
                fitted.bytes = 0.0;
                expect_near(ddpm_scaling_sum(&fitted, ranks), few, 1e-15, "the sum of few bytes", ranks);
            }
}

static void test_fit_of_noise(void **state)
{
    double latency, rate;
    (void)state;
    ddpm_scaling_fit(2, 1e-3, 8e6, 4e6, 1e-4, &latency, &rate); /* the larger sum was the quicker */
    assert_true(latency > 0.0 && isfinite(rate) && rate > 0.0);
}

static void test_ranks(void **state)
{
    static const int64_t expected[] = {1, 2, 3, 4, 6, 8, 12, 16};
    (void)state;
    for (int i = 0; i < 8; i++) assert_int_equal(expected[i], ddpm_scaling_ranks(i));
    int count = 0;
    while (ddpm_scaling_ranks(count) > 0) count++;
    assert_int_equal(131072, ddpm_scaling_ranks(count - 1));
    assert_int_equal(0, ddpm_scaling_ranks(count + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),      cmocka_unit_test(test_sum),
        cmocka_unit_test(test_divided_sum), cmocka_unit_test(test_divided_update),
        cmocka_unit_test(test_step),        cmocka_unit_test(test_local_steps),
        cmocka_unit_test(test_fit),         cmocka_unit_test(test_fit_of_noise),
        cmocka_unit_test(test_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
