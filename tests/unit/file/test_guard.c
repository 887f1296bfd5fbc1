/* The guard counts the time of the thread that reads: one that waits for a slow disk beside busy threads goes on. */
#include "scratch.h"

#include "file/h5_handle.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

static const double LIMIT = 0.2; /* seconds */

static void *spin(void *seconds)
{
    struct timespec now;
    do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((double)now.tv_sec + 1e-9 * (double)now.tv_nsec < *(double *)seconds);
    return NULL;
}

/* The exit code of a process that reads in this way, and what it printed. */
static int read_in_child(void (*reads)(void), char said[1024])
{
    int ends[2], code;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        ddpm_h5_guard(1, LIMIT);
        DDPM_H5_READING("some.h5");
        reads();
        _exit(0);
    }
    close(ends[1]);
    ssize_t length = 0, got; /* it comes in pieces */
    while (length < 1023 && (got = read(ends[0], said + length, (size_t)(1023 - length))) > 0) length += got;
    said[length] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(WIFEXITED(code));
    return WEXITSTATUS(code);
}

static void wait_for_a_busy_thread(void)
{
    double seconds = 3 * LIMIT;
    pthread_t thread;
    if (pthread_create(&thread, NULL, spin, &seconds) == 0) pthread_join(thread, NULL);
}

static void be_busy(void)
{
    double seconds = 1e6;
    spin(&seconds);
}

/* Many calls, which take longer than the limit together; the last is given up, in the time of two limits at most. */
static void read_often(void)
{
    ddpm_h5_leave(&(const char *){NULL});
    for (int i = 1; i <= 10; i++) {
        double until = i * LIMIT / 2;
        DDPM_H5_READING("some.h5");
        spin(&until);
    }
}

static void read_often_and_hang(void)
{
    read_often();
    DDPM_H5_READING("last.h5");
    be_busy();
}

static void test_time_of_the_reader(void **state)
{
    char said[1024];
    (void)state;
    assert_int_equal(read_in_child(wait_for_a_busy_thread, said), 0);
    assert_string_equal(said, "");
}

static void test_many_calls(void **state)
{
    char said[1024];
    (void)state;
    assert_int_equal(read_in_child(read_often, said), 0);
    assert_string_equal(said, "");
    assert_int_equal(read_in_child(read_often_and_hang, said), ddpm_status_exit_code(DDPM_ERR_IO));
    assert_non_null(strstr(said, "ddpm: last.h5: reading it was given up"));
}

static void test_endless(void **state)
{
    char said[1024];
    (void)state;
    assert_int_equal(read_in_child(be_busy, said), ddpm_status_exit_code(DDPM_ERR_IO));
    assert_non_null(strstr(said, "ddpm: some.h5: reading it was given up"));
    assert_null(strstr(said, "damaged"));
}

static void test_crash(void **state)
{
    char said[1024];
    (void)state;
    assert_int_equal(read_in_child(abort, said), ddpm_status_exit_code(DDPM_ERR_DATA));
    assert_non_null(strstr(said, "HDF5 itself failed on this file; it is damaged"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_of_the_reader),
        cmocka_unit_test(test_many_calls),
        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
