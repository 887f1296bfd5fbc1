/* The training rows: an epoch visits every one once and no held-out one, in the same order at any number of ranks, in
 * memory and streamed; standardising; columns; what is refused. */
#include "ranks.h"
#include "scratch.h"

#include "base/log.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "file/h5.h"

enum {
    ROWS = 150001,
    COLUMNS = 16, /* 16384 rows a page of 1 MiB: 9 pages and a tail */
    BATCH = 5003, /* divides nothing */
    BAD_ROW = 98765,
    BAD_COLUMN = 3
};

/* Hashes of the row numbers in the order of their visits, at seed 17, which must never change. */
static const uint64_t IN_MEMORY_HASH = UINT64_C(0xfcdaed5b05570be5), STREAMED_HASH = UINT64_C(0xc4c9e617f432e4b3);

static const char *const names[COLUMNS] = {"id", "constant", "a", "b", "c", "d", "e", "f",
                                           "g",  "h",        "i", "j", "k", "l", "m", "n"};

/* id, then a constant, then numbers of rising size. */
static float value_at(int64_t row, int64_t column)
{
    if (column == 0) return (float)row;
    if (column == 1) return 2.5f;
    return (float)((double)column * 10.0 + any_number(row * COLUMNS + column) * pow(10.0, (double)(column % 5) - 2.0));
}

static ddpm_status write_files(void)
{
    const int64_t shape[] = {ROWS, COLUMNS};
    float *data = NULL;
    ddpm_h5 *file = NULL;
    DDPM_TRY(DDPM_NEW(&data, ROWS * COLUMNS, "rows"));
    for (int64_t i = 0; i < ROWS * COLUMNS; i++) data[i] = value_at(i / COLUMNS, i % COLUMNS);
    for (int bad = 0; bad < 2; bad++) {
        if (bad) data[BAD_ROW * COLUMNS + BAD_COLUMN] = NAN;
        DDPM_TRY(ddpm_h5_create(in_scratch(bad ? "bad.h5" : "good.h5"), 0, &file));
        ddpm_status status = ddpm_h5_write(file, "rows", DDPM_H5_FLOAT32, 2, shape, data);
        if (status == DDPM_OK) status = ddpm_h5_put_names(file, "rows", "columns", COLUMNS, names);
        DDPM_TRY(ddpm_h5_finish(&file, status));
    }
    ddpm_release(data);
    return DDPM_OK;
}

static int make(void **state)
{
    int failed = 0;
    ddpm_log_enable(0);
    if (ddpm_comm_rank(comm) == 0) failed = scratch_make(state) != 0 || write_files() != DDPM_OK;
    ddpm_comm_broadcast(comm, scratch, sizeof scratch);
    return failed;
}

static int clean(void **state)
{
    ddpm_comm_barrier(comm);
    return ddpm_comm_rank(comm) == 0 ? scratch_remove(state) : 0;
}

/* Rows of a file as they are, at most BATCH at a time. */
static ddpm_data_spec spec_of(const char *file)
{
    static char path[600];
    snprintf(path, sizeof path, "%s", in_scratch(file));
    return (ddpm_data_spec){.source = DDPM_DATA_HDF5,
                            .path = path,
                            .dataset = "rows",
                            .standardize = DDPM_STANDARDIZE_NONE,
                            .validation = 0.1,
                            .memory = 4096,
                            .seed = 17,
                            .batch = BATCH};
}

static ddpm_data_spec streamed_spec(void)
{
    ddpm_data_spec spec = spec_of("good.h5");
    spec.memory = 6;
    spec.validation = 0.25;
    spec.piece = 1024;
    return spec;
}

#define LIST(...)                                                                      \
    {                                                                                  \
        .count = sizeof((char *[]){__VA_ARGS__}) / sizeof(char *), .items = (char *[]) \
        {                                                                              \
            __VA_ARGS__                                                                \
        }                                                                              \
    }

/* In how many epochs a row was visited. */
static char seen[ROWS];

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(0x100000001b3); /* FNV-1a, a word at a time */
}

/* Visit the rows of some epochs, in batches; each epoch must visit each training row once. @return a hash of the order.
 */
static uint64_t visit(ddpm_dataset *dataset, int epochs)
{
    const int64_t rows = ddpm_dataset_rows(dataset);
    float *batch = NULL;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    int64_t moved = 0;
    expect_ok(DDPM_NEW(&batch, BATCH * COLUMNS, "batch"));
    memset(seen, 0, sizeof seen);
    for (int64_t at = 0; at < epochs * rows; at += BATCH) {
        const int64_t n = epochs * rows - at < BATCH ? epochs * rows - at : BATCH, part = n / 3;
        ddpm_comm_barrier(comm); /* the exchange of gradients, in training */
        expect_ok(ddpm_dataset_prepare(dataset, at, n));
        ddpm_dataset_fill(dataset, at, part, batch, NULL);
        ddpm_dataset_fill(dataset, at + part, n - part, batch + part * COLUMNS, NULL);
        for (int64_t i = 0; i < n; i++) {
            const float *row = batch + i * COLUMNS;
            const int64_t id = (int64_t)row[0], epoch = (at + i) / rows;
            assert_in_range(id, 0, ROWS - 1);
            if (seen[id] != epoch)
                fail_msg("row %lld met %d times before epoch %lld", (long long)id, seen[id], (long long)epoch);
            seen[id]++;
            assert_int_equal(ddpm_dataset_row(dataset, at + i), id);
            assert_true(row[1] == value_at(id, 1) && row[COLUMNS - 1] == value_at(id, COLUMNS - 1));
            hash = mix(hash, (uint64_t)id);
            moved += llabs(id - (at + i) % rows) > rows / 20;
        }
    }
    assert_true(moved > epochs * rows / 2); /* the order is not that of the file */
    ddpm_release(batch);
    return hash;
}

/* Held-out rows are rows that no epoch visited, each of them once. */
static void expect_held_out(const ddpm_dataset *dataset, int epochs)
{
    const int64_t held_out = ddpm_dataset_held_out(dataset);
    float *rows = NULL;
    expect_ok(DDPM_NEW(&rows, held_out * COLUMNS, "held-out rows"));
    ddpm_dataset_fill_held_out(dataset, 0, held_out / 2, rows, NULL);
    ddpm_dataset_fill_held_out(dataset, held_out / 2, held_out - held_out / 2, rows + held_out / 2 * COLUMNS, NULL);
    for (int64_t i = 0; i < held_out; i++) {
        const int64_t id = (int64_t)rows[i * COLUMNS];
        if (seen[id] != 0) fail_msg("held-out row %lld met %d times", (long long)id, seen[id]);
        seen[id] = (char)epochs;
        if (ddpm_dataset_row_held_out(dataset, i) >= 0) assert_int_equal(ddpm_dataset_row_held_out(dataset, i), id);
    }
    ddpm_release(rows);
}

static void test_in_memory(void **state)
{
    const ddpm_data_spec spec = spec_of("good.h5");
    ddpm_dataset *dataset = NULL;
    (void)state;
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    assert_int_equal(ddpm_dataset_columns(dataset), COLUMNS);
    assert_int_equal(ddpm_dataset_held_out(dataset), ROWS / 10);
    assert_int_equal(ddpm_dataset_rows(dataset), ROWS - ROWS / 10);
    const uint64_t hash = visit(dataset, 2);
    expect_held_out(dataset, 2);
    for (int64_t i = 0; i < ROWS; i++) assert_int_equal(seen[i], 2);
    assert_int_equal(hash, IN_MEMORY_HASH);
    ddpm_dataset_free(dataset);
}

static void test_streamed(void **state)
{
    enum { PAGE = (1 << 20) / (COLUMNS * 4), HELD_OUT_PAGES = 2 };
    const ddpm_data_spec spec = streamed_spec();
    ddpm_dataset *dataset = NULL;
    char text[200];
    (void)state;
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    ddpm_dataset_describe(dataset, text, sizeof text);
    assert_non_null(strstr(text, "streamed"));
    assert_int_equal(ddpm_dataset_held_out(dataset), HELD_OUT_PAGES * PAGE);
    assert_int_equal(ddpm_dataset_rows(dataset), ROWS - HELD_OUT_PAGES * PAGE);
    const uint64_t hash = visit(dataset, 3);
    expect_held_out(dataset, 3);
    for (int64_t i = 0; i < ROWS; i++) assert_int_equal(seen[i], 3);
    assert_int_equal(hash, STREAMED_HASH);
    ddpm_dataset_free(dataset);
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The Kolmogorov-Smirnov distance of the ids of rows from all, which are 0 .. all-1. Sorts the ids. */
static double distance_of(int64_t count, int64_t *ids, int64_t all)
{
    double distance = 0.0;
    qsort(ids, (size_t)count, sizeof *ids, by_size);
    for (int64_t i = 0; i < count; i++)
        distance = fmax(distance, fabs((double)i / (double)count - (double)ids[i] / (double)all));
    return distance;
}

/* The rows of a file are 0 .. all-1 in their order, by the first of `columns`. Yet those of a window, and those that
 * are held out, are spread like all. */
static void expect_like_the_file(ddpm_data_spec spec, int64_t all, int64_t columns, int64_t window, int64_t part)
{
    float *rows = NULL;
    int64_t *ids = NULL;
    ddpm_dataset *dataset = NULL;
    spec.batch = part;
    spec.piece = 0;
    expect_ok(DDPM_NEW(&rows, window * columns, "rows"));
    expect_ok(DDPM_NEW(&ids, window, "ids"));
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    assert_true(ddpm_dataset_held_out(dataset) >= window);
    for (int held_out = 0; held_out < 2; held_out++) {
        for (int64_t at = 0; at < window; at += part) {
            ddpm_comm_barrier(comm);
            expect_ok(ddpm_dataset_prepare(dataset, at, part));
            if (held_out)
                ddpm_dataset_fill_held_out(dataset, at, part, rows + at * columns, NULL);
            else
                ddpm_dataset_fill(dataset, at, part, rows + at * columns, NULL);
        }
        for (int64_t i = 0; i < window; i++) ids[i] = (int64_t)rows[i * columns];
        const double distance = distance_of(window, ids, all);
        if (distance > 0.1) fail_msg("a Kolmogorov-Smirnov distance of %g", distance);
        expect_same_on_ranks(&distance, sizeof distance, "the distance");
    }
    ddpm_dataset_free(dataset);
    ddpm_release(rows);
    ddpm_release(ids);
}

static void test_window_like_the_file(void **state)
{
    ddpm_data_spec spec = streamed_spec();
    (void)state;
    spec.memory = 1;
    expect_like_the_file(spec, ROWS, COLUMNS, 4000, 1000);
}

/* A window is a hundredth of the file: 64 Ki of 6.5 million rows, from 256 places. */
static void test_small_window_like_the_file(void **state)
{
    enum { WINDOW = 1 << 16, ALL = 100 * WINDOW };
    ddpm_data_spec spec = spec_of("sorted.h5");
    (void)state;
    spec.memory = 1;
    if (ddpm_comm_rank(comm) == 0) {
        float *ids = NULL;
        ddpm_h5 *file = NULL;
        const int64_t shape[] = {ALL};
        expect_ok(DDPM_NEW(&ids, ALL, "rows"));
        for (int64_t i = 0; i < ALL; i++) ids[i] = (float)i;
        expect_ok(ddpm_h5_create(in_scratch("sorted.h5"), 0, &file));
        expect_ok(ddpm_h5_finish(&file, ddpm_h5_write(file, "rows", DDPM_H5_FLOAT32, 1, shape, ids)));
        ddpm_release(ids);
    }
    ddpm_comm_barrier(comm);
    expect_like_the_file(spec, ALL, 1, WINDOW, WINDOW / 8);
}

/* A run that is resumed in the middle gets the same rows. */
static void test_streamed_from_the_middle(void **state)
{
    static float through[100 * COLUMNS], jumped[100 * COLUMNS];
    const ddpm_data_spec spec = streamed_spec();
    ddpm_dataset *dataset = NULL;
    const int64_t at = 200000;
    (void)state;
    for (int jump = 0; jump < 2; jump++) {
        expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
        for (int64_t before = 0; !jump && before < at; before += BATCH) {
            ddpm_comm_barrier(comm);
            expect_ok(ddpm_dataset_prepare(dataset, before, BATCH));
        }
        ddpm_comm_barrier(comm);
        expect_ok(ddpm_dataset_prepare(dataset, at, 100));
        ddpm_dataset_fill(dataset, at, 100, jump ? jumped : through, NULL);
        ddpm_dataset_free(dataset);
    }
    expect_bits(jumped, through, sizeof jumped, "rows", at);
}

/* The statistics of the training rows (division by n, as numpy's), by two passes in the order of the file. */
static void expect_statistics(const ddpm_dataset *dataset, const char *is_training)
{
    const ddpm_transform *t = ddpm_dataset_transform(dataset);
    for (int64_t j = 0; j < COLUMNS; j++) {
        double sum = 0.0, squares = 0.0, n = 0.0, low = INFINITY, high = -INFINITY;
        for (int64_t i = 0; i < ROWS; i++) {
            if (!is_training[i]) continue;
            const double value = (double)value_at(i, j);
            sum += value;
            n += 1.0;
            low = fmin(low, value);
            high = fmax(high, value);
        }
        const double mean = sum / n;
        for (int64_t i = 0; i < ROWS; i++)
            if (is_training[i]) squares += pow((double)value_at(i, j) - mean, 2.0);
        const double scale = squares > 0.0 ? sqrt(squares / n) : 1.0;
        expect_near(t->mean[j], mean, 1e-12 * (fabs(mean) + scale), "mean of column", j);
        expect_near(t->scale[j], scale, 1e-11 * scale, "scale of column", j);
        expect_near(t->minimum[j], (low - mean) / scale, 1e-9 * (1.0 + fabs(low / scale)), "minimum of column", j);
        expect_near(t->maximum[j], (high - mean) / scale, 1e-9 * (1.0 + fabs(high / scale)), "maximum of column", j);
    }
    expect_same_on_ranks(t->mean, COLUMNS * sizeof(double), "means");
    expect_same_on_ranks(t->scale, COLUMNS * sizeof(double), "scales");
}

static void test_standardize(void **state)
{
    static float rows[1000 * COLUMNS];
    static char is_training[ROWS];
    (void)state;
    for (int stream = 0; stream < 2; stream++) {
        ddpm_data_spec spec =
            stream ? streamed_spec() : spec_of("good.h5"); /* the ids, as they are, show which rows are trained on */
        ddpm_dataset *dataset = NULL;
        if (stream) spec.seed = 7; /* the first page is held out */
        expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
        (void)visit(dataset, 1);
        if (stream) assert_int_equal(seen[0], 0);
        memcpy(is_training, seen, sizeof seen);
        ddpm_dataset_free(dataset);

        spec.standardize = DDPM_STANDARDIZE_COLUMN;
        expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
        expect_statistics(dataset, is_training);
        const ddpm_transform *t = ddpm_dataset_transform(dataset);
        expect_ok(ddpm_dataset_prepare(dataset, 500, 1000));
        ddpm_dataset_fill(dataset, 500, 1000, rows, NULL);
        for (int64_t i = 0; i < 1000; i++) {
            const int64_t id = llrint((double)rows[i * COLUMNS] * t->scale[0] + t->mean[0]);
            assert_true(rows[i * COLUMNS + 1] == 0.0f); /* the constant column: centred, not scaled */
            for (int64_t j = 0; j < COLUMNS; j++) {
                const float *x = &rows[i * COLUMNS + j];
                assert_true(*x == (float)(((double)value_at(id, j) - t->mean[j]) / t->scale[j]));
                assert_true((double)*x >= t->minimum[j] - 1e-6 && (double)*x <= t->maximum[j] + 1e-6);
            }
        }
        ddpm_transform_invert(t, DDPM_NUMBER_FLOAT32, 1000, rows, rows);
        for (int64_t i = 0; i < 1000; i++) {
            const int64_t id = llrint((double)rows[i * COLUMNS]);
            for (int64_t j = 0; j < COLUMNS; j++)
                expect_near((double)rows[i * COLUMNS + j], (double)value_at(id, j), 0.02 * (j == 0) + 1e-4, "back", j);
        }
        ddpm_dataset_free(dataset);
    }
}

/* One mean and one scale for all columns. */
static void test_standardize_global(void **state)
{
    ddpm_data_spec spec = spec_of("good.h5");
    ddpm_dataset *dataset = NULL;
    double sum = 0.0, squares = 0.0;
    (void)state;
    for (int64_t i = 0; i < 3 * (int64_t)ROWS; i++) sum += (double)value_at(i / 3, 2 + i % 3);
    const double mean = sum / (3.0 * ROWS);
    for (int64_t i = 0; i < 3 * (int64_t)ROWS; i++) squares += pow((double)value_at(i / 3, 2 + i % 3) - mean, 2.0);
    spec.standardize = DDPM_STANDARDIZE_GLOBAL;
    spec.columns = (ddpm_text_list)LIST("a", "b", "4");
    spec.validation = 0.0;
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    assert_int_equal(ddpm_dataset_held_out(dataset), 0);
    assert_int_equal(ddpm_dataset_rows(dataset), ROWS);
    const ddpm_transform *t = ddpm_dataset_transform(dataset);
    for (int j = 0; j < 3; j++) {
        expect_near(t->mean[j], mean, 1e-11 * mean, "mean", j);
        expect_near(t->scale[j], sqrt(squares / (3.0 * ROWS)), 1e-10, "scale", j);
    }
    ddpm_dataset_free(dataset);
}

/* Columns by name and by number, in the order asked for. */
static void test_columns(void **state)
{
    ddpm_data_spec spec = spec_of("good.h5");
    ddpm_dataset *dataset = NULL;
    float row[3];
    (void)state;
    spec.columns = (ddpm_text_list)LIST("e", "0", "constant");
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    assert_int_equal(ddpm_dataset_columns(dataset), 3);
    assert_string_equal(ddpm_dataset_names(dataset)[0], "e");
    assert_string_equal(ddpm_dataset_names(dataset)[1], "id");
    assert_string_equal(ddpm_dataset_names(dataset)[2], "constant");
    for (int64_t at = 0; at < 1000; at += 97) {
        ddpm_dataset_fill(dataset, at, 1, row, NULL);
        assert_true(row[0] == value_at((int64_t)row[1], 6) && row[2] == 2.5f);
    }
    ddpm_dataset_free(dataset);
    spec.columns = (ddpm_text_list)LIST("e", "energy");
    expect_failure(ddpm_dataset_create(comm, &spec, &dataset), DDPM_ERR_DATA, "no column 'energy'");
    assert_null(dataset);
    spec.columns = (ddpm_text_list)LIST("16");
    expect_failure(ddpm_dataset_create(comm, &spec, &dataset), DDPM_ERR_DATA, "no column '16'");
}

/* One NaN, which one rank reads: all ranks say where it is. In a column that is not used it is allowed. */
static void test_not_a_number(void **state)
{
    ddpm_data_spec spec = spec_of("bad.h5"), streamed = spec, with = spec;
    const ddpm_data_spec *const refused[] = {&spec, &streamed, &with};
    ddpm_dataset *dataset = NULL;
    (void)state;
    streamed.memory = 6;
    with.columns = (ddpm_text_list)LIST("id", "b");
    for (int i = 0; i < 3; i++) {
        expect_failure(ddpm_dataset_create(comm, refused[i], &dataset), DDPM_ERR_DATA, "row 98765, column 3 ('b')");
        assert_null(dataset);
    }
    spec.columns = (ddpm_text_list)LIST("id", "a");
    expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
    ddpm_dataset_free(dataset);
}

static void test_too_little_memory(void **state)
{
    ddpm_data_spec spec = spec_of("good.h5");
    ddpm_dataset *dataset = NULL;
    (void)state;
    spec.memory = 2;
    spec.piece = 1024;
    spec.batch = 100;
    expect_failure(ddpm_dataset_create(comm, &spec, &dataset), DDPM_ERR_CONFIG, "data.memory");
    spec.memory = 6;
    spec.batch = 40000;
    expect_failure(ddpm_dataset_create(comm, &spec, &dataset), DDPM_ERR_CONFIG, "training.batch: 40000");
    spec.batch = 100000000; /* a number of more than four digits is printed as a whole number */
    expect_failure(ddpm_dataset_create(comm, &spec, &dataset), DDPM_ERR_CONFIG, "expected at least 18312 MiB");
}

/* Generated rows have no file that a message could name. */
static void test_label_that_is_no_class(void **state)
{
    const ddpm_data_spec spec = {.source = DDPM_DATA_SWISS_ROLL,
                                 .count = 100,
                                 .noise = NAN,
                                 .dimensions = 2,
                                 .condition = LIST("class:label"),
                                 .memory = 4096,
                                 .batch = 10};
    ddpm_dataset *dataset = NULL;
    (void)state;
    expect_failure(ddpm_dataset_create(comm, &spec, &dataset), DDPM_ERR_DATA,
                   "generated rows: condition 'label', row 0");
    assert_non_null(strstr(ddpm_error_message(), "number:NAME takes numbers"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_memory),
        cmocka_unit_test(test_streamed),
        cmocka_unit_test(test_window_like_the_file),
        cmocka_unit_test(test_small_window_like_the_file),
        cmocka_unit_test(test_streamed_from_the_middle),
        cmocka_unit_test(test_standardize),
        cmocka_unit_test(test_standardize_global),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_too_little_memory),
        cmocka_unit_test(test_label_that_is_no_class),
    };
    return RUN_ON_RANKS(argc, argv, tests, make, clean);
}
