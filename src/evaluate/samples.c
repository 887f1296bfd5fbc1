/* The quality of samples: their distances to sets of real rows, beside those of other real rows in their place. */
#include "evaluate/evaluation.h"

#include "base/memory.h"
#include "base/permutation.h"
#include "base/split.h"
#include "evaluate/quality.h"
#include "sample/generator.h"

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

/* The conditions for samples: those of real rows that samples are compared with, spread evenly over these rows. */
static ddpm_status choose_conditions(const ddpm_evaluation *e, int64_t rows, float **values)
{
    const int64_t V = e->condition->count;
    DDPM_TRY(DDPM_NEW(values, rows * V, "conditions of samples"));
    for (int64_t i = 0; V > 0 && i < rows; i++)
        memcpy(*values + i * V, e->references.values + i * e->references.count / rows * V, (size_t)V * sizeof(float));
    return DDPM_OK;
}

/* Collective. Make samples 0 .. rows-1 of the seed: those that `ddpm sample` makes under the same conditions. */
static ddpm_status make_samples(ddpm_evaluation *e, int64_t rows)
{
    ddpm_generator *generator = NULL;
    float *values = NULL;
    const ddpm_range blocks = ddpm_comm_part(e->comm, ddpm_pieces(rows, DDPM_GENERATOR_BLOCK));
    ddpm_status status = ddpm_generator_create(e->loaded, &e->sampling, e->threads, &generator);
    if (status == DDPM_OK) status = DDPM_NEW(&e->samples.rows, rows * e->columns, "samples");
    if (status == DDPM_OK) status = choose_conditions(e, rows, &values);
    status = ddpm_agree(e->comm, status);
    if (status == DDPM_OK) {
        e->samples.count = rows;
        e->sampling.steps = ddpm_generator_sampler(generator)->step_count;
        if (e->condition->count > 0) ddpm_generator_set_conditions(generator, rows, values);
#pragma omp parallel for num_threads(e->threads) schedule(dynamic, 1)
        for (int64_t block = blocks.first; block < blocks.end; block++) {
            const int64_t first = block * DDPM_GENERATOR_BLOCK;
            ddpm_generator_run(generator, omp_get_thread_num(), e->options.seed, first,
                               ddpm_smaller(rows - first, DDPM_GENERATOR_BLOCK), e->samples.rows + first * e->columns,
                               0, NULL, 0);
        }
        ddpm_comm_sum_float(e->comm, e->samples.rows, rows * e->columns);
    }
    ddpm_generator_close(generator);
    ddpm_release(values);
    for (int64_t i = 0; status == DDPM_OK && i < rows * e->columns; i++)
        if (!isfinite(e->samples.rows[i]))
            return ddpm_fail(
                DDPM_ERR_NUMERIC,
                "sample %lld is not finite, so the reverse process diverges; --samples 0 evaluates the rest",
                (long long)(i / e->columns));
    return status;
}

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
    const ddpm_permutation order = ddpm_permutation_make(c->e->options.seed, DDPM_RANDOM_PAIRS, 1 + pair, table->count);
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

ddpm_status ddpm_evaluation_quality(ddpm_evaluation *e)
{
    int64_t rows = ddpm_smaller(e->options.samples, ddpm_smaller(e->references.count, e->others.count));
    if (e->options.samples_file) rows = ddpm_smaller(rows, e->samples.count);
    if (rows < 2)
        return ddpm_fail(
            DDPM_ERR_DATA,
            "the quality of samples needs at least two rows in a set, found %lld; give --samples 2 or more, "
            "more rows, or --samples 0 to leave it out",
            (long long)rows);
    if (!e->options.samples_file) DDPM_TRY(make_samples(e, rows));
    comparison c = {.e = e, .rows = rows};
    ddpm_quality_set samples = {0};
    e->set_rows = rows;
    ddpm_status status = build(&c);
    if (status == DDPM_OK) status = ddpm_quality_set_create(rows, e->columns, e->samples.rows, &samples);
    status = ddpm_agree(e->comm, status);
    for (int64_t pair = 0; status == DDPM_OK && pair < PAIRS; pair++) status = compare_pair(&c, pair, &samples);
    ddpm_quality_set_release(&samples);
    release(&c);
    return status;
}
