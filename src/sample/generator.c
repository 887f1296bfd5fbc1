/* The sampler with a model's packed weights, and with a workspace for each thread. */
#include "sample/generator.h"

#include "base/auto.h"
#include "base/memory.h"
#include "base/split.h"
#include "sample/unmask.h"

#include <pthread.h>
#include <string.h>

/* The network as one thread uses it, for the sampler's denoiser. */
typedef struct thread_memory {
    const ddpm_generator *owner;
    ddpm_workspace *workspace;
    float *scratch;     /* of the sampler */
    float *condition;   /* [block][C] */
    float *guided;      /* [block][heads x D] */
    int32_t *t;         /* [block] */
    ddpm_unmask unmask; /* of a masked model, in place of all but the condition */
} thread_memory;

struct ddpm_generator {
    ddpm_loaded *owned; /* by a generator of ddpm_generator_open; NULL: the model is borrowed */
    const ddpm_model *model;
    ddpm_transform transform;
    double guidance;
    ddpm_guide *guide;  /* NULL: none */
    int64_t value_rows; /* 0: no conditions */
    const float *values;
    const float *known; /* [D] of all samples of a masked model; NULL: nothing is */
    ddpm_packed *packed;
    ddpm_lookup lookup; /* of a masked model */
    ddpm_sampler sampler;
    int threads;
    thread_memory *memory; /* [threads] */
};

ddpm_status ddpm_generator_check(const ddpm_sampling *sampling, const ddpm_condition *condition, double dropout,
                                 int conditioned)
{
    const int needs_dropout = !conditioned || sampling->guidance > 0.0;
    if (condition->count == 0 || dropout > 0.0 || !needs_dropout) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE,
                     "%s: the model was trained with diffusion.condition_dropout: 0, so that it knows no rows without "
                     "their conditions; %s, or train with diffusion.condition_dropout above 0",
                     conditioned ? "guidance" : "samples without conditions",
                     conditioned ? "sample with --guidance 0" : "name them (ddpm sample --condition, --conditions)");
}

/* The conditions of samples first .. first+rows-1 as input columns of the network; NULL: samples have no conditions. */
static const float *conditions(thread_memory *m, int64_t first, int64_t rows)
{
    const ddpm_generator *g = m->owner;
    const int64_t V = g->model->condition->count, C = ddpm_condition_width(g->model->condition);
    if (g->value_rows == 0) return NULL;
    if (g->value_rows > 1) {
        ddpm_condition_expand(g->model->condition, rows, g->values + first * V, NULL, m->condition);
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
    const ddpm_generator *g = m->owner;
    const int64_t columns = ddpm_network_get_spec(g->model->network)->columns;
    const float w = (float)g->guidance;
    const ddpm_const_matrix plain =
        ddpm_network_forward(g->model->network, g->packed, m->workspace, guided.rows, xt, NULL, m->t);
    for (int64_t i = 0; i < guided.rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            float *value = &guided.data[i * guided.stride + j];
            *value += w * (*value - plain.data[i * plain.stride + j]);
        }
}

static ddpm_const_matrix predict(void *self, int64_t first, int64_t rows, const float *xt, int32_t t)
{
    thread_memory *m = self;
    const ddpm_generator *g = m->owner;
    const float *condition = conditions(m, first, rows);
    const int is_guided = condition && g->guidance != 0.0;
    for (int64_t i = 0; i < rows; i++) m->t[i] = t;
    const ddpm_const_matrix output =
        ddpm_network_forward(g->model->network, g->packed, m->workspace, rows, xt, condition, m->t);
    if (!is_guided && !g->guide) return output;
    const ddpm_matrix guided = copy_output(m, output);
    if (is_guided) extrapolate(m, xt, guided);
    if (g->guide) ddpm_guide_steer(g->guide, (int)(m - g->memory), first, xt, t, guided);
    return ddpm_matrix_read(guided);
}

static ddpm_status create_denoisers(ddpm_generator *g)
{
    const ddpm_network_spec *network = ddpm_network_get_spec(g->model->network);
    for (int i = 0; i < g->threads; i++) {
        thread_memory *m = &g->memory[i];
        DDPM_TRY(
            ddpm_workspace_create(g->model->network, DDPM_GENERATOR_BLOCK, DDPM_GENERATOR_BLOCK, 0, &m->workspace));
        DDPM_TRY(DDPM_NEW(&m->scratch, ddpm_sampler_scratch(&g->sampler, DDPM_GENERATOR_BLOCK), "a block of samples"));
        DDPM_TRY(DDPM_NEW(&m->guided, DDPM_GENERATOR_BLOCK * ddpm_network_outputs(network), "a block of samples"));
        DDPM_TRY(DDPM_NEW(&m->t, DDPM_GENERATOR_BLOCK, "a block of samples"));
    }
    return DDPM_OK;
}

/* The sampler of the Gaussian process. */
static ddpm_status build_sampler(ddpm_generator *g, const ddpm_loaded *loaded, const ddpm_sampling *sampling)
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
static ddpm_status build_unmask(ddpm_generator *g, const float *parameters, const ddpm_sampling *sampling)
{
    const int64_t steps = sampling->steps == DDPM_AUTO ? 0 : sampling->steps;
    DDPM_TRY(ddpm_lookup_create(&g->model->masked, g->model->network, &g->lookup));
    ddpm_lookup_fill(&g->lookup, &g->model->masked, g->model->network, parameters, 0, 1);
    for (int i = 0; i < g->threads; i++)
        DDPM_TRY(ddpm_unmask_create(g->model, g->packed, &g->lookup, DDPM_UNMASK_ROWS, steps, &g->memory[i].unmask));
    return DDPM_OK;
}

int64_t ddpm_generator_block(const ddpm_generator *generator)
{
    return ddpm_model_is_masked(generator->model) ? DDPM_UNMASK_ROWS : DDPM_GENERATOR_BLOCK;
}

static ddpm_status build(ddpm_generator *g, const ddpm_loaded *loaded, const ddpm_sampling *sampling)
{
    g->model = &loaded->model;
    g->transform = ddpm_loaded_transform(loaded);
    g->guidance = sampling->guidance;
    const float *parameters = ddpm_loaded_weights(loaded, sampling->weights);
    DDPM_TRY(ddpm_packed_make(g->model->network, DDPM_PACK_FORWARD, parameters, &g->packed));
    DDPM_TRY(DDPM_NEW(&g->memory, g->threads, "threads of the sampler"));
    for (int i = 0; i < g->threads; i++) {
        g->memory[i].owner = g;
        DDPM_TRY(DDPM_NEW(&g->memory[i].condition, ddpm_generator_block(g) * ddpm_condition_width(g->model->condition),
                          "a block of conditions"));
    }
    return ddpm_model_is_masked(g->model) ? build_unmask(g, parameters, sampling) : build_sampler(g, loaded, sampling);
}

ddpm_status ddpm_generator_create(const ddpm_loaded *loaded, const ddpm_sampling *sampling, int threads,
                                  ddpm_generator **out)
{
    ddpm_generator *g = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&g, 1, "sampler"));
    g->threads = threads;
    const ddpm_status status = build(g, loaded, sampling);
    if (status != DDPM_OK) {
        ddpm_generator_close(g);
        return status;
    }
    *out = g;
    return DDPM_OK;
}

void ddpm_generator_close(ddpm_generator *generator)
{
    if (!generator) return;
    for (int i = 0; generator->memory && i < generator->threads; i++) {
        ddpm_workspace_free(generator->memory[i].workspace);
        ddpm_release(generator->memory[i].scratch);
        ddpm_release(generator->memory[i].condition);
        ddpm_release(generator->memory[i].guided);
        ddpm_release(generator->memory[i].t);
        ddpm_unmask_release(&generator->memory[i].unmask);
    }
    ddpm_release(generator->memory);
    ddpm_lookup_release(&generator->lookup);
    ddpm_packed_free(generator->packed);
    ddpm_sampler_release(&generator->sampler);
    if (generator->owned) ddpm_loaded_release(generator->owned);
    ddpm_release(generator->owned);
    ddpm_release(generator);
}

void ddpm_generator_set_conditions(ddpm_generator *generator, int64_t rows, const float *values)
{
    generator->value_rows = rows;
    generator->values = values;
}

void ddpm_generator_set_known(ddpm_generator *generator, const float *known)
{
    generator->known = known;
}

void ddpm_generator_set_guide(ddpm_generator *generator, ddpm_guide *guide)
{
    generator->guide = guide;
}

const ddpm_sampler *ddpm_generator_sampler(const ddpm_generator *generator)
{
    return &generator->sampler;
}

int64_t ddpm_generator_steps(const ddpm_generator *generator)
{
    return ddpm_model_is_masked(generator->model) ? generator->memory[0].unmask.steps : generator->sampler.step_count;
}

void ddpm_generator_run(ddpm_generator *generator, int thread, uint64_t seed, int64_t first, int64_t rows, float *x,
                        int64_t snapshots, float *trajectory, int64_t stride)
{
    thread_memory *m = &generator->memory[thread];
    if (ddpm_model_is_masked(generator->model)) {
        ddpm_unmask_rows(&m->unmask, seed, first, rows, conditions(m, first, rows), generator->known, 0, x);
        return;
    }
    const ddpm_denoiser denoiser = {predict, m};
    const ddpm_denoising samples = {&denoiser, ddpm_network_kernels(generator->model->network), seed, first, rows};
    ddpm_sampler_run(&generator->sampler, &samples, m->scratch, x, (ddpm_snapshots){snapshots, trajectory, stride});
}

void ddpm_generator_complete(ddpm_generator *generator, int thread, uint64_t seed, int64_t first, int64_t rows,
                             const float *known, int64_t passes, float *x)
{
    thread_memory *m = &generator->memory[thread];
    if (ddpm_model_is_masked(generator->model)) {
        ddpm_unmask_rows(&m->unmask, seed, first, rows, conditions(m, first, rows), known, generator->model->columns,
                         x);
        return;
    }
    const ddpm_denoiser denoiser = {predict, m};
    const ddpm_denoising samples = {&denoiser, ddpm_network_kernels(generator->model->network), seed, first, rows};
    ddpm_sampler_complete(&generator->sampler, &samples, m->scratch, known, passes, x);
}

/* ---- what libddpm exports ---- */

/* A generator for one thread of a model that is loaded already. */
static ddpm_status open_loaded(const ddpm_loaded *loaded, const char *checkpoint, const ddpm_generator_options *options,
                               ddpm_generator **out)
{
    ddpm_sampling sampling = loaded->config.sampling;
    if (options && options->steps > 0) sampling.steps = options->steps;
    if (options && options->raw_weights) sampling.weights = DDPM_WEIGHTS_RAW;
    if (options && options->clip) sampling.clip = DDPM_CLIP_DATA;
    DDPM_TRY(ddpm_loaded_check_denoiser(loaded, checkpoint));
    DDPM_TRY(ddpm_generator_check(&sampling, loaded->model.condition, loaded->config.diffusion.condition_dropout, 0));
    return ddpm_generator_create(loaded, &sampling, 1, out);
}

/* Debian's HDF5 is not built for threads, so that a process reads one checkpoint at a time. */
static ddpm_status load_alone(const char *checkpoint, ddpm_loaded *out)
{
    static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;
    if (pthread_mutex_lock(&reading) != 0) return ddpm_fail(DDPM_ERR_INTERNAL, "a lock could not be taken");
    const ddpm_status status = ddpm_load(checkpoint, 0, out);
    (void)pthread_mutex_unlock(&reading);
    return status;
}

ddpm_status ddpm_generator_open(const char *checkpoint, const ddpm_generator_options *options, ddpm_generator **out)
{
    ddpm_loaded *loaded = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&loaded, 1, "generator"));
    ddpm_status status = load_alone(checkpoint, loaded);
    if (status == DDPM_OK) status = open_loaded(loaded, checkpoint, options, out);
    if (status == DDPM_OK) {
        (*out)->owned = loaded;
        return DDPM_OK;
    }
    ddpm_loaded_release(loaded);
    ddpm_release(loaded);
    return status;
}

int64_t ddpm_generator_columns(const ddpm_generator *generator)
{
    return generator->transform.columns;
}

void ddpm_generator_sample(ddpm_generator *generator, uint64_t seed, int64_t first, int64_t count, float *out)
{
    const int64_t columns = ddpm_generator_columns(generator), block = ddpm_generator_block(generator);
    for (int64_t done = 0; done < count; done += block) {
        const int64_t rows = ddpm_smaller(count - done, block);
        ddpm_generator_run(generator, 0, seed, first + done, rows, out + done * columns, 0, NULL, 0);
        ddpm_transform_invert(&generator->transform, DDPM_NUMBER_FLOAT32, rows, out + done * columns,
                              out + done * columns);
    }
}
