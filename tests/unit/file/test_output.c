/* Files that are complete or absent, and what they may replace. */
#include "scratch.h"

#include "file/digest.h"
#include "file/h5.h"
#include "file/input.h"
#include "file/output.h"

#include <dirent.h>
#include <fcntl.h>

static void expect_content(const char *path, const char *text)
{
    size_t bytes;
    char *data = file_bytes(path, &bytes);
    assert_string_equal(data, text);
    free(data);
}

static int partials(void)
{
    int found = 0;
    DIR *folder = opendir(scratch);
    for (const struct dirent *entry; (entry = readdir(folder));) found += strstr(entry->d_name, ".partial") != NULL;
    closedir(folder);
    return found;
}

static void test_names(void **state)
{
    char out[DDPM_PATH_BYTES], path[5000];
    (void)state;
    expect_ok(ddpm_output_begin(in_scratch("c.h5"), out));
    assert_non_null(strstr(out, "/.c.h5."));
    assert_string_equal(out + strlen(out) - 8, ".partial");
    assert_int_equal(strlen(out), strlen(in_scratch("c.h5")) + DDPM_PARTIAL_BYTES);
    unlink(out);
    expect_failure(ddpm_output_begin("folder/", out), DDPM_ERR_USAGE, "does not name a file");
    expect_failure(ddpm_output_begin("", out), DDPM_ERR_USAGE, "does not name a file");
    expect_failure(ddpm_output_begin("a/..", out), DDPM_ERR_USAGE, "does not name a file");
    memset(path, 'x', sizeof path);
    for (size_t length = DDPM_PATH_BYTES - 30; length < DDPM_PATH_BYTES + 2; length++) {
        path[length] = '\0';
        const ddpm_status status = ddpm_output_begin(path, out);
        assert_int_equal(status, length + DDPM_PARTIAL_BYTES < DDPM_PATH_BYTES ? DDPM_ERR_IO : DDPM_ERR_USAGE);
        path[length] = 'x';
    }
}

static void test_replace(void **state)
{
    (void)state;
    expect_ok(ddpm_output_replace(in_scratch("text"), "one\n", 4));
    expect_content(in_scratch("text"), "one\n");
    expect_ok(ddpm_output_replace(in_scratch("text"), "", 0));
    expect_content(in_scratch("text"), "");
    assert_int_equal(partials(), 0);
}

static void test_failure_leaves_nothing(void **state)
{
    const char *folder = in_scratch("folder"), *full = in_scratch("file");
    (void)state;
    assert_int_equal(mkdir(folder, 0777), 0);
    expect_failure(ddpm_output_replace(folder, "x", 1), DDPM_ERR_IO, "could not be replaced: a folder is in the way");
    expect_failure(ddpm_output_replace(in_scratch("missing/file"), "x", 1), DDPM_ERR_IO, "No such file");
    expect_ok(ddpm_output_replace(full, "old", 3));
    expect_failure(ddpm_output_commit(in_scratch("never made"), full), DDPM_ERR_IO, "could not be opened");
    expect_content(full, "old");
    assert_int_equal(partials(), 0);
}

/* Two that write the same name at the same time: each has a file of its own, and the last to end wins. */
static void test_two_writers(void **state)
{
    char one[DDPM_PATH_BYTES], two[DDPM_PATH_BYTES];
    (void)state;
    expect_ok(ddpm_output_begin(in_scratch("both"), one));
    expect_ok(ddpm_output_begin(in_scratch("both"), two));
    assert_string_not_equal(one, two);
    put_bytes(one, "first", 5);
    put_bytes(two, "second", 6);
    expect_ok(ddpm_output_commit(two, in_scratch("both")));
    expect_content(in_scratch("both"), "second");
    expect_ok(ddpm_output_commit(one, in_scratch("both")));
    expect_content(in_scratch("both"), "first");
    assert_int_equal(partials(), 0);
}

/* What is not a regular file is neither replaced nor read, and nothing waits for it. */
static void test_pipes_and_devices(void **state)
{
    const char *pipe = in_scratch("pipe"), *link = in_scratch("link");
    char partial[DDPM_PATH_BYTES];
    struct stat about;
    int fd, format;
    ddpm_h5 *file;
    (void)state;
    assert_int_equal(mkfifo(pipe, 0666), 0);
    assert_int_equal(symlink("/dev/null", link), 0);
    for (int i = 0; i < 3; i++) {
        const char *path = i == 0 ? pipe : i == 1 ? "/dev/null" : link;
        expect_failure(ddpm_output_prepare(path, NULL), DDPM_ERR_IO, "a pipe or a device is in the way");
        expect_failure(ddpm_output_begin(path, partial), DDPM_ERR_IO, "a pipe or a device is in the way");
        expect_failure(ddpm_output_replace(path, "x", 1), DDPM_ERR_IO, "a pipe or a device is in the way");
        expect_failure(ddpm_input_open(path, &fd), DDPM_ERR_IO, "but a pipe or a device");
        expect_failure(ddpm_digest_check(path, &format), DDPM_ERR_IO, "but a pipe or a device");
        expect_failure(ddpm_h5_open(path, &file), DDPM_ERR_IO, "is not a regular file");
        assert_false(ddpm_digest_begins(path));
    }
    put_bytes(in_scratch("new"), "x", 1);
    expect_failure(ddpm_output_commit(in_scratch("new"), pipe), DDPM_ERR_IO, "a pipe or a device is in the way");
    expect_failure(ddpm_output_link("x", pipe), DDPM_ERR_IO, "a pipe or a device is in the way");
    expect_failure(ddpm_output_append(pipe, &fd), DDPM_ERR_IO, "is a pipe or a device");
    assert_int_equal(stat(pipe, &about), 0);
    assert_true(S_ISFIFO(about.st_mode));
}

/* A link that somebody else laid does not lead an output to another file. */
static void test_links_are_not_followed(void **state)
{
    int fd;
    (void)state;
    put_bytes(in_scratch("theirs"), "kept", 4);
    assert_int_equal(symlink("theirs", in_scratch("log")), 0);
    expect_failure(ddpm_output_append(in_scratch("log"), &fd), DDPM_ERR_IO, "is a link");
    expect_ok(ddpm_output_replace(in_scratch("log"), "new", 3)); /* takes the place of the link itself */
    expect_content(in_scratch("theirs"), "kept");
    expect_content(in_scratch("log"), "new");
}

static void make_h5(const char *path, const char *program)
{
    ddpm_h5 *file;
    expect_ok(ddpm_h5_create(path, 0, &file));
    if (program) expect_ok(ddpm_h5_put_text(file, "/", "program", program));
    expect_ok(ddpm_h5_close(&file));
}

static void test_what_may_be_replaced(void **state)
{
    int fd;
    (void)state;
    expect_ok(ddpm_output_prepare(in_scratch("absent"), NULL));
    put_bytes(in_scratch("empty"), "", 0);
    expect_ok(ddpm_output_prepare(in_scratch("empty"), NULL));
    put_bytes(in_scratch("notes"), "notes", 5);
    expect_failure(ddpm_output_prepare(in_scratch("notes"), NULL), DDPM_ERR_IO, "remove it, or name another file");
    expect_failure(ddpm_output_prepare(in_scratch("notes"), "nothing"), DDPM_ERR_IO, "remove it");
    expect_ok(ddpm_output_prepare(in_scratch("notes"), "note"));
    make_h5(in_scratch("own.h5"), "ddpm 0");
    make_h5(in_scratch("other.h5"), "h5py");
    make_h5(in_scratch("silent.h5"), NULL);
    expect_ok(ddpm_output_prepare(in_scratch("own.h5"), NULL));
    expect_failure(ddpm_output_prepare(in_scratch("other.h5"), NULL), DDPM_ERR_IO, "remove it");
    expect_failure(ddpm_output_prepare(in_scratch("silent.h5"), NULL), DDPM_ERR_IO, "remove it");

    /* by another name, it is still the file that was read */
    make_h5(in_scratch("read.h5"), "ddpm 0");
    assert_int_equal(link(in_scratch("read.h5"), in_scratch("again.h5")), 0);
    expect_ok(ddpm_input_open(in_scratch("read.h5"), &fd));
    close(fd);
    expect_failure(ddpm_output_prepare(in_scratch("again.h5"), NULL), DDPM_ERR_USAGE, "is read by this command");
}

/* Only partial files of this name, and only those that nobody can be writing. */
static void test_leftovers(void **state)
{
    static const char *const names[] = {".o.h5.partial", ".o.h5.0123abcd.partial", ".o.h5.x.0123abcd.partial",
                                        ".o.h5.new.partial"};
    const struct timespec old[2] = {{0, 0}, {0, 0}};
    (void)state;
    for (int i = 0; i < 4; i++) {
        put_bytes(in_scratch(names[i]), "x", 1);
        utimensat(AT_FDCWD, in_scratch(names[i]), old, 0);
    }
    put_bytes(in_scratch(".o.h5.aaaaaaaa.partial"), "x", 1);
    expect_ok(ddpm_output_prepare(in_scratch("o.h5"), NULL));
    assert_int_equal(access(in_scratch(names[0]), F_OK), -1);
    assert_int_equal(access(in_scratch(names[1]), F_OK), -1);
    assert_int_equal(partials(), 3);
    ddpm_output_remove_partials(scratch, NULL, 0.0);
    assert_int_equal(partials(), 0);
}

static void test_link(void **state)
{
    char target[64] = "";
    const char *link = in_scratch("latest");
    (void)state;
    expect_ok(ddpm_output_link("one", link));
    expect_ok(ddpm_output_link("two", link));
    assert_int_equal(readlink(link, target, sizeof target - 1), 3);
    assert_string_equal(target, "two");
    expect_failure(ddpm_output_link("x", in_scratch("missing/latest")), DDPM_ERR_IO, "could not be made");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_failure_leaves_nothing),
        cmocka_unit_test(test_two_writers),
        cmocka_unit_test(test_pipes_and_devices),
        cmocka_unit_test(test_links_are_not_followed),
        cmocka_unit_test(test_what_may_be_replaced),
        cmocka_unit_test(test_leftovers),
        cmocka_unit_test(test_link),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
