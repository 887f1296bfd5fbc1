/* The distances of samples to sets of real rows, beside those of other real rows in their place. */
#include "evaluate/evaluation.h"

#include "base/memory.h"
#include "base/permutation.h"
#include "base/split.h"
#include "evaluate/quality.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum { PAIRS = DDPM_EVALUATION_PAIRS, MEASURES = DDPM_EVALUATION_MEASURES, NUMBERS = DDPM_QUALITY_NUMBERS };

const char *const ddpm_evaluation_measures[MEASURES] = {"sliced_w1", "sliced_w2", "energy",     "mmd2",
                                                        "ks_mean",   "ks_max",    "mean_error", "covariance_error"};
_Static_assert(sizeof(ddpm_quality_measures) == MEASURES * sizeof(double), "a name for every measure");

typedef struct comparison {
    ddpm_evaluation *e;
    int64_t rows; /* of a set */
    ddpm_quality_plan plan;
    float *directions, *chosen; /* chosen: the rows of a set */
    double *numbers;            /* [pieces][NUMBERS] */
    double *scratch;            /* [threads][plan.scratch] */
    double *ks;                 /* [columns] */
} comparison;

static ddpm_status build(comparison *c)
{
    const int64_t columns = c->e->columns;
    c->plan = ddpm_quality_plan_of(c->rows, columns);
    const int64_t median = DDPM_QUALITY_WIDTH_ROWS * DDPM_QUALITY_WIDTH_ROWS / 2, all = c->e->threads * c->plan.scratch;
    DDPM_TRY(DDPM_NEW(&c->directions, DDPM_QUALITY_DIRECTIONS * columns, "directions"));
    DDPM_TRY(DDPM_NEW(&c->chosen, c->rows * columns, "rows to compare"));
    DDPM_TRY(DDPM_NEW(&c->numbers, c->plan.pieces * NUMBERS, "pieces of the comparison"));
    DDPM_TRY(DDPM_NEW(&c->scratch, ddpm_larger(all, median), "rows to compare"));
    DDPM_TRY(DDPM_NEW(&c->ks, columns, "columns to compare"));
    DDPM_TRY(DDPM_NEW(&c->e->ks, columns, "columns to compare"));
    ddpm_quality_directions(ddpm_network_kernels(c->e->loaded->model.network), c->e->options.seed, columns,
                            c->directions);
    return DDPM_OK;
}

static void release(comparison *c)
{
    ddpm_release(c->directions);
    ddpm_release(c->chosen);
    ddpm_release(c->numbers);
    ddpm_release(c->scratch);
    ddpm_release(c->ks);
}

/* Fill the set of pair number `pair` from a table. A table with enough rows gives each pair rows of its own; a smaller
 * one gives each pair a random choice of all its rows. */
static ddpm_status choose_set(comparison *c, const ddpm_row_table *table, int64_t pair, ddpm_quality_set *out)
{
    const int64_t columns = c->e->columns;
    const ddpm_permutation order =
        ddpm_permutation_make(c->e->options.seed, DDPM_RANDOM_PAIRS, DDPM_CHOICE_PAIR + pair, table->count);
    const int apart = table->count >= PAIRS * c->rows;
    for (int64_t i = 0; i < c->rows; i++)
        memcpy(c->chosen + i * columns,
               table->rows + (apart ? pair * c->rows + i : ddpm_permutation_at(&order, i)) * columns,
               (size_t)columns * sizeof(float));
    return ddpm_quality_set_create(c->rows, columns, c->chosen, out);
}

/* Collective. Measure how far two sets are apart. Pieces go to the ranks in turn. */
static ddpm_quality_measures compare(comparison *c, const ddpm_quality_set *x, const ddpm_quality_set *y, double *ks)
{
    const ddpm_evaluation *e = c->e;
    const int64_t rank = ddpm_comm_rank(e->comm), size = ddpm_comm_size(e->comm);
    memset(c->numbers, 0, (size_t)(c->plan.pieces * NUMBERS) * sizeof(double));
#pragma omp parallel for num_threads(e->threads) schedule(dynamic, 16)
    for (int64_t piece = rank; piece < c->plan.pieces; piece += size)
        ddpm_quality_piece(x, y, c->directions, e->width, piece, c->scratch + omp_get_thread_num() * c->plan.scratch,
                           c->numbers + piece * NUMBERS);
    ddpm_comm_sum_double(e->comm, c->numbers, c->plan.pieces * NUMBERS);
    return ddpm_quality_combine(c->rows, e->columns, c->numbers, ks);
}

static void add(const ddpm_quality_measures *measures, double *mean)
{
    double values[MEASURES];
    memcpy(values, measures, sizeof values);
    for (int i = 0; i < MEASURES; i++) mean[i] += values[i] / PAIRS;
}

/* Collective. Compare samples, and other real rows, with one set of references. */
static ddpm_status compare_pair(comparison *c, int64_t pair, const ddpm_quality_set *samples)
{
    ddpm_evaluation *e = c->e;
    ddpm_quality_set reference = {0}, other = {0};
    ddpm_status status = choose_set(c, &e->references, pair, &reference);
    if (status == DDPM_OK) status = choose_set(c, &e->others, pair, &other);
    status = ddpm_agree(e->comm, status);
    if (status == DDPM_OK) {
        if (pair == 0) e->width = ddpm_quality_median_distance(&reference, c->scratch);
        const ddpm_quality_measures model = compare(c, samples, &reference, c->ks);
        for (int64_t j = 0; j < e->columns; j++) e->ks[j] += c->ks[j] / PAIRS;
        const ddpm_quality_measures real = compare(c, &other, &reference, NULL);
        add(&model, e->measured);
        add(&real, e->real_data);
    }
    ddpm_quality_set_release(&reference);
    ddpm_quality_set_release(&other);
    return status;
}

/* The samples to compare: a random choice where there are more than a set has. */
static ddpm_status choose_samples(comparison *c, ddpm_quality_set *out)
{
    const ddpm_row_table *all = &c->e->samples;
    const int64_t columns = c->e->columns;
    const ddpm_permutation order =
        ddpm_permutation_make(c->e->options.seed, DDPM_RANDOM_PAIRS, DDPM_CHOICE_SAMPLES, all->count);
    for (int64_t i = 0; i < c->rows; i++)
        memcpy(c->chosen + i * columns,
               all->rows + (all->count > c->rows ? ddpm_permutation_at(&order, i) : i) * columns,
               (size_t)columns * sizeof(float));
    return ddpm_quality_set_create(c->rows, columns, c->chosen, out);
}

/* No distance is defined when a sample is not finite; those of real data are not computed either, then. */
static ddpm_status leave_undefined(ddpm_evaluation *e)
{
    DDPM_TRY(DDPM_NEW(&e->ks, e->columns, "columns to compare"));
    e->width = NAN;
    for (int i = 0; i < MEASURES; i++) e->measured[i] = e->real_data[i] = NAN;
    for (int64_t j = 0; j < e->columns; j++) e->ks[j] = NAN;
    return DDPM_OK;
}

/* Tokens in deviations of the reference rows, as the distances need them; a constant column stays. */
static void standardise_tokens(ddpm_evaluation *e)
{
    const int64_t columns = e->columns;
    const ddpm_row_table *const tables[] = {&e->references, &e->others, &e->samples};
    for (int64_t j = 0; j < columns; j++) {
        double mean = 0.0, squares = 0.0;
        for (int64_t i = 0; i < e->references.count; i++)
            mean += (double)e->references.rows[i * columns + j] / (double)e->references.count;
        for (int64_t i = 0; i < e->references.count; i++)
            squares += pow((double)e->references.rows[i * columns + j] - mean, 2.0);
        const double deviation = squares > 0.0 ? sqrt(squares / (double)e->references.count) : 1.0;
        for (size_t k = 0; k < sizeof tables / sizeof *tables; k++)
            for (int64_t i = 0; i < tables[k]->count; i++) {
                float *x = &tables[k]->rows[i * columns + j];
                *x = (float)(((double)*x - mean) / deviation);
            }
    }
}

ddpm_status ddpm_evaluation_distances(ddpm_evaluation *e)
{
    if (ddpm_model_is_masked(&e->loaded->model)) standardise_tokens(e);
    const int64_t real = ddpm_smaller(e->references.count, e->others.count);
    e->set_rows = ddpm_smaller(e->set_rows, ddpm_smaller(real, e->samples.count));
    if (e->two_sample.not_finite > 0) return ddpm_agree(e->comm, leave_undefined(e));
    comparison c = {.e = e, .rows = e->set_rows};
    ddpm_quality_set samples = {0};
    ddpm_status status = build(&c);
    if (status == DDPM_OK) status = choose_samples(&c, &samples);
    status = ddpm_agree(e->comm, status);
    for (int64_t pair = 0; status == DDPM_OK && pair < PAIRS; pair++) status = compare_pair(&c, pair, &samples);
    ddpm_quality_set_release(&samples);
    release(&c);
    return status;
}
