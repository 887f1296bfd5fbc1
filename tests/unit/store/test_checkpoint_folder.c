/* A run folder keeps the right checkpoints, each complete, whatever fails. */
#include "checkpoint_example.h"

#include "base/memory.h"
#include "file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <limits.h>
#include <sys/syscall.h>

static int entries(const char *folder)
{
    char command[600];
    int count = -1;
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", folder);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

static void test_failure_leaves_nothing(void **state)
{
    const char *folder = in_scratch("nothing"), *target = in_scratch("nothing/step.h5");
    const ddpm_checkpoint c = example();
    (void)state;
    expect_ok(ddpm_file_make_folder(target));
    expect_failure(ddpm_checkpoint_write(target, &c, TENSORS, tensors), DDPM_ERR_IO, "could not be replaced");
    assert_int_equal(entries(folder), 1);
    expect_failure(ddpm_checkpoint_write(in_scratch("nowhere/step.h5"), &c, TENSORS, tensors), DDPM_ERR_IO,
                   "No such file");
}

/* A disk that fails after some calls: these functions replace those of the C library, in HDF5 and in this program. */
static int calls_left = INT_MAX;

/** Files in memory have no name and do not fail. */
static int disk_fails(int fd)
{
    struct stat about;
    if (fd >= 0 && (fstat(fd, &about) || about.st_nlink == 0)) return 0;
    if (calls_left-- > 0) return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
    return disk_fails(fd) ? -1 : syscall(SYS_pwrite64, fd, data, bytes, offset);
}

int ftruncate(int fd, off_t bytes)
{
    return disk_fails(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, bytes);
}

int fallocate(int fd, int mode, off_t from, off_t bytes)
{
    return disk_fails(fd) ? -1 : (int)syscall(SYS_fallocate, fd, mode, from, bytes);
}

int fsync(int fd)
{
    return disk_fails(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    return disk_fails(-1) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/** Whichever call fails, there is a complete file, nothing is left behind, and HDF5 has closed all it had open. */
static void test_failing_disk(void **state)
{
    char folder[512];
    ddpm_checkpoint c = example(), back;
    ddpm_status status = DDPM_ERR_IO;
    int failures = 0;
    (void)state;
    snprintf(folder, sizeof folder, "%s", in_scratch("full"));
    expect_ok(ddpm_file_make_folder(folder));
    write_example(in_scratch("full/step.h5"));
    for (c.iteration = 0; status != DDPM_OK; failures++) {
        calls_left = failures;
        status = ddpm_checkpoint_write(in_scratch("full/step.h5"), &c, TENSORS, tensors);
        calls_left = INT_MAX;
        if (status != DDPM_OK) expect_failure(status, DDPM_ERR_IO, "No space left on device");
        assert_int_equal(entries(folder), 1);
        assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
        expect_ok(read_header(in_scratch("full/step.h5"), &back));
        const int replaced = status == DDPM_OK || strstr(ddpm_error_message(), "the folder could not");
        assert_int_equal(back.iteration, replaced ? 0 : 123456789012);
        ddpm_checkpoint_release(&back);
    }
    assert_true(failures > 6); /* to reserve, copy, seal, sync, rename, sync the folder */
}

static void publish(const char *run, int64_t iteration, int64_t keep)
{
    char path[DDPM_PATH_BYTES];
    expect_ok(ddpm_checkpoint_path(run, iteration, path, sizeof path));
    write_example(path);
    expect_ok(ddpm_checkpoint_publish(run, iteration, keep));
}

static void expect_list(const char *run, int64_t count, const int64_t *expected)
{
    int64_t found, *iterations;
    expect_ok(ddpm_checkpoint_list(run, &found, &iterations));
    assert_int_equal(found, count);
    for (int64_t i = 0; i < count; i++) assert_int_equal(iterations[i], expected[i]);
    ddpm_release(iterations);
}

static void expect_located(const char *run, const char *ending)
{
    char path[DDPM_PATH_BYTES];
    expect_ok(ddpm_checkpoint_locate(run, path, sizeof path));
    assert_string_equal(path + strlen(path) - strlen(ending), ending);
    assert_int_equal(access(path, R_OK), 0);
}

static void test_run_folder(void **state)
{
    char run[512], path[DDPM_PATH_BYTES], link[64] = "", small[8];
    (void)state;
    snprintf(run, sizeof run, "%s", in_scratch("run"));
    expect_list(run, 0, NULL);
    expect_failure(ddpm_checkpoint_locate(run, path, sizeof path), DDPM_ERR_MISSING,
                   "no such checkpoint or run folder");
    expect_ok(ddpm_file_make_folder(in_scratch("run/checkpoints")));
    expect_failure(ddpm_checkpoint_locate(run, path, sizeof path), DDPM_ERR_MISSING, "latest.h5");
    publish(run, 100, 2);
    publish(run, 1000, 2);
    put_bytes(in_scratch("run/checkpoints/.step-000000200.h5.partial"), "x", 1);
    put_bytes(in_scratch("run/checkpoints/step-7.h5"), "x", 1);
    put_bytes(in_scratch("run/checkpoints/step-000000007.h5.bak"), "x", 1);
    publish(run, 12345678901, 2);
    expect_list(run, 2, (const int64_t[]){12345678901, 1000});
    assert_int_equal(entries(in_scratch("run/checkpoints")), 5);
    assert_int_equal(readlink(in_scratch("run/checkpoints/latest.h5"), link, sizeof link - 1), 19);
    assert_string_equal(link, "step-12345678901.h5");
    expect_located(run, "/checkpoints/step-12345678901.h5");
    publish(run, 50, 2); /* what was just written is kept, also when it is of an earlier iteration */
    expect_list(run, 3, (const int64_t[]){12345678901, 1000, 50});
    expect_located(run, "/checkpoints/step-000000050.h5");
    unlink(in_scratch("run/checkpoints/step-000000050.h5"));
    expect_located(run, "/checkpoints/step-12345678901.h5");
    expect_located(in_scratch("run/checkpoints/step-000001000.h5"), "step-000001000.h5");
    expect_failure(ddpm_checkpoint_locate(run, small, sizeof small), DDPM_ERR_USAGE, "too long");
    publish(run, 2000, 0);
    expect_list(run, 3, (const int64_t[]){12345678901, 2000, 1000});
    expect_ok(ddpm_checkpoint_go_back(run, 1000));
    expect_list(run, 1, (const int64_t[]){1000});
    publish(run, 70, 0);
    publish(run, 2000, 0);
    publish(run, 1000, DDPM_KEEP_NO_OTHER);
    expect_list(run, 1, (const int64_t[]){1000});
    expect_located(run, "/checkpoints/step-000001000.h5");
    expect_ok(ddpm_checkpoint_go_back(run, 0));
    expect_list(run, 0, NULL);
    assert_int_equal(readlink(in_scratch("run/checkpoints/latest.h5"), link, sizeof link - 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_failure_leaves_nothing),
        TEST(test_failing_disk),
        TEST(test_run_folder),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
