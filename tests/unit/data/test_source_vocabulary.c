/* Tokens of tables and of arrays: the same on any ranks as on one, held and streamed; what held-out rows may hold. */
#include "ranks.h"
#include "scratch.h"

#include "base/log.h"
#include "data/dataset.h"
#include "data/source_vocabulary.h"
#include "data/table_file.h"

enum {
    ROWS = 30011,
    COLUMNS = 7,
    NAMES = 3,
    STREAMED = 100000 /* bytes, in which no column fits as a whole */
};

static const char *const names[NAMES] = {"red", "green", "blue"};
static const int8_t codes[NAMES] = {5, -1, 3};

/* A smooth number, one with a spike and gaps, a whole number, an enumeration, texts, gaps alone, and one value. */
static double smooth[ROWS], spiked[ROWS], nothing[ROWS], constant[ROWS];
static int32_t whole[ROWS];
static int8_t color[ROWS];
static char text[ROWS][8];
static float array[ROWS][4];

static void make_rows(void)
{
    for (int64_t i = 0; i < ROWS; i++) {
        const double x = any_number(3 * i), y = any_number(3 * i + 1), z = any_number(3 * i + 2);
        smooth[i] = sinh(3.0 * x);
        spiked[i] = y < -0.8 ? NAN : y < 0.0 ? -0.0 : y;
        whole[i] = (int32_t)(200.0 * z * z);
        color[i] = codes[x < 0.0 ? 0 : y < 0.0 ? 1 : 2];
        snprintf(text[i], sizeof text[i], "%s", z < -0.5 ? "" : z < 0.5 ? "b" : "a");
        nothing[i] = NAN;
        constant[i] = 2.5;
        array[i][0] = (float)smooth[i];
        array[i][1] = (float)spiked[i];
        array[i][2] = (float)whole[i];
        array[i][3] = array[i][0] + (i % 3 == 0 ? 1e-3f * (float)(1.0 + y) : 0.0f);
    }
}

static void write_files(void)
{
    const hsize_t size[] = {ROWS, 4};
    hid_t group;
    const hid_t file = new_table("table.h5", &group), type = enumeration(NAMES, names, codes), fixed = text_of(8);
    put_column(group, "a", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, ROWS, smooth);
    put_column(group, "b", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, ROWS, spiked);
    put_column(group, "c", H5T_STD_I32LE, H5T_NATIVE_INT32, ROWS, whole);
    put_column(group, "d", type, type, ROWS, color);
    put_column(group, "e", fixed, fixed, ROWS, text);
    put_column(group, "f", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, ROWS, nothing);
    put_column(group, "g", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, ROWS, constant);
    const hid_t space = valid(H5Screate_simple(2, size, NULL));
    const hid_t id = valid(H5Dcreate2(file, "array", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    assert_true(H5Dwrite(id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, array) >= 0);
    assert_true(H5Dclose(id) >= 0 && H5Sclose(space) >= 0 && H5Tclose(type) >= 0 && H5Tclose(fixed) >= 0);
    close_table(file, group);
}

static int make(void **state)
{
    ddpm_log_enable(0);
    make_rows();
    if (ddpm_comm_rank(comm) == 0) {
        if (scratch_make(state)) return -1;
        write_files();
    }
    ddpm_comm_broadcast(comm, scratch, sizeof scratch);
    return 0;
}

static int clean(void **state)
{
    ddpm_comm_barrier(comm);
    return ddpm_comm_rank(comm) == 0 ? scratch_remove(state) : 0;
}

static ddpm_data_spec spec_of(const char *dataset)
{
    static char path[600];
    snprintf(path, sizeof path, "%s", in_scratch("table.h5"));
    return (ddpm_data_spec){.source = DDPM_DATA_HDF5,
                            .path = path,
                            .dataset = dataset,
                            .tokens = 1,
                            .validation = 0.1,
                            .memory = 4096,
                            .seed = 17,
                            .batch = 100};
}

static int takes_part(void *context, int64_t row)
{
    (void)context;
    return row % 7 != 3;
}

static void expect_same_column(const ddpm_column_vocabulary *x, const ddpm_column_vocabulary *y, int64_t j)
{
    assert_true(x->spikes == y->spikes && x->bins == y->bins && x->decimals == y->decimals && x->twin == y->twin);
    expect_bits(x->spike, y->spike, (size_t)x->spikes * sizeof(double), "spikes", j);
    if (x->bins > 0)
        expect_bits(x->knot, y->knot, (size_t)(x->bins * DDPM_VOCABULARY_KNOTS + 1) * sizeof(double), "knots", j);
    expect_bits(x->rows, y->rows, (size_t)ddpm_column_tokens(x) * sizeof(double), "rows", j);
}

static void expect_same(const ddpm_vocabulary *a, const ddpm_vocabulary *b)
{
    assert_int_equal(a->columns, b->columns);
    for (int64_t j = 0; j < a->columns; j++) {
        expect_same_column(&a->column[j], &b->column[j], j);
        if (a->column[j].twin > 0) expect_same_column(a->column[j].near, b->column[j].near, j);
    }
}

/* What all ranks choose together is what one rank chooses alone. */
static void same_on_ranks(void **state)
{
    static const char *const datasets[] = {"table", "array"};
    ddpm_comm *alone;
    (void)state;
    ddpm_comm_start_alone(&alone);
    for (int i = 0; i < 2; i++) {
        const ddpm_data_spec spec = spec_of(datasets[i]);
        ddpm_source *source;
        ddpm_transform together, single;
        expect_ok(ddpm_source_open(&spec, &source));
        expect_ok(ddpm_source_choose_tokens(comm, source, STREAMED, 1, takes_part, NULL, &together));
        expect_ok(ddpm_source_choose_tokens(alone, source, INT64_MAX, 1, takes_part, NULL, &single));
        expect_same(together.vocabulary, single.vocabulary);
        assert_true(together.vocabulary->column[0].bins > 100);
        assert_true(together.vocabulary->column[1].rows[0] > 0.0 && together.vocabulary->column[1].spike[0] == 0.0);
        if (i == 0) {
            assert_string_equal(together.vocabulary->column[3].layout.names[1], "green");
            for (int64_t j = 0; j < COLUMNS; j++) assert_true(ddpm_transform_is_constant(&together, j) == (j >= 5));
        } else {
            assert_int_equal(together.vocabulary->column[3].twin, 1);
            assert_true(together.vocabulary->column[3].near->spike[0] == 0.0);
        }
        ddpm_transform_release(&together);
        ddpm_transform_release(&single);
        ddpm_source_close(source);
    }
    ddpm_comm_stop(alone);
}

/* Every row that is visited, held or streamed, is one of the file: all its columns come back. */
static void expect_values(const float *row, const ddpm_transform *transform)
{
    double values[COLUMNS];
    ddpm_transform_invert(transform, DDPM_NUMBER_FLOAT64, 1, row, values);
    assert_true(isnan(values[5]) && values[6] == 2.5);
    for (int64_t i = 0; i < ROWS; i++) {
        if (fabs(smooth[i] - values[0]) > 1e-4 || whole[i] != (int32_t)values[2]) continue;
        if (codes[(int)values[3]] != color[i] || isnan(spiked[i]) != isnan(values[1])) continue;
        const ddpm_column_layout *texts = &transform->vocabulary->column[4].layout;
        if (strcmp(isnan(values[4]) ? "" : texts->names[(int)values[4]], text[i]) == 0) return;
    }
    fail_msg("no row of the file is like (%g, %g, %g, %g, %g)", values[0], values[1], values[2], values[3], values[4]);
}

static void rows_of_a_data_set(void **state)
{
    enum { SEEN = 100 };
    (void)state;
    for (int streamed = 0; streamed < 2; streamed++) {
        ddpm_data_spec spec = spec_of("data"); /* there is none, so it is the table */
        ddpm_dataset *dataset;
        float rows[SEEN * COLUMNS];
        spec.tokens = 0; /* of a table they always are */
        if (streamed) spec.memory = 0.5;
        expect_ok(ddpm_dataset_create(comm, &spec, &dataset));
        assert_true(ddpm_dataset_held_out(dataset) >= SEEN);
        expect_ok(ddpm_dataset_prepare(dataset, 0, SEEN));
        ddpm_dataset_fill(dataset, 0, SEEN, rows, NULL);
        for (int i = 0; i < SEEN; i++) expect_values(rows + i * COLUMNS, ddpm_dataset_transform(dataset));
        ddpm_dataset_fill_held_out(dataset, 0, SEEN, rows, NULL);
        for (int i = 0; i < SEEN; i++) expect_values(rows + i * COLUMNS, ddpm_dataset_transform(dataset));
        ddpm_dataset_free(dataset);
    }
}

static int has_no_red(void *context, int64_t row)
{
    (void)context;
    return color[row] != codes[0] && whole[row] > 50;
}

/* A name that no training row has is a gap, or the most frequent name where there are no gaps. */
static void unknown_values(void **state)
{
    const ddpm_data_spec spec = spec_of("table");
    ddpm_source *source;
    ddpm_transform transform;
    float row[COLUMNS];
    (void)state;
    expect_ok(ddpm_source_open(&spec, &source));
    expect_ok(ddpm_source_choose_tokens(comm, source, STREAMED, 1, has_no_red, NULL, &transform));
    const ddpm_column_vocabulary *colors = &transform.vocabulary->column[3];
    const float most = colors->rows[1] > colors->rows[2] ? 1.0f : 2.0f;
    for (int64_t i = 0; i < 50; i++) {
        expect_ok(ddpm_source_read_tokens(source, &transform, i, 1, row));
        assert_true(row[3] == (color[i] == codes[0] ? most : color[i] == codes[1] ? 1.0f : 2.0f));
        for (int j = 0; j < COLUMNS; j++)
            assert_true(row[j] >= 0.0f && row[j] < (float)ddpm_column_tokens(&transform.vocabulary->column[j]));
    }
    ddpm_transform_release(&transform);
    ddpm_source_close(source);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {TEST(same_on_ranks), TEST(rows_of_a_data_set), TEST(unknown_values)};
    return RUN_ON_RANKS(argc, argv, tests, make, clean);
}
