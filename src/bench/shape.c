/* A workload's first step, training step, sampling step and checkpoint. */
#include "bench/parts.h"

#include "base/memory.h"
#include "file/file.h"
#include "sample/engine.h"
#include "train/snapshot.h"
#include "train/step.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* For example "256 x 4, batch 2048, D 2". */
static void name_shape(const ddpm_workload *w, char out[DDPM_BENCH_NAME])
{
    snprintf(out, DDPM_BENCH_NAME, "%lld x %lld, batch %lld, D %lld", (long long)w->spec.width,
             (long long)w->spec.depth, (long long)w->spec.batch,
             (long long)ddpm_network_get_spec(w->model.network)->columns);
}

static void add_step(ddpm_bench_run *run, const ddpm_workload *w, const char *name, double seconds, double share)
{
    char shape[DDPM_BENCH_NAME];
    name_shape(w, shape);
    ddpm_bench_add(run, DDPM_BENCH_TRAINING, name, seconds, (double)w->spec.batch / seconds, "rows/s", share, "%s",
                   shape);
}

/* Exact and float32 reduction are measured in turn; the ratio of their times in a round is the cost of exactness. */
static ddpm_status measure_steps(ddpm_bench_run *run, ddpm_workload *exact, ddpm_workload *real)
{
    const ddpm_timed things[2] = {ddpm_workload_steps(real), ddpm_workload_steps(exact)};
    const double rows = (double)exact->spec.batch / run->workers;
    const double work = 3.0 * ddpm_network_operations(exact->model.network) * rows, operations[2] = {work, work};
    ddpm_bench_timing timings[2];
    double shares[2];
    char shape[DDPM_BENCH_NAME];
    DDPM_TRY(ddpm_bench_measure_shares(run, 2, things, operations, ddpm_bench_part_seconds(run, DDPM_BENCH_TRAINING),
                                       timings, shares));
    add_step(run, exact, "training step, exact", timings[1].median, shares[1]);
    add_step(run, real, "training step, float32", timings[0].median, shares[0]);
    name_shape(exact, shape);
    ddpm_bench_add(run, DDPM_BENCH_TRAINING, "exact beside float32", NAN, 100.0 * (timings[1].ratio[0] - 1.0),
                   "% more time", NAN, "%s", shape);
    return DDPM_OK;
}

static ddpm_status bench_steps(ddpm_bench_run *run, const ddpm_workload_spec *shape)
{
    ddpm_workload_spec spec = *shape;
    ddpm_workload exact = {0}, real = {0};
    spec.reduction = DDPM_REDUCTION_EXACT;
    ddpm_status status = ddpm_workload_create(run->comm, run->config, &spec, run->dataset, run->threads, &exact);
    spec.reduction = DDPM_REDUCTION_FLOAT32;
    if (status == DDPM_OK)
        status = ddpm_workload_create(run->comm, run->config, &spec, run->dataset, run->threads, &real);
    if (status == DDPM_OK) status = measure_steps(run, &exact, &real);
    ddpm_workload_release(&exact);
    ddpm_workload_release(&real);
    return status;
}

enum { SAMPLER_STEPS = 10 }; /* at most, since every step costs the same */

typedef struct sampling {
    ddpm_engine *engine;
    int threads;
    int64_t columns;
    float *rows; /* [threads][ddpm_engine_block][columns] */
} sampling;

/* In one repetition each thread takes a block of rows through all steps. */
static ddpm_status run_sampling(void *context, int64_t times)
{
    const sampling *s = context;
#pragma omp parallel num_threads(s->threads)
    {
        const int64_t thread = omp_get_thread_num(), block = ddpm_engine_block(s->engine);
        for (int64_t t = 0; t < times; t++)
            ddpm_engine_run(s->engine, (int)thread, 1, thread * block, block, s->rows + thread * block * s->columns, 0,
                            NULL, 0);
    }
    return DDPM_OK;
}

/* Steps of one evaluation of the network each, whatever the configuration samples by: so they are counted. Local. */
static ddpm_status make_sampling(const ddpm_loaded *loaded, int threads, sampling *s)
{
    ddpm_sampling settings = loaded->config.sampling;
    const int64_t steps = settings.steps > 0 ? settings.steps : loaded->config.diffusion.steps;
    settings.steps = ddpm_smaller(steps, SAMPLER_STEPS);
    settings.method = DDPM_METHOD_ANCESTRAL;
    settings.corrections = 0;
    settings.guidance = 0.0;
    settings.clip = DDPM_CLIP_NONE;
    s->threads = threads;
    s->columns = loaded->checkpoint.columns;
    DDPM_TRY(ddpm_engine_create(loaded, &settings, NULL, threads, &s->engine));
    return DDPM_NEW(&s->rows, threads * ddpm_engine_block(s->engine) * s->columns, "samples");
}

static ddpm_status measure_sampling(ddpm_bench_run *run, const ddpm_workload *w, sampling *s)
{
    const ddpm_timed thing = {run_sampling, s};
    const int64_t steps = ddpm_engine_steps(s->engine);
    const double rows = (double)(steps * ddpm_engine_block(s->engine)); /* of a thread, counted in every step */
    const double operations = ddpm_network_operations(w->model.network) * rows;
    ddpm_bench_timing timing;
    double share;
    char shape[DDPM_BENCH_NAME];
    DDPM_TRY(ddpm_bench_measure_shares(run, 1, &thing, &operations, run->share, &timing, &share));
    name_shape(w, shape);
    ddpm_bench_add(run, DDPM_BENCH_SAMPLING, "sampling step", timing.median / (double)steps,
                   rows * run->workers / timing.median, "rows/s", share, "%s", shape);
    return DDPM_OK;
}

static ddpm_status bench_sampling(ddpm_bench_run *run, const ddpm_workload *w)
{
    if (ddpm_model_is_classifier(&w->model)) return DDPM_OK; /* it makes no samples */
    /* the copy's objective points to the diffusion of w, which outlives it */
    const ddpm_loaded loaded = {
        .config = w->config,
        .model = w->model,
        .checkpoint = {.columns = ddpm_network_get_spec(w->model.network)->columns,
                       .parameters = w->state.parameters,
                       .ema = w->state.ema},
    };
    sampling s = {0};
    ddpm_status status = ddpm_agree(run->comm, make_sampling(&loaded, run->threads, &s));
    if (status == DDPM_OK) status = measure_sampling(run, w, &s);
    ddpm_engine_close(s.engine);
    ddpm_release(s.rows);
    return status;
}

typedef struct saving {
    ddpm_workload *workload;
    int writes; /* nonzero: this rank does */
    char path[DDPM_PATH_BYTES];
} saving;

static ddpm_status run_saving(void *context, int64_t times)
{
    const saving *s = context;
    ddpm_workload *w = s->workload;
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(w->model.network, &tensors);
    ddpm_stepper_gather(w->stepper, &w->state, DDPM_STATE_ALL);
    ddpm_checkpoint checkpoint = ddpm_snapshot_take(w->stepper, &w->state);
    checkpoint.config = (char *)"";
    for (int64_t t = 0; s->writes && t < times; t++)
        DDPM_TRY(ddpm_checkpoint_write(s->path, &checkpoint, count, tensors));
    return DDPM_OK;
}

static ddpm_status bench_checkpoint(ddpm_bench_run *run, ddpm_workload *w)
{
    saving s = {.workload = w, .writes = ddpm_comm_rank(run->comm) == 0};
    const ddpm_timed thing = {run_saving, &s};
    const double bytes = 4.0 * sizeof(float) * (double)ddpm_network_array_length(w->model.network);
    char name[64], shape[DDPM_BENCH_NAME];
    ddpm_bench_timing timing;
    snprintf(name, sizeof name, ".ddpm-bench-%ld.h5", (long)getpid());
    DDPM_TRY(ddpm_agree(run->comm, ddpm_file_join(run->options->folder, name, s.path)));
    const ddpm_status status = ddpm_bench_measure(run->comm, 1, &thing, run->share, &timing);
    if (s.writes) unlink(s.path);
    DDPM_TRY(status);
    name_shape(w, shape);
    ddpm_bench_add(run, DDPM_BENCH_CHECKPOINT, "checkpoint, durable", timing.median, 1e-6 * bytes / timing.median,
                   "MB/s", NAN, "%s", shape);
    return DDPM_OK;
}

ddpm_status ddpm_bench_shape(ddpm_bench_run *run, const ddpm_workload_spec *spec)
{
    ddpm_workload_spec single = *spec;
    ddpm_workload w;
    single.precision = run->config->sampling.precision;
    ddpm_status status = ddpm_workload_create(run->comm, run->config, &single, run->dataset, run->threads, &w);
    if (status == DDPM_OK && ddpm_bench_wants(run, DDPM_BENCH_TRAINING)) status = bench_steps(run, spec);
    if (status == DDPM_OK && ddpm_bench_wants(run, DDPM_BENCH_SAMPLING)) status = bench_sampling(run, &w);
    if (status == DDPM_OK && ddpm_bench_wants(run, DDPM_BENCH_CHECKPOINT)) status = bench_checkpoint(run, &w);
    ddpm_workload_release(&w);
    return status;
}

ddpm_status ddpm_bench_start(ddpm_bench_run *run)
{
    const double start = ddpm_comm_seconds();
    const ddpm_workload_spec spec = ddpm_workload_settings(run->config);
    ddpm_workload w;
    ddpm_reduced found;
    char shape[DDPM_BENCH_NAME];
    ddpm_status status = ddpm_workload_create(run->comm, run->config, &spec, run->dataset, run->threads, &w);
    if (status == DDPM_OK) status = ddpm_stepper_iterate(w.stepper, &w.state, 0, &found);
    if (status == DDPM_OK) {
        name_shape(&w, shape);
        ddpm_bench_add(run, DDPM_BENCH_START, "start of MPI", ddpm_comm_start_seconds(run->comm), NAN, "", NAN,
                       "%d ranks", ddpm_comm_size(run->comm));
        ddpm_bench_add(run, DDPM_BENCH_START, "data", run->dataset_seconds, NAN, "", NAN, "%lld rows",
                       (long long)ddpm_dataset_rows(run->dataset));
        ddpm_bench_add(run, DDPM_BENCH_START, "network and first step", ddpm_comm_seconds() - start, NAN, "", NAN, "%s",
                       shape);
    }
    ddpm_workload_release(&w);
    return status;
}
