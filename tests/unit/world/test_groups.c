/* Who carries which worker: each is carried, its sum is given once, and the ranks of a group can meet. */
#include "ranks.h"

#include "world/groups.h"

enum { MOST = 64 };

/* Teams of `size` ranks that follow each other, or that are dealt in turn; the last one may be smaller. */
static void make_teams(int ranks, int size, int dealt, int leader[MOST])
{
    const int teams = (ranks + size - 1) / size;
    for (int r = 0; r < ranks; r++) leader[r] = dealt ? r % teams : r / size * size;
}

static int is_in(ddpm_range range, int64_t worker)
{
    return range.first <= worker && worker < range.end;
}

static void check(int ranks, const int *leader, int64_t workers)
{
    ddpm_group_plan plan[MOST];
    int sizes[MOST], seen[MOST] = {0};
    for (int r = 0; r < ranks; r++) {
        plan[r] = ddpm_group_planned(ranks, leader, sizes, r, workers);
        assert_false(seen[plan[r].place]++);
        assert_true(plan[r].held.first <= plan[r].carried.first && plan[r].carried.end <= plan[r].held.end);
        assert_true(plan[r].held.first <= plan[r].given.first && plan[r].given.end <= plan[r].held.end);
        assert_true(0 <= plan[r].number && plan[r].number < plan[r].count);
    }
    for (int64_t w = 0; w < workers; w++) {
        int carriers = 0, givers = 0;
        for (int r = 0; r < ranks; r++) {
            carriers += is_in(plan[r].carried, w);
            givers += leader[r] == r && is_in(plan[r].given, w);
        }
        assert_true(carriers > 0);
        assert_int_equal(givers, 1);
    }
    for (int r = 0; r < ranks; r++) /* ranks of a team agree on what they share; groups do not overlap */
        for (int q = 0; q < r; q++) {
            assert_true(leader[r] != leader[q] ||
                        (plan[r].held.first == plan[q].held.first && plan[r].held.end == plan[q].held.end &&
                         plan[r].given.first == plan[q].given.first && plan[r].count == plan[q].count));
            assert_true(plan[r].carried.first == plan[q].carried.first
                            ? plan[r].carried.end == plan[q].carried.end
                            : plan[r].carried.end <= plan[q].carried.first ||
                                  plan[q].carried.end <= plan[r].carried.first);
        }
}

static void test_all_plans(void **state)
{
    int leader[MOST];
    (void)state;
    for (int ranks = 1; ranks <= 12; ranks++)
        for (int size = 1; size <= ranks; size++)
            for (int64_t workers = 1; workers <= 14; workers++) {
                make_teams(ranks, size, 0, leader);
                check(ranks, leader, workers);
                make_teams(ranks, size, 1, leader);
                check(ranks, leader, workers);
            }
}

static void test_examples(void **state)
{
    static const struct {
        int ranks, team, rank;
        int64_t workers, first, end; /* that it carries */
    } cases[] = {
        {8, 4, 5, 2, 1, 2},                        /* two nodes, two workers: one a node */
        {8, 4, 5, 4, 2, 3},                        /* and four: two ranks for each */
        {8, 4, 7, 16, 14, 16}, {4, 4, 2, 6, 3, 6}, /* two groups of two ranks, with three workers each */
        {3, 3, 1, 2, 0, 2},                        /* all three ranks carry one, then the other */
        {6, 1, 4, 2, 1, 2},                        /* more nodes than workers: three nodes for each */
    };
    int leader[MOST], sizes[MOST];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_teams(cases[i].ranks, cases[i].team, 0, leader);
        const ddpm_group_plan plan = ddpm_group_planned(cases[i].ranks, leader, sizes, cases[i].rank, cases[i].workers);
        assert_int_equal(plan.carried.first, cases[i].first);
        assert_int_equal(plan.carried.end, cases[i].end);
    }
}

static void test_join(void **state)
{
    (void)state;
    for (int64_t workers = 1; workers <= 6; workers++) {
        ddpm_group group;
        expect_ok(ddpm_group_join(comm, workers, &group));
        double sums[MOST] = {0.0};
        int64_t lowest = -group.plan.carried.first; /* the same in all of the group */
        ddpm_comm_max_int64(group.comm, &lowest, 1);
        assert_int_equal(-lowest, group.plan.carried.first);
        for (int64_t w = group.plan.carried.first; w < group.plan.carried.end; w++)
            sums[w] = ddpm_comm_rank(group.comm) == 0 ? 1.0 : 0.0;
        ddpm_comm_sum_double(comm, sums, workers);
        for (int64_t w = 0; w < workers; w++) assert_true(sums[w] == 1.0);
        ddpm_group_leave(&group);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_plans), cmocka_unit_test(test_examples),
                                       cmocka_unit_test(test_join)};
    return RUN_ON_RANKS(argc, argv, tests, NULL, NULL);
}
