/* Compressed chunks of HDF5 files: decoded once, and not kept for ever. */
#include "h5_files.h"

#include "base/memory.h"
#include "file/h5_column.h"

enum { FILTER = 300 };

static int decoded; /* how many chunks */

/** A filter that keeps the first byte of a chunk, of which all bytes are equal. */
static size_t first_byte(unsigned flags, size_t values, const unsigned *value, size_t bytes, size_t *room, void **chunk)
{
    (void)bytes;
    if (!(flags & H5Z_FLAG_REVERSE)) return 1;
    assert_int_equal(values, 1);
    decoded++;
    void *whole = H5allocate_memory(value[0], 0);
    assert_non_null(whole);
    memset(whole, *(char *)*chunk, value[0]);
    H5free_memory(*chunk);
    *chunk = whole;
    return *room = value[0];
}

/** A chunk is decoded once, not for every page of rows: also a large one, and beside that of another dataset. */
static void test_large_chunks(void **state)
{
    enum { ROWS = 100000, COLUMNS = 100, PAGE = 20000 };
    const hsize_t size[2] = {ROWS, COLUMNS}, small = ROWS;
    const unsigned bytes = ROWS * COLUMNS * sizeof(int64_t), small_bytes = ROWS * sizeof(int64_t);
    float *rows = NULL;
    (void)state;
    const hid_t raw = raw_create("chunks.h5"), creation = H5Pcreate(H5P_DATASET_CREATE), other = H5Pcopy(creation);
    assert_true(H5Pset_chunk(creation, 2, size) >= 0);
    assert_true(H5Pset_filter(creation, FILTER, 0, 1, &bytes) >= 0);
    raw_dataset(raw, "data", H5T_STD_I64LE, 2, size, creation, NULL);
    assert_true(H5Pset_chunk(other, 1, &small) >= 0);
    assert_true(H5Pset_filter(other, FILTER, 0, 1, &small_bytes) >= 0);
    raw_dataset(raw, "label", H5T_STD_I64LE, 1, &small, other, NULL);
    for (int i = 0; i < 2; i++) {
        const hid_t id = H5Dopen2(raw, i ? "label" : "data", H5P_DEFAULT);
        assert_true(H5Dwrite_chunk(id, H5P_DEFAULT, 0, (const hsize_t[2]){0, 0}, 1, "\3") >= 0);
        H5Dclose(id);
    }
    H5Pclose(creation);
    H5Pclose(other);
    H5Fclose(raw);
    expect_ok(DDPM_NEW(&rows, PAGE, "a page"));
    ddpm_h5 *file = reopen("chunks.h5");
    decoded = 0;
    for (int64_t first = 0; first < 4 * PAGE; first += PAGE) {
        expect_ok(ddpm_h5_read_rows(file, "data", first, PAGE / COLUMNS, rows));
        expect_ok(ddpm_h5_read_rows(file, "label", first, PAGE, rows));
        assert_true(rows[7] == (float)0x0303030303030303);
    }
    assert_int_equal(decoded, 2);
    expect_ok(ddpm_h5_close(&file));
    ddpm_release(rows);
}

/** What is left of chunks of which some rows were read makes room for others. */
static void test_many_chunks(void **state)
{
    enum { CHUNKS = 70, CHUNK_ROWS = 1 << 17 };
    const hsize_t rows = (hsize_t)CHUNKS * CHUNK_ROWS, chunk = CHUNK_ROWS;
    const unsigned bytes = CHUNK_ROWS * sizeof(int64_t);
    ddpm_h5_column *column = NULL;
    (void)state;
    const hid_t raw = raw_create("many.h5"), creation = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_chunk(creation, 1, &chunk) >= 0);
    assert_true(H5Pset_filter(creation, FILTER, 0, 1, &bytes) >= 0);
    raw_dataset(raw, "data", H5T_STD_I64LE, 1, &rows, creation, NULL);
    const hid_t id = H5Dopen2(raw, "data", H5P_DEFAULT);
    for (hsize_t first = 0; first < rows; first += chunk)
        assert_true(H5Dwrite_chunk(id, H5P_DEFAULT, 0, &first, 1, "\3") >= 0);
    H5Dclose(id);
    H5Pclose(creation);
    H5Fclose(raw);
    for (int as_column = 0; as_column < 2; as_column++) {
        ddpm_h5 *file = reopen("many.h5");
        if (as_column) expect_ok(ddpm_h5_column_open(file, "/", DDPM_H5_GROUP, "data", 1 << 22, &column));
        decoded = 0;
        for (int64_t i = 0; i <= CHUNKS; i++) {
            const int64_t first = i % CHUNKS * CHUNK_ROWS;
            float row;
            double value;
            expect_ok(as_column ? ddpm_h5_column_read(column, first, 1, &value)
                                : ddpm_h5_read_rows(file, "data", first, 1, &row));
        }
        assert_int_equal(decoded, CHUNKS + 1);
        if (as_column) ddpm_h5_column_close(column);
        expect_ok(ddpm_h5_close(&file));
    }
}

static int set_up(void **state)
{
    const H5Z_class2_t filter = {H5Z_CLASS_T_VERS, FILTER, 1, 1, "first_byte", NULL, NULL, first_byte};
    return H5Zregister(&filter) >= 0 ? scratch_make(state) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_large_chunks),
        TEST(test_many_chunks),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
