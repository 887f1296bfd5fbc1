/* Samples, completions and single evaluations of the network, block by block, from and to the rows of a caller. */
#include "library/generator.h"

#include "base/split.h"
#include "model/twins.h"
#include "sample/known.h"

#include <math.h>

/* Give the engine the conditions of the next rows of a call. */
static ddpm_status set_conditions(ddpm_generator *g, int64_t first, int64_t done, int64_t rows)
{
    const float *values;
    DDPM_TRY(ddpm_generator_block_conditions(g, done, rows, &values));
    ddpm_engine_set_conditions(g->engine, first + done, values ? rows : 0, values);
    return DDPM_OK;
}

/* Guidance that was asked for leads nowhere without a condition; that of the configuration is for rows that have one.
 */
static ddpm_status check_guidance(const ddpm_generator *g, int conditioned)
{
    DDPM_TRY(ddpm_engine_check(&g->config.sampling, &g->loaded->checkpoint.condition,
                               g->loaded->config.diffusion.condition_dropout, conditioned));
    if (conditioned || g->config.sampling.guidance == 0.0 || !ddpm_sampling_is_given(&g->config, "sampling.guidance"))
        return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE,
                     "sampling.guidance: %g has no effect, since it needs conditions; give some, or "
                     "leave it out",
                     g->config.sampling.guidance);
}

/* The type of the values that `ddpm sample` writes. */
static ddpm_number type_of(const ddpm_generator *g)
{
    const ddpm_vocabulary *vocabulary = g->transform.vocabulary;
    return vocabulary && !vocabulary->is_array ? DDPM_NUMBER_FLOAT64
                                               : ddpm_transform_type(&g->transform, g->loaded->checkpoint.number);
}

/* Whether the rows of a block are finite; tokens always are. */
static int are_finite(const ddpm_generator *g, int64_t rows)
{
    float sum = 0.0f;
    for (int64_t i = 0; i < rows * g->transform.columns; i++) sum += 0.0f * g->x[i];
    return sum == 0.0f;
}

static ddpm_status refuse_diverged(void)
{
    return ddpm_fail(DDPM_ERR_NUMERIC,
                     "rows are not finite: the model is not trained well enough, or the steps are too few: train "
                     "longer, or set sampling.clip to data");
}

ddpm_status ddpm_generator_sample(ddpm_generator *generator, uint64_t seed, int64_t first, const ddpm_view *conditions,
                                  const ddpm_view *out)
{
    DDPM_TRY(ddpm_generator_check(generator));
    ddpm_generator *g = generator;
    int finite = 1;
    DDPM_TRY(ddpm_view_check(out, g->transform.columns, "rows"));
    DDPM_TRY(ddpm_generator_begin(g, first, out->rows, conditions));
    DDPM_TRY(check_guidance(g, g->view || g->source));
    const int64_t block = ddpm_engine_block(g->engine);
    const ddpm_number type = type_of(g);
    ddpm_engine_set_known(g->engine, g->fixed.count > 0 ? g->fixed.token : NULL);
    for (int64_t done = 0; done < out->rows; done += block) {
        const int64_t rows = ddpm_smaller(out->rows - done, block);
        DDPM_TRY(set_conditions(g, first, done, rows));
        ddpm_engine_run(g->engine, 0, seed, first + done, rows, g->x, 0, NULL, 0);
        finite = finite && are_finite(g, rows);
        ddpm_transform_invert(&g->transform, type, rows, g->x, g->numbers);
        if (g->fixed.count > 0) {
            ddpm_fixed_restore(&g->fixed, rows, type, g->numbers);
            ddpm_twins_complete(g->transform.vocabulary, rows, g->x, type, g->numbers);
        }
        ddpm_view_write(out, done, rows, type, g->numbers, NULL);
    }
    return finite ? DDPM_OK : refuse_diverged();
}

/* What has no meaning for a completion. */
static ddpm_status check_completion(const ddpm_generator *g, int64_t passes)
{
    DDPM_TRY(ddpm_engine_check_completion(g->loaded, &g->config.sampling, "rows"));
    if (g->fixed.count > 0)
        return ddpm_fail(DDPM_ERR_USAGE, "conditions by name: the rows have their own values; write it into them");
    if (passes >= 1 && passes <= DDPM_SAMPLER_PASSES_MAX) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE, "passes: expected 1 to %d, found %lld", DDPM_SAMPLER_PASSES_MAX,
                     (long long)passes);
}

ddpm_status ddpm_generator_complete(ddpm_generator *generator, uint64_t seed, int64_t first, int64_t passes,
                                    const ddpm_view *conditions, const ddpm_view *rows)
{
    DDPM_TRY(ddpm_generator_check(generator));
    ddpm_generator *g = generator;
    const ddpm_number own = g->loaded->checkpoint.number, given = rows ? ddpm_view_number(rows) : own;
    int finite = 1;
    DDPM_TRY(ddpm_view_check(rows, g->transform.columns, "rows"));
    DDPM_TRY(ddpm_generator_begin(g, first, rows->rows, conditions));
    DDPM_TRY(check_completion(g, passes));
    DDPM_TRY(check_guidance(g, g->view || g->source));
    const int64_t block = ddpm_engine_block(g->engine);
    const ddpm_number type = own == DDPM_NUMBER_FLOAT64 && given == DDPM_NUMBER_FLOAT64 ? given : type_of(g);
    for (int64_t done = 0; done < rows->rows; done += block) {
        const int64_t count = ddpm_smaller(rows->rows - done, block);
        ddpm_view_read(rows, done, count, g->given);
        const ddpm_known_rows known = {"rows", g->loaded->checkpoint.column_names, given, done, count, g->given};
        DDPM_TRY(ddpm_known_make(&g->transform, type, &known, g->known));
        DDPM_TRY(set_conditions(g, first, done, count));
        ddpm_engine_complete(g->engine, 0, seed, first + done, count, g->known, passes, g->x);
        finite = finite && are_finite(g, count);
        ddpm_transform_invert(&g->transform, type, count, g->x, g->numbers);
        if (g->transform.vocabulary) {
            ddpm_known_restore(g->transform.columns, &known, type, g->numbers);
            ddpm_twins_complete(g->transform.vocabulary, count, g->x, type, g->numbers);
        }
        ddpm_view_write(rows, done, count, type, g->numbers, g->given);
    }
    return finite ? DDPM_OK : refuse_diverged();
}

static ddpm_status check_times(int64_t steps, int64_t count, const int64_t *t)
{
    for (int64_t i = 0; i < count; i++)
        if (t[i] < 1 || t[i] > steps)
            return ddpm_fail(DDPM_ERR_USAGE, "t, row %lld (from 0): expected 1 to %lld, found %lld", (long long)i,
                             (long long)steps, (long long)t[i]);
    return DDPM_OK;
}

ddpm_status ddpm_generator_predict(ddpm_generator *generator, const ddpm_view *xt, const int64_t *t,
                                   const ddpm_view *conditions, const ddpm_view *out)
{
    DDPM_TRY(ddpm_generator_check(generator));
    ddpm_generator *g = generator;
    const int64_t D = g->transform.columns;
    int32_t times[DDPM_ENGINE_BLOCK];
    if (ddpm_model_is_masked(&g->loaded->model))
        return ddpm_fail(DDPM_ERR_USAGE, "the network of diffusion.process: masked reads tokens and gives their "
                                         "probabilities; complete rows in place of it");
    DDPM_TRY(ddpm_view_check(xt, D, "xt"));
    DDPM_TRY(ddpm_view_check(out, ddpm_network_outputs(ddpm_network_get_spec(g->loaded->model.network)), "out"));
    if (out->rows != xt->rows)
        return ddpm_fail(DDPM_ERR_USAGE, "out: expected the %lld rows of xt, found %lld", (long long)xt->rows,
                         (long long)out->rows);
    DDPM_TRY(ddpm_generator_check_given(t, "t"));
    DDPM_TRY(ddpm_generator_begin(g, 0, xt->rows, conditions));
    DDPM_TRY(check_times(g->loaded->checkpoint.steps, xt->rows, t));
    for (int64_t done = 0; done < xt->rows; done += DDPM_ENGINE_BLOCK) {
        const int64_t rows = ddpm_smaller(xt->rows - done, DDPM_ENGINE_BLOCK);
        for (int64_t i = 0; i < rows; i++) times[i] = (int32_t)t[done + i];
        for (int64_t i = 0; i < rows * D; i++) g->x[i] = (float)ddpm_view_get(xt, done + i / D, i % D);
        DDPM_TRY(set_conditions(g, 0, done, rows));
        const ddpm_const_matrix output = ddpm_engine_forward(g->engine, 0, done, rows, g->x, times);
        for (int64_t i = 0; i < rows; i++)
            ddpm_view_write(out, done + i, 1, DDPM_NUMBER_FLOAT32, output.data + i * output.stride, NULL);
    }
    return DDPM_OK;
}
