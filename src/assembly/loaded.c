/* Reading a checkpoint, on one rank or for all. */
#include "assembly/loaded.h"

#include "base/memory.h"
#include "file/file.h"

#include <string.h>

/* The model that a header describes. */
static ddpm_status build_model(ddpm_loaded *out)
{
    const ddpm_checkpoint *c = &out->checkpoint;
    DDPM_TRY(ddpm_config_defaults(&out->config));
    DDPM_TRY(ddpm_config_parse_saved(&out->config, c->config, strlen(c->config), "the checkpoint's configuration"));
    DDPM_TRY(ddpm_config_check(&out->config));
    if (out->config.diffusion.steps != c->steps)
        return ddpm_fail(DDPM_ERR_DATA,
                         "the checkpoint's schedule has %lld steps, its configuration %lld; the file was altered",
                         (long long)c->steps, (long long)out->config.diffusion.steps);
    return ddpm_model_create_with_beta(&out->config, c->columns, &c->condition, c->steps, c->beta, &out->model);
}

static ddpm_status read_arrays(const char *file, int with_moments, ddpm_loaded *out)
{
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(out->model.network, &tensors);
    return ddpm_checkpoint_read_arrays(file, &out->checkpoint, count, tensors,
                                       ddpm_network_parameter_count(out->model.network), with_moments);
}

static ddpm_status load(const char *path, int with_moments, ddpm_loaded *out)
{
    char file[DDPM_PATH_BYTES];
    DDPM_TRY(ddpm_checkpoint_locate(path, file, sizeof file));
    DDPM_TRY(ddpm_checkpoint_read_header(file, &out->checkpoint));
    DDPM_TRY(build_model(out));
    return read_arrays(file, with_moments, out);
}

ddpm_status ddpm_load(const char *path, int with_moments, ddpm_loaded *out)
{
    *out = (ddpm_loaded){0};
    const ddpm_status status = load(path, with_moments, out);
    if (status != DDPM_OK) ddpm_loaded_release(out);
    return status;
}

/* ---- sharing: sizes, then the arrays, in one order on all ranks ---- */

typedef struct sizes {
    ddpm_interval interval;
    int64_t iteration, recoveries, columns, steps, exponents, has_history, parameters, config_bytes, name_bytes,
        conditions, condition_bytes;
} sizes;

static sizes sizes_of(const ddpm_checkpoint *c)
{
    sizes s = {.interval = c->interval,
               .iteration = c->iteration,
               .recoveries = c->recoveries,
               .columns = c->columns,
               .steps = c->steps,
               .exponents = c->exponent_count,
               .has_history = c->history != NULL,
               .parameters = c->parameter_count,
               .config_bytes = (int64_t)strlen(c->config) + 1};
    s.conditions = c->condition.count;
    for (int64_t v = 0; v < c->condition.count; v++) s.condition_bytes += (int64_t)strlen(c->condition.names[v]) + 1;
    for (int64_t j = 0; c->column_names && j < c->columns; j++) s.name_bytes += (int64_t)strlen(c->column_names[j]) + 1;
    return s;
}

/* On ranks other than 0: room for everything. Names come as one run of texts behind the pointers. */
static ddpm_status allocate(const sizes *s, int with_moments, ddpm_checkpoint *c)
{
    c->interval = s->interval;
    c->iteration = s->iteration;
    c->recoveries = s->recoveries;
    c->columns = s->columns;
    c->steps = s->steps;
    c->exponent_count = s->exponents;
    c->parameter_count = s->parameters;
    DDPM_TRY(DDPM_NEW(&c->config, s->config_bytes, "configuration"));
    DDPM_TRY(DDPM_NEW(&c->mean, s->columns, "column means"));
    DDPM_TRY(DDPM_NEW(&c->scale, s->columns, "column scales"));
    DDPM_TRY(DDPM_NEW(&c->minimum, s->columns, "column ranges"));
    DDPM_TRY(DDPM_NEW(&c->maximum, s->columns, "column ranges"));
    DDPM_TRY(DDPM_NEW(&c->beta, s->steps + 1, "schedule"));
    DDPM_TRY(DDPM_NEW(&c->exponent, s->exponents, "scales"));
    if (s->name_bytes > 0)
        DDPM_TRY(
            ddpm_allocate(&c->column_names, s->columns * (int64_t)sizeof(char *) + s->name_bytes, 1, "column names"));
    if (s->has_history) {
        DDPM_TRY(DDPM_NEW(&c->history, s->steps * DDPM_TIMESTEPS_HISTORY, "history of losses"));
        DDPM_TRY(DDPM_NEW(&c->seen, s->steps, "history of losses"));
    }
    DDPM_TRY(ddpm_condition_allocate(s->conditions, s->condition_bytes, &c->condition));
    DDPM_TRY(DDPM_NEW(&c->parameters, s->parameters, "parameters"));
    DDPM_TRY(DDPM_NEW(&c->ema, s->parameters, "parameters"));
    if (!with_moments) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&c->moment1, s->parameters, "moments"));
    return DDPM_NEW(&c->moment2, s->parameters, "moments");
}

/* Collective. Rank 0's texts, packed into one run of bytes; the other ranks' pointers [count] have room for it behind
 * them. */
static ddpm_status share_texts(ddpm_comm *comm, int64_t count, int64_t bytes, char **texts)
{
    const int gives = ddpm_comm_rank(comm) == 0;
    char *packed = NULL;
    if (bytes == 0) return DDPM_OK;
    const ddpm_status status = ddpm_agree(comm, DDPM_NEW(&packed, bytes, "names"));
    if (status != DDPM_OK) {
        ddpm_release(packed); /* another rank may be the one that failed */
        return status;
    }
    char *next = packed;
    for (int64_t i = 0; gives && i < count; i++) next = stpcpy(next, texts[i]) + 1;
    ddpm_comm_broadcast(comm, packed, (size_t)bytes);
    if (!gives) {
        next = (char *)(texts + count);
        memcpy(next, packed, (size_t)bytes);
        for (int64_t i = 0; i < count; i++, next += strlen(next) + 1) texts[i] = next;
    }
    ddpm_release(packed);
    return DDPM_OK;
}

/* Collective. */
static ddpm_status share(ddpm_comm *comm, int with_moments, ddpm_checkpoint *c)
{
    sizes s = {0};
    if (ddpm_comm_rank(comm) == 0) s = sizes_of(c);
    ddpm_comm_broadcast(comm, &s, sizeof s);
    DDPM_TRY(ddpm_agree(comm, ddpm_comm_rank(comm) == 0 ? DDPM_OK : allocate(&s, with_moments, c)));
    const size_t columns = (size_t)s.columns * sizeof(double), parameters = (size_t)s.parameters * sizeof(float);
    ddpm_comm_broadcast(comm, c->config, (size_t)s.config_bytes);
    ddpm_comm_broadcast(comm, c->mean, columns);
    ddpm_comm_broadcast(comm, c->scale, columns);
    ddpm_comm_broadcast(comm, c->minimum, columns);
    ddpm_comm_broadcast(comm, c->maximum, columns);
    ddpm_comm_broadcast(comm, c->beta, (size_t)(s.steps + 1) * sizeof(double));
    ddpm_comm_broadcast(comm, c->exponent, (size_t)s.exponents * sizeof *c->exponent);
    if (s.has_history) {
        ddpm_comm_broadcast(comm, c->history, (size_t)s.steps * DDPM_TIMESTEPS_HISTORY * sizeof *c->history);
        ddpm_comm_broadcast(comm, c->seen, (size_t)s.steps * sizeof *c->seen);
    }
    ddpm_comm_broadcast(comm, c->parameters, parameters);
    ddpm_comm_broadcast(comm, c->ema, parameters);
    if (with_moments) {
        ddpm_comm_broadcast(comm, c->moment1, parameters);
        ddpm_comm_broadcast(comm, c->moment2, parameters);
    }
    if (s.conditions > 0) {
        const size_t reals = (size_t)s.conditions * sizeof(double);
        ddpm_comm_broadcast(comm, c->condition.classes, (size_t)s.conditions * sizeof *c->condition.classes);
        ddpm_comm_broadcast(comm, c->condition.mean, reals);
        ddpm_comm_broadcast(comm, c->condition.scale, reals);
        DDPM_TRY(share_texts(comm, s.conditions, s.condition_bytes, c->condition.names));
    }
    return share_texts(comm, s.columns, s.name_bytes, c->column_names);
}

ddpm_status ddpm_load_shared(ddpm_comm *comm, const char *path, int with_moments, ddpm_loaded *out)
{
    const int reads = ddpm_comm_rank(comm) == 0;
    *out = (ddpm_loaded){0};
    ddpm_status status = ddpm_agree(comm, reads ? load(path, with_moments, out) : DDPM_OK);
    if (status == DDPM_OK) status = share(comm, with_moments, &out->checkpoint);
    if (status == DDPM_OK) status = ddpm_agree(comm, reads ? DDPM_OK : build_model(out));
    if (status != DDPM_OK) ddpm_loaded_release(out);
    return status;
}

void ddpm_loaded_release(ddpm_loaded *loaded)
{
    ddpm_checkpoint_release(&loaded->checkpoint);
    ddpm_model_release(&loaded->model);
    ddpm_config_release(&loaded->config);
}

ddpm_status ddpm_loaded_check_denoiser(const ddpm_loaded *loaded, const char *path)
{
    if (!ddpm_model_is_classifier(&loaded->model)) return DDPM_OK;
    return ddpm_fail(
        DDPM_ERR_USAGE,
        "%s: is a classifier (diffusion.predict: class), which makes no rows; name a model of the same data "
        "that does, and this one with 'ddpm sample ... --classifier'",
        path);
}

ddpm_transform ddpm_loaded_transform(const ddpm_loaded *loaded)
{
    const ddpm_checkpoint *c = &loaded->checkpoint;
    return (ddpm_transform){
        .columns = c->columns, .mean = c->mean, .scale = c->scale, .minimum = c->minimum, .maximum = c->maximum};
}

const float *ddpm_loaded_weights(const ddpm_loaded *loaded, ddpm_weights which)
{
    return which == DDPM_WEIGHTS_EMA ? loaded->checkpoint.ema : loaded->checkpoint.parameters;
}
