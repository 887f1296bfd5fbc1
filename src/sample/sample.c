/* Sampling from checkpoint to file: read the model, apply the settings, make the rows on all ranks. */
#include "sample/sample.h"

#include "assembly/audit.h"
#include "assembly/load.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "sample/conditions.h"
#include "sample/engine.h"
#include "sample/fixed.h"
#include "sample/given.h"
#include "sample/sampling_file.h"
#include "store/rows_file.h"
#include "world/placement.h"
#include "world/progress.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

typedef struct sampling_run {
    const ddpm_loaded *loaded;
    ddpm_transform transform;
    ddpm_number number; /* the type of the samples */
    const ddpm_sample_options *options;
    ddpm_sampling sampling; /* as configured, with the settings of the command line over it */
    ddpm_engine *engine;
    ddpm_sample_conditions conditions;
    ddpm_fixed fixed;              /* columns that all samples of a masked model share; no columns: none */
    ddpm_given *given;             /* NULL: none */
    const ddpm_loaded *classifier; /* NULL: none */
    ddpm_guide *guide;             /* NULL: none */
    float *classes;                /* [conditions.rows] that the classifier steers to */
} sampling_run;

static void make_samples(void *context, int thread, int64_t first, int64_t count, float *x, float *trajectory,
                         int64_t stride)
{
    const sampling_run *run = context;
    ddpm_engine_run(run->engine, thread, run->options->seed, first, count, x, run->options->snapshots, trajectory,
                    stride);
}

static void restore_fixed(void *context, int64_t first, int64_t count, ddpm_number type, void *numbers)
{
    const sampling_run *run = context;
    (void)first;
    ddpm_fixed_restore(&run->fixed, count, type, numbers);
}

/* ---- completions of the rows of --given ---- */

static ddpm_status read_given(void *context, int64_t first, int64_t count)
{
    const sampling_run *run = context;
    return ddpm_given_read(run->given, first, count);
}

static void make_completions(void *context, int thread, int64_t first, int64_t count, float *x, float *draws,
                             int64_t stride)
{
    const sampling_run *run = context;
    const ddpm_sample_options *o = run->options;
    const size_t bytes = (size_t)(count * run->loaded->checkpoint.columns) * sizeof *x;
    for (int64_t d = 0; d < o->draws; d++) {
        ddpm_engine_complete(run->engine, thread, o->seed + (uint64_t)d * DDPM_SEED_STRIDE, first, count,
                             ddpm_given_known(run->given, first), o->passes, x);
        if (o->draws > 1) memcpy(draws + d * stride, x, bytes);
    }
}

static void restore_given(void *context, int64_t first, int64_t count, ddpm_number type, void *numbers)
{
    const sampling_run *run = context;
    ddpm_given_restore(run->given, first, count, type, numbers);
}

/* Local. The file of --given also says how many rows are made. */
static ddpm_status open_given(sampling_run *run, ddpm_sample_options *o)
{
    if (!o->given) return DDPM_OK;
    DDPM_TRY(ddpm_engine_check_completion(run->loaded, &run->sampling, "--given"));
    DDPM_TRY(ddpm_given_open(o->given, run->loaded->checkpoint.column_names, &run->transform,
                             run->loaded->checkpoint.number, &run->number, &run->given));
    o->count = ddpm_given_rows(run->given);
    return DDPM_OK;
}

/* ---- conditions and the classifier ---- */

/* The index of the classifier's class among the conditions of the samples. */
static ddpm_status find_class(const ddpm_condition *conditions, const ddpm_condition *learned, int64_t *out)
{
    for (*out = 0; *out < conditions->count; (*out)++)
        if (strcmp(conditions->names[*out], learned->names[0]) == 0 &&
            ddpm_condition_same_classes(conditions, *out, learned, 0))
            return DDPM_OK;
    return ddpm_fail(
        DDPM_ERR_USAGE,
        "--classifier: it tells %lld classes of '%s' apart, which is none of the model's conditions; take a classifier "
        "of one of them, or a model without conditions",
        (long long)learned->classes[0], learned->names[0]);
}

/* Let the classifier steer. Samples of a model without conditions have one condition, the classifier's class. */
static ddpm_status build_guide(sampling_run *run, ddpm_sample_options *o)
{
    const ddpm_condition *own = &run->loaded->checkpoint.condition, *learned = &run->classifier->checkpoint.condition;
    const ddpm_condition *conditions = own->count > 0 ? own : learned;
    int64_t place;
    DDPM_TRY(ddpm_guide_check(run->loaded, run->classifier, o->classifier));
    DDPM_TRY(find_class(conditions, learned, &place));
    DDPM_TRY(ddpm_conditions_read(conditions, o, &run->conditions));
    DDPM_TRY(DDPM_NEW(&run->classes, run->conditions.rows, "classes of samples"));
    for (int64_t i = 0; i < run->conditions.rows; i++)
        run->classes[i] = run->conditions.values[i * conditions->count + place];
    DDPM_TRY(ddpm_guide_create(run->loaded, run->classifier, run->sampling.weights, o->scale, omp_get_max_threads(),
                               DDPM_ENGINE_BLOCK, &run->guide));
    ddpm_guide_set_classes(run->guide, run->conditions.rows, run->classes);
    ddpm_engine_set_guide(run->engine, run->guide);
    return DDPM_OK;
}

/* Guidance that was asked for on the command line leads nowhere without a condition; that of the configuration is for
 * samples that have one. */
static ddpm_status check_guidance(const sampling_run *run)
{
    const int is_asked = ddpm_sampling_is_given(&run->loaded->config, "sampling.guidance");
    if (!is_asked || run->sampling.guidance == 0.0 || run->conditions.rows > 0) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE,
                     "--guidance: %g has no effect, since it needs --condition or --conditions; give one, or leave "
                     "--guidance out",
                     run->sampling.guidance);
}

/* Local. Give the engine the conditions of the samples, and the classifier where there is one. */
static ddpm_status set_conditions(sampling_run *run, ddpm_sample_options *o)
{
    const ddpm_condition *own = &run->loaded->checkpoint.condition;
    DDPM_TRY(run->classifier ? build_guide(run, o) : ddpm_conditions_read(own, o, &run->conditions));
    DDPM_TRY(ddpm_engine_check(&run->sampling, own, run->loaded->config.diffusion.condition_dropout,
                               run->conditions.rows > 0));
    DDPM_TRY(check_guidance(run));
    if (own->count > 0) ddpm_engine_set_conditions(run->engine, 0, run->conditions.rows, run->conditions.values);
    return DDPM_OK;
}

/* ---- the file ---- */

/* Where each sample has conditions of its own: a dataset of each condition, in its own units. */
static ddpm_status put_conditions(const sampling_run *run, ddpm_h5 *file)
{
    const ddpm_condition *c = &run->loaded->checkpoint.condition;
    const int64_t rows = run->conditions.rows;
    void *numbers = NULL;
    if (c->count == 0 || rows < 2) return DDPM_OK;
    ddpm_status status = ddpm_allocate(&numbers, rows, sizeof(int64_t), "conditions of samples");
    for (int64_t v = 0; status == DDPM_OK && v < c->count; v++) {
        const ddpm_number type = c->classes[v] > 0 ? DDPM_NUMBER_INT64 : DDPM_NUMBER_FLOAT64;
        for (int64_t i = 0; i < rows; i++)
            ddpm_number_set(type, ddpm_condition_original(c, v, run->conditions.values[i * c->count + v]), numbers, i);
        status = ddpm_h5_write(file, c->names[v], type, 1, &rows, numbers);
    }
    ddpm_release(numbers);
    return status;
}

static ddpm_status describe(ddpm_h5 *file, const void *context)
{
    const sampling_run *run = context;
    const ddpm_sample_options *o = run->options;
    DDPM_TRY(ddpm_h5_put_text(file, "/", "program", "ddpm " DDPM_VERSION));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "kind", "samples"));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "checkpoint", o->checkpoint));
    DDPM_TRY(ddpm_h5_put_int(file, "/", "iteration", run->loaded->checkpoint.iteration));
    DDPM_TRY(ddpm_sampling_put(&run->sampling, file, "/"));
    if (o->classifier) {
        DDPM_TRY(ddpm_h5_put_text(file, "/", "classifier", o->classifier));
        DDPM_TRY(ddpm_h5_put_real(file, "/", "scale", o->scale));
    }
    DDPM_TRY(put_conditions(run, file));
    if (o->given) {
        DDPM_TRY(ddpm_h5_put_text(file, "/", "given", o->given));
        DDPM_TRY(ddpm_h5_put_int(file, "/", "draws", o->draws));
        DDPM_TRY(ddpm_h5_put_int(file, "/", "resample", o->passes));
    }
    char seed[24]; /* as text, since an integer attribute is signed and a seed has all 64 bits */
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->seed);
    return ddpm_h5_put_text(file, "/", "seed", seed);
}

/* Collective. */
static ddpm_status write(ddpm_comm *comm, sampling_run *run, const int32_t *snapshot_step)
{
    const ddpm_sample_options *o = run->options;
    const ddpm_number own = run->loaded->checkpoint.number;
    const ddpm_rows_file_spec spec = {
        .path = o->output,
        .rows = o->count,
        .columns = run->loaded->checkpoint.columns,
        .with_samples = o->draws <= 1,
        .layers = o->draws > 1 ? o->draws : o->snapshots,
        .layer_name = o->draws > 1 ? "draws" : "trajectory",
        .layer_step = o->draws > 1 ? NULL : snapshot_step,
        .column_names = (const char *const *)run->loaded->checkpoint.column_names,
        .transform = &run->transform,
        .number = run->number,
        .layer_number = o->draws > 1 ? run->number : ddpm_transform_noisy_type(&run->transform, own),
        .block_rows = ddpm_engine_block(run->engine),
        .describe = describe,
        .prepare = run->given ? read_given : NULL,
        .make = run->given ? make_completions : make_samples,
        .adjust = run->given               ? restore_given
                  : run->fixed.columns > 0 ? restore_fixed
                                           : NULL,
        .context = run,
        .threads = omp_get_max_threads(),
        .unit = "samples",
        .remedy = "the model is not trained well enough, or the steps are too few: train longer, or clip to the data "
                  "(--clip data)",
    };
    return ddpm_rows_file_write(comm, &spec);
}

/* What has no meaning for a masked model. */
static ddpm_status check_masked(const ddpm_sample_options *o)
{
    if (o->snapshots > 0)
        return ddpm_fail(DDPM_ERR_USAGE,
                         "--trajectory: the model hides and shows whole values (diffusion.process: masked), so there "
                         "are no rows between data and noise; leave --trajectory out");
    if (o->classifier)
        return ddpm_fail(DDPM_ERR_USAGE, "--classifier: rows of a masked model are tokens, by which no gradient can be "
                                         "taken; any column can be given with --condition NAME=VALUE");
    return DDPM_OK;
}

/* Local. Give columns that all samples share. */
static ddpm_status fix_columns(sampling_run *run, const ddpm_sample_options *o)
{
    if (o->given)
        return ddpm_fail(DDPM_ERR_USAGE, "--condition: the rows of --given have their own values; write it into them");
    DDPM_TRY(ddpm_fixed_read(run->transform.vocabulary, run->loaded->checkpoint.column_names, o->condition_count,
                             o->conditions, &run->fixed));
    ddpm_engine_set_known(run->engine, run->fixed.token);
    return DDPM_OK;
}

/* Local. Everything that comes before the file is begun. */
static ddpm_status prepare(sampling_run *run, ddpm_sample_options *o)
{
    const int is_masked = ddpm_model_is_masked(&run->loaded->model);
    DDPM_TRY(ddpm_loaded_check_denoiser(run->loaded, o->checkpoint));
    if (is_masked) DDPM_TRY(check_masked(o));
    DDPM_TRY(ddpm_engine_create(run->loaded, &run->sampling, NULL, omp_get_max_threads(), &run->engine));
    run->sampling.steps = ddpm_engine_steps(run->engine);
    run->sampling.redraws = ddpm_engine_redraws(run->engine);
    run->number = run->transform.vocabulary && !run->transform.vocabulary->is_array
                      ? DDPM_NUMBER_FLOAT64
                      : ddpm_transform_type(&run->transform, run->loaded->checkpoint.number);
    DDPM_TRY(open_given(run, o));
    if (is_masked && o->condition_count > 0 && run->loaded->checkpoint.condition.count == 0) return fix_columns(run, o);
    if (!is_masked && !run->loaded->config.data.pairs)
        ddpm_audit_report_sampling(&run->loaded->model.diffusion, &run->sampling, o->classifier ? o->scale : 0.0);
    return set_conditions(run, o);
}

/* Collective. */
static ddpm_status sample(ddpm_comm *comm, sampling_run *run, ddpm_sample_options *o)
{
    int32_t *snapshot_step = NULL;
    ddpm_status status = prepare(run, o);
    if (status == DDPM_OK) status = DDPM_NEW(&snapshot_step, o->snapshots, "snapshots");
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) {
        const ddpm_sampler *sampler = ddpm_engine_sampler(run->engine); /* without snapshots it is not used */
        for (int64_t i = 0; i < o->snapshots; i++)
            snapshot_step[i] = (int32_t)ddpm_sampler_snapshot_step(sampler, o->snapshots, i);
        status = write(comm, run, snapshot_step);
    }
    ddpm_release(snapshot_step);
    return status;
}

static void release(sampling_run *run)
{
    ddpm_release(run->conditions.values);
    ddpm_release(run->classes);
    ddpm_fixed_release(&run->fixed);
    ddpm_given_close(run->given);
    ddpm_guide_free(run->guide);
    ddpm_engine_close(run->engine);
}

ddpm_status ddpm_sample(ddpm_comm *comm, const ddpm_sample_options *options)
{
    const double start = ddpm_comm_seconds();
    ddpm_loaded loaded, classifier = {0};
    char spent[32];
    DDPM_TRY(ddpm_load_everywhere(comm, options->checkpoint, 0, &loaded));
    ddpm_loaded_name_process(&loaded);
    ddpm_status status = ddpm_sampling_settings_apply(&options->settings, &loaded.config);
    if (status == DDPM_OK) status = ddpm_loaded_set_precision(&loaded);
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK && options->classifier)
        status = ddpm_load_everywhere(comm, options->classifier, 0, &classifier);
    if (status == DDPM_OK) {
        ddpm_sample_options o = *options;
        if (!o.has_seed) o.seed = loaded.config.run.seed;
        sampling_run run = {.loaded = &loaded,
                            .transform = ddpm_loaded_transform(&loaded),
                            .options = &o,
                            .sampling = loaded.config.sampling,
                            .classifier = o.classifier ? &classifier : NULL};
        ddpm_placement_report(comm, omp_get_max_threads());
        status = sample(comm, &run, &o);
        release(&run);
        ddpm_progress_duration(ddpm_comm_seconds() - start, spent, sizeof spent);
        if (status == DDPM_OK)
            ddpm_log_info("finished   %lld rows of %s (iteration %lld) in %s; see %s", (long long)o.count,
                          options->checkpoint, (long long)loaded.checkpoint.iteration, spent, options->output);
    }
    ddpm_loaded_release(&classifier);
    ddpm_loaded_release(&loaded);
    return status;
}
