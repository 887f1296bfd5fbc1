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

/* The cross-entropies of all columns and their gradients. */
static void test_loss(void **state)
{
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    static const int64_t token[D] = {2, 40, 17};
    static const double shares[D] = {0.2, 1.0 / 128, 1.0 / 40};
    ddpm_vocabulary v = make();
    ddpm_masked m;
    float *output = NULL, *gradient = NULL, *scratch = NULL;
    (void)state;
    expect_ok(ddpm_masked_create(&v, &m));
    assert_int_equal(m.column[1].exact, 1);
    assert_int_equal(m.column[1].smooth, DDPM_VOCABULARY_SMOOTH);
    assert_int_equal(m.inputs, m.coefficients + D);
    expect_ok(DDPM_NEW(&output, m.coefficients, "a test"));
    expect_ok(DDPM_NEW(&gradient, m.coefficients, "a test"));
    expect_ok(DDPM_NEW(&scratch, ddpm_masked_scratch(&m), "a test"));
    for (int64_t j = 0; j < D; j++) {
        const ddpm_range own = ddpm_masked_coefficients(&m, j);
        const float *of_column = output + own.first;
        memset(output, 0, (size_t)m.coefficients * sizeof *output);
        /* an output of zeros: independent columns */
        expect_near(ddpm_masked_column_loss(&m, kernels, j, token[j], of_column, 1.0, NULL, scratch), -log(shares[j]),
                    1e-4, "loss of independent columns", j);
        fill_any(output, m.coefficients, 3);
        ddpm_masked_column_loss(&m, kernels, j, token[j], of_column, 0.75, gradient + own.first, scratch);
        for (int64_t i = own.first; i < own.end; i++) {
            const float kept = output[i], h = 0x1p-6f;
            output[i] = kept + h;
            const double above = ddpm_masked_column_loss(&m, kernels, j, token[j], of_column, 1.0, NULL, scratch);
            output[i] = kept - h;
            const double below = ddpm_masked_column_loss(&m, kernels, j, token[j], of_column, 1.0, NULL, scratch);
            output[i] = kept;
            expect_near((double)gradient[i], 0.75 * (above - below) / (2.0 * (double)h), 2e-4, "gradient", i);
        }
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

/* t columns are hidden, and each is as often as any other. */
static void test_hiding(void **state)
{
    enum { ROWS = 6000 };
    int32_t order[D];
    uint8_t hidden[D];
    (void)state;
    for (int64_t t = 0; t <= D; t++) {
        int64_t often[D] = {0};
        for (int64_t row = 0; row < ROWS; row++) {
            ddpm_masked_hide(D, 5, DDPM_RANDOM_NOISE, 3, row, t, hidden, order);
            assert_int_equal(hidden[0] + hidden[1] + hidden[2], t);
            for (int j = 0; j < D; j++) often[j] += hidden[j];
        }
        for (int j = 0; j < D; j++) expect_near((double)often[j], (double)(ROWS * t / D), 200.0, "hidden", j);
    }
}

/* Narrow columns that follow each other are computed together. */
static void test_groups(void **state)
{
    ddpm_vocabulary v = make();
    ddpm_masked m;
    (void)state;
    expect_ok(ddpm_masked_create(&v, &m));
    for (int64_t g = 0, column = 0; g < m.groups; g++) {
        const ddpm_masked_group *group = &m.group[g];
        assert_int_equal(group->columns.first, column);
        assert_int_equal(group->coefficients.first, ddpm_masked_coefficients(&m, column).first);
        column = group->columns.end;
        assert_int_equal(group->coefficients.end, ddpm_masked_coefficients(&m, column - 1).end);
        assert_true(!group->is_wide || column == group->columns.first + 1);
        if (g + 1 == m.groups) assert_int_equal(column, D);
    }
    ddpm_masked_release(&m);
    ddpm_vocabulary_release(&v);
}

static float draw(const ddpm_masked *m, const ddpm_kernels *kernels, int64_t column, const float *output,
                  ddpm_random4 words, float *scratch)
{
    float *p = scratch + ddpm_masked_scratch(m);
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
    expect_ok(DDPM_NEW(&scratch, ddpm_masked_scratch(&m) + m.tokens, "a test"));
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
    const struct CMUnitTest tests[] = {TEST(test_orders), TEST(test_loss),   TEST(test_independent),
                                       TEST(test_hiding), TEST(test_groups), TEST(test_draws)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
