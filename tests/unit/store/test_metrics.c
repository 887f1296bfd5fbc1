/* metrics.csv: rows that are appended, and rows that are kept when a run is resumed. */
#include "scratch.h"

#include "base/log.h"
#include "base/memory.h"
#include "store/metrics.h"

#include <math.h>

#define HEADER "iteration,epoch,loss,validation_loss,learning_rate,gradient_norm,rows_per_second,seconds\n"

static void expect_content(const char *path, const char *text)
{
    size_t bytes;
    char *data = file_bytes(path, &bytes);
    assert_string_equal(data, text);
    free(data);
}

static void append(const char *path, int64_t keep_until, int64_t first, int64_t count)
{
    ddpm_metrics *metrics;
    double seconds;
    expect_ok(ddpm_metrics_open(path, keep_until, &metrics, &seconds));
    for (int64_t i = first; i < first + count; i++) {
        const ddpm_metrics_row row = {.iteration = i, .loss = 0.1, .validation_loss = NAN, .seconds = (double)i / 2};
        expect_ok(ddpm_metrics_append(metrics, &row));
    }
    expect_ok(ddpm_metrics_close(&metrics));
    assert_null(metrics);
}

static void test_rows(void **state)
{
    const char *path = in_scratch("rows.csv");
    ddpm_metrics *metrics;
    double seconds = 5;
    (void)state;
    expect_ok(ddpm_metrics_open(path, 0, &metrics, &seconds));
    assert_true(seconds == 0);
    expect_content(path, HEADER);
    const ddpm_metrics_row row = {123456789012, 1.0 / 3, 1e-30, NAN, 2e-4, INFINITY, 1234567.25, 1e9};
    expect_ok(ddpm_metrics_append(metrics, &row));
    expect_content(path, HEADER "123456789012,0.333333333,1e-30,,0.0002,inf,1234567.25,1e+09\n"); /* readable at once */
    expect_ok(ddpm_metrics_close(&metrics));
    expect_ok(ddpm_metrics_close(&metrics));
}

static void test_resume_drops_rows(void **state)
{
    const char *path = in_scratch("resume.csv");
    char *once, *again;
    size_t bytes, bytes_again;
    ddpm_metrics *metrics;
    double seconds;
    (void)state;
    append(path, 0, 1, 20);
    once = file_bytes(path, &bytes);
    expect_ok(ddpm_metrics_open(path, 13, &metrics, &seconds));
    assert_true(seconds == 6.5);
    expect_ok(ddpm_metrics_close(&metrics));
    append(path, 13, 14, 7);
    again = file_bytes(path, &bytes_again);
    assert_string_equal(once, again);
    append(path, 0, 1, 0);
    expect_content(path, HEADER);
    free(once);
    free(again);
}

/** A run may be killed at any byte of a row. */
static void test_any_cut(void **state)
{
    const char *path = in_scratch("cut.csv");
    size_t bytes, left;
    (void)state;
    append(path, 0, 1, 3);
    char *whole = file_bytes(path, &bytes);
    const size_t second = (size_t)(strstr(whole, "\n3,") + 1 - whole);
    for (size_t cut = second; cut < bytes; cut++) {
        put_bytes(path, whole, cut);
        append(path, 100, 3, 1);
        char *data = file_bytes(path, &left);
        assert_string_equal(data, whole);
        free(data);
    }
    free(whole);
}

static void test_strange_lines(void **state)
{
    const char *path = in_scratch("strange.csv");
    double seconds;
    ddpm_metrics *metrics;
    (void)state;
    const char text[] = HEADER "1,0,0,,0,0,0,2\n\n2,0,0,0\nnonsense\n3,0,0,,0,0,0,\n4,0,0,,0,0,0,8\n\0\0\0";
    put_bytes(path, text, sizeof text - 1);
    ddpm_log_enable(0);
    expect_ok(ddpm_metrics_open(path, 10, &metrics, &seconds));
    ddpm_log_enable(1);
    assert_true(seconds == 8);
    expect_ok(ddpm_metrics_close(&metrics));
    expect_content(path, HEADER "1,0,0,,0,0,0,2\n4,0,0,,0,0,0,8\n");
}

static void test_other_file(void **state)
{
    const char *path = in_scratch("other.csv");
    double seconds;
    ddpm_metrics *metrics;
    (void)state;
    put_bytes(path, "a,b\n1,2\n", 8);
    expect_failure(ddpm_metrics_open(path, 10, &metrics, &seconds), DDPM_ERR_DATA, "move the file away");
    expect_content(path, "a,b\n1,2\n");
    put_bytes(path, "", 0);
    append(path, 0, 1, 0);
    expect_content(path, HEADER);
    expect_failure(ddpm_metrics_open(scratch, 10, &metrics, &seconds), DDPM_ERR_IO, "is not a file");
    expect_failure(ddpm_metrics_open(in_scratch("missing/m.csv"), 10, &metrics, &seconds), DDPM_ERR_IO, "No such file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows),          TEST(test_resume_drops_rows), TEST(test_any_cut),
        TEST(test_strange_lines), TEST(test_other_file),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
