/* The bound of the masked process: of each row, at each t, columns are hidden at random, and the network's loss of them
 * is a term. Blocks of rows are divided among ranks and threads, as in bounds.c. */
#include "evaluate/evaluation.h"

#include "base/memory.h"
#include "base/split.h"
#include "model/token_pass.h"

#include <math.h>
#include <omp.h>

enum { BLOCK = 64 }; /* rows */

typedef struct thread_memory {
    ddpm_workspace *workspace;
    float *condition; /* [BLOCK][C] */
    float *loss;      /* [BLOCK] */
    uint8_t *hidden;  /* [BLOCK][D] */
    int32_t *order;   /* [D] */
    ddpm_token_pass pass;
    int32_t t[BLOCK];
} thread_memory;

typedef struct pass {
    ddpm_evaluation *e;
    ddpm_packed *packed;
    ddpm_lookup lookup;
    thread_memory *threads;
    double *loss; /* [count][T], of each row at each t, each on the rank that has the row */
} pass;

static ddpm_status build(pass *p)
{
    const ddpm_evaluation *e = p->e;
    const ddpm_model *model = &e->loaded->model;
    const ddpm_masked *masked = &model->masked;
    const float *parameters = ddpm_loaded_weights(e->loaded, e->sampling.weights);
    DDPM_TRY(ddpm_packed_make(model->network, DDPM_PACK_FORWARD, parameters, &p->packed));
    DDPM_TRY(ddpm_lookup_create(masked, model->network, &p->lookup));
    ddpm_lookup_fill(&p->lookup, masked, model->network, parameters, 0, 1);
    const ddpm_token_spec spec = {.masked = masked,
                                  .network = model->network,
                                  .packed = p->packed,
                                  .lookup = &p->lookup,
                                  .rows = BLOCK,
                                  .block = BLOCK};
    DDPM_TRY(DDPM_NEW(&p->loss, e->evaluated.count * e->steps, "numbers of the rows"));
    DDPM_TRY(DDPM_NEW(&p->threads, e->threads, "threads of the evaluation"));
    for (int i = 0; i < e->threads; i++) {
        thread_memory *m = &p->threads[i];
        DDPM_TRY(ddpm_workspace_create(model->network, BLOCK, BLOCK, 0, &m->workspace));
        DDPM_TRY(DDPM_NEW(&m->condition, BLOCK * ddpm_condition_width(e->condition), "conditions of a block"));
        DDPM_TRY(DDPM_NEW(&m->loss, BLOCK, "a block of rows"));
        DDPM_TRY(ddpm_token_pass_create(&spec, &m->pass));
        DDPM_TRY(DDPM_NEW(&m->hidden, BLOCK * e->columns, "a block of rows"));
        DDPM_TRY(DDPM_NEW(&m->order, e->columns, "an order of columns"));
    }
    return DDPM_OK;
}

static void release(pass *p)
{
    for (int i = 0; p->threads && i < p->e->threads; i++) {
        thread_memory *m = &p->threads[i];
        ddpm_workspace_free(m->workspace);
        ddpm_release(m->condition);
        ddpm_release(m->loss);
        ddpm_token_pass_release(&m->pass);
        ddpm_release(m->hidden);
        ddpm_release(m->order);
    }
    ddpm_release(p->threads);
    ddpm_packed_free(p->packed);
    ddpm_lookup_release(&p->lookup);
    ddpm_release(p->loss);
}

/* Hide t columns of each row of a block. */
static void hide(const pass *p, thread_memory *m, int64_t draw, int32_t t, int64_t first, int64_t rows)
{
    const ddpm_evaluation *e = p->e;
    for (int64_t i = 0; i < rows; i++) {
        m->t[i] = t;
        ddpm_masked_hide(e->columns, e->options.seed, DDPM_RANDOM_BOUND, draw * (e->steps + 1) + t, first + i, t,
                         m->hidden + i * e->columns, m->order);
    }
}

static void bound_block(const pass *p, thread_memory *m, int64_t first, int64_t rows)
{
    const ddpm_evaluation *e = p->e;
    const ddpm_token_rows tokens = {
        .x0 = e->evaluated.rows + first * e->columns, .hidden = m->hidden, .t = m->t, .count = rows};
    ddpm_condition_expand(e->condition, rows, e->evaluated.values + first * e->condition->count, NULL, m->condition);
    for (int64_t draw = 0; draw < e->options.draws; draw++)
        for (int32_t t = 1; t <= e->steps; t++) {
            hide(p, m, draw, t, first, rows);
            const ddpm_const_matrix units = ddpm_token_forward(&m->pass, m->workspace, &tokens, m->condition);
            (void)ddpm_token_loss(&m->pass, &tokens, units, 1.0, NULL, (ddpm_matrix){0}, m->loss);
            for (int64_t i = 0; i < rows; i++) p->loss[(first + i) * e->steps + t - 1] += (double)m->loss[i];
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
