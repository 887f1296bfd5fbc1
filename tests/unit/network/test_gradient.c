/* The network's gradients against central differences of the network in double precision; and that their sums do not
 * depend on the order of the blocks. */
#include "reference_network.h"
#include "small_network.h"

enum { ROWS = 23, COLUMNS = 3, CONDITION = 2, MOST_OUTPUTS = 6, TENSORS_MAX = 32 };

static float xt[ROWS * COLUMNS], conditions[ROWS * CONDITION],
    weights[ROWS * MOST_OUTPUTS]; /* of the outputs in their weighted sum, which is the loss */
static int32_t t[ROWS];

/* Where gradients are added; all tensors have the same scale. */
typedef struct accumulator {
    ddpm_gradient gradient;
    int32_t exponent[TENSORS_MAX];
    int64_t refused[TENSORS_MAX];
} accumulator;

static void accumulator_make(const small_network *s, int exact, accumulator *a)
{
    *a = (accumulator){.gradient = {.kernels = ddpm_network_kernels(s->network), .limit = 0x1p50}};
    a->gradient.exponent = a->exponent;
    a->gradient.refused = a->refused;
    for (int i = 0; i < TENSORS_MAX; i++) a->exponent[i] = 40;
    if (exact)
        expect_ok(DDPM_NEW(&a->gradient.fixed, s->count, "sums"));
    else
        expect_ok(DDPM_NEW(&a->gradient.real, s->count, "sums"));
}

static void accumulator_free(accumulator *a)
{
    for (int i = 0; i < TENSORS_MAX; i++) assert_int_equal(a->refused[i], 0);
    ddpm_release(a->gradient.fixed);
    ddpm_release(a->gradient.real);
}

/* Add the gradient of the weighted sum of the outputs of rows first .. first+rows-1. */
static void add_block(const small_network *s, int64_t first, int64_t rows, ddpm_gradient *gradient)
{
    const ddpm_network_spec *spec = ddpm_network_get_spec(s->network);
    const int64_t outputs = spec->heads * spec->columns;
    (void)ddpm_network_forward(s->network, s->packed, s->workspace, rows, xt + first * COLUMNS,
                               conditions + first * CONDITION, t + first);
    const ddpm_matrix dout = ddpm_workspace_dout(s->workspace, rows);
    for (int64_t row = 0; row < rows; row++)
        memcpy(dout.data + row * dout.stride, weights + (first + row) * outputs, (size_t)outputs * sizeof *weights);
    ddpm_network_backward(s->network, s->packed, s->workspace, rows, t + first, gradient);
}

static double reference_loss(const small_network *s, const double *parameters)
{
    const ddpm_network_spec *spec = ddpm_network_get_spec(s->network);
    const int64_t outputs = spec->heads * spec->columns;
    double out[MOST_OUTPUTS], sum = 0.0;
    for (int64_t row = 0; row < ROWS; row++) {
        reference_forward(s->network, parameters, xt + row * COLUMNS, conditions + row * CONDITION, t[row], out);
        for (int64_t j = 0; j < outputs; j++) sum += (double)weights[row * outputs + j] * out[j];
    }
    return sum;
}

static ddpm_network_spec spec_of(int activation, int form, int64_t heads)
{
    ddpm_network_spec spec = {.columns = COLUMNS,
                              .condition = CONDITION,
                              .heads = heads,
                              .width = 18,
                              .depth = 2,
                              .activation = (ddpm_activation)activation,
                              .time_width = 6,
                              .steps = 5};
    set_form(&spec, form);
    return spec;
}

/* Check some eighty elements of a tensor. Their error is relative to the largest derivative in it. */
static void check_tensor(const small_network *s, const ddpm_tensor *tensor, double *parameters,
                         const accumulator *exact, const accumulator *real)
{
    static double difference[6 * 8 * 18]; /* as many as the largest tensor has, the modulation's */
    const int64_t size = tensor->rows * tensor->cols, skip = 1 + size / 80;
    const double h = 1e-5;
    double largest = 0.0;
    for (int64_t e = 0; e < size; e += skip) {
        const int64_t at = tensor->offset + e;
        const double value = parameters[at];
        parameters[at] = value + h;
        const double above = reference_loss(s, parameters);
        parameters[at] = value - h;
        difference[e] = (above - reference_loss(s, parameters)) / (2.0 * h);
        parameters[at] = value;
        largest = fmax(largest, fabs(difference[e]));
    }
    assert_true(largest > 1e-6);
    for (int64_t e = 0; e < size; e += skip) {
        const int64_t at = tensor->offset + e;
        expect_near(ldexp((double)exact->gradient.fixed[at], -40), difference[e], 1e-5 * largest, tensor->name, e);
        expect_near((double)real->gradient.real[at], difference[e], 1e-5 * largest, tensor->name, e);
    }
}

static void check_network(const ddpm_network_spec *spec)
{
    small_network s = small_network_make(spec, ROWS);
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(s.network, &tensors);
    double *parameters = NULL;
    accumulator exact, real;
    expect_ok(DDPM_NEW(&parameters, s.count, "parameters"));
    for (int64_t i = 0; i < s.count; i++) parameters[i] = (double)s.parameters[i];
    accumulator_make(&s, 1, &exact);
    accumulator_make(&s, 0, &real);
    add_block(&s, 0, 10, &exact.gradient);
    add_block(&s, 10, ROWS - 10, &exact.gradient);
    add_block(&s, 0, ROWS, &real.gradient);
    for (int64_t i = 0; i < count; i++) check_tensor(&s, &tensors[i], parameters, &exact, &real);
    ddpm_release(parameters);
    accumulator_free(&exact);
    accumulator_free(&real);
    small_network_free(&s);
}

static int make_rows(void **state)
{
    const ddpm_network_spec spec = spec_of(0, 0, 1);
    (void)state;
    fill_rows(&spec, ROWS, xt, t);
    fill_any(conditions, ROWS * CONDITION, 61);
    fill_any(weights, ROWS * MOST_OUTPUTS, 60);
    return 0;
}

static void test_differences(void **state)
{
    (void)state;
    for (int activation = 0; activation < DDPM_ACTIVATION_COUNT; activation++)
        for (int form = 0; form < FORMS; form++)
            for (int64_t heads = 1; heads <= 2; heads++) {
                const ddpm_network_spec spec = spec_of(activation, form, heads);
                check_network(&spec);
            }
}

/* The weighted sum of the outputs, with the parameters moved by h times a direction. */
static double moved_loss(const small_network *s, const float *direction, double h)
{
    float *moved = NULL;
    double sum = 0.0;
    expect_ok(DDPM_NEW(&moved, s->count, "parameters"));
    for (int64_t i = 0; i < s->count; i++) moved[i] = (float)((double)s->parameters[i] + h * (double)direction[i]);
    ddpm_packed_fill(s->packed, s->network, moved);
    const ddpm_const_matrix out = ddpm_network_forward(s->network, s->packed, s->workspace, ROWS, xt, conditions, t);
    for (int64_t row = 0; row < ROWS; row++)
        for (int64_t j = 0; j < out.columns; j++)
            sum += (double)weights[row * out.columns + j] * (double)out.data[row * out.stride + j];
    ddpm_packed_fill(s->packed, s->network, s->parameters);
    ddpm_release(moved);
    return sum;
}

/* A pass backward leaves out the units that the pass forward left out: along its gradient the loss rises by the
 * gradient's square. */
static void check_dropout_gradient(const small_network *s)
{
    accumulator a;
    double square = 0.0;
    accumulator_make(s, 0, &a);
    add_block(s, 0, ROWS, &a.gradient);
    for (int64_t i = 0; i < s->count; i++) square += pow((double)a.gradient.real[i], 2.0);
    const double h = 1e-3 / sqrt(square),
                 rise = (moved_loss(s, a.gradient.real, h) - moved_loss(s, a.gradient.real, -h)) / (2.0 * h);
    expect_near(rise, square, 0.02 * square, "rise along the gradient", 0);
    accumulator_free(&a);
}

/* Which units are left out does not depend on the rows of a pass, and the others make up for them. */
static void test_dropout(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        ddpm_network_spec spec = spec_of(DDPM_ACTIVATION_SILU, form, 1);
        spec.width = 400;
        small_network s = small_network_make(&spec, ROWS);
        const ddpm_dropout dropout = {0.25, 3, 7, 100}, later = {0.25, 3, 7, 105}, none = {0};
        float whole[ROWS * COLUMNS], part[COLUMNS], plain[COLUMNS];
        ddpm_workspace_set_dropout(s.workspace, &dropout);
        ddpm_const_matrix out = ddpm_network_forward(s.network, s.packed, s.workspace, ROWS, xt, conditions, t);
        for (int64_t i = 0; i < ROWS; i++)
            memcpy(whole + i * COLUMNS, out.data + i * out.stride, COLUMNS * sizeof *whole);
        ddpm_workspace_set_dropout(s.workspace, &later);
        out = ddpm_network_forward(s.network, s.packed, s.workspace, 1, xt + 5 * COLUMNS, conditions + 5 * CONDITION,
                                   t + 5);
        memcpy(part, out.data, sizeof part);
        expect_bits(part, whole + 5 * COLUMNS, sizeof part, "a row by itself", form);
        ddpm_workspace_set_dropout(s.workspace, &dropout);
        check_dropout_gradient(&s);
        ddpm_workspace_set_dropout(s.workspace, &none);
        out = ddpm_network_forward(s.network, s.packed, s.workspace, 1, xt + 5 * COLUMNS, conditions + 5 * CONDITION,
                                   t + 5);
        memcpy(plain, out.data, sizeof plain);
        assert_true(memcmp(plain, part, sizeof plain) != 0);
        small_network_free(&s);
    }
}

/* The gradient by x_t is that of every row by itself, and may be asked for again. */
static void test_input_gradient(void **state)
{
    (void)state;
    for (int activation = 0; activation < DDPM_ACTIVATION_COUNT; activation++)
        for (int form = 0; form < FORMS; form++) {
            const ddpm_network_spec spec = spec_of(activation, form, 2);
            const int has_kinks = activation == DDPM_ACTIVATION_RELU || activation == DDPM_ACTIVATION_LEAKY_RELU;
            if (has_kinks && spec.features > 0)
                continue; /* differences across a kink are wrong, and features meet many */
            small_network s = small_network_make(&spec, ROWS);
            double *parameters = NULL, out[2][MOST_OUTPUTS];
            float gradient[ROWS * COLUMNS], again[ROWS * COLUMNS];
            expect_ok(DDPM_NEW(&parameters, s.count, "parameters"));
            for (int64_t i = 0; i < s.count; i++) parameters[i] = (double)s.parameters[i];
            (void)ddpm_network_forward(s.network, s.packed, s.workspace, ROWS, xt, conditions, t);
            const ddpm_matrix dout = ddpm_workspace_dout(s.workspace, ROWS);
            for (int64_t row = 0; row < ROWS; row++)
                memcpy(dout.data + row * dout.stride, weights + row * MOST_OUTPUTS, MOST_OUTPUTS * sizeof *weights);
            ddpm_network_input_gradient(s.network, s.packed, s.workspace, ROWS, t, gradient);
            ddpm_network_input_gradient(s.network, s.packed, s.workspace, ROWS, t, again);
            expect_bits(again, gradient, sizeof gradient, "asked for again", form);
            for (int64_t i = 0; i < ROWS * COLUMNS; i++) {
                const int64_t row = i / COLUMNS;
                double difference = 0.0;
                for (int width = 1; width <= 1 + (spec.features > 0);
                     width++) { /* of fourth order, since features are steep */
                    double wide = 0.0;
                    float x[2][COLUMNS];
                    for (int k = 0; k < 2; k++) {
                        memcpy(x[k], xt + row * COLUMNS, sizeof x[k]);
                        x[k][i % COLUMNS] += (float)width * (k ? 0x1p-13f : -0x1p-13f);
                        reference_forward(s.network, parameters, x[k], conditions + row * CONDITION, t[row], out[k]);
                    }
                    for (int j = 0; j < MOST_OUTPUTS; j++)
                        wide += (double)weights[row * MOST_OUTPUTS + j] * (out[1][j] - out[0][j]);
                    wide /= (double)x[1][i % COLUMNS] - (double)x[0][i % COLUMNS];
                    difference += (spec.features == 0 ? 1.0 : width == 1 ? 4.0 / 3.0 : -1.0 / 3.0) * wide;
                }
                expect_near((double)gradient[i], difference,
                            (spec.features > 0 ? 2e-4 : 1e-5) * fmax(1.0, fabs(difference)), "gradient by x_t",
                            i + 1000 * activation);
            }
            ddpm_release(parameters);
            small_network_free(&s);
        }
}

/* The same blocks give the same bits in any order, and shared among any number of accumulators. */
static void test_order_of_blocks(void **state)
{
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        const ddpm_network_spec spec = spec_of(DDPM_ACTIVATION_SILU, form, 2);
        small_network s = small_network_make(&spec, ROWS);
        accumulator one, many[3];
        const int64_t block = 4, blocks = (ROWS + block - 1) / block;
        accumulator_make(&s, 1, &one);
        for (int k = 0; k < 3; k++) accumulator_make(&s, 1, &many[k]);
        for (int64_t b = 0; b < blocks; b++)
            add_block(&s, b * block, b == blocks - 1 ? ROWS - b * block : block, &one.gradient);
        for (int64_t b = blocks - 1; b >= 0; b--)
            add_block(&s, b * block, b == blocks - 1 ? ROWS - b * block : block, &many[b % 3].gradient);
        for (int k = 1; k < 3; k++)
            one.gradient.kernels->merge_fixed(s.count, many[k].gradient.fixed, many[0].gradient.fixed);
        expect_bits(many[0].gradient.fixed, one.gradient.fixed, (size_t)s.count * sizeof(int64_t), "sums", form);
        for (int k = 0; k < 3; k++) accumulator_free(&many[k]);
        accumulator_free(&one);
        small_network_free(&s);
    }
}

/* A gradient of zero changes no sum, nor what lies between two tensors. */
static void test_nothing_in_between(void **state)
{
    const ddpm_network_spec spec = spec_of(DDPM_ACTIVATION_SILU, DDPM_TIME_SINUSOIDAL, 1);
    small_network s = small_network_make(&spec, ROWS);
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(s.network, &tensors);
    accumulator a;
    (void)state;
    accumulator_make(&s, 1, &a);
    add_block(&s, 0, ROWS, &a.gradient);
    for (int64_t i = 0; i < count; i++)
        memset(a.gradient.fixed + tensors[i].offset, 0, (size_t)(tensors[i].rows * tensors[i].cols) * sizeof(int64_t));
    for (int64_t i = 0; i < s.count; i++) assert_int_equal(a.gradient.fixed[i], 0);
    accumulator_free(&a);
    small_network_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_differences),        TEST(test_dropout), TEST(test_input_gradient), TEST(test_order_of_blocks),
        TEST(test_nothing_in_between),
    };
    return cmocka_run_group_tests(tests, make_rows, NULL);
}
