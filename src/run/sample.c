/* Reverse sampling spread over ranks and threads. */
#include "ddpm/run/sample.h"

#include "ddpm/base/log.h"
#include "ddpm/base/memory.h"
#include "ddpm/run/given.h"
#include "ddpm/run/progress.h"
#include "ddpm/run/rows_file.h"
#include "ddpm/run/sample_conditions.h"
#include "ddpm/world/placement.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

#define DRAW_STRIDE UINT64_C(0x9E3779B97F4A7C15) /* between the seeds of draws: odd, and far from small numbers */

typedef struct sampling_run {
    const ddpm_loaded *loaded;
    const ddpm_sample_options *options;
    ddpm_generator_core *generator;
    ddpm_given *given; /* NULL: none */
} sampling_run;

static void make_samples(void *context, int thread, int64_t first, int64_t count, float *x, float *trajectory,
                         int64_t stride)
{
    const sampling_run *run = context;
    ddpm_generator_core_run(run->generator, thread, run->options->seed, first, count, x, run->options->snapshots,
                            trajectory, stride);
}

/* ---- completions of given rows ---- */

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
        ddpm_generator_core_complete(run->generator, thread, o->seed + (uint64_t)d * DRAW_STRIDE, first, count,
                                     ddpm_given_known(run->given, first), o->passes, x);
        if (o->draws > 1) memcpy(draws + d * stride, x, bytes);
    }
}

static void restore_given(void *context, int64_t first, int64_t count, float *x, float *draws, int64_t stride)
{
    const sampling_run *run = context;
    ddpm_given_restore(run->given, first, count, x);
    for (int64_t d = 0; run->options->draws > 1 && d < run->options->draws; d++)
        ddpm_given_restore(run->given, first, count, draws + d * stride);
}

/* Local. */
static ddpm_status open_given(sampling_run *run, ddpm_sample_options *o)
{
    if (!o->given) return DDPM_OK;
    if (o->sampling.method == DDPM_METHOD_DPM_SOLVER)
        return ddpm_fail(
            DDPM_ERR_USAGE,
            "--given: dpm_solver extrapolates from the step before, which known entries drawn anew in each "
            "step do not allow; add --sampler ancestral or --sampler ddim");
    DDPM_TRY(ddpm_given_open(o->given, run->loaded, &run->given));
    o->count = ddpm_given_rows(run->given);
    return DDPM_OK;
}

/* ---- the file ---- */

static ddpm_status describe(ddpm_h5 *file, const void *context)
{
    const sampling_run *run = context;
    const ddpm_sample_options *o = run->options;
    DDPM_TRY(ddpm_h5_put_text(file, "/", "program", "ddpm " DDPM_VERSION));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "kind", "samples"));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "checkpoint", o->checkpoint));
    DDPM_TRY(ddpm_h5_put_int(file, "/", "iteration", run->loaded->checkpoint.iteration));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "sampler", ddpm_method_name(o->sampling.method)));
    DDPM_TRY(ddpm_h5_put_real(file, "/", "eta", o->sampling.eta));
    DDPM_TRY(ddpm_h5_put_int(file, "/", "corrections", o->sampling.corrections));
    DDPM_TRY(ddpm_h5_put_int(file, "/", "steps", ddpm_generator_core_sampler(run->generator)->step_count));
    DDPM_TRY(ddpm_h5_put_real(file, "/", "guidance", o->sampling.guidance));
    if (o->given) {
        DDPM_TRY(ddpm_h5_put_text(file, "/", "given", o->given));
        DDPM_TRY(ddpm_h5_put_int(file, "/", "draws", o->draws));
        DDPM_TRY(ddpm_h5_put_int(file, "/", "resample", o->passes));
    }
    DDPM_TRY(ddpm_h5_put_text(file, "/", "weights", o->sampling.weights == DDPM_WEIGHTS_EMA ? "ema" : "raw"));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "clip", o->sampling.clip == DDPM_CLIP_DATA ? "data" : "none"));
    char seed[24]; /* text: all 64 bits */
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->seed);
    return ddpm_h5_put_text(file, "/", "seed", seed);
}

/* What the command line leaves open is the configuration's. */
static ddpm_sample_options resolve(const ddpm_sample_options *options, const ddpm_config *config)
{
    ddpm_sample_options o = *options;
    if (!o.has_seed) o.seed = config->run.seed;
    const ddpm_sampling configured = ddpm_sampling_of(config);
    if (!o.has_method) o.sampling.method = configured.method;
    if (!o.has_steps) o.sampling.steps = configured.steps;
    if (!o.has_eta) o.sampling.eta = configured.eta;
    if (!o.has_corrections) o.sampling.corrections = configured.corrections;
    if (!o.has_guidance) o.sampling.guidance = configured.guidance;
    if (!o.has_weights) o.sampling.weights = configured.weights;
    if (!o.has_clip) o.sampling.clip = configured.clip;
    o.sampling.correction_ratio = configured.correction_ratio;
    return o;
}

/* Collective. */
static ddpm_status write(ddpm_comm *comm, sampling_run *run, const int32_t *snapshot_step)
{
    const ddpm_sample_options *o = run->options;
    const ddpm_transform transform = ddpm_loaded_transform(run->loaded);
    const ddpm_rows_file_spec spec = {
        .path = o->output,
        .rows = o->count,
        .columns = run->loaded->checkpoint.columns,
        .with_samples = o->draws <= 1,
        .layers = o->draws > 1 ? o->draws : o->snapshots,
        .layer_name = o->draws > 1 ? "draws" : "trajectory",
        .layer_step = o->draws > 1 ? NULL : snapshot_step,
        .column_names = (const char *const *)run->loaded->checkpoint.column_names,
        .transform = &transform,
        .block_rows = DDPM_GENERATOR_BLOCK,
        .describe = describe,
        .prepare = run->given ? read_given : NULL,
        .make = run->given ? make_completions : make_samples,
        .amend = run->given ? restore_given : NULL,
        .context = run,
        .threads = omp_get_max_threads(),
        .unit = "samples",
    };
    return ddpm_rows_file_write(comm, &spec);
}

/* Collective. */
static ddpm_status sample(ddpm_comm *comm, const ddpm_loaded *loaded, const ddpm_sample_options *options, int64_t *made)
{
    ddpm_sample_options o = resolve(options, &loaded->config);
    sampling_run run = {.loaded = loaded, .options = &o};
    int32_t *snapshot_step = NULL;
    ddpm_sample_conditions conditions = {0};
    ddpm_status status = ddpm_generator_core_create(loaded, &o.sampling, omp_get_max_threads(), &run.generator);
    if (status == DDPM_OK) status = DDPM_NEW(&snapshot_step, o.snapshots, "snapshots");
    if (status == DDPM_OK) status = open_given(&run, &o);
    if (status == DDPM_OK) status = ddpm_conditions_read(&loaded->checkpoint.condition, &o, &conditions);
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) {
        ddpm_generator_core_set_conditions(run.generator, conditions.rows, conditions.values);
        const ddpm_sampler *sampler = ddpm_generator_core_sampler(run.generator);
        for (int64_t i = 0; i < o.snapshots; i++)
            snapshot_step[i] = (int32_t)ddpm_sampler_snapshot_step(sampler, o.snapshots, i);
        status = write(comm, &run, snapshot_step);
    }
    *made = o.count;
    ddpm_release(snapshot_step);
    ddpm_release(conditions.values);
    ddpm_given_close(run.given);
    ddpm_generator_core_free(run.generator);
    return status;
}

ddpm_status ddpm_sample(ddpm_comm *comm, const ddpm_sample_options *options)
{
    const double start = ddpm_comm_seconds();
    ddpm_loaded loaded;
    char spent[32];
    int64_t made;
    DDPM_TRY(ddpm_load_shared(comm, options->checkpoint, 0, &loaded));
    ddpm_placement_report(comm, omp_get_max_threads());
    const ddpm_status status = sample(comm, &loaded, options, &made);
    if (status == DDPM_OK) {
        ddpm_progress_duration(ddpm_comm_seconds() - start, spent, sizeof spent);
        ddpm_log_info("finished   %lld rows of %s (iteration %lld) in %s; see %s", (long long)made, options->checkpoint,
                      (long long)loaded.checkpoint.iteration, spent, options->output);
    }
    ddpm_loaded_release(&loaded);
    return status;
}
