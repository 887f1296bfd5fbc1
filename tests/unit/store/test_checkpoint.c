/* Checkpoints: they are read as they were written, damage is noticed, and a run folder keeps the right ones. */
#include "scratch.h"

#include "base/log.h"
#include "base/memory.h"
#include "file/digest.h"
#include "file/file.h"
#include "file/h5.h"
#include "model/same_data.h"
#include "store/checkpoint_table.h"
#include "world/reduce.h"

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <hdf5.h>
#include <limits.h>
#include <math.h>
#include <sys/syscall.h>

enum { D = 3, T = 4, TENSORS = 2, PARAMETERS = 14 };

static const ddpm_tensor tensors[TENSORS] = {
    {.name = "hidden0/weight", .rows = 3, .cols = 4, .offset = 0},
    {.name = "hidden0/bias", .rows = 1, .cols = 2, .offset = 12},
};

static double transform[4][D] = {{1, 2, 3}, {0.1, 0.2, 0.3}, {-1, -2, -3}, {4, 5, 6e300}};
static double beta[T + 1] = {0, 1e-4, 0.1, 0.2, 0.999};
static int32_t exponent[TENSORS + 1] = {-20, 7, DDPM_EXPONENT_LEAST};
static float flat[DDPM_CHECKPOINT_ARRAYS][PARAMETERS];
static char *column_names[D] = {"energy", "", "θ"};
static char config[] = "run:\n  name: test\n";
static float history[T][DDPM_TIMESTEPS_HISTORY];
static int32_t seen[T] = {0, 9, 10, DDPM_TIMESTEPS_SEEN - 1};
static int64_t classes[2] = {3, 0};
static double condition_mean[2] = {0, 1.5}, condition_scale[2] = {1, 2.5};
static double variances[3] = {2.5, 0.5, 0};
static float directions[2][D] = {{0.6f, 0.8f, 0.0f}, {-0.8f, 0.6f, 0.0f}};
static double mixture_weight[2] = {0.25, 0.75}, mixture_mean[2 * D] = {1, -2, 3}, mixture_variance[2 * D];
static float mixture_direction[2 * D * D] = {1, 0, -1};
static char *condition_names[2] = {"kind", "temperature"};

static ddpm_checkpoint example(void)
{
    for (int a = 0; a < DDPM_CHECKPOINT_ARRAYS; a++)
        for (int i = 0; i < PARAMETERS; i++) flat[a][i] = (float)(i + 1) / (float)(a + 3);
    for (int i = 0; i < 2 * D; i++) mixture_variance[i] = (double)(i + 1);
    for (int t = 0; t < T; t++)
        for (int i = 0; i < DDPM_TIMESTEPS_HISTORY; i++) history[t][i] = (float)(t + 1) / (float)(i + 1);
    return (ddpm_checkpoint){
        .iteration = 123456789012,
        .config = config,
        .columns = D,
        .column_names = column_names,
        .mean = transform[0],
        .scale = transform[1],
        .minimum = transform[2],
        .maximum = transform[3],
        .steps = T,
        .beta = beta,
        .exponent_count = TENSORS + 1,
        .exponent = exponent,
        .history = history[0],
        .seen = seen,
        .condition = {2, classes, condition_mean, condition_scale, condition_names},
        .components = {2, D, variances, directions[0]},
        .mixture = {2, D, 2 * D, mixture_weight, mixture_mean, mixture_variance, mixture_direction},
        .parameter_count = PARAMETERS,
        .parameters = flat[0],
        .ema = flat[1],
        .best = flat[2],
        .best_loss = 0.25,
        .best_iteration = 7,
        .moment1 = flat[3],
        .moment2 = flat[4],
        .velocity = flat[5],
    };
}

static ddpm_status read_header(const char *path, ddpm_checkpoint *out)
{
    ddpm_h5 *file;
    *out = (ddpm_checkpoint){0};
    DDPM_TRY(ddpm_checkpoint_open(path, &file));
    return ddpm_h5_finish(&file, ddpm_checkpoint_read_header(file, path, out));
}

static ddpm_status read_arrays(const char *path, ddpm_checkpoint *out, const ddpm_tensor *of, int with_moments)
{
    ddpm_h5 *file;
    DDPM_TRY(ddpm_checkpoint_open(path, &file));
    return ddpm_h5_finish(&file, ddpm_checkpoint_read_arrays(file, path, out, TENSORS, of, PARAMETERS, with_moments));
}

static void write_example(const char *path)
{
    const ddpm_checkpoint c = example();
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
}

static void test_round_trip(void **state)
{
    const char *path = in_scratch("round.h5");
    const ddpm_checkpoint wrote = example();
    ddpm_checkpoint c;
    (void)state;
    write_example(path);
    expect_ok(read_header(path, &c));
    assert_null(c.parameters);
    assert_int_equal(c.iteration, 123456789012);
    assert_string_equal(c.config, config);
    assert_int_equal(c.columns, D);
    for (int i = 0; i < D; i++) assert_string_equal(c.column_names[i], column_names[i]);
    assert_memory_equal(c.mean, transform[0], sizeof transform[0]);
    assert_memory_equal(c.scale, transform[1], sizeof transform[1]);
    assert_memory_equal(c.minimum, transform[2], sizeof transform[2]);
    assert_memory_equal(c.maximum, transform[3], sizeof transform[3]);
    assert_int_equal(c.steps, T);
    assert_memory_equal(c.beta, beta, sizeof beta);
    assert_int_equal(c.exponent_count, TENSORS + 1);
    assert_memory_equal(c.exponent, exponent, sizeof exponent);
    assert_memory_equal(c.history, history, sizeof history);
    assert_memory_equal(c.seen, seen, sizeof seen);
    assert_true(c.components.count == 2 && c.components.columns == D);
    assert_memory_equal(c.components.variance, variances, sizeof variances);
    assert_memory_equal(c.components.direction, directions, sizeof directions);
    assert_true(c.mixture.count == 2 && c.mixture.columns == D && c.mixture.directions == 2 * D);
    assert_memory_equal(c.mixture.weight, mixture_weight, sizeof mixture_weight);
    assert_memory_equal(c.mixture.mean, mixture_mean, sizeof mixture_mean);
    assert_memory_equal(c.mixture.variance, mixture_variance, sizeof mixture_variance);
    assert_memory_equal(c.mixture.direction, mixture_direction, sizeof mixture_direction);
    expect_ok(ddpm_same_condition(&c.condition, &wrote.condition));
    for (int v = 0; v < 2; v++) assert_string_equal(c.condition.names[v], condition_names[v]);
    expect_ok(read_arrays(path, &c, tensors, 1));
    assert_memory_equal(c.parameters, flat[0], sizeof flat[0]);
    assert_memory_equal(c.ema, flat[1], sizeof flat[1]);
    assert_memory_equal(c.best, flat[2], sizeof flat[2]);
    assert_true(c.best_loss == 0.25 && c.best_iteration == 7);
    assert_memory_equal(c.moment1, flat[3], sizeof flat[3]);
    assert_memory_equal(c.moment2, flat[4], sizeof flat[4]);
    assert_memory_equal(c.velocity, flat[5], sizeof flat[5]);
    ddpm_checkpoint_release(&c);
    expect_ok(read_header(path, &c));
    expect_ok(read_arrays(path, &c, tensors, 0));
    assert_non_null(c.ema);
    assert_null(c.moment1);
    ddpm_checkpoint_release(&c);
}

static void test_equal_bytes(void **state)
{
    size_t bytes, bytes_again;
    (void)state;
    write_example(in_scratch("one.h5"));
    char *one = file_bytes(in_scratch("one.h5"), &bytes);
    sleep(1); /* so that a time stamp would show */
    write_example(in_scratch("two.h5"));
    char *two = file_bytes(in_scratch("two.h5"), &bytes_again);
    assert_int_equal(bytes, bytes_again);
    assert_memory_equal(one, two, bytes);
    assert_memory_equal(one, "ddpm checkpoint 1\nbytes ", 24);
    free(one);
    free(two);
}

/** A configuration larger than HDF5's limits of small attributes. */
static void test_large_config(void **state)
{
    const char *path = in_scratch("large.h5");
    ddpm_checkpoint c = example(), back;
    const size_t bytes = 3 << 20;
    (void)state;
    c.config = malloc(bytes + 1);
    assert_non_null(c.config);
    for (size_t i = 0; i < bytes; i++) c.config[i] = (char)('a' + i % 26);
    c.config[bytes] = '\0';
    c.column_names = NULL;
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
    expect_ok(read_header(path, &back));
    assert_true(strcmp(c.config, back.config) == 0);
    assert_null(back.column_names);
    ddpm_checkpoint_release(&back);
    free(c.config);
}

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

/* Without components their count is 0; and those that a hostile file may have. */
static void test_components(void **state)
{
    const char *path = in_scratch("components.h5");
    const struct {
        double variance;
        float direction;
        const char *says;
    } cases[] = {
        {-1e-300, 0, "components/variance: element 1: expected 0 to "},
        {NAN, 0, "components/variance: element 1"},
        {INFINITY, 0, "components/variance: element 1"},
        {1, 2.5f, "components/direction: element 4: expected -2 to 2, found 2.5;"},
        {1, NAN, "components/direction: element 4"},
    };
    ddpm_checkpoint c = example(), back;
    (void)state;
    c.components = (ddpm_components){0};
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
    expect_ok(read_header(path, &back));
    assert_true(back.components.count == 0 && !back.components.variance && !back.components.direction);
    ddpm_checkpoint_release(&back);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        c.components = (ddpm_components){2, D, (double[3]){3, cases[i].variance, 0},
                                         (float[2 * D]){1, 0, 0, 0, cases[i].direction, 0}};
        expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
        expect_failure(read_header(path, &back), DDPM_ERR_DATA, cases[i].says);
    }
    c.components = (ddpm_components){2, D, NULL, directions[0]}; /* directions of no variance */
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
    expect_failure(read_header(path, &back), DDPM_ERR_DATA, "components/");
    c.components = (ddpm_components){2, D, variances, NULL}; /* variances of no directions */
    expect_ok(ddpm_checkpoint_write(path, &c, TENSORS, tensors));
    expect_failure(read_header(path, &back), DDPM_ERR_DATA, "components/");
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
    c.remainder = more[0];
    c.quantiles = quantiles[0];
    c.decimals = decimals;
    c.condition.remainder = more[1];
    c.condition.minimum = more[2];
    c.condition.maximum = more[3];
    c.condition.class_rows = rows;
    c.condition.class_codes = codes;
    c.condition.class_names = names;
    c.condition.class_total = 3;
    return c;
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

static void test_other_network(void **state)
{
    const char *path = in_scratch("network.h5");
    ddpm_checkpoint c;
    ddpm_tensor other[TENSORS];
    (void)state;
    write_example(path);
    expect_ok(read_header(path, &c));
    memcpy(other, tensors, sizeof other);
    strcpy(other[1].name, "hidden1/bias");
    expect_failure(read_arrays(path, &c, other, 1), DDPM_ERR_DATA, "did you mean 'parameters/hidden0/bias'");
    memcpy(other, tensors, sizeof other);
    other[0].cols = 3;
    expect_failure(read_arrays(path, &c, other, 1), DDPM_ERR_DATA, "has the shape [3][4]; expected [3][3]");
    ddpm_checkpoint_release(&c);
}

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
        TEST(test_round_trip),         TEST(test_equal_bytes),   TEST(test_large_config),
        TEST(test_every_flipped_byte), TEST(test_any_length),    TEST(test_other_files),
        TEST(test_newer_format),       TEST(test_wrong_content), TEST(test_wrong_history_and_conditions),
        TEST(test_components),         TEST(test_every_range),   TEST(test_classes),
        TEST(test_moved_class),        TEST(test_other_network), TEST(test_failure_leaves_nothing),
        TEST(test_failing_disk),       TEST(test_run_folder),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
