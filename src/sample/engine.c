/* The sampler with a model's packed weights, and with a workspace for each thread. */
#include "sample/engine.h"

#include "base/auto.h"
#include "base/memory.h"
#include "sample/unmask.h"

#include <string.h>

/* The network as one thread uses it, for the sampler's denoiser. */
typedef struct thread_memory {
    const ddpm_engine *owner;
    ddpm_workspace *workspace;
    float *scratch;     /* of the sampler */
    float *condition;   /* [block][C] */
    float *guided;      /* [block][heads x D] */
    int32_t *t;         /* [block] */
    ddpm_unmask unmask; /* of a masked model, in place of all but the condition */
} thread_memory;

struct ddpm_engine {
    const ddpm_model *model;
    double guidance;
    ddpm_guide *guide;               /* NULL: none */
    int64_t value_first, value_rows; /* 0 rows: no conditions */
    const float *values;
    const float *known;                 /* [D] of all samples of a masked model; NULL: nothing is */
    ddpm_engine_weights own;            /* empty where the weights are borrowed */
    const ddpm_engine_weights *weights; /* these, or those */
    ddpm_sampler sampler;
    ddpm_times *times; /* of the sampler's steps; NULL: of a masked model */
    int threads;
    thread_memory *memory; /* [threads] */
};

ddpm_status ddpm_engine_check(const ddpm_sampling *sampling, const ddpm_condition *condition, double dropout,
                              int conditioned)
{
    const int needs_dropout = !conditioned || sampling->guidance > 0.0;
    if (condition->count == 0 || dropout > 0.0 || !needs_dropout) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE,
                     "%s: the model was trained with diffusion.condition_dropout: 0, so that it knows no rows without "
                     "their conditions; %s, or train with diffusion.condition_dropout above 0",
                     conditioned ? "guidance" : "samples without conditions",
                     conditioned ? "sample with sampling.guidance: 0" : "give them");
}

ddpm_status ddpm_engine_check_completion(const ddpm_loaded *loaded, const ddpm_sampling *sampling, const char *what)
{
    if (loaded->config.data.pairs)
        return ddpm_fail(
            DDPM_ERR_USAGE,
            "%s: a model of data.pairs: true makes whole rows of their own noise, and cannot complete any; "
            "take the model that made the pairs",
            what);
    if (ddpm_model_is_masked(&loaded->model) || !ddpm_method_extrapolates(sampling->method)) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE,
                     "%s: sampling.method: %s extrapolates from the step before, which is not possible where the known "
                     "entries are replaced after every step; take heun or ancestral",
                     what, ddpm_config_choice("sampling.method", sampling->method));
}

/* The conditions of samples first .. first+rows-1 as input columns of the network; NULL: samples have no conditions. */
static const float *conditions(thread_memory *m, int64_t first, int64_t rows)
{
    const ddpm_engine *g = m->owner;
    const int64_t V = g->model->condition->count, C = ddpm_condition_width(g->model->condition);
    if (g->value_rows == 0) return NULL;
    if (g->value_rows > 1) {
        ddpm_condition_expand(g->model->condition, rows, g->values + (first - g->value_first) * V, NULL, m->condition);
        return m->condition;
    }
    for (int64_t i = 0; i < rows; i++)
        ddpm_condition_expand(g->model->condition, 1, g->values, NULL, m->condition + i * C);
    return m->condition;
}

static ddpm_matrix copy_output(thread_memory *m, ddpm_const_matrix output)
{
    const ddpm_matrix copy = ddpm_matrix_dense(m->guided, output.rows, output.columns);
    for (int64_t i = 0; i < copy.rows; i++)
        memcpy(copy.data + i * copy.stride, output.data + i * output.stride, (size_t)copy.columns * sizeof *copy.data);
    return copy;
}

/* Classifier-free guidance: guided = conditional + w (conditional - unconditional). For a given x_t every kind of
 * prediction is linear in the noise, so this guides the noise as the paper does. The variance head stays the
 * conditional one. */
static void extrapolate(thread_memory *m, const float *xt, ddpm_matrix guided)
{
    const ddpm_engine *g = m->owner;
    const int64_t columns = ddpm_network_get_spec(g->model->network)->columns;
    const float w = (float)g->guidance;
    const ddpm_const_matrix plain =
        ddpm_network_forward(g->model->network, g->weights->packed, m->workspace, guided.rows, xt, NULL, m->t);
    for (int64_t i = 0; i < guided.rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            float *value = &guided.data[i * guided.stride + j];
            *value += w * (*value - plain.data[i * plain.stride + j]);
        }
}

static ddpm_const_matrix predict(void *self, int64_t first, int64_t rows, const float *xt, int32_t t)
{
    thread_memory *m = self;
    const ddpm_engine *g = m->owner;
    const float *condition = conditions(m, first, rows);
    const int is_guided = condition && g->guidance != 0.0;
    for (int64_t i = 0; i < rows; i++) m->t[i] = t;
    const ddpm_const_matrix output =
        ddpm_network_forward(g->model->network, g->weights->packed, m->workspace, rows, xt, condition, m->t);
    if (!is_guided && !g->guide) return output;
    const ddpm_matrix guided = copy_output(m, output);
    if (is_guided) extrapolate(m, xt, guided);
    if (g->guide) ddpm_guide_steer(g->guide, (int)(m - g->memory), first, xt, t, guided);
    return ddpm_matrix_read(guided);
}

ddpm_status ddpm_engine_weights_make(const ddpm_loaded *loaded, ddpm_weights which, ddpm_engine_weights *out)
{
    const ddpm_model *model = &loaded->model;
    *out = (ddpm_engine_weights){0};
    const float *parameters = ddpm_loaded_weights(loaded, which);
    DDPM_TRY(ddpm_packed_make(model->network, DDPM_PACK_FORWARD, parameters, &out->packed));
    if (!ddpm_model_is_masked(model)) return DDPM_OK;
    DDPM_TRY(ddpm_lookup_create(&model->masked, model->network, &out->lookup));
    ddpm_lookup_fill(&out->lookup, &model->masked, model->network, parameters, 0, 1);
    return DDPM_OK;
}

void ddpm_engine_weights_release(ddpm_engine_weights *weights)
{
    ddpm_lookup_release(&weights->lookup);
    ddpm_packed_free(weights->packed);
    *weights = (ddpm_engine_weights){0};
}

/* What the network makes of the steps of the sampler. */
static ddpm_status create_times(ddpm_engine *g)
{
    const int64_t steps = g->sampler.step_count;
    int32_t *t = NULL;
    DDPM_TRY(DDPM_NEW(&t, steps, "steps"));
    for (int64_t i = 0; i < steps; i++) t[i] = (int32_t)g->sampler.steps[i].t;
    const ddpm_status status = ddpm_times_create(g->model->network, g->weights->packed, steps, t, &g->times);
    ddpm_release(t);
    return status;
}

static ddpm_status create_denoisers(ddpm_engine *g)
{
    const ddpm_network_spec *network = ddpm_network_get_spec(g->model->network);
    DDPM_TRY(create_times(g));
    for (int i = 0; i < g->threads; i++) {
        thread_memory *m = &g->memory[i];
        DDPM_TRY(ddpm_workspace_create(g->model->network, DDPM_ENGINE_BLOCK, DDPM_ENGINE_BLOCK, 0, &m->workspace));
        ddpm_workspace_set_times(m->workspace, g->times);
        DDPM_TRY(DDPM_NEW(&m->scratch, ddpm_sampler_scratch(&g->sampler, DDPM_ENGINE_BLOCK), "a block of samples"));
        DDPM_TRY(DDPM_NEW(&m->guided, DDPM_ENGINE_BLOCK * ddpm_network_outputs(network), "a block of samples"));
        DDPM_TRY(DDPM_NEW(&m->t, DDPM_ENGINE_BLOCK, "a block of samples"));
    }
    return DDPM_OK;
}

/* The sampler of the Gaussian process. */
static ddpm_status build_sampler(ddpm_engine *g, const ddpm_loaded *loaded, const ddpm_sampling *sampling)
{
    const ddpm_diffusion *diffusion = &loaded->model.diffusion;
    const int clip = sampling->clip == DDPM_CLIP_DATA;
    ddpm_sampler_spec spec = {
        .sampling = *sampling,
        .columns = loaded->checkpoint.columns,
        .minimum = clip ? loaded->checkpoint.minimum : NULL,
        .maximum = clip ? loaded->checkpoint.maximum : NULL,
    };
    spec.sampling.steps = ddpm_sampling_steps(sampling, diffusion->schedule.steps);
    DDPM_TRY(ddpm_sampler_create(diffusion, &spec, &g->sampler));
    return create_denoisers(g);
}

/* That of the masked process. */
static ddpm_status build_unmask(ddpm_engine *g, const ddpm_sampling *sampling)
{
    const int64_t steps = sampling->steps == DDPM_AUTO ? 0 : sampling->steps;
    for (int i = 0; i < g->threads; i++)
        DDPM_TRY(ddpm_unmask_create(g->model, g->weights->packed, &g->weights->lookup, DDPM_UNMASK_ROWS, steps,
                                    sampling->redraws, &g->memory[i].unmask));
    return DDPM_OK;
}

int64_t ddpm_engine_block(const ddpm_engine *engine)
{
    return ddpm_model_is_masked(engine->model) ? DDPM_UNMASK_ROWS : DDPM_ENGINE_BLOCK;
}

static ddpm_status build(ddpm_engine *g, const ddpm_loaded *loaded, const ddpm_sampling *sampling)
{
    g->model = &loaded->model;
    g->guidance = sampling->guidance;
    DDPM_TRY(DDPM_NEW(&g->memory, g->threads, "threads of the sampler"));
    for (int i = 0; i < g->threads; i++) {
        g->memory[i].owner = g;
        DDPM_TRY(DDPM_NEW(&g->memory[i].condition, ddpm_engine_block(g) * ddpm_condition_width(g->model->condition),
                          "a block of conditions"));
    }
    return ddpm_model_is_masked(g->model) ? build_unmask(g, sampling) : build_sampler(g, loaded, sampling);
}

ddpm_status ddpm_engine_create(const ddpm_loaded *loaded, const ddpm_sampling *sampling,
                               const ddpm_engine_weights *weights, int threads, ddpm_engine **out)
{
    ddpm_engine *g = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&g, 1, "sampler"));
    g->threads = threads;
    g->weights = weights ? weights : &g->own;
    ddpm_status status = weights ? DDPM_OK : ddpm_engine_weights_make(loaded, sampling->weights, &g->own);
    if (status == DDPM_OK) status = build(g, loaded, sampling);
    if (status != DDPM_OK) {
        ddpm_engine_close(g);
        return status;
    }
    *out = g;
    return DDPM_OK;
}

void ddpm_engine_close(ddpm_engine *engine)
{
    if (!engine) return;
    for (int i = 0; engine->memory && i < engine->threads; i++) {
        ddpm_workspace_free(engine->memory[i].workspace);
        ddpm_release(engine->memory[i].scratch);
        ddpm_release(engine->memory[i].condition);
        ddpm_release(engine->memory[i].guided);
        ddpm_release(engine->memory[i].t);
        ddpm_unmask_release(&engine->memory[i].unmask);
    }
    ddpm_release(engine->memory);
    ddpm_times_free(engine->times);
    ddpm_engine_weights_release(&engine->own);
    ddpm_sampler_release(&engine->sampler);
    ddpm_release(engine);
}

void ddpm_engine_set_conditions(ddpm_engine *engine, int64_t first, int64_t rows, const float *values)
{
    engine->value_first = first;
    engine->value_rows = rows;
    engine->values = values;
}

void ddpm_engine_set_known(ddpm_engine *engine, const float *known)
{
    engine->known = known;
}

void ddpm_engine_set_guide(ddpm_engine *engine, ddpm_guide *guide)
{
    engine->guide = guide;
}

const ddpm_sampler *ddpm_engine_sampler(const ddpm_engine *engine)
{
    return &engine->sampler;
}

int64_t ddpm_engine_steps(const ddpm_engine *engine)
{
    return ddpm_model_is_masked(engine->model) ? engine->memory[0].unmask.steps : engine->sampler.step_count;
}

int64_t ddpm_engine_redraws(const ddpm_engine *engine)
{
    return ddpm_model_is_masked(engine->model) ? engine->memory[0].unmask.redraws : 0;
}

void ddpm_engine_run(ddpm_engine *engine, int thread, uint64_t seed, int64_t first, int64_t rows, float *x,
                     int64_t snapshots, float *trajectory, int64_t stride)
{
    thread_memory *m = &engine->memory[thread];
    if (ddpm_model_is_masked(engine->model)) {
        ddpm_unmask_rows(&m->unmask, seed, first, rows, conditions(m, first, rows), engine->known, 0, x);
        return;
    }
    const ddpm_denoiser denoiser = {predict, m};
    const ddpm_denoising samples = {&denoiser, ddpm_network_kernels(engine->model->network), seed, first, rows};
    ddpm_sampler_run(&engine->sampler, &samples, m->scratch, x, (ddpm_snapshots){snapshots, trajectory, stride});
}

void ddpm_engine_complete(ddpm_engine *engine, int thread, uint64_t seed, int64_t first, int64_t rows,
                          const float *known, int64_t passes, float *x)
{
    thread_memory *m = &engine->memory[thread];
    if (ddpm_model_is_masked(engine->model)) {
        ddpm_unmask_rows(&m->unmask, seed, first, rows, conditions(m, first, rows), known, engine->model->columns, x);
        return;
    }
    const ddpm_denoiser denoiser = {predict, m};
    const ddpm_denoising samples = {&denoiser, ddpm_network_kernels(engine->model->network), seed, first, rows};
    ddpm_sampler_complete(&engine->sampler, &samples, m->scratch, known, passes, x);
}

ddpm_const_matrix ddpm_engine_forward(ddpm_engine *engine, int thread, int64_t first, int64_t rows, const float *xt,
                                      const int32_t *t)
{
    thread_memory *m = &engine->memory[thread];
    return ddpm_network_forward(engine->model->network, engine->weights->packed, m->workspace, rows, xt,
                                conditions(m, first, rows), t);
}
