/* The linear part of a network, against its formula in double precision: forward, the way back of a gradient, and that
 * rows do not depend on each other. */
#include "directions.h"
#include "small_network.h"

enum { ROWS = 29, WIDEST = DIRECTIONS_MOST, HEADS = 2 };

static float direction[WIDEST * WIDEST];
static double variance[WIDEST + 1];
static float xt[ROWS * WIDEST], weights[ROWS * HEADS * WIDEST];
static int32_t t[ROWS];

static void set_linear(ddpm_network *network, int64_t columns, int64_t count, int64_t series)
{
    fill_directions(columns, count, series, direction);
    for (int64_t k = 0; k < count; k++) variance[k] = 3.0 / (double)(1 + k * k);
    variance[count] = 0.01;
    const ddpm_linear_spec spec = {.count = count,
                                   .variance = variance,
                                   .direction = direction,
                                   .signal = signal,
                                   .noise = noise,
                                   .target_data = data_of,
                                   .target_noise = noise_of};
    expect_ok(ddpm_network_set_linear(network, &spec));
}

static double slope(int32_t at, double v)
{
    const double s = (double)signal[at], n = (double)noise[at];
    return ((double)data_of[at] * s * v + (double)noise_of[at] * n) / (s * s * v + n * n);
}

/* The linear part of a row, with the directions that were made last. */
static void linear_of(int64_t columns, int64_t count, const float *x, int32_t at, double *out)
{
    for (int64_t j = 0; j < columns; j++) out[j] = slope(at, variance[count]) * (double)x[j];
    for (int64_t k = 0; k < count; k++) {
        double along = 0.0;
        for (int64_t j = 0; j < columns; j++) along += (double)direction[k * columns + j] * (double)x[j];
        for (int64_t j = 0; j < columns; j++)
            out[j] +=
                (slope(at, variance[k]) - slope(at, variance[count])) * along * (double)direction[k * columns + j];
    }
}

static ddpm_network_spec spec_of(int64_t columns, int64_t most, int form)
{
    ddpm_network_spec spec = {.columns = columns,
                              .heads = HEADS,
                              .width = 12,
                              .depth = 2,
                              .components = most,
                              .activation = DDPM_ACTIVATION_SILU,
                              .time_width = 4,
                              .steps = T};
    set_form(&spec, form);
    return spec;
}

static const float *row_of(ddpm_const_matrix matrix, int64_t row)
{
    return matrix.data + row * matrix.stride;
}

static const struct {
    int64_t columns, most, count;
} shapes[] = {{1, 1, 1}, {2, 2, 2}, {5, 5, 2}, {20, 8, 8}, {WIDEST, 17, 17}, {WIDEST, WIDEST, WIDEST}};

enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Beside what the layers give; the second head is left alone. Set again, the last one counts. */
static void test_forward(void **state)
{
    static float plain[ROWS * HEADS * WIDEST];
    (void)state;
    for (int s = 0; s < SHAPES; s++)
        for (int form = 0; form < FORMS; form++) {
            const int64_t D = shapes[s].columns, K = shapes[s].count, outputs = HEADS * D;
            const ddpm_network_spec spec = spec_of(D, shapes[s].most, form);
            small_network net = small_network_make(&spec, ROWS);
            double linear[WIDEST];
            fill_rows(&spec, ROWS, xt, t);
            ddpm_const_matrix out = ddpm_network_forward(net.network, net.packed, net.workspace, ROWS, xt, NULL, t);
            for (int64_t row = 0; row < ROWS; row++)
                memcpy(plain + row * outputs, row_of(out, row), (size_t)outputs * sizeof *plain);
            for (int64_t series = 30; series < 32; series++) {
                set_linear(net.network, D, series == 30 ? 1 : K, series);
                if (series == 30) continue;
                out = ddpm_network_forward(net.network, net.packed, net.workspace, ROWS, xt, NULL, t);
                for (int64_t row = 0; row < ROWS; row++) {
                    linear_of(D, K, xt + row * D, t[row], linear);
                    for (int64_t j = 0; j < D; j++)
                        expect_near((double)row_of(out, row)[j], (double)plain[row * outputs + j] + linear[j],
                                    2e-6 * (1.0 + fabs(linear[j])) + 1e-6 * slope(t[row], 0.01), "output",
                                    100 * s + row);
                    expect_bits(row_of(out, row) + D, plain + row * outputs + D, (size_t)D * sizeof *plain,
                                "second head", row);
                }
            }
            small_network_free(&net);
        }
}

/* The gradient by x_t has the linear part of the gradient by the first head, since the function is symmetric. */
static void test_input_gradient(void **state)
{
    static float gradient[2][ROWS * WIDEST];
    (void)state;
    for (int s = 0; s < SHAPES; s++)
        for (int form = 0; form < FORMS; form++) {
            const int64_t D = shapes[s].columns, K = shapes[s].count, outputs = HEADS * D;
            const ddpm_network_spec spec = spec_of(D, shapes[s].most, form);
            small_network net = small_network_make(&spec, ROWS);
            double linear[WIDEST];
            fill_rows(&spec, ROWS, xt, t);
            fill_any(weights, ROWS * outputs, 60);
            for (int with = 0; with < 2; with++) {
                if (with) set_linear(net.network, D, K, 33);
                (void)ddpm_network_forward(net.network, net.packed, net.workspace, ROWS, xt, NULL, t);
                const ddpm_matrix dout = ddpm_workspace_dout(net.workspace, ROWS);
                for (int64_t row = 0; row < ROWS; row++)
                    memcpy(dout.data + row * dout.stride, weights + row * outputs, (size_t)outputs * sizeof *weights);
                ddpm_network_input_gradient(net.network, net.packed, net.workspace, ROWS, t, gradient[with]);
            }
            for (int64_t row = 0; row < ROWS; row++) {
                linear_of(D, K, weights + row * outputs, t[row], linear);
                for (int64_t j = 0; j < D; j++)
                    expect_near((double)gradient[1][row * D + j], (double)gradient[0][row * D + j] + linear[j],
                                1e-6 * (5.0 + fabs(linear[j]) + fabs((double)gradient[0][row * D + j])) +
                                    1e-6 * slope(t[row], 0.01),
                                "gradient by x_t", 100 * s + row);
            }
            small_network_free(&net);
        }
}

/* The gradients of the parameters do not see the linear part. */
static void test_parameters(void **state)
{
    const ddpm_network_spec spec = spec_of(5, 5, FORM_RESIDUAL);
    small_network net = small_network_make(&spec, ROWS);
    float *sums[2] = {NULL, NULL};
    int32_t exponent[64] = {0};
    int64_t refused[64] = {0};
    (void)state;
    fill_rows(&spec, ROWS, xt, t);
    fill_any(weights, ROWS * HEADS * 5, 60);
    for (int with = 0; with < 2; with++) {
        expect_ok(DDPM_NEW(&sums[with], net.count, "sums"));
        ddpm_gradient gradient = {.kernels = ddpm_network_kernels(net.network),
                                  .real = sums[with],
                                  .limit = 0x1p50,
                                  .exponent = exponent,
                                  .refused = refused};
        if (with) set_linear(net.network, 5, 2, 34);
        (void)ddpm_network_forward(net.network, net.packed, net.workspace, ROWS, xt, NULL, t);
        const ddpm_matrix dout = ddpm_workspace_dout(net.workspace, ROWS);
        for (int64_t row = 0; row < ROWS; row++)
            memcpy(dout.data + row * dout.stride, weights + row * HEADS * 5, HEADS * 5 * sizeof *weights);
        ddpm_network_backward(net.network, net.packed, net.workspace, ROWS, t, &gradient);
    }
    expect_bits(sums[1], sums[0], (size_t)net.count * sizeof(float), "gradients", 0);
    for (int with = 0; with < 2; with++) ddpm_release(sums[with]);
    small_network_free(&net);
}

/* A row has the same bits in a block of any size. */
static void test_rows_stand_alone(void **state)
{
    static float whole[ROWS * HEADS * WIDEST];
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        const int64_t D = shapes[s].columns, outputs = HEADS * D;
        const ddpm_network_spec spec = spec_of(D, shapes[s].most, FORM_RESIDUAL_FEATURES);
        small_network net = small_network_make(&spec, ROWS);
        set_linear(net.network, D, shapes[s].count, 35);
        fill_rows(&spec, ROWS, xt, t);
        ddpm_const_matrix out = ddpm_network_forward(net.network, net.packed, net.workspace, ROWS, xt, NULL, t);
        for (int64_t row = 0; row < ROWS; row++)
            memcpy(whole + row * outputs, row_of(out, row), (size_t)outputs * sizeof *whole);
        for (int64_t first = 0; first < ROWS; first++) {
            const int64_t rows = first % 6 + 1 < ROWS - first ? first % 6 + 1 : ROWS - first;
            out = ddpm_network_forward(net.network, net.packed, net.workspace, rows, xt + first * D, NULL, t + first);
            for (int64_t row = 0; row < rows; row++)
                expect_bits(row_of(out, row), whole + (first + row) * outputs, (size_t)outputs * sizeof *whole, "row",
                            first + row);
        }
        small_network_free(&net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_forward),
        TEST(test_input_gradient),
        TEST(test_parameters),
        TEST(test_rows_stand_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
