/* The forward chain on rows of the data: block by block, from the data to the noise. */
#include "sample/forward.h"

#include "assembly/model.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "kernel/normal.h"
#include "store/rows_file.h"

#include <omp.h>
#include <string.h>

enum { BLOCK = 128 };

typedef struct chain_run {
    ddpm_model model;
    ddpm_dataset *dataset;
    uint64_t seed;
    const ddpm_forward_options *options;
    int32_t *snapshot_step; /* [M] */
    float **noise;          /* [threads], each [BLOCK][D] */
    int threads;
} chain_run;

static void make(void *context, int thread, int64_t first, int64_t count, float *x, float *trajectory, int64_t stride)
{
    const chain_run *run = context;
    const ddpm_diffusion *diffusion = &run->model.diffusion;
    const int64_t columns = ddpm_dataset_columns(run->dataset);
    int64_t shown = 0;
    ddpm_dataset_fill(run->dataset, first, count, x, NULL);
    for (int64_t t = 0; t <= diffusion->schedule.steps; t++) {
        if (t > 0) {
            const ddpm_normal_stream stream = {run->seed, DDPM_RANDOM_FORWARD, t};
            ddpm_normal_rows(ddpm_network_kernels(run->model.network), stream, first,
                             ddpm_matrix_dense(run->noise[thread], count, columns));
            ddpm_diffusion_step_rows(diffusion, count, columns, t, run->noise[thread], x);
        }
        for (; shown < run->options->snapshots && run->snapshot_step[shown] == t; shown++)
            memcpy(trajectory + shown * stride, x, (size_t)(count * columns) * sizeof *x);
    }
}

static ddpm_status describe(ddpm_h5 *file, const void *context)
{
    const chain_run *run = context;
    DDPM_TRY(ddpm_h5_put_text(file, "/", "program", "ddpm " DDPM_VERSION));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "kind", "forward"));
    return ddpm_h5_put_int(file, "/", "steps", run->model.diffusion.schedule.steps);
}

static ddpm_status build(chain_run *run, const ddpm_config *config)
{
    const int64_t columns = ddpm_dataset_columns(run->dataset), M = run->options->snapshots;
    if (ddpm_dataset_transform(run->dataset)->vocabulary)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "diffusion.process: masked hides whole values, a column a step: there are no rows between "
                         "data and noise to be written; take an array of numbers and diffusion.process: gaussian");
    DDPM_TRY(ddpm_model_create(config, columns, NULL, ddpm_dataset_condition(run->dataset), &run->model));
    DDPM_TRY(DDPM_NEW(&run->snapshot_step, M, "snapshots"));
    for (int64_t i = 0; i < M; i++)
        run->snapshot_step[i] =
            (int32_t)(M == 1 ? run->model.diffusion.schedule.steps : i * run->model.diffusion.schedule.steps / (M - 1));
    DDPM_TRY(DDPM_NEW(&run->noise, run->threads, "noise of threads"));
    for (int i = 0; i < run->threads; i++) DDPM_TRY(DDPM_NEW(&run->noise[i], BLOCK * columns, "noise of a block"));
    return DDPM_OK;
}

/* Collective. */
static ddpm_status run_chain(ddpm_comm *comm, const ddpm_config *config, chain_run *run)
{
    const ddpm_data_spec data = ddpm_config_data(config);
    DDPM_TRY(ddpm_dataset_create(comm, &data, &run->dataset));
    DDPM_TRY(ddpm_agree(comm, build(run, config)));
    ddpm_model_report_audit(&run->model.diffusion.schedule);
    DDPM_TRY(ddpm_dataset_prepare(run->dataset, 0, run->options->count));
    const ddpm_rows_file_spec spec = {
        .path = run->options->output,
        .rows = run->options->count,
        .columns = ddpm_dataset_columns(run->dataset),
        .layers = run->options->snapshots,
        .layer_name = "trajectory",
        .layer_step = run->snapshot_step,
        .column_names = ddpm_dataset_names(run->dataset),
        .transform = ddpm_dataset_transform(run->dataset),
        .layer_number =
            ddpm_transform_noisy_type(ddpm_dataset_transform(run->dataset), ddpm_dataset_type(run->dataset)),
        .block_rows = BLOCK,
        .describe = describe,
        .make = make,
        .context = run,
        .threads = run->threads,
        .unit = "rows",
        .remedy = "the data's numbers are too large for float32; give them in a larger unit",
    };
    return ddpm_rows_file_write(comm, &spec);
}

ddpm_status ddpm_forward(ddpm_comm *comm, const ddpm_config *config, const ddpm_forward_options *options)
{
    chain_run run = {.options = options, .seed = config->run.seed, .threads = omp_get_max_threads()};
    const ddpm_status status = run_chain(comm, config, &run);
    for (int i = 0; run.noise && i < run.threads; i++) ddpm_release(run.noise[i]);
    ddpm_release(run.noise);
    ddpm_release(run.snapshot_step);
    ddpm_dataset_free(run.dataset);
    ddpm_model_release(&run.model);
    if (status == DDPM_OK)
        ddpm_log_info("finished   %lld rows, %lld snapshots; see %s", (long long)options->count,
                      (long long)options->snapshots, options->output);
    return status;
}
