/* The bound and the log-likelihood of the rows to evaluate. Blocks of rows are divided among ranks and threads. The
 * numbers of a row are computed on one rank and are zero on the others, so that a sum over ranks collects them without
 * rounding; the sums over rows at one t are in fixed point, so that they do not depend on the order of the rows.
 */
#include "evaluate/evaluation.h"

#include "base/memory.h"
#include "base/split.h"
#include "kernel/fixed_sum.h"
#include "sample/density.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum {
    BLOCK = DDPM_DENSITY_BLOCK,
    TERM_BITS = 28 /* fraction bits of the fixed-point sums: a term is rounded to 4e-9 nats */
};

typedef struct pass {
    ddpm_evaluation *e;
    ddpm_packed *packed;
    ddpm_density *threads;
    ddpm_likelihood flows[DDPM_LIKELIHOOD_GRIDS]; /* on the whole grid, and on parts of it for the tolerance */
    int64_t *sums;  /* [T + 2]: of the terms at t in fixed point; last, how many terms were too large */
    double *rows;   /* [ROW_NUMBERS][count], of the evaluated rows */
    float *counted; /* [count][e->counted], the evaluated rows without the columns that are left out */
} pass;

enum { ROW_BOUND, ROW_OLD_BOUND, ROW_ENDS, ROW_LIKELIHOOD, ROW_NUMBERS = ROW_LIKELIHOOD + DDPM_LIKELIHOOD_GRIDS };

static void count_columns(const pass *p)
{
    const ddpm_evaluation *e = p->e;
    int64_t at = 0;
    for (int64_t i = 0; i < e->evaluated.count; i++)
        for (int64_t j = 0; j < e->columns; j++)
            if (!e->left_out[j]) p->counted[at++] = e->evaluated.rows[i * e->columns + j];
}

static ddpm_status build(pass *p)
{
    const ddpm_evaluation *e = p->e;
    const ddpm_model *model = &e->loaded->model;
    const int derive = e->options.likelihood;
    DDPM_TRY(ddpm_packed_make(model->network, derive ? DDPM_PACK_INPUT_GRADIENT : DDPM_PACK_FORWARD,
                              ddpm_loaded_weights(e->loaded, e->sampling.weights), &p->packed));
    DDPM_TRY(DDPM_NEW(&p->sums, e->steps + 2, "terms of the bound"));
    DDPM_TRY(DDPM_NEW(&p->rows, ROW_NUMBERS * e->evaluated.count, "numbers of the rows"));
    DDPM_TRY(DDPM_NEW(&p->counted, e->evaluated.count * e->counted, "rows to evaluate"));
    count_columns(p);
    for (int i = 0; derive && i < DDPM_LIKELIHOOD_GRIDS; i++) {
        DDPM_TRY(ddpm_likelihood_create(&model->diffusion, e->columns, e->options.probes, 1 << i, &p->flows[i]));
        p->flows[i].left_out = e->left_out;
    }
    DDPM_TRY(DDPM_NEW(&p->threads, e->threads, "threads of the evaluation"));
    for (int i = 0; i < e->threads; i++)
        DDPM_TRY(ddpm_density_create(model, p->packed, e->left_out, derive, &p->threads[i]));
    return DDPM_OK;
}

static void release(pass *p)
{
    for (int i = 0; p->threads && i < p->e->threads; i++) ddpm_density_release(&p->threads[i]);
    ddpm_release(p->threads);
    ddpm_packed_free(p->packed);
    for (int i = 0; i < DDPM_LIKELIHOOD_GRIDS; i++) ddpm_likelihood_release(&p->flows[i]);
    ddpm_release(p->sums);
    ddpm_release(p->rows);
    ddpm_release(p->counted);
}

/* Add a block's terms at t to the sums, which all threads share. */
static void add_terms(pass *p, int32_t t, int64_t rows, const double *terms)
{
    const ddpm_evaluation *e = p->e;
    int64_t sum = 0, refused = 0;
    for (int64_t i = 0; i < rows; i++)
        ddpm_fixed_add(terms[i], TERM_BITS, e->evaluated.count * e->options.draws, &sum, &refused);
#pragma omp atomic
    p->sums[t] += sum;
#pragma omp atomic
    p->sums[e->steps + 1] += refused;
}

static void bound_block(pass *p, ddpm_density *m, int64_t first, int64_t rows)
{
    const ddpm_evaluation *e = p->e;
    const ddpm_model *model = &e->loaded->model;
    const ddpm_schedule *schedule = &model->diffusion.schedule;
    const ddpm_flow flow = ddpm_density_flow(m);
    ddpm_denoising block = {&flow.denoiser, ddpm_network_kernels(model->network), e->options.seed, first, rows};
    const float *x0 = e->evaluated.rows + first * e->columns;
    double *bound = p->rows + ROW_BOUND * e->evaluated.count + first, terms[BLOCK];
    double *old_bound = p->rows + ROW_OLD_BOUND * e->evaluated.count + first;
    const double share = 1.0 / (double)e->options.draws;
    for (int64_t i = 0; i < rows; i++) {
        const float *counted = p->counted + (first + i) * e->counted;
        bound[i] = old_bound[i] = ddpm_bound_prior(schedule, e->counted, counted);
        old_bound[i] += ddpm_bound_first_step(schedule, e->counted, counted);
    }
    for (int64_t draw = 0; draw < e->options.draws; draw++)
        for (int32_t t = 1; t <= e->steps; t++) {
            block.first = draw * e->evaluated.count + first;
            ddpm_bound_terms(&model->objective, &block, x0, t, &m->bound, terms);
            add_terms(p, t, rows, terms);
            for (int64_t i = 0; i < rows; i++) {
                bound[i] += share * terms[i];
                if (t > 1) old_bound[i] += share * terms[i];
            }
        }
}

static void likelihood_block(pass *p, ddpm_density *m, int64_t first, int64_t rows)
{
    const ddpm_evaluation *e = p->e;
    const ddpm_flow flow = ddpm_density_flow(m);
    const float *x0 = e->evaluated.rows + first * e->columns;
    for (int i = 0; i < DDPM_LIKELIHOOD_GRIDS; i++)
        ddpm_likelihood_rows(&p->flows[i], &flow, e->options.seed, first, rows, x0, &m->likelihood,
                             p->rows + (ROW_LIKELIHOOD + i) * e->evaluated.count + first,
                             i == 0 ? p->rows + ROW_ENDS * e->evaluated.count + first : NULL);
}

static void compute(pass *p)
{
    ddpm_evaluation *e = p->e;
    const ddpm_range blocks = ddpm_comm_part(e->comm, ddpm_pieces(e->evaluated.count, BLOCK));
#pragma omp parallel for num_threads(e->threads) schedule(dynamic, 1)
    for (int64_t block = blocks.first; block < blocks.end; block++) {
        ddpm_density *m = &p->threads[omp_get_thread_num()];
        const int64_t first = block * BLOCK, rows = ddpm_smaller(e->evaluated.count - first, BLOCK);
        ddpm_density_set_conditions(m, rows, e->evaluated.values + first * e->condition->count);
        bound_block(p, m, first, rows);
        if (e->options.likelihood) likelihood_block(p, m, first, rows);
    }
}

double ddpm_evaluation_mean(int64_t count, const double *values, double *error)
{
    double sum = 0.0, squares = 0.0;
    for (int64_t i = 0; i < count; i++) sum += values[i];
    const double mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++) squares += (values[i] - mean) * (values[i] - mean);
    if (error) *error = sqrt(squares / ((double)count * (double)ddpm_larger(count - 1, 1)));
    return mean;
}

static ddpm_status finish(ddpm_evaluation *e, pass *p)
{
    const int64_t count = e->evaluated.count;
    const ddpm_schedule *schedule = &e->loaded->model.diffusion.schedule;
    const double *whole = p->rows + ROW_LIKELIHOOD * count;
    const double *const densities[DDPM_LIKELIHOOD_GRIDS] = {whole, whole + count, whole + 2 * count};
    DDPM_TRY(DDPM_NEW(&e->term, e->steps + 1, "terms of the bound"));
    DDPM_TRY(DDPM_NEW(&e->row_bound, count, "numbers of the rows"));
    DDPM_TRY(DDPM_NEW(&e->row_likelihood, count, "numbers of the rows"));
    if (p->sums[e->steps + 1] > 0)
        return ddpm_fail(DDPM_ERR_NUMERIC,
                         "%lld terms of the bound are too large or not finite, so the model has diverged",
                         (long long)p->sums[e->steps + 1]);
    memcpy(e->row_bound, p->rows + ROW_BOUND * count, (size_t)count * sizeof(double));
    memcpy(e->row_likelihood, whole, (size_t)count * sizeof(double));
    for (int64_t t = 1; t <= e->steps; t++)
        e->term[t] = ddpm_fixed_value(p->sums[t], TERM_BITS) / (double)(count * e->options.draws);
    for (int64_t i = 0; i < count; i++) {
        const float *x0 = p->counted + i * e->counted;
        e->prior += ddpm_bound_prior(schedule, e->counted, x0) / (double)count;
        e->first_step += ddpm_bound_first_step(schedule, e->counted, x0) / (double)count;
    }
    e->bound = ddpm_evaluation_mean(count, e->row_bound, &e->bound_error);
    e->old_bound = ddpm_evaluation_mean(count, p->rows + ROW_OLD_BOUND * count, NULL);
    e->likelihood = ddpm_evaluation_mean(count, whole, &e->likelihood_error);
    if (e->options.likelihood)
        e->no_tolerance = ddpm_likelihood_judge(count, e->counted, p->flows[0].step_count, densities,
                                                p->rows + ROW_ENDS * count, &e->likelihood_tolerance);
    if (isfinite(e->likelihood)) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_NUMERIC, "the log-likelihood is not finite, so the model has diverged");
}

ddpm_status ddpm_evaluation_bound(ddpm_evaluation *e)
{
    pass p = {.e = e};
    ddpm_status status = ddpm_agree(e->comm, build(&p));
    if (status == DDPM_OK) {
        compute(&p);
        ddpm_comm_sum_int64(e->comm, p.sums, e->steps + 2);
        ddpm_comm_sum_double(e->comm, p.rows, ROW_NUMBERS * e->evaluated.count);
        status = ddpm_agree(e->comm, finish(e, &p));
    }
    release(&p);
    return status;
}
