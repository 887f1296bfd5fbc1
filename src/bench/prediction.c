/* The parts of a step, from the times of batches of different numbers of blocks on each node by itself, and the link
 * between the nodes. */
#include "bench/parts.h"

#include "base/memory.h"
#include "train/settings.h"
#include "world/transfer.h"

#include <math.h>

/* Times as many blocks as a thread computes together of the own batch, or more where that has few: the time of a block
 * follows from the difference. */
enum { FEW = 1, MANY = 3 };
/* PART_LOAD has as few blocks as FEW_LOAD, on a node without a part of the update; the last two are of local steps. */
enum { OWN_LOAD, FEW_LOAD, PART_LOAD, MANY_LOAD, ROUND_LOAD, ROUNDS_LOAD, LOADS };

/* Collective over the ranks of a node, on all nodes. */
static ddpm_status make_loads_of_node(const ddpm_bench_run *run, ddpm_comm *node, const ddpm_local_spec *local,
                                      int64_t block_rows, int64_t together, ddpm_workload loads[LOADS])
{
    static const int64_t blocks[] = {[FEW_LOAD] = FEW, [PART_LOAD] = FEW, [MANY_LOAD] = MANY};
    const int64_t threads = ddpm_comm_workers(node, run->threads).count;
    ddpm_workload_spec spec = ddpm_workload_settings(run->config);
    if (local->steps > 1) {
        spec.local = *local;
        for (int i = ROUND_LOAD; i <= ROUNDS_LOAD; i++) {
            spec.local.steps = i - ROUND_LOAD + 1;
            DDPM_TRY(ddpm_workload_create(node, run->config, &spec, run->dataset, run->threads, &loads[i]));
        }
        spec.local.steps = 0;
    }
    spec.block_rows = block_rows;
    for (int i = FEW_LOAD; i <= MANY_LOAD; i++) {
        spec.batch = blocks[i] * together * block_rows * threads;
        DDPM_TRY(ddpm_workload_create(node, run->config, &spec, run->dataset, run->threads, &loads[i]));
    }
    ddpm_reducer_take_no_part(loads[PART_LOAD].stepper->reducer);
    return DDPM_OK;
}

/* Collective. The own batch, on all ranks, first: its blocks' size is that of the others. With local steps it is a
 * round of them, and others have rounds of one step and of two. */
static ddpm_status make_loads(const ddpm_bench_run *run, ddpm_comm *node, ddpm_workload loads[LOADS])
{
    const ddpm_local_spec local = ddpm_settings_trainer(run->config).local;
    ddpm_workload_spec spec = ddpm_workload_settings(run->config);
    if (local.steps > 1) spec.local = local;
    DDPM_TRY(ddpm_workload_create(run->comm, run->config, &spec, run->dataset, run->threads, &loads[OWN_LOAD]));
    const ddpm_stepper *own = loads[OWN_LOAD].stepper;
    return ddpm_agree(run->comm, make_loads_of_node(run, node, &local, own->batch.block_rows, own->together, loads));
}

/* Sums between the nodes, and arrays for them. */
typedef struct sums {
    ddpm_comm *comm;
    ddpm_transfer *transfer;
    int64_t *bounds, *numbers;
    float *made;
} sums;

/* Collective. One number. */
static ddpm_status sum_few(void *context, int64_t times)
{
    const sums *s = context;
    for (int64_t t = 0; t < times; t++) ddpm_comm_sum_int64_of_teams(s->comm, s->numbers, 1);
    return DDPM_OK;
}

/* Collective. As many as ddpm_transfer_suits, and what would be made of them. */
static ddpm_status sum_many(void *context, int64_t times)
{
    const sums *s = context;
    const ddpm_parts numbers = {s->numbers, s->bounds, sizeof *s->numbers},
                     made = {s->made, s->bounds, sizeof *s->made};
    for (int64_t t = 0; t < times; t++) {
        ddpm_transfer_sum(s->transfer, &numbers, 0);
        ddpm_transfer_gather(s->transfer, 1, &made);
    }
    return DDPM_OK;
}

/* Local. */
static ddpm_status make_sums(sums *s)
{
    const int parts = ddpm_transfer_parts(s->transfer);
    DDPM_TRY(DDPM_NEW(&s->bounds, parts + 1, "parts of nodes"));
    for (int p = 0; p <= parts; p++) s->bounds[p] = ddpm_part(DDPM_BENCH_SUM, p, parts).first;
    DDPM_TRY(DDPM_NEW(&s->numbers, DDPM_BENCH_SUM, "numbers to add"));
    return DDPM_NEW(&s->made, DDPM_BENCH_SUM, "numbers to gather");
}

/* Collective. */
static ddpm_status time_sums(ddpm_bench_run *run, sums *s)
{
    const double bytes = (double)sizeof *s->numbers * DDPM_BENCH_SUM,
                 made_bytes = (double)sizeof *s->made * DDPM_BENCH_SUM;
    const ddpm_timed things[] = {{sum_few, s}, {sum_many, s}};
    ddpm_bench_timing timings[2];
    DDPM_TRY(ddpm_bench_measure(run->comm, 2, things, run->share, timings));
    ddpm_scaling_fit(ddpm_comm_team_count(run->comm), timings[0].median, bytes, made_bytes, timings[1].median,
                     &run->scaling.latency, &run->scaling.rate);
    run->measured_link = 1;
    return DDPM_OK;
}

/* Collective. The latency and rate of the link between this run's nodes: measured, or assumed where there is one node.
 */
static ddpm_status find_link(ddpm_bench_run *run)
{
    static const double LATENCY = 2e-6, RATE = 1e10; /* typical of a cluster */
    sums s = {.comm = run->comm};
    run->scaling.latency = LATENCY;
    run->scaling.rate = RATE;
    if (!ddpm_transfer_suits(run->comm, (int64_t)sizeof *s.numbers * DDPM_BENCH_SUM)) return DDPM_OK;
    ddpm_status status = ddpm_transfer_create(run->comm, DDPM_TRANSFER_ROW, &s.transfer);
    if (status == DDPM_OK) status = ddpm_agree(run->comm, make_sums(&s));
    if (status == DDPM_OK) status = time_sums(run, &s);
    ddpm_transfer_free(s.transfer);
    ddpm_release(s.bounds);
    ddpm_release(s.numbers);
    ddpm_release(s.made);
    return status;
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

/* What groups of ranks take once in a step, and what a round takes beside its steps and the link, from the times of
 * rounds of one step and of two on a node. */
static void find_round(ddpm_bench_run *run, const ddpm_local_spec *local, double one_step, double two_steps)
{
    enum { KINDS = 3, KINDS_OF_SGD = 2 }; /* of vectors: changes and moments */
    const int kinds = run->config->training.optimizer == DDPM_OPTIMIZER_SGD ? KINDS_OF_SGD : KINDS;
    const int exact = run->config->parallel.reduction == DDPM_REDUCTION_EXACT;
    ddpm_scaling *p = &run->scaling;
    p->workers = local->workers;
    p->local_steps = local->steps;
    p->round_bytes = kinds * (double)sizeof(int32_t) * p->bytes / (double)(exact ? sizeof(int64_t) : sizeof(float));
    ddpm_scaling_fit_groups(p, p->team, two_steps - one_step);
    p->round_seconds = fmax(0.0, 2.0 * one_step - two_steps);
}

/* Collective. */
static ddpm_status measure_parts(ddpm_bench_run *run, ddpm_workload loads[LOADS])
{
    const ddpm_network *network = loads[OWN_LOAD].model.network;
    const int exact = loads[OWN_LOAD].spec.reduction == DDPM_REDUCTION_EXACT;
    const double parameters = (double)ddpm_network_array_length(network);
    const double together = (double)loads[OWN_LOAD].stepper->together;
    ddpm_scaling *p = &run->scaling;
    const int is_local = loads[OWN_LOAD].round != NULL, count = is_local ? LOADS : ROUND_LOAD;
    const ddpm_local_spec *local = &loads[OWN_LOAD].spec.local;
    ddpm_timed things[LOADS];
    ddpm_bench_timing timings[LOADS];
    for (int i = 0; i < count; i++) things[i] = ddpm_workload_steps(&loads[i]);
    /* the own batch apart: a round of it may be so long that the others would be timed too few times */
    const double seconds = 0.5 * ddpm_bench_part_seconds(run, DDPM_BENCH_PREDICTION);
    DDPM_TRY(ddpm_bench_measure(run->comm, count - FEW_LOAD, things + FEW_LOAD, seconds, timings + FEW_LOAD));
    DDPM_TRY(ddpm_bench_measure(run->comm, 1, things, seconds, timings));
    *p = (ddpm_scaling){
        .blocks = loads[OWN_LOAD].stepper->batch.blocks,
        .threads = run->threads,
        .team = ddpm_comm_team_size(run->comm),
        .block_seconds = fmax(0.0, timings[MANY_LOAD].median - timings[FEW_LOAD].median) / ((MANY - FEW) * together),
        .bytes = (double)(exact ? sizeof(int64_t) : sizeof(float)) * parameters,
        .made_bytes = exact ? sizeof(float) * parameters : 0.0,
    };
    const double blocks = FEW * together * p->block_seconds;
    p->once_seconds = fmax(0.0, timings[FEW_LOAD].median - blocks);
    p->part_seconds = fmin(p->once_seconds, fmax(0.0, timings[PART_LOAD].median - blocks));
    run->measured = timings[OWN_LOAD].median;
    if (is_local) {
        run->measured /= (double)local->steps;
        find_round(run, local, timings[ROUND_LOAD].median, timings[ROUNDS_LOAD].median);
    }
    DDPM_TRY(find_link(run));
    replace_link(run);
    run->predicted = ddpm_scaling_step(p, ddpm_comm_size(run->comm));
    run->has_scaling = 1;
    return DDPM_OK;
}

ddpm_status ddpm_bench_scaling(ddpm_bench_run *run)
{
    const int several = ddpm_comm_has_other_teams(run->comm);
    ddpm_workload loads[LOADS] = {0};
    ddpm_comm *node = run->comm;
    if (several) DDPM_TRY(ddpm_comm_of_team(run->comm, &node));
    ddpm_status status = make_loads(run, node, loads);
    if (status == DDPM_OK) status = measure_parts(run, loads);
    for (int i = 0; i < LOADS; i++) ddpm_workload_release(&loads[i]);
    if (several) ddpm_comm_leave(node);
    return status;
}
