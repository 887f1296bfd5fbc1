/* The forest of the two-sample test against closed forms, and against faults of which it is known who sees them. */
#include "expect.h"

#include "base/memory.h"
#include "evaluate/forest.h"
#include "kernel/normal.h"

enum { ROWS = 4000, D_MOST = 8, TREES = 40, SEED = 3 };

static float first[ROWS * D_MOST], second[ROWS * D_MOST];
static int64_t leaf = DDPM_FOREST_LEAF;
static double correlation; /* of the last forest */
static int64_t gains[D_MOST], pair_gains[DDPM_FOREST_PAIRED * DDPM_FOREST_PAIRED];

static void fill_normal(int64_t columns, int64_t stream, float *out)
{
    const ddpm_normal_stream numbers = {11, DDPM_RANDOM_DATA, stream};
    ddpm_normal_rows(ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), numbers, 0, ddpm_matrix_dense(out, ROWS, columns));
}

static void fill_both(int64_t columns)
{
    fill_normal(columns, 0, first);
    fill_normal(columns, 1, second);
}

static void make_table(int64_t count, int64_t columns, const float *x, const float *y, ddpm_forest_table *table)
{
    uint64_t *scratch;
    expect_ok(ddpm_forest_table_create(SEED, count, columns, table));
    expect_ok(DDPM_NEW(&scratch, 2 * count, "scratch"));
    for (int64_t j = 0; j < columns; j++) ddpm_forest_table_fill(table, j, x, y, scratch);
    ddpm_release(scratch);
}

/* Grow the forest in several memories, tree by tree in turn, and add up what they hold. */
static double grow(int64_t columns, int memories, int64_t *votes)
{
    int64_t all[D_MOST], sums[2 * ROWS] = {0};
    ddpm_forest_table table;
    ddpm_forest_memory memory[3];
    make_table(ROWS, columns, first, second, &table);
    const ddpm_forest_view view = {&table, columns, all, leaf};
    memset(gains, 0, sizeof gains);
    memset(pair_gains, 0, sizeof pair_gains);
    for (int64_t j = 0; j < columns; j++) all[j] = j;
    for (int k = 0; k < memories; k++) expect_ok(ddpm_forest_memory_create(table.rows, columns, &memory[k]));
    for (int64_t tree = DDPM_FOREST_FOLDS * TREES - 1; tree >= 0; tree--)
        ddpm_forest_grow(&view, SEED, tree, &memory[tree % memories]);
    for (int k = 0; k < memories; k++) {
        for (int64_t i = 0; i < table.rows; i++) sums[i] += memory[k].votes[i];
        for (int64_t j = 0; j < columns; j++) gains[j] += memory[k].gains[j];
        for (int i = 0; i < DDPM_FOREST_PAIRED * DDPM_FOREST_PAIRED; i++) pair_gains[i] += memory[k].pair_gains[i];
        ddpm_forest_memory_release(&memory[k]);
    }
    const double accuracy = ddpm_forest_accuracy(&table, sums);
    correlation = ddpm_forest_correlation(&table, sums);
    ddpm_forest_table_release(&table);
    if (votes) memcpy(votes, sums, sizeof sums);
    return accuracy;
}

/* Rows of one distribution: no row says where it is from. */
static void test_same_distribution(void **state)
{
    (void)state;
    for (int64_t columns = 1; columns <= D_MOST; columns *= 2) {
        fill_both(columns);
        expect_near(grow(columns, 1, NULL), 0.5, 4.0 * sqrt(0.25 / ROWS), "accuracy", columns);
    }
}

/* Two normal distributions a distance d apart: the best classifier is right with probability Phi(d / 2). */
static void test_shift(void **state)
{
    (void)state;
    for (int d = 1; d <= 3; d++)
        for (int64_t columns = 1; columns <= 4; columns += 3) {
            fill_both(columns);
            for (int64_t i = 0; i < ROWS; i++) second[i * columns] += (float)d;
            expect_near(grow(columns, 1, NULL), 0.5 * erfc(-d / sqrt(8.0)), 0.02, "accuracy", columns);
        }
}

/* Standard deviations of 1 and 1.15: the best votes, (f - g) / (f + g) for densities f and g, are near 0.15 (x^2 - 1) /
 * 2, and their correlation with the sets is the root of their mean square, 0.15 / sqrt(2). Large leaves come near it.
 */
static void test_correlation(void **state)
{
    (void)state;
    leaf = 2 * ROWS / 50;
    fill_both(1);
    grow(1, 1, NULL);
    expect_near(correlation, 0.0, 3.0 * sqrt(1.0 / ROWS), "correlation", 0);
    for (int64_t i = 0; i < ROWS; i++) second[i] *= 1.15f;
    grow(1, 1, NULL);
    expect_near(correlation, 0.15 / sqrt(2.0), 2.0 * sqrt(1.0 / ROWS), "correlation", 1);
    for (int64_t i = 0; i < ROWS; i++) second[i] += 100.0f;
    grow(1, 1, NULL);
    expect_near(correlation, 1.0, 1e-3, "correlation", 2);
    leaf = DDPM_FOREST_LEAF;
}

/* One column of one set has whole numbers, which hardly changes its distribution function. */
static void test_whole_numbers(void **state)
{
    (void)state;
    fill_both(2);
    for (int64_t i = 0; i < 2 * ROWS; i++) {
        first[i] *= 5.0f;
        second[i] = i % 2 ? roundf(5.0f * second[i]) : 5.0f * second[i];
    }
    assert_true(grow(2, 1, NULL) > 0.8);
    assert_true(gains[1] > 2 * gains[0]);
}

/* A tenth of one set is a spike at 0: a row there is from it, and the others are guessed. Of all rows, 1/20 are
 * certain, and of the rest 10/19 are of the other set: 1/20 + 19/20 * 10/19. */
static void test_spike(void **state)
{
    (void)state;
    fill_both(1);
    for (int64_t i = 0; i < ROWS; i += 10) second[i] = 0.0f;
    expect_near(grow(1, 1, NULL), 0.55, 0.02, "accuracy", 0);
}

/* A uniform distribution against one that is a fifth wider: 1/6 of its rows lie outside, and all rows inside are best
 * taken for the other's, which is right with probability (1/6 + 1) / 2. Leaves of a few rows do this less well: if they
 * did nothing but guess inside, it would be 1/12 + 11/12 / 2. */
static void test_edge(void **state)
{
    (void)state;
    for (int64_t i = 0; i < ROWS; i++) {
        first[i] = (float)any_number(i);
        second[i] = 1.2f * (float)any_number(1000000 + i);
    }
    const double accuracy = grow(1, 1, NULL);
    assert_true(accuracy > 13.0 / 24.0 && accuracy < 7.0 / 12.0 + 0.01);
}

/* The signs of two columns agree in one set, and each column alone is the same in both: (1 + 1/2) / 2. */
static void test_pair(void **state)
{
    (void)state;
    fill_both(D_MOST);
    for (int64_t i = 0; i < ROWS; i++)
        second[i * D_MOST + 5] = copysignf(second[i * D_MOST + 5], second[i * D_MOST + 2]);
    assert_true(grow(D_MOST, 1, NULL) > 0.6);
    int largest = 0;
    for (int i = 0; i < DDPM_FOREST_PAIRED * DDPM_FOREST_PAIRED; i++)
        if (pair_gains[i] > pair_gains[largest]) largest = i;
    const int above = largest / DDPM_FOREST_PAIRED, below = largest % DDPM_FOREST_PAIRED;
    assert_true((above == 2 && below == 5) || (above == 5 && below == 2));
    for (int j = 0; j < D_MOST; j++) assert_true(j == 2 || j == 5 || (gains[j] < gains[2] && gains[j] < gains[5]));
}

/* Who grows which tree, and in which order, does not matter. */
static void test_same_bits(void **state)
{
    static int64_t one[2 * ROWS], three[2 * ROWS];
    int64_t one_gains[D_MOST];
    (void)state;
    fill_both(4);
    for (int64_t i = 0; i < ROWS; i++) second[4 * i] += 0.5f;
    grow(4, 1, one);
    memcpy(one_gains, gains, sizeof gains);
    grow(4, 3, three);
    expect_bits(one, three, sizeof one, "votes", 0);
    expect_bits(one_gains, gains, sizeof gains, "gains", 0);
}

static void test_places(void **state)
{
    const float x[] = {0.0f, NAN, -1.0f, 2.0f, -INFINITY}, y[] = {-0.0f, -NAN, INFINITY, 2.0f, -2.0f};
    const uint16_t expected[] = {3, 6, 2, 4, 0, 3, 6, 5, 4, 1};
    ddpm_forest_table table;
    int seen[2][DDPM_FOREST_FOLDS] = {{0}};
    (void)state;
    make_table(5, 1, x, y, &table);
    expect_bits(table.places, expected, sizeof expected, "places", 0);
    assert_int_equal(table.distinct[0], 7);
    for (int i = 0; i < 10; i++) seen[i / 5][table.folds[i]]++;
    for (int i = 0; i < 10; i++) assert_int_equal(seen[i / 5][i % 5], 1);
    ddpm_forest_table_release(&table);
}

/* More values than places: neighbours share one, in order. */
static void test_many_values(void **state)
{
    enum { COUNT = 50000 };
    ddpm_forest_table table;
    float *x;
    (void)state;
    expect_ok(DDPM_NEW(&x, 2 * COUNT, "rows"));
    for (int64_t i = 0; i < 2 * COUNT; i++) x[i] = (float)(i * 7 % (2 * COUNT));
    make_table(COUNT, 1, x, x + COUNT, &table);
    assert_int_equal(table.distinct[0], 65536);
    for (int64_t i = 0; i < 2 * COUNT; i++) assert_int_equal(table.places[i], (int64_t)x[i] * 65536 / (2 * COUNT));
    ddpm_forest_table_release(&table);
    ddpm_release(x);
}

/* All rows alike, and sets of the fewest rows that can be divided into folds. */
static void test_nothing_to_tell(void **state)
{
    (void)state;
    memset(first, 0, sizeof first);
    memset(second, 0, sizeof second);
    expect_near(grow(2, 1, NULL), 0.5, 0.02, "accuracy", 0);
    ddpm_forest_table table;
    ddpm_forest_memory memory;
    const int64_t column = 0;
    make_table(DDPM_FOREST_FOLDS, 1, first, second, &table);
    expect_ok(ddpm_forest_memory_create(table.rows, 1, &memory));
    const ddpm_forest_view view = {&table, 1, &column, DDPM_FOREST_LEAF};
    for (int64_t tree = 0; tree < 100; tree++) ddpm_forest_grow(&view, SEED, tree, &memory);
    ddpm_forest_memory_release(&memory);
    ddpm_forest_table_release(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_same_distribution),
        TEST(test_shift),
        TEST(test_correlation),
        TEST(test_whole_numbers),
        TEST(test_spike),
        TEST(test_edge),
        TEST(test_pair),
        TEST(test_same_bits),
        TEST(test_places),
        TEST(test_many_values),
        TEST(test_nothing_to_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
