/* The parts of a step, from the times of batches of different numbers of blocks. */
#include "bench/parts.h"

#include <math.h>

enum { FEW = 1, MANY = 3 }; /* blocks a thread: the time of a block follows from the difference */
enum { FEW_LOAD, MANY_LOAD, OWN_LOAD, LOADS };

/* Collective. The own batch first: its blocks' size is that of the others. */
static ddpm_status make_loads(const ddpm_bench_run *run, ddpm_workload loads[LOADS])
{
    static const int64_t blocks[] = {[FEW_LOAD] = FEW, [MANY_LOAD] = MANY};
    ddpm_workload_spec spec = ddpm_workload_settings(run->config);
    DDPM_TRY(ddpm_workload_create(run->comm, run->config, &spec, run->dataset, run->threads, &loads[OWN_LOAD]));
    spec.block_rows = loads[OWN_LOAD].stepper->batch.block_rows;
    for (int i = FEW_LOAD; i <= MANY_LOAD; i++) {
        spec.batch = blocks[i] * spec.block_rows * (int64_t)run->workers;
        DDPM_TRY(ddpm_workload_create(run->comm, run->config, &spec, run->dataset, run->threads, &loads[i]));
    }
    return DDPM_OK;
}

/* The latency and rate of the link between this run's ranks: measured, or assumed. */
static void fit_link(ddpm_bench_run *run)
{
    static const double LATENCY = 2e-6, RATE = 1e10; /* typical of a cluster */
    ddpm_scaling *p = &run->scaling;
    run->measured_link = !isnan(run->sum_all);
    p->latency = LATENCY;
    p->rate = RATE;
    if (run->measured_link)
        ddpm_scaling_fit(ddpm_comm_size(run->comm), run->sum_few, (double)sizeof(int64_t) * DDPM_BENCH_SUM,
                         run->sum_all, &p->latency, &p->rate);
}

/* The prediction may be for another link, which the command line gives. */
static void replace_link(ddpm_bench_run *run)
{
    const ddpm_bench_options *o = run->options;
    ddpm_scaling *p = &run->scaling;
    if (!isnan(o->latency)) p->latency = o->latency;
    if (!isnan(o->rate)) p->rate = o->rate;
    run->measured_link |= !isnan(o->latency) && !isnan(o->rate);
}

/* Collective. */
static ddpm_status measure_parts(ddpm_bench_run *run, ddpm_workload loads[LOADS])
{
    const ddpm_network *network = loads[OWN_LOAD].model.network;
    const int exact = loads[OWN_LOAD].spec.reduction == DDPM_REDUCTION_EXACT;
    ddpm_scaling *p = &run->scaling;
    ddpm_timed things[LOADS];
    ddpm_bench_timing timings[LOADS];
    for (int i = 0; i < LOADS; i++) things[i] = ddpm_workload_steps(&loads[i]);
    DDPM_TRY(
        ddpm_bench_measure(run->comm, LOADS, things, ddpm_bench_part_seconds(run, DDPM_BENCH_PREDICTION), timings));
    *p = (ddpm_scaling){
        .blocks = loads[OWN_LOAD].stepper->batch.blocks,
        .threads = run->threads,
        .team = ddpm_comm_team_size(run->comm),
        .block_seconds = fmax(0.0, timings[MANY_LOAD].median - timings[FEW_LOAD].median) / (MANY - FEW),
        .bytes = (double)(exact ? sizeof(int64_t) : sizeof(float)) * (double)ddpm_network_array_length(network),
    };
    fit_link(run);
    /* the time of the sum over this run's nodes, by their own link, is not part of what a node does alone */
    const double sum = ddpm_scaling_sum(p, ddpm_comm_size(run->comm));
    p->once_seconds = fmax(0.0, timings[FEW_LOAD].median - FEW * p->block_seconds - sum);
    replace_link(run);
    run->measured = timings[OWN_LOAD].median;
    run->predicted = ddpm_scaling_step(p, ddpm_comm_size(run->comm));
    run->has_scaling = 1;
    return DDPM_OK;
}

ddpm_status ddpm_bench_scaling(ddpm_bench_run *run)
{
    ddpm_workload loads[LOADS] = {0};
    ddpm_status status = make_loads(run, loads);
    if (status == DDPM_OK) status = measure_parts(run, loads);
    for (int i = 0; i < LOADS; i++) ddpm_workload_release(&loads[i]);
    return status;
}
