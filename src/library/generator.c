/* Opens generators, lets them share a model, and closes them. */
#include "library/generator.h"

#include "base/memory.h"
#include "sample/unmask.h"

static ddpm_status allocate(ddpm_generator *g)
{
    const int64_t block = ddpm_model_is_masked(&g->loaded->model) ? DDPM_UNMASK_ROWS : DDPM_ENGINE_BLOCK;
    const int64_t D = g->transform.columns, V = g->loaded->checkpoint.condition.count;
    DDPM_TRY(DDPM_NEW(&g->named, V, "conditions"));
    DDPM_TRY(DDPM_NEW(&g->named_value, V, "conditions"));
    DDPM_TRY(DDPM_NEW(&g->values, block * V, "a block of conditions"));
    DDPM_TRY(DDPM_NEW(&g->x, block * D, "a block of samples"));
    DDPM_TRY(DDPM_NEW(&g->known, block * D, "a block of samples"));
    DDPM_TRY(ddpm_allocate(&g->numbers, block * D, sizeof(double), "a block of samples"));
    DDPM_TRY(ddpm_allocate(&g->given, block * D, sizeof(double), "a block of samples"));
    DDPM_TRY(DDPM_NEW(&g->left_out, D, "constant columns"));
    g->counted = ddpm_density_columns(&g->transform, g->left_out);
    return ddpm_fixed_create(D, &g->fixed);
}

/* A generator of a model, of which it becomes a user. */
static ddpm_status create(ddpm_shared *shared, ddpm_generator **out)
{
    ddpm_generator *g = NULL;
    ddpm_status status = DDPM_NEW(&g, 1, "a generator");
    *out = NULL;
    if (status != DDPM_OK) {
        ddpm_shared_drop(shared);
        return status;
    }
    g->shared = shared;
    g->loaded = ddpm_shared_loaded(shared);
    g->transform = ddpm_loaded_transform(g->loaded);
    status = allocate(g);
    if (status == DDPM_OK)
        *out = g;
    else
        ddpm_generator_close(g);
    return status;
}

ddpm_status ddpm_generator_open(const char *checkpoint, ddpm_generator **out)
{
    ddpm_shared *shared;
    DDPM_TRY(ddpm_generator_check_given(out, "out"));
    *out = NULL;
    if (!checkpoint || !checkpoint[0])
        return ddpm_fail(DDPM_ERR_USAGE, "expected the path of a checkpoint or of a run folder, found %s",
                         checkpoint ? "an empty text" : "NULL");
    DDPM_TRY(ddpm_shared_open(checkpoint, &shared));
    return create(shared, out);
}

ddpm_status ddpm_generator_open_bytes(const void *bytes, size_t count, ddpm_generator **out)
{
    ddpm_shared *shared;
    DDPM_TRY(ddpm_generator_check_given(out, "out"));
    *out = NULL;
    if (!bytes) return ddpm_fail(DDPM_ERR_USAGE, "expected the bytes of a checkpoint, found NULL");
    DDPM_TRY(ddpm_shared_open_bytes(bytes, count, &shared));
    return create(shared, out);
}

ddpm_status ddpm_generator_take(ddpm_checkpoint *checkpoint, ddpm_generator **out)
{
    ddpm_shared *shared;
    *out = NULL;
    DDPM_TRY(ddpm_shared_take(checkpoint, &shared));
    return create(shared, out);
}

ddpm_status ddpm_generator_share(const ddpm_generator *generator, ddpm_generator **out)
{
    DDPM_TRY(ddpm_generator_check_given(out, "out"));
    *out = NULL;
    DDPM_TRY(ddpm_generator_check(generator));
    return create(ddpm_shared_keep(generator->shared), out);
}

void ddpm_generator_close(ddpm_generator *generator)
{
    ddpm_generator *g = generator;
    if (!g) return;
    ddpm_generator_release_densities(g);
    ddpm_engine_close(g->engine);
    ddpm_config_release(&g->config);
    for (int i = 0; i < g->settings.count; i++) ddpm_release((void *)(uintptr_t)g->settings.items[i].value);
    ddpm_release(g->named);
    ddpm_release(g->named_value);
    ddpm_fixed_release(&g->fixed);
    ddpm_release(g->x);
    ddpm_release(g->known);
    ddpm_release(g->values);
    ddpm_release(g->numbers);
    ddpm_release(g->given);
    ddpm_release(g->left_out);
    ddpm_shared_drop(g->shared);
    ddpm_release(g);
}
