/* Sums over teams of one rank each, and what each gives the others: the numbers that every rank can compute by itself,
 * for parts of any length, none among them. */
#include "teams.h"

#include "world/transfer.h"

enum { COMMON = 5, MOST = 100000 };

static int teams, team;

/* What a team holds before the sum: large numbers of both signs, whose sums leave 64 bits. */
static int64_t number_of(int of, int64_t i)
{
    return (int64_t)((uint64_t)(i + 1) * 0x9e3779b97f4a7c15u * (uint64_t)(of + 1));
}

static int64_t sum_of(int64_t i)
{
    uint64_t sum = 0;
    for (int t = 0; t < teams; t++) sum += (uint64_t)number_of(t, i);
    return (int64_t)sum;
}

/* Bounds of `count` elements: equal parts, or all but the last one empty, or one of a single element. */
static void divide(int64_t count, int how, int parts, int64_t *bounds)
{
    for (int p = 0; p <= parts; p++) {
        bounds[p] = ddpm_part(count, p, parts).first;
        if (how == 1) bounds[p] = p == parts ? count : 0;
        if (how == 2 && p > 0 && p < parts) bounds[p] = ddpm_smaller(1, count);
    }
}

/* The elements of a sum that this team has: those of its part, and those that all have in common. */
static int is_summed(int64_t i, int64_t count, ddpm_range own)
{
    return i >= count || (i >= own.first && i < own.end);
}

static void check_sum(ddpm_transfer *transfer, int64_t count, int how)
{
    int64_t *data = NULL, bounds[16];
    double *numbers = NULL;
    expect_ok(DDPM_NEW(&data, count + COMMON, "sums"));
    expect_ok(DDPM_NEW(&numbers, count, "numbers"));
    divide(count, how, ddpm_transfer_parts(transfer), bounds);
    const ddpm_range own = ddpm_transfer_own(transfer, bounds);
    for (int64_t i = 0; i < count + COMMON; i++) data[i] = number_of(team, i);
    const ddpm_parts sums = {data, bounds, sizeof *data};
    ddpm_transfer_sum(transfer, &sums, COMMON);
    for (int64_t i = 0; i < count + COMMON; i++) assert_true(!is_summed(i, count, own) || data[i] == sum_of(i));
    for (int64_t i = own.first; i < own.end; i++) numbers[i] = (double)data[i];
    const ddpm_parts arrays[] = {{data, bounds, sizeof *data}, {numbers, bounds, sizeof *numbers}};
    ddpm_transfer_gather(transfer, 2, arrays);
    for (int64_t i = 0; i < count; i++) assert_true(data[i] == sum_of(i) && numbers[i] == (double)sum_of(i));
    ddpm_release(data);
    ddpm_release(numbers);
}

static void check_sum_32(ddpm_transfer *transfer, int64_t count, int how)
{
    int32_t *data = NULL;
    int64_t bounds[16];
    expect_ok(DDPM_NEW(&data, count + COMMON, "sums"));
    divide(count, how, ddpm_transfer_parts(transfer), bounds);
    const ddpm_range own = ddpm_transfer_own(transfer, bounds);
    for (int64_t i = 0; i < count + COMMON; i++) data[i] = (int32_t)(uint32_t)number_of(team, i);
    const ddpm_parts sums = {data, bounds, sizeof *data};
    ddpm_transfer_sum(transfer, &sums, COMMON);
    for (int64_t i = 0; i < count + COMMON; i++)
        assert_true(!is_summed(i, count, own) || data[i] == (int32_t)(uint32_t)sum_of(i));
    ddpm_transfer_gather(transfer, 1, &sums);
    for (int64_t i = 0; i < count; i++) assert_true(data[i] == (int32_t)(uint32_t)sum_of(i));
    ddpm_release(data);
}

static void check_sums(int row)
{
    static const int64_t counts[] = {0, 1, 3, 7500, 7501, 15000, 15001, MOST};
    ddpm_transfer *transfer;
    expect_ok(ddpm_transfer_create(each_alone, row, &transfer));
    const int columns = ddpm_transfer_columns(teams, row);
    assert_int_equal(ddpm_transfer_parts(transfer), teams / columns * columns);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (int how = 0; how < 3; how++) {
            check_sum(transfer, counts[i], how);
            check_sum_32(transfer, counts[i], how);
        }
    ddpm_transfer_free(transfer);
}

static void test_sum(void **state)
{
    (void)state;
    assert_int_equal(ddpm_transfer_columns(teams, DDPM_TRANSFER_ROW), teams);
    check_sums(DDPM_TRANSFER_ROW);
}

/* More teams than a row may have: two and three are a column each, five a square that one joins. */
static void test_grid(void **state)
{
    static const int columns[] = {[1] = 1, [2] = 1, [3] = 1, [5] = 2};
    (void)state;
    assert_int_equal(ddpm_transfer_columns(teams, 1), columns[teams]);
    check_sums(1);
}

/* A team of all ranks has nobody to send to. */
static void test_one_team(void **state)
{
    ddpm_transfer *transfer;
    (void)state;
    assert_false(ddpm_transfer_suits(comm, INT64_C(1) << 40));
    expect_ok(ddpm_transfer_create(comm, DDPM_TRANSFER_ROW, &transfer));
    assert_int_equal(ddpm_transfer_bytes(transfer), 0);
    ddpm_transfer_free(transfer);
}

static int make(void **state)
{
    begin_teams_of_one();
    teams = ddpm_comm_size(comm);
    team = ddpm_comm_rank(comm);
    (void)state;
    return 0;
}

static int clean(void **state)
{
    (void)state;
    end_teams_of_one();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sum), cmocka_unit_test(test_grid),
                                       cmocka_unit_test(test_one_team)};
    return RUN_ON_RANKS(argc, argv, tests, make, clean);
}
