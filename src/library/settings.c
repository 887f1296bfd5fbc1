/* The settings and the conditions of a generator, and what follows from them. */
#include "library/generator.h"

#include "base/memory.h"
#include "sample/condition_text.h"

#include <stdio.h>
#include <string.h>

/* ---- settings ---- */

/* The setting of a key, an assignment "key=value"; their number: there is none yet. */
static int find_setting(const ddpm_generator *g, const char *assignment)
{
    const size_t length = strcspn(assignment, "=") + 1;
    int at = 0;
    while (at < g->settings.count && strncmp(g->settings.items[at].value, assignment, length) != 0) at++;
    return at;
}

ddpm_status ddpm_generator_set(ddpm_generator *generator, const char *key, const char *value)
{
    DDPM_TRY(ddpm_generator_check(generator));
    if (!key || !value) return ddpm_fail(DDPM_ERR_USAGE, "expected a key and a value, found NULL");
    const size_t bytes = strlen(key) + strlen(value) + 2;
    ddpm_sampling_settings alone = {0};
    char *assignment = NULL;
    DDPM_TRY(DDPM_NEW(&assignment, (int64_t)bytes, "a setting"));
    snprintf(assignment, bytes, "%s=%s", key, value);
    const int at = find_setting(generator, assignment);
    ddpm_status status = ddpm_sampling_settings_add(&alone, "set", assignment);
    if (status == DDPM_OK && at == DDPM_SAMPLING_SETTINGS_MAX)
        status = ddpm_fail(DDPM_ERR_USAGE, "%s: more than %d settings", key, DDPM_SAMPLING_SETTINGS_MAX);
    if (status != DDPM_OK) {
        ddpm_release(assignment);
        return status;
    }
    if (at < generator->settings.count)
        ddpm_release((void *)(uintptr_t)generator->settings.items[at].value);
    else
        generator->settings.count++;
    generator->settings.items[at].option = "set";
    generator->settings.items[at].value = assignment;
    generator->is_stale = 1;
    return DDPM_OK;
}

/* The model's configuration with the settings over it. */
static ddpm_status configure(const ddpm_generator *g, ddpm_config *out)
{
    DDPM_TRY(ddpm_loaded_configuration(g->loaded, out));
    out->diffusion.process = g->loaded->config.diffusion.process;
    DDPM_TRY(ddpm_sampling_settings_apply(&g->settings, out));
    if (out->sampling.precision == g->loaded->config.sampling.precision) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE, "sampling.precision: expected that of the model's configuration, since all "
                                     "generators of a model share its weights, found another one; leave it out");
}

ddpm_status ddpm_generator_prepare(ddpm_generator *generator)
{
    ddpm_generator *g = generator;
    const ddpm_engine_weights *weights = NULL;
    ddpm_config config = {0};
    ddpm_engine *engine = NULL;
    if (g->engine && !g->is_stale) return DDPM_OK;
    ddpm_status status = configure(g, &config);
    if (status == DDPM_OK) status = ddpm_shared_weights(g->shared, config.sampling.weights, &weights);
    if (status == DDPM_OK) status = ddpm_engine_create(g->loaded, &config.sampling, weights, 1, &engine);
    if (status != DDPM_OK) {
        ddpm_config_release(&config);
        return status;
    }
    ddpm_engine_close(g->engine);
    ddpm_config_release(&g->config);
    g->engine = engine;
    g->config = config;
    g->is_stale = 0;
    return DDPM_OK;
}

/* ---- conditions ---- */

static int gives_columns(const ddpm_generator *g)
{
    return ddpm_model_is_masked(&g->loaded->model) && g->loaded->checkpoint.condition.count == 0;
}

static ddpm_status forget_conditions(ddpm_generator *g)
{
    memset(g->named, 0, (size_t)g->loaded->checkpoint.condition.count * sizeof *g->named);
    g->named_count = 0;
    ddpm_fixed_release(&g->fixed);
    return ddpm_fixed_create(g->transform.columns, &g->fixed);
}

ddpm_status ddpm_generator_condition(ddpm_generator *generator, const char *text)
{
    DDPM_TRY(ddpm_generator_check(generator));
    ddpm_generator *g = generator;
    int64_t index = 0;
    if (!text) return forget_conditions(g);
    if (gives_columns(g))
        return ddpm_fixed_set(g->transform.vocabulary, g->loaded->checkpoint.column_names, text, &g->fixed);
    DDPM_TRY(ddpm_condition_read(&g->loaded->checkpoint.condition, text, g->named_value, &index));
    g->named_count += !g->named[index];
    g->named[index] = 1;
    return DDPM_OK;
}

/* Where the conditions of a call are from. */
static ddpm_status choose_conditions(ddpm_generator *g, int64_t count, const ddpm_view *view)
{
    const ddpm_condition *condition = &g->loaded->checkpoint.condition;
    g->view = view;
    g->source = NULL;
    if (view && condition->count == 0)
        return ddpm_fail(DDPM_ERR_USAGE, "conditions: this model was trained without data.condition; pass none");
    if (view) DDPM_TRY(ddpm_view_check(view, condition->count, "conditions"));
    if (view && view->rows != 1 && view->rows != count)
        return ddpm_fail(DDPM_ERR_USAGE, "conditions: expected one row, or one for each of the %lld rows, found %lld",
                         (long long)count, (long long)view->rows);
    if (view || g->named_count == 0) return DDPM_OK;
    DDPM_TRY(ddpm_condition_all_given(condition, g->named));
    g->source = g->named_value;
    return DDPM_OK;
}

ddpm_status ddpm_generator_begin(ddpm_generator *generator, int64_t first, int64_t count, const ddpm_view *conditions)
{
    ddpm_generator *g = generator;
    if (first < 0 || first > DDPM_ROWS_MAX - count)
        return ddpm_fail(DDPM_ERR_USAGE, "expected rows from 0 to %lld, found %lld rows from %lld on",
                         (long long)DDPM_ROWS_MAX, (long long)count, (long long)first);
    DDPM_TRY(ddpm_generator_prepare(g));
    return choose_conditions(g, count, conditions);
}

ddpm_status ddpm_generator_block_conditions(ddpm_generator *generator, int64_t done, int64_t rows, const float **values)
{
    ddpm_generator *g = generator;
    const ddpm_condition *condition = &g->loaded->checkpoint.condition;
    const int64_t V = condition->count;
    *values = g->source || g->view ? g->values : NULL;
    for (int64_t i = 0; *values && i < rows; i++)
        for (int64_t v = 0; v < V; v++) {
            const int64_t row = g->view && g->view->rows > 1 ? done + i : 0;
            float *to = &g->values[i * V + v];
            if (!g->view)
                *to = g->source[v];
            else if (ddpm_condition_standardise(condition, v, (long double)ddpm_view_get(g->view, row, v), to) !=
                     DDPM_OK)
                return ddpm_fail(DDPM_ERR_DATA, "conditions, row %lld (from 0): %s", (long long)row,
                                 ddpm_error_message());
        }
    return DDPM_OK;
}
