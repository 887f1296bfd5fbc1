/* The bound of the masked process: of each row, at each t, columns are hidden at random, and the network's loss of them
 * is a term. Blocks of rows are divided among ranks and threads, as in bounds.c. */
#include "evaluate/evaluation.h"

#include "base/memory.h"
#include "base/split.h"
#include "sample/engine.h"
#include "sample/hidden.h"

#include <math.h>
#include <omp.h>

enum { BLOCK = DDPM_HIDDEN_BLOCK }; /* rows */

typedef struct pass {
    ddpm_evaluation *e;
    ddpm_engine_weights weights;
    ddpm_hidden *threads;
    double *loss; /* [count][T], of each row at each t, each on the rank that has the row */
} pass;

static ddpm_status build(pass *p)
{
    const ddpm_evaluation *e = p->e;
    DDPM_TRY(ddpm_engine_weights_make(e->loaded, e->sampling.weights, &p->weights));
    DDPM_TRY(DDPM_NEW(&p->loss, e->evaluated.count * e->steps, "numbers of the rows"));
    DDPM_TRY(DDPM_NEW(&p->threads, e->threads, "threads of the evaluation"));
    for (int i = 0; i < e->threads; i++)
        DDPM_TRY(ddpm_hidden_create(&e->loaded->model, p->weights.packed, &p->weights.lookup, &p->threads[i]));
    return DDPM_OK;
}

static void release(pass *p)
{
    for (int i = 0; p->threads && i < p->e->threads; i++) ddpm_hidden_release(&p->threads[i]);
    ddpm_release(p->threads);
    ddpm_engine_weights_release(&p->weights);
    ddpm_release(p->loss);
}

static void bound_block(const pass *p, ddpm_hidden *m, int64_t first, int64_t rows)
{
    const ddpm_evaluation *e = p->e;
    ddpm_hidden_set_conditions(m, rows, e->evaluated.values + first * e->condition->count);
    for (int64_t draw = 0; draw < e->options.draws; draw++)
        for (int32_t t = 1; t <= e->steps; t++) {
            const float *loss =
                ddpm_hidden_loss(m, e->options.seed, draw, t, first, rows, e->evaluated.rows + first * e->columns);
            for (int64_t i = 0; i < rows; i++) p->loss[(first + i) * e->steps + t - 1] += (double)loss[i];
        }
}

static void compute(const pass *p)
{
    const ddpm_evaluation *e = p->e;
    const ddpm_range blocks = ddpm_comm_part(e->comm, ddpm_pieces(e->evaluated.count, BLOCK));
#pragma omp parallel for num_threads(e->threads) schedule(dynamic, 1)
    for (int64_t block = blocks.first; block < blocks.end; block++)
        bound_block(p, &p->threads[omp_get_thread_num()], block * BLOCK,
                    ddpm_smaller(e->evaluated.count - block * BLOCK, BLOCK));
}

/* The bound of a row is the mean of its losses over t; term t of all rows is its share of that. */
static ddpm_status finish(ddpm_evaluation *e, const pass *p)
{
    const int64_t count = e->evaluated.count, T = e->steps;
    const double share = 1.0 / (double)(T * e->options.draws);
    DDPM_TRY(DDPM_NEW(&e->term, T + 1, "terms of the bound"));
    DDPM_TRY(DDPM_NEW(&e->row_bound, count, "numbers of the rows"));
    for (int64_t i = 0; i < count; i++)
        for (int64_t t = 1; t <= T; t++) {
            const double loss = share * p->loss[i * T + t - 1];
            e->row_bound[i] += loss;
            e->term[t] += loss / (double)count;
        }
    e->bound = ddpm_evaluation_mean(count, e->row_bound, &e->bound_error);
    if (isfinite(e->bound)) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_NUMERIC, "the bound is not finite, so the model has diverged");
}

ddpm_status ddpm_evaluation_masked_bound(ddpm_evaluation *e)
{
    pass p = {.e = e};
    ddpm_status status = ddpm_agree(e->comm, build(&p));
    if (status == DDPM_OK) {
        compute(&p);
        ddpm_comm_sum_double(e->comm, p.loss, e->evaluated.count * e->steps);
        status = ddpm_agree(e->comm, finish(e, &p));
    }
    release(&p);
    return status;
}
