/* Sums over threads and ranks. Each worker, a thread of a rank of the team, has one vector in the memory that the team
 * shares: [parameters][loss][refusals of each tensor, and of the loss][votes]. The sums of all are added up in the
 * vector of worker 0, each worker a part of it: all at once where other teams are to get them, or else chunk by chunk
 * as they are turned into numbers. Large exact sums are divided among the teams: each gets the sums of its part of the
 * chunks, turns them into numbers, and gives the others what these have of the norm and of the scales. */
#include "world/reduce.h"

#include "base/memory.h"
#include "world/chunks.h"
#include "world/shared.h"
#include "world/transfer.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    LOSS_ROOM = 16,                    /* elements for the loss, so that what follows is aligned */
    TARGET_BITS = DDPM_EXPONENT_START, /* the largest mean gradient of the last iteration becomes 2^40 */
    CONTRIBUTION_BITS = 50,            /* below the 51 up to which numbers are rounded to the nearest integer */
    SUM_BITS = 62,
    COARSER = 24, /* bits by which a scale becomes coarser when an iteration is repeated */
};

struct ddpm_reducer {
    int exact, threads;
    int takes_no_part; /* of sums that are divided, to be measured */
    ddpm_comm *comm;
    ddpm_workers workers;
    int64_t parameter_count, tensor_count, counter_count; /* counters are refusals and votes */
    const ddpm_kernels *kernels;
    int32_t *exponent;        /* [tensor_count + 1] */
    ddpm_gradient *gradients; /* [threads] */
    ddpm_chunks chunks;       /* divided among the teams, if there is a transfer */
    ddpm_transfer *transfer;  /* NULL: each team gets all sums */
    /* in shared memory: */
    ddpm_shared *memory;
    int64_t *fixed;    /* [workers][vector] in exact mode */
    float *real;       /* [workers][parameters and loss] in float32 mode */
    int64_t *counters; /* [workers][counter_count] in float32 mode; in exact mode they are the end of `fixed` */
    float *gradient;   /* [parameters]: the sums as numbers */
    double *squares;   /* [chunks] */
    float *largest;    /* [chunks] */
};

static int64_t sums_length(const ddpm_reducer *r)
{
    return r->parameter_count + LOSS_ROOM;
}

static int64_t vector_length(const ddpm_reducer *r)
{
    return ddpm_round_up(sums_length(r) + r->counter_count, LOSS_ROOM);
}

/* Where the counters of a worker are: refusals, then votes. */
static int64_t *counters_of(const ddpm_reducer *r, int worker)
{
    return r->exact ? r->fixed + worker * vector_length(r) + sums_length(r) : r->counters + worker * r->counter_count;
}

/* Take `count` elements of the shared memory, or only count them. Each array begins at a line of its own. */
static void *take(char *memory, size_t *used, int64_t count, size_t size)
{
    void *taken = memory ? memory + *used : NULL;
    *used += (size_t)ddpm_round_up(count * (int64_t)size, DDPM_ALIGNMENT);
    return taken;
}

/* Lay out the shared arrays, or only count their bytes. */
static size_t lay_out(ddpm_reducer *r, char *memory)
{
    const int64_t workers = r->workers.count;
    size_t used = 0;
    r->fixed = take(memory, &used, r->exact ? workers * vector_length(r) : 0, sizeof *r->fixed);
    r->real = take(memory, &used, r->exact ? 0 : workers * sums_length(r), sizeof *r->real);
    r->counters = take(memory, &used, r->exact ? 0 : workers * r->counter_count, sizeof *r->counters);
    r->gradient = take(memory, &used, r->parameter_count, sizeof *r->gradient);
    r->squares = take(memory, &used, r->chunks.count, sizeof *r->squares);
    r->largest = take(memory, &used, r->chunks.count, sizeof *r->largest);
    return used;
}

static ddpm_status build(ddpm_reducer *r, const ddpm_network *network)
{
    DDPM_TRY(ddpm_chunks_create(network, &r->chunks));
    DDPM_TRY(DDPM_NEW(&r->exponent, r->tensor_count + 1, "scales"));
    return DDPM_NEW(&r->gradients, r->threads, "gradient sums");
}

static void set_gradients(ddpm_reducer *r, int64_t contributions)
{
    const double share = ldexp(1.0, SUM_BITS) / (double)contributions;
    for (int64_t i = 0; i <= r->tensor_count; i++) r->exponent[i] = TARGET_BITS;
    for (int t = 0; t < r->threads; t++) {
        const int worker = r->workers.first + t;
        r->gradients[t] = (ddpm_gradient){
            .kernels = r->kernels,
            .fixed = r->exact ? r->fixed + worker * vector_length(r) : NULL,
            .real = r->exact ? NULL : r->real + worker * sums_length(r),
            .exponent = r->exponent,
            .limit = fmin(ldexp(1.0, CONTRIBUTION_BITS), share),
            .refused = counters_of(r, worker),
        };
    }
}

/* Collective. */
static ddpm_status prepare_transfer(ddpm_reducer *r, const ddpm_network *network)
{
    if (!r->exact || !ddpm_transfer_suits(r->comm, (int64_t)sizeof *r->fixed * r->parameter_count)) return DDPM_OK;
    DDPM_TRY(ddpm_transfer_create(r->comm, DDPM_TRANSFER_ROW, &r->transfer));
    return ddpm_agree(r->comm, ddpm_chunks_divide(&r->chunks, network, ddpm_transfer_parts(r->transfer)));
}

ddpm_status ddpm_reducer_create(ddpm_comm *comm, const ddpm_network *network, int exact, int threads,
                                int64_t contributions, ddpm_reducer **out)
{
    const ddpm_tensor *tensors;
    ddpm_reducer *r = NULL;
    *out = NULL;
    ddpm_status status = DDPM_NEW(&r, 1, "reducer");
    if (status == DDPM_OK) {
        r->exact = exact;
        r->threads = threads;
        r->comm = comm;
        r->kernels = ddpm_network_kernels(network);
        r->parameter_count = ddpm_network_array_length(network);
        r->tensor_count = ddpm_network_tensors(network, &tensors);
        r->counter_count = r->tensor_count + 2;
        status = build(r, network);
    }
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) status = prepare_transfer(r, network);
    if (status == DDPM_OK) {
        r->workers = ddpm_comm_workers(comm, threads);
        status = ddpm_shared_create(comm, lay_out(r, NULL), "gradient sums", &r->memory);
    }
    if (status != DDPM_OK) {
        ddpm_reducer_free(r);
        return status;
    }
    lay_out(r, ddpm_shared_data(r->memory));
    set_gradients(r, contributions);
    *out = r;
    return DDPM_OK;
}

void ddpm_reducer_free(ddpm_reducer *reducer)
{
    if (!reducer) return;
    ddpm_release(reducer->exponent);
    ddpm_release(reducer->gradients);
    ddpm_chunks_release(&reducer->chunks);
    ddpm_transfer_free(reducer->transfer);
    ddpm_shared_free(reducer->memory);
    ddpm_release(reducer);
}

int64_t ddpm_reducer_bytes(const ddpm_reducer *reducer)
{
    ddpm_reducer r = *reducer;
    return (int64_t)lay_out(&r, NULL) * r.threads / r.workers.count + r.chunks.count * (int64_t)sizeof *r.chunks.list +
           ddpm_transfer_bytes(r.transfer);
}

ddpm_gradient *ddpm_reducer_gradient(ddpm_reducer *reducer, int thread)
{
    return &reducer->gradients[thread];
}

void ddpm_reducer_add_loss(ddpm_reducer *reducer, int thread, double loss)
{
    const float value = (float)loss;
    ddpm_gradient_add(&reducer->gradients[thread], reducer->tensor_count, reducer->parameter_count, 1, &value);
}

/* Empty what is behind the parameters in a worker's vector. */
static void clear_tail(const ddpm_reducer *r, int worker)
{
    if (r->exact)
        r->fixed[worker * vector_length(r) + r->parameter_count] = 0;
    else
        r->real[worker * sums_length(r) + r->parameter_count] = 0.0f;
    memset(counters_of(r, worker), 0, (size_t)r->counter_count * sizeof(int64_t));
}

/* Empty a worker's vector. */
static void clear_worker(const ddpm_reducer *r, int worker)
{
    if (r->exact)
        memset(r->fixed + worker * vector_length(r), 0, (size_t)sums_length(r) * sizeof *r->fixed);
    else
        memset(r->real + worker * sums_length(r), 0, (size_t)sums_length(r) * sizeof *r->real);
    clear_tail(r, worker);
}

void ddpm_reducer_begin(ddpm_reducer *reducer)
{
    for (int t = 0; t < reducer->threads; t++) clear_tail(reducer, reducer->workers.first + t);
}

void ddpm_reducer_meet(ddpm_reducer *reducer, int vote)
{
    counters_of(reducer, reducer->workers.first)[reducer->counter_count - 1] = vote ? 1 : 0;
    ddpm_comm_barrier_of_team(reducer->comm);
}

/* Add elements of all workers to those of worker 0, and empty the others. */
static void merge(const ddpm_reducer *r, ddpm_range elements)
{
    const int64_t length = r->exact ? vector_length(r) : sums_length(r), first = elements.first,
                  count = elements.end - first;
    for (int w = 1; w < r->workers.count; w++) {
        if (r->exact)
            r->kernels->merge_fixed(count, r->fixed + w * length + first, r->fixed + first);
        else
            r->kernels->merge_float(count, r->real + w * length + first, r->real + first);
    }
}

int ddpm_reducer_merges(const ddpm_reducer *reducer)
{
    return ddpm_comm_has_other_teams(reducer->comm) || reducer->takes_no_part;
}

void ddpm_reducer_merge(ddpm_reducer *reducer, int thread)
{
    const ddpm_reducer *r = reducer;
    const int worker = r->workers.first + thread;
    if (!ddpm_reducer_merges(r)) return;
    merge(r, ddpm_part(r->exact ? vector_length(r) : sums_length(r), worker, r->workers.count));
    for (int w = 1; !r->exact && worker == 0 && w < r->workers.count; w++)
        r->kernels->merge_fixed(r->counter_count, counters_of(r, w), counters_of(r, 0));
}

/* Whether the scale of this tensor is so coarse that it refuses infinity and NaN only. */
static int is_coarsest(const ddpm_reducer *r, int64_t tensor)
{
    return !r->exact || ldexp(r->gradients[0].limit, -r->exponent[tensor]) >= (double)FLT_MAX;
}

int ddpm_reducer_take_nonfinite(ddpm_reducer *reducer, int thread)
{
    const ddpm_reducer *r = reducer;
    const int64_t *refused = r->gradients[thread].refused;
    int met = 0;
    for (int64_t i = 0; i <= r->tensor_count; i++) met |= refused[i] && is_coarsest(r, i);
    clear_worker(r, r->workers.first + thread);
    return met;
}

/* The sum of a counter over the workers. */
static int64_t count_of(const ddpm_reducer *r, int64_t counter)
{
    int64_t sum = 0;
    for (int w = 0; w < r->workers.count; w++) sum += counters_of(r, w)[counter];
    return sum;
}

/* Make the scale of each tensor with refusals coarser. Infinity and NaN are refused at every scale: DDPM_ERR_NUMERIC
 * at the coarsest one, when the scales of other tensors may have changed. */
static ddpm_status make_coarser(ddpm_reducer *r)
{
    for (int64_t i = 0; i <= r->tensor_count; i++) {
        if (count_of(r, i) == 0) continue;
        if (is_coarsest(r, i))
            return ddpm_fail(DDPM_ERR_NUMERIC, "%s is not a finite number",
                             i == r->tensor_count ? "the loss" : "a gradient");
        r->exponent[i] -= COARSER;
    }
    return DDPM_OK;
}

/* Collective. The sums of each team become those of all: those of its part, where sums are divided among the teams. */
static void sum_teams(ddpm_reducer *r)
{
    const ddpm_parts parts = {r->fixed, r->chunks.parameter_bounds, sizeof *r->fixed};
    ddpm_comm_barrier_of_team(r->comm);
    if (r->transfer) {
        ddpm_transfer_sum(r->transfer, &parts, LOSS_ROOM + r->counter_count);
    } else if (r->exact) {
        ddpm_comm_sum_int64_of_teams(r->comm, r->fixed, sums_length(r) + r->counter_count);
    } else {
        ddpm_comm_sum_float_of_teams(r->comm, r->real, sums_length(r));
        ddpm_comm_sum_int64_of_teams(r->comm, r->counters, r->counter_count);
    }
    ddpm_comm_barrier_of_team(r->comm);
}

/* Collective. Empty the sums of this rank's threads, after all have read their counters. */
static void clear(ddpm_reducer *r)
{
    ddpm_comm_barrier_of_team(r->comm);
    for (int t = 0; t < r->threads; t++) clear_worker(r, r->workers.first + t);
    ddpm_comm_barrier_of_team(r->comm);
}

ddpm_status ddpm_reducer_exchange(ddpm_reducer *reducer, int *repeat)
{
    ddpm_reducer *r = reducer;
    int64_t refusals = 0;
    if (ddpm_reducer_merges(r)) sum_teams(r);
    for (int64_t i = 0; i <= r->tensor_count; i++) refusals += count_of(r, i);
    *repeat = refusals > 0;
    if (!*repeat) return DDPM_OK;
    const ddpm_status status = make_coarser(r);
    clear(r);
    return status;
}

int ddpm_reducer_is_divided(const ddpm_reducer *reducer)
{
    return reducer->transfer || reducer->takes_no_part;
}

void ddpm_reducer_take_no_part(ddpm_reducer *reducer)
{
    reducer->takes_no_part = reducer->exact && !ddpm_comm_has_other_teams(reducer->comm);
}

/* Of `all` elements, of which part p is bounds[p] .. bounds[p + 1], those of this team. */
static ddpm_range part_of_team(const ddpm_reducer *r, const int64_t *bounds, int64_t all)
{
    if (r->takes_no_part) return (ddpm_range){0, 0};
    return r->transfer ? ddpm_transfer_own(r->transfer, bounds) : (ddpm_range){0, all};
}

ddpm_range ddpm_reducer_chunks(const ddpm_reducer *reducer, int thread, const ddpm_chunk **list)
{
    const ddpm_reducer *r = reducer;
    const ddpm_range team = part_of_team(r, r->chunks.bounds, r->chunks.count),
                     part = ddpm_part(team.end - team.first, r->workers.first + thread, r->workers.count);
    *list = r->chunks.list;
    return (ddpm_range){team.first + part.first, team.first + part.end};
}

/* Empty this worker's share of those sums of worker 0 that another team turns into numbers. */
static void clear_others(const ddpm_reducer *r, int worker)
{
    const ddpm_range own = part_of_team(r, r->chunks.parameter_bounds, r->parameter_count),
                     before = ddpm_part(own.first, worker, r->workers.count),
                     behind = ddpm_part(r->parameter_count - own.end, worker, r->workers.count);
    memset(r->fixed + before.first, 0, (size_t)(before.end - before.first) * sizeof *r->fixed);
    memset(r->fixed + own.end + behind.first, 0, (size_t)(behind.end - behind.first) * sizeof *r->fixed);
}

void ddpm_reducer_collect(ddpm_reducer *reducer, int thread)
{
    ddpm_reducer *r = reducer;
    const ddpm_chunk *list;
    const ddpm_range mine = ddpm_reducer_chunks(r, thread, &list);
    const int is_apart = !ddpm_reducer_merges(r); /* the sums of the workers are, still */
    if (ddpm_reducer_is_divided(r)) clear_others(r, r->workers.first + thread);
    for (int64_t c = mine.first; c < mine.end; c++) {
        const ddpm_chunk *piece = &list[c];
        float *to = r->gradient + piece->offset;
        if (is_apart) merge(r, (ddpm_range){piece->offset, piece->offset + piece->count});
        if (r->exact) {
            r->kernels->collect_fixed(piece->count, r->fixed + piece->offset, ldexp(1.0, -r->exponent[piece->tensor]),
                                      to, &r->squares[c], &r->largest[c]);
        } else {
            r->kernels->collect_float(piece->count, r->real + piece->offset, to, &r->squares[c], &r->largest[c]);
            memset(r->real + piece->offset, 0, (size_t)piece->count * sizeof *r->real);
        }
    }
}

/* The exponent at which a value of this magnitude becomes 2^TARGET_BITS; the old one for a gradient of zeros, and for
 * one that is not finite. */
static int32_t next_exponent(float largest, int32_t old)
{
    return largest > 0.0f && isfinite(largest) ? TARGET_BITS - (int32_t)ilogb((double)largest) : old;
}

static double loss_of(const ddpm_reducer *r, int32_t exponent)
{
    int64_t fixed = 0;
    float real = 0.0f;
    for (int w = 0; w < r->workers.count; w++) {
        if (r->exact)
            fixed += r->fixed[w * vector_length(r) + r->parameter_count];
        else
            real += r->real[w * sums_length(r) + r->parameter_count];
    }
    return r->exact ? ldexp((double)fixed, -exponent) : (double)real;
}

/* Collective. All teams get what the norm and the scales are made from. */
static void gather_measures(ddpm_reducer *r)
{
    const ddpm_parts arrays[] = {{r->squares, r->chunks.bounds, sizeof *r->squares},
                                 {r->largest, r->chunks.bounds, sizeof *r->largest}};
    ddpm_transfer_gather(r->transfer, 2, arrays);
    ddpm_comm_barrier_of_team(r->comm);
}

void ddpm_reducer_gather(ddpm_reducer *reducer, int count, float *const *arrays)
{
    const ddpm_reducer *r = reducer;
    ddpm_parts parts[DDPM_TRANSFER_ARRAYS];
    if (!r->transfer) return;
    for (int a = 0; a < count; a++) parts[a] = (ddpm_parts){arrays[a], r->chunks.parameter_bounds, sizeof **arrays};
    ddpm_comm_barrier_of_team(r->comm);
    ddpm_transfer_gather(r->transfer, count, parts);
    ddpm_comm_barrier_of_team(r->comm);
}

ddpm_reduced ddpm_reducer_finish(ddpm_reducer *reducer)
{
    ddpm_reducer *r = reducer;
    ddpm_reduced out = {0};
    double squares = 0.0;
    ddpm_comm_barrier_of_team(r->comm);
    if (r->transfer) gather_measures(r);
    for (int64_t c = 0; c < r->chunks.count;) {
        const int64_t tensor = r->chunks.list[c].tensor;
        float largest = 0.0f;
        for (; c < r->chunks.count && r->chunks.list[c].tensor == tensor; c++) {
            squares += r->squares[c];
            largest = fmaxf(largest, r->largest[c]);
        }
        r->exponent[tensor] = next_exponent(largest, r->exponent[tensor]);
    }
    int32_t *loss_exponent = &r->exponent[r->tensor_count];
    out.loss = loss_of(r, *loss_exponent);
    *loss_exponent = next_exponent(fabsf((float)out.loss), *loss_exponent);
    out.norm = sqrt(squares);
    out.votes = count_of(r, r->counter_count - 1);
    return out;
}

const float *ddpm_reducer_sums(const ddpm_reducer *reducer)
{
    return reducer->gradient;
}

ddpm_workers ddpm_reducer_workers(const ddpm_reducer *reducer)
{
    return reducer->workers;
}

int32_t *ddpm_reducer_exponents(ddpm_reducer *reducer, int64_t *count)
{
    *count = reducer->tensor_count + 1;
    return reducer->exponent;
}
