/* Fourier features: the frequencies, the values against double precision, their period, and their way back. */
#include "small_network.h"

#include "network/features.h"

enum { D = 3, F = 7, WIDE = D + 2 * F, STRIDE = WIDE + 2, ROWS = 200 };

static const double two_pi = 6.28318530717958647692;

static ddpm_network *make(int64_t columns, int64_t features)
{
    const ddpm_network_spec spec = {.columns = columns,
                                    .heads = 1,
                                    .width = 4,
                                    .depth = 1,
                                    .features = features,
                                    .activation = DDPM_ACTIVATION_SILU,
                                    .time_width = 2,
                                    .steps = 5};
    ddpm_network *network = NULL;
    expect_ok(ddpm_network_create(&spec, &network));
    return network;
}

/* Philox4x32-10 of seed 0 and Box and Muller's transform, in numpy. What a model was trained with depends on them: they
 * must never change. */
static void test_frequencies(void **state)
{
    static const double golden[D][F] = {
        {-0.08916607, 0.68554145, -0.38404936, -1.4007854, -2.641541, -0.5725264, -0.5777375},
        {1.4404001, -0.7172855, 0.02098348, 1.4158794, 0.91923493, -0.8313628, 0.17534383},
        {0.5406828, -2.4315522, -0.25148427, -0.86206686, 0.33210897, -0.02225075, 1.771784}};
    ddpm_network *network = make(D, F), *larger = make(D + 2, F + 4), *none = make(D, 0);
    (void)state;
    for (int j = 0; j < D; j++)
        for (int f = 0; f < F; f++) {
            expect_near((double)network->frequencies[j * F + f], golden[j][f], 2e-6, "frequency", j * F + f);
            assert_true(larger->frequencies[j * (F + 4) + f] == network->frequencies[j * F + f]);
        }
    assert_null(none->frequencies);
    ddpm_network_free(network);
    ddpm_network_free(larger);
    ddpm_network_free(none);
}

/* Rows from tiny to far outside of any data. An angle's rounding grows with it. */
static void test_values(void **state)
{
    static float input[ROWS * STRIDE];
    ddpm_network *network = make(D, F);
    (void)state;
    for (int64_t i = 0; i < ROWS; i++)
        for (int j = 0; j < STRIDE; j++)
            input[i * STRIDE + j] = j < D ? (float)(any_number(i * D + j) * pow(10.0, (double)(i % 7) - 4.0)) : 77.0f;
    ddpm_features_fill(network, (ddpm_matrix){input, ROWS, WIDE, STRIDE, 0});
    for (int64_t i = 0; i < ROWS; i++) {
        const float *row = input + i * STRIDE;
        for (int f = 0; f < F; f++) {
            double turns = 0.0, size = 0.0;
            for (int j = 0; j < D; j++) {
                const double part = (double)row[j] * (double)network->frequencies[j * F + f];
                turns += part;
                size += fabs(part);
            }
            const double tolerance = 3e-7 + two_pi * 2e-7 * size;
            expect_near((double)row[D + f], cos(two_pi * turns), tolerance, "cosine", i * F + f);
            expect_near((double)row[D + F + f], sin(two_pi * turns), tolerance, "sine", i * F + f);
        }
        for (int j = WIDE; j < STRIDE; j++) assert_true(row[j] == 77.0f);
    }
    ddpm_network_free(network);
}

/* A whole turn changes nothing, also where x is not small; and a half turn changes the signs. With one column, a turn
 * is an x of 1 / frequency. */
static void test_period(void **state)
{
    ddpm_network *network = make(1, 1);
    const double frequency = (double)network->frequencies[0];
    (void)state;
    for (int whole = -1000; whole <= 1000; whole += 125)
        for (int half = 0; half < 2; half++)
            for (int i = 0; i < 40; i++) {
                const double turns = (double)i / 40.0 - 0.5;
                float row[3] = {(float)((whole + 0.5 * half + turns) / frequency)};
                ddpm_features_fill(network, (ddpm_matrix){row, 1, 3, 3, 0});
                const double sign = half ? -1.0 : 1.0, tolerance = 1e-6 + 1e-6 * abs(whole);
                expect_near((double)row[1], sign * cos(two_pi * turns), tolerance, "cosine", whole);
                expect_near((double)row[2], sign * sin(two_pi * turns), tolerance, "sine", whole);
            }
    ddpm_network_free(network);
}

/* Far beyond what a float resolves, a feature is still a cosine and a sine, or not a number where x is none. */
static void test_out_of_range(void **state)
{
    static const float huge[] = {1e7f, -3e8f, 1e20f, -1e30f, 3e38f};
    ddpm_network *network = make(1, 1);
    (void)state;
    for (int i = 0; i < 5; i++) {
        float row[3] = {huge[i]};
        ddpm_features_fill(network, (ddpm_matrix){row, 1, 3, 3, 0});
        assert_true(fabsf(row[1]) <= 1.000001f && fabsf(row[2]) <= 1.000001f);
    }
    float row[3] = {NAN};
    ddpm_features_fill(network, (ddpm_matrix){row, 1, 3, 3, 0});
    assert_true(isnan(row[1]) && isnan(row[2]));
    ddpm_network_free(network);
}

/* The gradient by x_t of a weighted sum of x_t and its features, by differences in double precision. */
static void test_backward(void **state)
{
    float input[STRIDE], weight[STRIDE], gradient[STRIDE];
    ddpm_network *network = make(D, F);
    (void)state;
    for (int64_t i = 0; i < 50; i++) {
        for (int j = 0; j < D; j++) input[j] = (float)any_number(i * D + j);
        fill_any(weight, STRIDE, 20 + i);
        memcpy(gradient, weight, sizeof gradient);
        ddpm_features_fill(network, (ddpm_matrix){input, 1, WIDE, STRIDE, 0});
        ddpm_features_backward(network, (ddpm_const_matrix){input, 1, WIDE, STRIDE, 0},
                               (ddpm_matrix){gradient, 1, WIDE, STRIDE, 0});
        for (int k = 0; k < D; k++) {
            const double h = 1e-5;
            double difference = (double)weight[k];
            for (int side = -1; side <= 1; side += 2)
                for (int f = 0; f < F; f++) {
                    double turns = side * h * (double)network->frequencies[k * F + f];
                    for (int j = 0; j < D; j++) turns += (double)input[j] * (double)network->frequencies[j * F + f];
                    difference +=
                        side / (2.0 * h) *
                        ((double)weight[D + f] * cos(two_pi * turns) + (double)weight[D + F + f] * sin(two_pi * turns));
                }
            expect_near((double)gradient[k], difference, 3e-6 * (10.0 + fabs(difference)), "gradient", i * D + k);
        }
    }
    ddpm_network_free(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_frequencies), TEST(test_values), TEST(test_period), TEST(test_out_of_range), TEST(test_backward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
