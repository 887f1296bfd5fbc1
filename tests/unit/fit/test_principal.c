/* Principal components of data sets: near a known covariance, beside an eigendecomposition of all rows, the same bits
 * on any number of ranks, and of data with constant columns, one row or many columns. */
#include "ranks.h"
#include "scratch.h"

#include "base/log.h"
#include "file/h5.h"
#include "fit/principal.h"
#include "kernel/normal.h"

enum { ROWS = 20000, COLUMNS = 6, BATCH = 777, LARGE_ROWS = 40000, LARGE_COLUMNS = 24 /* 3.7 MiB */ };

/* Of the columns before two of them are mixed; one is constant. */
static const double deviation[COLUMNS] = {2.0, 1.0, 0.5, 0.25, 0.0, 0.1};

static float rows[ROWS * COLUMNS];

/* A rotation of the first two columns by this angle mixes them. */
static const double angle = 0.5;

static ddpm_status write_rows(const char *name, int64_t count, int64_t columns, const float *data)
{
    const int64_t shape[] = {count, columns};
    ddpm_h5 *file = NULL;
    DDPM_TRY(ddpm_h5_create(in_scratch(name), 0, &file));
    return ddpm_h5_finish(&file, ddpm_h5_write(file, "data", DDPM_H5_FLOAT32, 2, shape, data));
}

static ddpm_status write_files(void)
{
    static float wide[3 * (DDPM_PRINCIPAL_COLUMNS_MAX + 1)], large[LARGE_ROWS * LARGE_COLUMNS];
    fill_any(large, LARGE_ROWS * LARGE_COLUMNS, 4);
    DDPM_TRY(write_rows("large.h5", LARGE_ROWS, LARGE_COLUMNS, large));
    DDPM_TRY(write_rows("rows.h5", ROWS, COLUMNS, rows));
    DDPM_TRY(write_rows("one.h5", 1, COLUMNS, rows));
    fill_any(wide, 3 * (DDPM_PRINCIPAL_COLUMNS_MAX + 1), 3);
    return write_rows("wide.h5", 3, DDPM_PRINCIPAL_COLUMNS_MAX + 1, wide);
}

static int make(void **state)
{
    int failed = 0;
    ddpm_log_enable(0);
    ddpm_normal_rows(ddpm_kernels_choose(DDPM_PRECISION_FLOAT32), (ddpm_normal_stream){5, DDPM_RANDOM_DATA, 0}, 0,
                     ddpm_matrix_dense(rows, ROWS, COLUMNS));
    for (int64_t i = 0; i < ROWS; i++) {
        float *x = rows + i * COLUMNS;
        for (int j = 0; j < COLUMNS; j++) x[j] = (float)((double)x[j] * deviation[j]);
        const double first = (double)x[0], second = (double)x[1];
        x[0] = (float)(cos(angle) * first - sin(angle) * second);
        x[1] = (float)(sin(angle) * first + cos(angle) * second);
    }
    if (ddpm_comm_rank(comm) == 0) failed = scratch_make(state) != 0 || write_files() != DDPM_OK;
    ddpm_comm_broadcast(comm, scratch, sizeof scratch);
    return failed;
}

static int clean(void **state)
{
    ddpm_comm_barrier(comm);
    return ddpm_comm_rank(comm) == 0 ? scratch_remove(state) : 0;
}

/* @param memory  MiB; 1 streams the rows. */
static ddpm_data_spec spec_of(const char *file, double memory, ddpm_standardize standardize)
{
    static char path[600];
    snprintf(path, sizeof path, "%s", in_scratch(file));
    return (ddpm_data_spec){.source = DDPM_DATA_HDF5,
                            .path = path,
                            .dataset = "data",
                            .standardize = standardize,
                            .memory = memory,
                            .seed = 3,
                            .batch = BATCH};
}

static ddpm_components components_of(const ddpm_data_spec *spec, int64_t most)
{
    ddpm_dataset *dataset = NULL;
    ddpm_components found;
    expect_ok(ddpm_dataset_create(comm, spec, &dataset));
    expect_ok(ddpm_principal_components(comm, dataset, BATCH, most, &found));
    ddpm_dataset_free(dataset);
    if (found.count > 0) {
        expect_same_on_ranks(found.variance, (size_t)(found.count + 1) * sizeof(double), "variances");
        expect_same_on_ranks(found.direction, (size_t)(found.count * found.columns) * sizeof(float), "directions");
    }
    return found;
}

static double product(const ddpm_components *c, int64_t k, int64_t l)
{
    double sum = 0.0;
    for (int64_t j = 0; j < c->columns; j++)
        sum += (double)c->direction[k * c->columns + j] * (double)c->direction[l * c->columns + j];
    return sum;
}

/* Along the axes that the rows were drawn along, the deviations of the draws. A constant column has no direction. */
static void test_known_covariance(void **state)
{
    static const int axis_of[5] = {0, 1, 2, 3, 5};
    const ddpm_data_spec spec = spec_of("rows.h5", 4096, DDPM_STANDARDIZE_NONE);
    ddpm_components c = components_of(&spec, COLUMNS);
    (void)state;
    assert_int_equal(c.count, COLUMNS - 1);
    for (int k = 0; k < 5; k++) {
        const double v = pow(deviation[axis_of[k]], 2.0);
        double axis[COLUMNS] = {0.0}, along = 0.0;
        if (axis_of[k] == 0) axis[0] = cos(angle), axis[1] = sin(angle);
        if (axis_of[k] == 1) axis[0] = -sin(angle), axis[1] = cos(angle);
        if (axis_of[k] > 1) axis[axis_of[k]] = 1.0;
        expect_near(c.variance[k], v, 5.0 * v * sqrt(2.0 / ROWS), "variance", k);
        for (int j = 0; j < COLUMNS; j++) along += axis[j] * (double)c.direction[k * COLUMNS + j];
        expect_near(fabs(along), 1.0, 2e-3, "direction", k);
        assert_true(c.direction[k * COLUMNS + 4] == 0.0f);
        for (int l = 0; l <= k; l++) expect_near(product(&c, k, l), l == k ? 1.0 : 0.0, 1e-6, "product", 10 * k + l);
    }
    assert_true(c.variance[5] == 0.0);
    ddpm_components_release(&c);
}

/* With fewer components than directions, the rest has the mean of their variances; the first ones stay the same. */
static void test_fewer(void **state)
{
    const ddpm_data_spec spec = spec_of("rows.h5", 4096, DDPM_STANDARDIZE_COLUMN);
    ddpm_components all = components_of(&spec, COLUMNS);
    double total = 0.0;
    (void)state;
    for (int64_t k = 0; k < all.count; k++) total += all.variance[k];
    expect_near(total, 5.0, 1e-2, "sum of variances", 0); /* of standardised columns, of which one is constant */
    for (int64_t most = 1; most < all.count; most++) {
        ddpm_components some = components_of(&spec, most);
        double rest = total;
        assert_int_equal(some.count, most);
        expect_bits(some.direction, all.direction, (size_t)(most * COLUMNS) * sizeof(float), "directions", most);
        expect_bits(some.variance, all.variance, (size_t)most * sizeof(double), "variances", most);
        for (int64_t k = 0; k < most; k++) rest -= all.variance[k];
        expect_near(some.variance[most], rest / (double)(COLUMNS - most), 1e-12, "mean of the rest", most);
        ddpm_components_release(&some);
    }
    ddpm_components_release(&all);
}

/* The second moments of all rows are those of the sample here; streamed rows come in another order, but the sums are
 * exact, so that the bits are the same where both have the same rows and the same standardisation. */
static void test_streamed(void **state)
{
    const ddpm_data_spec held = spec_of("large.h5", 4096, DDPM_STANDARDIZE_NONE);
    ddpm_components c = components_of(&held, LARGE_COLUMNS);
    ddpm_data_spec streamed = held;
    (void)state;
    streamed.memory = 3.5;
    streamed.batch = 100;
    ddpm_dataset *dataset = NULL;
    char text[200];
    ddpm_components s;
    expect_ok(ddpm_dataset_create(comm, &streamed, &dataset));
    ddpm_dataset_describe(dataset, text, sizeof text);
    assert_non_null(strstr(text, "streamed"));
    expect_ok(ddpm_principal_components(comm, dataset, 100, LARGE_COLUMNS, &s));
    assert_int_equal(s.count, c.count);
    expect_bits(s.variance, c.variance, (size_t)(c.count + 1) * sizeof(double), "variances", 0);
    expect_bits(s.direction, c.direction, (size_t)(c.count * LARGE_COLUMNS) * sizeof(float), "directions", 0);
    ddpm_dataset_free(dataset);
    ddpm_components_release(&s);
    ddpm_components_release(&c);
}

/* Moments in exact integers are those in double precision to the rounding of a row's numbers, and do not depend on how
 * many rows are asked for at a time. */
static void test_batches(void **state)
{
    static const int64_t batches[] = {1, 13, BATCH};
    const ddpm_data_spec spec = spec_of("rows.h5", 4096, DDPM_STANDARDIZE_NONE);
    ddpm_components first = components_of(&spec, COLUMNS);
    ddpm_dataset *dataset = NULL;
    (void)state;
    for (int64_t k = 0; k < first.count; k++) { /* the variance of the rows along the direction */
        double sum = 0.0;
        for (int64_t i = 0; i < ROWS; i++) {
            double along = 0.0;
            for (int j = 0; j < COLUMNS; j++)
                along += (double)rows[i * COLUMNS + j] * (double)first.direction[k * COLUMNS + j];
            sum += along * along / ROWS;
        }
        expect_near(first.variance[k], sum, 1e-4 * sum, "variance along a direction", k);
    }
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    for (int b = 0; b < 3; b++) {
        ddpm_components again;
        expect_ok(ddpm_principal_components(comm, dataset, batches[b], COLUMNS, &again));
        expect_bits(again.direction, first.direction, (size_t)(first.count * COLUMNS) * sizeof(float), "directions", b);
        ddpm_components_release(&again);
    }
    ddpm_dataset_free(dataset);
    ddpm_components_release(&first);
}

static void test_one_row(void **state)
{
    ddpm_data_spec spec = spec_of("one.h5", 4096, DDPM_STANDARDIZE_COLUMN);
    ddpm_components c = components_of(&spec, COLUMNS);
    (void)state;
    assert_int_equal(c.count, 1); /* standardised, it is 0 */
    assert_true(c.variance[0] == 0.0 && c.variance[1] == 0.0);
    for (int j = 0; j < COLUMNS; j++) assert_true(c.direction[j] == 0.0f);
    ddpm_components_release(&c);
    spec = spec_of("one.h5", 4096, DDPM_STANDARDIZE_NONE);
    c = components_of(&spec, COLUMNS);
    double square = 0.0;
    for (int j = 0; j < COLUMNS; j++) square += pow((double)rows[j], 2.0);
    assert_int_equal(c.count, 1);
    expect_near(c.variance[0], square, 1e-3 * square, "square of the row", 0);
    expect_near(product(&c, 0, 0), 1.0, 1e-6, "length", 0);
    ddpm_components_release(&c);
}

static void test_too_many_columns(void **state)
{
    const ddpm_data_spec spec = spec_of("wide.h5", 4096, DDPM_STANDARDIZE_COLUMN);
    ddpm_components c = components_of(&spec, 5);
    (void)state;
    assert_int_equal(c.count, 0);
    assert_int_equal(c.columns, DDPM_PRINCIPAL_COLUMNS_MAX + 1);
    ddpm_components_release(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_covariance), cmocka_unit_test(test_fewer),
        cmocka_unit_test(test_streamed),         cmocka_unit_test(test_batches),
        cmocka_unit_test(test_one_row),          cmocka_unit_test(test_too_many_columns),
    };
    return RUN_ON_RANKS(argc, argv, tests, make, clean);
}
