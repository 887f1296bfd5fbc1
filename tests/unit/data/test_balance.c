/* Rows drawn evenly over classes: the shares are exact in every round, each row of a class comes as often as the
 * others, no held-out row comes, and all that is the same at any number of ranks. Rows drawn by weight: an epoch visits
 * each as often as its weight says, rounded up or down. What is refused. */
#include "ranks.h"
#include "scratch.h"

#include "base/log.h"
#include "base/text_list.h"
#include "data/dataset.h"
#include "file/h5.h"

#include <math.h>

enum { ROWS = 4000, RARE = 100, CLASSES = 8, HELD_OUT = ROWS / 10, ROUNDS = 1000 };

/* A hash of the rows in the order of their visits, which must never change. */
static const uint64_t ORDER_HASH = UINT64_C(0xd85d79e17c0a8609);

static char *two_names[] = {"kind", "half"}, *number_name[] = {"number:half"}, *no_class[] = {"half"},
            *unknown[] = {"king"}, *weight[] = {"weight:share"}, *equal[] = {"weight:equal"}, *column[] = {"weight:0"},
            *bad[] = {"weight:bad"}, *none[] = {"weight:none"}, *far[] = {"weight:far"}, *narrow[] = {"weight:narrow"},
            *mixed[] = {"kind", "weight:share"};

/* Class 5 is one row in RARE, class 2 a third of the others, class 0 the rest; no row has any other. */
static int32_t kind_of(int64_t row)
{
    if (row % RARE == 7) return 5;
    return row % 3 == 0 ? 2 : 0;
}

/* A quarter of the rows is never drawn, and one has more weight than all others together. */
static double share_of(int64_t row)
{
    return row == 77 ? 12345.0 : (double)(row % 4) / 3.0;
}

static ddpm_status write_weights(ddpm_h5 *file)
{
    static double share[ROWS], equal_share[ROWS], zero[ROWS], bad_share[ROWS];
    const int64_t shape[] = {ROWS}, less[] = {ROWS - 1};
    for (int64_t row = 0; row < ROWS; row++) {
        share[row] = bad_share[row] = share_of(row);
        equal_share[row] = 1e-300;
    }
    bad_share[1234] = -0.5;
    DDPM_TRY(ddpm_h5_write(file, "share", DDPM_H5_FLOAT64, 1, shape, share));
    DDPM_TRY(ddpm_h5_write(file, "equal", DDPM_H5_FLOAT64, 1, shape, equal_share));
    DDPM_TRY(ddpm_h5_write(file, "none", DDPM_H5_FLOAT64, 1, shape, zero));
    DDPM_TRY(ddpm_h5_write(file, "bad", DDPM_H5_FLOAT64, 1, shape, bad_share));
    bad_share[1234] = NAN;
    DDPM_TRY(ddpm_h5_write(file, "far", DDPM_H5_FLOAT64, 1, shape, bad_share));
    return ddpm_h5_write(file, "narrow", DDPM_H5_FLOAT64, 1, less, share);
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
    if (status == DDPM_OK) status = write_weights(file);
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

/* Visit some epochs; seen [ROWS] counts the visits of each row in one of them. */
static void expect_weighted(const ddpm_dataset *dataset, double (*weight_of)(int64_t row), int epochs)
{
    enum { TRAINING = ROWS - HELD_OUT };
    static float id[TRAINING], held_out[HELD_OUT];
    static int seen[ROWS], all[ROWS];
    static char is_held_out[ROWS];
    uint64_t hash = 0;
    double total = 0.0;
    memset(is_held_out, 0, sizeof is_held_out);
    memset(all, 0, sizeof all);
    ddpm_dataset_fill_held_out(dataset, 0, HELD_OUT, held_out, NULL);
    for (int64_t i = 0; i < HELD_OUT; i++) is_held_out[(int64_t)held_out[i]] = 1;
    for (int64_t row = 0; row < ROWS; row++) total += is_held_out[row] ? 0.0 : weight_of(row);
    for (int epoch = 0; epoch < epochs; epoch++) {
        memset(seen, 0, sizeof seen);
        ddpm_dataset_draw(dataset, (int64_t)epoch * TRAINING, TRAINING, id, NULL);
        for (int64_t i = 0; i < TRAINING; i++) {
            seen[(int64_t)id[i]]++;
            all[(int64_t)id[i]]++;
            hash = (hash ^ (uint64_t)id[i]) * UINT64_C(0x100000001b3);
        }
        for (int64_t row = 0; row < ROWS; row++) {
            const double visits = is_held_out[row] ? 0.0 : TRAINING * weight_of(row) / total;
            if (fabs(seen[row] - visits) >= 1.0 + 1e-6)
                fail_msg("row %lld: %d visits, not %g", (long long)row, seen[row], visits);
        }
    }
    for (int64_t row = 0; row < ROWS; row++) { /* each epoch begins at a random place: 6 deviations */
        const double visits = is_held_out[row] ? 0.0 : TRAINING * weight_of(row) / total;
        const double part = visits - floor(visits);
        if (fabs(all[row] - epochs * visits) > 6.0 * sqrt(epochs * part * (1.0 - part)) + 1e-6 * epochs)
            fail_msg("row %lld: %d visits, not %g", (long long)row, all[row], epochs * visits);
    }
    expect_same_on_ranks(&hash, sizeof hash, "order");
}

static double one_of(int64_t row)
{
    (void)row;
    return 1.0;
}

static double number_of(int64_t row)
{
    return (double)row;
}

static void test_weights(void **state)
{
    ddpm_data_spec spec = spec_of(0);
    ddpm_dataset *dataset = NULL;
    static float whole[100], parts[100];
    (void)state;
    spec.balance = (ddpm_text_list){1, weight};
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    expect_weighted(dataset, share_of, 100);
    assert_in_range(ddpm_dataset_weights(dataset)->positive, ROWS / 2, ROWS - HELD_OUT);
    ddpm_dataset_draw(dataset, ROWS - HELD_OUT - 50, 100, whole, NULL); /* over the end of an epoch */
    for (int64_t i = 0; i < 100; i += 20) ddpm_dataset_draw(dataset, ROWS - HELD_OUT - 50 + i, 20, parts + i, NULL);
    expect_bits(parts, whole, sizeof whole, "draws", 0);
    ddpm_dataset_free(dataset);
    spec.balance = (ddpm_text_list){1, equal}; /* each row comes once in an epoch */
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    expect_weighted(dataset, one_of, 3);
    assert_true(fabs(ddpm_dataset_weights(dataset)->equal - (ROWS - HELD_OUT)) < 1e-6);
    ddpm_dataset_free(dataset);
    spec.columns = (ddpm_text_list){1, (char *[]){"0"}}; /* a column that is listed is modelled as well */
    spec.balance = (ddpm_text_list){1, column};
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    expect_weighted(dataset, number_of, 100);
    ddpm_dataset_free(dataset);
}

static void test_refuses_weights(void **state)
{
    ddpm_data_spec spec = spec_of(0);
    ddpm_dataset *dataset = NULL;
    (void)state;
    spec.condition = (ddpm_text_list){1, two_names};
    const struct {
        char **names;
        int64_t count;
        ddpm_status status;
        const char *says;
    } cases[] = {
        {bad, 1, DDPM_ERR_DATA, "weight:bad, row 1234 (from 0): expected a finite number from 0 on, found -0.5"},
        {far, 1, DDPM_ERR_DATA, "row 1234 (from 0): expected a finite number from 0 on, found nan"},
        {none, 1, DDPM_ERR_DATA, "weight:none: expected some weights above zero"},
        {narrow, 1, DDPM_ERR_DATA, "(training.balance): expected one number for each of the 4000 rows"},
        {(char *[]){"weight:no"}, 1, DDPM_ERR_DATA, "training.balance: there is neither a dataset nor"},
        {column, 1, DDPM_ERR_CONFIG, "nothing is left to model"},
        {mixed, 2, DDPM_ERR_CONFIG, "or one weight:NAME alone, found 2 names"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spec.balance = (ddpm_text_list){cases[i].count, cases[i].names};
        expect_failure(ddpm_dataset_create(comm, &spec, &dataset), cases[i].status, cases[i].says);
    }
    spec.balance = (ddpm_text_list){1, weight};
    spec.memory = 0.03;
    expect_failure(ddpm_dataset_create(comm, &spec, &dataset), DDPM_ERR_CONFIG, "raise data.memory to 1 MiB");
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
        cmocka_unit_test(test_shares),  cmocka_unit_test(test_combinations),    cmocka_unit_test(test_epoch_stays),
        cmocka_unit_test(test_weights), cmocka_unit_test(test_refuses_weights), cmocka_unit_test(test_refuses),
    };
    return RUN_ON_RANKS(argc, argv, tests, make, clean);
}
