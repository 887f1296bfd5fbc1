/* Damage of a checkpoint is noticed, and so is what no program has written. */
#include "checkpoint_example.h"

#include "file/digest.h"

#include <fcntl.h>
#include <float.h>
#include <math.h>

static void expect_damaged(const char *path)
{
    ddpm_checkpoint c;
    expect_failure(read_header(path, &c), DDPM_ERR_DATA, "is damaged (its digest does not match)");
    assert_null(c.config);
}

static void test_every_flipped_byte(void **state)
{
    const char *path = in_scratch("flip.h5");
    size_t bytes;
    ddpm_checkpoint c;
    (void)state;
    write_example(path);
    char *whole = file_bytes(path, &bytes);
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    for (size_t i = 0; i < bytes; i++) {
        for (int bit = 0; bit < (i < DDPM_DIGEST_BLOCK ? 8 : 1); bit++) {
            const char flipped = (char)(whole[i] ^ 1 << (bit + (int)i) % 8);
            assert_int_equal(pwrite(fd, &flipped, 1, (off_t)i), 1);
            expect_damaged(path);
        }
        assert_int_equal(pwrite(fd, whole + i, 1, (off_t)i), 1);
    }
    close(fd);
    free(whole);
    expect_ok(read_header(path, &c)); /* all bytes are back */
    ddpm_checkpoint_release(&c);
}

static void test_any_length(void **state)
{
    const char *path = in_scratch("length.h5");
    size_t bytes;
    (void)state;
    write_example(path);
    char *whole = file_bytes(path, &bytes);
    for (size_t length = 0; length < bytes; length += length < 1100 ? 1 : 97) {
        put_bytes(path, whole, length);
        expect_damaged(path);
    }
    put_bytes(path, whole, bytes - 1);
    expect_damaged(path);
    put_bytes(path, whole, bytes + 1); /* file_bytes gives a zero more */
    expect_damaged(path);
    free(whole);
}

static void test_other_files(void **state)
{
    const char *path = in_scratch("other.h5");
    ddpm_checkpoint c;
    ddpm_h5 *file;
    (void)state;
    expect_failure(read_header(in_scratch("none.h5"), &c), DDPM_ERR_MISSING, "none.h5");
    expect_failure(read_header(scratch, &c), DDPM_ERR_IO, "is not a file");
    put_bytes(path, "a text that is no checkpoint", 28);
    expect_failure(read_header(path, &c), DDPM_ERR_DATA, "is not a checkpoint");
    expect_ok(ddpm_h5_create(path, 0, &file));
    expect_ok(ddpm_h5_close(&file));
    expect_failure(read_header(path, &c), DDPM_ERR_DATA, "is not a checkpoint");
}

/** A checkpoint of a later format, with a digest that is right. */
static void test_newer_format(void **state)
{
    const char *path = in_scratch("newer.h5");
    ddpm_checkpoint c;
    ddpm_h5 *file;
    (void)state;
    expect_ok(ddpm_h5_create(path, DDPM_DIGEST_BLOCK, &file));
    expect_ok(ddpm_h5_put_int(file, "/", "format", 2));
    expect_ok(ddpm_h5_close(&file));
    expect_ok(ddpm_digest_seal(path, 2));
    expect_failure(read_header(path, &c), DDPM_ERR_DATA, "use a newer ddpm");
    expect_ok(ddpm_digest_seal(path, 1));
    expect_damaged(path);
}

static void test_wrong_content(void **state)
{
    const char *path = in_scratch("wrong.h5");
    ddpm_checkpoint c = example(), back;
    (void)state;
    c.beta = (double[T + 1]){0, 1, NAN, 1, 1};
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
    expect_failure(read_header(path, &back), DDPM_ERR_DATA, "schedule/beta: element 2 is not a finite number");
    c = example();
    c.exponent_count = TENSORS;
    flat[1][12] = INFINITY;
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
    expect_ok(read_header(path, &back));
    expect_failure(read_arrays(path, &back, tensors, 1), DDPM_ERR_DATA, "exponents");
    ddpm_checkpoint_release(&back);
    c.exponent_count = TENSORS + 1;
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
    expect_ok(read_header(path, &back));
    expect_failure(read_arrays(path, &back, tensors, 1), DDPM_ERR_DATA,
                   "ema/hidden0/bias: element 0 is not a finite number");
    assert_null(back.parameters);
    ddpm_checkpoint_release(&back);
}

/** Losses and conditions that a hostile file may have. */
static void test_wrong_history_and_conditions(void **state)
{
    const char *path = in_scratch("wrong.h5");
    const struct {
        int32_t seen;
        float loss;
        int64_t classes;
        double scale;
        const char *says;
    } cases[] = {
        {-1, 1, 3, 1, "timesteps/seen: element 1: expected 0 to 9999, found -1;"},
        {DDPM_TIMESTEPS_SEEN, 1, 3, 1, "timesteps/seen: element 1: expected 0 to 9999, found "},
        {INT32_MAX, 1, 3, 1, "timesteps/seen: element 1: expected 0 to 9999, found "},
        {1, NAN, 3, 1, "timesteps/history: element 13 is not a finite number"},
        {1, 1, -1, 1, "condition/classes: element 0: expected 0 to 4096, found -1;"},
        {1, 1, DDPM_CLASSES_MAX + 1, 1, "condition/classes: element 0: expected 0 to 4096, found 4097;"},
        {1, 1, 3, 0, "condition/scale: element 0: expected "},
        {1, 1, 3, INFINITY, "condition/scale: element 0 is not a finite number"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ddpm_checkpoint c = example(), back;
        history[1][3] = cases[i].loss;
        c.seen = (int32_t[T]){0, cases[i].seen, 0, 0};
        c.condition.classes = (int64_t[2]){cases[i].classes, 0};
        c.condition.scale = (double[2]){cases[i].scale, 1};
        expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
        expect_failure(read_header(path, &back), DDPM_ERR_DATA, cases[i].says);
    }
}

enum { BELOW, LEAST, LARGEST, BEYOND, NOT_A_NUMBER, INFINITE, FORGERIES };

/* A number at a limit of its range, or beyond it. 0: the type has no such number. */
static int forge(ddpm_h5_type type, double least, double largest, int which, double *x)
{
    const int is_float = type == DDPM_H5_FLOAT32 || type == DDPM_H5_FLOAT64;
    const double most = type == DDPM_H5_FLOAT32   ? (double)FLT_MAX
                        : type == DDPM_H5_FLOAT64 ? DBL_MAX
                        : type == DDPM_H5_INT32   ? (double)INT32_MAX
                                                  : 0x1p62;
    switch (which) {
    case BELOW:
        *x = is_float ? fmin(least - 1, least * 2) : least - 1;
        return *x >= -most && *x < least;
    case LEAST:
        *x = least;
        return 1;
    case LARGEST:
        *x = largest;
        return 1;
    case BEYOND:
        *x = is_float ? fmax(largest + 1, largest * 2) : largest + 1;
        return *x <= most && *x > largest;
    default:
        *x = which == INFINITE ? -INFINITY : NAN;
        return is_float;
    }
}

static void put_number(ddpm_h5_type type, void *numbers, int64_t i, double x)
{
    if (type == DDPM_H5_FLOAT32)
        ((float *)numbers)[i] = (float)x;
    else if (type == DDPM_H5_FLOAT64)
        ((double *)numbers)[i] = x;
    else if (type == DDPM_H5_INT32)
        ((int32_t *)numbers)[i] = (int32_t)x;
    else
        ((int64_t *)numbers)[i] = (int64_t)x;
}

/* Write, seal and read: what is in its range is read, what is not is refused by its name, before it is written too. */
static void expect_forged(const ddpm_checkpoint *c, const char *name, int which)
{
    const char *path = in_scratch("forged.h5");
    const int is_good = which == LEAST || which == LARGEST;
    ddpm_checkpoint back;
    expect_ok(ddpm_checkpoint_write(path, c, TENSORS, tensors));
    ddpm_status status = read_header(path, &back);
    if (status == DDPM_OK) {
        status = read_arrays(path, &back, tensors, 1);
        ddpm_checkpoint_release(&back);
    }
    if (is_good) {
        expect_ok(status);
        expect_ok(ddpm_checkpoint_check(c, TENSORS, tensors));
    } else {
        expect_failure(status, DDPM_ERR_DATA, name);
        expect_failure(status, DDPM_ERR_DATA, "; use an older checkpoint");
        expect_failure(ddpm_checkpoint_check(c, TENSORS, tensors), DDPM_ERR_DATA, name);
    }
}

static ddpm_checkpoint full_example(void)
{
    static double more[6][D] = {{0}, {0}, {-1, -1}, {1, 1}};
    static int64_t rows[3] = {1, 2, 3}, codes[3] = {INT64_MIN, -7, INT64_MAX};
    static char *names[3] = {"cat", "", "dog"};
    ddpm_checkpoint c = example();
    static double quantiles[D][DDPM_QUANTILES];
    static int32_t decimals[D] = {-1, 0, 3};
    static int64_t steps[D] = {0, 5, 25};
    c.remainder = more[0];
    c.quantiles = quantiles[0];
    c.decimals = decimals;
    c.quantile_steps = steps;
    c.condition.remainder = more[1];
    c.condition.minimum = more[2];
    c.condition.maximum = more[3];
    c.condition.class_rows = rows;
    c.condition.class_codes = codes;
    c.condition.class_names = names;
    c.condition.class_total = 3;
    return c;
}

static void test_wrong_quantiles(void **state)
{
    ddpm_checkpoint c = full_example(), back;
    const char *path = in_scratch("quantiles.h5");
    (void)state;
    expect_ok(ddpm_checkpoint_check(&c, TENSORS, tensors));
    c.decimals = NULL;
    expect_failure(ddpm_checkpoint_check(&c, TENSORS, tensors), DDPM_ERR_DATA, "transform/decimals: expected them");
    c = full_example();
    c.quantiles[2 * DDPM_QUANTILES + 7] = -1.0;
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
    expect_failure(read_header(path, &back), DDPM_ERR_DATA, "those of column 2 (from 0) do not ascend");
    c.quantiles[2 * DDPM_QUANTILES + 7] = 0.0;
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
    expect_ok(read_header(path, &back));
    assert_memory_equal(back.quantile_steps, c.quantile_steps, D * sizeof *c.quantile_steps);
    ddpm_checkpoint_release(&back);
}

/** Every number of the tables, at the limits of its range and beyond them. */
static void test_every_range(void **state)
{
    double x;
    (void)state;
    for (int which = 0; which < FORGERIES; which++) {
        for (int i = 0; i < DDPM_CHECKPOINT_ATTRIBUTES; i++) {
            const ddpm_checkpoint_attribute *a = &ddpm_checkpoint_attributes[i];
            const ddpm_h5_type type = a->is_real ? DDPM_H5_FLOAT64 : DDPM_H5_INT64;
            ddpm_checkpoint c = full_example();
            if (!forge(type, a->least, a->largest, which, &x) || (a->is_optional && isnan(x))) continue;
            put_number(type, (char *)&c + a->at, 0, x);
            expect_forged(&c, a->name, which);
        }
        for (int i = 0; i < DDPM_CHECKPOINT_FIELDS; i++) {
            const ddpm_checkpoint_field *f = &ddpm_checkpoint_fields[i];
            ddpm_checkpoint c = full_example();
            static char copy[sizeof(double) * D * DDPM_QUANTILES];
            char *numbers;
            int64_t rows;
            memcpy(&numbers, (char *)&c + f->numbers, sizeof numbers);
            memcpy(&rows, (char *)&c + f->rows, sizeof rows);
            const int64_t last = (rows + f->more_rows) * (f->columns_at ? D : f->columns ? f->columns : 1) - 1;
            assert_non_null(numbers);
            memcpy(copy, numbers, (size_t)((last + 1) * ddpm_number_bytes(f->type)));
            if (!forge(f->type, f->least, f->largest, which, &x)) continue;
            if (strcmp(f->name, "condition/classes") == 0 && which == LARGEST) continue; /* its rows are not counted */
            if (strcmp(f->name, "condition/codes") == 0) continue; /* all numbers are codes: see test_classes */
            if (strcmp(f->name, "transform/quantiles") == 0 && which == LEAST)
                continue; /* the last one is the largest */
            put_number(f->type, copy, last, x);
            numbers = copy;
            memcpy((char *)&c + f->numbers, &numbers, sizeof numbers);
            expect_forged(&c, f->name, which);
        }
        for (int i = 0; i < DDPM_CHECKPOINT_ARRAYS; i++) {
            const ddpm_checkpoint_array *a = &ddpm_checkpoint_arrays[i];
            const ddpm_checkpoint c = full_example();
            if (!forge(DDPM_H5_FLOAT32, a->least, a->largest, which, &x)) continue;
            flat[i][13] = (float)x;
            expect_forged(&c, a->group, which);
        }
    }
}

/** Codes and names of classes are read as they were written; codes ascend, and there are as many as classes. */
static void test_classes(void **state)
{
    const char *path = in_scratch("classes.h5");
    ddpm_checkpoint c = full_example(), back;
    (void)state;
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
    expect_ok(read_header(path, &back));
    assert_true(ddpm_condition_same_classes(&c.condition, 0, &back.condition, 0));
    assert_true(ddpm_condition_code(&back.condition, 0, 2) == INT64_MAX);
    assert_int_equal(ddpm_condition_find_name(&back.condition, 0, "dog"), 2);
    assert_int_equal(ddpm_condition_find_name(&back.condition, 0, ""), -1);
    ddpm_checkpoint_release(&back);
    c.condition.class_codes = (int64_t[]){-7, -7, 3};
    expect_forged(&c, "condition/codes: the codes of condition 0 do not ascend", BELOW);
    c = full_example();
    c.condition.class_rows = NULL;
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
    expect_failure(read_header(path, &back), DDPM_ERR_DATA, "condition/codes");
}

/** A class is an index, which no mean and no scale may move. */
static void test_moved_class(void **state)
{
    ddpm_checkpoint c = full_example();
    (void)state;
    c.condition.mean = (double[2]){-1e6, 1.5};
    expect_forged(&c, "condition/mean: element 0: expected 0 to 0, found -1000000", BELOW);
    c = full_example();
    c.condition.scale = (double[2]){1e-6, 1};
    expect_forged(&c, "condition/scale: element 0: expected 1 to 1, found 1e-06", BELOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_flipped_byte), TEST(test_any_length),    TEST(test_other_files),
        TEST(test_newer_format),       TEST(test_wrong_content), TEST(test_wrong_history_and_conditions),
        TEST(test_wrong_quantiles),    TEST(test_every_range),   TEST(test_classes),
        TEST(test_moved_class),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
