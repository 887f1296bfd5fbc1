/* The log-likelihood and the bound of the rows of a caller, as `ddpm evaluate` has them. */
#include "library/generator.h"

#include "base/memory.h"
#include "base/split.h"

#include <math.h>

void ddpm_generator_release_densities(ddpm_generator *generator)
{
    ddpm_generator *g = generator;
    ddpm_density_release(&g->density);
    ddpm_likelihood_release(&g->flow);
    ddpm_hidden_release(&g->hidden);
    g->has_density = g->has_flow = g->has_hidden = 0;
}

/* ---- getting ready ---- */

/* Free what was made with other weights than those that the settings name now, or without the derivative. */
static void drop_others(ddpm_generator *g, int derives)
{
    const ddpm_weights wanted = g->config.sampling.weights;
    if (g->density_weights != wanted || (derives && g->has_density && !g->derives)) ddpm_generator_release_densities(g);
    g->density_weights = wanted;
}

static ddpm_status prepare_density(ddpm_generator *g, int derives)
{
    const ddpm_engine_weights *weights = NULL;
    const ddpm_packed *packed = NULL;
    drop_others(g, derives);
    if (g->has_density) return DDPM_OK;
    if (derives) {
        DDPM_TRY(ddpm_shared_gradient(g->shared, g->density_weights, &packed));
    } else {
        DDPM_TRY(ddpm_shared_weights(g->shared, g->density_weights, &weights));
        packed = weights->packed;
    }
    const ddpm_status status = ddpm_density_create(&g->loaded->model, packed, g->left_out, derives, &g->density);
    if (status != DDPM_OK) ddpm_density_release(&g->density);
    g->has_density = status == DDPM_OK;
    g->derives = derives;
    return status;
}

static ddpm_status prepare_flow(ddpm_generator *g, int64_t probes)
{
    if (g->has_flow && g->flow.probes == probes) return DDPM_OK;
    ddpm_likelihood_release(&g->flow);
    g->has_flow = 0;
    DDPM_TRY(ddpm_likelihood_create(&g->loaded->model.diffusion, g->transform.columns, probes, 1, &g->flow));
    g->flow.left_out = g->left_out;
    g->has_flow = 1;
    return DDPM_OK;
}

static ddpm_status prepare_hidden(ddpm_generator *g)
{
    const ddpm_engine_weights *weights;
    drop_others(g, 0);
    if (g->has_hidden) return DDPM_OK;
    DDPM_TRY(ddpm_shared_weights(g->shared, g->density_weights, &weights));
    const ddpm_status status = ddpm_hidden_create(&g->loaded->model, weights->packed, &weights->lookup, &g->hidden);
    if (status != DDPM_OK) ddpm_hidden_release(&g->hidden);
    g->has_hidden = status == DDPM_OK;
    return status;
}

static ddpm_status begin(ddpm_generator *g, int64_t first, const ddpm_view *conditions, const ddpm_view *rows)
{
    DDPM_TRY(ddpm_view_check(rows, g->transform.columns, "rows"));
    if (g->loaded->config.data.pairs)
        return ddpm_fail(DDPM_ERR_USAGE, "a model of data.pairs: true has no likelihood and no bound, since its noise "
                                         "belongs to the rows; take the model that made the pairs");
    if (g->fixed.count > 0)
        return ddpm_fail(DDPM_ERR_USAGE,
                         "conditions by name: the rows have their own values; take the conditions away");
    DDPM_TRY(ddpm_generator_begin(g, first, rows->rows, conditions));
    const ddpm_sampling plain = {0}; /* without guidance */
    return ddpm_engine_check(&plain, &g->loaded->checkpoint.condition, g->loaded->config.diffusion.condition_dropout,
                             g->view || g->source);
}

/* ---- blocks ---- */

/* Standardise the next rows, or make tokens of them. */
static ddpm_status read_block(ddpm_generator *g, const ddpm_view *rows, int64_t done, int64_t count)
{
    const int64_t D = g->transform.columns;
    ddpm_view_read(rows, done, count, g->given);
    ddpm_transform_apply(&g->transform, ddpm_view_number(rows), count, g->given, g->x);
    for (int64_t i = 0; i < count * D; i++) {
        const int is_token = g->transform.vocabulary && g->x[i] >= 0.0f;
        if (is_token || (!g->transform.vocabulary && isfinite(g->x[i]))) continue;
        return ddpm_fail(DDPM_ERR_DATA, "rows, row %lld, column %lld (both from 0): expected %s, found %g",
                         (long long)(done + i / D), (long long)(i % D),
                         g->transform.vocabulary ? "a value of the training rows" : "a finite number",
                         ddpm_view_get(rows, done + i / D, i % D));
    }
    return DDPM_OK;
}

/* The bound of a block in standardised units: L_T, and the terms at all steps. */
static void bound_gaussian(ddpm_generator *g, uint64_t seed, int64_t first, int64_t rows, double *out)
{
    const ddpm_model *model = &g->loaded->model;
    const ddpm_flow flow = ddpm_density_flow(&g->density);
    const ddpm_denoising block = {&flow.denoiser, ddpm_network_kernels(model->network), seed, first, rows};
    const int64_t D = g->transform.columns;
    double terms[DDPM_DENSITY_BLOCK];
    for (int64_t i = 0; i < rows; i++) {
        float *counted = g->known; /* memory that is free here */
        int64_t at = 0;
        for (int64_t j = 0; j < D; j++)
            if (!g->left_out[j]) counted[at++] = g->x[i * D + j];
        out[i] = ddpm_bound_prior(&model->diffusion.schedule, g->counted, counted);
    }
    for (int32_t t = 1; t <= model->diffusion.schedule.steps; t++) {
        ddpm_bound_terms(&model->objective, &block, g->x, t, &g->density.bound, terms);
        for (int64_t i = 0; i < rows; i++) out[i] += terms[i];
    }
    for (int64_t i = 0; i < rows; i++) out[i] += ddpm_transform_log_volume(&g->transform, g->x + i * D);
}

/* The mean over t of what hiding t columns costs. */
static void bound_masked(ddpm_generator *g, uint64_t seed, int64_t first, int64_t rows, double *out)
{
    const int64_t T = g->transform.columns;
    const double share = 1.0 / (double)T;
    for (int64_t i = 0; i < rows; i++) out[i] = 0.0;
    for (int32_t t = 1; t <= T; t++) {
        const float *loss = ddpm_hidden_loss(&g->hidden, seed, 0, t, first, rows, g->x);
        for (int64_t i = 0; i < rows; i++) out[i] += share * (double)loss[i];
    }
}

ddpm_status ddpm_generator_bound(ddpm_generator *generator, uint64_t seed, int64_t first, const ddpm_view *conditions,
                                 const ddpm_view *rows, double *out)
{
    DDPM_TRY(ddpm_generator_check(generator));
    ddpm_generator *g = generator;
    const int is_masked = ddpm_model_is_masked(&g->loaded->model);
    const float *values;
    DDPM_TRY(ddpm_generator_check_given(out, "out"));
    DDPM_TRY(begin(g, first, conditions, rows));
    DDPM_TRY(is_masked ? prepare_hidden(g) : prepare_density(g, 0));
    for (int64_t done = 0; done < rows->rows; done += DDPM_DENSITY_BLOCK) {
        const int64_t count = ddpm_smaller(rows->rows - done, DDPM_DENSITY_BLOCK);
        DDPM_TRY(read_block(g, rows, done, count));
        DDPM_TRY(ddpm_generator_block_conditions(g, done, count, &values));
        if (is_masked) {
            ddpm_hidden_set_conditions(&g->hidden, count, values);
            bound_masked(g, seed, first + done, count, out + done);
        } else {
            ddpm_density_set_conditions(&g->density, count, values);
            bound_gaussian(g, seed, first + done, count, out + done);
        }
    }
    return DDPM_OK;
}

ddpm_status ddpm_generator_likelihood(ddpm_generator *generator, uint64_t seed, int64_t first, int64_t probes,
                                      const ddpm_view *conditions, const ddpm_view *rows, double *out)
{
    DDPM_TRY(ddpm_generator_check(generator));
    ddpm_generator *g = generator;
    const float *values;
    if (ddpm_model_is_masked(&g->loaded->model))
        return ddpm_fail(DDPM_ERR_USAGE,
                         "the likelihood of diffusion.process: masked is its bound: take ddpm_generator_bound");
    if (probes < -1 || probes > DDPM_DENSITY_PROBES_MAX)
        return ddpm_fail(DDPM_ERR_USAGE, "probes: expected -1 to %d, found %lld", DDPM_DENSITY_PROBES_MAX,
                         (long long)probes);
    DDPM_TRY(ddpm_generator_check_given(out, "out"));
    DDPM_TRY(begin(g, first, conditions, rows));
    DDPM_TRY(prepare_density(g, 1));
    DDPM_TRY(prepare_flow(g, probes >= 0 ? probes : g->transform.columns > DDPM_DENSITY_EXACT));
    const ddpm_flow flow = ddpm_density_flow(&g->density);
    for (int64_t done = 0; done < rows->rows; done += DDPM_DENSITY_BLOCK) {
        const int64_t count = ddpm_smaller(rows->rows - done, DDPM_DENSITY_BLOCK);
        DDPM_TRY(read_block(g, rows, done, count));
        DDPM_TRY(ddpm_generator_block_conditions(g, done, count, &values));
        ddpm_density_set_conditions(&g->density, count, values);
        ddpm_likelihood_rows(&g->flow, &flow, seed, first + done, count, g->x, &g->density.likelihood, out + done,
                             NULL);
        for (int64_t i = 0; i < count; i++)
            out[done + i] -= ddpm_transform_log_volume(&g->transform, g->x + i * g->transform.columns);
    }
    return DDPM_OK;
}
