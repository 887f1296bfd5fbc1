/* Mixtures of data sets: near a known mixture, as many Gaussians as there are groups, one where the rows have one
 * shape, the same bits on any number of ranks and threads, and of rows that are too few, constant or streamed. */
#include "ranks.h"
#include "scratch.h"

#include "base/auto.h"
#include "base/log.h"
#include "file/h5.h"
#include "fit/mixture.h"
#include "kernel/normal.h"

#include <omp.h>

enum { ROWS = 20000, COLUMNS = 10, GROUPS = 3, BATCH = 777, SMALL = 100 };

/* Group g has a share of 0.2, 0.3 or 0.5, means of -3, 0 and 3 in every column but the last, and deviations of its own;
 * the last column is constant. */
static const double shares[GROUPS] = {0.2, 0.3, 0.5};

static float grouped[ROWS * COLUMNS], normal[ROWS * COLUMNS];

static double mean_of(int group)
{
    return 3.0 * (group - 1);
}

static double deviation_of(int group, int column)
{
    return column == COLUMNS - 1 ? 0.0 : 0.2 + 0.1 * ((column + 3 * group) % 7);
}

static int group_of(int64_t row)
{
    const int64_t place = row * 7 % 10; /* a permutation of the digits */
    return place < 2 ? 0 : place < 5 ? 1 : 2;
}

static ddpm_status write_rows(const char *name, int64_t count, const float *data)
{
    const int64_t shape[] = {count, COLUMNS};
    ddpm_h5 *file = NULL;
    DDPM_TRY(ddpm_h5_create(in_scratch(name), 0, &file));
    return ddpm_h5_finish(&file, ddpm_h5_write(file, "data", DDPM_H5_FLOAT32, 2, shape, data));
}

static ddpm_status write_files(void)
{
    DDPM_TRY(write_rows("grouped.h5", ROWS, grouped));
    DDPM_TRY(write_rows("normal.h5", ROWS, normal));
    return write_rows("small.h5", SMALL, grouped);
}

static int make(void **state)
{
    int failed = 0;
    ddpm_log_enable(0);
    ddpm_normal_rows(ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), (ddpm_normal_stream){5, DDPM_RANDOM_DATA, 0}, 0,
                     ddpm_matrix_dense(normal, ROWS, COLUMNS));
    for (int64_t i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++)
            grouped[i * COLUMNS + j] =
                (float)(j == COLUMNS - 1
                            ? 0.0
                            : mean_of(group_of(i)) + deviation_of(group_of(i), j) * (double)normal[i * COLUMNS + j]);
    if (ddpm_comm_rank(comm) == 0) failed = scratch_make(state) != 0 || write_files() != DDPM_OK;
    ddpm_comm_broadcast(comm, scratch, sizeof scratch);
    return failed;
}

static int clean(void **state)
{
    ddpm_comm_barrier(comm);
    return ddpm_comm_rank(comm) == 0 ? scratch_remove(state) : 0;
}

static ddpm_status fit(const char *file, int64_t count, ddpm_mixture *out)
{
    static char path[600];
    ddpm_dataset *dataset = NULL;
    snprintf(path, sizeof path, "%s", in_scratch(file));
    const ddpm_data_spec spec = {.source = DDPM_DATA_HDF5,
                                 .path = path,
                                 .dataset = "data",
                                 .standardize = DDPM_STANDARDIZE_NONE,
                                 .memory = 4096,
                                 .seed = 3,
                                 .batch = BATCH};
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    const ddpm_status status = ddpm_mixture_fit(comm, dataset, BATCH, count, 7, out);
    ddpm_dataset_free(dataset);
    if (out->count == 0) return status;
    expect_same_on_ranks(out->weight, (size_t)out->count * sizeof(double), "weights");
    expect_same_on_ranks(out->mean, (size_t)out->directions * sizeof(double), "means");
    expect_same_on_ranks(out->variance, (size_t)out->directions * sizeof(double), "variances");
    expect_same_on_ranks(out->direction, (size_t)(out->directions * out->columns) * sizeof(float), "directions");
    return status;
}

static int part_of(const ddpm_mixture *m, int group)
{
    for (int c = 0; c < m->count; c++)
        if (fabs(m->mean[c * COLUMNS] - mean_of(group)) < 1.0) return c;
    fail_msg("no part has the mean %g", mean_of(group));
    return 0;
}

/* The variance of column j in a part, from its directions. */
static double variance_of(const ddpm_mixture *m, int part, int j)
{
    double sum = 0.0;
    for (int k = 0; k < COLUMNS; k++) {
        const double along = (double)m->direction[(part * COLUMNS + k) * COLUMNS + j];
        sum += along * along * m->variance[part * COLUMNS + k];
    }
    return sum;
}

static void test_known_groups(void **state)
{
    ddpm_mixture m;
    (void)state;
    expect_ok(fit("grouped.h5", DDPM_AUTO, &m));
    assert_int_equal(m.count, GROUPS);
    for (int g = 0; g < GROUPS; g++) {
        const int c = part_of(&m, g);
        const double rows = shares[g] * ROWS;
        expect_near(m.weight[c], shares[g], 1e-4, "weight", g);
        for (int j = 0; j < COLUMNS - 1; j++) {
            const double deviation = deviation_of(g, j), v = deviation * deviation;
            expect_near(m.mean[c * COLUMNS + j], mean_of(g), 5.0 * deviation / sqrt(rows), "mean", j);
            expect_near(variance_of(&m, c, j), v, 5.0 * v * sqrt(2.0 / rows) + 1e-4, "variance", j);
        }
        expect_near(m.mean[c * COLUMNS + COLUMNS - 1], 0.0, 1e-5, "mean of the constant column", g);
        expect_near(variance_of(&m, c, COLUMNS - 1), 0.0, 1e-4, "variance of the constant column", g);
    }
    ddpm_mixture_release(&m);
}

static void test_threads(void **state)
{
    const int before = omp_get_max_threads();
    ddpm_mixture m[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        omp_set_num_threads(1 + 2 * i);
        expect_ok(fit("grouped.h5", 4, &m[i]));
    }
    omp_set_num_threads(before);
    assert_int_equal(m[0].count, m[1].count);
    expect_bits(m[1].mean, m[0].mean, (size_t)m[0].directions * sizeof(double), "means", 0);
    expect_bits(m[1].variance, m[0].variance, (size_t)m[0].directions * sizeof(double), "variances", 0);
    expect_bits(m[1].direction, m[0].direction, (size_t)(m[0].directions * COLUMNS) * sizeof(float), "directions", 0);
    for (int i = 0; i < 2; i++) ddpm_mixture_release(&m[i]);
}

/* Rows of one shape, and rows that are too few to tell. */
static void test_one(void **state)
{
    ddpm_mixture m;
    (void)state;
    expect_ok(fit("normal.h5", DDPM_AUTO, &m));
    assert_int_equal(m.count, 0);
    expect_ok(fit("small.h5", DDPM_AUTO, &m));
    assert_int_equal(m.count, 0);
    expect_ok(fit("grouped.h5", 1, &m));
    assert_int_equal(m.count, 0);
    expect_failure(fit("small.h5", 2, &m), DDPM_ERR_CONFIG,
                   "network.mixture: expected at most 1 Gaussians for 10 columns and a sample of 100 rows, found 2");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_groups), cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_one)};
    return RUN_ON_RANKS(argc, argv, tests, make, clean);
}
