/* Files that are complete or absent. */
#include "scratch.h"

#include "file/file.h"

#include <errno.h>
#include <fcntl.h>

static int exists(const char *path)
{
    struct stat about;
    return !lstat(path, &about);
}

static void expect_content(const char *path, const char *text)
{
    size_t bytes;
    char *data = file_bytes(path, &bytes);
    assert_string_equal(data, text);
    free(data);
}

static void test_partial_name(void **state)
{
    char out[DDPM_PATH_BYTES], path[5000];
    (void)state;
    expect_ok(ddpm_file_partial_name("a b/c.h5", out));
    assert_string_equal(out, "a b/.c.h5.partial");
    expect_ok(ddpm_file_partial_name("c", out));
    assert_string_equal(out, ".c.partial");
    expect_failure(ddpm_file_partial_name("folder/", out), DDPM_ERR_USAGE, "does not name a file");
    expect_failure(ddpm_file_partial_name("", out), DDPM_ERR_USAGE, "does not name a file");
    expect_failure(ddpm_file_partial_name("a/..", out), DDPM_ERR_USAGE, "does not name a file");
    memset(path, 'x', sizeof path);
    for (size_t length = DDPM_PATH_BYTES - 20; length < DDPM_PATH_BYTES + 2; length++) {
        path[length] = '\0';
        const ddpm_status status = ddpm_file_partial_name(path, out);
        assert_int_equal(status, length + 9 < DDPM_PATH_BYTES ? DDPM_OK : DDPM_ERR_USAGE);
        path[length] = 'x';
    }
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

static void test_replace(void **state)
{
    char partial[DDPM_PATH_BYTES];
    (void)state;
    expect_ok(ddpm_file_replace(in_scratch("text"), "one\n", 4));
    expect_content(in_scratch("text"), "one\n");
    expect_ok(ddpm_file_replace(in_scratch("text"), "", 0));
    expect_content(in_scratch("text"), "");
    expect_ok(ddpm_file_partial_name(in_scratch("text"), partial));
    assert_false(exists(partial));
}

static void test_failure_leaves_nothing(void **state)
{
    char partial[DDPM_PATH_BYTES];
    const char *folder = in_scratch("folder"), *full = in_scratch("file");
    (void)state;
    assert_int_equal(mkdir(folder, 0777), 0);
    expect_failure(ddpm_file_replace(folder, "x", 1), DDPM_ERR_IO, "could not be replaced");
    expect_ok(ddpm_file_partial_name(folder, partial));
    assert_false(exists(partial));
    assert_true(exists(folder));
    expect_failure(ddpm_file_replace(in_scratch("missing/file"), "x", 1), DDPM_ERR_IO, "No such file");
    expect_ok(ddpm_file_replace(full, "old", 3));
    expect_failure(ddpm_file_commit(in_scratch("never made"), full), DDPM_ERR_IO, "could not be opened");
    expect_content(full, "old");
}

static void test_disk_full(void **state)
{
    const int fd = open("/dev/full", O_WRONLY);
    (void)state;
    assert_true(fd >= 0);
    expect_failure(ddpm_file_write(fd, "somewhere", "x", 1), DDPM_ERR_IO, strerror(ENOSPC));
    close(fd);
}

static void test_link(void **state)
{
    char target[64] = "";
    const char *link = in_scratch("latest");
    (void)state;
    expect_ok(ddpm_file_link("one", link));
    expect_ok(ddpm_file_link("two", link));
    assert_int_equal(readlink(link, target, sizeof target - 1), 3);
    assert_string_equal(target, "two");
    expect_failure(ddpm_file_link("x", in_scratch("missing/latest")), DDPM_ERR_IO, "could not be made");
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
    expect_ok(ddpm_file_replace(file, "x", 1));
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
    expect_failure(ddpm_file_make_folder(""), DDPM_ERR_USAGE, "empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partial_name), cmocka_unit_test(test_join),
        cmocka_unit_test(test_replace),      cmocka_unit_test(test_failure_leaves_nothing),
        cmocka_unit_test(test_disk_full),    cmocka_unit_test(test_link),
        cmocka_unit_test(test_make_folder),  cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
