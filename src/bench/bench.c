/* The order of the measurements, and how the time is shared among them. */
#include "bench/parts.h"

#include "base/log.h"
#include "world/placement.h"

#include <math.h>
#include <omp.h>

/* What is measured without a configuration. */
static const int64_t widths[] = {64, 128, 256, 512, 1024};
static const struct {
    int64_t width, depth, batch;
} shapes[] = {{128, 3, 256}, {256, 4, 2048}, {512, 4, 2048}};
enum { WIDTHS = sizeof widths / sizeof *widths, SHAPES = sizeof shapes / sizeof *shapes };

/* Shares of the time that each part takes, for a width or a shape; as its code multiplies run->share. */
static const double shares[DDPM_BENCH_PARTS] = {
    [DDPM_BENCH_LIMITS] = 4,   [DDPM_BENCH_ALLREDUCE] = 5,  [DDPM_BENCH_KERNELS] = 6,    [DDPM_BENCH_STEP] = 4,
    [DDPM_BENCH_SAMPLING] = 1, [DDPM_BENCH_CHECKPOINT] = 1, [DDPM_BENCH_PREDICTION] = 6,
};

static int wants(const ddpm_bench_run *run, ddpm_bench_part part)
{
    return (run->options->parts >> part & 1U) != 0;
}

static int wants_shapes(const ddpm_bench_run *run)
{
    return wants(run, DDPM_BENCH_STEP) || wants(run, DDPM_BENCH_SAMPLING) || wants(run, DDPM_BENCH_CHECKPOINT);
}

static double total_shares(const ddpm_bench_run *run)
{
    const int several = !run->options->has_config;
    double total = 1.0; /* the limit in any case */
    for (int part = 0; part < DDPM_BENCH_PARTS; part++) {
        const int times = !several                     ? 1
                          : part == DDPM_BENCH_KERNELS ? WIDTHS
                          : part == DDPM_BENCH_STEP || part == DDPM_BENCH_SAMPLING || part == DDPM_BENCH_CHECKPOINT
                              ? SHAPES
                              : 1;
        if (wants(run, (ddpm_bench_part)part)) total += times * shares[part];
    }
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
    if (run->options->has_config) return ddpm_bench_shape(run, run->config);
    for (int i = 0; i < SHAPES; i++) {
        ddpm_config config = *run->config;
        config.network.width = shapes[i].width;
        config.network.depth = shapes[i].depth;
        config.training.batch = shapes[i].batch;
        DDPM_TRY(ddpm_bench_shape(run, &config));
    }
    return DDPM_OK;
}

static ddpm_status measure(ddpm_bench_run *run)
{
    const double start = ddpm_comm_seconds();
    const ddpm_data_spec data = ddpm_config_data(run->config);
    DDPM_TRY(ddpm_dataset_create(run->comm, &data, &run->dataset));
    run->dataset_seconds = ddpm_comm_seconds() - start;
    if (wants(run, DDPM_BENCH_START)) DDPM_TRY(ddpm_bench_start(run)); /* first: it is a start while all is new */
    DDPM_TRY(ddpm_bench_multiply_add(run));
    if (wants(run, DDPM_BENCH_LIMITS)) DDPM_TRY(ddpm_bench_memory(run));
    if (wants(run, DDPM_BENCH_ALLREDUCE)) DDPM_TRY(ddpm_bench_allreduce(run));
    if (wants(run, DDPM_BENCH_KERNELS)) DDPM_TRY(bench_kernels(run));
    if (wants_shapes(run)) DDPM_TRY(bench_shapes(run));
    if (wants(run, DDPM_BENCH_PREDICTION)) DDPM_TRY(ddpm_bench_scaling(run));
    return DDPM_OK;
}

ddpm_status ddpm_bench(ddpm_comm *comm, const ddpm_config *config, const ddpm_bench_options *options)
{
    ddpm_bench_run run = {
        .comm = comm,
        .config = config,
        .options = options,
        .kernels = ddpm_kernels_choose(config->training.precision),
        .threads = omp_get_max_threads(),
        .sum_few = NAN,
        .sum_all = NAN,
    };
    const int speaks = ddpm_comm_rank(comm) == 0;
    if (!run.kernels)
        return ddpm_fail(DDPM_ERR_CONFIG, "DDPM_ISA names no instruction set that this processor can run");
    run.workers = (double)run.threads * ddpm_comm_size(comm);
    run.share = options->seconds / total_shares(&run);
    ddpm_placement_report(comm, run.threads);
    ddpm_status status = measure(&run);
    ddpm_dataset_free(run.dataset);
    DDPM_TRY(status);
    if (speaks) ddpm_bench_print(&run);
    return ddpm_agree(comm, speaks && options->json ? ddpm_bench_write_json(&run, options->json) : DDPM_OK);
}
