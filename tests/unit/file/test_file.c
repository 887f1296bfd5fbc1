/* Names of files and folders. */
#include "scratch.h"

#include "file/file.h"

#include <errno.h>
#include <fcntl.h>

static int exists(const char *path)
{
    struct stat about;
    return !lstat(path, &about);
}

static void test_join(void **state)
{
    char out[DDPM_PATH_BYTES], folder[DDPM_PATH_BYTES];
    (void)state;
    expect_ok(ddpm_file_join("runs/a", "b", out));
    assert_string_equal(out, "runs/a/b");
    expect_ok(ddpm_file_join("runs/a/", "b", out));
    assert_string_equal(out, "runs/a/b");
    expect_ok(ddpm_file_join("", "b", out));
    assert_string_equal(out, "b");
    memset(folder, 'x', sizeof folder);
    folder[DDPM_PATH_BYTES - 3] = '\0';
    expect_ok(ddpm_file_join(folder, "b", out));
    assert_int_equal(strlen(out), DDPM_PATH_BYTES - 1);
    expect_failure(ddpm_file_join(folder, "bc", out), DDPM_ERR_USAGE, "too long");
}

static void test_disk_full(void **state)
{
    const int fd = open("/dev/full", O_WRONLY);
    (void)state;
    assert_true(fd >= 0);
    expect_failure(ddpm_file_write(fd, "to/.a.h5.0123abcd.partial", "x", 1), DDPM_ERR_IO,
                   "to/a.h5: could not be written (No space left on device); make room there");
    errno = ENOSPC;
    expect_failure(ddpm_file_fail_write("a", 3 << 19), DDPM_ERR_IO, "a: could not be written, which takes 1.5 MiB (No");
    close(fd);
}

static void test_final_name(void **state)
{
    static const char *const cases[][2] = {{".a.h5.0123abcd.partial", "a.h5"}, {"b/.a.h5.0123abcd.partial", "b/a.h5"},
                                           {"b/.c.partial", "b/.c.partial"},   {"a.b.h5.0123abcd.partial", NULL},
                                           {".a.h5.0123abcd.parted", NULL},    {"", NULL}};
    char room[DDPM_PATH_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(ddpm_file_final(cases[i][0], room), cases[i][1] ? cases[i][1] : cases[i][0]);
}

/* The text is split at its last colon, unless a file has the whole text as its name. */
static void test_split(void **state)
{
    static const char *const cases[][3] = {{"a.h5", "a.h5", "data"},
                                           {"a.h5:rows", "a.h5", "rows"},
                                           {"b/a.h5:some/where", "b/a.h5", "some/where"},
                                           {"a:b.h5:rows", "a:b.h5", "rows"},
                                           {"a.h5:", "a.h5", ""}};
    char path[DDPM_PATH_BYTES], dataset[DDPM_PATH_BYTES], endless[DDPM_PATH_BYTES + 1];
    (void)state;
    for (int i = 0; i < 5; i++) {
        expect_ok(ddpm_file_split_dataset(cases[i][0], "data", sizeof path, path, dataset));
        assert_string_equal(path, cases[i][1]);
        assert_string_equal(dataset, cases[i][2]);
    }
    const char *file = in_scratch("with:colon.h5");
    put_bytes(file, "x", 1);
    expect_ok(ddpm_file_split_dataset(file, "data", sizeof path, path, dataset));
    assert_string_equal(path, file);
    assert_string_equal(dataset, "data");
    memset(endless, 'x', DDPM_PATH_BYTES);
    endless[DDPM_PATH_BYTES] = '\0';
    expect_failure(ddpm_file_split_dataset(endless, "data", sizeof path, path, dataset), DDPM_ERR_USAGE, "too long");
}

static void test_make_folder(void **state)
{
    (void)state;
    expect_ok(ddpm_file_make_folder(in_scratch("a/b c//d/")));
    assert_true(exists(in_scratch("a/b c/d")));
    expect_ok(ddpm_file_make_folder(in_scratch("a/b c/d")));
    expect_ok(ddpm_file_make_folder("/"));
    expect_ok(ddpm_file_make_folder("."));
    put_bytes(in_scratch("a/file"), "", 0);
    expect_failure(ddpm_file_make_folder(in_scratch("a/file")), DDPM_ERR_IO, "in the way");
    expect_failure(ddpm_file_make_folder(in_scratch("a/file/x")), DDPM_ERR_IO, "in the way");
    assert_int_equal(symlink("nowhere", in_scratch("a/link")), 0);
    expect_failure(ddpm_file_make_folder(in_scratch("a/link")), DDPM_ERR_IO, "in the way");
    expect_failure(ddpm_file_make_folder(""), DDPM_ERR_USAGE, "empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),        cmocka_unit_test(test_disk_full), cmocka_unit_test(test_final_name),
        cmocka_unit_test(test_make_folder), cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
