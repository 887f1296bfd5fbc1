/* The formulas of scaling.h. */
#include "bench/scaling.h"

#include "base/split.h"
#include "world/transfer.h"

#include <math.h>

/* Who takes a step together, as world/groups.h has it. */
typedef struct group {
    int64_t carried, ranks, nodes; /* workers that it carries one after the other; its ranks, and their nodes */
    int64_t of_node;               /* such groups on a node */
} group;

static int is_local(const ddpm_scaling *scaling)
{
    return scaling->local_steps > 1;
}

static group busiest_group(const ddpm_scaling *scaling, int64_t ranks)
{
    const int64_t nodes = ddpm_pieces(ranks, scaling->team), workers = scaling->workers;
    if (!is_local(scaling)) return (group){1, ranks, nodes, 1};
    if (nodes > workers) return (group){1, ranks / workers, ddpm_pieces(nodes, workers), 1};
    const int64_t own = ddpm_smaller(ranks, scaling->team), on_node = ddpm_pieces(workers, nodes);
    int64_t count = own;
    while (own % count != 0 || on_node % count != 0) count--;
    return (group){on_node / count, own / count, 1, count};
}

double ddpm_scaling_blocks(const ddpm_scaling *scaling, int64_t ranks)
{
    const group g = busiest_group(scaling, ranks);
    const int64_t most = ddpm_pieces(ddpm_pieces(scaling->blocks, g.ranks), scaling->threads);
    return (double)(g.carried * most) * scaling->block_seconds;
}

/* Whether the sums are divided among the nodes. */
static int is_divided(int64_t nodes, double bytes, double made_bytes)
{
    return nodes > 1 && bytes >= DDPM_TRANSFER_BYTES && made_bytes > 0.0;
}

double ddpm_scaling_once(const ddpm_scaling *scaling, int64_t ranks)
{
    const group g = busiest_group(scaling, ranks);
    const double of_round = is_local(scaling) ? scaling->round_seconds / (double)scaling->local_steps : 0.0;
    const int is_known = g.of_node > 1 && scaling->group_seconds > 0.0;
    const double by_others = is_divided(g.nodes, scaling->bytes, scaling->made_bytes)
                                 ? (scaling->once_seconds - scaling->part_seconds) * (1.0 - 1.0 / (double)g.nodes)
                                 : 0.0;
    return (double)g.carried *
               (is_known ? scaling->group_seconds : (double)g.of_node * (scaling->once_seconds - by_others)) +
           of_round;
}

void ddpm_scaling_fit_groups(ddpm_scaling *scaling, int64_t ranks, double step_seconds)
{
    const double beyond = step_seconds - ddpm_scaling_blocks(scaling, ranks);
    const group g = busiest_group(scaling, ranks);
    if (g.of_node > 1) scaling->group_seconds = fmax(0.0, beyond) / (double)g.carried;
}

/* Messages that a node waits for, one after the other, until each other one has heard from it. */
static double messages(int64_t nodes)
{
    return ddpm_transfer_columns(nodes, DDPM_TRANSFER_ROW) == nodes ? 1.0 : 2.0;
}

static double stages_of(int64_t nodes)
{
    return ceil(log2((double)nodes));
}

static double sum_over(const ddpm_scaling *scaling, int64_t nodes, double bytes, double made_bytes)
{
    const double p = (double)nodes, stages = stages_of(nodes), transfer = bytes / scaling->rate;
    if (is_divided(nodes, bytes, made_bytes))
        return 2.0 * messages(nodes) * scaling->latency + (p - 1.0) / p * (bytes + made_bytes) / scaling->rate;
    const double doubling = stages * (scaling->latency + transfer);
    const double scattering = 2.0 * stages * scaling->latency + 2.0 * (p - 1.0) / p * transfer;
    return fmin(doubling, scattering);
}

/* Seconds that a step's sum takes beyond sum_over: the norm, and the few numbers that are added over all nodes. */
static double common_numbers(const ddpm_scaling *scaling, int64_t nodes)
{
    if (!is_divided(nodes, scaling->bytes, scaling->made_bytes)) return 0.0;
    return scaling->latency * fmax(messages(nodes), stages_of(nodes));
}

double ddpm_scaling_sum(const ddpm_scaling *scaling, int64_t ranks)
{
    const int64_t nodes = busiest_group(scaling, ranks).nodes;
    const double step = sum_over(scaling, nodes, scaling->bytes, scaling->made_bytes) + common_numbers(scaling, nodes);
    if (!is_local(scaling)) return step;
    return step + sum_over(scaling, ddpm_pieces(ranks, scaling->team), scaling->round_bytes, scaling->round_bytes) /
                      (double)scaling->local_steps;
}

double ddpm_scaling_step(const ddpm_scaling *scaling, int64_t ranks)
{
    return ddpm_scaling_blocks(scaling, ranks) + ddpm_scaling_once(scaling, ranks) + ddpm_scaling_sum(scaling, ranks);
}

double ddpm_scaling_efficiency(const ddpm_scaling *scaling, int64_t ranks)
{
    return ddpm_scaling_step(scaling, 1) / ((double)ranks * ddpm_scaling_step(scaling, ranks));
}

void ddpm_scaling_fit(int64_t nodes, double few_seconds, double bytes, double made_bytes, double seconds,
                      double *latency, double *rate)
{
    const double p = (double)nodes, stages = stages_of(nodes), least = 1e-3 * seconds;
    *latency = few_seconds / stages;
    if (is_divided(nodes, bytes, made_bytes)) {
        *rate = (p - 1.0) / p * (bytes + made_bytes) / fmax(seconds - 2.0 * messages(nodes) * *latency, least);
        return;
    }
    /* the sum took the cheaper of two algorithms: the rate is the lower of those that each would need */
    const double doubling = stages * bytes / fmax(seconds - few_seconds, least);
    const double scattering = 2.0 * (p - 1.0) / p * bytes / fmax(seconds - 2.0 * few_seconds, least);
    *rate = fmin(doubling, scattering);
}

int64_t ddpm_scaling_ranks(int i)
{
    if (i == 0) return 1;
    const int64_t bit = ddpm_smaller((i + 1) / 2, 60); /* 60: still 64 bits, and above the limit */
    const int64_t ranks = i % 2 ? INT64_C(1) << bit : INT64_C(3) << (bit - 1);
    return ranks <= DDPM_SCALING_RANKS_MAX ? ranks : 0;
}
