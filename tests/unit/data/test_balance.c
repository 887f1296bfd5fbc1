/* Rows drawn evenly over classes: the shares are exact in every round, each row of a class comes as often as the
 * others, no held-out row comes, and all that is the same at any number of ranks; what is refused. */
#include "ranks.h"
#include "scratch.h"

#include "base/log.h"
#include "base/text_list.h"
#include "data/dataset.h"
#include "file/h5.h"

enum { ROWS = 4000, RARE = 100, CLASSES = 8, HELD_OUT = ROWS / 10, ROUNDS = 1000 };

/* A hash of the rows in the order of their visits, which must never change. */
static const uint64_t ORDER_HASH = UINT64_C(0xd85d79e17c0a8609);

static char *two_names[] = {"kind", "half"}, *number_name[] = {"number:half"}, *no_class[] = {"half"},
            *unknown[] = {"king"};

/* Class 5 is one row in RARE, class 2 a third of the others, class 0 the rest; no row has any other. */
static int32_t kind_of(int64_t row)
{
    if (row % RARE == 7) return 5;
    return row % 3 == 0 ? 2 : 0;
}

static ddpm_status write_file(void)
{
    static float id[ROWS];
    static int32_t kind[ROWS], half[ROWS];
    const int64_t shape[] = {ROWS, 1};
    ddpm_h5 *file = NULL;
    for (int64_t row = 0; row < ROWS; row++) {
        id[row] = (float)row;
        kind[row] = kind_of(row);
        half[row] = row >= ROWS / 2;
    }
    DDPM_TRY(ddpm_h5_create(in_scratch("rows.h5"), 0, &file));
    ddpm_status status = ddpm_h5_write(file, "rows", DDPM_H5_FLOAT32, 2, shape, id);
    if (status == DDPM_OK) status = ddpm_h5_write(file, "kind", DDPM_H5_INT32, 1, shape, kind);
    if (status == DDPM_OK) status = ddpm_h5_write(file, "half", DDPM_H5_INT32, 1, shape, half);
    return ddpm_h5_finish(&file, status);
}

static int make(void **state)
{
    int failed = 0;
    ddpm_log_enable(0);
    if (ddpm_comm_rank(comm) == 0) failed = scratch_make(state) != 0 || write_file() != DDPM_OK;
    ddpm_comm_broadcast(comm, scratch, sizeof scratch);
    return failed;
}

static int clean(void **state)
{
    ddpm_comm_barrier(comm);
    return ddpm_comm_rank(comm) == 0 ? scratch_remove(state) : 0;
}

static ddpm_data_spec spec_of(int64_t names)
{
    static char path[600];
    snprintf(path, sizeof path, "%s", in_scratch("rows.h5"));
    return (ddpm_data_spec){.source = DDPM_DATA_HDF5,
                            .path = path,
                            .dataset = "rows",
                            .condition = {names, two_names},
                            .balance = {names, two_names},
                            .standardize = DDPM_STANDARDIZE_NONE,
                            .validation = 0.1,
                            .memory = 4096,
                            .seed = 17,
                            .batch = 100};
}

/* Visit rounds of all groups. @return a hash of the order; seen [ROWS] counts the visits of each row. */
static uint64_t visit(const ddpm_dataset *dataset, int64_t names, int64_t groups, int *seen)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    float id[6], values[12];
    memset(seen, 0, ROWS * sizeof *seen);
    for (int64_t round = 0; round < ROUNDS; round++) {
        int met[2 * CLASSES] = {0};
        ddpm_dataset_draw(dataset, round * groups, groups, id, values);
        for (int64_t i = 0; i < groups; i++) {
            const int64_t row = (int64_t)id[i], half = row >= ROWS / 2;
            assert_true(values[i * names] == (float)kind_of(row));
            if (names == 2) assert_true(values[i * names + 1] == (float)half);
            assert_int_equal(met[names == 2 ? 2 * kind_of(row) + half : kind_of(row)]++, 0);
            seen[row]++;
            hash = (hash ^ (uint64_t)row) * UINT64_C(0x100000001b3); /* FNV-1a, a word at a time */
        }
    }
    return hash;
}

/* The rows of a class come equally often, to one visit, and those that are held out never. */
static void expect_even(const ddpm_dataset *dataset, const int *seen)
{
    int least[CLASSES], most[CLASSES] = {0};
    static float held_out[HELD_OUT];
    static char is_held_out[ROWS];
    memset(is_held_out, 0, sizeof is_held_out);
    ddpm_dataset_fill_held_out(dataset, 0, HELD_OUT, held_out, NULL);
    for (int64_t i = 0; i < HELD_OUT; i++) is_held_out[(int64_t)held_out[i]] = 1;
    for (int k = 0; k < CLASSES; k++) least[k] = ROUNDS;
    for (int64_t row = 0; row < ROWS; row++) {
        const int k = kind_of(row);
        if (is_held_out[row]) {
            assert_int_equal(seen[row], 0);
            continue;
        }
        if (seen[row] < least[k]) least[k] = seen[row];
        if (seen[row] > most[k]) most[k] = seen[row];
    }
    for (int k = 0; k < CLASSES; k++)
        if (most[k] > least[k] + 1) fail_msg("rows of class %d come %d to %d times", k, least[k], most[k]);
    assert_true(least[5] > 10);
}

static void test_shares(void **state)
{
    const ddpm_data_spec spec = spec_of(1);
    static int seen[ROWS];
    ddpm_dataset *dataset = NULL;
    int64_t least;
    (void)state;
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    assert_int_equal(ddpm_dataset_balanced(dataset, &least), 3);
    assert_in_range(least, ROWS / RARE / 2, ROWS / RARE);
    const uint64_t hash = visit(dataset, 1, 3, seen);
    expect_same_on_ranks(&hash, sizeof hash, "order");
    expect_even(dataset, seen);
    if (hash != ORDER_HASH) fail_msg("the order's hash is 0x%llx", (unsigned long long)hash);
    ddpm_dataset_free(dataset);
}

/* Combinations of two classes: three kinds in either half of the file. */
static void test_combinations(void **state)
{
    const ddpm_data_spec spec = spec_of(2);
    static int seen[ROWS];
    ddpm_dataset *dataset = NULL;
    int64_t least;
    (void)state;
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    assert_int_equal(ddpm_dataset_balanced(dataset, &least), 6);
    (void)visit(dataset, 2, 6, seen);
    ddpm_dataset_free(dataset);
}

/* The order of an epoch, by which the data are measured, does not change; without balance, training visits it. */
static void test_epoch_stays(void **state)
{
    ddpm_data_spec spec = spec_of(1);
    static float epoch[100], again[100], drawn[100];
    ddpm_dataset *dataset = NULL;
    (void)state;
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    ddpm_dataset_fill(dataset, 3550, 100, epoch, NULL);
    ddpm_dataset_draw(dataset, 3550, 100, drawn, NULL);
    assert_true(memcmp(epoch, drawn, sizeof epoch) != 0);
    ddpm_dataset_free(dataset);
    spec.balance.count = 0;
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    ddpm_dataset_fill(dataset, 3550, 100, again, NULL);
    ddpm_dataset_draw(dataset, 3550, 100, drawn, NULL);
    expect_bits(again, epoch, sizeof epoch, "epoch", 0);
    expect_bits(drawn, epoch, sizeof epoch, "draws", 0);
    ddpm_dataset_free(dataset);
}

static void test_refuses(void **state)
{
    const ddpm_data_spec plain = spec_of(1);
    ddpm_data_spec spec = plain;
    ddpm_dataset *dataset = NULL;
    (void)state;
    spec.balance = (ddpm_text_list){1, unknown};
    expect_failure(ddpm_dataset_create(comm, &spec, &dataset), DDPM_ERR_CONFIG, "(kind), found 'king'");
    spec.condition = (ddpm_text_list){1, number_name};
    spec.balance = (ddpm_text_list){1, no_class};
    expect_failure(ddpm_dataset_create(comm, &spec, &dataset), DDPM_ERR_CONFIG, "(there are none), found 'half'");
    spec.condition.count = 0;
    expect_failure(ddpm_dataset_create(comm, &spec, &dataset), DDPM_ERR_CONFIG, "(there are none), found 'half'");
    spec = plain;
    spec.memory = 0.05;
    expect_failure(ddpm_dataset_create(comm, &spec, &dataset), DDPM_ERR_CONFIG, "raise data.memory to 1 MiB");
    assert_null(dataset);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_combinations),
        cmocka_unit_test(test_epoch_stays),
        cmocka_unit_test(test_refuses),
    };
    return RUN_ON_RANKS(argc, argv, tests, make, clean);
}
