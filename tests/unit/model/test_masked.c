/* The loss of hidden columns against its definition, its gradient against differences, that the bound of independent
 * columns is their entropy, and that drawn tokens have the probabilities of the logits. */
#include "expect.h"

#include "model/masked.h"

enum { D = 3, BINNED_ROWS = 6400 };

/* A category of three names, a number in bins, and a number of many values. */
static ddpm_vocabulary make(void)
{
    static double category[] = {0, 0, 0, 0, 1, 1, 2}, binned[BINNED_ROWS], exact[40];
    ddpm_vocabulary v;
    for (int i = 0; i < BINNED_ROWS; i++) binned[i] = sqrt((double)i);
    for (int i = 0; i < 40; i++) exact[i] = (double)i;
    expect_ok(ddpm_vocabulary_allocate(D, &v));
    v.column[0].layout.kind = DDPM_COLUMN_CATEGORY;
    expect_ok(ddpm_vocabulary_choose(&v.column[0], 7, category, 3));
    expect_ok(ddpm_vocabulary_choose(&v.column[1], BINNED_ROWS, binned, 0));
    expect_ok(ddpm_vocabulary_choose(&v.column[2], 40, exact, 0));
    return v;
}

static void test_orders(void **state)
{
    enum { COLUMNS = 7, ROWS = 7000 };
    int32_t order[COLUMNS];
    int64_t first[COLUMNS] = {0};
    (void)state;
    for (int64_t row = 0; row < ROWS; row++) {
        int seen = 0;
        ddpm_masked_order(COLUMNS, 5, DDPM_RANDOM_NOISE, 3, row, order);
        first[order[0]]++;
        for (int j = 0; j < COLUMNS; j++) seen |= 1 << order[j];
        assert_int_equal(seen, (1 << COLUMNS) - 1);
    }
    for (int j = 0; j < COLUMNS; j++) expect_near((double)first[j], ROWS / COLUMNS, 150.0, "first columns", j);
}

static void test_loss(void **state)
{
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    ddpm_vocabulary v = make();
    ddpm_masked m;
    float *output = NULL, *gradient = NULL, *scratch = NULL, lost;
    (void)state;
    expect_ok(ddpm_masked_create(&v, &m));
    assert_int_equal(m.column[1].exact, 1);
    assert_int_equal(m.column[1].smooth, DDPM_VOCABULARY_SMOOTH);
    assert_int_equal(m.inputs, m.coefficients + D);
    expect_ok(DDPM_NEW(&output, m.coefficients, "a test"));
    expect_ok(DDPM_NEW(&gradient, m.coefficients, "a test"));
    expect_ok(DDPM_NEW(&scratch, 2 * m.tokens, "a test"));
    const float row[D] = {2.0f, 40.25f, 17.0f};
    const uint8_t hidden[D] = {1, 1, 0};
    const int32_t t = 2;
    const ddpm_const_matrix out = {output, 1, m.coefficients, m.coefficients};
    /* an output of zeros: independent columns */
    const double plain =
        ddpm_masked_loss(&m, kernels, out, row, hidden, &t, NULL, 1.0, (ddpm_matrix){0}, &lost, scratch);
    expect_near(plain, 1.5 * (-log(0.2) - log(1.0 / 128)), 1e-4, "loss of independent columns", 0);
    fill_any(output, m.coefficients, 3);
    const double loss = ddpm_masked_loss(&m, kernels, out, row, hidden, &t, NULL, 0.5,
                                         ddpm_matrix_dense(gradient, 1, m.coefficients), &lost, scratch);
    expect_near(0.5 * (double)lost, loss, 1e-6, "loss of a row", 0);
    for (int64_t i = 0; i < m.coefficients; i++) {
        const float kept = output[i], h = 0x1p-6f;
        output[i] = kept + h;
        const double above =
            ddpm_masked_loss(&m, kernels, out, row, hidden, &t, NULL, 0.5, (ddpm_matrix){0}, NULL, scratch);
        output[i] = kept - h;
        const double below =
            ddpm_masked_loss(&m, kernels, out, row, hidden, &t, NULL, 0.5, (ddpm_matrix){0}, NULL, scratch);
        output[i] = kept;
        expect_near((double)gradient[i], (above - below) / (2.0 * (double)h), 2e-4, "gradient", i);
    }
    ddpm_release(output);
    ddpm_release(gradient);
    ddpm_release(scratch);
    ddpm_masked_release(&m);
    ddpm_vocabulary_release(&v);
}

/* Over all rows, the loss of independent columns is their entropy. */
static void test_independent(void **state)
{
    double entropy = 0.0;
    static const double shares[] = {0.3, 0.4, 0.2, 0.1};
    ddpm_vocabulary v = make();
    ddpm_masked m;
    (void)state;
    expect_ok(ddpm_masked_create(&v, &m));
    for (int k = 0; k < 4; k++) entropy -= shares[k] * log(shares[k]);
    expect_near(m.independent, entropy + log(128.0) + log(40.0), 1e-3, "entropy", 0);
    ddpm_masked_release(&m);
    ddpm_vocabulary_release(&v);
}

/* What is hidden leaves no trace in the inputs but its flag. */
static void test_inputs(void **state)
{
    ddpm_vocabulary v = make();
    ddpm_masked m;
    float *a = NULL, *b = NULL;
    (void)state;
    expect_ok(ddpm_masked_create(&v, &m));
    expect_ok(DDPM_NEW(&a, m.inputs, "a test"));
    expect_ok(DDPM_NEW(&b, m.inputs, "a test"));
    const uint8_t hidden[D] = {0, 1, 0};
    ddpm_masked_inputs(&m, (const float[D]){2.0f, 5.5f, 17.0f}, hidden, a);
    ddpm_masked_inputs(&m, (const float[D]){2.0f, 90.0f, 17.0f}, hidden, b);
    expect_bits(a, b, (size_t)m.inputs * sizeof *a, "inputs", 0);
    ddpm_masked_inputs(&m, (const float[D]){2.0f, 90.0f, 18.0f}, hidden, b);
    assert_true(memcmp(a, b, (size_t)m.inputs * sizeof *a) != 0);
    for (int64_t t = 0; t <= D; t++) {
        int32_t order[D];
        uint8_t found[D];
        const float row[D] = {2.0f, 5.5f, 17.0f};
        ddpm_masked_row(&m, 5, DDPM_RANDOM_NOISE, 3, 11, t, row, found, a, order);
        assert_int_equal(found[0] + found[1] + found[2], t);
        ddpm_masked_inputs(&m, row, found, b);
        expect_bits(a, b, (size_t)m.inputs * sizeof *a, "inputs of a row", t);
    }
    ddpm_release(a);
    ddpm_release(b);
    ddpm_masked_release(&m);
    ddpm_vocabulary_release(&v);
}

static float draw(const ddpm_masked *m, const ddpm_kernels *kernels, int64_t column, const float *output,
                  ddpm_random4 words, float *scratch)
{
    float *p = scratch + m->tokens;
    ddpm_masked_probabilities(m, kernels, column, output + ddpm_masked_coefficients(m, column).first, p, scratch);
    return ddpm_masked_draw(m, column, p, words);
}

static void test_draws(void **state)
{
    enum { DRAWS = 20000 };
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    static const double shares[] = {0.3, 0.4, 0.2, 0.1};
    ddpm_vocabulary v = make();
    ddpm_masked m;
    float *output = NULL, *scratch = NULL;
    int64_t drawn[4] = {0};
    (void)state;
    expect_ok(ddpm_masked_create(&v, &m));
    expect_ok(DDPM_NEW(&output, m.coefficients, "a test"));
    expect_ok(DDPM_NEW(&scratch, 2 * m.tokens, "a test"));
    output[m.column[0].first + 1] = (float)log(2.0);
    for (int64_t i = 0; i < DRAWS; i++) {
        const ddpm_random4 words = ddpm_random_words(1, DDPM_RANDOM_REVERSE, 0, i, 0);
        drawn[(int64_t)draw(&m, kernels, 0, output, words, scratch)]++;
        const float number = draw(&m, kernels, 1, output, words, scratch);
        assert_true(number >= 1.0f && number < 129.0f);
    }
    for (int k = 0; k < 4; k++)
        expect_near((double)drawn[k] / DRAWS, shares[k] * (k == 1 ? 2.0 : 1.0) / 1.4, 0.015, "share of a token", k);
    ddpm_release(output);
    ddpm_release(scratch);
    ddpm_masked_release(&m);
    ddpm_vocabulary_release(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_orders), TEST(test_loss), TEST(test_independent), TEST(test_inputs),
                                       TEST(test_draws)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
