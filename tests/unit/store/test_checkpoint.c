/* Checkpoints are read as they were written, and only by a model that they fit. */
#include "checkpoint_example.h"

#include "model/same_data.h"

#include <math.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip), TEST(test_equal_bytes),   TEST(test_large_config),
        TEST(test_components), TEST(test_other_network),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
