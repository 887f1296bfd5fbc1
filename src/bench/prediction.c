/* The parts of a step, from the times of batches of different numbers of blocks. */
#include "bench/parts.h"

#include "train/settings.h"

#include <math.h>

enum { FEW = 1, MANY = 3 }; /* blocks a thread: the time of a block follows from the difference */
enum { FEW_LOAD, MANY_LOAD, OWN_LOAD, ROUND_LOAD, LOADS }; /* the last with local steps only */

/* Collective. The own batch first: its blocks' size is that of the others. With local steps it is a round of them, and
 * another has a round of one step. */
static ddpm_status make_loads(const ddpm_bench_run *run, ddpm_workload loads[LOADS])
{
    const ddpm_local_spec local = ddpm_settings_trainer(run->config).local;
    static const int64_t blocks[] = {[FEW_LOAD] = FEW, [MANY_LOAD] = MANY};
    ddpm_workload_spec spec = ddpm_workload_settings(run->config);
    if (local.steps > 1) {
        spec.local = local;
        spec.local.steps = 1;
        DDPM_TRY(ddpm_workload_create(run->comm, run->config, &spec, run->dataset, run->threads, &loads[ROUND_LOAD]));
        spec.local.steps = local.steps;
    }
    DDPM_TRY(ddpm_workload_create(run->comm, run->config, &spec, run->dataset, run->threads, &loads[OWN_LOAD]));
    spec.local.steps = 0;
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

/* What a round takes beside its steps and the link, from the time of a round of one step. */
static void find_round(ddpm_bench_run *run, const ddpm_local_spec *local, double seconds)
{
    enum { KINDS = 3, KINDS_OF_SGD = 2 }; /* of vectors: changes and moments */
    const int kinds = run->config->training.optimizer == DDPM_OPTIMIZER_SGD ? KINDS_OF_SGD : KINDS;
    const int64_t ranks = ddpm_comm_size(run->comm);
    const int exact = run->config->parallel.reduction == DDPM_REDUCTION_EXACT;
    ddpm_scaling *p = &run->scaling;
    p->workers = local->workers;
    p->local_steps = local->steps;
    const double step = ddpm_scaling_step(p, ranks);
    p->round_bytes = kinds * (double)sizeof(int32_t) * p->bytes / (double)(exact ? sizeof(int64_t) : sizeof(float));
    const double sum = (ddpm_scaling_step(p, ranks) - step) * (double)local->steps;
    p->round_seconds = fmax(0.0, seconds - step - sum);
}

/* Collective. */
static ddpm_status measure_parts(ddpm_bench_run *run, ddpm_workload loads[LOADS])
{
    const ddpm_network *network = loads[OWN_LOAD].model.network;
    const int exact = loads[OWN_LOAD].spec.reduction == DDPM_REDUCTION_EXACT;
    ddpm_scaling *p = &run->scaling;
    const int is_local = loads[OWN_LOAD].round != NULL, count = is_local ? LOADS : LOADS - 1;
    const ddpm_local_spec *local = &loads[OWN_LOAD].spec.local;
    ddpm_timed things[LOADS];
    ddpm_bench_timing timings[LOADS];
    for (int i = 0; i < count; i++) things[i] = ddpm_workload_steps(&loads[i]);
    DDPM_TRY(
        ddpm_bench_measure(run->comm, count, things, ddpm_bench_part_seconds(run, DDPM_BENCH_PREDICTION), timings));
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
    run->measured = timings[OWN_LOAD].median;
    if (is_local) {
        run->measured /= (double)local->steps;
        find_round(run, local, timings[ROUND_LOAD].median);
    }
    replace_link(run);
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
