/* The order of the measurements, and how the time is divided among them. */
#include "bench/parts.h"

#include "base/log.h"
#include "file/json_file.h"
#include "file/output.h"
#include "world/placement.h"

#include <math.h>
#include <omp.h>

/* What is measured where no configuration is given. */
static const int64_t widths[] = {64, 128, 256, 512, 1024};
static const struct {
    int64_t width, depth, batch;
} shapes[] = {{128, 3, 256}, {256, 4, 2048}, {512, 4, 2048}};
enum { WIDTHS = sizeof widths / sizeof *widths, SHAPES = sizeof shapes / sizeof *shapes };

static int is_of_shapes(ddpm_bench_part part)
{
    return part == DDPM_BENCH_TRAINING || part == DDPM_BENCH_SAMPLING || part == DDPM_BENCH_CHECKPOINT;
}

/* How often a part is measured. */
static int repetitions(const ddpm_bench_run *run, ddpm_bench_part part)
{
    if (run->options->has_config) return 1;
    if (part == DDPM_BENCH_KERNELS) return WIDTHS;
    return is_of_shapes(part) ? SHAPES : 1;
}

static double total_shares(const ddpm_bench_run *run)
{
    double total = 1.0; /* the limit, which is measured in any case */
    for (ddpm_bench_part part = 0; part < DDPM_BENCH_PARTS; part++)
        if (ddpm_bench_wants(run, part)) total += repetitions(run, part) * ddpm_bench_part_share(part);
    return total;
}

static ddpm_status bench_kernels(ddpm_bench_run *run)
{
    if (run->options->has_config) return ddpm_bench_kernels(run, run->config->network.width);
    for (int i = 0; i < WIDTHS; i++) DDPM_TRY(ddpm_bench_kernels(run, widths[i]));
    return DDPM_OK;
}

static ddpm_status bench_shapes(ddpm_bench_run *run)
{
    int wanted = 0;
    for (ddpm_bench_part part = 0; part < DDPM_BENCH_PARTS; part++)
        wanted |= is_of_shapes(part) && ddpm_bench_wants(run, part);
    if (!wanted) return DDPM_OK;
    ddpm_workload_spec spec = ddpm_workload_settings(run->config);
    if (run->options->has_config) return ddpm_bench_shape(run, &spec);
    for (int i = 0; i < SHAPES; i++) {
        spec.width = shapes[i].width;
        spec.depth = shapes[i].depth;
        spec.batch = shapes[i].batch;
        DDPM_TRY(ddpm_bench_shape(run, &spec));
    }
    return DDPM_OK;
}

static ddpm_status measure(ddpm_bench_run *run)
{
    const double start = ddpm_comm_seconds();
    const ddpm_data_spec data = ddpm_config_data(run->config);
    DDPM_TRY(ddpm_dataset_create(run->comm, &data, &run->dataset));
    run->dataset_seconds = ddpm_comm_seconds() - start;
    if (run->options->json)
        DDPM_TRY(DDPM_ON_RANK_0(run->comm, ddpm_output_prepare(run->options->json, DDPM_JSON_BEGINS)));
    /* the start comes first, while nothing has been mapped or cached by another measurement */
    if (ddpm_bench_wants(run, DDPM_BENCH_START)) DDPM_TRY(ddpm_bench_start(run));
    DDPM_TRY(ddpm_bench_multiply_add(run));
    if (ddpm_bench_wants(run, DDPM_BENCH_LIMITS)) DDPM_TRY(ddpm_bench_memory(run));
    if (ddpm_bench_wants(run, DDPM_BENCH_ALLREDUCE)) DDPM_TRY(ddpm_bench_allreduce(run));
    if (ddpm_bench_wants(run, DDPM_BENCH_KERNELS)) DDPM_TRY(bench_kernels(run));
    DDPM_TRY(bench_shapes(run));
    if (ddpm_bench_wants(run, DDPM_BENCH_PREDICTION)) DDPM_TRY(ddpm_bench_scaling(run));
    return DDPM_OK;
}

ddpm_status ddpm_bench(ddpm_comm *comm, const ddpm_config *config, const ddpm_bench_options *options)
{
    ddpm_bench_run run = {
        .comm = comm,
        .config = config,
        .options = options,
        .threads = omp_get_max_threads(),
    };
    DDPM_TRY(ddpm_agree(comm, ddpm_network_find_kernels(config->training.precision, &run.kernels)));
    DDPM_TRY(ddpm_placement_check(comm, run.kernels));
    run.workers = (double)run.threads * ddpm_comm_size(comm);
    run.share = options->seconds / total_shares(&run);
    ddpm_placement_report(comm, run.threads);
    const ddpm_status status = measure(&run);
    ddpm_dataset_free(run.dataset);
    DDPM_TRY(status);
    if (ddpm_comm_rank(comm) == 0) ddpm_bench_print(&run);
    return options->json ? DDPM_ON_RANK_0(comm, ddpm_bench_write_json(&run, options->json)) : DDPM_OK;
}
