/* Rows of a table, written by all ranks, hold in each column's own type what was given as doubles. */
#include "ranks.h"
#include "scratch.h"

#include "store/joint_file.h"
#include "store/table_file.h"

#define H5_USE_110_API
#include <hdf5.h>

enum { D = 5, N = 7, M = 2, TEXT = 13 };

static char *colours[3] = {"red", "none", "weiß"}, *texts[2] = {"a", "blau und rot"}; /* the longest: 12 bytes */
static int64_t codes[3] = {-4, 0, 9};
static char units[] = "days since 1970-01-01", format[] = "%d.%m.%Y";
static const char *const names[D] = {"x", "colour", "a/b", "", "count"};

static ddpm_column_vocabulary columns[D] = {
    {.layout = {.number = DDPM_NUMBER_FLOAT32, .gap = -1}},
    {.layout = {.kind = DDPM_COLUMN_CATEGORY,
                .number = DDPM_NUMBER_INT8,
                .count = 3,
                .names = colours,
                .codes = codes,
                .is_ordered = 1,
                .gap = 1}},
    {.layout = {.number = DDPM_NUMBER_INT16,
                .has_gap_number = 1,
                .gap_number = -999,
                .gap = -1,
                .units = units,
                .format = format}},
    {.layout = {.kind = DDPM_COLUMN_CATEGORY, .is_text = 1, .count = 2, .names = texts, .gap = -1}},
    {.layout = {.number = DDPM_NUMBER_UINT64, .gap = -1}},
};
static const ddpm_vocabulary vocabulary = {D, 0, columns};

/* Row i: gaps in the rows of an odd number, where the column may have them. */
static double value_of(int64_t i, int64_t j)
{
    if (i % 2 && j < 4) return NAN;
    return j == 0   ? 0.5 * (double)i
           : j == 1 ? (i % 4 ? 2 : 0)
           : j == 2 ? (double)(i - 3)
           : j == 3 ? (i % 4 ? 1 : 0)
                    : 1e15;
}

static ddpm_status declare(const void *context, ddpm_h5 *file)
{
    const ddpm_table_file samples = {"samples", &vocabulary, names}, draws = {"draws", &vocabulary, NULL};
    (void)context;
    DDPM_TRY(ddpm_table_file_declare(&samples, file, 1, (const int64_t[]){N}));
    return ddpm_table_file_declare(&draws, file, 2, (const int64_t[]){M, N});
}

static ddpm_status fill(const void *context, ddpm_comm *c, ddpm_h5 *file)
{
    const ddpm_table_file samples = {"samples", &vocabulary, names}, draws = {"draws", &vocabulary, NULL};
    const ddpm_range mine = ddpm_comm_part(c, N);
    const int64_t count = mine.end - mine.first;
    double values[N * D];
    char room[N * TEXT];
    (void)context;
    assert_true(ddpm_table_file_bytes(&vocabulary) <= TEXT);
    for (int64_t i = 0; i < count * D; i++) values[i] = value_of(mine.first + i / D, i % D);
    DDPM_TRY(ddpm_table_file_write(&samples, file, 1, &mine.first, &count, count, values, room));
    for (int64_t m = 0; m < M; m++)
        DDPM_TRY(ddpm_table_file_write(&draws, file, 2, (const int64_t[]){m, mine.first},
                                       (const int64_t[]){count > 0, count}, count, values, room));
    return DDPM_OK;
}

static void read_column(hid_t file, const char *name, int64_t expected, void *out)
{
    const hid_t id = H5Dopen2(file, name, H5P_DEFAULT), type = H5Dget_type(id), space = H5Dget_space(id);
    const hid_t native = H5Tget_native_type(type, H5T_DIR_ASCEND);
    assert_int_equal(H5Sget_simple_extent_npoints(space), expected);
    assert_true(H5Dread(id, native, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0);
    H5Tclose(native), H5Sclose(space), H5Tclose(type), H5Dclose(id);
}

static void expect_rows(hid_t file)
{
    float x[N];
    int8_t colour[N];
    int16_t date[N];
    char text[N][TEXT - 1], none[TEXT - 1] = "";
    uint64_t count[N];
    read_column(file, "samples/x", N, x);
    read_column(file, "samples/colour", N, colour);
    read_column(file, "samples/a_b", N, date);
    read_column(file, "samples/column3", N, text);
    read_column(file, "samples/count", N, count);
    for (int i = 0; i < N; i++) {
        assert_true(i % 2 ? isnan(x[i]) : x[i] == 0.5f * (float)i);
        assert_int_equal(colour[i], i % 2 ? 0 : i % 4 ? 9 : -4);
        assert_int_equal(date[i], i % 2 ? -999 : i - 3);
        assert_memory_equal(text[i], i % 2 ? none : i % 4 ? texts[1] : "a\0\0\0\0\0\0\0\0\0\0", TEXT - 1);
        assert_int_equal(count[i], 1000000000000000);
    }
}

static void expect_attributes(const char *path)
{
    ddpm_h5 *file;
    int64_t gap, count;
    char *text, **list;
    expect_ok(ddpm_h5_open(path, &file));
    expect_ok(ddpm_h5_get_int(file, "samples/a_b", "gap", &gap));
    assert_int_equal(gap, -999);
    expect_ok(ddpm_h5_get_text(file, "samples/a_b", "units", &text));
    assert_string_equal(text, units);
    ddpm_release(text);
    expect_ok(ddpm_h5_get_text(file, "samples/a_b", "format", &text));
    assert_string_equal(text, format);
    ddpm_release(text);
    expect_ok(ddpm_h5_get_int(file, "draws/column1", "ordered", &gap));
    assert_int_equal(gap, 1);
    expect_ok(ddpm_h5_get_text(file, "draws/column1", "gap", &text));
    assert_string_equal(text, "none");
    ddpm_release(text);
    expect_ok(ddpm_h5_get_names(file, "samples", "columns", &count, &list));
    assert_int_equal(count, D);
    assert_string_equal(list[2], "a_b");
    assert_string_equal(list[3], "column3");
    ddpm_release(list);
    expect_ok(ddpm_h5_close(&file));
}

static void test_table(void **state)
{
    static char path[512];
    int8_t draws[M * N];
    (void)state;
    snprintf(path, sizeof path, "%s", in_scratch("table.h5"));
    ddpm_comm_broadcast(comm, path, sizeof path);
    const ddpm_joint_file what = {.path = path, .declare = declare, .fill = fill};
    expect_ok(ddpm_joint_file_write(comm, &what));
    expect_attributes(path);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    expect_rows(file);
    read_column(file, "draws/column1", (int64_t)M * N, draws);
    for (int i = 0; i < M * N; i++) assert_int_equal(draws[i], i % N % 2 ? 0 : i % N % 4 ? 9 : -4);
    H5Fclose(file);
    ddpm_comm_barrier(comm); /* rank 0 removes the folder of the file */
}

static void test_holds(void **state)
{
    static const struct {
        int column, holds;
        double value;
    } cases[] = {{0, 1, NAN}, {0, 0, INFINITY}, {1, 1, NAN}, {1, 1, 2},   {1, 0, 3},
                 {1, 0, -1},  {2, 1, NAN},      {3, 1, NAN}, {4, 0, NAN}, {4, 1, 7}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(ddpm_table_file_holds(&columns[cases[i].column].layout, cases[i].value), cases[i].holds);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {TEST(test_table), TEST(test_holds)};
    return RUN_ON_RANKS(argc, argv, tests, scratch_make, scratch_remove);
}
