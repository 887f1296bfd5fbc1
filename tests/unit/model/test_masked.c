/* The loss of hidden columns against its definition, its gradient against differences, that the bound of independent
 * columns is their entropy, and that drawn tokens have the probabilities of the logits. */
#include "expect.h"

#include "model/masked.h"
#include "model/normal_distribution.h"

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
    assert_int_equal(m.column[1].smooth, DDPM_VOCABULARY_SMOOTH + DDPM_SCORES_FUNCTIONS);
    assert_int_equal(m.inputs, m.coefficients + D);
    expect_ok(DDPM_NEW(&output, m.coefficients, "a test"));
    expect_ok(DDPM_NEW(&gradient, m.coefficients, "a test"));
    expect_ok(DDPM_NEW(&scratch, ddpm_masked_scratch(&m), "a test"));
    for (int64_t j = 0; j < D; j++) {
        const ddpm_range own = ddpm_masked_coefficients(&m, j);
        const float *of_column = output + own.first;
        memset(output, 0, (size_t)m.coefficients * sizeof *output);
        /* an output of zeros: independent columns */
        expect_near(ddpm_masked_column_loss(&m, kernels, j, token[j], 0, of_column, 1.0, NULL, scratch),
                    -log(shares[j]), 1e-4, "loss of independent columns", j);
        fill_any(output, m.coefficients, 3);
        ddpm_masked_column_loss(&m, kernels, j, token[j], 0, of_column, 0.75, gradient + own.first, scratch);
        for (int64_t i = own.first; i < own.end; i++) {
            const float kept = output[i], h = 0x1p-6f;
            output[i] = kept + h;
            const double above = ddpm_masked_column_loss(&m, kernels, j, token[j], 0, of_column, 1.0, NULL, scratch);
            output[i] = kept - h;
            const double below = ddpm_masked_column_loss(&m, kernels, j, token[j], 0, of_column, 1.0, NULL, scratch);
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

/* A mean m and a precision e^l turn equal shares into those of a normal density over the standard one at the scores,
 * which are standard normal quantiles of the middles of the ranks. */
static void test_scores(void **state)
{
    enum { VALUES = 40, TOKEN = 30 };
    static const double m = -0.75, l = 1.5;
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    ddpm_vocabulary v = make();
    ddpm_masked masked;
    float *output = NULL, *scratch = NULL;
    double all = 0.0, own = 0.0;
    (void)state;
    assert_true(v.column[1].has_scores && v.column[2].has_scores && !v.column[0].has_scores);
    expect_ok(ddpm_masked_create(&v, &masked));
    const ddpm_range range = ddpm_masked_coefficients(&masked, 2);
    expect_ok(DDPM_NEW(&output, range.end - range.first, "a test"));
    expect_ok(DDPM_NEW(&scratch, ddpm_masked_scratch(&masked), "a test"));
    output[range.end - range.first - 2] = (float)m;
    output[range.end - range.first - 1] = (float)l;
    for (int k = 1; k <= VALUES; k++) {
        const double z = ddpm_normal_quantile(((double)k - 0.5) / VALUES),
                     ratio = exp(0.5 * (l + z * z - exp(l) * (z - m) * (z - m)));
        all += ratio;
        if (k == TOKEN) own = ratio;
    }
    expect_near(ddpm_masked_column_loss(&masked, kernels, 2, TOKEN, 0, output, 1.0, NULL, scratch), log(all / own),
                1e-4, "loss", 0);
    ddpm_release(output);
    ddpm_release(scratch);
    ddpm_masked_release(&masked);
    ddpm_vocabulary_release(&v);
}

/* Without scores, as in vocabularies of before, a column has its smooth functions alone. */
static void test_without_scores(void **state)
{
    ddpm_vocabulary v = make();
    ddpm_masked masked;
    (void)state;
    v.column[1].has_scores = 0;
    expect_ok(ddpm_masked_create(&v, &masked));
    assert_int_equal(masked.column[1].smooth, DDPM_VOCABULARY_SMOOTH);
    ddpm_masked_release(&masked);
    ddpm_vocabulary_release(&v);
}

/* Scores rise with values, also where spikes lie between bins. */
static void test_scores_of_spikes_and_bins(void **state)
{
    static double values[BINNED_ROWS], score[DDPM_VOCABULARY_BINS + 2];
    ddpm_column_vocabulary column = {0};
    (void)state;
    for (int i = 0; i < BINNED_ROWS; i++) values[i] = i / 800 == 4 ? 3200.0 : (double)i;
    expect_ok(ddpm_vocabulary_choose(&column, BINNED_ROWS, values, 0));
    assert_int_equal(column.spikes, 1);
    assert_true(column.has_scores);
    ddpm_scores_set(&column, score);
    expect_near(score[1], ddpm_normal_quantile(3600.0 / BINNED_ROWS), 1e-9, "score of a spike", 0);
    for (int64_t k = 3; k < ddpm_column_tokens(&column); k++) assert_true(score[k] > score[k - 1]);
    assert_true(score[2] < score[1] && score[ddpm_column_tokens(&column) - 1] > score[1]);
    ddpm_release(column.spike);
    ddpm_release(column.knot);
    ddpm_release(column.rows);
}

/* A value that more than a quarter of the rows share leaves a column without scores. */
static void test_no_scores_beside_a_frequent_value(void **state)
{
    static double values[BINNED_ROWS];
    ddpm_column_vocabulary column = {0};
    (void)state;
    for (int i = 0; i < BINNED_ROWS; i++) values[i] = i < BINNED_ROWS / 4 + 1 ? 0.0 : (double)i;
    expect_ok(ddpm_vocabulary_choose(&column, BINNED_ROWS, values, 0));
    assert_true(column.bins > 1 && !column.has_scores);
    ddpm_release(column.spike);
    ddpm_release(column.knot);
    ddpm_release(column.rows);
}

/* Over all rows, the loss of independent columns is their entropy. */
/* Names that few rows have share functions where there are many names: one adds the same to the logits of all names
 * that 2^f to 2^(f+1) - 1 rows have, and its gradient is the sum of those of their own coefficients. */
static void test_rare_names(void **state)
{
    enum { NAMES = 300, MOST_ROWS = 20, FEW = 256 };
    static double values[NAMES * MOST_ROWS];
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    (void)state;
    for (int64_t n = FEW; n <= NAMES; n += NAMES - FEW) {
        int64_t count = 0;
        ddpm_vocabulary v;
        ddpm_masked m;
        for (int64_t k = 0; k < n; k++)
            for (int64_t i = 0; i <= k % MOST_ROWS; i++) values[count++] = (double)k;
        expect_ok(ddpm_vocabulary_allocate(1, &v));
        v.column[0].layout.kind = DDPM_COLUMN_CATEGORY;
        expect_ok(ddpm_vocabulary_choose(&v.column[0], count, values, 0));
        expect_ok(ddpm_masked_create(&v, &m));
        assert_int_equal(m.coefficients, 1 + n + (n > FEW ? DDPM_VOCABULARY_RARE : 0));
        float *shared = NULL, *own = NULL, *gradient = NULL, *scratch = NULL;
        expect_ok(DDPM_NEW(&shared, m.coefficients, "a test"));
        expect_ok(DDPM_NEW(&own, m.coefficients, "a test"));
        expect_ok(DDPM_NEW(&gradient, m.coefficients, "a test"));
        expect_ok(DDPM_NEW(&scratch, ddpm_masked_scratch(&m), "a test"));
        for (int64_t f = 0; n > FEW && f < DDPM_VOCABULARY_RARE; f++) {
            double sum = 0.0;
            memset(own, 0, (size_t)m.coefficients * sizeof *own);
            memset(shared, 0, (size_t)m.coefficients * sizeof *shared);
            shared[1 + n + f] = 0.7f;
            for (int64_t k = 0; k < n; k++)
                if (1 + k % MOST_ROWS >= 1 << f && 1 + k % MOST_ROWS < 2 << f) own[1 + k] = 0.7f;
            for (int64_t token = 1; token <= MOST_ROWS; token++)
                expect_near(ddpm_masked_column_loss(&m, kernels, 0, token, 0, shared, 1.0, NULL, scratch),
                            ddpm_masked_column_loss(&m, kernels, 0, token, 0, own, 1.0, gradient, scratch), 1e-5,
                            "loss", token);
            for (int64_t k = 1; k <= n; k++) sum += own[k] > 0.0f ? (double)gradient[k] : 0.0;
            expect_near((double)gradient[1 + n + f], sum, 1e-5, "gradient", f);
        }
        ddpm_release(shared);
        ddpm_release(own);
        ddpm_release(gradient);
        ddpm_release(scratch);
        ddpm_masked_release(&m);
        ddpm_vocabulary_release(&v);
    }
}

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
    float x[D] = {0};
    ddpm_masked_probabilities(m, kernels, column, 0, output + ddpm_masked_coefficients(m, column).first, p, scratch);
    ddpm_masked_draw(m, column, p, 0, words, x);
    return x[column];
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

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Two numbers, the second of which is equal to the first in half of the rows, and a little more in a fifth. */
static ddpm_vocabulary make_twins(void)
{
    enum { VALUES = 6400, NEAR = 7000 };
    static double values[VALUES], differences[NEAR];
    ddpm_vocabulary v;
    for (int i = 0; i < VALUES; i++) values[i] = sqrt((double)(i + 1));
    for (int i = 0; i < NEAR; i++) differences[i] = i < 5000 ? 0.0 : 1e-6 * (double)i;
    expect_ok(ddpm_vocabulary_allocate(2, &v));
    for (int j = 0; j < 2; j++) {
        v.column[j].layout = (ddpm_column_layout){.number = DDPM_NUMBER_FLOAT64, .gap = -1};
        expect_ok(ddpm_vocabulary_choose(&v.column[j], VALUES, values, 100));
    }
    v.column[1].twin = 1;
    expect_ok(ddpm_twins_allocate_near(&v.column[1]));
    expect_ok(ddpm_vocabulary_choose(v.column[1].near, NEAR, differences, 3000));
    v.column[1].near->decimals = -1;
    expect_ok(ddpm_twins_link(&v));
    return v;
}

/* Rows become tokens and come back: exactly equal values so, near ones to a part of their difference. */
static void test_twins_encode(void **state)
{
    ddpm_vocabulary v = make_twins();
    const ddpm_column_vocabulary *c = &v.column[1];
    const double twin = 33.3;
    (void)state;
    static const double differences[] = {0.0, 5.5e-3, 6.99e-3, 3.0, NAN};
    for (int i = 0; i < 5; i++) {
        const double value = twin + differences[i];
        float x[2] = {ddpm_vocabulary_encode(&v.column[0], twin), ddpm_vocabulary_encode(c, value)};
        x[1] = ddpm_twins_encode(c, x[1], value, twin);
        double back[2] = {twin, NAN};
        const int is_linked = ddpm_twins_link_of(c, (int64_t)x[1]) != NULL;
        assert_int_equal(is_linked, i < 3);
        if (!is_linked) continue;
        assert_int_equal((int64_t)ddpm_twins_own(&v, x, 1), (int64_t)ddpm_vocabulary_encode(c, value));
        ddpm_twins_complete(&v, 1, x, DDPM_NUMBER_FLOAT64, back);
        expect_near(back[1] - twin, differences[i], 1e-6, "difference", i);
        if (i == 0) assert_true(back[1] == twin);
    }
    assert_int_equal((int64_t)ddpm_twins_encode(c, 40.25f, 33.3, NAN), 40);
    const float largest[2] = {ddpm_vocabulary_encode(&v.column[0], 80.0), ddpm_twins_encode(c, 40.25f, 33.307, 33.3)};
    assert_non_null(ddpm_twins_link_of(c, (int64_t)largest[1]));
    assert_true(ddpm_twins_value(&v, largest, 1) == 80.0); /* no farther than the column's own values reach */
    assert_true(isnan(ddpm_twins_value(&v, (float[]){0.0f, largest[1]}, 1))); /* nothing follows from a gap */
    ddpm_vocabulary_release(&v);
}

/* An output of zeros: a column that is shown gives its value to the other one with the probability with which they are
 * equal, whichever comes first; a hidden one, or a gap, never. */
static void test_twins(void **state)
{
    enum { DRAWS = 4000 };
    const double equal = 0.5, left = 0.3 * 64.0 / 65.0, bin = left * 50.0 / 6400.0;
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    ddpm_vocabulary v = make_twins();
    ddpm_masked m;
    float *output = NULL, *scratch = NULL, *p;
    (void)state;
    expect_ok(ddpm_masked_create(&v, &m));
    expect_ok(DDPM_NEW(&output, m.coefficients, "a test"));
    expect_ok(DDPM_NEW(&scratch, ddpm_masked_scratch(&m) + m.tokens, "a test"));
    p = scratch + ddpm_masked_scratch(&m);
    for (int64_t j = 0; j < 2; j++) {
        const uint8_t both[2] = {1, 1}, own[2] = {j == 0, j == 1}, none[2] = {0, 0};
        float x[2] = {40.25f, 40.25f};
        int32_t tokens[2] = {40, 40};
        const float *of_column = output + m.column[j].first;
        const int64_t linked = v.column[j].link[0].first;
        assert_int_equal(v.column[j].links, 1);
        assert_int_equal(ddpm_masked_open(&m, j, tokens, both), 0);
        assert_int_equal(ddpm_masked_open(&m, j, tokens, own), 1);
        assert_int_equal(ddpm_masked_target(&m, j, x, tokens, 1), 40); /* by chance the same token */
        assert_int_equal(ddpm_masked_shown_link(&m, 1, x, none), -1);
        x[1] = (float)v.column[1].link[0].first;
        assert_int_equal(ddpm_masked_shown_link(&m, 1, x, none), v.column[1].link[0].first);
        assert_int_equal(ddpm_masked_shown_link(&m, 1, x, own), -1);
        assert_int_equal(ddpm_masked_target(&m, j, x, tokens, 1), linked);
        assert_int_equal(ddpm_masked_target(&m, j, x, tokens, 0), 40);
        expect_near(ddpm_masked_column_loss(&m, kernels, j, linked, 1, of_column, 1.0, NULL, scratch), -log(equal),
                    1e-4, "loss of an equal value", j);
        expect_near(ddpm_masked_column_loss(&m, kernels, j, 40, 1, of_column, 1.0, NULL, scratch), -log(bin), 1e-4,
                    "loss of another value", j);
        expect_near(ddpm_masked_column_loss(&m, kernels, j, 40, 0, of_column, 1.0, NULL, scratch), -log(bin / 0.3),
                    1e-4, "loss beside a hidden column", j);
        tokens[1 - j] = 0;
        assert_int_equal(ddpm_masked_open(&m, j, tokens, own), 0); /* a gap */
        ddpm_masked_probabilities(&m, kernels, j, 1, of_column, p, scratch);
        int64_t same = 0, near = 0;
        for (int64_t i = 0; i < DRAWS; i++) {
            x[1 - j] = (float)(1 + i % 128) + 0.37f;
            ddpm_masked_draw(&m, j, p, 1, ddpm_random_words(1, DDPM_RANDOM_REVERSE, 0, i, 0), x);
            double values[2] = {ddpm_vocabulary_decode(&v.column[0], x[0]), ddpm_vocabulary_decode(&v.column[1], x[1])};
            const double shown = values[1 - j];
            ddpm_twins_complete(&v, 1, x, DDPM_NUMBER_FLOAT64, values);
            assert_true(values[1 - j] == shown);
            assert_true(values[j] == ddpm_twins_value(&v, x, j) || isnan(values[j]));
            same += values[0] == values[1];
            near += values[1] - values[0] > 4.9e-3 && values[1] - values[0] < 7.1e-3;
        }
        expect_near((double)same / DRAWS, equal, 0.03, "share of equal values", j);
        expect_near((double)near / DRAWS, 0.2, 0.03, "share of near values", j);
    }
    ddpm_release(output);
    ddpm_release(scratch);
    ddpm_masked_release(&m);
    ddpm_vocabulary_release(&v);
}

/* Pairs that are equal in some rows, near in many, or in neither by more than chance. */
static void test_twins_choice(void **state)
{
    enum { ROWS = 4000 };
    ddpm_vocabulary v;
    static double values[4][ROWS];
    ddpm_pair_count pairs[6] = {{0, 0}};
    const int64_t shared[4] = {0}, full[4] = {DDPM_TWINS_MOST, 0, 0, 0};
    int by_near;
    (void)state;
    expect_ok(ddpm_vocabulary_allocate(4, &v));
    for (int64_t i = 0; i < ROWS; i++) {
        values[0][i] = any_number(i);
        values[1][i] = i % 20 ? any_number(i + ROWS) : values[0][i];
        values[2][i] = values[0][i] + 1e-3 * any_number(i + 2 * ROWS);
        values[3][i] = any_number(i + 3 * ROWS);
    }
    for (int j = 0; j < 4; j++) {
        static double sorted[ROWS];
        memcpy(sorted, values[j], sizeof sorted);
        qsort(sorted, ROWS, sizeof *sorted, ascending);
        v.column[j].layout = (ddpm_column_layout){.number = DDPM_NUMBER_FLOAT64, .gap = -1};
        expect_ok(ddpm_vocabulary_choose(&v.column[j], ROWS, sorted, 0));
    }
    for (int64_t i = 0; i < ROWS; i++)
        ddpm_twins_count(&v, (double[]){values[0][i], values[1][i], values[2][i], values[3][i]}, pairs);
    assert_int_equal(pairs[0].equal, ROWS / 20);
    assert_int_equal(ddpm_twins_best(1, ROWS, pairs, shared, &by_near), 1);
    assert_int_equal(by_near, 0);
    assert_int_equal(ddpm_twins_best(2, ROWS, pairs, shared, &by_near), 1);
    assert_int_equal(by_near, 1);
    assert_int_equal(ddpm_twins_best(2, ROWS, pairs, full, &by_near), 0);
    assert_int_equal(ddpm_twins_best(3, ROWS, pairs, shared, &by_near), 0);
    ddpm_vocabulary_release(&v);
}

/* Bins of few rows are wide, and values of other columns fall within them by chance. */
static void test_twins_by_chance(void **state)
{
    enum { ROWS = 300 };
    ddpm_vocabulary v;
    double values[2][ROWS];
    ddpm_pair_count count = {0, 0};
    const int64_t shared[2] = {0, 0};
    int by_near;
    (void)state;
    expect_ok(ddpm_vocabulary_allocate(2, &v));
    for (int j = 0; j < 2; j++) {
        double sorted[ROWS];
        for (int i = 0; i < ROWS; i++) sorted[i] = values[j][i] = any_number(i + j * ROWS);
        qsort(sorted, ROWS, sizeof *sorted, ascending);
        v.column[j].layout = (ddpm_column_layout){.number = DDPM_NUMBER_FLOAT64, .gap = -1};
        expect_ok(ddpm_vocabulary_choose(&v.column[j], ROWS, sorted, 0));
    }
    for (int i = 0; i < ROWS; i++) ddpm_twins_count(&v, (double[]){values[0][i], values[1][i]}, &count);
    assert_int_equal(ddpm_twins_best(1, ROWS, &count, shared, &by_near), 0);
    ddpm_vocabulary_release(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_orders),
                                       TEST(test_loss),
                                       TEST(test_scores),
                                       TEST(test_without_scores),
                                       TEST(test_scores_of_spikes_and_bins),
                                       TEST(test_no_scores_beside_a_frequent_value),
                                       TEST(test_rare_names),
                                       TEST(test_independent),
                                       TEST(test_hiding),
                                       TEST(test_groups),
                                       TEST(test_draws),
                                       TEST(test_twins),
                                       TEST(test_twins_encode),
                                       TEST(test_twins_choice),
                                       TEST(test_twins_by_chance)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
