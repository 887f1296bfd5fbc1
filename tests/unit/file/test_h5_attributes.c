/* Attributes of HDF5 files: numbers, texts and names, of this program and of others. */
#include "h5_files.h"

#include "base/memory.h"

static void test_attributes(void **state)
{
    const char *const columns[3] = {"energy", "", "θ"};
    const float data[2] = {1, 2};
    char *text, **names;
    int64_t integer, count;
    double real;
    (void)state;
    char *large = malloc(100001);
    assert_non_null(large);
    memset(large, 'x', 100000);
    large[100000] = '\0';
    ddpm_h5 *file = create("attributes.h5");
    expect_ok(ddpm_h5_write(file, "a/data", DDPM_H5_FLOAT32, 1, (const int64_t[]){2}, data));
    expect_ok(ddpm_h5_put_text(file, "/", "text", "a: 1\n"));
    expect_ok(ddpm_h5_put_text(file, "/", "empty", ""));
    expect_ok(ddpm_h5_put_text(file, "/", "large", large));
    expect_ok(ddpm_h5_put_int(file, "a", "integer", INT64_MIN));
    expect_ok(ddpm_h5_put_real(file, "a/data", "real", 0.1));
    expect_ok(ddpm_h5_put_names(file, "a/data", "columns", 3, columns));
    expect_failure(ddpm_h5_put_int(file, "a", "integer", 1), DDPM_ERR_IO,
                   "attribute 'integer' of a: could not be written");
    expect_failure(ddpm_h5_put_int(file, "b", "integer", 1), DDPM_ERR_IO, "attribute 'integer' of b");
    expect_ok(ddpm_h5_close(&file));
    file = reopen("attributes.h5");
    expect_ok(ddpm_h5_get_text(file, "/", "text", &text));
    assert_string_equal(text, "a: 1\n");
    ddpm_release(text);
    expect_ok(ddpm_h5_get_text(file, "/", "empty", &text));
    assert_string_equal(text, "");
    ddpm_release(text);
    expect_ok(ddpm_h5_get_text(file, "/", "large", &text));
    assert_string_equal(text, large);
    ddpm_release(text);
    expect_ok(ddpm_h5_get_int(file, "a", "integer", &integer));
    assert_true(integer == INT64_MIN);
    expect_ok(ddpm_h5_get_real(file, "a/data", "real", &real));
    assert_true(real == 0.1);
    expect_ok(ddpm_h5_get_real(file, "a", "integer", &real));
    assert_true(real == -0x1p63);
    expect_ok(ddpm_h5_get_names(file, "a/data", "columns", &count, &names));
    assert_int_equal(count, 3);
    for (int i = 0; i < 3; i++) assert_string_equal(names[i], columns[i]);
    ddpm_release(names);
    expect_ok(ddpm_h5_get_names(file, "a/data", "none", &count, &names));
    assert_null(names);
    assert_int_equal(count, 0);
    assert_true(ddpm_h5_has_attribute(file, "/", "text"));
    assert_false(ddpm_h5_has_attribute(file, "/", "integer"));
    assert_false(ddpm_h5_has_attribute(file, "b", "integer"));
    expect_failure(ddpm_h5_get_int(file, "/", "text", &integer), DDPM_ERR_DATA, "expected one integer");
    expect_failure(ddpm_h5_get_int(file, "a/data", "real", &integer), DDPM_ERR_DATA, "expected one integer");
    expect_failure(ddpm_h5_get_text(file, "a", "integer", &text), DDPM_ERR_DATA, "expected text");
    expect_failure(ddpm_h5_get_text(file, "a/data", "columns", &text), DDPM_ERR_DATA, "expected one text, found 3");
    expect_failure(ddpm_h5_get_text(file, "/", "txt", &text), DDPM_ERR_DATA, "attribute 'txt' of / is missing");
    expect_ok(ddpm_h5_close(&file));
    free(large);
}

/** Names of variable length, as h5py writes them, and names padded with spaces, as Fortran writes them. */
static void test_attributes_of_others(void **state)
{
    const hsize_t two = 2;
    char *texts[2] = {"first", NULL}, *text, **names;
    int64_t count;
    (void)state;
    const hid_t raw = raw_create("others.h5"), type = H5Tcopy(H5T_C_S1), fixed = H5Tcopy(H5T_FORTRAN_S1);
    const hid_t pair = H5Screate_simple(1, &two, NULL), scalar = H5Screate(H5S_SCALAR);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    H5Tset_size(fixed, 8);
    hid_t id = H5Acreate2(raw, "columns", type, pair, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(id, type, texts) >= 0);
    H5Aclose(id);
    id = H5Acreate2(raw, "text", type, scalar, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(id, type, texts) >= 0);
    H5Aclose(id);
    id = H5Acreate2(raw, "fortran", fixed, scalar, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(id, fixed, "words   ") >= 0);
    H5Aclose(id);
    H5Tclose(type);
    H5Tclose(fixed);
    H5Sclose(pair);
    H5Sclose(scalar);
    H5Fclose(raw);
    ddpm_h5 *file = reopen("others.h5");
    expect_ok(ddpm_h5_get_names(file, "/", "columns", &count, &names));
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "first");
    assert_string_equal(names[1], "");
    ddpm_release(names);
    expect_ok(ddpm_h5_get_text(file, "/", "text", &text));
    assert_string_equal(text, "first");
    ddpm_release(text);
    expect_ok(ddpm_h5_get_text(file, "/", "fortran", &text));
    assert_string_equal(text, "words");
    ddpm_release(text);
    expect_ok(ddpm_h5_close(&file));
}

/** A small file may hold one long text for many names, which are counted before memory is allocated for them. */
static void test_many_long_names(void **state)
{
    enum { NAMES = 40, BYTES = 1 << 20, REFERENCE = 16 };
    static char bytes[2 * BYTES];
    char *long_text = NULL, *texts[NAMES] = {NULL}, **names = NULL;
    const hsize_t many = NAMES;
    const uint32_t length = BYTES;
    size_t at = 0;
    int64_t count;
    (void)state;
    expect_ok(DDPM_NEW(&long_text, BYTES + 1, "a text"));
    memset(long_text, 'x', BYTES);
    for (int i = 0; i < NAMES; i++) texts[i] = i ? "y" : long_text;
    const hid_t raw = raw_create("names.h5"), type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &many, NULL);
    H5Tset_size(type, H5T_VARIABLE);
    const hid_t id = H5Acreate2(raw, "columns", type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(id, type, texts) >= 0);
    H5Aclose(id);
    H5Sclose(space);
    H5Tclose(type);
    H5Fclose(raw);
    ddpm_release(long_text);

    FILE *file = fopen(in_scratch("names.h5"), "r+b"); /* let all names refer to the text of the first */
    assert_non_null(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    while (at + NAMES * REFERENCE < size && (memcmp(bytes + at, &length, sizeof length) || bytes[at + REFERENCE] != 1 ||
                                             bytes[at + (size_t)2 * REFERENCE] != 1))
        at++;
    assert_true(at + NAMES * REFERENCE < size);
    for (size_t i = 1; i < NAMES; i++) memcpy(bytes + at + i * REFERENCE, bytes + at, REFERENCE);
    rewind(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    ddpm_h5 *handle = reopen("names.h5");
    expect_failure(ddpm_h5_get_names(handle, "/", "columns", &count, &names), DDPM_ERR_DATA,
                   "40 texts of 41943040 bytes in all; at most 16777216 are read");
    expect_ok(ddpm_h5_close(&handle));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_attributes),
        TEST(test_attributes_of_others),
        TEST(test_many_long_names),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
