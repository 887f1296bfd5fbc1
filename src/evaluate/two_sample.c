/* The classifier two-sample test: can a forest tell samples from real rows, how well can it tell other real rows from
 * the same rows, and which column, and which pair of columns, give samples away most. Trees go to the ranks in turn.
 *
 * Columns and pairs are judged by forests of their own, since distances between distribution functions hardly see
 * rounding, spikes and hard edges. They are compared by the correlation of votes with sets, and of a forest with small
 * leaves and one with large leaves the better counts: small ones see spikes, large ones a slight change of the spread.
 * A forest on every column and every pair would cost too much where columns are many: columns and pairs with the
 * largest gains in a forest on more columns are candidates.
 */
#include "evaluate/evaluation.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/permutation.h"
#include "base/split.h"
#include "evaluate/forest.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum {
    SAMPLES,
    REAL_DATA,
    SIDES,
    FOLDS = DDPM_FOREST_FOLDS,
    TREES = DDPM_TWO_SAMPLE_TREES,
    TREES_SEARCH = 40, /* of a forest that only serves to choose */
    LARGE_LEAVES = 50, /* so many large leaves would hold the rows of both sets */
    COLUMNS_MOST = DDPM_FOREST_PAIRED,
    PAIRS_MOST = 28 /* all pairs of 8 columns */
};

typedef struct two_sample {
    ddpm_evaluation *e;
    int64_t rows;                    /* of a set */
    ddpm_forest_table tables[SIDES]; /* samples, or other real rows, and the references */
    ddpm_forest_memory *threads;     /* [threads] */
    int64_t *sums;                   /* [2 rows + columns + COLUMNS_MOST^2]: votes, gains, gains of pairs */
    int64_t *gains, *pair_gains;     /* in sums */
    int64_t sums_count;
    int64_t *all;                     /* [columns]: 0, 1, ... */
    int64_t candidates[COLUMNS_MOST]; /* columns, in their order */
    int64_t candidate_count;
} two_sample;

/* ---- the rows ---- */

/* Rows of a table, as many as a set has: all in their order, or a random choice. */
static void choose(const two_sample *t, const ddpm_row_table *from, int64_t choice, float *out)
{
    const int64_t columns = t->e->columns;
    const ddpm_permutation order =
        ddpm_permutation_make(t->e->options.seed, DDPM_RANDOM_PAIRS, DDPM_CHOICE_FOREST + choice, from->count);
    for (int64_t i = 0; i < t->rows; i++) {
        const int64_t row = from->count == t->rows ? i : ddpm_permutation_at(&order, i);
        memcpy(out + i * columns, from->rows + row * columns, (size_t)columns * sizeof *out);
    }
}

/* Every rank fills both tables, columns in parallel. */
static ddpm_status fill(two_sample *t)
{
    const ddpm_evaluation *e = t->e;
    const int64_t size = t->rows * e->columns;
    float *sets = NULL, *real;
    uint64_t *scratch = NULL;
    ddpm_status status = DDPM_NEW(&sets, (SIDES + 1) * size, "rows to tell apart");
    if (status == DDPM_OK) status = DDPM_NEW(&scratch, e->threads * 2 * t->rows, "rows to tell apart");
    if (status == DDPM_OK) {
        real = sets + SIDES * size;
        choose(t, &e->samples, SAMPLES, sets);
        choose(t, &e->others, REAL_DATA, sets + size);
        choose(t, &e->references, SIDES, real);
#pragma omp parallel for num_threads(e->threads) schedule(dynamic, 1)
        for (int64_t j = 0; j < SIDES * e->columns; j++)
            ddpm_forest_table_fill(&t->tables[j % SIDES], j / SIDES, sets + j % SIDES * size, real,
                                   scratch + omp_get_thread_num() * 2 * t->rows);
    }
    ddpm_release(sets);
    ddpm_release(scratch);
    return status;
}

static ddpm_status build(two_sample *t)
{
    const ddpm_evaluation *e = t->e;
    for (int side = 0; side < SIDES; side++)
        DDPM_TRY(ddpm_forest_table_create(e->options.seed, t->rows, e->columns, &t->tables[side]));
    t->sums_count = 2 * t->rows + e->columns + COLUMNS_MOST * COLUMNS_MOST;
    DDPM_TRY(DDPM_NEW(&t->sums, t->sums_count, "votes"));
    t->gains = t->sums + 2 * t->rows;
    t->pair_gains = t->gains + e->columns;
    DDPM_TRY(DDPM_NEW(&t->all, e->columns, "columns to tell apart"));
    for (int64_t j = 0; j < e->columns; j++) t->all[j] = j;
    DDPM_TRY(DDPM_NEW(&t->threads, e->threads, "threads of a forest"));
    for (int i = 0; i < e->threads; i++) DDPM_TRY(ddpm_forest_memory_create(2 * t->rows, e->columns, &t->threads[i]));
    return fill(t);
}

static void release(two_sample *t)
{
    for (int i = 0; t->threads && i < t->e->threads; i++) ddpm_forest_memory_release(&t->threads[i]);
    for (int side = 0; side < SIDES; side++) ddpm_forest_table_release(&t->tables[side]);
    ddpm_release(t->threads);
    ddpm_release(t->sums);
    ddpm_release(t->all);
}

/* ---- forests ---- */

static void take(int64_t count, int64_t *from, int64_t *to)
{
    for (int64_t i = 0; i < count; i++) to[i] += from[i];
    memset(from, 0, (size_t)count * sizeof *from);
}

/* Collective. Grow a forest on the table of a side; its votes and gains are in the sums. */
static void grow(two_sample *t, int side, const ddpm_forest_view *of, int64_t trees)
{
    const ddpm_evaluation *e = t->e;
    const ddpm_forest_view view = {&t->tables[side], of->count, of->columns, of->leaf};
    const int64_t rank = ddpm_comm_rank(e->comm), size = ddpm_comm_size(e->comm);
    memset(t->sums, 0, (size_t)t->sums_count * sizeof *t->sums);
#pragma omp parallel for num_threads(e->threads) schedule(dynamic, 1)
    for (int64_t tree = rank; tree < FOLDS * trees; tree += size)
        ddpm_forest_grow(&view, e->options.seed, tree, &t->threads[omp_get_thread_num()]);
    for (int i = 0; i < e->threads; i++) {
        take(2 * t->rows, t->threads[i].votes, t->sums);
        take(view.count, t->threads[i].gains, t->gains);
        take(COLUMNS_MOST * COLUMNS_MOST, t->threads[i].pair_gains, t->pair_gains);
    }
    ddpm_comm_sum_int64(e->comm, t->sums, t->sums_count);
}

/* Collective. The accuracies of whole forests: on samples, and on real data in their place. */
static void tell_apart(two_sample *t, const ddpm_forest_view *view, ddpm_separation *out)
{
    double accuracy[SIDES];
    for (int side = SIDES - 1; side >= SAMPLES; side--) { /* the gains on samples are those that stay */
        grow(t, side, view, TREES);
        accuracy[side] = ddpm_forest_accuracy(&t->tables[side], t->sums);
    }
    memcpy(out->columns, view->columns, (size_t)ddpm_smaller(view->count, 2) * sizeof *view->columns);
    out->samples = accuracy[SAMPLES];
    out->real_data = accuracy[REAL_DATA];
}

/* ---- the worst column and the worst pair ---- */

/* The index of the largest gain, the first of equals, which is taken out. */
static int64_t take_largest(int64_t count, int64_t *gains)
{
    int64_t largest = 0;
    for (int64_t i = 1; i < count; i++)
        if (gains[i] > gains[largest]) largest = i;
    gains[largest] = -1;
    return largest;
}

/* After a forest on all columns. Where they are too many for gains of pairs to be counted, another forest on the
 * candidates counts them. */
static void choose_candidates(two_sample *t)
{
    const int64_t columns = t->e->columns;
    t->candidate_count = ddpm_smaller(columns, COLUMNS_MOST);
    for (int64_t i = 0; i < t->candidate_count; i++) take_largest(columns, t->gains);
    for (int64_t j = 0, i = 0; j < columns; j++)
        if (t->gains[j] < 0) t->candidates[i++] = j;
    const ddpm_forest_view view = {NULL, t->candidate_count, t->candidates, DDPM_FOREST_LEAF};
    if (columns > COLUMNS_MOST) grow(t, SAMPLES, &view, TREES_SEARCH);
}

/* The candidates for the worst pair, as indices first * COLUMNS_MOST + second of candidates, first < second; their
 * number is returned. */
static int64_t choose_pairs(const two_sample *t, int64_t *pairs)
{
    int64_t gains[COLUMNS_MOST * COLUMNS_MOST];
    const int64_t n = t->candidate_count, count = ddpm_smaller(n * (n - 1) / 2, PAIRS_MOST);
    for (int64_t i = 0; i < COLUMNS_MOST; i++)
        for (int64_t j = 0; j < COLUMNS_MOST; j++)
            gains[i * COLUMNS_MOST + j] =
                i < j && j < n ? t->pair_gains[i * COLUMNS_MOST + j] + t->pair_gains[j * COLUMNS_MOST + i] : -1;
    for (int64_t i = 0; i < count; i++) pairs[i] = take_largest(COLUMNS_MOST * COLUMNS_MOST, gains);
    return count;
}

/* Collective. Of some choices of columns, the one whose votes correlate most with the sets. */
static void find_worst(two_sample *t, int64_t width, int64_t count, int64_t (*choices)[2], ddpm_separation *out)
{
    const int64_t leaves[] = {DDPM_FOREST_LEAF, ddpm_larger(DDPM_FOREST_LEAF, 2 * t->rows / LARGE_LEAVES)};
    ddpm_forest_view worst = {0};
    double most = -INFINITY;
    for (int64_t i = 0; i < 2 * count; i++) {
        const ddpm_forest_view view = {NULL, width, choices[i / 2], leaves[i % 2]};
        if (i % 2 == 1 && leaves[1] == leaves[0]) continue;
        grow(t, SAMPLES, &view, TREES_SEARCH);
        const double correlation = ddpm_forest_correlation(&t->tables[SAMPLES], t->sums);
        if (correlation > most) worst = view;
        most = fmax(most, correlation);
    }
    tell_apart(t, &worst, out);
}

/* Collective, after the forest on all columns of samples. */
static void find_causes(two_sample *t)
{
    ddpm_two_sample *found = &t->e->two_sample;
    int64_t pairs[PAIRS_MOST], columns[COLUMNS_MOST][2], both[PAIRS_MOST][2];
    choose_candidates(t);
    const int64_t pair_count = choose_pairs(t, pairs);
    for (int64_t i = 0; i < t->candidate_count; i++) columns[i][0] = t->candidates[i];
    for (int64_t i = 0; i < pair_count; i++) {
        both[i][0] = t->candidates[pairs[i] / COLUMNS_MOST];
        both[i][1] = t->candidates[pairs[i] % COLUMNS_MOST];
    }
    found->column = found->pair = found->whole; /* of one column, of two */
    if (t->e->columns > 1) find_worst(t, 1, t->candidate_count, columns, &found->column);
    if (t->e->columns > 2) find_worst(t, 2, pair_count, both, &found->pair);
}

/* ---- the verdict ---- */

double ddpm_two_sample_error(const ddpm_two_sample *test, double accuracy)
{
    return sqrt(accuracy * (1.0 - accuracy) / (double)test->rows);
}

/* Whether an accuracy is above chance, and above that on real data, by so many of its standard errors. */
static int is_above(const ddpm_two_sample *test, const ddpm_separation *found, double errors)
{
    return found->samples - errors * ddpm_two_sample_error(test, found->samples) > fmax(0.5, found->real_data);
}

static void judge(ddpm_two_sample *test, int64_t columns)
{
    test->is_told_apart = test->not_finite > 0 || is_above(test, &test->whole, DDPM_TWO_SAMPLE_ERRORS) ||
                          is_above(test, &test->column, DDPM_TWO_SAMPLE_ERRORS_CHOSEN) ||
                          (columns > 1 && is_above(test, &test->pair, DDPM_TWO_SAMPLE_ERRORS_CHOSEN));
}

static int is_finite(int64_t columns, const float *row)
{
    for (int64_t j = 0; j < columns; j++)
        if (!isfinite(row[j])) return 0;
    return 1;
}

ddpm_status ddpm_evaluation_two_sample(ddpm_evaluation *e)
{
    two_sample t = {.e = e};
    ddpm_two_sample *test = &e->two_sample;
    t.rows = ddpm_smaller(e->samples.count, ddpm_smaller(e->references.count, e->others.count));
    for (int64_t i = 0; i < e->samples.count; i++)
        test->not_finite += !is_finite(e->columns, e->samples.rows + i * e->columns);
    test->is_told_apart = test->not_finite > 0;
    test->whole = (ddpm_separation){.samples = NAN, .real_data = NAN};
    if (test->not_finite > 0)
        ddpm_log_warning("%lld of %lld samples are not finite, so samples are told apart from real rows, and distances "
                         "between them are not defined",
                         (long long)test->not_finite, (long long)e->samples.count);
    if (t.rows < DDPM_TWO_SAMPLE_ROWS_LEAST) return DDPM_OK;
    test->rows = t.rows;
    const ddpm_status status = ddpm_agree(e->comm, build(&t));
    if (status == DDPM_OK) {
        const ddpm_forest_view view = {NULL, e->columns, t.all, DDPM_FOREST_LEAF};
        tell_apart(&t, &view, &test->whole);
        find_causes(&t);
        judge(test, e->columns);
    }
    release(&t);
    return status;
}
