/* What a step is made of, for the prediction: by batches of a few blocks a thread. */
#include "bench/parts.h"

#include "bench/workload.h"

#include <math.h>

enum { FEW = 1, MANY = 3, PLACES = 3 }; /* blocks a thread: the difference is the time of a block */

/* Collective. FEW blocks a thread, MANY, and the configuration's own batch. */
static ddpm_status make_loads(const ddpm_bench_run *run, ddpm_workload loads[PLACES])
{
    static const int64_t blocks[2] = {FEW, MANY};
    DDPM_TRY(ddpm_workload_create(run->comm, run->config, run->dataset, run->threads, &loads[2]));
    ddpm_config settings = *run->config;
    settings.parallel.block_rows = ddpm_stepper_block_rows(loads[2].stepper);
    for (int i = 0; i < 2; i++) {
        settings.training.batch = blocks[i] * settings.parallel.block_rows * (int64_t)run->workers;
        DDPM_TRY(ddpm_workload_create(run->comm, &settings, run->dataset, run->threads, &loads[i]));
    }
    return DDPM_OK;
}

/* The link between ranks: given, or measured, or a guess that the table says is one. */
static void choose_link(ddpm_bench_run *run)
{
    static const double LATENCY = 2e-6, RATE = 1e10; /* of a usual cluster's network */
    const ddpm_bench_options *o = run->options;
    ddpm_scaling *p = &run->scaling;
    run->measured_link = !isnan(run->sum_all);
    if (run->measured_link)
        ddpm_scaling_fit(ddpm_comm_size(run->comm), run->sum_few, (double)sizeof(int64_t) * DDPM_BENCH_SUM,
                         run->sum_all, &p->latency, &p->rate);
    else
        p->latency = LATENCY, p->rate = RATE;
    if (!isnan(o->latency)) p->latency = o->latency;
    if (!isnan(o->rate)) p->rate = o->rate;
    run->measured_link |= !isnan(o->latency) && !isnan(o->rate);
}

static ddpm_status measure_parts(ddpm_bench_run *run, ddpm_workload loads[PLACES])
{
    const ddpm_network *network = loads[2].model.network;
    const int exact = run->config->parallel.reduction == DDPM_REDUCTION_EXACT;
    ddpm_scaling *p = &run->scaling;
    ddpm_timed things[PLACES];
    ddpm_bench_timing timings[PLACES];
    for (int i = 0; i < PLACES; i++) things[i] = ddpm_workload_steps(&loads[i]);
    DDPM_TRY(ddpm_bench_measure(run->comm, PLACES, things, 6.0 * run->share, timings));
    *p = (ddpm_scaling){
        .blocks = ddpm_stepper_blocks(loads[2].stepper),
        .threads = run->threads,
        .block_seconds = fmax(0.0, timings[1].median - timings[0].median) / (MANY - FEW),
        .bytes = (double)(exact ? sizeof(int64_t) : sizeof(float)) * (double)ddpm_network_parameter_count(network),
    };
    choose_link(run);
    /* the sums of this run are not part of what a rank does alone */
    const double sum = isnan(run->sum_all) ? 0.0 : ddpm_scaling_sum(p, ddpm_comm_size(run->comm));
    p->once_seconds = fmax(0.0, timings[0].median - FEW * p->block_seconds - sum);
    run->measured = timings[2].median;
    run->predicted = ddpm_scaling_step(p, ddpm_comm_size(run->comm));
    run->has_scaling = 1;
    return DDPM_OK;
}

ddpm_status ddpm_bench_scaling(ddpm_bench_run *run)
{
    ddpm_workload loads[PLACES] = {0};
    ddpm_status status = make_loads(run, loads);
    if (status == DDPM_OK) status = measure_parts(run, loads);
    for (int i = 0; i < PLACES; i++) ddpm_workload_release(&loads[i]);
    return status;
}
