/* The samples to evaluate, made by the model. */
#include "evaluate/evaluation.h"

#include "base/memory.h"
#include "base/split.h"
#include "sample/engine.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* The conditions for samples: those of real rows that samples are compared with, spread evenly over these rows. */
static ddpm_status choose_conditions(const ddpm_evaluation *e, int64_t rows, float **values)
{
    const int64_t V = e->condition->count;
    DDPM_TRY(DDPM_NEW(values, rows * V, "conditions of samples"));
    for (int64_t i = 0; V > 0 && i < rows; i++)
        memcpy(*values + i * V, e->references.values + i * e->references.count / rows * V, (size_t)V * sizeof(float));
    return DDPM_OK;
}

static int is_finite(int64_t columns, const float *row)
{
    for (int64_t j = 0; j < columns; j++)
        if (!isfinite(row[j])) return 0;
    return 1;
}

ddpm_status ddpm_evaluation_round(const ddpm_evaluation *e, ddpm_row_table *table)
{
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    const ddpm_number type = ddpm_transform_type(&transform, e->loaded->checkpoint.number);
    void *row = NULL;
    DDPM_TRY(ddpm_allocate(&row, e->columns, (size_t)ddpm_number_bytes(type), "a row of samples"));
    for (int64_t i = 0; i < table->count; i++) {
        float *x = table->rows + i * e->columns;
        if (!is_finite(e->columns, x)) continue; /* which whole numbers could not say */
        ddpm_transform_invert(&transform, type, 1, x, row);
        ddpm_transform_apply(&transform, type, 1, row, x);
    }
    ddpm_release(row);
    return DDPM_OK;
}

/* Collective. Make samples 0 .. rows-1 of the seed: those that `ddpm sample` makes under the same conditions. */
static ddpm_status make_samples(ddpm_evaluation *e, int64_t rows)
{
    ddpm_engine *engine = NULL;
    float *values = NULL;
    ddpm_status status = ddpm_engine_create(e->loaded, &e->sampling, NULL, e->threads, &engine);
    if (status == DDPM_OK) status = DDPM_NEW(&e->samples.rows, rows * e->columns, "samples");
    if (status == DDPM_OK) status = choose_conditions(e, rows, &values);
    status = ddpm_agree(e->comm, status);
    if (status == DDPM_OK) {
        e->samples.count = rows;
        e->sampling.steps = ddpm_engine_steps(engine);
        e->sampling.redraws = ddpm_engine_redraws(engine);
        if (e->condition->count > 0) ddpm_engine_set_conditions(engine, 0, rows, values);
        const int64_t size = ddpm_engine_block(engine);
        const ddpm_range blocks = ddpm_comm_part(e->comm, ddpm_pieces(rows, size));
#pragma omp parallel for num_threads(e->threads) schedule(dynamic, 1)
        for (int64_t block = blocks.first; block < blocks.end; block++) {
            const int64_t first = block * size;
            ddpm_engine_run(engine, omp_get_thread_num(), e->options.seed, first, ddpm_smaller(rows - first, size),
                            e->samples.rows + first * e->columns, 0, NULL, 0);
        }
        ddpm_comm_sum_float(e->comm, e->samples.rows, rows * e->columns);
        status = ddpm_agree(e->comm, ddpm_evaluation_round(e, &e->samples));
    }
    ddpm_engine_close(engine);
    ddpm_release(values);
    return status;
}

ddpm_status ddpm_evaluation_samples(ddpm_evaluation *e)
{
    const int64_t real = ddpm_smaller(e->references.count, e->others.count);
    int64_t rows = ddpm_smaller(e->options.samples, real);
    if (e->options.samples_file) rows = ddpm_smaller(rows, e->samples.count);
    if (rows < 2)
        return ddpm_fail(
            DDPM_ERR_DATA,
            "the quality of samples needs at least two rows in a set, found %lld; give --samples 2 or more, "
            "more rows, or --samples 0 to leave it out",
            (long long)rows);
    if (e->options.samples_file) return DDPM_OK;
    /* a masked model makes a row in as many steps as there are columns, so that all samples that are asked for cost
     * little: where few rows are held out, its privacy takes more of them */
    return make_samples(e, ddpm_model_is_masked(&e->loaded->model) ? e->options.samples : rows);
}
