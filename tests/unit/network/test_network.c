/* The network forward against one in double precision; initial values; that rows do not depend on each other; memory.
 */
#include "reference_network.h"
#include "small_network.h"

enum { ROWS = 37, WIDEST = 140 };

static float xt[ROWS * WIDEST], conditions[ROWS * 20], whole[ROWS * WIDEST];
static int32_t t[ROWS];

static const float *row_of(ddpm_const_matrix matrix, int64_t row)
{
    return matrix.data + row * matrix.stride;
}

static ddpm_network_spec spec_of(int64_t columns, int64_t condition, int64_t heads, int64_t width, int64_t depth,
                                 int activation, int form)
{
    ddpm_network_spec spec = {.columns = columns,
                              .condition = condition,
                              .heads = heads,
                              .width = width,
                              .depth = depth,
                              .activation = (ddpm_activation)activation,
                              .time_width = 12,
                              .steps = 20};
    set_form(&spec, form);
    return spec;
}

static void check_forward(const ddpm_network_spec *spec)
{
    small_network s = small_network_make(spec, ROWS);
    double *parameters = NULL, out[REFERENCE_WIDEST];
    expect_ok(DDPM_NEW(&parameters, s.count, "parameters"));
    for (int64_t i = 0; i < s.count; i++) parameters[i] = (double)s.parameters[i];
    fill_rows(spec, ROWS, xt, t);
    fill_any(conditions, ROWS * spec->condition, 51);
    const ddpm_const_matrix output = ddpm_network_forward(s.network, s.packed, s.workspace, ROWS, xt, conditions, t);
    for (int64_t row = 0; row < ROWS; row++) {
        reference_forward(s.network, parameters, xt + row * spec->columns, conditions + row * spec->condition, t[row],
                          out);
        for (int64_t j = 0; j < spec->heads * spec->columns; j++)
            expect_near((double)row_of(output, row)[j], out[j], spec->features > 0 ? 4e-4 : 5e-6, "output", row);
    }
    ddpm_release(parameters);
    small_network_free(&s);
}

static void test_forward(void **state)
{
    static const int64_t shapes[][5] = {
        {1, 1, 1, 1, 0}, {2, 1, 16, 3, 3}, {3, 2, 33, 2, 0}, {17, 2, 20, 1, 20}, {65, 2, 150, 4, 1}};
    (void)state;
    for (int shape = 0; shape < 5; shape++)
        for (int activation = 0; activation < DDPM_ACTIVATION_COUNT; activation++)
            for (int form = 0; form < FORMS; form++) {
                const int64_t *s = shapes[shape];
                const ddpm_network_spec spec = spec_of(s[0], s[4], s[1], s[2], s[3], activation, form);
                check_forward(&spec);
            }
}

/* Some outputs, of rows that are known by what they add to the first layer, are those of the whole pass. */
static void test_hidden(void **state)
{
    enum { COLUMNS = 50, WIDTH = 40, FIRST = 37, END = 44 };
    static float xt_w[ROWS][WIDTH + 64], some[ROWS][COLUMNS + 64];
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        const ddpm_network_spec spec = spec_of(COLUMNS, 4, 1, WIDTH, 2, DDPM_ACTIVATION_SILU, form);
        ddpm_network_spec without = spec;
        without.is_entered = 1;
        if (spec.features > 0) continue;
        small_network s = small_network_make(&spec, ROWS), entered = small_network_make(&without, ROWS);
        const ddpm_tensor *tensors;
        (void)ddpm_network_tensors(s.network, &tensors);
        const float *weight = s.parameters + tensors[ddpm_network_entry(s.network)].offset;
        fill_rows(&spec, ROWS, xt, t);
        fill_any(conditions, ROWS * 4, 51);
        memset(xt_w, 0, sizeof xt_w);
        for (int64_t row = 0; row < ROWS; row++)
            for (int64_t i = 0; i < COLUMNS; i++)
                for (int64_t j = 0; j < WIDTH; j++) xt_w[row][j] += xt[row * COLUMNS + i] * weight[i * WIDTH + j];
        ddpm_const_matrix output = ddpm_network_forward(s.network, s.packed, s.workspace, ROWS, xt, conditions, t);
        for (int64_t row = 0; row < ROWS; row++)
            memcpy(whole + row * COLUMNS, row_of(output, row), COLUMNS * sizeof *whole);
        const ddpm_const_matrix entry = {*xt_w, ROWS, WIDTH, WIDTH + 64, 0},
                                hidden = ddpm_network_hidden(entered.network, entered.packed, entered.workspace, entry,
                                                             conditions, t);
        output = ddpm_network_some_outputs(entered.network, entered.packed, hidden, (ddpm_range){FIRST, END},
                                           (ddpm_matrix){*some, ROWS, COLUMNS, COLUMNS + 64, 0}, NULL);
        assert_int_equal(output.columns, END - FIRST);
        for (int64_t row = 0; row < ROWS; row++)
            for (int64_t j = FIRST; j < END; j++)
                expect_near((double)row_of(output, row)[j - FIRST], (double)whole[row * COLUMNS + j], 5e-6, "output",
                            row);
        small_network_free(&s);
        small_network_free(&entered);
    }
}

/* No two t have the same output. */
static void test_time(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        const ddpm_network_spec spec = spec_of(2, 0, 1, 16, 2, DDPM_ACTIVATION_SILU, form);
        small_network s = small_network_make(&spec, 20);
        const float same[40] = {0};
        int32_t every[20];
        for (int32_t i = 0; i < 20; i++) every[i] = i + 1;
        const ddpm_const_matrix output = ddpm_network_forward(s.network, s.packed, s.workspace, 20, same, NULL, every);
        for (int64_t i = 0; i < 20; i++)
            for (int64_t j = 0; j < i; j++) assert_true(*row_of(output, i) != *row_of(output, j));
        small_network_free(&s);
    }
}

static void test_rows_stand_alone(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        const ddpm_network_spec spec = spec_of(5, 4, 2, 40, 3, DDPM_ACTIVATION_GELU, form);
        small_network s = small_network_make(&spec, ROWS);
        fill_rows(&spec, ROWS, xt, t);
        fill_any(conditions, ROWS * 4, 51);
        ddpm_const_matrix output = ddpm_network_forward(s.network, s.packed, s.workspace, ROWS, xt, conditions, t);
        for (int64_t row = 0; row < ROWS; row++) memcpy(whole + row * 10, row_of(output, row), 10 * sizeof *whole);
        for (int64_t first = 0; first < ROWS; first++) {
            const int64_t rows = first % 5 + 1 < ROWS - first ? first % 5 + 1 : ROWS - first;
            output = ddpm_network_forward(s.network, s.packed, s.workspace, rows, xt + first * 5,
                                          conditions + first * 4, t + first);
            for (int64_t row = 0; row < rows; row++)
                expect_bits(row_of(output, row), whole + (first + row) * 10, 10 * sizeof *whole, "row", first + row);
        }
        small_network_free(&s);
    }
}

/* A row without a condition has that of a row of zeros; rows with a condition have another output. */
static void test_condition(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        const ddpm_network_spec spec = spec_of(2, 3, 1, 16, 2, DDPM_ACTIVATION_SILU, form);
        small_network s = small_network_make(&spec, ROWS);
        const float zeros[3 * ROWS] = {0};
        fill_rows(&spec, ROWS, xt, t);
        ddpm_const_matrix output = ddpm_network_forward(s.network, s.packed, s.workspace, ROWS, xt, zeros, t);
        for (int64_t row = 0; row < ROWS; row++) memcpy(whole + row * 2, row_of(output, row), 2 * sizeof *whole);
        output = ddpm_network_forward(s.network, s.packed, s.workspace, ROWS, xt, NULL, t);
        for (int64_t row = 0; row < ROWS; row++)
            expect_bits(row_of(output, row), whole + row * 2, 2 * sizeof *whole, "no condition", row);
        fill_any(conditions, 3 * ROWS, 51);
        output = ddpm_network_forward(s.network, s.packed, s.workspace, ROWS, xt, conditions, t);
        for (int64_t row = 0; row < ROWS; row++) assert_true(*row_of(output, row) != whole[row * 2]);
        const ddpm_tensor *weight = find_tensor(s.network, form_is_residual(form) ? "embedding" : "hidden0", "weight");
        assert_int_equal(weight->rows,
                         (form_is_residual(form) ? 0 : 2 + form_features(form)) + 3 + (form == FORM_GAINS ? 0 : 12));
        small_network_free(&s);
    }
}

/* A workspace for sampling keeps less, and the output is the same; but for how sums are rounded where a perceptron's
 * first layer is computed in two parts. */
static void test_forward_only(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        const ddpm_network_spec spec = spec_of(5, 0, 1, 40, 3, DDPM_ACTIVATION_TANH, form);
        small_network s = small_network_make(&spec, ROWS);
        ddpm_workspace *slim = NULL;
        ddpm_packed *packed = NULL;
        fill_rows(&spec, ROWS, xt, t);
        expect_ok(ddpm_packed_create(s.network, DDPM_PACK_FORWARD, NULL, &packed));
        ddpm_packed_fill(packed, s.network, s.parameters);
        expect_ok(ddpm_workspace_create(s.network, ROWS, ROWS, 0, &slim));
        const ddpm_const_matrix output = ddpm_network_forward(s.network, s.packed, s.workspace, ROWS, xt, NULL, t);
        const ddpm_const_matrix again = ddpm_network_forward(s.network, packed, slim, ROWS, xt, NULL, t);
        const int splits = spec.kind == DDPM_NETWORK_MLP && spec.time == DDPM_TIME_SINUSOIDAL;
        for (int64_t row = 0; row < ROWS; row++) {
            if (!splits) expect_bits(row_of(again, row), row_of(output, row), 5 * sizeof(float), "row", row);
            for (int64_t j = 0; j < 5; j++)
                expect_near((double)row_of(again, row)[j], (double)row_of(output, row)[j], 1e-5, "row", row);
        }
        ddpm_workspace_free(slim);
        ddpm_packed_free(packed);
        small_network_free(&s);
    }
}

/* Without backward, rows of the same t share what depends on t alone, which may be known before: their outputs have the
 * same bits as beside a row of another t. */
static void test_rows_of_one_step(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        const ddpm_network_spec spec = spec_of(5, 0, 1, 40, 3, DDPM_ACTIVATION_SILU, form);
        small_network s = small_network_make(&spec, ROWS);
        ddpm_workspace *slim = NULL;
        ddpm_times *times = NULL;
        static const int32_t steps[] = {9, 7, 2, 7};
        float expected[ROWS * 5];
        fill_rows(&spec, ROWS, xt, t);
        for (int64_t row = 0; row < ROWS; row++) t[row] = row == 0 ? 3 : 7;
        expect_ok(ddpm_workspace_create(s.network, ROWS, ROWS, 0, &slim));
        const ddpm_const_matrix output = ddpm_network_forward(s.network, s.packed, slim, ROWS, xt, NULL, t);
        for (int64_t row = 0; row < ROWS; row++) memcpy(expected + row * 5, row_of(output, row), 5 * sizeof(float));
        t[0] = 7;
        expect_ok(ddpm_times_create(s.network, s.packed, 4, steps, &times));
        for (int known = 0; known < 2; known++) {
            ddpm_workspace_set_times(slim, known ? times : NULL);
            const ddpm_const_matrix again = ddpm_network_forward(s.network, s.packed, slim, ROWS, xt, NULL, t);
            for (int64_t row = 1; row < ROWS; row++)
                expect_bits(row_of(again, row), expected + row * 5, 5 * sizeof(float), "row", row);
        }
        ddpm_workspace_free(slim);
        ddpm_times_free(times);
        small_network_free(&s);
    }
}

/* Check the shape of a tensor, and that it lies behind the one that was checked before. */
static void check_shape(const ddpm_network *network, const char *layer, const char *what, int64_t rows, int64_t cols,
                        int64_t *at)
{
    const ddpm_tensor *tensor = find_tensor(network, layer, what);
    if (!tensor) fail_msg("no tensor %s/%s", layer, what);
    assert_int_equal(tensor->rows, rows);
    assert_int_equal(tensor->cols, cols);
    assert_true(tensor->offset >= *at);
    *at = tensor->offset + rows * cols;
}

/* The table covers the parameters without overlap, in the order of the layers, each {inputs, outputs, has a gain}. */
static void test_tensors(void **state)
{
    static const struct {
        int layers, tensors;
        struct {
            const char *name;
            int64_t shape[3];
        } layer[8];
    } forms[FORMS] = {{3, 6, {{"hidden0", {15, 10, 0}}, {"hidden1", {10, 10, 0}}, {"output", {10, 6, 0}}}},
                      {3, 8, {{"hidden0", {3, 10, 1}}, {"hidden1", {10, 10, 1}}, {"output", {10, 6, 0}}}},
                      {8,
                       16,
                       {{"input", {3, 10, 0}},
                        {"embedding", {12, 12, 0}},
                        {"modulation", {12, 80, 0}},
                        {"block0/first", {10, 10, 0}},
                        {"block0/second", {10, 10, 0}},
                        {"block1/first", {10, 10, 0}},
                        {"block1/second", {10, 10, 0}},
                        {"output", {10, 6, 0}}}},
                      {3, 6, {{"hidden0", {25, 10, 0}}, {"hidden1", {10, 10, 0}}, {"output", {10, 6, 0}}}},
                      {8,
                       16,
                       {{"input", {13, 10, 0}},
                        {"embedding", {12, 12, 0}},
                        {"modulation", {12, 80, 0}},
                        {"block0/first", {10, 10, 0}},
                        {"block0/second", {10, 10, 0}},
                        {"block1/first", {10, 10, 0}},
                        {"block1/second", {10, 10, 0}},
                        {"output", {10, 6, 0}}}}};
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        const ddpm_network_spec spec = spec_of(3, 0, 2, 10, 2, DDPM_ACTIVATION_RELU, form);
        small_network s = small_network_make(&spec, 1);
        const ddpm_tensor *tensors;
        int64_t at = 0, parameters = 0;
        double operations = 0.0;
        assert_int_equal(ddpm_network_tensors(s.network, &tensors), forms[form].tensors);
        for (int l = 0; l < forms[form].layers; l++) {
            const char *name = forms[form].layer[l].name;
            const int64_t *shape = forms[form].layer[l].shape;
            check_shape(s.network, name, "weight", shape[0], shape[1], &at);
            check_shape(s.network, name, "bias", 1, shape[1], &at);
            if (shape[2]) check_shape(s.network, name, "gain", 20, shape[1], &at);
            operations += 2.0 * (double)(shape[0] * shape[1]);
            parameters += (shape[0] + 1 + (shape[2] ? 20 : 0)) * shape[1];
        }
        assert_true(at <= s.count);
        assert_int_equal(ddpm_network_parameters(s.network), parameters);
        expect_near(ddpm_network_operations(s.network), operations, 0.0, "operations", form);
        small_network_free(&s);
    }
}

/* The blocks of a residual network start as the identity, so that its output does not depend on their weights. */
static void test_blocks_start_as_nothing(void **state)
{
    const ddpm_network_spec spec = spec_of(5, 2, 2, 40, 3, DDPM_ACTIVATION_SILU, FORM_RESIDUAL);
    small_network s = small_network_make(&spec, ROWS);
    (void)state;
    ddpm_network_initialise(s.network, 3, s.parameters);
    for (int64_t i = 0; i < 2; i++) { /* the second time with other weights in the blocks */
        const ddpm_tensor *first = find_tensor(s.network, "block1/first", "weight");
        if (i) fill_any(s.parameters + first->offset, 40 * 40, 80);
        ddpm_packed_fill(s.packed, s.network, s.parameters);
        fill_rows(&spec, ROWS, xt, t);
        const ddpm_const_matrix output = ddpm_network_forward(s.network, s.packed, s.workspace, ROWS, xt, NULL, t);
        for (int64_t row = 0; row < ROWS; row++)
            if (i == 0)
                memcpy(whole + row * 10, row_of(output, row), 10 * sizeof *whole);
            else
                expect_bits(row_of(output, row), whole + row * 10, 10 * sizeof *whole, "row", row);
    }
    small_network_free(&s);
}

/* Weights are uniform in +-1/sqrt(inputs) and gains in 0..1: range, mean and variance of every large tensor are
 * checked. They are a function of the seed. */
static void test_initial_values(void **state)
{
    const ddpm_network_spec spec = spec_of(50, 0, 1, 100, 3, DDPM_ACTIVATION_SILU, FORM_GAINS);
    small_network s = small_network_make(&spec, 1);
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(s.network, &tensors);
    float *again = NULL;
    (void)state;
    for (int64_t i = 0; i < count; i++) {
        const int is_gain = strstr(tensors[i].name, "gain") != NULL;
        const double inputs = strstr(tensors[i].name, "hidden0") ? 50.0 : 100.0;
        const double low = is_gain ? 0.0 : -1.0 / sqrt(inputs), high = is_gain ? 1.0 : 1.0 / sqrt(inputs);
        const double n = (double)(tensors[i].rows * tensors[i].cols), wide = high - low;
        double sum = 0.0, squares = 0.0;
        for (int64_t e = 0; e < tensors[i].rows * tensors[i].cols; e++) {
            const double value = (double)s.parameters[tensors[i].offset + e];
            assert_true(value >= low - 1e-7 && value <= high + 1e-7);
            sum += value - (low + high) / 2.0;
            squares += pow(value - (low + high) / 2.0, 2.0);
        }
        expect_near(sum / n, 0.0, 5.0 * wide / sqrt(12.0 * n), tensors[i].name, i);
        expect_near(squares / n, wide * wide / 12.0, 5.0 * wide * wide / sqrt(180.0 * n), tensors[i].name, i);
    }
    expect_ok(DDPM_NEW(&again, s.count, "parameters"));
    ddpm_network_initialise(s.network, 3, again);
    expect_bits(again, s.parameters, (size_t)s.count * sizeof *again, "the same seed", 3);
    ddpm_network_initialise(s.network, 4, again);
    assert_memory_not_equal(again, s.parameters, 64 * sizeof *again);
    ddpm_release(again);
    small_network_free(&s);
}

/* The bytes of a workspace are linear in its rows. For a wide and deep network they are those of the arrays that its
 * layers keep; without backward they are fewer. */
static void test_workspace_bytes(void **state)
{
    /* Of a perceptron: values, and what depends on t alone; with backward also slopes and scratch memory. Of a residual
     * network: a modulation of 3 x 10 + 2 parts, and with backward its gradient; norm, modulated, hidden, slope and
     * branch of each block, and one norm more; the stream, two gradients and scratch memory. Without backward the
     * blocks share the memory of one. */
    static const int arrays[FORMS][2] = {
        {11, 21}, {20, 31}, {32 + 5, 2 * 32 + 5 * 10 + 2 + 4}, {11, 21}, {32 + 5, 2 * 32 + 5 * 10 + 2 + 4}};
    (void)state;
    for (int form = 0; form < FORMS; form++)
        for (int backward = 0; backward < 2; backward++) {
            const ddpm_network_spec spec = spec_of(2, 0, 1, 512, 10, DDPM_ACTIVATION_SILU, form);
            const double expected = 64.0 * 4.0 * 512.0 * arrays[form][backward];
            ddpm_network *network = NULL;
            expect_ok(ddpm_network_create(&spec, &network));
            const int64_t one = ddpm_workspace_bytes(network, 64, backward),
                          two = ddpm_workspace_bytes(network, 128, backward),
                          three = ddpm_workspace_bytes(network, 192, backward);
            assert_int_equal(three - two, two - one);
            expect_near((double)(two - one), expected, 0.05 * expected, "bytes", 10 * form + backward);
            ddpm_network_free(network);
        }
}

/* Weights keep the variance of what a layer reads, biases are as PyTorch's, and the last layer is 0. */
static void test_initial_variance(void **state)
{
    const ddpm_network_spec spec = spec_of(50, 0, 1, 100, 3, DDPM_ACTIVATION_SILU, FORM_RESIDUAL_FEATURES);
    ddpm_network *network = NULL;
    const ddpm_tensor *tensors;
    float *parameters = NULL;
    (void)state;
    expect_ok(ddpm_network_create(&spec, &network));
    expect_ok(DDPM_NEW(&parameters, ddpm_network_array_length(network), "parameters"));
    ddpm_network_initialise(network, 3, parameters);
    const int64_t count = ddpm_network_tensors(network, &tensors);
    for (int64_t i = 0; i < count; i++) {
        const int is_bias = strstr(tensors[i].name, "bias") != NULL;
        const int is_zero = strstr(tensors[i].name, "output") || strstr(tensors[i].name, "modulation");
        const int64_t inputs = is_bias ? tensors[i - 1].rows : tensors[i].rows, n = tensors[i].rows * tensors[i].cols;
        const double variance = is_zero ? 0.0 : (is_bias ? 1.0 / 3.0 : 1.0) / (double)inputs;
        double squares = 0.0;
        for (int64_t e = 0; e < n; e++) squares += pow((double)parameters[tensors[i].offset + e], 2.0) / (double)n;
        expect_near(squares, variance, 5.0 * variance * sqrt(0.8 / (double)n), tensors[i].name, i);
    }
    ddpm_release(parameters);
    ddpm_network_free(network);
}

static void test_refused_isa(void **state)
{
    const ddpm_network_spec spec = spec_of(2, 0, 1, 8, 1, DDPM_ACTIVATION_SILU, FORM_PERCEPTRON);
    ddpm_network *network = NULL;
    (void)state;
    setenv("DDPM_ISA", "mmx", 1);
    expect_failure(ddpm_network_create(&spec, &network), DDPM_ERR_CONFIG, "DDPM_ISA");
    assert_null(network);
    unsetenv("DDPM_ISA");
}

/* The pieces cover every parameter once, begin and end at whole panels, and any parts of them hold all. */
static void test_pieces(void **state)
{
    static const ddpm_network_spec spec = {.kind = DDPM_NETWORK_RESIDUAL,
                                           .columns = 3,
                                           .heads = 1,
                                           .width = 100,
                                           .depth = 2,
                                           .activation = DDPM_ACTIVATION_SILU,
                                           .time = DDPM_TIME_SINUSOIDAL,
                                           .time_width = 34,
                                           .steps = 10};
    ddpm_network *network;
    const ddpm_tensor *tensors;
    const ddpm_piece *pieces;
    unsigned char *covered;
    (void)state;
    expect_ok(ddpm_network_create(&spec, &network));
    const int64_t count = ddpm_network_array_length(network), panel = ddpm_network_kernels(network)->panel;
    ddpm_network_tensors(network, &tensors);
    for (int parts = 1; parts < 70; parts = 2 * parts + 1) {
        int64_t sum = 0, next = 0;
        expect_ok(DDPM_NEW(&covered, count, "a test"));
        for (int part = 0; part < parts; part++) {
            const ddpm_range mine = ddpm_network_pieces(network, part, parts, &pieces);
            assert_int_equal(mine.first, next);
            next = mine.end;
            for (int64_t i = mine.first; i < mine.end; i++) {
                const ddpm_piece *p = &pieces[i];
                const ddpm_tensor *of = &tensors[p->tensor];
                assert_true(p->rows.first % panel == 0 && p->columns.first % panel == 0);
                assert_true(p->rows.end % panel == 0 || p->rows.end == of->rows);
                assert_true(p->columns.end % panel == 0 || p->columns.end == of->cols);
                for (int64_t row = p->rows.first; row < p->rows.end; row++)
                    for (int64_t column = p->columns.first; column < p->columns.end; column++, sum++)
                        assert_int_equal(covered[of->offset + row * of->cols + column]++, 0);
            }
        }
        assert_int_equal(sum, ddpm_network_parameters(network));
        ddpm_release(covered);
    }
    ddpm_network_free(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_forward),
        TEST(test_hidden),
        TEST(test_time),
        TEST(test_rows_stand_alone),
        TEST(test_forward_only),
        TEST(test_tensors),
        TEST(test_initial_values),
        TEST(test_initial_variance),
        TEST(test_workspace_bytes),
        TEST(test_refused_isa),
        TEST(test_condition),
        TEST(test_rows_of_one_step),
        TEST(test_blocks_start_as_nothing),
        TEST(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
