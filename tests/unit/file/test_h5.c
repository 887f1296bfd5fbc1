/* HDF5 files through the serial driver: what comes back, what is refused, what messages say. */
#include "h5_files.h"

#include "base/memory.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/file.h>

static void test_types(void **state)
{
    const float f[6] = {1, -2, 0.5f, NAN, 1e30f, 6};
    const double d[6] = {1, 1.0 / 3, -1e300, 4, 5, 6};
    const int32_t i[6] = {1, -2, INT32_MAX, INT32_MIN, 5, 6};
    const int64_t l[6] = {1, -2, INT64_MAX, INT64_MIN, 5, 6}, size[2] = {3, 2};
    const double one = 2.5;
    double back[6];
    ddpm_h5_shape shape;
    (void)state;
    ddpm_h5 *file = create("types.h5");
    expect_ok(ddpm_h5_write(file, "a/f", DDPM_H5_FLOAT32, 2, size, f));
    expect_ok(ddpm_h5_write(file, "/a//b/d", DDPM_H5_FLOAT64, 2, size, d));
    expect_ok(ddpm_h5_write(file, "a/i", DDPM_H5_INT32, 2, size, i));
    expect_ok(ddpm_h5_write(file, "l", DDPM_H5_INT64, 2, size, l));
    expect_ok(ddpm_h5_write(file, "one", DDPM_H5_FLOAT64, 0, NULL, &one));
    expect_ok(ddpm_h5_write(file, "none", DDPM_H5_FLOAT32, 2, (const int64_t[]){0, 2}, f));
    expect_failure(ddpm_h5_write(file, "l", DDPM_H5_INT64, 2, size, l), DDPM_ERR_IO, "l: could not be made");
    expect_ok(ddpm_h5_close(&file));
    assert_null(file);
    file = reopen("types.h5");
    expect_ok(ddpm_h5_read(file, "a/f", DDPM_H5_FLOAT32, 2, size, back));
    assert_memory_equal(back, f, sizeof f);
    expect_ok(ddpm_h5_read(file, "a/b/d", DDPM_H5_FLOAT64, 2, size, back));
    assert_memory_equal(back, d, sizeof d);
    expect_ok(ddpm_h5_read(file, "a/i", DDPM_H5_INT32, 2, size, back));
    assert_memory_equal(back, i, sizeof i);
    expect_ok(ddpm_h5_read(file, "l", DDPM_H5_INT64, 2, size, back));
    assert_memory_equal(back, l, sizeof l);
    expect_ok(ddpm_h5_read(file, "one", DDPM_H5_FLOAT64, 0, NULL, back));
    assert_true(back[0] == 2.5);
    expect_ok(ddpm_h5_read(file, "none", DDPM_H5_FLOAT32, 2, (const int64_t[]){0, 2}, back));
    expect_failure(ddpm_h5_read(file, "l", DDPM_H5_INT64, 1, size, back), DDPM_ERR_DATA,
                   "has the shape [3][2]; expected [3]");
    expect_ok(ddpm_h5_shape_of(file, "one", &shape));
    assert_int_equal(shape.dims, 0);
    assert_true(shape.is_number);
    expect_ok(ddpm_h5_close(&file));
    expect_ok(ddpm_h5_close(&file));
}

/** Chunks that do not divide the shape, rows larger than a chunk, more than two dimensions. */
static void test_large(void **state)
{
    const int64_t shapes[3][3] = {{7, 300007, 1}, {1000003, 1, 2}, {3, 2, 270001}};
    (void)state;
    for (int s = 0; s < 3; s++) {
        const int64_t *size = shapes[s], n = size[0] * size[1] * size[2], row = size[1] * size[2];
        float *data = malloc((size_t)n * sizeof *data), *back = calloc((size_t)n, sizeof *data);
        assert_true(data && back);
        for (int64_t i = 0; i < n; i++) data[i] = (float)i;
        ddpm_h5 *file = create("large.h5");
        expect_ok(ddpm_h5_write(file, "data", DDPM_H5_FLOAT32, 3, size, data));
        expect_ok(ddpm_h5_close(&file));
        file = reopen("large.h5");
        expect_ok(ddpm_h5_read_rows(file, "data", 1, size[0] - 2, back));
        assert_memory_equal(back, data + row, (size_t)((size[0] - 2) * row) * sizeof *data);
        expect_ok(ddpm_h5_read_rows(file, "data", size[0] - 1, 1, back));
        assert_memory_equal(back, data + n - row, (size_t)row * sizeof *data);
        expect_ok(ddpm_h5_close(&file));
        free(data);
        free(back);
    }
}

/** Types, shapes and compressions that other programs write. */
static void test_rows(void **state)
{
    const hsize_t size[3] = {5, 2, 2}, chunk[3] = {2, 2, 1}, line = 20;
    const uint8_t bytes[20] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 255};
    const int16_t big_endian[20] = {0, 256, 512};
    double doubles[20];
    float rows[20];
    (void)state;
    for (int i = 0; i < 20; i++) doubles[i] = i + 0.5;
    const hid_t raw = raw_create("rows.h5"), compressed = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(compressed, 3, chunk);
    H5Pset_shuffle(compressed);
    H5Pset_deflate(compressed, 4);
    raw_dataset(raw, "bytes", H5T_NATIVE_UINT8, 3, size, compressed, bytes);
    raw_dataset(raw, "doubles", H5T_NATIVE_DOUBLE, 1, &line, H5P_DEFAULT, doubles);
    raw_dataset(raw, "big_endian", H5T_STD_I16BE, 1, &line, H5P_DEFAULT, big_endian);
    H5Pclose(compressed);
    H5Lcreate_soft("bytes", raw, "alias", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(raw);
    ddpm_h5 *file = reopen("rows.h5");
    expect_ok(ddpm_h5_read_rows(file, "bytes", 0, 5, rows));
    for (int i = 0; i < 20; i++) assert_true(rows[i] == (float)bytes[i]);
    expect_ok(ddpm_h5_read_rows(file, "alias", 1, 3, rows));
    for (int i = 0; i < 12; i++) assert_true(rows[i] == (float)bytes[i + 4]);
    expect_ok(ddpm_h5_read_rows(file, "doubles", 3, 17, rows));
    for (int i = 0; i < 17; i++) assert_true(rows[i] == (float)i + 3.5f);
    expect_ok(ddpm_h5_read_rows(file, "big_endian", 1, 2, rows));
    assert_true(rows[0] == 1 && rows[1] == 2);
    expect_ok(ddpm_h5_read_rows(file, "bytes", 5, 0, NULL));
    expect_failure(ddpm_h5_read_rows(file, "bytes", 5, 1, rows), DDPM_ERR_DATA, "has 5 rows; 1 from row 5 on");
    expect_failure(ddpm_h5_read_rows(file, "bytes", -1, 2, rows), DDPM_ERR_DATA, "has 5 rows");
    expect_failure(ddpm_h5_read_rows(file, "bytes", 1, INT64_MAX, rows), DDPM_ERR_DATA, "has 5 rows");
    expect_ok(ddpm_h5_close(&file));
}

static void count_dataset(void *context, const char *name, const ddpm_h5_shape *shape)
{
    char *names = context;
    sprintf(names + strlen(names), "%s:%d%s ", name, shape->dims, shape->is_number ? "" : "?");
}

static void test_missing(void **state)
{
    const int64_t size[1] = {2};
    const float data[2] = {1, 2};
    char names[512] = "";
    ddpm_h5_shape shape;
    (void)state;
    ddpm_h5 *file = create("missing.h5");
    expect_failure(ddpm_h5_shape_of(file, "data", &shape), DDPM_ERR_DATA,
                   "data: there is no such dataset; the file holds none");
    for (int i = 0; i < 12; i++) {
        char name[32];
        snprintf(name, sizeof name, "group%d/energy", i);
        expect_ok(ddpm_h5_write(file, name, DDPM_H5_FLOAT32, 1, size, data));
    }
    expect_failure(ddpm_h5_shape_of(file, "group3/enrgy", &shape), DDPM_ERR_DATA, "did you mean 'group3/energy'?");
    assert_non_null(
        strstr(ddpm_error_message(), "the file holds group0/energy [2], group1/energy [2], group10/energy"));
    assert_non_null(strstr(ddpm_error_message(), ", ..."));
    assert_null(strstr(ddpm_error_message(), "group9"));
    expect_failure(ddpm_h5_shape_of(file, "group3", &shape), DDPM_ERR_DATA, "group3: is not a dataset, but a group");
    expect_failure(ddpm_h5_shape_of(file, "", &shape), DDPM_ERR_DATA, "name of the dataset is empty");
    expect_failure(ddpm_h5_shape_of(file, NULL, &shape), DDPM_ERR_DATA, "name of the dataset is empty");
    assert_true(ddpm_h5_has(file, "group3"));
    assert_true(ddpm_h5_has(file, "/group3/energy"));
    assert_true(ddpm_h5_has(file, "/"));
    assert_false(ddpm_h5_has(file, "group3/energy/x"));
    assert_false(ddpm_h5_has(file, "nothing/there"));
    assert_false(ddpm_h5_has(file, ""));
    expect_ok(ddpm_h5_list(file, 3, count_dataset, names));
    assert_string_equal(names, "group0/energy:1 group1/energy:1 group10/energy:1 ");
    expect_ok(ddpm_h5_close(&file));
}

static void test_files(void **state)
{
    ddpm_h5 *file;
    const float data[1000] = {0};
    size_t bytes;
    (void)state;
    expect_failure(ddpm_h5_open(in_scratch("none.h5"), &file), DDPM_ERR_MISSING,
                   "none.h5: could not be found (No such file");
    assert_null(file);
    expect_failure(ddpm_h5_open(scratch, &file), DDPM_ERR_MISSING, "expected an HDF5 file, found a folder");
    put_bytes(in_scratch("text.h5"), "x,y\n1,2\n", 8);
    expect_failure(ddpm_h5_open(in_scratch("text.h5"), &file), DDPM_ERR_DATA, "is not an HDF5 file");
    expect_failure(ddpm_h5_open(in_scratch("text.h5/x"), &file), DDPM_ERR_MISSING, "Not a directory");
    put_bytes(in_scratch("empty.h5"), "", 0);
    expect_failure(ddpm_h5_open(in_scratch("empty.h5"), &file), DDPM_ERR_DATA, "is not an HDF5 file");
    expect_failure(ddpm_h5_create(in_scratch("no/folder.h5"), 0, &file), DDPM_ERR_IO, "No such file or directory");
    if (geteuid() != 0) {
        chmod(in_scratch("text.h5"), 0);
        expect_failure(ddpm_h5_open(in_scratch("text.h5"), &file), DDPM_ERR_IO, "Permission denied");
    }
    file = create("short.h5");
    expect_ok(ddpm_h5_write(file, "data", DDPM_H5_FLOAT32, 1, (const int64_t[]){1000}, data));
    expect_ok(ddpm_h5_close(&file));
    char *whole = file_bytes(in_scratch("short.h5"), &bytes);
    for (size_t length = 48; length < bytes; length += 61) {
        put_bytes(in_scratch("short.h5"), whole, length);
        expect_failure(ddpm_h5_open(in_scratch("short.h5"), &file), DDPM_ERR_DATA,
                       "is shorter than it was when written");
    }
    free(whole);
}

static void test_equal_bytes(void **state)
{
    char *content[2];
    size_t bytes[2];
    const int64_t size[2] = {100, 30};
    float data[3000];
    (void)state;
    for (int i = 0; i < 3000; i++) data[i] = (float)i;
    for (int i = 0; i < 2; i++) {
        if (i) sleep(1); /* so that a time stamp would show */
        ddpm_h5 *file = create("equal.h5");
        expect_ok(ddpm_h5_write(file, "a/b/c", DDPM_H5_FLOAT32, 2, size, data));
        expect_ok(ddpm_h5_declare(file, "samples", DDPM_H5_FLOAT32, 2, size));
        expect_ok(ddpm_h5_put_text(file, "samples", "text", "words"));
        expect_ok(ddpm_h5_put_real(file, "a", "real", 0.5));
        expect_ok(ddpm_h5_close(&file));
        content[i] = file_bytes(in_scratch("equal.h5"), &bytes[i]);
    }
    assert_int_equal(bytes[0], bytes[1]);
    assert_memory_equal(content[0], content[1], bytes[0]);
    free(content[0]);
    free(content[1]);
}

/** Every flipped byte in the numbers or in the metadata is noticed. */
static void test_checksums(void **state)
{
    const int64_t size[2] = {10, 3};
    float data[30], rows[30];
    size_t bytes;
    int wrong = 0;
    (void)state;
    for (int i = 0; i < 30; i++) data[i] = (float)i + 1;
    ddpm_h5 *file = create("checksum.h5");
    expect_ok(ddpm_h5_write(file, "data", DDPM_H5_FLOAT32, 2, size, data));
    expect_ok(ddpm_h5_close(&file));
    char *whole = file_bytes(in_scratch("checksum.h5"), &bytes);
    for (size_t i = 0; i < bytes; i++) {
        whole[i] ^= 1;
        put_bytes(in_scratch("checksum.h5"), whole, bytes);
        whole[i] ^= 1;
        if (ddpm_h5_open(in_scratch("checksum.h5"), &file) != DDPM_OK) continue;
        if (ddpm_h5_read_rows(file, "data", 0, 10, rows) == DDPM_OK && memcmp(rows, data, sizeof data)) wrong++;
        if (ddpm_h5_close(&file) != DDPM_OK) continue;
    }
    assert_int_equal(wrong, 0);
    free(whole);
}

/** Another program is writing the file. */
static void test_locked(void **state)
{
    ddpm_h5 *file = create("locked.h5");
    (void)state;
    expect_ok(ddpm_h5_close(&file));
    const int fd = open(in_scratch("locked.h5"), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    expect_failure(ddpm_h5_open(in_scratch("locked.h5"), &file), DDPM_ERR_IO, "HDF5_USE_FILE_LOCKING=FALSE");
    close(fd);
}

/** The space of a declared dataset is reserved when the file is closed. */
static void test_declare(void **state)
{
    const int64_t size[2] = {1000, 1000};
    struct stat about;
    (void)state;
    ddpm_h5 *file = create("declared.h5");
    expect_ok(ddpm_h5_declare(file, "samples", DDPM_H5_FLOAT32, 2, size));
    expect_ok(ddpm_h5_declare(file, "empty", DDPM_H5_FLOAT32, 2, (const int64_t[]){0, 3}));
    expect_ok(ddpm_h5_close(&file));
    assert_int_equal(stat(in_scratch("declared.h5"), &about), 0);
    assert_true(about.st_size >= 4000000);
    if (about.st_blocks * 512 < about.st_size) print_message("this file system does not reserve\n");
}

/* ---- hostile files ---- */

static void test_links_outside(void **state)
{
    const float data[2] = {1, 2};
    float rows[2];
    ddpm_h5_shape shape;
    int64_t value;
    char names[512] = "";
    (void)state;
    ddpm_h5 *file = create("target.h5");
    expect_ok(ddpm_h5_write(file, "data", DDPM_H5_FLOAT32, 1, (const int64_t[]){2}, data));
    expect_ok(ddpm_h5_put_int(file, "data", "secret", 7));
    expect_ok(ddpm_h5_close(&file));
    const hid_t raw = raw_create("links.h5");
    H5Lcreate_external("target.h5", "/data", raw, "outside", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("target.h5", "/", raw, "root", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/root/data", raw, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/soft2", raw, "soft2", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(raw);
    file = reopen("links.h5");
    const char *const refused[] = {"outside", "root/data", "soft"};
    for (int i = 0; i < 3; i++) {
        expect_failure(ddpm_h5_shape_of(file, refused[i], &shape), DDPM_ERR_DATA,
                       "is a link into another file, 'target.h5'");
        expect_failure(ddpm_h5_read_rows(file, refused[i], 0, 2, rows), DDPM_ERR_DATA, "is a link into another file");
        expect_failure(ddpm_h5_get_int(file, refused[i], "secret", &value), DDPM_ERR_DATA,
                       "is a link into another file");
        assert_false(ddpm_h5_has(file, refused[i]));
        assert_false(ddpm_h5_has_attribute(file, refused[i], "secret"));
    }
    expect_failure(ddpm_h5_shape_of(file, "soft2", &shape), DDPM_ERR_DATA, "there is no such dataset");
    expect_ok(ddpm_h5_list(file, 10, count_dataset, names));
    assert_string_equal(names, "");
    expect_ok(ddpm_h5_close(&file));
}

static void test_storage_outside(void **state)
{
    const hsize_t size[1] = {2};
    float rows[2];
    char names[512] = "";
    ddpm_h5_shape shape;
    (void)state;
    put_bytes(in_scratch("numbers"), "12345678", 8);
    const hid_t raw = raw_create("storage.h5"), external = H5Pcreate(H5P_DATASET_CREATE),
                virtual = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(external, in_scratch("numbers"), 0, 8);
    raw_dataset(raw, "external", H5T_NATIVE_FLOAT, 1, size, external, NULL);
    const hid_t space = H5Screate_simple(1, size, NULL);
    H5Pset_virtual(virtual, space, in_scratch("target.h5"), "data", space);
    raw_dataset(raw, "virtual", H5T_NATIVE_FLOAT, 1, size, virtual, NULL);
    H5Sclose(space);
    H5Pclose(external);
    H5Pclose(virtual);
    H5Fclose(raw);
    ddpm_h5 *file = reopen("storage.h5");
    expect_failure(ddpm_h5_read_rows(file, "external", 0, 2, rows), DDPM_ERR_DATA, "its numbers lie in other files");
    expect_failure(ddpm_h5_shape_of(file, "virtual", &shape), DDPM_ERR_DATA, "its numbers lie in other files");
    expect_ok(ddpm_h5_list(file, 10, count_dataset, names));
    assert_string_equal(names, "external:0? virtual:0? ");
    expect_ok(ddpm_h5_close(&file));
}

static size_t no_filter(unsigned flags, size_t n, const unsigned *values, size_t bytes, size_t *room, void **data)
{
    (void)flags, (void)n, (void)values, (void)room, (void)data;
    return bytes;
}

static void test_unreadable(void **state)
{
    const hsize_t two = 2, many[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, huge[3] = {1ULL << 40, 1ULL << 40, 1};
    const float data[2] = {1, 2};
    float rows[2];
    ddpm_h5_shape shape;
    const H5Z_class2_t filter = {H5Z_CLASS_T_VERS, 300, 1, 1, "strange", NULL, NULL, no_filter};
    (void)state;
    H5Zregister(&filter);
    const hid_t raw = raw_create("unreadable.h5"), chunked = H5Pcreate(H5P_DATASET_CREATE),
                large = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(chunked, 1, &two);
    H5Pset_filter(chunked, 300, 0, 0, NULL);
    H5Pset_chunk(large, 3, (const hsize_t[]){1, 1, 1});
    raw_dataset(raw, "filtered", H5T_NATIVE_FLOAT, 1, &two, chunked, data);
    raw_dataset(raw, "nine", H5T_NATIVE_FLOAT, 9, many, H5P_DEFAULT, NULL);
    raw_dataset(raw, "huge", H5T_NATIVE_FLOAT, 3, huge, large, NULL);
    raw_dataset(raw, "text", H5T_C_S1, 1, &two, H5P_DEFAULT, "ab");
    const hid_t null = H5Screate(H5S_NULL);
    H5Dclose(H5Dcreate2(raw, "null", H5T_NATIVE_FLOAT, null, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(null);
    H5Pclose(chunked);
    H5Pclose(large);
    H5Fclose(raw);
    H5Zunregister(300);
    ddpm_h5 *file = reopen("unreadable.h5");
    expect_failure(ddpm_h5_read_rows(file, "filtered", 0, 2, rows), DDPM_ERR_DATA,
                   "compressed with filter 300 (strange)");
    expect_failure(ddpm_h5_read_rows(file, "nine", 0, 1, rows), DDPM_ERR_DATA, "has 9 dimensions; at most 8");
    expect_failure(ddpm_h5_read_rows(file, "huge", 0, 1, rows), DDPM_ERR_DATA, "more numbers than can be addressed");
    expect_failure(ddpm_h5_read_rows(file, "text", 0, 2, rows), DDPM_ERR_DATA, "does not hold numbers");
    expect_failure(ddpm_h5_read_rows(file, "null", 0, 0, rows), DDPM_ERR_DATA, "has no shape");
    expect_ok(ddpm_h5_shape_of(file, "text", &shape));
    assert_false(shape.is_number);
    expect_ok(ddpm_h5_close(&file));
}

/** Parts follow each other in memory, cover the box once, and are not larger than the limit. */
static void test_parts(void **state)
{
    const int64_t boxes[5][3] = {{7, 5, 3}, {1, 1, 1}, {1, 40, 2}, {2, 1, 300}, {3, 0, 2}};
    (void)state;
    for (int b = 0; b < 5; b++) {
        for (int64_t limit = 1; limit < 150; limit += 3) {
            const int64_t *count = boxes[b];
            int64_t first[3], edge[3], offset, next = 0, index = 0;
            while (index < ddpm_h5_part(3, count, limit, index, first, edge, &offset)) {
                assert_int_equal(offset, next);
                assert_int_equal(offset, (first[0] * count[1] + first[1]) * count[2] + first[2]);
                for (int i = 0; i < 3; i++) assert_true(first[i] >= 0 && edge[i] > 0 && first[i] + edge[i] <= count[i]);
                assert_true(edge[0] * edge[1] * edge[2] <= limit);
                next += edge[0] * edge[1] * edge[2];
                index++;
            }
            assert_int_equal(next, count[0] * count[1] * count[2]);
        }
    }
}

static void test_balance(void **state)
{
    (void)state;
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    assert_true(strncmp(ddpm_h5_library(), "HDF5 1.", 7) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_types),         TEST(test_large),           TEST(test_rows),
        TEST(test_missing),       TEST(test_files),           TEST(test_equal_bytes),
        TEST(test_checksums),     TEST(test_declare),         TEST(test_locked),
        TEST(test_links_outside), TEST(test_storage_outside), TEST(test_unreadable),
        TEST(test_parts),         TEST(test_balance),
    };
    unsetenv("HDF5_USE_FILE_LOCKING"); /* HDF5 reads it when it starts; test_locked needs the default */
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
