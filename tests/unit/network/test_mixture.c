/* The prediction of a mixture, against its formula in double precision: forward, the way back of a gradient against
 * differences, and that rows do not depend on each other. */
#include "directions.h"
#include "small_network.h"

enum { ROWS = 29, WIDEST = 20, MOST = 5, HEADS = 2 };

static float direction[MOST * WIDEST * WIDEST];
static double weight[MOST], mean[MOST * WIDEST], variance[MOST * WIDEST];
static float xt[ROWS * WIDEST], weights[ROWS * HEADS * WIDEST];
static int32_t t[ROWS];

static const struct {
    int64_t columns, most, count;
} shapes[] = {{1, 2, 2}, {2, 3, 2}, {5, 5, 3}, {WIDEST, MOST, MOST}, {WIDEST, MOST, 1}};

enum { SHAPES = sizeof shapes / sizeof *shapes };

static void set_mixture(ddpm_network *network, int64_t columns, int64_t count)
{
    for (int64_t c = 0; c < count; c++) {
        fill_directions(columns, columns, c, direction + c * columns * columns);
        weight[c] = 2.0 * (double)(c + 1) / (double)(count * (count + 1));
        for (int64_t j = 0; j < columns; j++) {
            mean[c * columns + j] = any_number(555 + c * columns + j);
            variance[c * columns + j] = 0.05 + 1.0 / (double)(1 + j + c);
        }
    }
    const ddpm_mixture_spec spec = {count, weight, mean, variance, direction, signal, noise, data_of, noise_of};
    expect_ok(ddpm_network_set_mixture(network, &spec));
}

/* The prediction for a row, with the mixture that was set last. */
static void predict(int64_t D, int64_t C, const double *x, int32_t at, double *out)
{
    const double s = (double)signal[at], n = (double)noise[at], a = (double)data_of[at], b = (double)noise_of[at];
    double l[MOST], f[MOST][WIDEST], sum = 0.0, largest = -INFINITY;
    for (int64_t c = 0; c < C; c++) {
        l[c] = log(weight[c]);
        for (int64_t j = 0; j < D; j++) f[c][j] = a * mean[c * D + j];
        for (int64_t k = 0; k < D; k++) {
            const double v = variance[c * D + k], q = s * s * v + n * n;
            double z = 0.0;
            for (int64_t j = 0; j < D; j++) z += (double)direction[(c * D + k) * D + j] * (x[j] - s * mean[c * D + j]);
            l[c] -= 0.5 * (z * z / q + log(q));
            for (int64_t j = 0; j < D; j++)
                f[c][j] += (a * s * v + b * n) / q * z * (double)direction[(c * D + k) * D + j];
        }
        largest = fmax(largest, l[c]);
    }
    for (int64_t c = 0; c < C; c++) sum += exp(l[c] - largest);
    for (int64_t j = 0; j < D; j++) {
        out[j] = 0.0;
        for (int64_t c = 0; c < C; c++) out[j] += exp(l[c] - largest) / sum * f[c][j];
    }
}

static ddpm_network_spec spec_of(int64_t columns, int64_t most, int form)
{
    ddpm_network_spec spec = {.columns = columns,
                              .heads = HEADS,
                              .width = 12,
                              .depth = 2,
                              .mixture = most,
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

static void doubles(const float *x, int64_t columns, double *out)
{
    for (int64_t j = 0; j < columns; j++) out[j] = (double)x[j];
}

/* Beside what the layers give; the second head is left alone. */
static void test_forward(void **state)
{
    static float plain[ROWS * HEADS * WIDEST];
    (void)state;
    for (int s = 0; s < SHAPES; s++)
        for (int form = 0; form < FORMS; form++) {
            const int64_t D = shapes[s].columns, outputs = HEADS * D;
            const ddpm_network_spec spec = spec_of(D, shapes[s].most, form);
            small_network net = small_network_make(&spec, ROWS);
            double x[WIDEST], found[WIDEST];
            fill_rows(&spec, ROWS, xt, t);
            ddpm_const_matrix out = ddpm_network_forward(net.network, net.packed, net.workspace, ROWS, xt, NULL, t);
            for (int64_t row = 0; row < ROWS; row++)
                memcpy(plain + row * outputs, row_of(out, row), (size_t)outputs * sizeof *plain);
            set_mixture(net.network, D, shapes[s].count);
            out = ddpm_network_forward(net.network, net.packed, net.workspace, ROWS, xt, NULL, t);
            for (int64_t row = 0; row < ROWS; row++) {
                doubles(xt + row * D, D, x);
                predict(D, shapes[s].count, x, t[row], found);
                for (int64_t j = 0; j < D; j++)
                    expect_near((double)row_of(out, row)[j], (double)plain[row * outputs + j] + found[j],
                                2e-5 * (1.0 + fabs(found[j])), "output", 100 * s + row);
                expect_bits(row_of(out, row) + D, plain + row * outputs + D, (size_t)D * sizeof *plain, "second head",
                            row);
            }
            small_network_free(&net);
        }
}

/* The derivative of weights . prediction by x_j, from differences of the formula. */
static double slope(int64_t D, int64_t C, const double *x, int32_t at, const float *along, int64_t j)
{
    const double step = 1e-5;
    double moved[WIDEST], low[WIDEST], high[WIDEST], sum = 0.0;
    memcpy(moved, x, (size_t)D * sizeof *moved);
    moved[j] = x[j] - step;
    predict(D, C, moved, at, low);
    moved[j] = x[j] + step;
    predict(D, C, moved, at, high);
    for (int64_t i = 0; i < D; i++) sum += (double)along[i] * (high[i] - low[i]) / (2.0 * step);
    return sum;
}

/* It may be asked for twice after one pass forward. */
static void test_input_gradient(void **state)
{
    static float gradient[2][ROWS * WIDEST];
    (void)state;
    for (int s = 0; s < SHAPES; s++)
        for (int form = 0; form < FORMS; form++) {
            const int64_t D = shapes[s].columns, outputs = HEADS * D;
            const ddpm_network_spec spec = spec_of(D, shapes[s].most, form);
            small_network net = small_network_make(&spec, ROWS);
            double x[WIDEST];
            fill_rows(&spec, ROWS, xt, t);
            fill_any(weights, ROWS * outputs, 60);
            for (int with = 0; with < 2; with++) {
                if (with) set_mixture(net.network, D, shapes[s].count);
                (void)ddpm_network_forward(net.network, net.packed, net.workspace, ROWS, xt, NULL, t);
                for (int twice = 0; twice < 2; twice++) {
                    const ddpm_matrix dout = ddpm_workspace_dout(net.workspace, ROWS);
                    for (int64_t row = 0; row < ROWS; row++)
                        memcpy(dout.data + row * dout.stride, weights + row * outputs,
                               (size_t)outputs * sizeof *weights);
                    ddpm_network_input_gradient(net.network, net.packed, net.workspace, ROWS, t, gradient[with]);
                }
            }
            for (int64_t row = 0; row < ROWS; row++) {
                doubles(xt + row * D, D, x);
                for (int64_t j = 0; j < D; j++) {
                    const double expected = slope(D, shapes[s].count, x, t[row], weights + row * outputs, j);
                    expect_near((double)gradient[1][row * D + j], (double)gradient[0][row * D + j] + expected,
                                1e-4 * (1.0 + fabs(expected)), "gradient", 100 * s + row);
                }
            }
            small_network_free(&net);
        }
}

/* A row has the same bits alone as among others. */
static void test_rows_are_alone(void **state)
{
    static float together[ROWS * HEADS * WIDEST];
    const int64_t D = WIDEST, outputs = HEADS * D;
    const ddpm_network_spec spec = spec_of(D, MOST, FORM_RESIDUAL);
    small_network net = small_network_make(&spec, ROWS);
    (void)state;
    fill_rows(&spec, ROWS, xt, t);
    set_mixture(net.network, D, MOST);
    ddpm_const_matrix out = ddpm_network_forward(net.network, net.packed, net.workspace, ROWS, xt, NULL, t);
    for (int64_t row = 0; row < ROWS; row++)
        memcpy(together + row * outputs, row_of(out, row), (size_t)outputs * sizeof *together);
    for (int64_t row = 0; row < ROWS; row++) {
        out = ddpm_network_forward(net.network, net.packed, net.workspace, 1, xt + row * D, NULL, t + row);
        expect_bits(row_of(out, 0), together + row * outputs, (size_t)outputs * sizeof *together, "row", row);
    }
    small_network_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_forward),
        TEST(test_input_gradient),
        TEST(test_rows_are_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
